"""What each operator means: the plain reading of the table in docs/reference/operators.md.

`holds` judges one attribute against one condition, value by value. The
interpreter uses it as it stands; compiled flags use prepared forms of the same
meaning (`engine/matchers.py`), and the tests compare the two.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Literal

import msgspec

from flagtrail.engine import networks
from flagtrail.engine.attributes import LISTS, integer, is_number, plain
from flagtrail.engine.instants import instant
from flagtrail.engine.patterns import PatternInvalid, found, pattern
from flagtrail.engine.versions import precedence
from flagtrail.model.condition import Operator, Scalar

Takes = Literal["anything", "text", "pattern", "number", "instant", "version", "network", "nothing", "divisor"]
"""What an operator's values must be; `divisor` is the pair [divisor, remainder] of `modulo`."""


class Meaning(msgspec.Struct, frozen=True):
    """One operator: what its values are, and whether one plain attribute holds for one plain value.

    `test` is None where values are not judged one by one. `negates` names the
    operator that it is the opposite of, for an attribute that is present.
    """

    takes: Takes
    test: Callable[[object, object], bool] | None = None
    negates: Operator | None = None


def same(actual: object, value: object) -> bool:
    """Equal and of one type: text, number or boolean."""
    if isinstance(actual, str) or isinstance(value, str):
        return isinstance(actual, str) and isinstance(value, str) and actual == value
    if isinstance(actual, bool) or isinstance(value, bool):
        return actual is value
    return is_number(actual) and is_number(value) and actual == value


def _texts(test: Callable[[str, str], bool]) -> Callable[[object, object], bool]:
    return lambda actual, value: isinstance(actual, str) and isinstance(value, str) and test(actual, value)


def _numbers(test: Callable[[float, float], bool]) -> Callable[[object, object], bool]:
    def tested(actual: object, value: object) -> bool:
        return (
            isinstance(actual, (int, float))
            and isinstance(value, (int, float))
            and is_number(actual)
            and is_number(value)
            and test(actual, value)
        )

    return tested


def _instants(test: Callable[[int, int], bool]) -> Callable[[object, object], bool]:
    def tested(actual: object, value: object) -> bool:
        left, right = instant(actual), instant(value)
        return left is not None and right is not None and test(left, right)

    return tested


def _versions(signs: tuple[int, ...]) -> Callable[[object, object], bool]:
    def test(actual: str, value: str) -> bool:
        left, right = precedence(actual), precedence(value)
        return left is not None and right is not None and (left > right) - (left < right) in signs

    return _texts(test)


def _matches(*, case_sensitive: bool) -> Callable[[object, object], bool]:
    def test(actual: str, value: str) -> bool:
        try:
            return found(pattern(value, case_sensitive=case_sensitive), actual)
        except PatternInvalid:
            return False

    return _texts(test)


def _in_network(actual: str, value: str) -> bool:
    net, address = networks.network(value), networks.address(actual)
    return net is not None and address is not None and address in net


MEANINGS: dict[str, Meaning] = {
    "equals": Meaning("anything", same),
    "not_equals": Meaning("anything", same, "equals"),
    "in": Meaning("anything", same),
    "not_in": Meaning("anything", same, "in"),
    "contains": Meaning("text", _texts(lambda actual, value: value in actual)),
    "starts_with": Meaning("text", _texts(lambda actual, value: actual.startswith(value))),
    "ends_with": Meaning("text", _texts(lambda actual, value: actual.endswith(value))),
    "matches": Meaning("pattern", _matches(case_sensitive=True)),
    "gt": Meaning("number", _numbers(lambda actual, value: actual > value)),
    "gte": Meaning("number", _numbers(lambda actual, value: actual >= value)),
    "lt": Meaning("number", _numbers(lambda actual, value: actual < value)),
    "lte": Meaning("number", _numbers(lambda actual, value: actual <= value)),
    "before": Meaning("instant", _instants(lambda actual, value: actual < value)),
    "after": Meaning("instant", _instants(lambda actual, value: actual > value)),
    "semver_eq": Meaning("version", _versions((0,))),
    "semver_gt": Meaning("version", _versions((1,))),
    "semver_gte": Meaning("version", _versions((1, 0))),
    "semver_lt": Meaning("version", _versions((-1,))),
    "semver_lte": Meaning("version", _versions((-1, 0))),
    "exists": Meaning("nothing"),
    "not_exists": Meaning("nothing", negates="exists"),
    "cidr": Meaning("network", _texts(_in_network)),
    "modulo": Meaning("divisor"),
}

