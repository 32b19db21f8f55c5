"""Did a metric move with a change, more than it moves at these hours anyway?

Difference in differences over days. Of each day one number is taken: the mean after the moment of the change less the
mean before it. The day of the change is held against the earlier days by a t test for one new observation: is its
number one that such a day would give? Daily patterns fall out, since every day is looked at by the same hours;
how values hang together within an hour does not matter, since nothing but the day's one number is counted.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from math import inf, sqrt
from statistics import fmean, stdev, variance

import msgspec

from flagtrail.analysis.student import quantile, two_sided
from flagtrail.model.metric import MAX_VALUE, Point

DAY = 86_400_000
"""Of milliseconds."""
MIN_DAYS = 7
MIN_BUCKETS = 3
CONFIDENCE = 0.95
_MOST_BUCKETS = 60
_STEPS = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1_800, 3_600, 7_200, 14_400)
"""Seconds of a bucket: each divides a day, so that buckets of all days lie alike."""
_OUTER = 0.1
"""The part of the earlier days that the band leaves out, on either side."""
_THURSDAY, _SATURDAY = 3, 5


class Windows(msgspec.Struct, frozen=True):
    """What is compared, in Unix milliseconds: `[start, at)` with `[at, end)`, in buckets of `step`."""

    at: int
    start: int
    end: int
    step: int

    def earlier(self, days: int) -> Windows:
        """The same hours so many days before."""
        back = days * DAY
        return Windows(self.at - back, self.start - back, self.end - back, self.step)


class Day(msgspec.Struct, frozen=True):
    """A metric in the windows of one day: of the change's own, or of one so many days `ago`."""

    ago: int
    points: Sequence[Point]


class Effect(msgspec.Struct, frozen=True, kw_only=True):
    """How a metric moved. `before` and `after` are its means on the day of the change.

    `usual` is by how much it moved at these hours on the `days` earlier days, `change` what it moved beyond that,
    `low` and `high` the 95 % interval of `change`. `p` is how often a day without any change would show as much, and
    `size` the change in standard deviations of ordinary days (None where those never differ).
    """

    before: float
    after: float
    usual: float
    change: float
    low: float
    high: float
    p: float
    size: float | None
    days: int


class Lacking(msgspec.Struct, frozen=True):
    """Why a metric cannot be judged: what is there, and what is needed."""

    what: str


class Spot(msgspec.Struct, frozen=True):
    """One bucket of the change's day, and the band of the earlier days at this hour (their middle 80 %)."""

    at: int
    value: float | None
    low: float | None
    high: float | None


class _Move(msgspec.Struct, frozen=True):
    """The buckets of a day's two windows."""

    before: list[float]
    after: list[float]

    @property
    def by(self) -> float:
        return fmean(self.after) - fmean(self.before)

    @property
    def error(self) -> float:
        """The standard error of `by`, as if buckets were independent: it is at least that."""
        return sqrt(sum(variance(part) / len(part) for part in (self.before, self.after)))


def windows(at: int, *, width: int, end: int) -> Windows:
    """`width` milliseconds on either side of a moment; the second one ends at `end` at the latest."""
    step = next((each * 1_000 for each in _STEPS if each * 1_000 * _MOST_BUCKETS >= width), _STEPS[-1] * 1_000)
    return Windows(at, at - width, max(at, min(at + width, end)), step)


