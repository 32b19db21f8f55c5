"""A metric moved at a moment: which changes before it altered what people get, and did the metric move with them?"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import msgspec

from flagtrail.analysis.impact import MetricImpact
from flagtrail.analysis.suspects import Suspect, Suspects

UNKNOWN = 0.5
"""What a change weighs with which the metric could not be judged: half, as where the rules leave a share open."""
STILL = 0.1
"""What a change weighs with which the metric shows no clear change."""


class Ranked(msgspec.Struct, frozen=True):
    """One change: why it is suspected without the metric, and how the metric moved with it.

    `score` (0 to 100) is the suspect's own (people altered, closeness), times `weight` for what the metric says.
    """

    suspect: Suspect
    metric: MetricImpact
    weight: float
    score: float
    words: str


class Anomaly(msgspec.Struct, frozen=True, kw_only=True):
    """The changes between `since` and `at` (stamps) that altered what anybody got, the likeliest cause first.

    `noticed` is the metric around `at` itself. `source`, `sampled` and `harmless` are as the suspects' (see
    `analysis.suspects`); `left_out` counts suspects with which the metric was not compared.
    """

    project: str
    environment: str
    metric: str
    since: str
    at: str
    source: Literal["sampled", "rules"]
    sampled: int
    noticed: MetricImpact
    ranked: tuple[Ranked, ...]
    harmless: int
    left_out: int
    words: str


def anomaly(metric: str, found: Suspects, judged: Sequence[MetricImpact], noticed: MetricImpact) -> Anomaly:
    """Rank suspects by what the metric did with each; `judged` are those of the first suspects, in their order."""
    changes = [abs(each.effect.change) for each in judged if _moved(each) and each.effect is not None]
    ranked = [_ranked(suspect, each, changes) for suspect, each in zip(found.suspects, judged, strict=False)]
    ranked.sort(key=lambda each: (-each.score, each.suspect.seconds, each.suspect.cause.seq))
    return Anomaly(
        project=found.project,
        environment=found.environment,
        metric=metric,
        since=found.since,
        at=found.at,
        source=found.source,
        sampled=found.sampled,
        noticed=noticed,
        ranked=tuple(ranked),
        harmless=found.harmless,
        left_out=len(found.suspects) - len(ranked),
        words=_summary(metric, ranked),
    )


def _moved(metric: MetricImpact) -> bool:
    return metric.verdict in {"rose", "fell"}


def _ranked(suspect: Suspect, metric: MetricImpact, changes: Sequence[float]) -> Ranked:
    if metric.effect is None:
        weight, told = UNKNOWN, f"whether {metric.metric} moved with it cannot be judged: {metric.lacking}"
    elif not _moved(metric):
        weight, told = STILL, f"{metric.metric} shows no clear change with it"
    else:
        part = abs(metric.effect.change) / max(changes)
        weight = (1 + part) / 2
        beside = "more than with any other change here" if part == 1 else "but less than with another change here"
        told = f"{metric.metric} {metric.verdict} with it{f', {beside}' if len(changes) > 1 else ''}"
    score = round(suspect.score * weight, 1)
    words = f"{told}; score {score:g}: {suspect.score:g} for whom it altered and how close it was, times {weight:.2f}"
    return Ranked(suspect, metric, weight, score, words)


def _summary(metric: str, ranked: Sequence[Ranked]) -> str:
    """What to look at first."""
    if not ranked:
        return "No change of that time altered what anybody gets."
    first = ranked[0]
    cause = f"entry {first.suspect.cause.seq}"
    if _moved(first.metric):
        return f"Look at {cause} first: {metric} {first.metric.verdict} with it."
    if first.metric.effect is None:
        return f"{metric} cannot be judged there; {cause} altered most, and closest to it."
    return f"{metric} moved clearly with none of these changes: the cause may lie elsewhere."
