from __future__ import annotations

from enum import IntEnum, StrEnum
from types import MappingProxyType
from typing import Any

import pytest

from flagtrail.engine.attributes import plain, read, reader
from flagtrail.engine.ruleset import Ruleset
from flagtrail.model.condition import Condition
from flagtrail.model.flag import boolean_flag
from flagtrail.model.targeting import Rule, Serve, Targeting


class Plan(StrEnum):
    PRO = "pro"


class Level(IntEnum):
    HIGH = 3


class Ratio(float):
    pass


CASES: list[Any] = [
    pytest.param({"plan": "pro"}, "plan", "pro", id="plain"),
    pytest.param({}, "plan", None, id="missing"),
    pytest.param({"user": {"plan": "pro"}}, "user.plan", "pro", id="nested"),
    pytest.param({"user.plan": "free", "user": {"plan": "pro"}}, "user.plan", "free", id="literal key wins"),
    pytest.param({"user.plan": None, "user": {"plan": "pro"}}, "user.plan", "pro", id="null literal key is absent"),
    pytest.param({"user": MappingProxyType({"plan": "pro"})}, "user.plan", "pro", id="any mapping"),
    pytest.param({"user": "pro"}, "user.plan", None, id="path through a text"),
    pytest.param({"user": None}, "user.plan", None, id="path through null"),
    pytest.param({"orders": [{"n": 1}, {"n": 2}, {"m": 3}, 4]}, "orders.n", [1, 2], id="list on the way"),
    pytest.param({"orders": [{"m": 1}]}, "orders.n", None, id="list of which nothing has it"),
    pytest.param({"a": [{"b": [{"c": 1}, {"c": 2}]}]}, "a.b.c", [[1, 2]], id="lists within lists"),
    pytest.param({"a": ({"b": 1},)}, "a.b", [1], id="tuple on the way"),
    pytest.param({"": {"": 1}}, ".", 1, id="empty names"),
]


@pytest.mark.parametrize(("context", "attribute", "expected"), CASES)
def test_read__attribute__is_found_where_documented(context: dict[str, Any], attribute: str, expected: object) -> None:
    assert read(context, attribute) == expected


@pytest.mark.parametrize(("context", "attribute", "expected"), CASES)
def test_reader__attribute__is_found_where_read_finds_it(
    context: dict[str, Any], attribute: str, expected: object
) -> None:
    assert reader(attribute)(context) == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [(Plan.PRO, "pro"), (Level.HIGH, 3), (Ratio(0.5), 0.5), (True, True), (None, None), ([1], [1]), (b"x", b"x")],
)
def test_plain__value__has_a_type_of_json(value: object, expected: object) -> None:
    stripped = plain(value)
    assert (stripped, type(stripped)) == (expected, type(expected))


@pytest.mark.parametrize(
    ("value", "condition"),
    [
        (Plan.PRO, Condition(attribute="a", operator="equals", values=("pro",))),
        (Plan.PRO, Condition(attribute="a", operator="in", values=("pro", "x"))),
        ({Plan.PRO}, Condition(attribute="a", operator="in", values=("pro", "x"))),
        (Level.HIGH, Condition(attribute="a", operator="gte", values=(3,))),
        (Ratio(0.5), Condition(attribute="a", operator="lt", values=(1,))),
        ((1, 2), Condition(attribute="a", operator="equals", values=(2,))),
    ],
)
def test_evaluate__values_of_python_types__match_as_their_json_would(value: object, condition: Condition) -> None:
    rules = (Rule("r", condition, Serve(variant="on")),)
    targeting = Targeting("off", Serve(variant="off"), enabled=True, rules=rules)
    ruleset = Ruleset({"f": boolean_flag("f")}, {"f": targeting}, {})
    assert (ruleset.evaluate("f", {"a": value}).variant, ruleset.explain("f", {"a": value}).resolution.variant) == (
        "on",
        "on",
    )