def effect(asked: Windows, today: Day, earlier: Sequence[Day]) -> Effect | Lacking:
    """How the metric moved, or what is lacking to tell."""
    present = _move(asked, today)
    for name, values in (("before", present.before), ("after", present.after)):
        if len(values) < MIN_BUCKETS:
            told = "no samples" if not values else f"samples in {len(values)} stretches of {_seconds(asked.step)}"
            return Lacking(f"{told} {name} the change; {MIN_BUCKETS} are needed")
    moves = [move.by for move in _comparable(asked, present, earlier)]
    if len(moves) < MIN_DAYS:
        return Lacking(f"{len(moves)} earlier days with samples at these hours; {MIN_DAYS} are needed")
    usual, days = fmean(moves), len(moves)
    # Earlier days that happen to be alike must not make the day of the change look stranger than its own noise does.
    spread = max(stdev(moves), present.error)
    error = spread * sqrt(1 + 1 / days)
    change = present.by - usual
    margin = quantile((1 + CONFIDENCE) / 2, days - 1) * error
    t = change / error if error else (inf if change else 0.0)
    return Effect(
        before=fmean(present.before),
        after=fmean(present.after),
        usual=usual,
        change=change,
        low=change - margin,
        high=change + margin,
        p=two_sided(t, days - 1),
        size=change / spread if spread else None,
        days=days,
    )


def spots(asked: Windows, today: Day, earlier: Sequence[Day]) -> tuple[Spot, ...]:
    """The day of the change bucket by bucket, beside the earlier days."""
    own = {point.at: point.value for point in today.points}
    others: dict[int, list[float]] = {}
    for day in _alike(asked, earlier):
        for point in day.points:
            others.setdefault(point.at + day.ago * DAY, []).append(point.value)
    first = asked.start // asked.step * asked.step
    return tuple(
        Spot(at, own.get(at), *_band(sorted(others.get(at, ())))) for at in range(first, asked.end, asked.step)
    )


def holm(probabilities: Sequence[float]) -> list[float]:
    """Each probability as it counts when all of them are looked at (Holm 1979): that any one deceives is bounded.

    >>> holm([0.01, 0.04, 0.03])
    [0.03, 0.06, 0.06]
    """
    found = [0.0] * len(probabilities)
    worst = 0.0
    for rank, (p, place) in enumerate(sorted((p, place) for place, p in enumerate(probabilities))):
        worst = max(worst, min((len(probabilities) - rank) * p, 1.0))
        found[place] = worst
    return found


def _comparable(asked: Windows, present: _Move, earlier: Sequence[Day]) -> list[_Move]:
    """The moves of earlier days with at least half as many buckets in each window as the day of the change."""

    def enough(moves: Iterable[_Move]) -> list[_Move]:
        return [
            move
            for move in moves
            if len(move.before) >= max(len(present.before) / 2, MIN_BUCKETS)
            and len(move.after) >= max(len(present.after) / 2, MIN_BUCKETS)
        ]

    alike = enough(_move(asked, day) for day in _alike(asked, earlier))
    return alike if len(alike) >= MIN_DAYS else enough(_move(asked, day) for day in earlier)


def _alike(asked: Windows, earlier: Sequence[Day]) -> Sequence[Day]:
    """Working days where the change was made on one, Saturdays and Sundays where on one of these; else all."""
    own = _is_weekend(asked.at)
    alike = [day for day in earlier if day.points and _is_weekend(asked.at - day.ago * DAY) == own]
    return alike if len(alike) >= MIN_DAYS else earlier


def _is_weekend(at: int) -> bool:
    return (at // DAY + _THURSDAY) % 7 >= _SATURDAY  # 1970 began on a Thursday


def _move(asked: Windows, day: Day) -> _Move:
    """The buckets that lie wholly on one side: the one in which the change was made belongs to neither."""
    own = asked.earlier(day.ago)
    kept = [point for point in day.points if abs(point.value) <= MAX_VALUE]
    return _Move(
        [point.value for point in kept if own.start <= point.at and point.at + own.step <= own.at],
        [point.value for point in kept if own.at <= point.at < own.end],
    )


def _band(values: Sequence[float]) -> tuple[float | None, float | None]:
    if not values:
        return None, None
    left_out = int(len(values) * _OUTER)
    return values[left_out], values[-1 - left_out]


def _seconds(step: int) -> str:
    """A bucket's length in words."""
    seconds = step // 1_000
    return f"{seconds} s" if seconds < 60 else f"{seconds // 60} min"  # noqa: PLR2004 - seconds of a minute