_MATCHES_ANY_CASE = _matches(case_sensitive=False)


def holds(operator: Operator, values: Sequence[Scalar], actual: object, *, case_sensitive: bool = True) -> bool:
    """Whether an attribute holds; `actual` is None where it is absent."""
    if actual is None:
        return operator == "not_exists"
    meaning = MEANINGS[operator]
    if meaning.takes == "nothing":
        return meaning.negates is None
    if meaning.test is None:
        return any(remainder_is(values, element) for element in _elements(actual))
    test = meaning.test if case_sensitive else _any_case(operator, meaning.test)
    positive = any(test(element, plain(value)) for element in _elements(actual) for value in values)
    return positive if meaning.negates is None else not positive


def _any_case(operator: Operator, test: Callable[[object, object], bool]) -> Callable[[object, object], bool]:
    if operator == "matches":
        return _MATCHES_ANY_CASE
    if MEANINGS[operator].takes not in {"anything", "text"}:
        return test
    return lambda actual, value: test(folded(actual), folded(value))


def folded(value: object) -> object:
    """A text without regard to case (Unicode case folding), anything else unchanged."""
    return value.casefold() if isinstance(value, str) else value


def _elements(actual: object) -> list[object]:
    """The plain values in question: the elements of a list (and of lists in it), or the one value."""
    if isinstance(actual, LISTS):
        return [held for element in actual for held in _elements(element)]
    return [plain(actual)]


def divisor(values: Sequence[Scalar]) -> tuple[int, int] | None:
    """`modulo`'s [divisor, remainder], or None where they can never hold."""
    pair = [integer(value) for value in values]
    match pair:
        case [int(by), int(rest)] if by > 0 and 0 <= rest < by:
            return by, rest
        case _:
            return None


def remainder_is(values: Sequence[Scalar], actual: object) -> bool:
    """Whether an integer attribute leaves the remainder that `modulo` names."""
    pair, number = divisor(values), integer(actual)
    return pair is not None and number is not None and number % pair[0] == pair[1]


def value_defect(takes: Takes, value: object) -> str | None:
    """What is wrong with one value of an operator that takes `takes`, or None."""
    if isinstance(value, float) and not math.isfinite(value):
        return f"is {value}, which is no JSON number"
    match takes:
        case "text":
            return None if isinstance(value, str) else f"is {value!r}, a text is needed"
        case "pattern":
            return _pattern_defect(value)
        case "number":
            return None if is_number(value) else f"is {value!r}, a number is needed"
        case "instant":
            told = f"is {value!r}; an RFC 3339 time (2026-11-22T07:00:00Z) or a number of seconds since 1970 is needed"
            return told if instant(value) is None else None
        case "version":
            valid = isinstance(value, str) and precedence(value) is not None
            return None if valid else f"is {value!r}; a semantic version such as 3.2.0 or 4.0.0-rc.1 is needed"
        case "network":
            valid = isinstance(value, str) and networks.network(value) is not None
            return None if valid else f"is {value!r}; a network such as 10.0.0.0/8 or 2001:db8::/32 is needed"
        case _:
            return None


def _pattern_defect(value: object) -> str | None:
    if not isinstance(value, str):
        return f"is {value!r}, a text is needed"
    try:
        pattern(value)
    except PatternInvalid as error:
        return f"is no regular expression of RE2: {error}"
    return None
