"""Counting what is served: in memory, flushed as sums, never a write per evaluation."""

from __future__ import annotations

import re
import secrets
import threading
from collections import Counter
from collections.abc import Callable, Collection, Mapping

import msgspec

from flagtrail.app.clock import Clock, stamp
from flagtrail.model.resolution import Answers, Resolution, Settled
from flagtrail.model.usage import Usage
from flagtrail.storage import ReportMark, Storage

Row = tuple[str, str, str, str, str, str, str]
BATCH_ID = re.compile("usage-[0-9a-f]{24}")
MAX_ROWS = 100_000
MAX_WAITING = 100_000
"""Resolutions served together that wait to be counted one by one."""


class _Counts:
    """Counts of resolutions by identity: a ruleset shares its resolutions, and two hundred dict look-ups by
    their contents would cost as much as evaluating them. What is served together is one count, until `spread`.

    Whatever is counted is also held, so that no identity is used twice.
    """

    def __init__(self) -> None:
        self.counts: Counter[int] = Counter()
        self.held: dict[int, Resolution] = {}
        self._together: Counter[int] = Counter()
        self._settled: dict[int, Settled] = {}
        self._waiting = 0

    def add_one(self, resolution: Resolution) -> None:
        identity = id(resolution)
        if identity in self.held:
            self.counts[identity] += 1
        else:
            self.counts[identity], self.held[identity] = 1, resolution

    def add(self, resolutions: Collection[Resolution]) -> None:
        self.counts.update(map(id, resolutions))
        if len(self.counts) != len(self.held):
            self.held.update((id(resolution), resolution) for resolution in resolutions)

    def add_together(self, all_settled: Collection[Settled]) -> None:
        self._together.update(map(id, all_settled))
        if len(self._together) != len(self._settled):
            new = {id(settled): settled for settled in all_settled if id(settled) not in self._settled}
            self._settled.update(new)
            self._waiting += sum(len(settled.resolutions) for settled in new.values())
            if self._waiting > MAX_WAITING:
                self.spread()

    def spread(self) -> None:
        """Add to each resolution what was counted of those it was served with."""
        for name, settled in self._settled.items():
            times, resolutions = self._together[name], settled.resolutions
            identities = list(map(id, resolutions))
            self.held.update(zip(identities, resolutions, strict=True))
            for identity in identities:
                self.counts[identity] += times
        self._together, self._settled, self._waiting = Counter(), {}, 0


class Batch:
    """Rows that are added to the storage at once, under an id by which they are added once, whoever does it."""

    def __init__(self) -> None:
        self.id = f"usage-{secrets.token_hex(12)}"
        self.rows: dict[Row, Usage] = {}
        self.first_tried: float | None = None

    def keep(self, usage: Usage) -> bool:
        """Add one row; False where that would be one too many."""
        row = (usage.project, usage.environment, usage.client, usage.flag, usage.variant, usage.rule, usage.hour)
        known = self.rows.get(row)
        if known is not None:
            count, last = known.count + usage.count, max(known.last, usage.last)
            usage = msgspec.structs.replace(usage, count=count, last=last)
        elif len(self.rows) >= MAX_ROWS:
            return False
        self.rows[row] = usage
        return True

    def mark(self, now: float) -> ReportMark:
        """What the storage knows it by; the time stays that of the first attempt, since it is known from then on."""
        self.first_tried = self.first_tried or now
        return ReportMark(self.id, self.first_tried)


