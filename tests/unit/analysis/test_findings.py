"""A period added up: numbers, checks and the sample."""

from __future__ import annotations

from base64 import b64encode
from hashlib import sha256

import msgspec
from tests.unit.analysis.histories import ENV, ON, History, P, at, targeting

from flagtrail.analysis.evidence import Kind, Scope, Walk
from flagtrail.analysis.findings import FIRST, Count, Findings, findings
from flagtrail.ledger.draw import Draw, seeded_with
from flagtrail.model.environment import Environment, Project
from flagtrail.model.state import State
from flagtrail.model.subject import environment_subject, project_subject


def story(changes: int = 3, approval: str = "") -> History:
    history = History()
    history.put(project_subject(P), Project(P), at(1))
    history.put(environment_subject(P, "staging"), Environment("staging"), at(1))
    history.put(environment_subject(P, ENV), Environment(ENV, production=True), at(1), why="begin", approval="req-0")
    for number in range(changes):
        why = "" if number % 2 else "go"
        history.target("f", targeting(ON, enabled=number % 2 == 0), at(2), why=why, approval=approval)
    return history


def added_up(history: History, kind: Kind = "soc2", sample: int = 2) -> Findings:
    scope = Scope(kind=kind, project=P, since=at(1), until=at(28))
    return findings(((entry, "") for entry in history.entries), Walk(scope, State()), Draw("seed", sample))


def test_findings__period__in_numbers() -> None:
    found = added_up(story())
    assert (found.entries, found.changes, found.reached, found.approved) == (6, 6, 4, 1)
    assert (found.people, found.authenticated) == ((Count("Alice", 6),), (Count("session", 6),))
    assert found.actions == (Count("created", 4), Count("enabled", 2), Count("disabled", 1))


def test_findings__checks__count_what_lacks_and_name_the_first() -> None:
    found = {each.name: (each.applied, each.count, each.seqs) for each in added_up(story()).checks}
    assert found == {
        "no_reason": (True, 1, (4,)),
        "no_approval": (True, 3, (3, 4, 5)),
        "self_approved": (True, 0, ()),
        "break_glass": (False, 0, ()),
        "outside_window": (False, 0, ()),
    }


def test_findings__without_any_approval__own_approvals_are_not_checked() -> None:
    history = story()
    history.entries[2] = msgspec.structs.replace(history.entries[2], approval=None)
    checks = {each.name: each for each in added_up(history).checks}
    assert (checks["self_approved"].applied, "carries an approval" in checks["self_approved"].told) == (False, True)


def test_findings__of_access__approval_is_not_checked() -> None:
    checks = {each.name: each.applied for each in added_up(story(), "access").checks}
    assert checks == {
        "no_reason": True,
        "no_approval": False,
        "self_approved": True,
        "break_glass": False,
        "outside_window": False,
    }


def test_findings__many_exceptions__names_the_first_and_counts_all() -> None:
    found = added_up(story(100))
    assert (found.lacking("no_approval"), len(found.checks[1].seqs)) == (100, FIRST)


def test_sampling__ranks__taken_as_they_are_told() -> None:
    found = added_up(story(50), sample=5)
    seed = sha256(b"seed").digest()
    population = [2, *range(3, 53)]
    ranked = sorted(population, key=lambda seq: sha256(seed + seq.to_bytes(8, "big")).digest())
    assert found.sampling.seqs == tuple(sorted(ranked[:5]))
    assert (found.sampling.population, found.sampling.asked, found.sampling.seed) == (51, 5, b64encode(seed).decode())


def test_sampling__fewer_than_asked_for__all_of_them() -> None:
    assert added_up(story(), sample=25).sampling.seqs == (2, 3, 4, 5)


def test_sampling__of_none__is_empty() -> None:
    assert added_up(story(), sample=0).sampling.seqs == ()


def test_seeded_with__names_kind_period_and_root() -> None:
    assert seeded_with("soc2", at(1), at(28), "abc") == f"flagtrail/sample/v1\nsoc2\n{at(1)}\n{at(28)}\nabc\n"
