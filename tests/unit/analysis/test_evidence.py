"""Every entry of a period that is in question: which they are, what each reaches, and what it lacks."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec
import pytest
from tests.unit.analysis.histories import (
    ALICE,
    BETA,
    ENTERPRISE,
    ENV,
    GERMAN,
    OFF,
    ON,
    History,
    P,
    at,
    rule,
    targeting,
)

from flagtrail.analysis.evidence import Change, Elsewhere, Judged, Kind, Scope, Walk, told, without_gaps
from flagtrail.model.access import Member, SigninFailures
from flagtrail.model.actor import Actor, Author
from flagtrail.model.entry import Entry
from flagtrail.model.environment import Environment, Policy, Project
from flagtrail.model.state import State
from flagtrail.model.subject import (
    environment_subject,
    flag_subject,
    member_subject,
    policy_subject,
    project_subject,
    signin_subject,
)

BOB = Actor(kind="import", id="act_2", name="importer", for_=Author("Bob", "bob@example.org"))


def scope(kind: Kind = "soc2", flag: str | None = None, environment: str | None = None) -> Scope:
    return Scope(kind=kind, project=P, flag=flag, environment=environment, since=at(1), until=at(28))


def begun() -> History:
    history = History()
    history.put(project_subject(P), Project(P), at(1))
    history.put(environment_subject(P, ENV), Environment(ENV, production=True), at(1))
    history.put(environment_subject(P, "staging"), Environment("staging"), at(1))
    return history


def story() -> History:
    history = begun()
    history.flag("f", at(2))
    history.flag("g", at(2))
    history.segment("beta", GERMAN, at(2))
    history.target("f", targeting(ON), at(3), why="start", approval="req-1")
    history.target("g", targeting(OFF), at(4), env="staging")
    history.target("f", targeting(ON, rule(BETA)), at(5))
    history.segment("beta", ENTERPRISE, at(6), why="Enterprise")
    history.flag("f", at(7), description="told more")
    history.put(policy_subject(P), Policy("always"), at(8))
    history.put(flag_subject("other", "f"), None, at(8))
    history.put(member_subject("ana"), Member("ana", "Ana", "a@example.org", role="editor"), at(9))
    history.put(signin_subject("token"), SigninFailures("token", at(9), 7), at(9))
    return history


def judged(entries: Iterable[Entry], about: Scope, before: State | None = None) -> list[Judged]:
    return list(Walk(about, before or State()).judged((entry, f"hash{entry.seq}") for entry in entries))


@pytest.mark.parametrize(
    ("about", "seqs"),
    [
        pytest.param(scope(), [*range(12)], id="a project"),
        pytest.param(scope("flag", "f"), [3, 6, 8, 9, 10], id="a flag, with the segment behind it"),
        pytest.param(scope("flag", "f", ENV), [3, 6, 8, 9, 10], id="a flag in one environment"),
        pytest.param(scope("flag", "f", "staging"), [3, 10], id="a flag where the segment plays no part"),
        pytest.param(scope("flag", "g", "staging"), [4, 7], id="another flag"),
        pytest.param(scope("access"), [1, 2, 13, 14], id="access"),
    ],
)
def test_judged__scope__entries_in_question_oldest_first(about: Scope, seqs: list[int]) -> None:
    assert [each.entry.seq for each in judged(story().entries, about)] == seqs


def test_judged__changes__reach_what_customers_can_notice() -> None:
    reached = {each.entry.seq: each.reaches for each in judged(story().entries, scope())}
    assert {seq for seq, environment in reached.items() if environment == ENV} == {1, 6, 8, 9}
    assert set(reached.values()) == {ENV, None}


def test_judged__access__reaches_production_where_somebody_may_change_it_since() -> None:
    found = judged(story().entries, scope("access"))
    assert [(each.entry.seq, each.reaches, each.exceptions) for each in found] == [
        (1, ENV, ("no_reason",)),
        (2, None, ()),
        (13, ENV, ("no_reason",)),
        (14, None, ()),
    ]


@pytest.mark.parametrize(
    ("why", "approval", "actor", "exceptions"),
    [
        pytest.param("go", "req-1", ALICE, (), id="a reason and an approval"),
        pytest.param(" ", "req-1", ALICE, ("no_reason",), id="no reason"),
        pytest.param("go", None, ALICE, ("no_approval",), id="no approval"),
        pytest.param("", None, ALICE, ("no_reason", "no_approval"), id="neither"),
        pytest.param("go", "ACT_1", ALICE, ("self_approved",), id="approved by one's own id"),
        pytest.param("go", "alice@example.org", ALICE, ("self_approved",), id="approved by one's own address"),
        pytest.param("go", "Bob", BOB, ("self_approved",), id="approved by the author of what was imported"),
        pytest.param("go", "Bob", ALICE, (), id="approved by another"),
    ],
)
def test_judged__change_to_production__lacks(
    why: str, approval: str | None, actor: Actor, exceptions: tuple[str, ...]
) -> None:
    history = begun()
    history.put(policy_subject(P), Policy(), at(2))
    entry = history.target("f", targeting(ON), at(3))
    changed = msgspec.structs.replace(entry, why=why, approval=approval, actor=actor)
    assert judged([*history.entries[:-1], changed], scope())[-1].exceptions == exceptions


def test_judged__reason_erased_by_law__is_no_exception() -> None:
    history = begun()
    entry = msgspec.structs.replace(history.target("f", targeting(ON), at(3), approval="req"), erased=("why",))
    assert judged([*history.entries[:-1], entry], scope())[-1].exceptions == ()


def test_judged__change_elsewhere__lacks_nothing() -> None:
    history = begun()
    history.target("f", targeting(ON), at(3), env="staging")
    assert judged(history.entries, scope())[-1].exceptions == ()


def test_judged__from_the_middle__goes_by_the_state_before() -> None:
    history, about = story(), scope()
    whole = judged(history.entries, about)
    walk = Walk(about, State())
    list(walk.judged((entry, "") for entry in history.entries[:8]))
    assert [each.reaches for each in judged(history.entries[8:], about, walk.state)] == [
        each.reaches for each in whole if each.entry.seq >= 8
    ]


def test_walk__everything_that_passes__is_counted() -> None:
    walk = Walk(scope(), State())
    list(walk.judged((entry, "") for entry in story().entries))
    assert (walk.entries, walk.access_changes, walk.signin_failures, walk.state.size) == (15, 1, 7, 15)


def changes(about: Scope) -> list[Change]:
    return [told(each, about) for each in judged(story().entries, about)]


def test_told__change__holds_the_entry_with_its_words() -> None:
    found = changes(scope("flag", "f"))
    assert [(each.seq, each.document, each.via) for each in found] == [
        (3, "flag f", None),
        (6, "flag f", None),
        (8, "flag f", None),
        (9, "segment beta", "segment beta"),
        (10, "flag f", None),
    ]
    segment = found[3]
    assert (segment.who, segment.why, segment.ticket, segment.leaf_hash, segment.before, segment.words) == (
        "Alice",
        "Enterprise",
        "BILL-42",
        "hash9",
        story().entries[9].before,
        ("segment: country equals DE became plan in [enterprise]",),
    )


def test_told__values_erased__says_so() -> None:
    entry = msgspec.structs.replace(story().entries[6], before=None, after=None, erased=("after",))
    assert told(Judged(entry, "", None, ()), scope()).words == ("the values were erased",)


def test_without_gaps__between_changes__runs_with_their_roots() -> None:
    found = [each for each in changes(scope()) if each.seq in {3, 4, 7}]
    rows = without_gaps(found, 1, 10, lambda low, high: [f"{low}-{high}"])
    assert [
        (row.from_, row.to, row.roots) if isinstance(row, Elsewhere) else (row.seq, row.seq + 1, ()) for row in rows
    ] == [(1, 3, ("1-3",)), (3, 4, ()), (4, 5, ()), (5, 7, ("5-7",)), (7, 8, ()), (8, 10, ("8-10",))]


def test_without_gaps__changes_to_the_very_end__no_run_of_nothing() -> None:
    found = [each for each in changes(scope()) if each.seq == 3]
    assert [type(row) for row in without_gaps(found, 3, 4, lambda low, high: [])] == [Change]  # noqa: ARG005 - not called
