"""JsonLogic into rules: what has an equal here, and the place and reason where it has none."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from flagtrail.importers import Options, load, load_format
from flagtrail.model.condition import Condition
from flagtrail.model.targeting import Serve, Share, Targeting

Json = Any
PLAN = {"var": "plan"}


def _read(targeting: Json, default: str = "off") -> tuple[Targeting, tuple[str, ...]]:
    variants = {"on": "1", "off": "2", "true": "3", "false": "4"}
    definition = {"state": "ENABLED", "variants": variants, "defaultVariant": default, "targeting": targeting}
    found = load_format("flagd").parse(json.dumps({"flags": {"f": definition}}).encode(), Options())
    return found.flags["f"][1], found.notes


def _test(attribute: str, operator: Any, *values: Json) -> Condition:  # noqa: ANN401 - any operator
    return Condition(attribute=attribute, operator=operator, values=values)


NEVER = Condition(any=())
ALWAYS = Condition(all=())

CONDITIONS: dict[str, tuple[Json, Condition]] = {
    "equals": ({"==": [PLAN, "pro"]}, _test("plan", "equals", "pro")),
    "equals, mirrored": ({"==": ["pro", PLAN]}, _test("plan", "equals", "pro")),
    "a number equals its text": ({"==": [PLAN, 5]}, _test("plan", "equals", 5, "5")),
    "a text equals its number": ({"==": [PLAN, "2.5"]}, _test("plan", "equals", "2.5", 2.5)),
    "equals, strictly": ({"===": [PLAN, 5]}, _test("plan", "equals", 5)),
    "a boolean equals itself only": ({"==": [PLAN, True]}, _test("plan", "equals", True)),
    "not equal also where absent": ({"!=": [PLAN, "pro"]}, Condition(not_=_test("plan", "equals", "pro"))),
    "not equal, strictly": ({"!==": [PLAN, "pro"]}, Condition(not_=_test("plan", "equals", "pro"))),
    "in a list": ({"in": [PLAN, ["a", "b", "a"]]}, _test("plan", "in", "a", "b")),
    "in a list of texts of numbers": ({"in": [PLAN, ["7", 8]]}, _test("plan", "in", "7", 7, 8)),
    "contains": ({"in": ["@x.org", PLAN]}, _test("plan", "contains", "@x.org")),
    "starts with": ({"starts_with": [PLAN, "p"]}, _test("plan", "starts_with", "p")),
    "less": ({"<": [PLAN, 5]}, _test("plan", "lt", 5)),
    "less, mirrored": ({"<": [5, PLAN]}, _test("plan", "gt", 5)),
    "between": ({"<=": [1, PLAN, 5]}, Condition(all=(_test("plan", "gte", 1), _test("plan", "lte", 5)))),
    "version": ({"sem_ver": [PLAN, ">=", "v2"]}, _test("plan", "semver_gte", "2.0.0")),
    "version with a pre-release": ({"sem_ver": [PLAN, "=", "1.0.0-rc.1"]}, _test("plan", "semver_eq", "1.0.0-rc.1")),
    "another version": (
        {"sem_ver": [PLAN, "!=", "2.1"]},
        Condition(any=(_test("plan", "semver_lt", "2.1.0"), _test("plan", "semver_gt", "2.1.0"))),
    ),
    "same major version": (
        {"sem_ver": [PLAN, "^", "2.1.3"]},
        Condition(all=(_test("plan", "semver_gte", "2.0.0-0"), _test("plan", "semver_lt", "3.0.0-0"))),
    ),
    "same minor version": (
        {"sem_ver": [PLAN, "~", "2.1.3"]},
        Condition(all=(_test("plan", "semver_gte", "2.1.0-0"), _test("plan", "semver_lt", "2.2.0-0"))),
    ),
    "and, flattened": (
        {"and": [{"==": [PLAN, "a"]}, {"and": [{"==": [PLAN, "b"]}, True]}]},
        Condition(all=(_test("plan", "equals", "a"), _test("plan", "equals", "b"))),
    ),
    "or, flattened": (
        {"or": [{"==": [PLAN, "a"]}, {"or": [{"==": [PLAN, "b"]}, False]}]},
        Condition(any=(_test("plan", "equals", "a"), _test("plan", "equals", "b"))),
    ),
    "not not": ({"!": {"!": {"==": [PLAN, "a"]}}}, _test("plan", "equals", "a")),
    "cast": ({"!!": [{"==": [PLAN, "a"]}]}, _test("plan", "equals", "a")),
    "anything but nothing": (
        PLAN,
        Condition(all=(_test("plan", "exists"), Condition(not_=_test("plan", "equals", False, 0, "")))),
    ),
    "a default that is null": ({"==": [{"var": ["plan", None]}, "pro"]}, _test("plan", "equals", "pro")),
}


@pytest.mark.parametrize(("logic", "condition"), CONDITIONS.values(), ids=CONDITIONS.keys())
def test_condition__with_an_equal_here__is_carried_over(logic: Json, condition: Condition) -> None:
    targeting, notes = _read({"if": [logic, "on"]})
    assert ([rule.when for rule in targeting.rules], notes) == ([condition], ())


CONSTANT: dict[str, tuple[Json, str]] = {
    "true": (True, "on"),
    "false": (False, "off"),
    "a text": ("x", "on"),
    "no text": ("", "off"),
    "null": (None, "off"),
    "equal": ({"==": [1, 1]}, "on"),
    "not equal": ({"!=": ["a", "a"]}, "off"),
    "and false": ({"and": [{"==": [PLAN, "a"]}, False]}, "off"),
    "or true": ({"or": [{"==": [PLAN, "a"]}, True]}, "on"),
    "in nothing": ({"in": [PLAN, []]}, "off"),
    "not false": ({"!": [False]}, "on"),
}


@pytest.mark.parametrize(("logic", "variant"), CONSTANT.values(), ids=CONSTANT.keys())
def test_condition__that_is_constant__leaves_no_rule(logic: Json, variant: str) -> None:
    targeting, _ = _read({"if": [logic, "on"]})
    assert (targeting.rules, targeting.fallthrough) == ((), Serve(variant=variant))


REFUSED: dict[str, tuple[Json, str]] = {
    "clock": ({">": [{"var": "$flagd.timestamp"}, 1]}, "/targeting/if/0/>/0/var: reads the clock"),
    "flag key": ({"==": [{"var": "$flagd.flagKey"}, "f"]}, "/targeting/if/0/==/0/var: reads '$flagd.flagKey'"),
    "whole context": ({"==": [{"var": ""}, "f"]}, "/targeting/if/0/==/0/var: reads ''"),
    "no attribute": ({"==": [{"var": []}, "f"]}, "/targeting/if/0/==/0/var: reads ''"),
    "default": ({"==": [{"var": ["plan", "pro"]}, "pro"]}, "has a default for an absent attribute"),
    "two keys": ({"==": [PLAN, 1], "!=": [PLAN, 2]}, "/targeting/if/0: is no JsonLogic operation"),
    "list": ([1], "/targeting/if/0: is no JsonLogic operation"),
    "two attributes": ({"==": [PLAN, {"var": "tier"}]}, "compares two attributes with each other"),
    "no attribute to compare": ({"<": [1, 2]}, "compares no attribute as it stands"),
    "one side": ({"==": [PLAN]}, "compares 1 things, not two"),
    "null": ({"==": [PLAN, None]}, "compares with what is no text, number or boolean"),
    "order of texts": ({"<": [PLAN, "b"]}, "orders by something other than a number"),
    "order of booleans": ({"<": [PLAN, True]}, "orders by something other than a number"),
    "part of a fixed text": ({"in": [PLAN, "a text"]}, "looks for an attribute in something other than a list"),
    "list of lists": ({"in": [PLAN, [[1]]]}, "looks for an attribute in something other than a list"),
    "number in an attribute": ({"in": [1, PLAN]}, "looks for something other than a text in an attribute"),
    "affix first": ({"starts_with": ["p", PLAN]}, "needs an attribute and a text, in this order"),
    "affix that is no text": ({"ends_with": [PLAN, 3]}, "needs an attribute and a text, in this order"),
    "version operator": ({"sem_ver": [PLAN, "*", "2.0.0"]}, "the version operator '*' is not one of"),
    "no version": ({"sem_ver": [PLAN, "=", "2.0.0.0"]}, "not '2.0.0.0'"),
    "leading zero": ({"sem_ver": [PLAN, "=", "2.01.0"]}, "not '2.01.0'"),
    "version of nothing": ({"sem_ver": ["1.0.0", "=", "2.0.0"]}, "needs an attribute and a semantic version"),
    "two versions": ({"sem_ver": [PLAN, "2.0.0"]}, "needs a version, an operator and a version"),
    "arithmetic": ({"%": [PLAN, 2]}, "the operation '%' has no equal in a condition"),
    "slash": ({"/": [PLAN, 2]}, "/targeting/if/0/~1: the operation '/'"),
    "not of two": ({"!": [True, True]}, "has 2 arguments"),
    "and of none": ({"and": []}, "has 0 arguments"),
    "reference": ({"$ref": "none"}, "refers to the evaluator 'none', which does not exist"),
    "repeated tests": (json.loads('{"if":[' * 18 + '{"var":"x"}' + ',{"var":"y"},{"var":"z"}]}' * 18), "needs "),
    "many values": ({"in": [PLAN, [f"v{index}" for index in range(100_001)]]}, "or 100000 values in a list"),
    "reference that is no key": ({"$ref": "a b"}, "'a b' cannot name a segment"),
    "deep": (json.loads('{"!":' * 30 + '{"var":"x"}' + "}" * 30), "is nested deeper than 20"),
}


@pytest.mark.parametrize(("logic", "words"), REFUSED.values(), ids=REFUSED.keys())
def test_condition__without_an_equal__is_noted_and_the_default_served(logic: Json, words: str) -> None:
    targeting, notes = _read({"if": [logic, "on"]})
    assert (targeting.rules, targeting.fallthrough, words in notes[0]) == ((), Serve(variant="off"), True)


def _split(*weights: int, by: str = "targetingKey", salt: str = "f") -> Serve:
    shares = tuple(Share(variant, weight) for variant, weight in zip(("on", "off", "true"), weights, strict=False))
    return Serve(split=shares, by=by, salt=salt, bucketing="flagd_v2")


FRACTIONALS: dict[str, tuple[list[Json], Serve]] = {
    "shorthand": ([["on", 1], ["off", 3]], _split(25_000, 75_000)),
    "no weights": ([["on"], ["off"]], _split(50_000, 50_000)),
    "key that is null": ([None, ["on", 1], ["off", 3]], _split(25_000, 75_000)),
    "key of flag and attribute": (
        [{"cat": [{"var": "$flagd.flagKey"}, "-", {"var": "email"}]}, ["on", 1], ["off", 1]],
        _split(50_000, 50_000, by="email", salt="f-"),
    ),
    "one share": ([["on", 7]], Serve(variant="on")),
    "weightless shares": ([["true", 0], ["on", 1], ["off", 1]], _split(50_000, 50_000)),
    "neighbours of one variant": ([["on", 1], ["on", 1], ["off", 2]], _split(50_000, 50_000)),
    "variant that is null": ([["on", 1], [None, 1]], _split(50_000, 50_000)),
    "variant that is a boolean": ([[True, 7]], Serve(variant="true")),
}


@pytest.mark.parametrize(("arguments", "serve"), FRACTIONALS.values(), ids=FRACTIONALS.keys())
def test_fractional__becomes_a_split(arguments: list[Json], serve: Serve) -> None:
    assert _read({"fractional": arguments})[0].fallthrough == serve


def test_fractional__by_an_attribute__falls_back_on_the_targeting_key_as_flagd_does() -> None:
    targeting, _ = _read({"fractional": [{"var": "email"}, ["on", 1], ["off", 1]]})
    assert ([rule.when for rule in targeting.rules], targeting.rules[0].serve, targeting.fallthrough) == (
        [_test("email", "exists")],
        _split(50_000, 50_000, by="email", salt=""),
        _split(50_000, 50_000),
    )


def test_fractional__weights_that_do_not_divide__are_rounded_and_noted() -> None:
    targeting, notes = _read({"fractional": [["on", 1], ["off", 1], ["true", 1]]})
    assert (targeting.fallthrough, "rounded to 1/100,000" in notes[0]) == (_split(33_334, 33_333, 33_333), True)


REFUSED_FRACTIONALS: dict[str, tuple[list[Json], str]] = {
    "constant key": (["x", ["on", 1], ["off", 1]], "/targeting/fractional/0: the bucketing key is neither"),
    "computed key": ([{"substr": [PLAN, 2]}, ["on", 1], ["off", 1]], "the bucketing key is neither"),
    "text after the attribute": ([{"cat": [PLAN, "x"]}, ["on", 1]], "/targeting/fractional/0/cat/0: stands before"),
    "constant concatenation": ([{"cat": ["a", "b"]}, ["on", 1]], "does not end in an attribute"),
    "empty concatenation": ([{"cat": []}, ["on", 1]], "does not end in an attribute"),
    "computed weight": ([["on", {"-": [2, 1]}], ["off", 1]], "/targeting/fractional/0/1: computes the weight"),
    "negative": ([["on", -1], ["off", 1]], "the weight -1 is not a whole number"),
    "fraction": ([["on", 25.5], ["off", 1]], "the weight 25.5 is not a whole number"),
    "text": ([["on", "25"], ["off", 1]], "the weight '25' is not a whole number"),
    "boolean": ([["on", True], ["off", 1]], "the weight True is not a whole number"),
    "no weight at all": ([["on", 0], ["off", 0]], "the weights add up to 0"),
    "too much weight": ([["on", 2**31], ["off", 1]], "the weights add up to"),
    "nothing": ([], "the weights add up to 0"),
    "unknown variant": ([["maybe", 1]], "/targeting/fractional/0/0: yields 'maybe', which is not a variant"),
    "number": ([[1, 1]], "is not the name of a variant"),
    "no pair": ([["on", 1, 2]], "is no pair of a variant and a weight"),
    "two ranges": ([["on", 1], ["off", 1], ["on", 1]], "gives 'on' two ranges with others between them"),
    "nested": ([[{"fractional": [["on", 1]]}, 1]], "is not the name of a variant"),
}


@pytest.mark.parametrize(("arguments", "words"), REFUSED_FRACTIONALS.values(), ids=REFUSED_FRACTIONALS.keys())
def test_fractional__without_an_equal__is_noted_and_the_default_served(arguments: list[Json], words: str) -> None:
    targeting, notes = _read({"fractional": arguments})
    assert (targeting.rules, targeting.fallthrough, words in notes[0]) == ((), Serve(variant="off"), True)


OUTCOMES: dict[str, tuple[Json, list[str | None], str | None]] = {
    "variant": ("on", [], "on"),
    "empty": ({}, [], "off"),
    "chain": ({"if": [{"==": [PLAN, "a"]}, "on", {"==": [PLAN, "b"]}, "true", "false"]}, ["on", "true"], "false"),
    "nested in then": ({"if": [{"==": [PLAN, "a"]}, {"if": [{"var": "x"}, "on", "true"]}]}, ["on", "true"], "off"),
    "nested in else": ({"if": [{"==": [PLAN, "a"]}, "on", {"if": [{"var": "x"}, "true"]}]}, ["on", "true"], "off"),
    "null in between": ({"if": [{"==": [PLAN, "a"]}, None, "on"]}, ["off"], "on"),
    "true or false": ({"==": [PLAN, "a"]}, ["true"], "false"),
    "if with a test only": ({"if": [{"==": [PLAN, "a"]}]}, ["true"], "false"),
    "if true": ({"if": [True]}, [], "true"),
    "and of truths": ({"and": [{"==": [PLAN, "a"]}, {"!": {"var": "x"}}]}, ["true"], "false"),
}


@pytest.mark.parametrize(("logic", "served", "otherwise"), OUTCOMES.values(), ids=OUTCOMES.keys())
def test_outcome__becomes_rules_and_a_fallthrough(logic: Json, served: list[str | None], otherwise: str | None) -> None:
    targeting, _ = _read(logic)
    assert ([rule.serve.variant for rule in targeting.rules], targeting.fallthrough.variant) == (served, otherwise)


REFUSED_OUTCOMES: dict[str, tuple[Json, str]] = {
    "attribute": (PLAN, "/targeting: yields the variant that an attribute names"),
    "number": ({"if": [PLAN, 1]}, "/targeting/if/1: yields something other than the name of a variant"),
    "list": ({"if": [PLAN, ["on"]]}, "yields something other than the name of a variant"),
    "unknown variant": ({"if": [PLAN, "maybe"]}, "/targeting/if/1: yields 'maybe', which is not a variant of the flag"),
    "and of values": ({"and": [PLAN, "on"]}, "/targeting/and: yields one of its arguments, not true or false"),
    "and of no list": ({"and": PLAN}, "yields one of its arguments, not true or false"),
    "and of too much": ({"or": [{"==": [PLAN, 1], "!=": [PLAN, 2]}]}, "yields one of its arguments, not true or false"),
    "concatenation": ({"cat": ["o", "n"]}, "the operation 'cat' has no equal"),
    "reference": ({"$ref": "none"}, "refers to the evaluator 'none', which does not exist"),
    "deep": (json.loads('{"if":[{"var":"x"},"on",' * 150 + '"off"' + "]}" * 150), "is nested deeper than 100"),
    "deep truth": (json.loads('{"and":[' * 200 + "true" + "]}" * 200), "is nested deeper than 20"),
    "many branches": (
        {"if": [part for index in range(1001) for part in ({"==": [PLAN, f"v{index}"]}, "on")]},
        "more than 1000",
    ),
}


@pytest.mark.parametrize(("logic", "words"), REFUSED_OUTCOMES.values(), ids=REFUSED_OUTCOMES.keys())
def test_outcome__without_an_equal__is_noted_and_the_default_served(logic: Json, words: str) -> None:
    targeting, notes = _read(logic)
    assert (targeting.rules, targeting.fallthrough, words in notes[0]) == ((), Serve(variant="off"), True)


def test_outcome__default_that_is_never_served__is_noted() -> None:
    _, notes = _read({"if": [{"==": [PLAN, "a"]}, "on", "true"]})
    assert "default variant 'off' is never served" in notes[0]


def test_rules__ids__count_from_one() -> None:
    targeting, _ = _read({"if": [{"==": [PLAN, "a"]}, "on", False, "on", {"==": [PLAN, "b"]}, "on"]})
    assert [rule.id for rule in targeting.rules] == ["r1", "r2"]


def test_read__edited_file__is_another_version(tmp_path: Path) -> None:
    path = tmp_path / "flags.json"
    references = []
    for document in ('{"flags": {}}', '{"flags":{}}'):
        path.write_text(document)
        references += [version.reference for version in load("flagd").read(str(path), Options())]
    assert len(set(references)) == 2
