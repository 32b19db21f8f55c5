"""What a flag answers and why: every reason and every error, compiled and interpreted."""

from __future__ import annotations

from typing import Any, NamedTuple

import msgspec
import pytest

from flagtrail.engine.explanation import Bucket, ConditionTrace, Explanation, PrerequisiteTrace, RuleTrace
from flagtrail.engine.ruleset import Ruleset
from flagtrail.model.condition import Operator, Scalar
from flagtrail.model.flag import Flag, FlagType, boolean_flag
from flagtrail.model.resolution import ErrorCode, Reason, Resolution
from flagtrail.model.segment import Segment
from flagtrail.model.targeting import Targeting

ON = {"variant": "on"}
OFF = {"variant": "off"}
PRO = {"attribute": "plan", "operator": "equals", "values": ["pro"]}
HALF = {"split": [{"variant": "on", "weight": 50_000}, {"variant": "off", "weight": 50_000}]}
ALL_ON = {"split": [{"variant": "off", "weight": 0}, {"variant": "on", "weight": 100_000}]}


def split(*shares: tuple[str, int]) -> dict[str, Any]:
    return {"split": [{"variant": variant, "weight": weight} for variant, weight in shares]}


class Case(NamedTuple):
    """A targeting of the flag `f`, a context, and the answer: variant, reason, rule, error."""

    targeting: dict[str, Any]
    context: Any
    variant: str | None
    reason: Reason
    rule: str | None = None
    error: ErrorCode | None = None


def served(context: Any, variant: str, reason: Reason, rule: str | None = None, **targeting: Any) -> Case:  # noqa: ANN401
    return Case(targeting, context, variant, reason, rule)


def failed(context: Any, error: ErrorCode, rule: str | None = None, **targeting: Any) -> Case:  # noqa: ANN401
    return Case(targeting, context, None, Reason.ERROR, rule, error)


def rules(when: dict[str, Any], serve: dict[str, Any] = ON) -> list[dict[str, Any]]:
    return [{"id": "r1", "when": PRO, "serve": OFF}, {"id": "r2", "when": when, "serve": serve}]


def needs(flag: str, *variants: str) -> list[dict[str, Any]]:
    return [{"flag": flag, "variants": list(variants)}]


