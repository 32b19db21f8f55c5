"""What is stored of a preview, how it reads, and how the state before a change is found again."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.properties.test_analysis_exposure import Dice
from tests.unit.analysis.histories import ENTERPRISE, OFF, ON, History, at, rule, split, targeting
from tests.unit.analysis.test_preview import GIVEN, NONE, SAMPLED, people, proposal, rollout

from flagtrail.analysis.prediction import may_shift, prediction_words, shifts, undone
from flagtrail.analysis.preview import FlagPreview, Preview, preview
from flagtrail.model.document import Document
from flagtrail.model.entry import Action, Entry
from flagtrail.model.flag import Flag
from flagtrail.model.preview import PredictedShift, StoredPreview
from flagtrail.model.state import State, fold
from flagtrail.model.subject import Subject


def documents(state: State) -> dict[Subject, tuple[Document | None, int]]:
    return {held.subject: (held.document, held.version) for held in state.all() if held.document is not None}


@settings(max_examples=150, deadline=None)
@given(st.integers(0, 2**32), st.integers(0, 12))
def test_undone__any_history__is_the_state_before_its_last_entries(seed: int, last: int) -> None:
    entries = sorted(Dice(seed).history(), key=lambda entry: entry.seq)
    kept, taken = entries[: max(0, len(entries) - last)], entries[max(0, len(entries) - last) :]
    back = undone(fold(entries), taken)
    assert documents(back) == documents(fold(kept))
    assert back.size == len(kept)
    assert {key: set(users) for key, users in back.users.items()} == {
        key: set(users) for key, users in fold(kept).users.items()
    }


def entry(*actions: Action, about: str = "flag") -> Entry:
    history = History()
    made = history.flag("f", at(1)) if about == "flag" else history.target("f", targeting(ON), at(1))
    return msgspec.structs.replace(made, actions=actions)


@pytest.mark.parametrize(
    ("group", "expected"),
    [
        ([entry("details_changed", "lifecycle_changed")], False),
        ([entry("details_changed"), entry("rollout_changed", about="targeting")], True),
        ([entry("details_changed", "variants_changed")], True),
    ],
)
def test_may_shift__is_told_by_the_actions(group: list[Entry], expected: bool) -> None:
    assert may_shift(group) is expected


def stored(found: Preview, **parts: int) -> StoredPreview:
    return StoredPreview(seq=7, count=1, time=at(3), flags=shifts(found), **parts)


def test_shifts__over_sampled_contexts__hold_shares_interval_and_sample() -> None:
    crowd = [*people(25, plan="enterprise"), *people(75)]
    found = stored(preview(rollout(OFF, rule(ENTERPRISE)), crowd, SAMPLED), unaffected=2, left_out=1)
    (shift,) = found.flags
    assert (shift.before, shift.after, shift.changed, shift.sample) == (
        {"off": 1.0},
        {"off": 0.75, "on": 0.25},
        0.25,
        100,
    )
    assert (shift.since, shift.until) == (at(1), at(2))
    first, *others = prediction_words(found)
    assert first == (
        "f in production: 25 % get another value, of 100 sampled contexts (95 %: 18 % to 34 %): "
        "off 100 % to 75 %, on 0 % to 25 %."
    )
    assert others == ["2 flags that follow it: nobody gets another value.", "1 flag that follows it: not looked at."]


def test_shifts__errors__are_shares_of_the_empty_variant() -> None:
    (shift,) = shifts(preview(rollout(split(by="company", on=1, off=99_999)), people(4), GIVEN))
    assert (shift.before, shift.after) == ({"off": 1.0}, {"": 1.0})


def test_shifts__by_the_rules__hold_the_shares_of_everybody() -> None:
    found = stored(preview(rollout(split(on=25_000, off=75_000)), (), NONE))
    assert found.flags == (
        PredictedShift(
            flag="f",
            environment="production",
            before={"off": 1.0},
            after={"on": 0.25, "off": 0.75},
            changed=0.25,
            basis="rules",
        ),
    )
    assert prediction_words(found) == (
        "f in production: 25 % get another value, by the rules alone: off 100 % to 75 %, on 0 % to 25 %.",
    )


def test_shifts__by_the_rules_where_shares_differ_from_case_to_case__are_left_open() -> None:
    found = stored(preview(rollout(OFF, rule(ENTERPRISE)), (), NONE))
    assert (found.flags[0].before, found.flags[0].after, found.flags[0].changed) == ({"off": 1.0}, {}, None)
    assert prediction_words(found) == ("f in production: it depends on the context, by the rules alone.",)


def test_words__tell_the_variants_whose_shares_change() -> None:
    history = History()
    history.define(Flag("f", "string", {"a": "x", "b": "y", "c": "z"}), "f", at(1))
    history.target("f", targeting(split(a=20_000, b=30_000, c=50_000)), at(1))
    change = proposal(history, history.target("f", targeting(split(a=20_000, c=50_000, b=30_000)), at(2)))
    told = prediction_words(stored(preview(change, (), NONE)))
    assert told == ("f in production: 60 % get another value, by the rules alone.",)
    change = proposal(history, history.target("f", targeting(split(a=20_000, b=40_000, c=40_000)), at(3)))
    told = prediction_words(stored(preview(change, (), NONE)))
    assert told[0].endswith(": b 30 % to 40 %, c 50 % to 40 %.")


def test_shifts__of_a_flag_that_does_not_exist__end_with_the_callers_own_default() -> None:
    history = History()
    change = proposal(history, history.flag("f", at(1)))
    (shift,) = shifts(preview(change, (), NONE))
    assert (shift.before, shift.after) == ({"": 1.0}, {"off": 1.0})


def test_shifts__of_a_preview_that_tells_nothing__are_open() -> None:
    empty = preview(rollout(), (), NONE)
    (shift,) = shifts(msgspec.structs.replace(empty, flags=(FlagPreview(flag="f", direct=True),)))
    assert (shift.before, shift.after, shift.changed) == ({}, {}, None)
