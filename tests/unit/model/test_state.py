"""The state is a fold of entries; nothing in it is altered in place."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flagtrail.model.actor import SYSTEM
from flagtrail.model.condition import Condition
from flagtrail.model.document import Document, encode
from flagtrail.model.entry import Entry, Group, Source
from flagtrail.model.environment import Environment, Policy, Project
from flagtrail.model.flag import boolean_flag
from flagtrail.model.nudge import Nudge
from flagtrail.model.segment import Segment
from flagtrail.model.stage import FlagStage
from flagtrail.model.state import Mention, State, Versioned, fold, mentions
from flagtrail.model.subject import (
    Subject,
    environment_subject,
    flag_subject,
    nudge_subject,
    policy_subject,
    project_subject,
    segment_subject,
    stage_subject,
    targeting_subject,
)
from flagtrail.model.targeting import Prerequisite, Rule, Serve, Targeting

TARGETING = Targeting(
    "off",
    Serve(variant="on"),
    enabled=True,
    prerequisites=(Prerequisite("base", ("on",)),),
    rules=(
        Rule("r", Condition(any=(Condition(segment="eu"), Condition(flag="other", variants=("on",)))), Serve("on")),
    ),
)


def entry(seq: int, subject: Subject, document: Document | None, *, occurred_at: str | None = None) -> Entry:
    return Entry(
        seq=seq,
        id=f"id{seq}",
        time=f"2026-01-01T00:00:{seq:02d}.000000Z",
        occurred_at=occurred_at,
        actor=SYSTEM,
        subject=subject,
        version=1,
        actions=("created",),
        paths=("",),
        after=None if document is None else encode(document),
        group=Group("g"),
        source=Source("api"),
    )


ENTRIES = [
    entry(0, project_subject("shop"), Project("shop")),
    entry(1, environment_subject("shop", "production"), Environment("production", position=1)),
    entry(2, environment_subject("shop", "development"), Environment("development", position=0)),
    entry(3, flag_subject("shop", "b"), boolean_flag("b")),
    entry(4, flag_subject("shop", "a"), boolean_flag("a")),
    entry(5, segment_subject("shop", "eu"), Segment("eu", Condition(segment="europe"))),
    entry(6, targeting_subject("shop", "a", "production"), TARGETING),
    entry(7, targeting_subject("shop", "a", "development"), TARGETING),
    entry(8, flag_subject("shop", "b"), None),
    entry(9, project_subject("gone"), Project("gone")),
    entry(10, project_subject("gone"), None),
]


def test_fold__of_entries__keeps_the_newest_of_each_subject() -> None:
    state = fold(ENTRIES)

    assert (
        state.size,
        list(state.projects()),
        list(state.environments("shop")),
        list(state.flags("shop")),
        list(state.segments("shop")),
        list(state.targetings("shop", "production")),
    ) == (11, ["shop"], ["development", "production"], ["a"], ["eu"], ["a"])


def test_fold__of_nothing__leaves_the_state_as_it_was() -> None:
    state = fold(ENTRIES)

    assert fold([], state) == state


def test_fold__in_two_parts__equals_the_fold_of_the_whole() -> None:
    assert fold(ENTRIES[5:], fold(ENTRIES[:5])) == fold(ENTRIES)


def test_having__of_another_document__leaves_the_earlier_state_alone() -> None:
    before = fold(ENTRIES[:3])
    fold(ENTRIES[3:], before)

    assert before.flags("shop") == {}


def test_get__of_each_kind__finds_the_document_or_none() -> None:
    state = fold(ENTRIES)

    assert (
        state.flag("shop", "a"),
        state.flag("shop", "b"),
        state.targeting("shop", "a", "production"),
        state.targeting("shop", "a", "staging"),
        state.segment("shop", "eu"),
        state.environment("shop", "nowhere"),
    ) == (boolean_flag("a"), None, TARGETING, None, Segment("eu", Condition(segment="europe")), None)


def test_policy__where_none_was_set__is_the_default_one() -> None:
    policy = entry(11, policy_subject("shop"), Policy("never"))

    assert (State().policy("shop"), fold([policy]).policy("shop")) == (Policy(), Policy("never"))


def test_settings_of_a_project_and_a_flag__are_none_until_they_were_set() -> None:
    nudge, stage = Nudge(channels=("slack",)), FlagStage("stale")
    set_ = fold([entry(11, nudge_subject("shop"), nudge), entry(12, stage_subject("shop", "a"), stage)])

    assert (State().nudge("shop"), State().stage("shop", "a")) == (None, None)
    assert (set_.nudge("shop"), set_.stage("shop", "a"), set_.stage("shop", "b")) == (nudge, stage, None)


def test_held__of_a_deleted_document__still_knows_its_version() -> None:
    held = fold(ENTRIES).held(flag_subject("shop", "b"))

    assert held is not None
    assert (held.document, held.seq) == (None, 8)


def test_all__of_a_state__includes_what_was_deleted() -> None:
    assert len(list(fold(ENTRIES).all())) == 9


def test_effective__of_imported_history__is_when_it_occurred() -> None:
    imported = entry(3, flag_subject("shop", "x"), None, occurred_at="2024-01-01T00:00:00.000000Z")

    assert (ENTRIES[0].effective, imported.effective) == ("2026-01-01T00:00:00.000000Z", "2024-01-01T00:00:00.000000Z")


def test_mentions__of_a_document__are_the_flags_and_segments_it_names() -> None:
    assert (mentions(TARGETING), mentions(Segment("s", Condition(segment="eu"))), mentions(None)) == (
        frozenset({("flag", "base"), ("segment", "eu"), ("flag", "other")}),
        frozenset({("segment", "eu")}),
        frozenset(),
    )


def test_living__of_a_kind__finds_what_stands_and_nothing_that_was_deleted() -> None:
    living = fold(ENTRIES).living("flag", "shop")

    assert (dict(living), len(living), "b" in living, "no" in living) == ({"a": boolean_flag("a")}, 1, False, False)


def test_living__of_a_kind_that_nobody_wrote__is_empty() -> None:
    assert dict(State().living("flag", "shop")) == {}


ANYWHERE = {targeting_subject("shop", "a", where) for where in ("production", "development")}


@pytest.mark.parametrize(
    ("named", "users"),
    [
        pytest.param(("flag", "base"), ANYWHERE, id="a prerequisite"),
        pytest.param(("flag", "other"), ANYWHERE, id="a flag in a condition"),
        pytest.param(("segment", "eu"), ANYWHERE, id="a segment in a condition"),
        pytest.param(("segment", "europe"), {segment_subject("shop", "eu")}, id="a segment in a segment"),
        pytest.param(("segment", "base"), set(), id="a segment of a flag's name"),
    ],
)
def test_users_of__of_what_is_named__are_the_documents_that_name_it(named: Mention, users: set[Subject]) -> None:
    assert set(fold(ENTRIES).users_of("shop", named)) == users


def test_users_of__of_another_project__are_none() -> None:
    assert not fold(ENTRIES).users_of("gone", ("flag", "base"))


NAMED: tuple[Mention, ...] = (("flag", "f"), ("flag", "g"), ("segment", "s"), ("segment", "t"))
SUBJECTS = (
    *(targeting_subject("shop", flag, where) for flag in "fg" for where in ("production", "staging")),
    *(segment_subject(project, key) for project in ("shop", "other") for key in "st"),
)


@given(
    st.lists(
        st.lists(st.tuples(st.sampled_from(SUBJECTS), st.frozensets(st.sampled_from(NAMED))), max_size=6), max_size=6
    )
)
def test_users_of__after_any_changes__are_who_would_be_found_by_looking_at_every_document(
    changes: list[list[tuple[Subject, frozenset[Mention]]]],
) -> None:
    state = State()
    for changed in changes:
        state = state.having([Versioned(subject, None, 1, 0, "", named) for subject, named in changed], size=0)
    expected: dict[tuple[str, Mention], set[Subject]] = {}
    for held in state.all():
        for named in held.mentions:
            expected.setdefault((held.subject.project or "", named), set()).add(held.subject)

    assert state.users == expected
