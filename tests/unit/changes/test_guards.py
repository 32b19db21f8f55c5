"""Guards in changes: set with one, of no use without one, ended with what they guard, never taken back themselves."""

from __future__ import annotations

import pytest
from tests.unit.analysis.histories import OFF, ON, targeting

from flagtrail.changes.actions import actions
from flagtrail.changes.decide import Decided, decide
from flagtrail.changes.diff import words
from flagtrail.changes.revert import reverts
from flagtrail.engine.check import check
from flagtrail.model.actor import SYSTEM
from flagtrail.model.change import Change, Operation
from flagtrail.model.document import Document, encode
from flagtrail.model.entry import Entry, Group, Source, Touch
from flagtrail.model.environment import Environment, Project
from flagtrail.model.errors import NotFound, VersionConflict
from flagtrail.model.flag import Json, boolean_flag
from flagtrail.model.guard import Guard, GuardState, Limit
from flagtrail.model.state import State, Versioned, held_after
from flagtrail.model.subject import (
    Subject,
    environment_subject,
    flag_subject,
    guard_subject,
    project_subject,
    targeting_subject,
)
from flagtrail.model.targeting import Targeting

FLAG, LIVE = flag_subject("shop", "f"), targeting_subject("shop", "f", "staging")
GUARD = guard_subject("shop", "f", "staging")
WATCHING = Guard((Limit("errors", above=0.02),), 30)
DOCUMENTS: dict[Subject, Document] = {
    project_subject("shop"): Project("shop"),
    environment_subject("shop", "staging"): Environment("staging"),
    environment_subject("shop", "production"): Environment("production"),
    FLAG: boolean_flag("f"),
    LIVE: targeting(OFF),
}


def standing(**others: Document) -> State:
    documents = {**DOCUMENTS, **({GUARD: others["guard"]} if "guard" in others else {})}
    held = [
        Versioned(subject, document, 3, seq, "2026-01-01T00:00:00.000000Z")
        for seq, (subject, document) in enumerate(documents.items())
    ]
    return State().having(held, size=len(held))


def put(subject: Subject, document: Document) -> Operation:
    return Operation(action="put", subject=subject, value=encode(document))


def decided(state: State, *operations: Operation) -> tuple[Decided, ...]:
    return decide(state, Change(operations=operations, why="a test"), check=check)


def test_decide__a_guarded_change__is_two_documents_and_the_guard_names_the_version() -> None:
    change, guard = decided(standing(), put(LIVE, targeting(ON)), put(GUARD, WATCHING))

    assert (change.subject, change.version) == (LIVE, 4)
    assert (guard.subject, guard.actions, guard.touches) == (GUARD, ("guarded",), (Touch("shop", "f", "staging"),))
    assert guard.after["version"] == 4


def test_decide__a_first_targeting_with_a_guard__is_version_one() -> None:
    first = targeting_subject("shop", "f", "production")
    _, guard = decided(standing(), put(first, targeting(ON)), put(guard_subject("shop", "f", "production"), WATCHING))

    assert guard.after["version"] == 1


def test_decide__a_guard_of_a_change_that_alters_nothing__alters_nothing() -> None:
    assert decided(standing(), put(LIVE, targeting(OFF)), put(GUARD, WATCHING)) == ()


def test_decide__the_same_guard_for_the_next_change__is_set_again() -> None:
    held = Guard(WATCHING.limits, 30, version=3)
    found = decided(standing(guard=held), put(LIVE, targeting(ON)), put(GUARD, WATCHING))

    assert [each.actions[0] for each in found][-1] == "guarded"


def test_decide__a_guard_that_ended__is_written_alone() -> None:
    (found,) = decided(standing(guard=WATCHING), put(GUARD, Guard(WATCHING.limits, 30, state="passed", outcome="fine")))

    assert found.actions == ("guard_passed",)


@pytest.mark.parametrize("subject", [FLAG, environment_subject("shop", "staging"), project_subject("shop")])
def test_decide__deleting_what_it_stands_in__deletes_the_guard_first(subject: Subject) -> None:
    found = decided(standing(guard=WATCHING), Operation(action="delete", subject=subject))

    assert (found[0].subject, found[0].actions) == (GUARD, ("deleted",))


