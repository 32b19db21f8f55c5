"""A store whose questions and writes are spans of whatever asks; wrapped around one only where something is traced."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar, cast

from flagtrail.app import trace
from flagtrail.storage import Pending, Storage, Transaction

T = TypeVar("T")

UNTRACED = frozenset({"close", "current", "disclosures", "leaves", "records"})
"""Calls of a store that are no span: what is read on and on lasts as long as whoever reads it. All others are one."""


def watched(storage: Storage) -> Storage:
    """The store itself where nothing is traced; else one that makes spans of what is asked within a span."""
    tracing = trace.present()
    return storage if tracing is None else cast("Storage", _Watched(storage, tracing))


class _Watched:
    """Passes everything on."""

    def __init__(self, storage: Storage, tracing: trace.Tracing) -> None:
        self._storage = storage
        self._tracing = tracing

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - whatever the store has
        found = getattr(self._storage, name)
        if callable(found) and name not in UNTRACED:
            found = self._asked(name, found)
        setattr(self, name, found)
        return found

    def _asked(self, name: str, ask: Callable[..., T]) -> Callable[..., T]:
        @wraps(ask)
        def asked(*args: Any, **parts: Any) -> T:  # noqa: ANN401 - as the store takes them
            if not self._tracing.within():
                return ask(*args, **parts)
            with trace.span(f"storage.{name}"):
                return ask(*args, **parts)

        return asked

    def write(self, work: Callable[[Transaction], T]) -> T:
        """See `Storage.write`; the span says how long the head was waited for, and how long the work held it."""
        if not self._tracing.within():
            return self._storage.write(work)
        with trace.span("storage.write") as span:
            return self._storage.write(_timed(work, span))

    def submit(self, work: Callable[[Transaction], T], done: Callable[[], object]) -> Pending[T]:
        """See `Storage.submit`; the span ends when the outcome is known."""
        if not self._tracing.within():
            return self._storage.submit(work, done)
        span = self._tracing.begun("storage.write")

        def ended() -> None:
            span.end()
            done()

        return self._storage.submit(_timed(work, span), ended)


def _timed(work: Callable[[Transaction], T], span: trace.Span) -> Callable[[Transaction], T]:
    asked = time.perf_counter()

    def timed(tx: Transaction) -> T:
        begun = time.perf_counter()
        try:
            return work(tx)
        finally:
            done = time.perf_counter()
            span.set(wait_ms=_milliseconds(begun - asked), work_ms=_milliseconds(done - begun))

    return timed


def _milliseconds(seconds: float) -> float:
    return round(seconds * 1000, 3)
