"""How a guard stands: breached, passed, or not to be judged. The same samples give the same answer at any time."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from statistics import fmean
from typing import Literal, TypeAlias

import msgspec

from flagtrail.model.guard import Guard, Limit, plain
from flagtrail.model.metric import MAX_VALUE, Point

MIN_POINTS = 3
"""Stretches with samples that a mean needs."""
MINUTE = 60_000
"""Of milliseconds."""

Verdict: TypeAlias = Literal["watching", "breached", "passed", "unjudged"]


class Reading(msgspec.Struct, frozen=True):
    """A limit as it was last read: the metric's newest mean, and when (Unix milliseconds); None where there is none."""

    limit: Limit
    mean: float | None = None
    at: int | None = None


class Standing(msgspec.Struct, frozen=True):
    """A guard's verdict, why in words, what each limit reads, and when it was breached (Unix milliseconds)."""

    verdict: Verdict
    words: str
    readings: tuple[Reading, ...]
    at: int | None = None


class Span(msgspec.Struct, frozen=True):
    """From the change until now, and when the guard ends, in Unix milliseconds."""

    since: int
    now: int
    end: int


def standing(guard: Guard, span: Span, series: Mapping[str, Sequence[Point]]) -> Standing:
    """How a guard stands, by what its metrics (by name, oldest first) were since the change."""
    means = [(limit, list(_means(series.get(limit.metric, ()), guard.over * MINUTE, span))) for limit in guard.limits]
    readings = tuple(Reading(limit, *((found[-1][1], found[-1][0]) if found else ())) for limit, found in means)
    breaches = [(at, limit, mean) for limit, found in means for at, mean in found if limit.passed_by(mean)]
    if breaches:
        at, limit, mean = min(breaches, key=lambda each: each[0])
        words = f"{limit.metric} was {plain(mean)}, {limit.words.partition(' ')[2]}"
        return Standing("breached", words, readings, at)
    gaps = [words for limit, found in means if (words := _gap(guard, limit, [at for at, _ in found], span))]
    if span.now < span.end:
        return Standing("watching", "; ".join(gaps), readings)
    if gaps:
        return Standing("unjudged", "; ".join(gaps), readings)
    kept = " and ".join(_kept(limit, [mean for _, mean in found]) for limit, found in means)
    return Standing("passed", f"{kept}, for {guard.minutes} min", readings)


def _means(points: Sequence[Point], over: int, span: Span) -> Iterator[tuple[int, float]]:
    """(when, mean of the time `over` before), wherever there is enough for one."""
    until = min(span.now, span.end)
    kept = [point for point in points if span.since <= point.at < until and abs(point.value) <= MAX_VALUE]
    first = 0
    for last, point in enumerate(kept):
        while kept[first].at <= point.at - over:
            first += 1
        if last - first + 1 >= MIN_POINTS:
            # Each mean anew: in a running total what a large value rounded away would be missing ever after.
            yield point.at, fmean(each.value for each in kept[first : last + 1])


def _gap(guard: Guard, limit: Limit, judged: Sequence[int], span: Span) -> str:
    """The longest time in which a metric could not be judged, if that is longer than its mean goes back."""
    until = min(span.now, span.end)
    edges = [span.since, *judged, until]
    longest, begin = max((after - before, before) for before, after in pairwise(edges))
    if longest <= (guard.over + 1) * MINUTE:
        return ""
    minutes = longest // MINUTE
    if not judged:
        return f"{limit.metric} had too few samples to be judged at all, for {minutes} min"
    after = (begin - span.since) // MINUTE
    return f"{limit.metric} had too few samples to be judged for {minutes} min, from {after} min after the change on"


def _kept(limit: Limit, means: Sequence[float]) -> str:
    """How near it came."""
    nearest, word = (max(means), "at most") if limit.above is not None else (min(means), "at least")
    return f"{limit.metric} was {word} {plain(nearest)}"
