"""A preview as sentences: what people read before they press save."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from flagtrail.analysis.breakdown import Breakdown, Row
from flagtrail.analysis.estimate import Estimate, about
from flagtrail.analysis.preview import FlagPreview, Population, Preview, Transition
from flagtrail.analysis.preview_rules import RulesShift, case_words, instead
from flagtrail.changes.diff import text

MAX_TOLD = 3
"""Transitions, values and dependent flags that a sentence names; the tables have them all."""
MAX_CASES_TOLD = 6


def words(found: Preview) -> tuple[str, ...]:
    """The whole preview, one sentence or a few for each line; the first line is what one must know."""
    return tuple(_lines(found))


def _lines(found: Preview) -> Iterator[str]:
    where = f"in {found.environment}"
    direct = [flag for flag in found.flags if flag.direct]
    if not found.subjects:
        yield "It is so already: this alters nothing."
        return
    if not found.flags and not found.unaffected:
        yield f"Nothing that a flag serves {where} changes."
        return
    for flag in direct:
        told = flag_words(flag, found.population)
        yield told if len(direct) == 1 else f"{flag.flag}: {told}"
    followers = [flag for flag in found.flags if not flag.direct]
    if followers:
        named = ", ".join(f"{flag.flag} ({_reach(flag)})" for flag in followers[:MAX_TOLD])
        more = len(followers) - MAX_TOLD
        yield f"{_flags(len(followers))} that {_follow(len(followers))} it would give another value: {named}" + (
            f", and {more} more." if more > 0 else "."
        )
    if found.unaffected:
        count = len(found.unaffected)
        yield f"{_flags(count)} that {_follow(count)} it {'gives' if count == 1 else 'give'} everybody the same as now."
    if found.left_out:
        yield f"{_flags(found.left_out)} more {'was' if found.left_out == 1 else 'were'} not looked at."
    yield population_words(found.population)


def _flags(count: int) -> str:
    return "1 flag" if count == 1 else f"{count:,} flags"


def _follow(count: int) -> str:
    return "follows" if count == 1 else "follow"


def _reach(flag: FlagPreview) -> str:
    if flag.changed is not None:
        return about(flag.changed.share)
    shift = flag.rules
    return "depends on the context" if shift is None or shift.changed is None else about(shift.changed)


def population_words(population: Population) -> str:
    """Where the contexts come from, and what that means for the figures."""
    if population.source == "none":
        return "There are no sampled contexts: this is computed from the rules alone."
    part = f"{population.size:,}" if population.size == population.of else f"{population.size:,} of {population.of:,}"
    if population.source == "given":
        return f"Computed over {part} contexts that were given."
    return (
        f"Computed over {part} contexts that applications sampled from {_minute(population.since)}"
        f" to {_minute(population.until)} (UTC)."
    )


def _minute(stamp: str) -> str:
    return stamp[: len("2026-11-28T12:00")].replace("T", " ")


def flag_words(flag: FlagPreview, population: Population) -> str:
    """One flag's shift in a sentence or two."""
    if flag.changed is None:
        return "" if flag.rules is None else _rules_words(flag.rules)
    told = _sample_words(flag, flag.changed, population)
    return " ".join([told, *(f"{breakdown_words(each)}." for each in flag.breakdowns)])


def _sample_words(flag: FlagPreview, changed: Estimate, population: Population) -> str:
    kind = "sampled " if population.source == "sampled" else ""
    whose = f"the {population.size:,} {kind}contexts"
    if changed.count == 0:
        return f"None of {whose} would get another value (95 %: at most {about(changed.high)})."
    differing = [each for each in flag.transitions if each.differs]
    interval = f"95 %: {about(changed.low)} to {about(changed.high)}"
    if changed.count == population.size:
        start = f"All of {whose} would get"
        interval = f"95 %: at least {about(changed.low)}"
    else:
        start = f"About {about(changed.share)} of {whose} ({changed.count:,}) would get"
    if len(differing) == 1:
        return f"{start} {instead(differing[0].before, differing[0].after)} ({interval})."
    return f"{start} another value ({interval}): {_several(differing, flag.left_out)}."


def _several(differing: list[Transition], left_out: int) -> str:
    told = [f"{each.contexts.count:,} {instead(each.before, each.after)}" for each in differing[:MAX_TOLD]]
    more = len(differing) - MAX_TOLD + left_out
    return ", ".join(told) + (f", and {more} more kinds" if more > 0 else "")


def breakdown_words(breakdown: Breakdown) -> str:
    """Whom it reaches: the values that fare otherwise than most contexts do, then the rest together.

    For example `By plan: enterprise 100 %, pro 25 %, all others 0 %`.
    """
    every = [*breakdown.rows, *([] if breakdown.others is None else [breakdown.others])]
    alike: Counter[str] = Counter()
    for row in every:
        alike[about(row.changed.share)] += row.contexts
    usual = max(alike, key=alike.__getitem__)
    apart = [row for row in breakdown.rows if about(row.changed.share) != usual][:MAX_TOLD]
    rest = [row for row in every if row not in apart]
    told = [(row.changed.share, _named(row)) for row in apart]
    if len(rest) == 1 and rest[0] is not breakdown.others:
        told.append((rest[0].changed.share, _named(rest[0])))
        rest = []
    shown = [f"{value} {about(share)}" for share, value in sorted(told, reverse=True)]
    if rest:
        share = sum(row.changed.count for row in rest) / sum(row.contexts for row in rest)
        shown.append(f"all others {about(share)}")
    return f"By {breakdown.attribute}: {', '.join(shown)}"


def _named(row: Row) -> str:
    """The value before its percentage: a number is set off from it."""
    return f"{value_words(row)}:" if isinstance(row.value, int | float) else value_words(row)


def value_words(row: Row) -> str:
    """The value that a row's contexts have; `(without it)` where they have none."""
    return "(without it)" if row.value is None else text(row.value)


def _rules_words(shift: RulesShift) -> str:
    """What the rules say, case by case."""
    if not shift.cases:
        return f"Now: {shift.before.words}. Then: {shift.after.words}."
    told = [case_words(case) for case in shift.cases[:MAX_CASES_TOLD]]
    more = len(shift.cases) - MAX_CASES_TOLD
    if len(shift.cases) == 1:
        only = shift.cases[0]
        if not any(each.differs for each in only.transitions):
            return "Nobody would get another value."
        return f"Of all contexts, {told[0]}."
    sentence = "; else ".join(told)
    return f"{sentence[:1].upper()}{sentence[1:]}" + (f"; and {more} more cases." if more > 0 else ".")
