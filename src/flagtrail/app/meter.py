"""What one process did since it started, counted where it happens and read when somebody asks: see `/metrics`."""

from __future__ import annotations

import threading
import time
from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Iterable
from itertools import accumulate
from typing import TypeVar

import msgspec

from flagtrail.model.entry import Entry
from flagtrail.model.errors import StorageCorrupt, StorageFailed

T = TypeVar("T")

APPEND_SECONDS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
"""Upper bounds of the appends' histogram: a durable append takes from a tenth of a millisecond to tens of them."""


class Appended(msgspec.Struct, frozen=True):
    """What was appended: changes, their entries, entries by action, and how long the transactions took.

    `within` holds, for each of `APPEND_SECONDS` and then for no bound, how many took at most so long. `failed` are
    changes that the database did not take.
    """

    changes: int
    entries: int
    actions: dict[str, int]
    within: tuple[int, ...]
    seconds: float
    failed: int


class Meter:
    """Counts what the change flow appends. May be called from any thread; costs an append about a microsecond."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._changes = self._entries = 0
        self._actions: Counter[str] = Counter()
        self._within = [0] * (len(APPEND_SECONDS) + 1)
        self._seconds = 0.0
        self._failed = 0
        self._failing: float | None = None

    def appended(self, changes: Iterable[tuple[Entry, ...]], seconds: float) -> None:
        """Count one durable transaction of so many seconds: the entries of each of its changes."""
        made = [entries for entries in changes if entries]
        with self._lock:
            self._failing = None if made else self._failing
            for entries in made:
                self._changes += 1
                self._entries += len(entries)
                for entry in entries:
                    self._actions.update(entry.actions)
            if made:
                self._within[bisect_left(APPEND_SECONDS, seconds)] += 1
                self._seconds += seconds

    def tried(self, change: Callable[[], T]) -> T:
        """What the change gives; where the database does not take it, that is counted before it is raised."""
        try:
            return change()
        except (StorageFailed, StorageCorrupt):
            with self._lock:
                self._failed += 1
                self._failing = time.monotonic()
            raise

    def failing(self, seconds: float) -> bool:
        """Whether the database failed a change within so long, and took none since."""
        at = self._failing
        return at is not None and time.monotonic() - at < seconds

    def read(self) -> Appended:
        """All of it, as of one moment."""
        with self._lock:
            within = tuple(accumulate(self._within))
            actions = dict(self._actions)
            return Appended(self._changes, self._entries, actions, within, self._seconds, self._failed)
