"""What a flag serves to contexts of which only some attributes are known: a decision list with shares.

The flag is walked once per way through it. Where an unknown attribute or a
split over unknown keys decides, the walk forks; each way ends at one variant,
with the conditions it assumed and the part of all keys that goes this way.
"""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from typing import TypeAlias

import msgspec

from flagtrail.analysis import facts
from flagtrail.analysis.world import World
from flagtrail.engine.attributes import plain, read
from flagtrail.engine.bucketing import NATIVE, STRATEGIES, Strategy
from flagtrail.engine.operators import holds
from flagtrail.engine.references import closure, segment_closure
from flagtrail.engine.resolutions import off
from flagtrail.model.condition import Condition
from flagtrail.model.context import TARGETING_KEY
from flagtrail.model.flag import Flag, Json
from flagtrail.model.targeting import WHOLE, Serve, Share

MAX_WAYS = 512
MAX_KEYS = 20

Draw: TypeAlias = tuple[str, str, str]
"""(attribute, salt, strategy): splits with the same three see the same bucket."""


class Way(msgspec.Struct, frozen=True):
    """One way through: what it assumes of open conditions (see `Walk.conditions`), the part of all keys that goes it,
    and the variant at its end.

    The variant is None where evaluation ends with an error (the caller gets its own default).
    """

    assumed: dict[bytes, bool]
    part: Fraction
    variant: str | None


class Unclear(Exception):
    """The flag depends on more than can be told apart in `MAX_WAYS` ways."""


class _Contradiction(Exception):
    """The way assumed what cannot be true of one context."""


