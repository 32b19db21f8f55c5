"""What a change does to one flag by the rules alone: where there are no contexts to try it on.

Before and after are put into one world, side by side, under a flag that serves
the pair of what both serve. Walking that flag tells the shares of the
transitions exactly: what is assumed of a context, and where its key falls in a
split, holds on both sides at once.
"""

from __future__ import annotations

from itertools import product

import msgspec

from flagtrail.analysis.shares import Answer, Portion, answer, percent_words
from flagtrail.analysis.world import World
from flagtrail.changes.diff import same
from flagtrail.model.condition import Condition
from flagtrail.model.flag import Flag
from flagtrail.model.segment import Segment
from flagtrail.model.targeting import Rule, Serve, Targeting

MAX_VARIANTS = 8
"""With more, before and after are told apart from each other: pairs of them would be too many."""

_BOTH = "/both"
_AFTER = "after/"
"""No key has a slash in it."""


class RulesTransition(msgspec.Struct, frozen=True):
    """One variant before, one after (null: an error), and the share (0 to 1) of the contexts that go that way.

    `differs` says whether the value is another one.
    """

    before: str | None
    after: str | None
    differs: bool
    share: float


class CaseShift(msgspec.Struct, frozen=True):
    """Contexts for which `condition` holds (`when`, in words) and that of no case before it; null is everybody else."""

    when: str | None
    condition: Condition | None
    transitions: tuple[RulesTransition, ...]

    @property
    def changed(self) -> float:
        """The share of these contexts that gets another value."""
        return sum(each.share for each in self.transitions if each.differs)


class RulesShift(msgspec.Struct, frozen=True):
    """What the rules say of one flag before and after.

    `cases` are asked in order, as those of an `Answer`; empty where the transitions cannot be told in cases.
    `changed` is the share (0 to 1) of all contexts that gets another value; null where that differs from case to case.
    """

    before: Answer
    after: Answer
    cases: tuple[CaseShift, ...]
    changed: float | None


def by_rules(before: World, after: World, flag: str) -> RulesShift:
    """The shift of a flag, out of the documents it depends on before and after."""
    cases = _cases(before, after, flag)
    shares = {round(case.changed, 9) for case in cases}
    changed = shares.pop() if len(shares) == 1 else None
    return RulesShift(answer(before, flag, {}), answer(after, flag, {}), cases, changed)


def _cases(before: World, after: World, flag: str) -> tuple[CaseShift, ...]:
    was, becomes = _living(before, flag), _living(after, flag)
    if max(len(was), len(becomes)) > MAX_VARIANTS:
        return ()
    pairs = list(product((*was, None), (*becomes, None)))
    found = answer(_side_by_side(before, after, flag, pairs), _BOTH, {})
    told: list[CaseShift] = []
    for case in found.cases:
        served = [(pairs[int(portion.variant or "-1")], portion) for portion in case.portions]
        transitions = [_transition(pair, portion, was, becomes) for pair, portion in served]
        ordered = sorted(transitions, key=lambda each: (not each.differs, -each.share))
        told.append(CaseShift(case.when, case.condition, tuple(ordered)))
    return tuple(told)


def _transition(
    pair: tuple[str | None, str | None], portion: Portion, was: dict[str, object], becomes: dict[str, object]
) -> RulesTransition:
    before, after = pair
    neither = before is None and after is None
    both = before is not None and after is not None
    differs = not (neither or (both and same(was[before or ""], becomes[after or ""])))
    return RulesTransition(before, after, differs, portion.percent / 100)


def _living(world: World, flag: str) -> dict[str, object]:
    """The variants that evaluating the flag can end with."""
    held = world.flags.get(flag)
    return {} if held is None or held.archived else dict(held.variants)


def _side_by_side(before: World, after: World, flag: str, pairs: list[tuple[str | None, str | None]]) -> World:
    """Both worlds in one, the later one's keys renamed, and the flag that serves the place of its pair."""
    was, becomes = tuple(_living(before, flag)), tuple(_living(after, flag))
    rules = tuple(
        Rule(f"r{place}", Condition(all=(_serves(flag, one, was), _serves(_AFTER + flag, other, becomes))), Serve(key))
        for place, (one, other) in enumerate(pairs)
        for key in [str(place)]
    )
    last = str(len(pairs) - 1)
    both = Flag(_BOTH, "string", {str(place): str(place) for place in range(len(pairs))})
    return World(
        {**before.flags, **{_AFTER + key: held for key, held in after.flags.items()}, _BOTH: both},
        {
            **before.targetings,
            **{_AFTER + key: _renamed(held) for key, held in after.targetings.items()},
            _BOTH: Targeting(off_variant=last, fallthrough=Serve(last), enabled=True, rules=rules),
        },
        {
            **before.segments,
            **{
                _AFTER + key: Segment(_AFTER + key, _renamed_condition(held.when))
                for key, held in after.segments.items()
            },
        },
        frozenset(),
    )


def _serves(flag: str, variant: str | None, variants: tuple[str, ...]) -> Condition:
    """That the flag serves the variant; None: that it serves none of them."""
    if variant is None:
        return Condition(not_=Condition(flag=flag, variants=variants))
    return Condition(flag=flag, variants=(variant,))


def _renamed(targeting: Targeting) -> Targeting:
    return msgspec.structs.replace(
        targeting,
        prerequisites=tuple(msgspec.structs.replace(each, flag=_AFTER + each.flag) for each in targeting.prerequisites),
        rules=tuple(msgspec.structs.replace(rule, when=_renamed_condition(rule.when)) for rule in targeting.rules),
    )


def _renamed_condition(condition: Condition) -> Condition:
    """The condition with the flags and segments that it names renamed, however deep."""
    return msgspec.structs.replace(
        condition,
        all=None if condition.all is None else tuple(map(_renamed_condition, condition.all)),
        any=None if condition.any is None else tuple(map(_renamed_condition, condition.any)),
        not_=None if condition.not_ is None else _renamed_condition(condition.not_),
        segment=None if condition.segment is None else _AFTER + condition.segment,
        flag=None if condition.flag is None else _AFTER + condition.flag,
    )


def case_words(case: CaseShift) -> str:
    """One case in words: `if plan equals pro: 25 % get on instead of off`."""
    told = ", ".join(
        f"{percent_words(each.share * 100)} get {instead(each.before, each.after)}"
        for each in case.transitions
        if each.differs
    )
    return f"{'' if case.when is None else f'if {case.when}: '}{told or 'nothing changes'}"


def instead(before: str | None, after: str | None) -> str:
    """What is got instead of what, in words.

    >>> instead("off", "on"), instead("on", "on"), instead(None, "on")
    ('on instead of off', 'another value of on', "on instead of the caller's own default")
    """
    if before == after:
        return f"another value of {after}"
    own = "the caller's own default"
    return f"{after or own} instead of {before or own}"
