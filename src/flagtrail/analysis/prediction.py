"""What is stored of a preview with the change: the shift of each flag, small enough to be kept for every change."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from flagtrail.analysis.estimate import about
from flagtrail.analysis.preview import FlagPreview, Population, Preview
from flagtrail.analysis.preview_rules import RulesShift
from flagtrail.analysis.shares import Answer
from flagtrail.model.document import decode
from flagtrail.model.entry import Entry
from flagtrail.model.preview import PredictedShift, StoredPreview
from flagtrail.model.state import State, Versioned, mentions
from flagtrail.model.subject import Kind

SERVING: frozenset[Kind] = frozenset({"flag", "targeting", "segment"})
UNSERVED = frozenset({"details_changed", "lifecycle_changed"})
"""Actions that alter nothing that is served."""


def undone(state: State, entries: Sequence[Entry]) -> State:
    """The state before its last `entries`, oldest first, which are known whole (none of their values was erased)."""
    first = {entry.subject: entry for entry in reversed(entries)}
    return state.having(map(_held_before, first.values()), size=state.size - len(entries)) if entries else state


def _held_before(entry: Entry) -> Versioned:
    document = None if entry.before is None else decode(entry.subject, entry.before)
    return Versioned(entry.subject, document, entry.version - 1, entry.previous, "", mentions(document))


def may_shift(group: Sequence[Entry]) -> bool:
    """Whether a change can alter what any flag serves."""
    return any(entry.subject.kind in SERVING and not UNSERVED.issuperset(entry.actions) for entry in group)


def shifts(found: Preview) -> tuple[PredictedShift, ...]:
    """The shift of each flag that the preview tells of."""
    return tuple([_shift(flag, found.environment, found.population) for flag in found.flags])


def _shift(flag: FlagPreview, environment: str, population: Population) -> PredictedShift:
    if flag.changed is None:
        return _by_rules(flag.flag, environment, flag.rules)
    return PredictedShift(
        flag=flag.flag,
        environment=environment,
        before={each.variant or "": each.before.share for each in flag.served if each.before.count},
        after={each.variant or "": each.after.share for each in flag.served if each.after.count},
        changed=flag.changed.share,
        interval=(flag.changed.low, flag.changed.high),
        basis="sample",
        sample=population.size,
        since=population.since,
        until=population.until,
    )


def _by_rules(flag: str, environment: str, rules: RulesShift | None) -> PredictedShift:
    before, after = ({}, {}) if rules is None else map(_shares, (rules.before, rules.after))
    changed = None if rules is None else rules.changed
    return PredictedShift(
        flag=flag, environment=environment, before=before, after=after, changed=changed, basis="rules"
    )


def _shares(answer: Answer) -> dict[str, float]:
    """The shares of everybody; none where they differ from case to case."""
    if answer.standing != "served":
        return {"": 1.0}
    if len(answer.cases) != 1:
        return {}
    return {portion.variant or "": portion.percent / 100 for portion in answer.cases[0].portions}


def prediction_words(stored: StoredPreview) -> tuple[str, ...]:
    """A stored preview in sentences, one for each flag and environment."""
    return tuple(_sentences(stored))


def _sentences(stored: StoredPreview) -> Iterator[str]:
    for shift in stored.flags:
        whose = f"of {shift.sample:,} sampled contexts" if shift.basis == "sample" else "by the rules alone"
        told = "it depends on the context" if shift.changed is None else f"{about(shift.changed)} get another value"
        interval = (
            "" if shift.interval is None else f" (95 %: {about(shift.interval[0])} to {about(shift.interval[1])})"
        )
        moved = ", ".join(_moved(shift))
        yield f"{shift.flag} in {shift.environment}: {told}, {whose}{interval}{': ' if moved else ''}{moved}."
    if stored.unaffected:
        yield f"{_flags(stored.unaffected)}: nobody gets another value."
    if stored.left_out:
        yield f"{_flags(stored.left_out)}: not looked at."


def _flags(count: int) -> str:
    return "1 flag that follows it" if count == 1 else f"{count:,} flags that follow it"


def _moved(shift: PredictedShift) -> Iterator[str]:
    """The variants whose share changes, those that most contexts get afterwards first; none where a side is open."""
    if not (shift.before and shift.after):
        return
    keys = sorted({**shift.before, **shift.after}, key=lambda key: (-shift.after.get(key, 0.0), key))
    for key in keys:
        before, after = shift.before.get(key, 0.0), shift.after.get(key, 0.0)
        if before != after:
            yield f"{key or '(error)'} {about(before)} to {about(after)}"
