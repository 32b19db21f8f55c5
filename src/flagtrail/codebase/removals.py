"""The commits that took the last references to flags away: the newest one of each that removed a line with its key."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Timer
from typing import IO

import msgspec

from flagtrail.codebase.git import arguments, begun, environment
from flagtrail.codebase.keys import Keys
from flagtrail.model.errors import SourceUnreadable

MOST_IN_EXPRESSION = 200
"""Keys that git itself looks for; of more than these it shows every change, and they are looked for here."""

_COMMIT = b"\x01"
_FORM = "%x01%H%x00%cI%x00%aN%x00%s"


class Removed(msgspec.Struct, frozen=True):
    """A commit that took a last reference away: `at` is its time in ISO 8601, `author` who wrote it."""

    commit: str
    at: str
    author: str
    subject: str


class Removals(msgspec.Struct, frozen=True):
    """What was found of each key. Not `complete`: the time was up before all history was read, or not all is here."""

    found: dict[str, Removed]
    complete: bool


def removals(root: Path, keys: Collection[str], *, folder: str = "", seconds: float) -> Removals:
    """Look for keys that nothing names any more, back through the history of HEAD, for at most so many seconds.

    Raises SourceUnreadable where git cannot be asked.
    """
    left, found = set(filter(None, keys)), dict[str, Removed]()
    if not left:
        return Removals({}, complete=True)
    now: Removed | None = None
    wanted: Keys | None = None
    shallow = begun(root, "rev-parse", "--is-shallow-repository")
    with _log(root, sorted(left), folder, seconds) as (lines, late):
        for line in lines:
            if line.startswith(_COMMIT):
                now = _read(line)
            elif now is not None and line.startswith(b"-"):
                wanted = wanted or Keys(left)
                for hit in wanted.hits(line):
                    if hit.word in left:
                        left.discard(hit.word)
                        found[hit.word] = now
            if not left:
                break
        whole = shallow().strip() == b"false" and not late()
        return Removals(found, complete=whole or not left)


def _read(line: bytes) -> Removed:
    commit, at, author, subject = line[1:].rstrip(b"\n").decode("utf-8", "replace").split("\0", 3)
    return Removed(commit, at, author, subject)


class _Late:
    """Ends a process when its time is up; called, it says whether that happened."""

    def __init__(self, running: subprocess.Popen[bytes], seconds: float) -> None:
        self._running = running
        self._was = False
        self._timer = Timer(seconds, self._end)
        self._timer.daemon = True
        self._timer.start()

    def _end(self) -> None:
        self._was = True
        self._running.kill()

    def __call__(self) -> bool:
        return self._was

    def over(self) -> None:
        """The process is wanted no more."""
        self._timer.cancel()
        self._running.kill()


@contextmanager
def _log(root: Path, keys: list[str], folder: str, seconds: float) -> Iterator[tuple[IO[bytes], _Late]]:
    """The changes of all commits but the first, newest first, as git tells them, for so many seconds."""
    program = shutil.which("git")
    if program is None:
        raise SourceUnreadable("git is not installed", source=str(root))
    options = ["-p", "-U0", "--no-renames", "--min-parents=1", "--no-color", "--no-ext-diff", "--no-textconv"]
    options += ["--no-show-signature", "--no-relative", "--encoding=UTF-8", f"--format={_FORM}"]
    if len(keys) <= MOST_IN_EXPRESSION:
        options.append("-G" + "|".join(keys).replace(".", "[.]"))
    command = [program, *arguments(root), "log", *options, "HEAD", "--", *([f"{folder}/"] if folder else [])]
    with subprocess.Popen(  # noqa: S603 - a fixed program, a list of arguments, no shell
        command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, stdin=subprocess.DEVNULL, env=environment()
    ) as running:
        late = _Late(running, seconds)
        assert running.stdout is not None  # noqa: S101 - it was asked for
        try:
            yield running.stdout, late
        finally:
            late.over()
