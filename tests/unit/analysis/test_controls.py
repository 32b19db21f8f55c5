"""Verdicts on controls: what a period shows, and never more."""

from __future__ import annotations

import msgspec
import pytest
from tests.unit.analysis.histories import at

from flagtrail.analysis.controls import FRAMEWORKS, Facts, Verdict, controls
from flagtrail.analysis.evidence import Kind
from flagtrail.analysis.findings import Check, Count, Findings, Sampling

NUMBERS = {"soc2": ["CC6.1", "CC7.2", "CC8.1"], "iso27001": ["A.5.3", "A.8.15", "A.8.32"]}
NUMBERS["pci"] = ["6.5", "10.2", "10.3", "10.4", "10.5"]


def facts(
    *,
    reached: int = 4,
    approved: int = 4,
    no_reason: int = 0,
    self_approved: int = 0,
    unknown: int = 0,
    first: str = "2025-01-01T00:00:00.000000Z",
    until: str = at(1),
) -> Facts:
    counts = {"no_reason": no_reason, "no_approval": reached - approved, "self_approved": self_approved}
    found = Findings(
        entries=9,
        changes=6,
        reached=reached,
        approved=approved,
        people=(Count("Alice", 6),),
        actions=(),
        authenticated=(Count("none", unknown),) if unknown else (Count("session", 6),),
        access_changes=1,
        signin_failures=1,
        checks=tuple(Check(name, applied=True, count=count, seqs=(), told="") for name, count in counts.items()),  # type: ignore[arg-type]
        sampling=Sampling(25, reached, tuple(range(reached)), "", ""),
    )
    return Facts(found=found, holders_before=0, holders_after=1, first=first, until=until)


def verdict(number: str, told: Facts) -> Verdict:
    found = [each for kind in FRAMEWORKS for each in controls(kind, told) if each.control == number]
    return found[0].verdict


@pytest.mark.parametrize("kind", sorted(NUMBERS))
def test_controls__framework__each_has_verdict_evidence_and_what_is_open(kind: Kind) -> None:
    found = controls(kind, facts())
    assert [each.control for each in found] == NUMBERS[kind]
    assert all(each.shows and each.open and each.entries for each in found)


@pytest.mark.parametrize("kind", ["flag", "access"])
def test_controls__kind_of_no_framework__has_none(kind: Kind) -> None:
    assert controls(kind, facts()) == ()


@pytest.mark.parametrize(
    ("number", "told", "expected"),
    [
        pytest.param("CC8.1", facts(), "shown", id="all approved and explained"),
        pytest.param("CC8.1", facts(approved=3), "shown_in_part", id="one not approved"),
        pytest.param("CC8.1", facts(no_reason=1), "shown_in_part", id="one without a reason"),
        pytest.param("CC8.1", facts(no_reason=2), "shown_in_part", id="two without a reason"),
        pytest.param("6.5", facts(self_approved=1), "shown_in_part", id="one approved by its author"),
        pytest.param("A.8.32", facts(reached=0, approved=0), "nothing_to_show", id="nothing reached production"),
        pytest.param("A.5.3", facts(), "shown", id="each approved by another"),
        pytest.param("A.5.3", facts(approved=1), "shown_in_part", id="some approved"),
        pytest.param("A.5.3", facts(approved=0), "not_shown", id="none approved"),
        pytest.param("A.5.3", facts(self_approved=1), "shown_in_part", id="approved by oneself"),
        pytest.param("A.5.3", facts(reached=0, approved=0), "nothing_to_show", id="nothing to approve"),
        pytest.param("A.8.15", facts(), "shown_in_part", id="logged; who reaches the database is open"),
        pytest.param("10.2", facts(), "shown", id="logged"),
        pytest.param("10.3", facts(), "shown_in_part", id="protected"),
        pytest.param("10.4", facts(), "not_shown", id="reviewed"),
        pytest.param("10.5", facts(), "shown", id="kept for a year"),
        pytest.param("10.5", facts(first="2025-01-01T00:00:00.000001Z"), "shown_in_part", id="a moment less"),
        pytest.param("10.5", facts(first=""), "nothing_to_show", id="an empty ledger"),
        pytest.param("CC6.1", facts(), "shown", id="all known"),
        pytest.param("CC6.1", facts(unknown=2), "shown_in_part", id="two without a credential"),
        pytest.param("CC7.2", facts(), "shown_in_part", id="noticeable"),
    ],
)
def test_controls__facts__decide_the_verdict(number: str, told: Facts, expected: Verdict) -> None:
    assert verdict(number, told) == expected


def test_controls__words__count_as_people_do() -> None:
    told = facts(no_reason=1, approved=3)
    lines = next(each.shows for each in controls("soc2", told) if each.control == "CC8.1")
    assert lines[:3] == (
        "4 changes reached production.",
        "Each of them names its author; 1 has no reason.",
        "3 changes carried an approval; 1 did not.",
    )


def test_controls__nothing_happened__says_no_more_than_that() -> None:
    told = msgspec.structs.replace(facts(reached=0, approved=0))
    lines = next(each.shows for each in controls("soc2", told) if each.control == "CC8.1")
    assert lines == ("No change reached production in this period.",)
