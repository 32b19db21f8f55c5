"""What makes a flag stale, how sure that is, and what blocks its removal: signal by signal."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from tests.unit.analysis.histories import ENV, ON, P, targeting
from tests.unit.analysis.stale_project import HALF, REPORTED, Project, ago, codes, usage

from flagtrail.analysis.stale_reason import CODES, Blocker, StaleReason
from flagtrail.analysis.stale_references import Scanned
from flagtrail.analysis.staleness import FlagStaleness, judged
from flagtrail.model.condition import Condition
from flagtrail.model.flag import LifecycleKind, boolean_flag
from flagtrail.model.guard import Guard, GuardState, Limit
from flagtrail.model.reference import ReferenceKind
from flagtrail.model.segment import Segment
from flagtrail.model.subject import flag_subject, guard_subject, segment_subject
from flagtrail.model.usage import UsageClient, UsageCount, UsageReporter

SWITCHED_OFF = targeting(ON, enabled=False)


# Configuration


def test_never_enabled__flag_that_nobody_ever_turned_on__says_how_long() -> None:
    found = Project(born=35).serve(SWITCHED_OFF).verdict()
    told = "never enabled anywhere since it was created 35 days ago"
    assert found.reasons == (StaleReason("never_enabled", told, ago(35), "medium"),)
    assert (found.stage, found.winning_variant) == ("stale", "off")


def test_never_enabled__younger_than_its_days__is_active() -> None:
    assert codes(Project(born=29).serve(SWITCHED_OFF, 28).verdict()) == []


def test_off_everywhere__flag_that_was_on__counts_from_its_last_change() -> None:
    project = Project(born=38).serve(targeting(ON), 37).serve(SWITCHED_OFF, 31)
    project.serve(SWITCHED_OFF, 36, env="staging")
    told = "disabled in production, staging; configuration unchanged for 31 days"
    assert project.verdict().reasons == (StaleReason("off_everywhere", told, ago(31), "medium"),)


def test_off_everywhere__of_late__is_active() -> None:
    assert codes(Project(born=38).serve(targeting(ON), 37).serve(SWITCHED_OFF, 29).verdict()) == []


@pytest.mark.parametrize("kind", ["permission", "kill_switch"])
def test_off_everywhere__permanent_flag__is_spared(kind: LifecycleKind) -> None:
    found = Project(born=400, kind=kind).serve(targeting(ON), 399).serve(SWITCHED_OFF, 300).verdict()
    assert (found.reasons, found.permanent) == ((), True)


@pytest.mark.parametrize(
    ("days", "confidence"),
    [pytest.param(59, "medium", id="longer than it takes"), pytest.param(60, "high", id="twice as long")],
)
def test_one_variant__unchanged__the_longer_the_surer(days: float, confidence: str) -> None:
    assert Project(born=days + 1).serve(targeting(ON), days).verdict().reasons[0].confidence == confidence


def test_planned__alone__is_of_low_confidence_and_makes_nothing_stale() -> None:
    found = Project(born=50).serve(targeting(HALF), 1).verdict()
    assert ([reason.confidence for reason in found.reasons], found.stage) == (["low"], "potentially_stale")


def test_judged__stale__takes_one_reason_of_at_least_medium_confidence() -> None:
    low, medium = (StaleReason("one_variant", "", "", sure) for sure in ("low", "medium"))
    assert [judged(each) for each in ((), (low,), (low, medium))] == ["active", "potentially_stale", "stale"]


# Usage


def count(days: float, variant: str, times: int = 100, environment: str = ENV) -> UsageCount:
    return UsageCount(environment, f"{ago(days)[:10]}T00:00:00Z", variant, times)


ALWAYS_ON = [count(days, "on") for days in range(40)]


def served(counts: Sequence[UsageCount], kind: LifecycleKind = "release", last: float = 0) -> Project:
    project = Project(born=39, kind=kind).serve(targeting(HALF), 38)
    project.counts = counts
    project.used = 0
    project.rows = [*REPORTED, usage("f", 39, last)]
    return project


def test_one_variant_served__by_a_split__is_told_with_its_count() -> None:
    found = served(ALWAYS_ON[:36]).verdict()
    [reason] = found.reasons
    assert reason.evidence == "only on was served in 35 days, 3,600 times in production"
    assert (reason.code, reason.confidence, found.winning_variant) == ("one_variant_served", "medium", "on")


@pytest.mark.parametrize(
    ("counts", "found"),
    [
        pytest.param([count(days, "on", 2) for days in range(36)], "low", id="seldom"),
        pytest.param([count(0, "on", 1), count(35, "on", 1)], None, id="hardly ever"),
        pytest.param([*ALWAYS_ON, count(0, "off")], None, id="another one of late"),
        pytest.param([*ALWAYS_ON, count(20, "off")], None, id="another one within its days"),
        pytest.param([*ALWAYS_ON, count(33, "off")], "medium", id="another one long ago"),
        pytest.param([*ALWAYS_ON, count(0, "off", environment="staging")], "medium", id="another one in staging"),
        pytest.param([count(days, "") for days in range(40)], None, id="the caller's default"),
        pytest.param([count(0, "on", environment="staging")], None, id="nothing in production"),
    ],
)
def test_one_variant_served__counts__decide(counts: Sequence[UsageCount], found: str | None) -> None:
    reasons = served(counts).verdict().reasons
    assert [reason.confidence for reason in reasons if reason.code == "one_variant_served"] == (
        [found] if found else []
    )


def test_one_variant_served__permanent_flag__is_spared() -> None:
    assert codes(served(ALWAYS_ON, "kill_switch").verdict()) == []


def test_one_variant_served__flag_that_is_not_evaluated_any_more__is_told_so_instead() -> None:
    assert codes(served(ALWAYS_ON, last=65).verdict()) == ["not_evaluated"]


def test_one_variant_served__production_is_silent__says_nothing() -> None:
    project = served(ALWAYS_ON)
    project.rows = [usage("f", 39, 0, "staging")]
    assert codes(project.verdict()) == []


def test_never_evaluated__for_twice_its_days__is_of_high_confidence() -> None:
    project = Project(born=70, kind="kill_switch").serve(targeting(HALF), 1)
    project.used = 0
    assert [reason.confidence for reason in project.verdict().reasons] == ["high"]


# Blockers


def stale() -> Project:
    return Project(born=35).serve(targeting(ON), 34)


def test_blockers__another_flag_needs_it__names_where() -> None:
    project = stale()
    project.put(flag_subject(P, "g"), boolean_flag("g"), ago(30))
    project.target("g", targeting(ON, needs=["f"]), ago(30))
    assert project.verdict().blockers == (Blocker("dependents", "g in production needs it", ("g in production",)),)


def test_blockers__only_an_archived_flag_needs_it__none() -> None:
    project = stale()
    project.put(flag_subject(P, "g"), boolean_flag("g", archived=True), ago(30))
    project.target("g", targeting(ON, needs=["f"]), ago(30))
    assert project.verdict().blockers == ()


def test_blockers__segments_and_rules_ask_for_it__are_counted_beyond_ten() -> None:
    project = stale()
    asks = Condition(flag="f", variants=("on",))
    for index in range(11):
        project.put(segment_subject(P, f"s{index:02}"), Segment(f"s{index:02}", asks), ago(30))
    [blocker] = project.verdict().blockers
    assert blocker.evidence.endswith("segment s09 and 1 more need it")


@pytest.mark.parametrize(("state", "found"), [("watching", ["guard"]), ("passed", [])])
def test_blockers__guard__while_it_watches(state: GuardState, found: list[str]) -> None:
    project = stale()
    project.put(guard_subject(P, "f", ENV), Guard((Limit("errors", above=1.0),), 30, state=state), ago(0.01))
    project.put(guard_subject(P, "other", ENV), Guard((Limit("errors", above=1.0),), 30), ago(0.01))
    assert [blocker.code for blocker in project.verdict().blockers] == found


def test_blockers__active_flag__has_none() -> None:
    project = Project(born=5).serve(targeting(ON), 4)
    project.put(flag_subject(P, "g"), boolean_flag("g"), ago(3))
    project.target("g", targeting(ON, needs=["f"]), ago(3))
    assert project.verdict().blockers == ()


def client(application: str, last: float = 0, sdk: str = "otel/1", environment: str = ENV) -> UsageClient:
    return UsageClient(P, environment, "f", sdk, application, 5, ago(30), ago(last))


def reporter(application: str, first: float, last: float = 0, sdk: str = "otel/1") -> UsageReporter:
    return UsageReporter(P, ENV, sdk, application, ago(first), ago(last))


NEW_AND_OLD = (reporter("ios/5.6", 400), reporter("ios/5.26", 20))


@pytest.mark.parametrize(
    ("clients", "named"),
    [
        pytest.param([client("ios/5.6")], ("ios/5.6",), id="only the old build asks"),
        pytest.param([client("ios/5.6"), client("ios/5.26", 1)], None, id="the new one asks, too"),
        pytest.param([client("ios/5.6"), client("ios/5.26", 9)], ("ios/5.6",), id="the new one asked once"),
        pytest.param([client("ios/5.26")], None, id="only the new one asks"),
        pytest.param([client("ios/5.6", environment="staging")], None, id="nobody of the customers asks"),
        pytest.param([client("ios/5.6", 9)], None, id="nobody asks any more"),
        pytest.param([client("", sdk="sdk/1"), client("ios/5.6", 1)], ("ios/5.6", "sdk/1"), id="an old SDK, too"),
        pytest.param([client("", sdk="ofrep"), client("ios/5.6", 1)], None, id="somebody who names no version"),
        pytest.param([], None, id="no data"),
    ],
)
def test_blockers__old_version_asking__seen_with_its_version(
    clients: list[UsageClient], named: tuple[str, ...] | None
) -> None:
    project = stale()
    project.clients = clients
    project.reporters = [*NEW_AND_OLD, reporter("", 400, sdk="sdk/1"), reporter("", 40, sdk="sdk/2")]
    found = [blocker.named for blocker in project.verdict().blockers]
    assert found == ([] if named is None else [named])


def test_blockers__old_version_asking__tells_when_last_and_which_is_the_newest() -> None:
    project = stale()
    project.clients, project.reporters = [client("ios/5.6", 2)], NEW_AND_OLD
    last = ago(2)[:16].replace("T", " ")
    told = f"only an old version still asks: ios/5.6 (last {last} UTC); the newest is ios/5.26"
    assert project.verdict().blockers[0].evidence == told


# Code references


def scanned(  # noqa: PLR0913 - what is known of a flag
    counts: dict[ReferenceKind, int],
    days: float = 1,
    *,
    born: float = 35,
    used: float | None = None,
    elsewhere: int = 0,
    removed: float | None = None,
    repositories: tuple[str, ...] = ("shop",),
    known: bool = True,
) -> FlagStaleness:
    """A flag that serves several variants, as a scan found it; `used`: it was evaluated so many days ago."""
    project = Project(born=born, kind="kill_switch").serve(targeting(HALF), 1)
    project.rows = ([*REPORTED] if known else []) + ([] if used is None else [usage("f", 30, used)])
    project.used = 0
    project.scanned = Scanned(
        counts=counts,
        repositories=repositories,
        oldest=ago(days),
        elsewhere=elsewhere,
        had=removed is not None,
        removed=None if removed is None else ago(removed),
    )
    return project.verdict()


CODE = {"no_references", "only_in_tests", "only_dead_branches"}


@pytest.mark.parametrize(
    ("found", "code", "confidence"),
    [
        pytest.param(scanned({"evaluation": 1}), None, None, id="asked for"),
        pytest.param(scanned({"unknown": 1}), None, None, id="perhaps asked for"),
        pytest.param(scanned({}), "no_references", "high", id="nowhere, and usage is reported"),
        pytest.param(scanned({}, known=False), "no_references", "medium", id="nowhere, and nothing is reported"),
        pytest.param(scanned({}, known=False, removed=3), "no_references", "high", id="it was there once"),
        pytest.param(scanned({}, used=1), "no_references", "low", id="nowhere, but evaluated"),
        pytest.param(scanned({}, elsewhere=2), "no_references", "low", id="on other branches"),
        pytest.param(scanned({}, born=29), None, None, id="code that may not be written yet"),
        pytest.param(scanned({}, born=29, removed=3), "no_references", "high", id="young, and gone again"),
        pytest.param(scanned({}, 30.1), None, None, id="an old scan"),
        pytest.param(scanned({}, repositories=()), None, None, id="no scan looked for it"),
        pytest.param(scanned({"test_stub": 2, "definition": 1}), "only_in_tests", "medium", id="tests"),
        pytest.param(scanned({"test_stub": 2}, used=1), "only_in_tests", "low", id="tests, but evaluated"),
        pytest.param(scanned({"comment": 1, "evaluation": 0}), "only_dead_branches", "medium", id="a comment"),
        pytest.param(scanned({"definition": 1, "configuration": 3}), "only_dead_branches", "medium", id="a name"),
    ],
)
def test_code_references__what_stands_there__decides(
    found: FlagStaleness, code: str | None, confidence: str | None
) -> None:
    told = [(reason.code, reason.confidence) for reason in found.reasons if reason.code in CODE]
    assert told == ([] if code is None else [(code, confidence)])


@pytest.mark.parametrize(
    ("found", "told", "since"),
    [
        (scanned({}, elsewhere=2), f"no reference in shop, scanned {ago(1)[:10]}; 2 on other branches", ago(1)),
        (scanned({}, removed=9), f"no reference in shop, scanned {ago(1)[:10]}", ago(9)),
        (scanned({}, used=1), f"no reference in shop, scanned {ago(1)[:10]}; but it is still evaluated", ago(1)),
        (scanned({"test_stub": 1}), "only tests of shop name it: nothing asks for it there", ago(1)),
        (
            scanned({"definition": 1, "comment": 1}),
            "code of shop does not ask for it: it stands in comments and definitions only",
            ago(1),
        ),
    ],
)
def test_code_references__tell_the_evidence(found: FlagStaleness, told: str, since: str) -> None:
    assert [(each.evidence, each.since) for each in found.reasons if each.code in CODE] == [(told, since)]


def test_codes__are_at_least_nine() -> None:
    assert len(CODES) == len(set(CODES)) == 11