BETA = {"attribute": "beta", "operator": "exists"}
EU = {"segment": "eu"}
USER_PLAN = {"attribute": "user.plan", "operator": "in", "values": ["free", "basic"]}
CASES = {
    "disabled": served({}, "off", Reason.DISABLED, enabled=False, fallthrough=ON),
    "static": served({}, "on", Reason.STATIC, fallthrough=ON),
    "static, whatever the context is": served(None, "on", Reason.STATIC, fallthrough=ON),
    "default after rules": served({}, "off", Reason.DEFAULT, rules=rules(BETA), fallthrough=OFF),
    "default after prerequisites": served({}, "on", Reason.DEFAULT, prerequisites=needs("is_on", "on"), fallthrough=ON),
    "first rule that matches": served(
        {"plan": "pro", "beta": 1}, "off", Reason.TARGETING_MATCH, "r1", rules=rules(BETA), fallthrough=ON
    ),
    "second rule": served({"beta": 1}, "on", Reason.TARGETING_MATCH, "r2", rules=rules(BETA), fallthrough=OFF),
    "rule with a split": served(
        {"beta": 1, "targetingKey": "u2"}, "off", Reason.SPLIT, "r2", rules=rules(BETA, HALF), fallthrough=OFF
    ),
    "rule with a split of one": served(
        {"beta": 1}, "on", Reason.SPLIT, "r2", rules=rules(BETA, ALL_ON), fallthrough=OFF
    ),
    "fallthrough split": served({"targetingKey": "u1"}, "on", Reason.SPLIT, fallthrough=HALF),
    "split of one needs no key": served({}, "on", Reason.SPLIT, fallthrough=ALL_ON),
    "prerequisite does not hold": served(
        {}, "off", Reason.DISABLED, prerequisites=needs("is_off", "on"), fallthrough=ON
    ),
    "prerequisite on what it is off": served(
        {}, "on", Reason.DEFAULT, prerequisites=needs("is_off", "on", "off"), fallthrough=ON
    ),
    "second prerequisite does not hold": served(
        {},
        "off",
        Reason.DISABLED,
        prerequisites=needs("is_on", "on") + needs("unknown", "on"),
        fallthrough=ON,
    ),
    "prerequisite on an archived flag": served(
        {}, "off", Reason.DISABLED, prerequisites=needs("archived", "on"), fallthrough=ON
    ),
    "flag condition": served(
        {},
        "on",
        Reason.TARGETING_MATCH,
        "r2",
        rules=rules({"flag": "is_on", "variants": ["on"]}),
        fallthrough=OFF,
    ),
    "segment": served({"eu": True}, "on", Reason.TARGETING_MATCH, "r2", rules=rules(EU), fallthrough=OFF),
    "segment that does not hold": served({}, "off", Reason.DEFAULT, rules=rules(EU), fallthrough=OFF),
    "segment in a segment": served(
        {"country": "DE"}, "on", Reason.TARGETING_MATCH, "r2", rules=rules(EU), fallthrough=OFF
    ),
    "unknown segment": served({}, "off", Reason.DEFAULT, rules=rules({"segment": "x"}), fallthrough=OFF),
    "segment that depends on itself": served(
        {}, "off", Reason.DEFAULT, rules=rules({"segment": "loop"}), fallthrough=OFF
    ),
    "all of nothing": served({}, "on", Reason.TARGETING_MATCH, "r2", rules=rules({"all": []}), fallthrough=OFF),
    "any of nothing": served({}, "off", Reason.DEFAULT, rules=rules({"any": []}), fallthrough=OFF),
    "weights short of the whole": served(
        {"targetingKey": "u2"}, "off", Reason.SPLIT, fallthrough=split(("on", 1), ("off", 2))
    ),
    "weights beyond the whole": served(
        {"targetingKey": "u2"}, "on", Reason.SPLIT, fallthrough=split(("off", 5), ("on", 200_000), ("off", 5))
    ),
    "a share of nothing, and a negative one": served(
        {"targetingKey": "u1"}, "on", Reason.SPLIT, fallthrough=split(("off", -1), ("off", 0), ("on", 1), ("on", 1))
    ),
    "split of another strategy": served(
        {"targetingKey": "ross@faas.com"},
        "on",
        Reason.SPLIT,
        fallthrough={**HALF, "salt": "footerColor", "bucketing": "flagd_v1"},
    ),
    "another strategy's key is missing": failed(
        {}, ErrorCode.TARGETING_KEY_MISSING, fallthrough={**HALF, "bucketing": "flagd_v2"}
    ),
    "not": served({}, "on", Reason.TARGETING_MATCH, "r2", rules=rules({"not": BETA}), fallthrough=OFF),
    "all, of which the last does not hold": served(
        {"beta": 1}, "off", Reason.DEFAULT, rules=rules({"all": [BETA, {"not": BETA}]}), fallthrough=OFF
    ),
    "one attribute in many places": served(
        {"user": {"plan": "free"}},
        "on",
        Reason.TARGETING_MATCH,
        "r2",
        rules=rules({"any": [{"all": [BETA, USER_PLAN]}, {"all": [USER_PLAN, {"not": {"not": USER_PLAN}}]}]}),
        fallthrough=OFF,
    ),
    "attribute of a part that any did not reach": served(
        {"beta": 1},
        "off",
        Reason.DEFAULT,
        rules=rules({"all": [{"any": [BETA, USER_PLAN]}, USER_PLAN]}),
        fallthrough=OFF,
    ),
    "attribute of a part that all under not did not reach": served(
        {"user": {"plan": "free"}},
        "on",
        Reason.TARGETING_MATCH,
        "r2",
        rules=rules({"all": [{"not": {"all": [BETA, USER_PLAN]}}, USER_PLAN]}),
        fallthrough=OFF,
    ),
    "no form of a condition": served({}, "off", Reason.DEFAULT, rules=rules({}), fallthrough=OFF),
    "half a condition": served({"a": 1}, "off", Reason.DEFAULT, rules=rules({"attribute": "a"}), fallthrough=OFF),
    "the same flag twice": served({}, "on", Reason.DEFAULT, prerequisites=needs("is_on", "on") * 2, fallthrough=ON),
    "no targeting key": failed({}, ErrorCode.TARGETING_KEY_MISSING, fallthrough=HALF),
    "targeting key is null": failed({"targetingKey": None}, ErrorCode.TARGETING_KEY_MISSING, fallthrough=HALF),
    "other key is absent": failed({"targetingKey": "u"}, ErrorCode.INVALID_CONTEXT, fallthrough={**HALF, "by": "org"}),
    "key is a boolean": failed({"targetingKey": True}, ErrorCode.INVALID_CONTEXT, fallthrough=HALF),
    "key is a float": failed({"targetingKey": 1.0}, ErrorCode.INVALID_CONTEXT, fallthrough=HALF),
    "key is a list": failed({"org": ["a"]}, ErrorCode.INVALID_CONTEXT, fallthrough={**HALF, "by": "org"}),
    "key is no Unicode": failed({"targetingKey": "\ud800"}, ErrorCode.INVALID_CONTEXT, fallthrough=HALF),
    "key of a rule": failed(
        {"beta": 1}, ErrorCode.TARGETING_KEY_MISSING, "r2", rules=rules(BETA, HALF), fallthrough=ON
    ),
    "context is no mapping": failed(None, ErrorCode.INVALID_CONTEXT, fallthrough=HALF),
    "context is a list": failed([], ErrorCode.INVALID_CONTEXT, rules=rules(BETA), fallthrough=ON),
    "unknown variant": failed({}, ErrorCode.PARSE_ERROR, fallthrough={"variant": "x"}),
    "unknown variant of a rule": failed(
        {"beta": 1}, ErrorCode.PARSE_ERROR, "r2", rules=rules(BETA, {"variant": "x"}), fallthrough=ON
    ),
    "split of nothing": failed({}, ErrorCode.PARSE_ERROR, fallthrough={"split": []}),
    "serves neither": failed({}, ErrorCode.PARSE_ERROR, fallthrough={}),
    "unknown bucketing": failed({}, ErrorCode.PARSE_ERROR, fallthrough={**HALF, "bucketing": "x"}),
    "depends on itself": failed({}, ErrorCode.GENERAL, prerequisites=needs("f", "on"), fallthrough=ON),
}