class UsageCounter:
    """Counts per (project, environment, client, flag, variant, rule) since the last flush.

    A flush that fails keeps its batch for the next one, under the same id: it may have been written all the same, by
    a commit whose answer was lost. Beyond `MAX_ROWS` different rows new ones are dropped and added up in `dropped`.
    May be called from any thread.
    """

    def __init__(self, storage: Storage, clock: Clock) -> None:
        self._storage = storage
        self._clock = clock
        self._counting = threading.Lock()
        self._collecting = threading.Lock()
        """Held while counts become rows: whoever counts meanwhile does not wait for that."""
        self._flushing = threading.Lock()
        self._counts: dict[tuple[str, str, str], _Counts] = {}
        self._tried: Batch | None = None
        """What could not be written; nothing is added to it any more."""
        self._batch = Batch()
        self.copied: Callable[[str], Mapping[Row, int]] = lambda _: {}
        """What others may write of a batch by its id: the most that its copy may hold."""
        self.evaluated: Counter[tuple[str, str, str]] = Counter()
        """Evaluations since the start by (project, environment, client), as of the last flush."""
        self.dropped = 0

    def count(self, project: str, environment: str, resolution: Resolution, client: str) -> None:
        """Count one evaluation; one that found no flag counts for nobody."""
        if resolution.variant is not None:
            with self._counting:
                counts = self._of((project, environment, client))
                counts.add_one(resolution)
            self._bound(counts)

    def count_all(self, project: str, environment: str, answers: Answers, client: str) -> None:
        """Count the evaluations of one bulk request. Never waits for the storage."""
        with self._counting:
            counts = self._of((project, environment, client))
            counts.add_together(answers.settled)
            if answers.drawn:
                counts.add(answers.drawn)
        self._bound(counts)

    def _of(self, place: tuple[str, str, str]) -> _Counts:
        counts = self._counts.get(place)
        if counts is None:
            counts = self._counts[place] = _Counts()
        return counts

    def _bound(self, counts: _Counts) -> None:
        if len(counts.held) > MAX_ROWS:
            with self._collecting:
                self._collect()

    def flush(self) -> int:
        """Add everything counted so far to the storage; how many rows. Raises StorageFailed, losing nothing."""
        with self._flushing:
            written = self._write() if self._tried is not None else 0
            with self._collecting:
                self._collect()
                self._tried, self._batch = self._batch, Batch()
            return written + self._write()

    def unwritten(self) -> dict[str, dict[Row, int]]:
        """Counts by row of each batch that is not known to be written, by its id."""
        with self._collecting:
            self._collect()
            batches = [batch for batch in (self._tried, self._batch) if batch is not None and batch.rows]
            return {batch.id: {row: usage.count for row, usage in batch.rows.items()} for batch in batches}

    def _write(self) -> int:
        """Write the batch that is to be tried, if it holds anything."""
        tried = self._tried
        if tried is None or not tried.rows:
            self._tried = None
            return 0
        first = tried.first_tried is None
        added = self._storage.add_usage(list(tried.rows.values()), report=tried.mark(self._clock().timestamp()))
        with self._collecting:
            self._tried = None
            if first and not added:  # by nobody but who took its copy, while this process stood still
                self._keep_rest(tried, self.copied(tried.id))
        return len(tried.rows)

    def _keep_rest(self, batch: Batch, written: Mapping[Row, int]) -> None:
        """Add to the present batch what another one holds beyond what was written of it."""
        for row, usage in batch.rows.items():
            rest = usage.count - written.get(row, 0)
            if rest > 0 and not self._batch.keep(msgspec.structs.replace(usage, count=rest)):
                self.dropped += rest

    def _collect(self) -> None:
        """Add what was counted to the batch, under the present hour."""
        with self._counting:
            collected, self._counts = self._counts, {}
        now = self._clock()
        hour = stamp(now.replace(minute=0, second=0, microsecond=0))
        last = stamp(now.replace(microsecond=0))
        for (project, environment, client), counts in collected.items():
            counts.spread()
            for identity, count in counts.counts.items():
                found = counts.held[identity]
                if found.variant is not None:
                    self.evaluated[project, environment, client] += count
                    rule = found.rule or ""
                    usage = Usage(project, environment, found.flag, found.variant, rule, hour, count, last, client)
                    if not self._batch.keep(usage):
                        self.dropped += count
