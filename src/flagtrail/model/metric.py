"""Watched metrics: figures about applications, by which the effect of a change is judged."""

from __future__ import annotations

from typing import Annotated, TypeAlias

import msgspec

MAX_SAMPLES = 10_000
"""Samples of one push."""
MAX_LABELS = 10
MAX_LABEL = 100
"""Characters of a label's name or value."""
MAX_VALUE = 1e100
"""What lies beyond it, either way, is no figure of anything: sums of it would end in infinity."""

Labels: TypeAlias = tuple[tuple[str, str], ...]
"""(name, value), sorted by name."""


class Sample(msgspec.Struct, frozen=True):
    """A metric's value at a moment, `at` in Unix milliseconds; without an environment it counts for all of them."""

    metric: str
    at: int
    value: float
    environment: str = ""
    labels: Labels = ()


class MetricSeries(msgspec.Struct, frozen=True):
    """What belongs together of a metric's samples, and the first and last of them (Unix milliseconds)."""

    project: str
    metric: str
    environment: str
    labels: Labels
    first: int
    last: int


class PointsQuery(msgspec.Struct, frozen=True, kw_only=True):
    """A metric in one environment from `since` (included) until `until` (excluded), both in Unix milliseconds.

    Samples are put together in buckets of `step` milliseconds, which begin at whole multiples of it.
    """

    project: str
    metric: str
    environment: str
    since: int
    until: int
    step: int


class Point(msgspec.Struct, frozen=True):
    """The mean of the `count` samples in the bucket that begins at `at` (Unix milliseconds), whatever their labels."""

    at: int
    value: float
    count: int = 1


class PushedSample(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One sample as it is pushed. `time`: RFC 3339, or Unix seconds; without it, when it arrives."""

    metric: str
    value: float
    time: str | float | None = None
    environment: str = ""
    labels: dict[str, str] = {}


class Push(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Samples of any metrics. What comes again (metric, environment, labels, time) replaces what came before."""

    samples: Annotated[tuple[PushedSample, ...], msgspec.Meta(min_length=1, max_length=MAX_SAMPLES)]


class Metric(msgspec.Struct, frozen=True):
    """A metric that can be watched, where it comes from, and what is known of it.

    `environments` are those that samples name (empty: none does, or the source is asked only when it is needed);
    `first` and `last` are stamps, of pushed ones alone. `about` is how a pulled one is asked for.
    """

    name: str
    source: str
    environments: tuple[str, ...] = ()
    first: str | None = None
    last: str | None = None
    about: str = ""
