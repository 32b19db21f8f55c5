"""Laws of evaluation: compiled and interpreted answers agree, and nothing makes either of them raise."""

from __future__ import annotations

import json
from collections.abc import Iterator
from random import Random
from typing import Any

import msgspec
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from flagtrail.engine.interpret import interpret
from flagtrail.engine.ruleset import Ruleset
from flagtrail.model.condition import OPERATORS, Condition
from flagtrail.model.flag import Flag, Json, boolean_flag
from flagtrail.model.segment import Segment
from flagtrail.model.targeting import Prerequisite, Rule, Serve, Share, Targeting

FLAGS = ("a", "b", "c", "unknown")
SEGMENTS = ("s", "t", "unknown")
ATTRIBUTES = ("plan", "n", "user.plan", "user.tags", "orders.total", "targetingKey")

# Few values, so that attributes and constants often meet.
TEXTS = st.one_of(
    st.sampled_from(["", "pro", "PRO", "ß", "1", "true", "3.2.0", "3.2.0-rc.1", "^p", "(", "\ud800"]),
    st.sampled_from(["10.1.2.3", "10.0.0.0/8", "::1"]),
    st.sampled_from(["2026-11-22T07:00:00Z", "2026-11-22T08:00:00.5+01:00", "2016-12-31T23:59:60Z"]),
)
NUMBERS = st.sampled_from([0, 1, 1.0, 2, 3, 10, -7, 0.5, 1e300, 10**15, 1700000000])
SCALARS = st.one_of(TEXTS, NUMBERS, st.booleans())
JSON = st.recursive(
    st.one_of(st.none(), SCALARS, st.integers(), st.floats()),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(st.sampled_from(["plan", "tags", "total"]), inner, max_size=3)
    ),
    max_leaves=6,
)
CONTEXTS = st.dictionaries(st.sampled_from([*ATTRIBUTES, "user", "orders"]), JSON, max_size=6)

ATTRIBUTE_CONDITIONS = st.builds(
    Condition,
    attribute=st.sampled_from(ATTRIBUTES),
    operator=st.sampled_from(OPERATORS),
    values=st.one_of(st.none(), st.lists(SCALARS, max_size=4).map(tuple), st.just((10, 3))),
    case_sensitive=st.booleans(),
)
VARIANTS = st.lists(st.sampled_from(["on", "off", "gone"]), max_size=2).map(tuple)
LEAVES = st.one_of(
    ATTRIBUTE_CONDITIONS,
    ATTRIBUTE_CONDITIONS,
    st.builds(Condition, segment=st.sampled_from(SEGMENTS)),
    st.builds(Condition, flag=st.sampled_from(FLAGS), variants=VARIANTS),
    st.just(Condition()),
    st.just(Condition(variants=("on",))),
    st.just(Condition(operator="equals")),
)
CONDITIONS = st.recursive(
    LEAVES,
    lambda inner: st.one_of(
        st.builds(lambda parts: Condition(all=tuple(parts)), st.lists(inner, max_size=3)),
        st.builds(lambda parts: Condition(any=tuple(parts)), st.lists(inner, max_size=3)),
        st.builds(lambda part: Condition(not_=part), inner),
    ),
    max_leaves=6,
)
SHARES = st.lists(
    st.builds(Share, st.sampled_from(["on", "off", "gone"]), st.sampled_from([-1, 0, 1, 25_000, 50_000, 100_000])),
    max_size=4,
).map(tuple)
SERVES = st.one_of(
    st.builds(Serve, variant=st.sampled_from(["on", "off", "gone"])),
    st.builds(
        Serve,
        split=SHARES,
        by=st.one_of(st.none(), st.sampled_from(ATTRIBUTES)),
        salt=st.one_of(st.none(), st.sampled_from(["", "x", "ü"])),
        bucketing=st.sampled_from([None, "murmur3", "flagd_v1", "flagd_v2", "unknown"]),
    ),
)
TARGETINGS = st.builds(
    Targeting,
    off_variant=st.sampled_from(["off", "gone"]),
    fallthrough=SERVES,
    enabled=st.sampled_from([True, True, True, False]),
    prerequisites=st.lists(st.builds(Prerequisite, st.sampled_from(FLAGS), VARIANTS), max_size=2).map(tuple),
    rules=st.lists(st.builds(Rule, st.sampled_from(["r1", "r2"]), CONDITIONS, SERVES), max_size=3).map(tuple),
)
RULESETS = st.builds(
    Ruleset,
    st.fixed_dictionaries(
        {
            "a": st.just(boolean_flag("a")),
            "b": st.sampled_from([boolean_flag("b"), boolean_flag("b", archived=True)]),
            "c": st.sampled_from([boolean_flag("c"), Flag("c", "string", {"x": "1"}), Flag("c", "string", {})]),
        }
    ),
    st.dictionaries(st.sampled_from(["a", "b", "c"]), TARGETINGS, max_size=3),
    st.fixed_dictionaries({"s": st.builds(Segment, st.just("s"), CONDITIONS)}).flatmap(
        lambda some: st.one_of(st.just(some), st.builds(lambda c: {**some, "t": Segment("t", c)}, CONDITIONS))
    ),
)


def disagreements(ruleset: Ruleset, context: dict[str, Any]) -> dict[str, object]:
    """The flags that compiled code answers otherwise than the interpreter."""
    explained = {key: ruleset.explain(key, context).resolution for key in ("a", "b", "c", "unknown")}
    return {key: expected for key, expected in explained.items() if ruleset.evaluate(key, context) != expected}


@settings(max_examples=150, deadline=None)
@given(RULESETS, CONTEXTS)
def test_evaluate__any_documents_and_context__compiled_answers_as_interpreted(
    ruleset: Ruleset, context: dict[str, Any]
) -> None:
    assert disagreements(ruleset, context) == {}


