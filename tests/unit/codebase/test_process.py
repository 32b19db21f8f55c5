"""A command within bounds: of time, of what it prints, of what it leaves running."""

from __future__ import annotations

import os
import re
import signal
import time
from pathlib import Path

import pytest

from flagtrail.codebase.process import HEAD_BYTES, TAIL_BYTES, Ran, run

ENVIRON = {"PATH": os.environ["PATH"], "LC_ALL": "C"}


def shell(line: str, folder: Path, *, seconds: float = 10.0, pattern: str | None = None) -> Ran:
    return run(
        ["/bin/sh", "-c", line],
        folder,
        seconds=seconds,
        environ=ENVIRON,
        pattern=None if pattern is None else re.compile(pattern),
    )


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"


def gone(pid: int) -> bool:
    deadline = time.monotonic() + 60
    while alive(pid) and time.monotonic() < deadline:
        time.sleep(0.01)
    return not alive(pid)


def test_run__a_command__tells_its_code_and_both_its_outputs_in_order(tmp_path: Path) -> None:
    ran = shell("echo one; echo two >&2; pwd; exit 3", tmp_path)

    assert (ran.code, ran.ok, ran.output.split()) == (3, False, ["one", "two", str(tmp_path)])


def test_run__a_command_that_hangs__is_ended_with_all_that_it_started(tmp_path: Path) -> None:
    ran = shell("sleep 600 & echo $!; trap '' TERM; sleep 600", tmp_path, seconds=0.5)

    assert ran.code is None
    assert "[ended: it took longer than 0.5 s]" in ran.output
    assert gone(int(ran.output.split()[0]))


def test_run__a_command_that_leaves_something_behind__is_not_waited_for(tmp_path: Path) -> None:
    ran = shell("sleep 600 & echo $!", tmp_path)

    assert (ran.code, ran.seconds < 5) == (0, True)
    assert gone(int(ran.output))


@pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="needs /proc")
def test_run__a_command_that_leaves_a_daemon_behind__ends_it(tmp_path: Path) -> None:
    ran = shell("setsid sh -c 'echo $$ > pid; exec sleep 600' > /dev/null & until [ -s pid ]; do :; done", tmp_path)

    assert ran.code == 0
    assert gone(int((tmp_path / "pid").read_text()))


def test_run__a_command_that_reads__finds_nothing(tmp_path: Path) -> None:
    assert shell("cat; echo end", tmp_path).output == "end\n"


def test_run__a_flood__keeps_the_beginning_the_end_and_every_match(tmp_path: Path) -> None:
    ran = shell(
        "i=0; while [ $i -lt 9000 ]; do echo line $i and some more; i=$((i+1)); done", tmp_path, pattern="000 a"
    )

    assert len(ran.output) < HEAD_BYTES + TAIL_BYTES + 10_000
    assert (ran.output.startswith("line 0 "), "[...]" in ran.output, ran.tail(1)) == (
        True,
        True,
        "line 8999 and some more",
    )
    assert ran.matches == tuple(f"line {n}000 and some more" for n in range(1, 9))


def test_run__a_program_that_is_not_there__is_told(tmp_path: Path) -> None:
    ran = run(["/no/such/program"], tmp_path, seconds=1, environ=ENVIRON)

    assert (ran.code, ran.output) == (None, "/no/such/program cannot be run: there is no such program")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_run__a_command_that_is_killed__has_failed(tmp_path: Path, number: int) -> None:
    assert shell(f"kill -{int(number)} $$", tmp_path).code == -number
