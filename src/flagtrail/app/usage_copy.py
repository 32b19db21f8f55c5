"""Copies of what a replica counted and has not written yet, so that one which is killed loses a second of it.

Each replica copies its batch to what all share, every second, and writes it to the database itself. The copy of one
that is gone is written by whoever holds the lease `usage-drain`. Both use the batch's id, which the database takes
once: so nothing is counted twice, whoever is killed where; and losing all copies loses nothing. A replica that only
stood still finds its batch written, and writes what the copy lacked.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Iterator, Mapping
from datetime import timedelta
from itertools import islice

import msgspec
import structlog

from flagtrail.app.clock import Clock, stamp
from flagtrail.app.usage import BATCH_ID, Row, UsageCounter
from flagtrail.bus import BusLost, Shared
from flagtrail.model.usage import Usage
from flagtrail.storage import ReportMark, Storage

log = structlog.get_logger()

COPY_SECONDS = 1.0
DRAIN_SECONDS = 5.0
ABANDONED_SECONDS = 10.0
"""How long nobody may have added to a copy until its replica counts as gone."""
LOST_SECONDS = 5.0
"""How long nothing is copied after the other side did not answer."""
MAX_STEP = 5_000
"""Rows of one step: what all share is busy with it meanwhile."""

_row: Callable[[bytes], Row] = msgspec.json.Decoder(Row).decode


class _Copy:
    """How far the copy of a batch is: its newest step, and the most that it may hold."""

    def __init__(self) -> None:
        self.step = ""
        self.counts: dict[Row, int] = {}
        self.doubtful = False
        """Whether a step's answer was lost, or told that the copy is gone: nothing is added to it any more."""

    def lacking(self, counts: Mapping[Row, int]) -> Iterator[dict[Row, int]]:
        """The new counts of rows that moved, in parts; one part at least, which says that this process lives."""
        moved = iter([(row, count) for row, count in counts.items() if count != self.counts.get(row)])
        yield dict(islice(moved, MAX_STEP))
        while part := dict(islice(moved, MAX_STEP)):
            yield part


class UsageCopy:
    """Copies the batches of one counter. Not for two threads at once.

    A batch whose copy is in doubt is written at once: before another replica could take the copy for abandoned, and
    what is counted from then on belongs to another batch, with another copy.
    """

    def __init__(self, counter: UsageCounter, shared: Shared, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._counter = counter
        self._shared = shared
        self._clock = clock
        self._copies: dict[str, _Copy] = {}
        self._lost = False
        self._next = 0.0
        counter.copied = self._held

    def step(self) -> None:
        """Bring the copies up to date, and remove those of what was written; never raises BusLost.

        Raises StorageFailed where what had to be written at once could not be.
        """
        if self._clock() < self._next:
            return
        unwritten = self._counter.unwritten()
        try:
            if self._shared.failing is not None:  # and may go on to seem so, where nothing is counted
                self._shared.copies(ABANDONED_SECONDS)
            sound = [self._bring(name, counts) for name, counts in unwritten.items()]
            for name in self._copies.keys() - unwritten.keys():
                self._shared.forget(name)
                del self._copies[name]
        except BusLost as error:
            if not self._lost:
                log.warning("usage.not_copied", error=str(error))
            self._lost, self._next = True, self._clock() + LOST_SECONDS
            self._doubt()
        else:
            self._lost = False
            if not all(sound):
                self._counter.flush()

    def _held(self, name: str) -> Mapping[Row, int]:
        """The most that the copy of a batch may hold."""
        copy = self._copies.get(name)
        return {} if copy is None else copy.counts

    def _doubt(self) -> None:
        for copy in self._copies.values():
            copy.doubtful = True
        self._counter.flush()

    def _bring(self, name: str, counts: Mapping[Row, int]) -> bool:
        """Bring one copy up to date; False where it has just become doubtful."""
        copy = self._copies.setdefault(name, _Copy())
        if copy.doubtful:
            return True
        for part in copy.lacking(counts):
            more = {_field(row): count - copy.counts.get(row, 0) for row, count in part.items()}
            after, copy.step = copy.step, secrets.token_hex(8)
            before, copy.counts = copy.counts, copy.counts | part  # as long as nobody knows what the step did
            if not self._shared.copy(name, more, after=after, step=copy.step):
                copy.counts, copy.doubtful = before, True
                return False
        return True


class UsageDrain:
    """Writes what replicas copied that are gone; for the holder of a lease."""

    def __init__(self, storage: Storage, shared: Shared, clock: Clock) -> None:
        self._storage = storage
        self._shared = shared
        self._clock = clock
        self.recovered = 0
        """Evaluations that were written so since the start."""

    def step(self) -> None:
        """Write each copy that nobody added to for long, then remove it; never raises BusLost."""
        try:
            for name, idle in self._shared.copies(ABANDONED_SECONDS).items():
                if BATCH_ID.fullmatch(name):
                    self._write(name, idle)
                self._shared.forget(name)
        except BusLost as error:
            log.info("usage.not_drained", error=str(error))

    def _write(self, name: str, idle: float) -> None:
        now = self._clock()
        last = stamp((now - timedelta(seconds=idle)).replace(microsecond=0))
        taken = self._shared.take(name).items()
        rows = [usage for field, count in taken if (usage := _usage(field, count, last)) is not None]
        if rows and self._storage.add_usage(rows, report=ReportMark(name, now.timestamp())):
            evaluations = sum(row.count for row in rows)
            self.recovered += evaluations
            log.info("usage.recovered", batch=name, evaluations=evaluations, idle=idle)


def _field(row: Row) -> str:
    return msgspec.json.encode(row).decode()


def _usage(field: str, count: int, last: str) -> Usage | None:
    """A field as a row; None for what is none: somebody else wrote there."""
    try:
        project, environment, client, flag, variant, rule, hour = _row(field.encode())
    except msgspec.DecodeError:
        return None
    return Usage(project, environment, flag, variant, rule, hour, count, max(hour, last), client)