@pytest.mark.slow
@settings(max_examples=1600, deadline=None)
@given(RULESETS, CONTEXTS)
def test_evaluate__very_many_documents_and_contexts__compiled_answers_as_interpreted(
    ruleset: Ruleset, context: dict[str, Any]
) -> None:
    assert disagreements(ruleset, context) == {}


@settings(max_examples=150, deadline=None)
@given(CONDITIONS, st.builds(Condition, segment=st.just("s")) | CONDITIONS, CONTEXTS)
def test_evaluate__rules_in_a_row__compiled_answers_as_interpreted(
    first: Condition, second: Condition, context: dict[str, Any]
) -> None:
    rules = (Rule("r1", first, Serve(variant="on")), Rule("r2", second, Serve(variant="on")))
    split = Serve(split=(Share("on", 50_000), Share("off", 50_000)))
    flags = {"f": boolean_flag("f")}
    targetings = {"f": Targeting("off", split, enabled=True, rules=rules)}
    segments = {"s": Segment("s", first)}
    expected = interpret(flags, targetings, segments, "f", context).resolution
    assert Ruleset(flags, targetings, segments).evaluate("f", context) == expected


class Hostile:
    """An object whose every answer is an error."""

    def __eq__(self, other: object) -> bool:
        raise ZeroDivisionError

    def __hash__(self) -> int:
        raise ZeroDivisionError

    def __str__(self) -> str:
        raise ZeroDivisionError

    def __getattr__(self, name: str) -> object:
        raise ZeroDivisionError

    def __iter__(self) -> Iterator[object]:
        raise ZeroDivisionError


class HostileText(str):
    """A text that cannot be compared."""

    __slots__ = ()

    def __eq__(self, other: object) -> bool:
        raise ZeroDivisionError

    def __hash__(self) -> int:
        raise ZeroDivisionError


class HostileNumber(int):
    """A number that cannot be compared."""

    def __gt__(self, other: object) -> bool:
        raise ZeroDivisionError

    def __mod__(self, other: object) -> int:
        raise ZeroDivisionError


LOOP: list[Any] = []
LOOP.append(LOOP)

HOSTILE = st.one_of(
    JSON,
    st.builds(Hostile),
    st.builds(HostileText, TEXTS),
    st.builds(HostileNumber, st.integers()),
    st.just(LOOP),
    st.binary(max_size=3),
    st.just(10**5000),
    st.sets(TEXTS, max_size=2),
    st.just({"plan": LOOP}),
)
HOSTILE_CONTEXTS = st.one_of(
    st.dictionaries(st.sampled_from([*ATTRIBUTES, "user", "orders"]), HOSTILE, max_size=6),
    st.dictionaries(st.text(max_size=3), HOSTILE, max_size=2),
    st.none(),
    st.integers(),
    st.text(max_size=3),
    st.lists(st.integers(), max_size=2),
    st.builds(Hostile),
)


@settings(max_examples=150, deadline=None)
@given(RULESETS, HOSTILE_CONTEXTS)
def test_evaluate__hostile_context__never_raises(ruleset: Ruleset, context: Json) -> None:
    answered = ruleset.evaluate_all(context)
    assert answered == {key: ruleset.evaluate(key, context) for key in answered}


@settings(max_examples=100, deadline=None)
@given(RULESETS, HOSTILE_CONTEXTS)
def test_explain__hostile_context__never_raises(ruleset: Ruleset, context: Json) -> None:
    assert ruleset.explain("a", context).resolution.flag == "a"


@settings(max_examples=100, deadline=None)
@given(TARGETINGS, CONTEXTS, st.randoms(use_true_random=False))
def test_evaluate__keys_of_documents_in_another_order__answers_alike(
    targeting: Targeting, context: dict[str, Any], dice: Random
) -> None:
    def shuffled(value: Json) -> Json:
        if isinstance(value, dict):
            items = [(key, shuffled(part)) for key, part in value.items()]
            dice.shuffle(items)
            return dict(items)
        return [shuffled(part) for part in value] if isinstance(value, (list, tuple)) else value

    again = msgspec.convert(shuffled(json.loads(json.dumps(msgspec.to_builtins(targeting)))), Targeting)
    flags = {"a": boolean_flag("a")}
    reordered = {"a": msgspec.structs.replace(flags["a"], variants={"off": False, "on": True})}
    expected = Ruleset(flags, {"a": targeting}, {}).evaluate("a", context)
    assert Ruleset(reordered, {"a": again}, {}).evaluate("a", shuffled(context)) == expected


@settings(max_examples=80, deadline=None)
@given(RULESETS, RULESETS, CONTEXTS)
def test_ruleset__made_from_a_previous_one__answers_as_one_made_anew(
    before: Ruleset, after: Ruleset, context: dict[str, Any]
) -> None:
    before.evaluate_all(context)
    mixed = {**before.targetings, **{key: targeting for key, targeting in after.targetings.items() if key != "a"}}
    adopted = Ruleset(before.flags, mixed, before.segments, previous=before)
    assert adopted.evaluate_all(context) == Ruleset(before.flags, mixed, before.segments).evaluate_all(context)


@example("'); import os; ('")
@given(st.text(max_size=30))
def test_evaluate__text_of_documents__never_becomes_code(text: str) -> None:
    when = Condition(attribute=text, operator="equals", values=(text,))
    targeting = Targeting("off", Serve(variant="off"), enabled=True, rules=(Rule(text, when, Serve(variant="on")),))
    resolution = Ruleset({text: boolean_flag(text)}, {text: targeting}, {}).evaluate(text, {text: text})
    assert (resolution.variant, resolution.rule, resolution.flag) == ("on", text, text)
