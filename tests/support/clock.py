"""Another time for one process: its wall clock set by libfaketime, and its monotonic clock hastened.

libfaketime gives a whole process, C and all, another `CLOCK_REALTIME`. It cannot do so with the monotonic clock of a
Python: glibc waits by it in ways that libfaketime (0.9.10) does not know, so that a faked one hangs every lock with
a time-out. So a day that is to pass for a process passes by wall clock through libfaketime, and by `time.monotonic`
through a function in its place; waiting itself takes as long as ever.
"""

from __future__ import annotations

import os
import runpy
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import SupportsIndex

_VARIABLE = "TEST_CLOCK"
_HASTENED = "TEST_CLOCK_HASTENED"
_LOOK_SECONDS = 0.05


def library() -> Path | None:
    """libfaketime for processes with threads, where it is installed."""
    return next(Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1"), None)


class Clock:
    """The clock of one process: so many seconds beside the real one. With `hastened` all its clocks go along."""

    def __init__(self, file: Path, seconds: float = 0.0, *, hastened: bool = False) -> None:
        found = library()
        if found is None:
            import pytest

            pytest.skip("libfaketime is not installed (make faketime)")
        self._file = file
        self.runner = Path(__file__).resolve()
        self.environment = {
            "LD_PRELOAD": str(found),
            "FAKETIME_TIMESTAMP_FILE": str(file),
            "FAKETIME_CACHE_DURATION": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
            _VARIABLE: str(file),
            **({_HASTENED: "1"} if hastened else {}),
        }
        self.set(seconds)

    def set(self, seconds: float) -> None:
        """Set it to so many seconds after the real one (before it, if negative). It is seen within a second."""
        self.seconds = seconds
        draft = self._file.with_suffix(".new")
        draft.write_text(f"{seconds:+.0f}")
        draft.replace(self._file)


def _obey() -> None:
    """Take the clock that the environment names."""
    file = Path(os.environ[_VARIABLE])
    # CPython sleeps until an absolute time, which libfaketime 0.9.10 moves although it was told not to.
    time.sleep = _sleep
    if _HASTENED in os.environ:
        time.monotonic = _hastened(file)


def _hastened(file: Path) -> Callable[[], float]:
    """The monotonic clock, so many seconds ahead as the file says; it is looked at now and then."""
    real, ahead, looked = time.monotonic, 0.0, -1.0

    def monotonic() -> float:
        nonlocal ahead, looked
        now = real()
        if now - looked > _LOOK_SECONDS:
            ahead, looked = float(file.read_text()), now
        return now + ahead

    return monotonic


def _sleep(seconds: SupportsIndex | float) -> None:
    threading.Event().wait(float(seconds))


if __name__ == "__main__":
    _obey()
    sys.argv = sys.argv[1:]
    runpy.run_path(sys.argv[0], run_name="__main__")
