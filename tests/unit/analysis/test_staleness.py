"""Which flags could go, and on what evidence."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from tests.unit.analysis.histories import BETA, ENV, GERMAN, OFF, ON, History, P, rule, split, targeting
from tests.unit.analysis.stale_project import HALF, NOW, REPORTED, Project, ago, codes, usage

from flagtrail.analysis.stale_usage import Reporting
from flagtrail.analysis.staleness import Lives, lives_of, staleness
from flagtrail.model.flag import Flag, LifecycleKind
from flagtrail.model.state import fold
from flagtrail.model.subject import thresholds_subject
from flagtrail.model.targeting import Targeting
from flagtrail.model.thresholds import Days, Kinds, Thresholds
from flagtrail.model.usage import UsageReporter, UsageSummary


def test_one_variant__flag_at_100_percent_evaluated_every_second__is_stale_31_days_after_its_last_configuration() -> (
    None
):
    project = Project(born=39).serve(targeting(HALF), 38).serve(targeting(ON), 31)
    every_second = [usage("f", 39, 0, count=39 * 86_400)]
    found = project.verdict(every_second)
    assert (found.stage, codes(found), found.winning_variant) == ("stale", ["one_variant"], "on")
    assert found.reasons[0].since == ago(31)
    assert found.reasons[0].evidence == "on for everybody in production; configuration unchanged for 31 days"
    assert found.last_evaluated == ago(0)


@pytest.mark.parametrize(
    ("days", "stage"),
    [
        pytest.param(29.99, "active", id="a moment before"),
        pytest.param(30, "stale", id="at 30 days"),
    ],
)
def test_one_variant__edge_of_30_days__counts_from_it_on(days: float, stage: str) -> None:
    assert Project().serve(targeting(ON), days).verdict().stage == stage


CONSTANT = {"one_variant", "off_everywhere", "never_enabled"}


@pytest.mark.parametrize(
    ("production", "staging", "winner"),
    [
        pytest.param(targeting(ON), None, "on", id="one environment"),
        pytest.param(targeting(ON), targeting(ON), "on", id="alike"),
        pytest.param(targeting(ON), targeting(ON, enabled=False), "on", id="disabled where nobody is hurt"),
        pytest.param(targeting(ON, enabled=False), None, "off", id="disabled"),
        pytest.param(targeting(ON, enabled=False), targeting(ON, enabled=False), "off", id="disabled everywhere"),
        pytest.param(targeting(ON, enabled=False), targeting(ON), None, id="waits for its launch"),
        pytest.param(targeting(ON), targeting(OFF), None, id="not alike"),
        pytest.param(None, targeting(ON), None, id="only in staging"),
        pytest.param(None, targeting(ON, enabled=False), "off", id="only in staging, disabled"),
        pytest.param(None, None, "off", id="configured nowhere"),
        pytest.param(targeting(HALF), None, None, id="a split"),
        pytest.param(targeting(split(on=100_000, off=0)), None, "on", id="a split that gives all to one"),
        pytest.param(targeting(OFF, rule(GERMAN)), None, None, id="a rule that serves another"),
        pytest.param(targeting(ON, rule(GERMAN)), None, "on", id="a rule that serves the same"),
    ],
)
def test_one_variant__configuration__decides_alone(
    production: Targeting | None, staging: Targeting | None, winner: str | None
) -> None:
    project = Project()
    for environment, document in ((ENV, production), ("staging", staging)):
        if document is not None:
            project.serve(document, env=environment)
    found = project.verdict()
    assert (found.winning_variant, bool(CONSTANT & set(codes(found)))) == (winner, winner is not None)


def test_one_variant__asked_for_one_environment__judged_there_only() -> None:
    project = Project().serve(targeting(ON)).serve(targeting(HALF), env="staging")
    winners = [project.verdict(environment=name).winning_variant for name in (ENV, "staging")]
    assert winners == ["on", None]


def test_one_variant__disabled_in_staging__says_so() -> None:
    project = Project().serve(targeting(ON)).serve(targeting(ON, enabled=False), 33, env="staging")
    told = "on for everybody in production; disabled in staging; configuration unchanged for 33 days"
    assert project.verdict().reasons[0].evidence == told


def test_one_variant__description_edited_yesterday__is_no_configuration() -> None:
    project = Project().serve(targeting(ON))
    project.describe(1, "told more")
    assert codes(project.verdict()) == ["one_variant"]


def test_one_variant__own_entries_not_known__counts_the_newest_change_of_any_kind() -> None:
    project = Project().serve(targeting(ON))
    project.describe(1, "told more")
    assert codes(project.report(lives=Lives({}, {})).flags[0]) == []


def test_one_variant__segment_behind_it_edited__counts_as_configuration() -> None:
    project = Project().serve(targeting(ON, rule(BETA)))
    project.segment("beta", GERMAN, ago(3))
    assert codes(project.verdict()) == []


@pytest.mark.parametrize("kind", ["permission", "kill_switch"])
def test_one_variant__permanent_flag__is_spared(kind: LifecycleKind) -> None:
    found = Project(born=400, kind=kind).serve(targeting(ON), 399).verdict()
    assert (found.stage, found.reasons, found.winning_variant) == ("active", (), None)


def never(born: float, first: float, last: float, thresholds: Thresholds | None = None) -> list[str]:
    project = Project(born=born).serve(targeting(HALF), 1)
    if thresholds is not None:
        project.put(thresholds_subject(P), thresholds, ago(1))
    rows = [usage("other", first, last)]
    state = fold(project.entries)
    lives = lives_of(project.entries)
    return codes(staleness(state, P, lives=lives, usage=rows, now=NOW).flags[0])


@pytest.mark.parametrize(
    ("born", "first", "last", "found"),
    [
        pytest.param(30, 400, 0, ["never_evaluated"], id="30 days old"),
        pytest.param(29.9, 400, 0, [], id="not yet 30 days old"),
        pytest.param(35, 30, 0, ["never_evaluated"], id="usage reported for 30 days"),
        pytest.param(35, 29.9, 0, [], id="usage not yet reported for 30 days"),
        pytest.param(35, 400, 6, [], id="usage no longer reported 29 days after its creation"),
        pytest.param(35, 400, 0.9, ["never_evaluated"], id="usage reported today"),
    ],
)
def test_never_evaluated__needs_thirty_days_of_reported_usage(
    born: float, first: float, last: float, found: list[str]
) -> None:
    assert never(born, first, last) == found


def test_never_evaluated__reason__tells_the_evidence() -> None:
    project = Project(born=35).serve(targeting(HALF), 1)
    project.used = 0
    reason = project.verdict().reasons[0]
    assert reason.evidence == "never evaluated in 35 days in which production reported usage"
    assert reason.since == ago(35)


@pytest.mark.parametrize(
    ("rows", "found"),
    [
        pytest.param([*REPORTED, usage("f", 300, 60)], ["not_evaluated"], id="60 days ago"),
        pytest.param([*REPORTED, usage("f", 300, 59.9)], [], id="not yet 60 days ago"),
        pytest.param([usage("other", 400, 10), usage("f", 300, 61)], [], id="usage no longer reported"),
        pytest.param([*REPORTED, usage("f", 300, 70), usage("f", 300, 1, "staging")], [], id="evaluated elsewhere"),
        pytest.param(
            [usage("other", 400, 0, "staging"), usage("f", 300, 99, "staging")], [], id="production is silent"
        ),
        pytest.param([], [], id="nothing is reported"),
    ],
)
def test_not_evaluated__needs_sixty_days_of_silence_in_reported_usage(
    rows: list[UsageSummary], found: list[str]
) -> None:
    project = Project(kind="kill_switch").serve(targeting(HALF), 1)
    project.used = 0
    assert codes(project.verdict(rows)) == found


def test_not_evaluated__reason__tells_the_evidence() -> None:
    project = Project(kind="kill_switch").serve(targeting(HALF), 1)
    project.used = 0
    found = project.verdict([*REPORTED, usage("f", 300, 61)])
    assert (found.reasons[0].evidence, found.reasons[0].since) == ("last evaluated 61 days ago", ago(61))
    assert (found.stage, found.last_evaluated) == ("stale", ago(61))


def test_staleness__environment_without_any_usage__said_plainly() -> None:
    report = Project().report([])
    assert report.unreported == ("staging",)
    assert report.notes == ("staging has reported no usage: whether flags are evaluated there is not known",)


@pytest.mark.parametrize(
    ("remove_by", "found"),
    [
        pytest.param("2026-11-21", ["past_remove_by"], id="yesterday"),
        pytest.param("2026-11-22", [], id="today"),
    ],
)
def test_past_remove_by__day_after__potentially_stale(remove_by: str, found: list[str]) -> None:
    verdict = Project(remove_by=remove_by).serve(targeting(HALF)).verdict()
    assert codes(verdict) == found
    assert verdict.stage == ("potentially_stale" if found else "active")


@pytest.mark.parametrize(
    ("kind", "born", "found"),
    [
        pytest.param("release", 40, ["past_expected_lifetime"], id="release at 40 days"),
        pytest.param("release", 39.9, [], id="release before"),
        pytest.param("experiment", 40, ["past_expected_lifetime"], id="experiment"),
        pytest.param("operational", 7, ["past_expected_lifetime"], id="operational at 7 days"),
        pytest.param("permission", 4000, [], id="permission"),
    ],
)
def test_past_expected_lifetime__by_kind__potentially_stale(kind: LifecycleKind, born: float, found: list[str]) -> None:
    verdict = Project(born=born, kind=kind).serve(targeting(HALF), 1).verdict()
    assert codes(verdict) == found
    assert verdict.stage == ("potentially_stale" if found else "active")


def test_past_expected_lifetime__reason__tells_age_and_promise() -> None:
    reason = Project(born=50).serve(targeting(HALF), 1).verdict().reasons[0]
    assert reason.evidence == "50 days old; a flag of the kind release is expected to live 40"
    assert reason.since == ago(10)


def test_staleness__archived_flag__not_listed() -> None:
    project = Project().serve(targeting(ON))
    project.describe(1, "", archived=True)
    assert project.report().flags == ()


def test_staleness__report__by_stage() -> None:
    report = Project().serve(targeting(ON)).report()
    assert [len(report.at_stage(stage)) for stage in ("active", "potentially_stale", "stale")] == [0, 0, 1]
    assert report.flags[0].seqs == (2, 3)


def test_staleness__thresholds__are_the_projects() -> None:
    patient = Thresholds(Days(never_evaluated=100), Kinds(release=Days(lifetime=100)))
    assert never(50, 400, 0, patient) == []


def test_lives_of__flag_made_again__counts_from_the_newest_creation() -> None:
    history = History()
    history.flag("f", ago(90))
    history.define(None, "f", ago(80))
    history.flag("f", ago(70))
    history.define(Flag("f", "float", {"on": 1.0, "off": 0.0}), "f", ago(60))
    history.define(Flag("f", "float", {"on": 1.0, "off": 0.0}, owner="growth"), "f", ago(50))
    history.target("f", targeting(), ago(40))
    assert lives_of(history.entries) == Lives({"f": ago(70)}, {"f": ago(60)})


def reporter(client: str, application: str, first: float, last: float = 0, environment: str = ENV) -> UsageReporter:
    return UsageReporter(P, environment, client, application, ago(first), ago(last))


OLD = reporter("ofrep-bulk", "", 400)


@pytest.mark.parametrize(
    ("reporters", "found"),
    [
        pytest.param([OLD], True, id="one that always reported"),
        pytest.param([OLD, reporter("python/1.0", "shop/1", 31)], True, id="one that began long enough ago"),
        pytest.param([OLD, reporter("python/1.0", "shop/1", 29)], False, id="one that began of late"),
        pytest.param(
            [OLD, reporter("python/1.0", "shop/1", 90, 20), reporter("python/1.1", "shop/2", 20)],
            True,
            id="a new version of one that reported",
        ),
        pytest.param([OLD, reporter("python/1.0", "pay/1", 20)], False, id="a new application of a known SDK"),
        pytest.param([OLD, reporter("otel-java/1.0", "", 20)], False, id="a new SDK that names no application"),
        pytest.param([OLD, reporter("python/1.0", "shop/1", 20, 7.5)], True, id="one that tried it out and went"),
        pytest.param([OLD, reporter("python/1.0", "shop/1", 20, 6.5)], False, id="one that reports once a week"),
        pytest.param([OLD, reporter("python/1.0", "shop/1", 5, 0, "mars")], True, id="one of another environment"),
    ],
)
def test_never_evaluated__counts_from_when_the_newest_of_those_that_report_began(
    reporters: Sequence[UsageReporter], found: bool
) -> None:
    project = Project(born=300, kind="permission").serve(targeting(split(on=50_000, off=50_000)), 299)
    project.used, project.reporters = 0, reporters

    assert ("never_evaluated" in codes(project.verdict())) is found


def test_not_evaluated__while_somebody_new_reports__waits_for_what_they_tell() -> None:
    project = Project(born=300, kind="permission").serve(targeting(HALF), 299)
    rows = [*REPORTED, usage("f", 250, 200)]
    project.used = 0
    told = []
    for began in (61, 59):
        project.reporters = [OLD, reporter("python/1.0", "shop/1", began)]
        told.append([(reason.code, reason.evidence) for reason in project.verdict(rows).reasons])

    assert told == [[("not_evaluated", "last evaluated 200 days ago")], []]


def test_report__reporting__names_each_without_its_versions() -> None:
    project = Project()
    project.reporters = [
        OLD,
        reporter("python/1.0", "team/shop/1", 90, 20),
        reporter("python/1.1", "team/shop/2", 20),
        reporter("python/1.1", "gone/2", 90, 20),
        reporter("python/1.1", "here/2", 9, 0, "staging"),
    ]

    assert project.report().reporting == (
        Reporting(ENV, "ofrep-bulk", "", ago(400), ago(0)),
        Reporting(ENV, "python", "team/shop", ago(90), ago(0)),
    )
