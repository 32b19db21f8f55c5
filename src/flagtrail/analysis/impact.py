"""What came of a change: who was served otherwise, as predicted and as counted, and which watched metrics moved."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import floor, log10
from typing import Literal, TypeAlias

import msgspec

from flagtrail.analysis.effect import Day, Effect, Lacking, Spot, Windows, effect, holm, spots
from flagtrail.analysis.shares import Answer, answer, percent_words
from flagtrail.analysis.world import world
from flagtrail.model.preview import PredictedShift
from flagtrail.model.state import State

ALPHA = 0.05
MIN_EVALUATIONS = 20
"""On either side of a change, before shares of variants are worth telling."""
DEFAULT = "the caller's default"
_SHIFTED = 0.02
"""A share that differs by less was not shifted: hours are counted, and who asks varies."""
_SIGNIFICANT = 3

Verdict: TypeAlias = Literal["rose", "fell", "no_clear_change", "not_enough_data"]


class Measured(msgspec.Struct, frozen=True):
    """What is known of one metric: the day of the change, and earlier days. `failed` says why nothing could be read."""

    metric: str
    today: Day
    earlier: Sequence[Day]
    failed: str = ""


class MetricImpact(msgspec.Struct, frozen=True, kw_only=True):
    """Whether a metric moved with the change; `words` says it to people.

    `adjusted` is `effect.p` as it counts beside all metrics that were looked at (Holm); the verdict goes by it.
    `spots` are the day of the change and the band of earlier days, in buckets of `step` milliseconds.
    """

    metric: str
    verdict: Verdict
    words: str
    effect: Effect | None = None
    adjusted: float | None = None
    lacking: str = ""
    step: int
    spots: tuple[Spot, ...] = ()


class ObservedShift(msgspec.Struct, frozen=True, kw_only=True):
    """The share (0 to 1) of evaluations that each variant had before and after the change, by whole hours.

    `since` and `until` (stamps) bound what was counted. `lacking` says why shares are not told.
    """

    before: dict[str, float] = {}
    after: dict[str, float] = {}
    evaluations_before: int
    evaluations_after: int
    since: str
    until: str
    lacking: str = ""


class FlagImpact(msgspec.Struct, frozen=True, kw_only=True):
    """One flag that the change could alter: what the rules said before and after, what was predicted and counted."""

    flag: str
    environment: str
    rules_before: str
    rules_after: str
    predicted: PredictedShift
    observed: ObservedShift
    words: tuple[str, ...]


class Impact(msgspec.Struct, frozen=True, kw_only=True):
    """What came of one change.

    Metrics are those of `environment`; `since`, `at` and `until` (stamps) are the bounds of the two windows, and
    `ended_by` the entry that ended the second one early, since it altered the same flags. `meanwhile` are other
    changes of the project within the windows: they may be the cause just as well. `left_out` counts flags beyond the
    bound.
    """

    project: str
    seq: int
    environment: str
    since: str
    at: str
    until: str
    ended_by: int | None
    flags: tuple[FlagImpact, ...]
    metrics: tuple[MetricImpact, ...]
    meanwhile: tuple[int, ...]
    left_out: int = 0
    words: str


def judge(asked: Windows, measured: Sequence[Measured]) -> tuple[MetricImpact, ...]:
    """Each metric's verdict around one moment, with what several of them together cost in certainty."""
    return judge_each([(asked, each) for each in measured])


def judge_each(measured: Sequence[tuple[Windows, Measured]]) -> tuple[MetricImpact, ...]:
    """`judge`, each in windows of its own."""
    effects = [
        Lacking(each.failed) if each.failed else effect(asked, each.today, each.earlier) for asked, each in measured
    ]
    told = [each for each in effects if isinstance(each, Effect)]
    adjusted = iter(holm([each.p for each in told]))
    return tuple(
        _judged(asked, each, found, next(adjusted) if isinstance(found, Effect) else None, len(told))
        for (asked, each), found in zip(measured, effects, strict=True)
    )


