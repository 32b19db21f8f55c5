"""Counting what is served: in memory, flushed as sums, never a write per evaluation."""

from __future__ import annotations

import threading
from collections.abc import Iterable
from datetime import timedelta

from flagtrail.app.clock import Clock, stamp
from flagtrail.model.resolution import Resolution
from flagtrail.model.usage import Usage
from flagtrail.storage import Storage

Counted = tuple[str, str, str, str, str | None, str | None]
MAX_ROWS = 100_000


class UsageCounter:
    """Counts per (project, environment, client, flag, variant, rule) since the last flush.

    Counting takes no lock: CPython's dict keeps single updates whole, and a count
    that lands in the old table during a swap is read after a moment's grace.
    A flush that fails keeps its counts for the next one; beyond `MAX_ROWS`
    different rows new ones are dropped and counted in `dropped`.
    """

    def __init__(self, storage: Storage, clock: Clock) -> None:
        self._storage = storage
        self._clock = clock
        self._counts: dict[Counted, int] = {}
        self._unsaved: list[Usage] = []
        self._flushing = threading.Lock()
        self.dropped = 0

    def count(self, project: str, environment: str, resolution: Resolution, client: str) -> None:
        """Count one evaluation; one that found no flag counts for nobody."""
        if resolution.variant is None:
            return
        counts = self._counts
        row = (project, environment, client, resolution.flag, resolution.variant, resolution.rule)
        counts[row] = counts.get(row, 0) + 1

    def count_all(self, project: str, environment: str, resolutions: Iterable[Resolution], client: str) -> None:
        """Count the evaluations of one bulk request."""
        for resolution in resolutions:
            self.count(project, environment, resolution, client)

    def flush(self) -> int:
        """Add everything counted so far to the storage; how many rows. Raises StorageFailed, losing nothing."""
        with self._flushing:
            counts, self._counts = self._counts, {}
            now = self._clock()
            hour = stamp(now.replace(minute=0, second=0, microsecond=0))
            last = stamp(now - timedelta(microseconds=now.microsecond))
            for (project, environment, client, flag, variant, rule), count in counts.items():
                if len(self._unsaved) >= MAX_ROWS:
                    self.dropped += count
                    continue
                self._unsaved.append(
                    Usage(project, environment, flag, variant or "", rule or "", hour, count, last, client)
                )
            rows = len(self._unsaved)
            if rows:
                self._storage.add_usage(self._unsaved)
                self._unsaved = []
            return rows