def ruleset(targeting: dict[str, Any]) -> Ruleset:
    def of(fields: dict[str, Any]) -> Targeting:
        return msgspec.convert({"off_variant": "off", "enabled": True, **fields}, Targeting)

    eu = {"any": [{"attribute": "eu", "operator": "equals", "values": [True]}, {"segment": "de"}]}
    segments = {
        "eu": eu,
        "de": {"attribute": "country", "operator": "in", "values": ["DE"]},
        "loop": {"not": {"segment": "loop"}},
    }
    keys = ("f", "is_on", "is_off")
    flags = {key: boolean_flag(key) for key in keys} | {"archived": boolean_flag("archived", archived=True)}
    on = of({"fallthrough": ON})
    targetings = {"f": of(targeting), "is_on": on, "is_off": of({"fallthrough": ON, "enabled": False}), "archived": on}
    return Ruleset(
        flags,
        targetings,
        {key: msgspec.convert({"key": key, "when": when}, Segment) for key, when in segments.items()},
    )


def told(resolution: Resolution) -> tuple[object, ...]:
    return resolution.variant, resolution.reason, resolution.rule, resolution.error


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_evaluate__case__gives_variant_reason_rule_and_error(case: Case) -> None:
    assert told(ruleset(case.targeting).evaluate("f", case.context)) == case[2:]


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_explain__case__resolves_as_evaluate_does(case: Case) -> None:
    rules_of = ruleset(case.targeting)
    assert rules_of.explain("f", case.context).resolution == rules_of.evaluate("f", case.context)


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_evaluate__case__gives_a_message_with_errors_only(case: Case) -> None:
    resolution = ruleset(case.targeting).evaluate("f", case.context)
    assert (resolution.message is None) == (resolution.error is None)


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_evaluate__case__value_is_the_variants(case: Case) -> None:
    values = {"on": True, "off": False, None: None}
    assert ruleset(case.targeting).evaluate("f", case.context).value is values[case.variant]


@pytest.mark.parametrize(
    ("flag_type", "value", "served_type"),
    [
        pytest.param("float", 2, float, id="a float that JSON wrote as an integer"),
        pytest.param("float", 2.5, float, id="a float"),
        pytest.param("float", (1 << 53) + 1, int, id="an integer that no float holds"),
        pytest.param("integer", 2, int, id="an integer"),
    ],
)
def test_evaluate__number__has_the_flags_type(flag_type: FlagType, value: float, served_type: type) -> None:
    resolution = Ruleset({"f": Flag("f", flag_type, {"off": value})}, {}, {}).evaluate("f", {})
    assert (resolution.value, type(resolution.value)) == (value, served_type)


@pytest.mark.parametrize("key", ["unknown", "archived", "", None, [], 1])
def test_evaluate__no_such_flag__says_so(key: Any) -> None:  # noqa: ANN401 - whatever an application hands over
    resolution = ruleset({"fallthrough": ON}).evaluate(key, {})
    assert told(resolution) == (None, Reason.ERROR, None, ErrorCode.FLAG_NOT_FOUND)


@pytest.mark.parametrize("key", ["unknown", "archived", [], None])
def test_explain__no_such_flag__says_so(key: Any) -> None:  # noqa: ANN401 - whatever an application hands over
    assert ruleset({"fallthrough": ON}).explain(key, {}).resolution.error == ErrorCode.FLAG_NOT_FOUND


