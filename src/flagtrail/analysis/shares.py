"""The share of contexts that gets each variant, case by case, at one moment."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import Literal, TypeAlias

import msgspec

from flagtrail.analysis.partial import Unclear, Walk, Way, is_known
from flagtrail.analysis.world import World
from flagtrail.changes.diff import condition_words, same, text
from flagtrail.model.condition import Condition
from flagtrail.model.flag import Json

MAX_CASES = 64
NO_VARIANT = "no variant"
_PLAIN = {"on": True, "off": False}
_ALL_OR_NONE = {100.0: "all", 0.0: "none"}

Standing = Literal["served", "archived", "missing"]
Parts: TypeAlias = Mapping[str | None, Fraction]
Cases: TypeAlias = list[tuple[list[Condition], Parts]]


class Portion(msgspec.Struct, frozen=True):
    """One variant's share in percent: exactly 100 or 0 only where that is certain.

    `variant` is None where evaluating ends with an error, so that the caller
    gets its own default. `value` is the variant's at that moment.
    """

    variant: str | None
    percent: float
    value: Json = None

    @property
    def words(self) -> str:
        """The variant with its share: `on 25 %`; with its value where its name does not say it: `half (0.5) 25 %`."""
        plain = self.variant is None or self.value is _PLAIN.get(self.variant) or text(self.value) == self.variant
        value = "" if plain else f" ({text(self.value)})"
        return f"{self.variant or NO_VARIANT}{value} {percent_words(self.percent)}"


class Case(msgspec.Struct, frozen=True):
    """Contexts for which `condition` holds (`when`, in words) and that of no case before it; None is everybody else."""

    when: str | None
    condition: Condition | None
    portions: tuple[Portion, ...]

    @property
    def words(self) -> str:
        """`if country equals DE: on 100 %`, or `on 25 %, off 75 %` where there is no condition."""
        shown = ", ".join(portion.words for portion in self.portions)
        return shown if self.when is None else f"if {self.when}: {shown}"


class Answer(msgspec.Struct, frozen=True):
    """What a flag serves at one moment.

    `cases` are asked in order; the last one has no condition. They are empty
    where the flag does not exist or is archived (`standing`), and where it
    depends on more than can be told in cases: then `depends_on` names the
    attributes. `assumes_present` are the attributes that splits hash.
    """

    standing: Standing
    cases: tuple[Case, ...] = ()
    depends_on: tuple[str, ...] = ()
    assumes_present: tuple[str, ...] = ()

    @property
    def words(self) -> str:
        """One line, for example "if country equals DE: on 100 %; else off 75 %, on 25 %"."""
        if self.standing != "served":
            return "none (no such flag)" if self.standing == "missing" else "none (archived)"
        if not self.cases:
            return f"depends on {', '.join(self.depends_on)}"
        told = [case.words for case in self.cases]
        return "; else ".join(told)

    def share(self, variant: str) -> float | None:
        """The variant's percentage for everybody; None where it differs from case to case or cannot be told."""
        if self.standing != "served":
            return 0.0
        if len(self.cases) != 1:
            return None
        return next((each.percent for each in self.cases[0].portions if each.variant == variant), 0.0)

    @property
    def only_variant(self) -> str | None:
        """The one variant that everybody gets, or None."""
        portions = self.cases[0].portions if len(self.cases) == 1 else ()
        return portions[0].variant if len(portions) == 1 else None


def share_words(answer: Answer, variant: str) -> str:
    """One variant's share, with what it depends on: `all`, `none`, `25 %`, `all if country equals DE, else 25 %`."""
    if answer.standing != "served":
        return "none"
    if not answer.cases:
        return f"depends on {', '.join(answer.depends_on)}"
    parts: list[tuple[list[str], str]] = []
    for case in answer.cases:
        percent = next((each.percent for each in case.portions if each.variant == variant), 0.0)
        share = _ALL_OR_NONE.get(percent) or percent_words(percent)
        when = [] if case.when is None else [case.when]
        if parts and parts[-1][1] == share:
            parts[-1] = ([*parts[-1][0], *when] if when else [], share)
        else:
            parts.append((when, share))
    told = [f"{share} if {' or '.join(when)}" if when else share for when, share in parts]
    return ", else ".join(told)


