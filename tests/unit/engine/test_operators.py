"""The table of operators: every operator, every type of attribute, absent ones, and the negation of each.

`operators.json` is the table; docs/reference/operators.md shows it.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import pytest

from flagtrail.engine.operators import MEANINGS
from flagtrail.engine.ruleset import Ruleset
from flagtrail.model.condition import OPERATORS, Condition, Operator
from flagtrail.model.flag import boolean_flag
from flagtrail.model.targeting import Rule, Serve, Targeting

TABLE: list[dict[str, Any]] = json.loads(Path(__file__).with_name("operators.json").read_text())
REFERENCE = Path(__file__).parents[3] / "docs" / "reference" / "operators.md"
KINDS = ("absent", "null", "text", "another text", "integer", "float", "boolean", "list", "empty list", "object")


class Cell(NamedTuple):
    condition: Condition
    context: dict[str, Any]
    holds: bool


def condition_of(row: dict[str, Any]) -> Condition:
    fields = {name: value for name, value in row.items() if name != "cells"}
    return msgspec.convert({"attribute": "a", **fields}, Condition)


def cells() -> list[Any]:
    found = []
    for row in TABLE:
        for kind, cell in row["cells"].items():
            context = {} if kind == "absent" else {"a": cell[0]}
            case = "" if row.get("case_sensitive", True) else " any case"
            name = f"{row['operator']}{json.dumps(row['values'])}{case}: {kind}"
            found.append(pytest.param(Cell(condition_of(row), context, cell[-1]), id=name))
    return found


def ruleset(when: Condition) -> Ruleset:
    on, off = Serve(variant="on"), Serve(variant="off")
    targeting = Targeting(off_variant="off", fallthrough=off, enabled=True, rules=(Rule("r", when, on),))
    return Ruleset({"f": boolean_flag("f")}, {"f": targeting}, {})


@pytest.mark.parametrize("cell", cells())
def test_operator__compiled__answers_as_the_table_says(cell: Cell) -> None:
    assert ruleset(cell.condition).evaluate("f", cell.context).value is cell.holds


@pytest.mark.parametrize("cell", cells())
def test_operator__interpreted__answers_as_the_table_says(cell: Cell) -> None:
    assert ruleset(cell.condition).explain("f", cell.context).resolution.value is cell.holds


@pytest.mark.parametrize("cell", cells())
def test_operator__under_not_and_compiled__is_the_opposite_even_where_absent(cell: Cell) -> None:
    assert ruleset(Condition(not_=cell.condition)).evaluate("f", cell.context).value is not cell.holds


@pytest.mark.parametrize("cell", cells())
def test_operator__under_not_and_interpreted__is_the_opposite_even_where_absent(cell: Cell) -> None:
    explained = ruleset(Condition(not_=cell.condition)).explain("f", cell.context)
    assert explained.resolution.value is not cell.holds


def test_table__rows__cover_every_operator() -> None:
    assert {row["operator"] for row in TABLE} == set(OPERATORS)


@pytest.mark.parametrize("row", TABLE, ids=lambda row: str(row["operator"]))
def test_table__each_row__has_a_cell_for_every_kind_of_attribute(row: dict[str, Any]) -> None:
    assert tuple(row["cells"]) == KINDS


def test_meanings__keys__are_the_operators_in_their_order() -> None:
    assert tuple(MEANINGS) == OPERATORS


def rendered() -> str:
    """The table as docs/reference/operators.md shows it: one line per row, the samples with their answers."""
    lines = ["| operator | values | " + " | ".join(KINDS) + " |", "|---" * (len(KINDS) + 2) + "|"]
    for row in TABLE:
        values = ", ".join(_code(value) for value in row["values"])
        if not row.get("case_sensitive", True):
            values += " *any case*"
        answers = [_answer(kind, cell) for kind, cell in row["cells"].items()]
        lines.append(f"| `{row['operator']}` | {values} | " + " | ".join(answers) + " |")
    return "\n".join(lines)


def _answer(kind: str, cell: list[Any]) -> str:
    told = "**yes**" if cell[-1] else "no"
    return told if kind == "absent" else f"{_code(cell[0])} {told}"


def _code(value: object) -> str:
    return "`" + json.dumps(value, ensure_ascii=False) + "`"


def test_reference__table__is_this_table() -> None:
    assert rendered() in REFERENCE.read_text()


@pytest.mark.parametrize("operator", OPERATORS)
def test_reference__operator__is_described(operator: str) -> None:
    assert f"- `{operator}`" in REFERENCE.read_text()


UNUSABLE: tuple[Any, ...] = ("x", "(", "\ud800", True, float("nan"))
"""Values that no checked document holds with these operators; evaluating must still answer, and alike."""

ATTRIBUTES: list[Any] = [
    *("x", "(", "\ud800", "", "3.2.0", "10.0.0.1", "2026-11-22T07:00:00Z"),
    *(True, False, 0, 1, float("nan"), float("inf"), ["x", 1]),
]
COMPARING = [operator for operator, meaning in MEANINGS.items() if meaning.takes not in {"anything", "text", "nothing"}]


@pytest.mark.parametrize("attribute", ATTRIBUTES, ids=ascii)
@pytest.mark.parametrize("operator", [operator for operator in COMPARING if operator != "matches"])
def test_operator__unusable_values__never_holds(operator: Operator, attribute: object) -> None:
    rules = ruleset(Condition(attribute="a", operator=operator, values=UNUSABLE, case_sensitive=False))
    answers = rules.evaluate("f", {"a": attribute}).value, rules.explain("f", {"a": attribute}).resolution.value
    assert answers == (False, False)


@pytest.mark.parametrize("attribute", ATTRIBUTES, ids=ascii)
@pytest.mark.parametrize("operator", OPERATORS)
@pytest.mark.parametrize("values", [UNUSABLE, ()], ids=["unusable", "none"])
def test_operator__unusable_values__compiled_answers_as_interpreted(
    operator: Operator, values: tuple[Any, ...], attribute: object
) -> None:
    rules = ruleset(Condition(attribute="a", operator=operator, values=values))
    assert rules.evaluate("f", {"a": attribute}) == rules.explain("f", {"a": attribute}).resolution
