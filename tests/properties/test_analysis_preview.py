"""A preview agrees with brute force: evaluating each context by the interpreter, before and after."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.properties.test_analysis_exposure import DOMAINS, Dice, meets
from tests.unit.analysis.histories import ENV, History, P, at

from flagtrail.analysis.preview import FlagPreview, Population, Proposal, preview
from flagtrail.engine.interpret import interpret
from flagtrail.model.context import Context
from flagtrail.model.resolution import Resolution
from flagtrail.model.state import State, fold
from flagtrail.model.subject import segment_subject, targeting_subject

FLAGS = ("f", "p1", "p2")


def proposal(dice: Dice) -> Proposal:
    """A random state, and what it becomes when some of its documents become others."""
    before = fold(sorted(dice.history(), key=lambda entry: (entry.effective, entry.seq)))
    history = History()
    names = dice.random.sample(["f", "p1", "p2", "s1", "s2"], dice.random.randint(1, 3))
    for name in names:
        if name.startswith("s"):
            history.segment(name, dice.condition(name), at(20))
        else:
            history.target(name, dice.targeting(name), at(20))
    after = fold(history.entries, before)
    subjects = [segment_subject(P, name) if name.startswith("s") else targeting_subject(P, name, ENV) for name in names]
    return Proposal(P, ENV, before, after, tuple(subjects))


def answer(state: State, flag: str, context: Context) -> Resolution:
    return interpret(state.flags(P), state.targetings(P, ENV), state.segments(P), flag, context).resolution


def pairs(found: Proposal, flag: str, contexts: list[Context]) -> list[tuple[Resolution, Resolution]]:
    return [(answer(found.before, flag, each), answer(found.after, flag, each)) for each in contexts]


def crowd(dice: Dice, size: int) -> list[Context]:
    keys = DOMAINS["targetingKey"]
    return [{**each, "targetingKey": dice.random.choice(keys)} for each in dice.contexts({}, size)]


def matrix(flag: FlagPreview) -> Counter[tuple[str | None, str | None]]:
    return Counter({(each.before, each.after): each.contexts.count for each in flag.transitions})


def count(flag: FlagPreview) -> int | None:
    return None if flag.changed is None else flag.changed.count


def check_over_contexts(seed: int) -> None:
    dice = Dice(seed)
    change, contexts = proposal(dice), crowd(dice, 12)
    found = preview(change, contexts, Population(source="given"))
    told = {flag.flag: flag for flag in found.flags}
    for key in FLAGS:
        brute = pairs(change, key, contexts)
        changed = sum(one.value != other.value or one.variant != other.variant for one, other in brute)
        if key in told:
            assert matrix(told[key]) == Counter((one.variant, other.variant) for one, other in brute)
            assert count(told[key]) == changed
        else:
            assert changed == 0


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.integers(0, 2**32))
def test_preview__random_states_and_changes__is_what_evaluating_each_context_gives(seed: int) -> None:
    check_over_contexts(seed)


@pytest.mark.slow
def test_preview__many_more_states_and_changes__is_what_evaluating_each_context_gives() -> None:
    for seed in range(3_000):
        check_over_contexts(seed)


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.integers(0, 2**32))
def test_preview_by_rules__random_states_and_changes__has_every_transition_that_contexts_make(seed: int) -> None:
    dice = Dice(seed)
    change = proposal(dice)
    # Splits take the keys that they hash to be present.
    contexts: list[Context] = [{**each, "company": "c9"} for each in crowd(dice, 8)]
    for flag in preview(change, (), Population(source="none")).flags:
        assert flag.rules is not None
        for context, (one, other) in zip(contexts, pairs(change, flag.flag, contexts), strict=True):
            case = next((case for case in flag.rules.cases if meets(case.condition, context)), None)
            possible = {} if case is None else {(each.before, each.after): each for each in case.transitions}
            assert case is None or (one.variant, other.variant) in possible
            if case is not None:
                differs = possible[one.variant, other.variant].differs
                assert differs == (one.value != other.value or (one.variant is None) != (other.variant is None))


@pytest.mark.parametrize("seed", range(12))
def test_preview_by_rules__many_keys__shares_are_met_within_sampling_error(seed: int) -> None:
    dice, size = Dice(seed), 1_200
    change = proposal(dice)
    context = {key: value for key, value in dice.contexts({}, 1)[0].items() if key != "targetingKey"}
    people: list[Context] = [{**context, "targetingKey": f"k-{n}", "company": f"inc-{n}"} for n in range(size)]
    for flag in preview(change, (), Population(source="none")).flags:
        assert flag.rules is not None
        case = next((case for case in flag.rules.cases if meets(case.condition, people[0])), None)
        gets = Counter((one.variant, other.variant) for one, other in pairs(change, flag.flag, people))
        says = {} if case is None else {(each.before, each.after): each.share for each in case.transitions}
        misses = {pair: share - gets[pair] / size for pair, share in says.items()}
        assert {pair: miss for pair, miss in misses.items() if abs(miss) > 5 / size**0.5} == {}