def percent_words(percent: float) -> str:
    """A percentage with at most three decimals, never rounded to 0 or 100 unless it is.

    >>> percent_words(25.0), percent_words(33.3333333), percent_words(0.0000001), percent_words(99.99999)
    ('25 %', '33.333 %', 'under 0.001 %', 'over 99.999 %')
    """
    shown = f"{percent:.3f}".rstrip("0").rstrip(".")
    if shown == "0" and percent > 0:
        return "under 0.001 %"
    if shown == "100" and percent < 100:  # noqa: PLR2004 - percent
        return "over 99.999 %"
    return f"{shown} %"


def alike(one: Answer, other: Answer) -> bool:
    """Whether two answers are the same in every case, values included (where Python's `==` takes `0` for `false`)."""
    return one == other and same(*(msgspec.to_builtins(each) for each in (one, other)))


def answer(world: World, flag: str, where: Mapping[str, Json]) -> Answer:
    """What the flag serves to contexts of which only `where` is known.

    A key of `where` whose value is null is an attribute known to be absent.
    """
    definition = world.flags.get(flag)
    if definition is None or definition.archived:
        return Answer("missing" if definition is None else "archived")
    walk = Walk(world, where)
    try:
        cases = _cases(walk.ways(flag), walk.conditions)
    except Unclear:
        cases = []
    if not cases:
        return Answer("served", (), depends_on=_attributes(world, where))
    told = tuple(_case(conditions, parts, definition.variants) for conditions, parts in cases)
    return Answer("served", told, (), tuple(sorted(walk.keyed)))


def _attributes(world: World, where: Mapping[str, Json]) -> tuple[str, ...]:
    """The attributes that the flag and what it depends on ask for and that are not known."""
    found = {part.attribute for root in world.conditions() for part in root.walk() if part.attribute is not None}
    for targeting in world.targetings.values():
        for serve in (targeting.fallthrough, *(rule.serve for rule in targeting.rules)):
            found |= set() if serve.by is None else {serve.by}
    return tuple(sorted(name for name in found if not is_known(name, where)))


def _case(conditions: Sequence[Condition], parts: Parts, variants: Mapping[str, Json]) -> Case:
    condition = _both(conditions) if conditions else None
    served = tuple(Portion(key, _percent(parts[key]), value) for key, value in variants.items() if key in parts)
    portions = (*served, Portion(None, _percent(parts[None]))) if None in parts else served
    return Case(None if condition is None else condition_words(condition), condition, portions)


def _percent(part: Fraction) -> float:
    """A part as a percentage that is 100 only where the part is the whole."""
    return 100.0 if part == 1 else min(float(part * 100), 99.999999)


def _cases(ways: Sequence[Way], conditions: Mapping[bytes, Condition]) -> Cases:
    """Ways as an ordered list of cases: those of the first condition that is asked, then the rest, which need not
    deny it again. Raises Unclear where they are too many.

    What is left where nothing is asked any more are draws; where their parts
    do not make up the whole, the assumptions contradict each other.
    """
    key = next((key for way in ways for key in way.assumed), None)
    if key is None:
        parts: dict[str | None, Fraction] = {}
        for way in ways:
            parts[way.variant] = parts.get(way.variant, Fraction(0)) + way.part
        return [([], parts)] if sum(parts.values()) == 1 else []
    yes, no = (_cases(_given(ways, key, held=held), conditions) for held in (True, False))
    if not no or yes == no:
        return yes
    if len(yes) + len(no) > MAX_CASES:
        raise Unclear
    return _merged([([conditions[key], *more], parts) for more, parts in yes] + no)


def _merged(cases: Cases) -> Cases:
    """Neighbours that serve the same become one."""
    found: Cases = []
    for assumed, parts in cases:
        if not found or found[-1][1] != parts:
            found.append((assumed, parts))
        else:
            before = found.pop()[0]
            found.append(([_either(before, assumed)] if assumed else [], parts))
    return found


def _either(before: Sequence[Condition], after: Sequence[Condition]) -> Condition:
    first, second = _both(before), _both(after)
    return Condition(any=(*(first.any or (first,)), *(second.any or (second,))))


def _both(conditions: Sequence[Condition]) -> Condition:
    return conditions[0] if len(conditions) == 1 else Condition(all=tuple(conditions))


def _given(ways: Sequence[Way], key: bytes, *, held: bool) -> list[Way]:
    """The ways that go on where an open condition holds (or does not)."""
    going = (way for way in ways if way.assumed.get(key, held) == held)
    return [
        msgspec.structs.replace(way, assumed={other: it for other, it in way.assumed.items() if other != key})
        for way in going
    ]
