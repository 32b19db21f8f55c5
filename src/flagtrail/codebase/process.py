"""Running a command within bounds: of time, of what it prints, and of what it leaves running."""

from __future__ import annotations

import os
import re
import secrets
import shutil
import signal
import subprocess
import threading
import time
from collections import deque
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO

_SUPERVISED = 'exec 3<&0; (read -r _ <&3; kill -9 -$$) >/dev/null 2>&1 & exec "$@" </dev/null 3<&-'
"""Ends the whole group when the pipe at its input is closed: also where this process is killed, and closes nothing."""
HEAD_BYTES, TAIL_BYTES = 16 << 10, 64 << 10
"""Of what a command prints, the first and the last are kept."""
_MARK = "CLEANUP_RUN"
"""The variable by which what left the group is found again, where the system tells it (Linux)."""
_ROUNDS = 5
MAX_LINE = 4_000
MAX_MATCHES = 20_000


@dataclass(frozen=True, slots=True)
class Ran:
    """What came of a command. `code` is None where it took too long and was ended, or could not be started.

    `matches` are the lines, of all that it printed, in which the pattern was found.
    """

    code: int | None
    output: str
    matches: tuple[str, ...]
    seconds: float

    @property
    def ok(self) -> bool:
        """Whether it ended well."""
        return self.code == 0

    def tail(self, lines: int) -> str:
        """The last lines of its output."""
        return "\n".join(self.output.rstrip().splitlines()[-lines:])


def run(
    command: Sequence[str],
    folder: Path,
    *,
    seconds: float,
    environ: Mapping[str, str],
    pattern: re.Pattern[str] | None = None,
) -> Ran:
    """Run a command in a folder, without input. All that it started ends when it ends, after so many seconds, and
    when this process does, however that ends (but for daemons where this process is killed).
    """
    begun, mark = time.monotonic(), secrets.token_hex(16)
    if shutil.which(command[0]) is None:
        return Ran(None, f"{command[0]} cannot be run: there is no such program", (), 0.0)
    try:
        process = subprocess.Popen(  # noqa: S603 - what runs is the caller's to choose
            ["/bin/sh", "-c", _SUPERVISED, "sh", *command],
            cwd=folder,
            env={**environ, _MARK: mark},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    except OSError as error:
        return Ran(None, f"{command[0]} cannot be run: {error.strerror}", (), 0.0)
    assert process.stdin is not None and process.stdout is not None  # noqa: S101, PT018 - they are pipes
    kept = _Kept(pattern)
    reader = threading.Thread(target=kept.read, args=(process.stdout,), daemon=True)
    reader.start()
    code: int | None = None
    try:
        code = process.wait(timeout=seconds)
    except subprocess.TimeoutExpired:
        kept.note(f"[ended: it took longer than {seconds:g} s]")
    finally:
        with suppress(OSError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        _end_daemons(f"{_MARK}={mark}".encode())
        process.stdin.close()
        reader.join(timeout=5.0)  # who left the group can hold the pipe open
    return Ran(code, kept.text(), tuple(kept.matches), time.monotonic() - begun)


def _end_daemons(marked: bytes) -> None:
    """End what left the group, and what that started meanwhile."""
    for _ in range(_ROUNDS):
        found = False
        for place in Path("/proc").glob("[0-9]*/environ"):
            with suppress(OSError):  # somebody else's, or gone
                if marked in place.read_bytes().split(b"\0"):
                    found = True
                    os.kill(int(place.parent.name), signal.SIGKILL)
        if not found:
            return


class _Kept:
    """What is kept of an output: its beginning, its end, and the lines that match."""

    def __init__(self, pattern: re.Pattern[str] | None) -> None:
        self._pattern = pattern
        self._head = bytearray()
        self._tail: deque[bytes] = deque()
        self._size = 0
        self._left_out = False
        self._notes: list[str] = []
        self.matches: list[str] = []

    def read(self, stream: IO[bytes]) -> None:
        with stream:
            while line := stream.readline(MAX_LINE):
                self._add(line)

    def note(self, text: str) -> None:
        self._notes.append(text)

    def _add(self, line: bytes) -> None:
        if self._pattern is not None and len(self.matches) < MAX_MATCHES:
            text = line.decode(errors="replace").rstrip()
            if self._pattern.search(text):
                self.matches.append(text)
        if len(self._head) < HEAD_BYTES:
            self._head += line
            return
        self._tail.append(line)
        self._size += len(line)
        while self._size > TAIL_BYTES:
            self._size -= len(self._tail.popleft())
            self._left_out = True

    def text(self) -> str:
        parts = [bytes(self._head), b"[...]\n" if self._left_out else b"", *list(self._tail)]
        told = b"".join(parts).decode(errors="replace")
        return "\n".join([told.rstrip("\n"), *self._notes]) if self._notes else told
