"""What was changed in a period, who authorised it, and how it stood before and after."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
from tests.unit.analysis.histories import (
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
    split,
    targeting,
)

from flagtrail.analysis.compliance import ComplianceReport, Count, LedgerFacts, Scope, Standing, compliance
from flagtrail.model.environment import Environment, Policy
from flagtrail.model.flag import Flag, Json
from flagtrail.model.subject import flag_subject, policy_subject

LEDGER = LedgerFacts(12, "ab" * 32, "flagtrail.example\n12\n")
ENVIRONMENTS = [Environment(ENV, production=True), Environment("staging")]
QUARTER = split("f", on=25_000, off=75_000)


def story() -> History:
    history = History()
    history.flag("f", at(1))
    history.flag("g", at(1))
    history.segment("beta", GERMAN, at(2), why="Germany")
    history.target("f", targeting(QUARTER), at(3), why="start", approval="req-1")
    history.target("g", targeting(OFF), at(4))
    history.target("f", targeting(QUARTER, rule(BETA)), at(10), why="pilot", approval="req-2")
    history.target("f", targeting(ON), at(11), env="staging")
    history.segment("beta", ENTERPRISE, at(12), why="Enterprise")
    history.flag("f", at(13), description="told more")
    history.target("f", targeting(ON), at(14), why=" ")
    history.put(policy_subject(P), Policy("always"), at(15))
    history.put(flag_subject("other", "f"), None, at(15))
    history.target("f", targeting(OFF), at(20))
    return history


def report(
    flag: str | None = "f",
    environment: str | None = None,
    where: Mapping[str, Json] | None = None,
    since: str = at(5),
    until: str = at(20),
) -> ComplianceReport:
    entries = story().entries
    scope = Scope(project=P, flag=flag, environment=environment, where=where or {}, since=since, until=until)
    return compliance([*entries, *entries], scope, ENVIRONMENTS, LEDGER)


@pytest.mark.parametrize(
    ("flag", "environment", "seqs"),
    [
        pytest.param("f", None, [5, 6, 7, 8, 9], id="a flag, with the segment behind it"),
        pytest.param("f", ENV, [5, 7, 8, 9], id="a flag in one environment"),
        pytest.param("f", "staging", [6, 8], id="a flag where the segment plays no part"),
        pytest.param("g", None, [], id="a flag without a change"),
        pytest.param(None, None, [5, 6, 7, 8, 9, 10], id="the project"),
    ],
)
def test_compliance__scope__changes_in_the_period_oldest_first(
    flag: str | None, environment: str | None, seqs: list[int]
) -> None:
    assert [each.row.seq for each in report(flag, environment).authorisations] == seqs


def test_compliance__exceptions__only_where_customers_can_notice() -> None:
    lacks = {each.row.seq: each.exceptions for each in report().exceptions}
    assert lacks == {9: ("no_reason",)}
    assert [each.production for each in report().authorisations] == [True, False, True, False, True]


def test_compliance__change_of_type__reaches_production() -> None:
    history = History()
    history.flag("f", at(1))
    history.define(Flag("f", "float", {"on": 1.0, "off": 0.0}), "f", at(6))
    scope = Scope(project=P, flag="f", since=at(5), until=at(20))
    assert compliance(history.entries, scope, ENVIRONMENTS, LEDGER).authorisations[0].production
    assert not compliance(history.entries, scope, ENVIRONMENTS[1:], LEDGER).authorisations[0].production


def test_compliance__standings__before_the_period_and_at_its_end() -> None:
    before, after = "on 25 %, off 75 %", "on 100 %"
    assert report(where={"plan": "enterprise"}).standings == (
        Standing("f", ENV, before, after),
        Standing("f", "staging", "off 100 %", after),
    )


def test_compliance__whole_project__every_flag_and_which_of_them_changed() -> None:
    assert [(each.flag, each.environment, each.changed) for each in report(None).standings] == [
        ("f", ENV, True),
        ("f", "staging", True),
        ("g", ENV, False),
        ("g", "staging", False),
    ]


def test_compliance__a_segment_of_contexts__its_exposure_in_every_environment() -> None:
    found = report(where={"plan": "enterprise"}).exposures
    assert [(each.environment, [one.start for one in each.intervals]) for each in found] == [
        (ENV, [at(5), at(10), at(12)]),
        ("staging", [at(5), at(11)]),
    ]
    assert [each.intervals[-1].end for each in found] == [at(20), at(20)]


def test_compliance__whole_project__no_exposure() -> None:
    assert report(None).exposures == ()


def test_compliance__counts__per_action_and_person() -> None:
    found = report()
    assert found.actions == (
        Count("targeting_changed", 3),
        Count("created", 1),
        Count("details_changed", 1),
        Count("enabled", 1),
        Count("rollout_changed", 1),
    )
    assert found.people == (Count("Alice", 5),)


def test_compliance__report__carries_the_ledger_and_names_its_entries() -> None:
    found = report()
    assert (found.ledger, found.seqs) == (LEDGER, (0, 2, 3, 5, 6, 7, 8, 9))