def flag_impact(
    states: tuple[State, State],
    place: tuple[str, str, str],
    stored: PredictedShift | None,
    observed: ObservedShift,
) -> FlagImpact:
    """One flag; `place` is its (project, environment, key), `states` are those just before and just after."""
    project, environment, flag = place
    before, after = (answer(world(state, project, environment, flag), flag, {}) for state in states)
    predicted = stored or _predicted(flag, environment, before, after)
    return FlagImpact(
        flag=flag,
        environment=environment,
        rules_before=before.words,
        rules_after=after.words,
        predicted=predicted,
        observed=observed,
        words=(_predicted_words(predicted), _observed_words(predicted, observed)),
    )


def observed(
    before: Mapping[str, int], after: Mapping[str, int], *, since: str, until: str, counting: bool
) -> ObservedShift:
    """Shares out of counts by variant; `counting` tells whether anything of the flag was ever counted there."""
    total_before, total_after = sum(before.values()), sum(after.values())
    lacking = ""
    if not counting:
        lacking = "no evaluations were ever reported: that is no proof that there were none"
    elif min(total_before, total_after) < MIN_EVALUATIONS:
        lacking = (
            f"{total_before:,} evaluations in the hours before and {total_after:,} in those after;"
            f" {MIN_EVALUATIONS} of each are needed"
        )
    return ObservedShift(
        before={} if lacking else _parts(before, total_before),
        after={} if lacking else _parts(after, total_after),
        evaluations_before=total_before,
        evaluations_after=total_after,
        since=since,
        until=until,
        lacking=lacking,
    )


def summary(flags: Sequence[FlagImpact], metrics: Sequence[MetricImpact], meanwhile: int) -> str:
    """The whole in one or two sentences."""
    moved = [f"{each.metric} {each.verdict}" for each in metrics if each.verdict in {"rose", "fell"}]
    judged = sum(each.verdict != "not_enough_data" for each in metrics)
    if moved:
        told = f"After this change {_listed(moved)}."
    elif not metrics:
        told = "No metric is watched here."
    elif not judged:
        told = "There is not enough data to tell whether any metric moved."
    else:
        which = "The metric that could be judged shows" if judged == 1 else f"The {judged} metrics judged show"
        told = f"{which} no clear change."
    if not flags:
        told += " It altered nothing that a flag serves there."
    if moved and meanwhile:
        others = "another change was" if meanwhile == 1 else f"{meanwhile} other changes were"
        told += f" It need not be the cause: {others} made within the same hours."
    return told


def figure(value: float, *, beside: float = 0.0) -> str:
    """A figure for people: three digits that count, never an exponent; as fine as a larger one that stands `beside` it.

    >>> figure(0.012345), figure(1234.5), figure(-2.0), figure(0.0), figure(0.00041, beside=-0.0386)
    ('0.0123', '1,234', '-2', '0', '0.0004')
    """
    largest = max(abs(value), abs(beside))
    if largest == 0:
        return "0"
    decimals = min(max(_SIGNIFICANT - 1 - floor(log10(largest)), 0), 12)
    shown = f"{value:,.{decimals}f}"
    plain = shown.rstrip("0").rstrip(".") if decimals else shown
    return "0" if plain == "-0" else plain


def _judged(
    asked: Windows, measured: Measured, found: Effect | Lacking, adjusted: float | None, looked_at: int
) -> MetricImpact:
    shown = spots(asked, measured.today, measured.earlier)
    if isinstance(found, Lacking) or adjusted is None:
        lacking = found.what if isinstance(found, Lacking) else ""
        words = f"Not enough data to judge {measured.metric}: {lacking}."
        return MetricImpact(
            metric=measured.metric,
            verdict="not_enough_data",
            words=words,
            lacking=lacking,
            step=asked.step,
            spots=shown,
        )
    verdict: Verdict = "no_clear_change" if adjusted > ALPHA else "rose" if found.change > 0 else "fell"
    return MetricImpact(
        metric=measured.metric,
        verdict=verdict,
        words=_effect_words(measured.metric, verdict, found, adjusted, looked_at),
        effect=found,
        adjusted=adjusted,
        step=asked.step,
        spots=shown,
    )


