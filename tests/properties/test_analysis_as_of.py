"""The past is what the present was: questions about a moment agree with the state as it stood then."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.unit.analysis import stories
from tests.unit.analysis.histories import BETA, ENTERPRISE, ENV, GERMAN, OFF, ON, History, P, at, rule, split, targeting

from flagtrail.analysis.as_of import At, evaluate_at, made_by, state_at
from flagtrail.analysis.exposure import exposure
from flagtrail.engine.ruleset import Ruleset
from flagtrail.model.condition import Condition
from flagtrail.model.context import Context
from flagtrail.model.entry import Entry
from flagtrail.model.resolution import Resolution
from flagtrail.model.state import State, fold, held_after
from flagtrail.model.targeting import Serve

CONDITIONS = [GERMAN, ENTERPRISE, BETA, Condition(not_=BETA), Condition(flag="p", variants=("on",))]
SERVES = [ON, OFF, split("x", on=30_000, off=70_000)]
CONTEXTS: list[Context] = [
    {"targetingKey": key, "country": country, "plan": plan}
    for key in ("u1", "u2", "u3")
    for country in ("DE", "AT")
    for plan in ("enterprise", "free")
]


def story(seed: int) -> list[Entry]:
    """Learned in the order in which it happened, so that after each entry the live state is known."""
    dice, history = random.Random(seed), History()
    history.flag("f", at(1))
    for day in range(2, 2 + dice.randint(2, 10)):
        serve: Serve = dice.choice(SERVES)
        document = targeting(
            serve,
            *(rule(dice.choice(CONDITIONS), dice.choice(SERVES)) for _ in range(dice.randint(0, 1))),
            enabled=dice.random() < 0.8,
            needs=["p"] if dice.random() < 0.2 else [],
        )
        what = dice.choice(["f", "f", "f", "p", "segment", "details", "gone"])
        if what == "segment":
            history.segment("beta", dice.choice(CONDITIONS[:2]), at(day))
        elif what == "details":
            history.flag("f", at(day), description=str(day))
        elif what == "gone":
            history.target("f", None, at(day))
        elif what == "p":
            history.flag("p", at(day))
            history.target("p", targeting(dice.choice(SERVES)), at(day))
        else:
            history.target("f", document, at(day))
    return history.entries


def live(state: State, context: Context) -> Resolution:
    ruleset = Ruleset(state.flags(P), state.targetings(P, ENV), state.segments(P))
    return ruleset.evaluate("f", context)


@settings(max_examples=200, deadline=None)
@given(st.integers(0, 2**32))
def test_as_of__every_moment__equals_the_live_state_of_then(seed: int) -> None:
    entries = story(seed)
    state = State()
    for entry in entries:
        state = state.having([held_after(entry)], size=entry.seq + 1)
        context = CONTEXTS[entry.seq % len(CONTEXTS)]
        assert dict(state_at(entries, At(seq=entry.seq)).tables) == dict(state.tables)
        assert evaluate_at(entries, P, ENV, "f", context, At(seq=entry.seq)).resolution == live(state, context)


@settings(max_examples=200, deadline=None)
@given(st.integers(0, 2**32), st.sampled_from(CONTEXTS))
def test_evaluate_at__because__is_where_the_answer_last_became_what_it_is(seed: int, context: Context) -> None:
    entries = story(seed)
    answers = [live(fold(entries[: count + 1]), context).variant for count in range(len(entries))]
    changes = [count for count in range(len(entries)) if count == 0 or answers[count] != answers[count - 1]]
    assert evaluate_at(entries, P, ENV, "f", context, At()).because == changes[-1]


@settings(max_examples=200, deadline=None)
@given(st.integers(0, 2**32), st.sampled_from(stories.CONTEXTS), st.sampled_from(("time", "seq")), st.booleans())
def test_made_by__every_flag__is_the_entry_that_asking_for_it_alone_finds(
    seed: int, context: Context, order: str, windowed: bool
) -> None:
    entries = stories.story(random.Random(seed))
    last = entries[len(entries) // 2]
    moment = At(seq=last.seq) if order == "seq" else At(time=last.effective)
    alone = {
        flag: evaluate_at(entries, P, ENV, flag, context, moment).because
        for flag, held in state_at(entries, moment).flags(P).items()
        if not held.archived
    }
    since = at(4) if windowed and order == "time" else None
    effective = {entry.seq: entry.effective for entry in entries}
    found = made_by(entries, P, ENV, context, moment, since)
    expected = {flag: seq for flag, seq in alone.items() if since is None or effective[seq] >= since}
    assert {flag: seq for flag, seq in found.items() if flag in alone} == expected


@settings(max_examples=200, deadline=None)
@given(st.integers(0, 2**32), st.sampled_from(CONTEXTS))
def test_exposure__context_known_in_full__equals_evaluating_it_at_every_moment(seed: int, context: Context) -> None:
    entries = story(seed)
    found = exposure(entries, P, ENV, "f", dict(context))
    for interval in found.intervals:
        moment = At(time=interval.start)
        assert evaluate_at(entries, P, ENV, "f", context, moment).resolution.variant == interval.answer.only_variant


@pytest.mark.slow
@settings(max_examples=2_000, deadline=None)
@given(st.integers(0, 2**32))
def test_as_of__many_more_histories__equal_the_live_state_of_then(seed: int) -> None:
    entries = story(seed)
    for context in CONTEXTS:
        assert evaluate_at(entries, P, ENV, "f", context, At()).resolution == live(fold(entries), context)
