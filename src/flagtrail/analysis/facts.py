"""What is known of attributes whose values are not: tests that hold, tests that do not, and what follows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

from flagtrail.engine.operators import MEANINGS, holds
from flagtrail.model.condition import Condition, Operator, Scalar

Fact: TypeAlias = tuple[Condition, bool]
"""A test of one attribute, and whether it holds."""

PRESENCE = ("exists", "not_exists")
EQUALITIES = ("equals", "in")


def decided(test: Condition, facts: Sequence[Fact]) -> bool | None:
    """What the facts about the test's attribute say of it; None where they leave it open."""
    if not fits([*facts, (test, True)]):
        return False
    return None if fits([*facts, (test, False)]) else True


def fits(facts: Sequence[Fact]) -> bool:
    """Whether facts about one attribute may all be true of one context. False is a proof, True is not.

    An attribute may be a list, any element of which may hold, so only three
    things can contradict each other: presence itself, and a test for equality
    that holds while each of its values would make a test hold that does not.
    """
    return absent_fits(facts) or present_fits(facts)


def absent_fits(facts: Sequence[Fact]) -> bool:
    """Whether all the facts agree with the attribute being absent."""
    return all((test.operator == "not_exists") == held for test, held in facts)


def present_fits(facts: Sequence[Fact]) -> bool:
    """Whether the facts leave room for some value."""
    if any((test.operator == "exists") != held for test, held in facts if test.operator in PRESENCE):
        return False
    sought, refused = _sides(facts)
    return all(_left(test, refused) for test in sought if is_finite(test))


def values_known(facts: Sequence[Fact]) -> tuple[Scalar, ...] | None:
    """The only values that the attribute can have while it is present and no list; None where they are not known."""
    sought, refused = _sides(facts)
    return next((_left(test, refused) for test in sought if is_finite(test)), None)


def _sides(facts: Sequence[Fact]) -> tuple[list[Condition], list[Condition]]:
    """Tests of values of which some element holds, and those of which none does, negations undone."""
    sought: list[Condition] = []
    refused: list[Condition] = []
    for test, held in facts:
        if test.operator is not None and test.operator not in PRESENCE:
            negated = MEANINGS[test.operator].negates is not None
            (refused if held == negated else sought).append(test)
    return sought, refused


def _left(test: Condition, refused: Sequence[Condition]) -> tuple[Scalar, ...]:
    """The values of an equality that make none of the refused tests hold."""
    return tuple(value for value in test.values or () if not any(_some(other, value) for other in refused))


def _some(test: Condition, value: Scalar) -> bool:
    """Whether an element with this value makes the test hold, its negation undone."""
    return holds(_positive(test), test.values or (), value, case_sensitive=test.case_sensitive)


def is_finite(test: Condition) -> bool:
    """Whether the test, or what it negates, is an equality with exactly these values."""
    return _positive(test) in EQUALITIES and test.case_sensitive


def _positive(test: Condition) -> Operator:
    operator = test.operator or "exists"
    return MEANINGS[operator].negates or operator