def _effect_words(metric: str, verdict: Verdict, found: Effect, adjusted: float, looked_at: int) -> str:
    beside = max(abs(found.before), abs(found.after))

    def by(value: float) -> str:
        shown = figure(value, beside=beside)
        return f"+{shown}" if value > 0 and shown != "0" else shown

    told = (
        f"{figure(found.before, beside=beside)} before, {figure(found.after, beside=beside)} after; at these hours it"
        f" moves by {by(found.usual)} anyway ({found.days} earlier days)"
    )
    if verdict == "no_clear_change":
        alone = f" By itself it would stand out; of {looked_at} that are looked at together, one does by chance."
        return (
            f"No clear change of {metric}: {told}. What the change did lies between {by(found.low)} and"
            f" {by(found.high)} (95 %).{alone if found.p <= ALPHA else ''}"
        )
    part = found.change / abs(found.before) * 100 if found.before else 0.0
    share = f" ({'+' if part > 0 else ''}{figure(part)} %)" if part else ""
    return (
        f"{metric} {verdict}: {told}. That leaves {by(found.change)}{share}, 95 % interval {by(found.low)} to"
        f" {by(found.high)}. Without a change that is seen {_rarity(adjusted)}."
    )


def _rarity(p: float) -> str:
    """A probability as people say it.

    >>> _rarity(0.03), _rarity(1e-9)
    ('about once in 33 such days', 'less than once in 1,000 such days')
    """
    return "less than once in 1,000 such days" if p < 0.001 else f"about once in {round(1 / p):,} such days"  # noqa: PLR2004 - as it says


def _predicted(flag: str, environment: str, before: Answer, after: Answer) -> PredictedShift:
    """By the rules alone, where everybody is served by the same shares."""
    parts = [_totals(each) for each in (before, after)]
    known = all(part is not None for part in parts)
    one, other = (part or {} for part in parts)
    moved = _moved(one, other)
    return PredictedShift(
        flag=flag,
        environment=environment,
        before=one if known else {},
        after=other if known else {},
        changed=moved if known else None,
        basis="rules",
    )


def _totals(told: Answer) -> dict[str, float] | None:
    """The shares for everybody; None where they differ from case to case."""
    if len(told.cases) != 1:
        return {} if told.standing != "served" else None
    return {portion.variant or "": portion.percent / 100 for portion in told.cases[0].portions}


def _predicted_words(predicted: PredictedShift) -> str:
    basis = (
        "by the rules" if predicted.basis == "rules" else f"by {predicted.sample:,} sampled contexts before the change"
    )
    if predicted.changed is None:
        return f"Predicted {basis}: it depends on who asks; the rules before and after say how."
    shares = f": {_shares(predicted.before)}, then {_shares(predicted.after)}" if predicted.after else ""
    return f"Predicted {basis}: {percent_words(predicted.changed * 100)} get another variant{shares}."


def _observed_words(predicted: PredictedShift, found: ObservedShift) -> str:
    if found.lacking:
        return f"Counted: not enough to tell: {found.lacking}."
    moved = _moved(found.before, found.after)
    told = (
        f"Counted over {found.evaluations_before:,} evaluations before and {found.evaluations_after:,} after:"
        f" {_shares(found.before)}, then {_shares(found.after)}."
    )
    if predicted.before and predicted.after and predicted.changed is not None:
        beside = abs(moved - _moved(predicted.before, predicted.after))
        told += (
            " That is as predicted."
            if beside <= max(_SHIFTED, predicted.changed / 4)
            else " That is not as predicted: evaluations are counted, and some ask more often than others."
        )
    return told


def _moved(before: Mapping[str, float], after: Mapping[str, float]) -> float:
    """The part that went over to another variant: what is not the same in both."""
    if not before and not after:
        return 0.0
    return 1.0 - sum(min(share, after.get(key, 0.0)) for key, share in before.items())


def _parts(counts: Mapping[str, int], total: int) -> dict[str, float]:
    return {variant: count / total for variant, count in sorted(counts.items()) if count}


def _shares(parts: Mapping[str, float]) -> str:
    ordered = sorted(parts.items(), key=lambda part: (-part[1], part[0]))
    return ", ".join(f"{variant or DEFAULT} {percent_words(share * 100)}" for variant, share in ordered) or "nobody"


def _listed(texts: Sequence[str]) -> str:
    return texts[0] if len(texts) == 1 else f"{', '.join(texts[:-1])} and {texts[-1]}"
