"""Prepared conditions: the same meaning as `engine/operators.py`, with constants worked out once.

A matcher takes an attribute's value (None where it is absent) and says whether
the condition holds. Compiled flags inline the commonest cases and come here
for the rest.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

import msgspec

from flagtrail.engine import networks
from flagtrail.engine.attributes import EXACT, LISTS, integer, is_number, plain
from flagtrail.engine.instants import instant
from flagtrail.engine.operators import divisor
from flagtrail.engine.patterns import PatternInvalid, found, pattern
from flagtrail.engine.versions import VERSIONS, Precedence, precedence
from flagtrail.model.condition import Condition

Matcher: TypeAlias = Callable[[object], bool]

NEGATED = frozenset({"not_equals", "not_in"})
_TEXT = frozenset({str})


class Equality(msgspec.Struct, frozen=True):
    """The values of an equality by type, because `1`, `1.0` and `True` are one key to a Python set."""

    texts: frozenset[str]
    numbers: frozenset[float]
    booleans: frozenset[bool]
    folds: bool

    @property
    def texts_only(self) -> bool:
        """Whether nothing but a text, compared with its case, can be equal."""
        return not (self.folds or self.numbers or self.booleans)


def equality(condition: Condition) -> Equality:
    """The values of `equals`, `in` and their opposites."""
    values: tuple[Any, ...] = condition.values or ()
    folds = not condition.case_sensitive
    if not folds and _TEXT.issuperset(map(type, values)):  # as most are, and they may be many
        return Equality(frozenset(values), frozenset(), frozenset(), folds)
    texts: list[str] = []
    numbers: list[float] = []
    booleans: list[bool] = []
    for value in values:
        if isinstance(value, str):
            texts.append(value.casefold() if folds else value)
        elif isinstance(value, bool):
            booleans.append(value)
        elif _is_comparable(value):
            numbers.append(value)
    return Equality(frozenset(texts), frozenset(numbers), frozenset(booleans), folds)


def bound(condition: Condition) -> float | None:
    """The one number that decides `gt`, `gte` (the least value), `lt`, `lte` (the greatest); None: none can."""
    held = [value for value in condition.values or () if not isinstance(value, str) and _is_comparable(value)]
    if not held:
        return None
    return max(held) if condition.operator in {"lt", "lte"} else min(held)


def version_bound(condition: Condition) -> Precedence | None:
    """As `bound`, for the ordering `semver_` operators."""
    texts = (value for value in condition.values or () if isinstance(value, str))
    places = [place for place in map(precedence, texts) if place is not None]
    if not places:
        return None
    return max(places) if condition.operator in {"semver_lt", "semver_lte"} else min(places)


def texts(condition: Condition) -> tuple[str, ...]:
    """The values of an operator on texts, folded where case does not matter."""
    held = (value for value in condition.values or () if isinstance(value, str))
    return tuple(held) if condition.case_sensitive else tuple(text.casefold() for text in held)


def matcher(condition: Condition) -> Matcher:
    """Prepare a test of one attribute, for every operator but `exists` and `not_exists`."""
    test = _PREPARE[str(condition.operator)](condition)
    return _none_of(test) if condition.operator in NEGATED else _any_of(test)


def late_matcher(condition: Condition) -> Matcher:
    """As `matcher`, prepared when it is first called: for values that are seldom met, or never."""
    test: Matcher | None = None

    def held(value: object) -> bool:
        nonlocal test
        if test is None:
            test = matcher(condition)
        return test(value)

    return held


def _any_of(test: Matcher) -> Matcher:
    """Hold for the value, or for any element of a list (and of lists in it)."""

    def held(value: object) -> bool:
        if value is None:
            return False
        if type(value) in EXACT:
            return test(value)
        if isinstance(value, LISTS):
            return any(map(held, value))
        return test(plain(value))

    return held


def _none_of(test: Matcher) -> Matcher:
    held = _any_of(test)
    return lambda value: value is not None and not held(value)


def _is_comparable(value: object) -> bool:
    return is_number(value) and value == value  # noqa: PLR0124 - only NaN differs from itself


def _equality(condition: Condition) -> Matcher:
    known = equality(condition)

    def test(value: object) -> bool:
        if isinstance(value, str):
            return (value.casefold() if known.folds else value) in known.texts
        if isinstance(value, bool):
            return value in known.booleans
        return isinstance(value, (int, float)) and value in known.numbers

    return test


def _texts(compare: Callable[[str, tuple[str, ...]], bool]) -> Callable[[Condition], Matcher]:
    def prepare(condition: Condition) -> Matcher:
        known = texts(condition)
        folds = not condition.case_sensitive
        return lambda value: isinstance(value, str) and compare(value.casefold() if folds else value, known)

    return prepare


def _matches(condition: Condition) -> Matcher:
    searches: list[Callable[[str], object]] = []
    for value in condition.values or ():
        try:
            searches.extend([pattern(value, case_sensitive=condition.case_sensitive)] if isinstance(value, str) else ())
        except PatternInvalid:
            continue
    return lambda value: isinstance(value, str) and any(found(search, value) for search in searches)


def _order(compare: Callable[[float, float], bool]) -> Callable[[Condition], Matcher]:
    def prepare(condition: Condition) -> Matcher:
        limit = bound(condition)
        if limit is None:
            return _nothing
        return lambda value: isinstance(value, (int, float)) and is_number(value) and compare(value, limit)

    return prepare


def _nothing(_value: object) -> bool:
    return False


def _instant(condition: Condition) -> Matcher:
    known = [found for found in map(instant, condition.values or ()) if found is not None]
    if not known:
        return _nothing
    earliest, latest = min(known), max(known)

    def test(value: object) -> bool:
        asked = instant(value)
        return asked is not None and (asked < latest if condition.operator == "before" else asked > earliest)

    return test


def _version_order(compare: Callable[[Precedence, Precedence], bool]) -> Callable[[Condition], Matcher]:
    def prepare(condition: Condition) -> Matcher:
        limit = version_bound(condition)
        if limit is None:
            return _nothing
        return lambda value: isinstance(value, str) and compare(VERSIONS[value], limit)

    return prepare


def _version_equality(condition: Condition) -> Matcher:
    known = {place for place in map(precedence, texts(condition)) if place is not None}
    return lambda value: isinstance(value, str) and VERSIONS[value] in known


def _network(condition: Condition) -> Matcher:
    known = networks.Networks(net for net in map(networks.network, texts(condition)) if net is not None)
    return lambda value: isinstance(value, str) and value in known


def _modulo(condition: Condition) -> Matcher:
    pair = divisor(condition.values or ())
    if pair is None:
        return _nothing
    by, rest = pair

    def test(value: object) -> bool:
        number = integer(value)
        return number is not None and number % by == rest

    return test


_PREPARE: dict[str, Callable[[Condition], Matcher]] = {
    "equals": _equality,
    "not_equals": _equality,
    "in": _equality,
    "not_in": _equality,
    "contains": _texts(lambda value, known: any(text in value for text in known)),
    "starts_with": _texts(str.startswith),
    "ends_with": _texts(str.endswith),
    "matches": _matches,
    "gt": _order(lambda value, limit: value > limit),
    "gte": _order(lambda value, limit: value >= limit),
    "lt": _order(lambda value, limit: value < limit),
    "lte": _order(lambda value, limit: value <= limit),
    "before": _instant,
    "after": _instant,
    "semver_eq": _version_equality,
    "semver_gt": _version_order(lambda place, limit: place > limit),
    "semver_gte": _version_order(lambda place, limit: place >= limit),
    "semver_lt": _version_order(lambda place, limit: place < limit),
    "semver_lte": _version_order(lambda place, limit: place <= limit),
    "cidr": _network,
    "modulo": _modulo,
}
