"""Counts that wait to be reported: exact while there are few, by the hour while the server is long away, never many."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from typing import TypeAlias

from flagtrail.model.usage import MAX_COUNTS, MAX_PERIODS, Count, Period

Row: TypeAlias = tuple[str, str, str]
"""A flag, a variant, and the rule that served it."""
SPAN_SECONDS = 3600.0
"""Stretches are merged up to this length: the server adds up by the hour."""


class Stretch:
    """Counts of one stretch of time between two moments of one clock, in seconds."""

    __slots__ = ("counts", "end", "start")

    def __init__(self, start: float, end: float, counts: dict[Row, int]) -> None:
        self.start = start
        self.end = end
        self.counts = counts

    def period(self, now: float) -> Period:
        """The same as a report tells it at the moment `now`."""
        counts = tuple(Count(flag, variant, rule, count) for (flag, variant, rule), count in self.counts.items())
        return Period(round(max(0.0, now - self.end), 3), counts)

    def evaluations(self) -> int:
        """How many evaluations are counted here."""
        return sum(self.counts.values())

    def add(self, later: Stretch) -> None:
        """Make the stretch after this one a part of it."""
        counts = self.counts
        for row, count in later.counts.items():
            counts[row] = counts.get(row, 0) + count
        self.end = later.end


class Backlog:
    """Stretches by age, oldest first: at most `max_periods` of them with `max_rows` rows together.

    Beyond that the oldest are merged as far as they lie within an hour, and
    then the oldest rows dropped; `dropped` is how many evaluations that cost.
    Not for two threads at once.
    """

    def __init__(self, max_periods: int = MAX_PERIODS, max_rows: int = MAX_COUNTS) -> None:
        self._max_periods = max_periods
        self._max_rows = max_rows
        self._stretches: deque[Stretch] = deque()
        self.rows = 0
        self.dropped = 0

    def __len__(self) -> int:
        return len(self._stretches)

    def add(self, counts: Iterable[Count], start: float, end: float) -> None:
        """Keep the counts of a stretch that starts where the one before ended, or later."""
        added: dict[Row, int] = {}
        for count in counts:
            row = (count.flag, count.variant, count.rule)
            added[row] = added.get(row, 0) + count.count
        if added:
            self._stretches.append(Stretch(start, end, added))
            self.rows += len(added)
        while len(self._stretches) > self._max_periods or self.rows > self._max_rows:
            if not self._merge_oldest():
                self._drop_oldest()

    def take(self, max_rows: int) -> tuple[Stretch, ...]:
        """Take out the oldest stretches, up to so many rows together (1 or more); one that is longer is divided."""
        taken: list[Stretch] = []
        room = max_rows
        while self._stretches and room:
            oldest = self._stretches[0]
            if len(oldest.counts) > room:
                part = {row: oldest.counts.pop(row) for row in list(oldest.counts)[:room]}
                taken.append(Stretch(oldest.start, oldest.end, part))
            else:
                taken.append(self._stretches.popleft())
            room -= len(taken[-1].counts)
        self.rows -= max_rows - room
        return tuple(taken)

    def expire(self, before: float) -> None:
        """Drop what ended before that moment."""
        while self._stretches and self._stretches[0].end < before:
            self._forget(self._stretches.popleft())

    def _merge_oldest(self) -> bool:
        """Merge the oldest two neighbours that fit into an hour; False where there are none."""
        for index in range(len(self._stretches) - 1):
            older, newer = self._stretches[index], self._stretches[index + 1]
            if newer.end - older.start <= SPAN_SECONDS:
                self.rows -= len(older.counts) + len(newer.counts)
                older.add(newer)
                self.rows += len(older.counts)
                del self._stretches[index + 1]
                return True
        return False

    def _drop_oldest(self) -> None:
        """Drop the oldest stretch, or as many of its rows as there are too many."""
        oldest = self._stretches[0]
        excess = self.rows - self._max_rows
        if len(self._stretches) > self._max_periods or excess >= len(oldest.counts):
            self._forget(self._stretches.popleft())
        else:
            part = {row: oldest.counts.pop(row) for row in list(oldest.counts)[:excess]}
            self._forget(Stretch(oldest.start, oldest.end, part))

    def _forget(self, stretch: Stretch) -> None:
        self.rows -= len(stretch.counts)
        self.dropped += stretch.evaluations()