def test_decide__a_guard_of_an_unknown_flag__is_not_found() -> None:
    with pytest.raises(NotFound, match="there is no flag 'g'"):
        decided(standing(), put(LIVE, targeting(ON)), put(guard_subject("shop", "g", "staging"), WATCHING))


def test_decide__an_ended_guard_of_a_version_it_did_not_see__is_a_conflict() -> None:
    operation = Operation(action="put", subject=GUARD, value=encode(WATCHING), version=2)
    with pytest.raises(VersionConflict):
        decided(standing(guard=WATCHING), operation)


@pytest.mark.parametrize(
    ("state", "action"),
    [
        ("watching", "guarded"),
        ("breached", "guard_breached"),
        ("passed", "guard_passed"),
        ("unjudged", "guard_unjudged"),
    ],
)
def test_actions__of_a_guard__are_told_by_the_state_it_leaves(state: GuardState, action: str) -> None:
    after = encode(Guard(WATCHING.limits, 30, state=state))

    assert actions(GUARD, None, after) == actions(GUARD, encode(WATCHING), after) == (action,)


def test_words__of_a_guard__are_its_own() -> None:
    ended = Guard(WATCHING.limits, 30, state="breached", outcome="errors was 0.05, above 0.02; taken back")

    assert words(GUARD, None, encode(WATCHING)) == WATCHING.words
    assert words(GUARD, encode(WATCHING), encode(ended)) == ("guard breached: errors was 0.05, above 0.02; taken back",)
    assert words(GUARD, encode(WATCHING), None) == ("deleted",)


def entry(seq: int, subject: Subject, before: Document | None, after: Document | None) -> Entry:
    old, new = (None if document is None else encode(document) for document in (before, after))
    return Entry(
        seq=seq,
        id="id",
        time="2026-01-01T00:00:00.000000Z",
        actor=SYSTEM,
        subject=subject,
        version=4,
        actions=actions(subject, old, new),
        paths=(),
        before=old,
        after=new,
        group=Group("g", seq - 10, 2),
        source=Source("api"),
    )


CHANGE = entry(10, LIVE, targeting(OFF), targeting(ON))
SET = entry(11, GUARD, None, WATCHING)


def after(*entries: Entry) -> State:
    return standing().having(map(held_after, entries), size=12)


def told(operations: tuple[Operation, ...]) -> list[tuple[str, Subject]]:
    return [(operation.action, operation.subject) for operation in operations]


def test_reverts__of_a_guarded_change__ends_the_guard_with_it() -> None:
    assert told(reverts(after(CHANGE, SET), [CHANGE, SET])) == [("delete", GUARD), ("put", LIVE)]


@pytest.mark.parametrize(
    "since",
    [
        pytest.param(entry(12, GUARD, WATCHING, Guard(WATCHING.limits, 30, state="passed")), id="passed"),
        pytest.param(entry(12, GUARD, WATCHING, Guard(WATCHING.limits, 30, version=9)), id="another one was set"),
        pytest.param(entry(12, GUARD, WATCHING, None), id="called off"),
    ],
)
def test_reverts__of_a_change_whose_guard_has_ended__leaves_the_guard(since: Entry) -> None:
    assert told(reverts(after(CHANGE, SET, since), [CHANGE, SET])) == [("put", LIVE)]


def test_reverts__of_a_breach__gives_back_what_it_took_and_sets_no_guard() -> None:
    back = entry(12, LIVE, targeting(ON), targeting(OFF))
    breach = entry(13, GUARD, WATCHING, Guard(WATCHING.limits, 30, state="breached"))

    assert told(reverts(after(CHANGE, SET, back, breach), [back, breach])) == [("put", LIVE)]


def test_reverts__with_no_guard_at_all__is_as_it_was() -> None:
    other: Targeting = targeting(ON)
    value: Json = encode(other)
    assert value is not None
    assert told(reverts(standing(), [SET])) == []
