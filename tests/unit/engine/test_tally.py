"""Compiled functions count what they answer, and answer what they would without counting."""

from __future__ import annotations

import threading
from collections import Counter
from typing import Any

import msgspec
import pytest

from flagtrail.engine.ruleset import Ruleset
from flagtrail.engine.tally import Tally
from flagtrail.model.condition import Condition
from flagtrail.model.flag import boolean_flag
from flagtrail.model.resolution import Resolution
from flagtrail.model.targeting import Rule, Serve, Targeting

RULE = {"id": "paying", "when": {"attribute": "plan", "operator": "equals", "values": ["pro"]}}
HALF = {"split": [{"variant": "on", "weight": 50_000}, {"variant": "off", "weight": 50_000}]}


class Tallies:
    def __init__(self) -> None:
        self.of: dict[tuple[str, str | None, str | None], Tally] = {}

    def __call__(self, resolution: Resolution) -> Tally:
        return self.of.setdefault((resolution.flag, resolution.variant, resolution.rule), Tally())

    def counts(self) -> dict[tuple[str, str | None, str | None], int]:
        return {row: tally.n for row, tally in self.of.items() if tally.n}


def targeting(**fields: Any) -> Targeting:  # noqa: ANN401 - JSON
    served = {"off_variant": "off", "enabled": True, "fallthrough": {"variant": "on"}}
    return msgspec.convert({**served, **fields}, Targeting)


CASES: list[Any] = [
    pytest.param(targeting(enabled=False), [{}, {}], {("flag", "off", None): 2}, id="disabled"),
    pytest.param(targeting(), [{}], {("flag", "on", None): 1}, id="fallthrough"),
    pytest.param(
        targeting(rules=[{**RULE, "serve": {"variant": "off"}}]),
        [{"plan": "pro"}, {"plan": "free"}, {"plan": "pro"}],
        {("flag", "off", "paying"): 2, ("flag", "on", None): 1},
        id="a rule",
    ),
    pytest.param(
        targeting(fallthrough=HALF),
        [{"targetingKey": "a"}, {"targetingKey": "b"}, {"targetingKey": "d"}, {}],
        {("flag", "on", None): 1, ("flag", "off", None): 2},
        id="a split, and a context without its key, which is an error",
    ),
    pytest.param(
        targeting(prerequisites=[{"flag": "other", "variants": ["on"]}]),
        [{}],
        {("flag", "off", None): 1},
        id="a prerequisite that does not hold, whose own flag is not counted",
    ),
    pytest.param(targeting(fallthrough={"variant": "gone"}), [{}], {}, id="an unknown variant is an error"),
    pytest.param(targeting(enabled=False, off_variant="gone"), [{}], {}, id="an unknown off variant is an error"),
]


@pytest.mark.parametrize(("documents", "contexts", "counts"), CASES)
def test_tallied_function__called__counts_and_answers_as_the_plain_one(
    documents: Targeting, contexts: list[dict[str, Any]], counts: dict[Any, int]
) -> None:
    flags = {key: boolean_flag(key) for key in ("flag", "other")}
    ruleset = Ruleset(flags, {"flag": documents, "other": targeting(enabled=False)}, {})
    tallies = Tallies()
    counting = ruleset.tallied_function("flag", tallies)

    answers = [counting(context) for context in contexts]

    assert answers == [ruleset.evaluate("flag", context) for context in contexts]
    assert tallies.counts() == counts


@pytest.mark.parametrize(("documents", "contexts", "counts"), CASES)
def test_value_function__called__counts_and_answers_the_value_alone(
    documents: Targeting, contexts: list[dict[str, Any]], counts: dict[Any, int]
) -> None:
    flags = {key: boolean_flag(key) for key in ("flag", "other")}
    ruleset = Ruleset(flags, {"flag": documents, "other": targeting(enabled=False)}, {})
    tallies = Tallies()
    answering = ruleset.value_function("flag", tallies)

    answers = [answering(context) for context in contexts]

    assert answers == [ruleset.evaluate("flag", context).value for context in contexts]
    assert tallies.counts() == counts


@pytest.mark.parametrize("ask", ["tallied_function", "value_function"])
def test_function__uncounted__answers_alike(ask: str) -> None:
    flags = {key: boolean_flag(key) for key in ("off", "on")}
    ruleset = Ruleset(flags, {"off": targeting(enabled=False), "on": targeting()}, {})
    answers = [getattr(ruleset, ask)(key, None)({}) for key in ("off", "on")]

    assert [getattr(one, "value", one) for one in answers] == [False, True]


def test_value_function__conditions_nested_too_deeply__has_no_value() -> None:
    condition = Condition(attribute="plan", operator="exists")
    for _ in range(20_000):
        condition = Condition(not_=condition)
    deep = Targeting("off", Serve("on"), enabled=True, rules=(Rule("r", condition, Serve("on")),))
    ruleset = Ruleset({"flag": boolean_flag("flag")}, {"flag": deep}, {})

    assert ruleset.value_function("flag", Tallies())({"plan": "pro"}) is None


def test_functions__nothing_changed_in_the_next_ruleset__are_the_same_values() -> None:
    before = Ruleset({"flag": boolean_flag("flag")}, {"flag": targeting()}, {})
    function = before.value_function("flag", Tallies())
    changed = Ruleset(before.flags, {"flag": targeting()}, {}, previous=before)
    after = Ruleset(before.flags, before.targetings, {}, previous=before)

    assert (changed.value_functions(), after.value_functions()) == ({}, {"flag": function})
    assert after.value_function("flag", Tallies()) is function


def test_tallied_function__nothing_changed_in_the_next_ruleset__is_the_same() -> None:
    before = Ruleset({"flag": boolean_flag("flag")}, {"flag": targeting()}, {})
    function = before.tallied_function("flag", Tallies())

    after = Ruleset(before.flags, before.targetings, {}, previous=before)

    assert after.tallied_functions() == {"flag": function}
    assert after.tallied_function("flag", Tallies()) is function


def test_tallied_function__targeting_changed__is_made_anew() -> None:
    before = Ruleset({"flag": boolean_flag("flag")}, {"flag": targeting()}, {})
    before.tallied_function("flag", Tallies())

    assert Ruleset(before.flags, {"flag": targeting()}, {}, previous=before).tallied_functions() == {}


def test_tallied_function__many_threads__loses_no_count() -> None:
    ruleset = Ruleset({"flag": boolean_flag("flag")}, {"flag": targeting(rules=[{**RULE, "serve": HALF}])}, {})
    tallies = Tallies()
    counting = ruleset.tallied_function("flag", tallies)
    contexts = [{"plan": "pro", "targetingKey": str(number)} for number in range(100)]

    def work() -> None:
        for _ in range(200):
            for context in contexts:
                counting(context)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert Counter(tallies.counts()).total() == 4 * 200 * 100
