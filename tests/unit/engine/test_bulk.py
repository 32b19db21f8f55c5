"""Bulk evaluation shares what contexts have in common, and never more than that."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from flagtrail.engine import bulk
from flagtrail.engine.ruleset import Ruleset
from flagtrail.model.flag import boolean_flag
from flagtrail.model.resolution import ErrorCode
from flagtrail.model.targeting import Targeting

HALF = {"split": [{"variant": "on", "weight": 50_000}, {"variant": "off", "weight": 50_000}]}


def attribute_is(attribute: str, *values: object) -> dict[str, Any]:
    return {"attribute": attribute, "operator": "in", "values": values}


def targeting(*conditions: dict[str, Any], serve: dict[str, Any] | None = None, **fields: Any) -> Targeting:  # noqa: ANN401
    rules = [{"id": f"r{number}", "when": when, "serve": {"variant": "on"}} for number, when in enumerate(conditions)]
    served = {"off_variant": "off", "enabled": True, "fallthrough": serve or {"variant": "off"}, "rules": rules}
    return msgspec.convert({**served, **fields}, Targeting)


def ruleset(*targetings: Targeting) -> Ruleset:
    keyed = {f"f{number}": one for number, one in enumerate(targetings)}
    return Ruleset({key: boolean_flag(key) for key in keyed}, keyed, {})


PLANS = [targeting(attribute_is("plan", "pro")) for _ in range(3)]
COUNTRIES = [targeting(attribute_is("plan", "pro"), attribute_is("country", "DE")) for _ in range(3)]
ALONE = targeting(attribute_is("alone", "x"))


def settled(ruleset: Ruleset, **context: object) -> list[int]:
    """How many resolutions stand in each shared part of the answers."""
    return [len(part.resolutions) for part in ruleset.answers(context).settled]


@pytest.mark.parametrize(
    ("targetings", "context", "parts", "drawn"),
    [
        pytest.param([targeting()] * 2, {}, [2], 0, id="no rules"),
        pytest.param([targeting(serve=HALF)], {"targetingKey": "a"}, [], 1, id="a split alone"),
        pytest.param([targeting(serve=HALF)] * 7, {"targetingKey": "a"}, [4, 3], 0, id="splits in fours"),
        pytest.param([targeting(serve=HALF)] * 7, {}, [], 7, id="splits without a key"),
        pytest.param(PLANS, {"plan": "pro"}, [3], 0, id="flags that read one attribute"),
        pytest.param([*PLANS, *COUNTRIES], {}, [6], 0, id="flags that read less join those that read more"),
        pytest.param([ALONE], {}, [], 1, id="too few to classify"),
        pytest.param([targeting(attribute_is("plan", "pro"), serve=HALF)] * 3, {}, [], 3, id="rules, then a split"),
        pytest.param(
            [targeting(attribute_is("plan", "pro"), serve=HALF)] * 3, {"plan": "pro"}, [3], 0, id="a split not reached"
        ),
    ],
)
def test_answers__shares_what_rules_decide__draws_the_rest(
    targetings: list[Targeting], context: dict[str, Any], parts: list[int], drawn: int
) -> None:
    rules = ruleset(*targetings)
    assert (settled(rules, **context), len(rules.answers(context).drawn)) == (parts, drawn)


def test_answers__contexts_alike_to_every_condition__share_one_object() -> None:
    rules = ruleset(*PLANS)
    first, second = (rules.answers({"plan": plan, "targetingKey": plan}).settled[0] for plan in ("free", "basic"))
    assert first is second


def test_answers__contexts_that_a_condition_tells_apart__share_nothing() -> None:
    rules = ruleset(*PLANS)
    first, second = (rules.answers({"plan": plan}).settled[0] for plan in ("free", "pro"))
    assert first is not second


def test_answers__a_flag_behind_anothers_split__is_drawn() -> None:
    needs = targeting(prerequisites=[{"flag": "f0", "variants": ["on"]}])
    assert len(ruleset(targeting(serve=HALF), needs).answers({"targetingKey": "a"}).drawn) == 2


def test_answers__more_kinds_of_contexts_than_are_remembered__stays_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bulk, "MAX_ANSWERS", 40)
    limits = [targeting({"attribute": "n", "operator": "gte", "values": [number]}) for number in range(10)]
    rules = ruleset(*limits)
    prepared = rules._prepared()
    on = [sum(one.variant == "on" for one in rules.answers({"n": number}).all()) for number in range(10)]
    assert (on, max(len(group.outcomes) for group in prepared._groups) <= 4) == (list(range(1, 11)), True)


def test_answers__more_kinds_of_flags_than_groups__are_answered_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bulk, "MAX_GROUPS", 1)
    others = [targeting(attribute_is("tier", "x")) for _ in range(3)]
    assert settled(ruleset(*PLANS, *others)) == [3]


def test_answers__flags_of_very_many_attributes__are_answered_alone() -> None:
    many = [targeting(*(attribute_is(f"a{number}", "x") for number in range(20))) for _ in range(3)]
    assert settled(ruleset(*many)) == []


def test_answers__a_text_too_long_to_remember__is_classified_all_the_same() -> None:
    ending = {"attribute": "plan", "operator": "ends_with", "values": ["x"]}
    answers = ruleset(*[targeting(ending)] * 3).answers({"plan": "y" * 1_000 + "x"}).all()
    assert [one.variant for one in answers] == ["on"] * 3


def test_answers__a_flag_that_cannot_be_compiled__says_so() -> None:
    answers = ruleset(targeting(serve={**HALF, "salt": "\ud800"})).answers({"targetingKey": "a"}).all()
    assert [one.error for one in answers] == [ErrorCode.GENERAL]


def test_whole__answers_in_parts__are_one_part() -> None:
    answers = ruleset(*PLANS, targeting(serve=HALF)).answers({"targetingKey": "a"})
    assert (answers.whole().all(), len(answers.whole().settled)) == (answers.all(), 1)


def test_answers__more_splits_than_are_remembered_together__are_drawn_alike(monkeypatch: pytest.MonkeyPatch) -> None:
    rules = ruleset(*[targeting(serve=HALF)] * 9)
    expected = rules.evaluate_all({"targetingKey": "a"})
    monkeypatch.setattr(bulk, "MAX_FOURS", 1)
    assert ruleset(*[targeting(serve=HALF)] * 9).evaluate_all({"targetingKey": "a"}) == expected


def test_answers__splits_that_are_reached_by_other_contexts_too__are_told_by_the_same_objects() -> None:
    splits = [targeting(attribute_is("plan", "pro"), serve=HALF)] * 4
    rules = ruleset(*splits, targeting(attribute_is("plan", "basic")))
    first, second = (rules.answers({"plan": plan, "targetingKey": "a"}).settled for plan in ("free", "basic"))
    assert [one is other for one, other in zip(first, second, strict=True)] == [False, True]


THIRDS = {
    "split": [
        {"variant": "on", "weight": 40_000},
        {"variant": "off", "weight": 40_000},
        {"variant": "on", "weight": 20_000},
    ]
}
IMPORTED = {**HALF, "bucketing": "flagd_v1"}
FIRST = targeting(attribute_is("plan", "pro"), enabled=False)


@pytest.mark.parametrize("value", ["pro", "basic", 3, 3.5, True, ["pro", "x"], {"a": 1}, None, float("nan")])
@pytest.mark.parametrize(
    "targetings",
    [
        pytest.param([targeting(attribute_is("plan", "pro", 3)) for _ in range(3)], id="one attribute of any type"),
        pytest.param([targeting(serve=THIRDS)] * 3, id="three ways"),
        pytest.param([targeting(serve=IMPORTED)] * 3, id="another strategy"),
        pytest.param([targeting(serve={**HALF, "by": "company.id"})] * 3, id="by a nested attribute"),
        pytest.param(
            [FIRST, *[targeting(attribute_is("plan", "pro"), {"flag": "f0", "variants": ["off"]}) for _ in range(3)]],
            id="behind a flag that is off",
        ),
        pytest.param(
            [targeting(serve=HALF), *[targeting({"flag": "f0", "variants": ["on"]}) for _ in range(3)]],
            id="behind a flag that splits",
        ),
    ],
)
def test_answers__are_those_of_each_flag_alone(targetings: list[Targeting], value: object) -> None:
    rules = ruleset(*targetings)
    for number in range(40):
        context = {"targetingKey": f"user-{number}", "plan": value, "company": {"id": number}}
        alone = {key: rules.evaluate(key, context) for key in rules.flags}

        assert {one.flag: one for one in rules.answers(context).all()} == alone