class Walk:
    """All ways through one flag.

    `conditions` are the open conditions by their JSON (Python's own equality
    takes `1` for `true`); `keyed` are the attributes that splits hash, and that are taken to be present.
    """

    def __init__(self, world: World, where: Mapping[str, Json]) -> None:
        self._world = world
        self._where = where
        self.keyed: set[str] = set()
        self.conditions: dict[bytes, Condition] = {}
        self._choices: list[tuple[int, int]] = []
        self._key_tests: dict[str, list[Condition]] = {}
        self._begin()

    def _begin(self) -> None:
        self._at = 0
        self._assumed: dict[bytes, bool] = {}
        self._facts: dict[str, list[facts.Fact]] = {}
        self._draws: dict[Draw, tuple[int, int]] = {}
        self._variants: dict[str, str | None] = {}

    def ways(self, flag: str) -> list[Way]:
        """Every way through the flag that is not known to be impossible. Raises Unclear."""
        found: list[Way] = []
        for _ in range(MAX_WAYS):
            self._begin()
            try:
                variant = self._variant(flag)
            except _Contradiction:
                pass
            else:
                found.append(Way(self._assumed, self._part(), variant))
            while self._choices and self._choices[-1][0] + 1 == self._choices[-1][1]:
                self._choices.pop()
            if not self._choices:
                return found
            taken, options = self._choices[-1]
            self._choices[-1] = (taken + 1, options)
        raise Unclear

    def _part(self) -> Fraction:
        part = Fraction(1)
        for low, high in self._draws.values():
            part *= Fraction(high - low, WHOLE)
        return part

    def _choose(self, options: int) -> int:
        """The option to take at this fork: the next untried one where all before it are repeated."""
        if self._at == len(self._choices):
            self._choices.append((0, options))
        self._at += 1
        return self._choices[self._at - 1][0]

    def _variant(self, key: str) -> str | None:
        if key not in self._variants:
            self._variants[key] = self._evaluate(key)
        return self._variants[key]

    def _evaluate(self, key: str) -> str | None:
        world = self._world
        flag, targeting = world.flags.get(key), world.targetings.get(key)
        if flag is None or flag.archived:
            return None
        if targeting is None or not targeting.enabled:
            return off(flag, targeting).variant
        if key in closure(key, world.targetings, world.segments).flags:
            return None
        if not all(self._variant(each.flag) in each.variants for each in targeting.prerequisites):
            return off(flag, targeting).variant
        for rule in targeting.rules:
            if self._holds(rule.when):
                return self._serve(flag, rule.serve)
        return self._serve(flag, targeting.fallthrough)

    def _holds(self, condition: Condition) -> bool:
        rest = self._rest(condition)
        if isinstance(rest, bool):
            return rest
        return self._assume(rest)

    def _assume(self, condition: Condition) -> bool:
        """Fork on an open condition; raises _Contradiction on the branch that cannot be."""
        key = msgspec.json.encode(condition)
        if key not in self._assumed:
            self.conditions[key] = condition
            self._assumed[key] = self._choose(2) == 0
            self._learn(condition, self._assumed[key])
        return self._assumed[key]

    def _learn(self, condition: Condition, held: bool) -> None:
        form = condition.form()
        if form == "attribute":
            known = self._facts.setdefault(condition.attribute or "", [])
            known.append((condition, held))
            if not facts.fits(known):
                raise _Contradiction
        elif form == "not":
            self._learn(condition.parts()[0], not held)
        elif held == (form == "all"):
            for part in condition.parts():
                self._learn(part, held)

    def _rest(self, condition: Condition) -> Condition | bool:
        """What is left open of a condition; other flags are resolved on the way, by forking."""
        match condition.form():
            case "all":
                return self._joined(condition, decisive=False)
            case "any":
                return self._joined(condition, decisive=True)
            case "not":
                rest = self._rest(condition.parts()[0])
                return (not rest) if isinstance(rest, bool) else Condition(not_=rest)
            case "segment":
                return self._segment(condition.segment or "")
            case "flag":
                return self._variant(condition.flag or "") in (condition.variants or ())
            case "attribute":
                return self._test(condition)
            case _:
                return False

    def _joined(self, condition: Condition, *, decisive: bool) -> Condition | bool:
        open_: list[Condition] = []
        for part in condition.parts():
            rest = self._rest(part)
            if rest is decisive:
                return decisive
            if not isinstance(rest, bool):
                open_.append(rest)
        if len(open_) < 2:  # noqa: PLR2004 - one part needs no joining
            return open_[0] if open_ else not decisive
        return Condition(any=tuple(open_)) if decisive else Condition(all=tuple(open_))

    def _segment(self, key: str) -> Condition | bool:
        world = self._world
        if key not in world.segments or key in segment_closure(key, world.targetings, world.segments).segments:
            return False
        return self._rest(world.segments[key].when)

    def _test(self, condition: Condition) -> Condition | bool:
        if condition.attribute is None or condition.operator is None:
            return False
        if is_known(condition.attribute, self._where):
            actual = read(self._where, condition.attribute)
            return holds(condition.operator, condition.values or (), actual, case_sensitive=condition.case_sensitive)
        known = facts.decided(condition, self._facts.get(condition.attribute, ()))
        return condition if known is None else known

    def _serve(self, flag: Flag, serve: Serve) -> str | None:
        variant = serve.variant if serve.variant is not None else self._split(flag, serve)
        return variant if variant in flag.variants else None

    def _split(self, flag: Flag, serve: Serve) -> str | None:
        shares = [share for share in serve.split or () if share.weight > 0]
        strategy = STRATEGIES.get(serve.bucketing or NATIVE)
        if not shares or strategy is None:
            return None
        if len(shares) == 1:
            return shares[0].variant
        by, salt = serve.by or TARGETING_KEY, flag.key if serve.salt is None else serve.salt
        if is_known(by, self._where):
            return _share_of(shares, strategy, salt, read(self._where, by))
        return self._unknown_key(shares, strategy, salt, by)

    def _unknown_key(self, shares: list[Share], strategy: Strategy, salt: str, by: str) -> str | None:
        for test in self._tests_of_keys(by):
            self._holds(test)  # asked before any draw: a key that is known by name has one bucket, not a share of them
        known = self._facts.get(by, [])
        if not facts.present_fits(known):
            return None
        self.keyed.add(by)
        values = facts.values_known(known)
        if values is None:
            return self._draw(shares, (by, salt, strategy.name))
        if len(values) > MAX_KEYS or not all(isinstance(value, str) for value in values):
            raise Unclear
        for value in values:
            if self._holds(Condition(attribute=by, operator="equals", values=(value,))):
                return _share_of(shares, strategy, salt, value)
        raise _Contradiction  # none of the values is left but absence, and the key is taken to be present

    def _tests_of_keys(self, by: str) -> list[Condition]:
        """Every test for equality that the flag or what it depends on makes of the attribute."""
        if by not in self._key_tests:
            self._key_tests[by] = [
                part
                for root in self._world.conditions()
                for part in root.walk()
                if part.attribute == by and facts.is_finite(part)
            ]
        return self._key_tests[by]

    def _draw(self, shares: list[Share], draw: Draw) -> str:
        """Fork on where an unknown key falls; what an earlier split with this salt said of it still holds."""
        low, high = self._draws.get(draw, (0, WHOLE))
        ends: list[tuple[int, int, str]] = []
        start = 0
        for share in shares:
            end = WHOLE if share is shares[-1] else min(start + share.weight, WHOLE)
            if max(start, low) < min(end, high):
                ends.append((max(start, low), min(end, high), share.variant))
            start = end
        taken = ends[self._choose(len(ends))] if len(ends) > 1 else ends[0]
        self._draws[draw] = taken[:2]
        return taken[2]


def is_known(attribute: str, where: Mapping[str, Json]) -> bool:
    """Whether `where` says what the attribute is: it, or the object that its dotted path starts from."""
    return attribute in where or attribute.partition(".")[0] in where


def _share_of(shares: list[Share], strategy: Strategy, salt: str, key: object) -> str | None:
    """The variant of a known key, as the engine finds it; None where the key cannot be hashed."""
    key = plain(key)
    if isinstance(key, bool) or not isinstance(key, (str, int)):
        return None
    try:
        point = strategy.point(salt, str(key))
    except UnicodeEncodeError:
        return None
    end = 0
    for share in shares:
        end += share.weight
        if strategy.within(point, min(end, WHOLE)):
            return share.variant
    return shares[-1].variant
