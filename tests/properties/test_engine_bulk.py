"""The law of bulk evaluation: whatever was asked before, every context gets what each flag answers it alone."""

from __future__ import annotations

from typing import Any
from unittest.mock import patch

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flagtrail.engine import bulk, classes
from flagtrail.engine.classes import Classifier
from flagtrail.engine.interpret import interpret
from flagtrail.engine.operators import holds
from flagtrail.engine.ruleset import Ruleset
from flagtrail.model.condition import OPERATORS, Condition
from flagtrail.model.flag import boolean_flag
from flagtrail.model.resolution import Resolution
from flagtrail.model.segment import Segment
from flagtrail.model.targeting import Prerequisite, Rule, Serve, Share, Targeting

FLAGS = ("a", "b", "c", "d")
# Few values of every type, so that contexts often are of one class and limits are hit exactly.
TEXTS = st.sampled_from(["", "pro", "PRO", "1", "3.2.0", "10.1.2.3", "ü", "\ud800", "2026-11-22T07:00:00Z"])
NUMBERS = st.sampled_from([0, 1, 1.0, 2, 2.5, -7, 10**400, float("nan"), float("inf")])
SCALARS = st.one_of(TEXTS, NUMBERS, st.booleans())
VALUES = st.one_of(SCALARS, st.lists(SCALARS, max_size=2), st.dictionaries(st.just("plan"), SCALARS))
CONTEXTS = st.dictionaries(st.sampled_from(["plan", "n", "user", "user.plan", "targetingKey"]), VALUES)
TESTS = st.builds(
    Condition,
    attribute=st.sampled_from(["plan", "n", "user.plan"]),
    operator=st.sampled_from(OPERATORS),
    values=st.lists(SCALARS, max_size=3).map(tuple),
    case_sensitive=st.booleans(),
)
CONDITIONS = st.one_of(
    TESTS,
    st.builds(lambda part: Condition(not_=part), TESTS),
    st.builds(lambda parts: Condition(all=tuple(parts)), st.lists(TESTS, max_size=3)),
    st.just(Condition(segment="s")),
    st.builds(Condition, flag=st.sampled_from(FLAGS), variants=st.just(("on",))),
)
SPLITS = st.builds(
    Serve,
    split=st.sampled_from(
        [
            (Share("on", 50_000), Share("off", 50_000)),
            (Share("on", 100_000), Share("off", 0)),
            (Share("on", 30_000), Share("off", 30_000), Share("gone", 40_000)),
        ]
    ),
    by=st.sampled_from([None, "n", "user.plan"]),
    salt=st.sampled_from([None, "x", "ü"]),
    bucketing=st.sampled_from([None, "murmur3", "flagd_v2"]),
)
SERVES = st.one_of(st.just(Serve(variant="on")), st.just(Serve(variant="off")), SPLITS)
TARGETINGS = st.builds(
    Targeting,
    off_variant=st.just("off"),
    fallthrough=SERVES,
    enabled=st.sampled_from([True, True, True, False]),
    prerequisites=st.one_of(
        st.just(()), st.builds(lambda key: (Prerequisite(key, ("on",)),), st.sampled_from([*FLAGS, "unknown"]))
    ),
    rules=st.lists(st.builds(Rule, st.sampled_from(["r1", "r2"]), CONDITIONS, SERVES), max_size=2).map(tuple),
)
TARGETED = st.dictionaries(st.sampled_from(FLAGS), TARGETINGS, min_size=2)


def expected(ruleset: Ruleset, context: dict[str, Any]) -> dict[str, Resolution]:
    """What the interpreter answers for each flag alone."""
    return {
        key: interpret(ruleset.flags, ruleset.targetings, ruleset.segments, key, context).resolution for key in FLAGS
    }


def check(ruleset: Ruleset, contexts: list[dict[str, Any]], *, min_flags: int, outcomes: int) -> None:
    with (
        patch.object(bulk, "MIN_FLAGS", min_flags),
        patch.object(bulk, "MAX_ANSWERS", outcomes),
        patch.object(bulk, "MAX_FOURS", 1),
        patch.object(classes, "MAX_REMEMBERED", 2),
    ):
        answered = [ruleset.evaluate_all(context) for context in contexts]
    assert answered == [expected(ruleset, context) for context in contexts]


def made(targetings: dict[str, Targeting], segment: Condition) -> Ruleset:
    return Ruleset({key: boolean_flag(key) for key in FLAGS}, targetings, {"s": Segment("s", segment)})


@settings(max_examples=300, deadline=None)
@given(TARGETED, TESTS, st.lists(CONTEXTS, max_size=5), st.sampled_from([1, 2]), st.sampled_from([1, 1000]))
def test_evaluate_all__contexts_one_after_another__answers_as_interpreted(
    targetings: dict[str, Targeting], segment: Condition, contexts: list[dict[str, Any]], min_flags: int, outcomes: int
) -> None:
    check(made(targetings, segment), contexts, min_flags=min_flags, outcomes=outcomes)


@pytest.mark.slow
@settings(max_examples=2000, deadline=None)
@given(TARGETED, TESTS, st.lists(CONTEXTS, max_size=8), st.sampled_from([1, 2]), st.sampled_from([1, 1000]))
def test_evaluate_all__very_many_contexts_one_after_another__answers_as_interpreted(
    targetings: dict[str, Targeting], segment: Condition, contexts: list[dict[str, Any]], min_flags: int, outcomes: int
) -> None:
    check(made(targetings, segment), contexts, min_flags=min_flags, outcomes=outcomes)


@settings(max_examples=150, deadline=None)
@given(TARGETED, TARGETED, TESTS, CONTEXTS)
def test_evaluate_all__of_a_ruleset_made_from_another__answers_as_interpreted(
    before: dict[str, Targeting], after: dict[str, Targeting], segment: Condition, context: dict[str, Any]
) -> None:
    first = made(before, segment)
    first.evaluate_all(context)
    second = Ruleset(first.flags, {**before, **after}, first.segments, previous=first)
    assert second.evaluate_all(context) == expected(second, context)


@settings(max_examples=500, deadline=None)
@given(st.lists(TESTS.map(lambda test: msgspec.structs.replace(test, attribute="plan")), max_size=4), VALUES, VALUES)
def test_classes__that_are_equal__are_alike_to_every_condition(
    tests: list[Condition], one: object, other: object
) -> None:
    def answers(value: object) -> list[bool]:
        return [
            holds(test.operator or "equals", test.values or (), value, case_sensitive=test.case_sensitive)
            for test in tests
        ]

    classify = Classifier("plan", tests)
    if classify({"plan": one}) == classify({"plan": other}):
        assert answers(one) == answers(other)
