"""A flag's history, line by line; and the gathering of all that ever mattered to it."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
import pytest
from tests.unit.analysis.histories import ALICE, BETA, ENV, GERMAN, ON, History, P, at, rule, targeting

from flagtrail.analysis.dependencies import gather
from flagtrail.analysis.timeline import person, timeline
from flagtrail.model.actor import Actor, Author
from flagtrail.model.entry import Entry


def story() -> History:
    history = History()
    history.flag("f", at(1))
    history.flag("p", at(2))
    history.segment("beta", GERMAN, at(3), why="Germany first")
    history.target("p", targeting(ON, rule(BETA)), at(4))
    history.target("f", targeting(ON, needs=["p"]), at(5), why="go", approval="req-7")
    history.target("f", targeting(ON), at(6))
    history.target("f", targeting(ON), at(7), env="staging")
    history.flag("unrelated", at(8))
    return history


def test_timeline__entries_of_a_flag_and_of_others__newest_first_with_what_they_came_through() -> None:
    rows = timeline(story().entries[:6], project=P, flag="f").rows
    assert [(row.seq, row.via) for row in rows] == [
        (5, None),
        (4, None),
        (3, "flag p"),
        (2, "segment beta"),
        (1, "flag p"),
        (0, None),
    ]


def test_timeline__row__tells_who_what_and_why() -> None:
    row = timeline(story().entries, project=P, flag="f").rows[3]
    assert (row.who, row.environment, row.time, row.learned) == ("Alice", ENV, at(5), at(5))
    assert (row.why, row.ticket, row.approval, row.reverts) == ("go", "BILL-42", "req-7", None)
    assert (row.actions, row.words[:2]) == (("created", "enabled"), ("created", "enabled"))


def test_timeline__whole_project__comes_through_nothing() -> None:
    found = timeline(story().entries, project=P)
    assert ({row.via for row in found.rows}, found.seqs) == ({None}, tuple(range(8)))


def test_timeline__another_projects_entries__left_out() -> None:
    assert timeline(story().entries, project="other").rows == ()


def test_timeline__values_erased_by_law__says_so() -> None:
    entry = msgspec.structs.replace(story().entries[0], after=None, erased=("after", "why"))
    assert timeline([entry], project=P, flag="f").rows[0].words == ("the values were erased",)


@pytest.mark.parametrize(
    ("actor", "name"),
    [
        pytest.param(ALICE, "Alice", id="by name"),
        pytest.param(Actor(kind="person", id="act_2"), "act_2", id="erased"),
        pytest.param(Actor(kind="import", id="act_3", name="git", for_=Author("Bob")), "Bob", id="author of an import"),
    ],
)
def test_person__actor__whom_people_would_name(actor: Actor, name: str) -> None:
    assert person(actor) == name


def test_gather__flag__with_all_it_ever_depended_on_through_others() -> None:
    entries = story().entries
    asked: list[Sequence[str]] = []

    def history(paths: Sequence[str]) -> list[Entry]:
        asked.append(paths)
        return [entry for entry in reversed(entries) if entry.subject.path in paths]

    assert [entry.seq for entry in gather(history, P, ENV, "f")] == [0, 1, 2, 3, 4, 5]
    assert asked == [
        [f"projects/{P}/flags/f", f"projects/{P}/flags/f/environments/{ENV}"],
        [f"projects/{P}/flags/p", f"projects/{P}/flags/p/environments/{ENV}"],
        [f"projects/{P}/segments/beta"],
    ]