@pytest.mark.parametrize(
    ("variants", "variant", "error"),
    [
        ({"on": True, "off": False}, "off", None),
        ({"off": False, "on": True}, "off", None),
        ({"yes": True, "no": False}, "no", None),
        ({}, None, ErrorCode.PARSE_ERROR),
    ],
)
def test_evaluate__no_targeting__serves_off_or_the_last_variant(
    variants: dict[str, bool], variant: str | None, error: ErrorCode | None
) -> None:
    resolution = Ruleset({"f": Flag("f", "boolean", variants)}, {}, {}).evaluate("f", {})
    assert (resolution.variant, resolution.error) == (variant, error)


def test_evaluate__nested_far_too_deep__is_an_error() -> None:
    when: dict[str, Any] = BETA
    deep = msgspec.convert({"id": "r", "when": when, "serve": ON}, type(_targeting().rules[0]))
    for _ in range(5000):
        deep = msgspec.structs.replace(deep, when=type(deep.when)(not_=deep.when))
    targeting = msgspec.structs.replace(_targeting(), rules=(deep,))
    resolution = Ruleset({"f": boolean_flag("f")}, {"f": targeting}, {}).evaluate("f", {})
    assert resolution.error == ErrorCode.GENERAL


def _targeting() -> Targeting:
    return msgspec.convert({"off_variant": "off", "enabled": True, "rules": rules(BETA), "fallthrough": ON}, Targeting)


def test_evaluate_all__flags__are_sorted_without_the_archived() -> None:
    assert list(ruleset({"fallthrough": ON}).evaluate_all({})) == ["f", "is_off", "is_on"]


def test_evaluate_all__one_flag_cannot_read_the_context__others_are_answered() -> None:
    answered = ruleset({"rules": rules(BETA), "fallthrough": ON}).evaluate_all(None)  # type: ignore[arg-type]
    assert {key: resolution.error for key, resolution in answered.items()} == {
        "f": ErrorCode.INVALID_CONTEXT,
        "is_on": None,
        "is_off": None,
    }


def test_explain__everything__is_told_in_order() -> None:
    targeting = {
        "prerequisites": needs("is_on", "on"),
        "rules": rules({"all": [EU, {"not": BETA}, {"flag": "is_off", "variants": ["on"]}]}),
        "fallthrough": {**HALF, "salt": "x"},
    }
    explained = ruleset(targeting).explain("f", {"targetingKey": "u1", "country": "DE", "plan": "free"})
    assert explained == Explanation(
        resolution=Resolution("f", "on", True, Reason.SPLIT),
        enabled=True,
        prerequisites=(PrerequisiteTrace("is_on", ("on",), "on", True),),
        rules=(
            RuleTrace("r1", "", False, attribute("plan", "equals", ("pro",), False, "free")),
            RuleTrace(
                "r2",
                "",
                False,
                ConditionTrace(
                    form="all",
                    held=False,
                    parts=(
                        segment("eu", ConditionTrace(form="any", held=True, parts=EU_PARTS)),
                        ConditionTrace(form="not", held=True, parts=(attribute("beta", "exists", (), False),)),
                        ConditionTrace(form="flag", held=False, flag="is_off", values=("on",), actual="off"),
                    ),
                ),
            ),
        ),
        bucket=Bucket("targetingKey", "u1", "x", "murmur3", 44_068),
    )


def attribute(
    name: str, operator: Operator, values: tuple[Scalar, ...], held: bool, actual: object = None
) -> ConditionTrace:
    return ConditionTrace(form="attribute", held=held, attribute=name, operator=operator, values=values, actual=actual)


def segment(key: str, part: ConditionTrace) -> ConditionTrace:
    return ConditionTrace(form="segment", held=part.held, segment=key, parts=(part,))


EU_PARTS = (
    attribute("eu", "equals", (True,), False),
    segment("de", attribute("country", "in", ("DE",), True, "DE")),
)


def test_explain__rule_decides__later_rules_are_not_listed() -> None:
    explained = ruleset({"rules": rules(BETA), "fallthrough": ON}).explain("f", {"plan": "pro"})
    assert [rule.id for rule in explained.rules] == ["r1"]


def test_explain__disabled__says_so_and_tries_nothing() -> None:
    explained = ruleset({"rules": rules(BETA), "fallthrough": ON, "enabled": False}).explain("f", {})
    assert (explained.enabled, explained.rules) == (False, ())


def test_explain__unreadable_context__is_an_error() -> None:
    explained = ruleset({"rules": rules(BETA), "fallthrough": ON}).explain("f", None)  # type: ignore[arg-type]
    assert explained.resolution.error == ErrorCode.INVALID_CONTEXT
