"""Asking what may not answer: in a thread of its own, one at a time, and what was found is kept for a moment."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from typing import Generic, TypeVar

T = TypeVar("T")


class Glance(Generic[T]):
    """However many ask, and however long the database takes: one thread waits for it.

    What `ask` answers, or raises, holds for `keep` seconds from when it was asked.
    """

    def __init__(self, name: str, ask: Callable[[], T], *, keep: float) -> None:
        self._name = name
        self._ask = ask
        self._keep = keep
        self._lock = threading.Lock()
        self._found: Future[T] | None = None
        self._asked = 0.0

    def look(self) -> Future[T]:
        """What was found of late, or will be: whoever waits for it says how long. Never blocks."""
        with self._lock:
            found = self._found
            if found is None or (found.done() and time.monotonic() >= self._asked + self._keep):
                found = self._found = Future()
                self._asked = time.monotonic()
                threading.Thread(target=self._run, args=(found,), name=self._name, daemon=True).start()
            return found

    def _run(self, found: Future[T]) -> None:
        try:
            answer = self._ask()
        except BaseException as error:  # noqa: BLE001 - it belongs to whoever asked, on other threads
            found.set_exception(error)
        else:
            found.set_result(answer)
