"""The days of the story, and its steps."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from random import Random

import msgspec

from flagtrail.app.identity import Identity
from flagtrail.model.change import Change

DAYS = 730
"""How long the story is: two years."""

MORNING_AFTER = 7
"""The hour (UTC) at which the story ends: the night's incident is over and written up."""

SATURDAY = 5


class Step(msgspec.Struct, frozen=True):
    """One change that somebody made at a moment of the story. `who` is a person's key, or `token:<key>`."""

    at: datetime
    who: str
    change: Change


class Calendar:
    """Days of the story, from 0 (two years ago) to `DAYS` (the day of the night before which all was well)."""

    def __init__(self, now: datetime) -> None:
        now = now.astimezone(UTC)
        midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)
        self.now = now
        self.today = midnight if now.hour >= MORNING_AFTER else midnight - timedelta(days=1)
        self.first = self.today - timedelta(days=DAYS)

    def moment(self, day: float, *, hour: int = 0, minute: int = 0) -> datetime:
        """An exact moment on a day of the story."""
        return self.first + timedelta(days=int(day), hours=hour, minutes=minute)

    def working(self, day: float, dice: Random) -> datetime:
        """Some moment in the working hours of the day, or of the Friday before a weekend."""
        midnight = self.moment(min(day, DAYS - 1))
        back = max(0, midnight.weekday() - SATURDAY + 1)
        return midnight - timedelta(days=back) + timedelta(seconds=dice.randint(7 * 3600, 16 * 3600))

    def day(self, moment: datetime) -> int:
        """The day of the story on which a moment lies."""
        return (moment - self.first).days


class Clock:
    """A clock that stands where it is put."""

    def __init__(self, at: datetime) -> None:
        self.at = at

    def __call__(self) -> datetime:
        """The moment at which it stands."""
        return self.at


class Batch(list[tuple[Identity, Change]]):
    """Changes by their actors. Going through it puts the clock to the moment of each, so that
    `apply_all` stamps each entry with its own.
    """

    def __init__(self, parts: Iterable[tuple[Identity, Change]], moments: Sequence[datetime], clock: Clock) -> None:
        super().__init__(parts)
        self._moments = moments
        self._clock = clock

    def __iter__(self) -> Iterator[tuple[Identity, Change]]:
        for moment, part in zip(self._moments, super().__iter__(), strict=True):
            self._clock.at = moment
            yield part
