"""From what was written down and the evidence: where a flag stands, and where it moves."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.unit.analysis.histories import ON, P, targeting
from tests.unit.analysis.stale_project import HALF, NOW, Project, ago, codes

from flagtrail.analysis.stages import ACTIVE, Board, board, next_move
from flagtrail.analysis.stale_reason import StaleReason
from flagtrail.analysis.stale_references import Scanned
from flagtrail.analysis.staleness import FlagStaleness
from flagtrail.model.flag import Json
from flagtrail.model.reference import ReferenceKind
from flagtrail.model.stage import STAGES, FlagStage, Snooze, Stage
from flagtrail.model.state import fold
from flagtrail.model.subject import snooze_subject, stage_subject
from flagtrail.model.thresholds import Limits

SNOOZED = Snooze("2099-01-01", "billing", "late")
REASON = StaleReason("one_variant", "on for everybody", ago(40))


def verdict(stage: str = "stale", winner: str | None = "on", snoozed: Snooze | None = None) -> FlagStaleness:
    reasons = () if stage == "active" else (REASON,)
    return FlagStaleness("f", "billing", "release", stage, reasons, winner, None, (), snoozed=snoozed)  # type: ignore[arg-type]


def scan(counts: dict[ReferenceKind, int] | None = None, days: float = 1, **more: Any) -> Scanned:  # noqa: ANN401
    return Scanned(counts=counts or {}, repositories=("shop",), oldest=ago(days), **more)


ASKED = scan({"evaluation": 2})
GONE = scan(had=True)
READY = FlagStage("ready_to_remove", ("one_variant",), "on")
REMOVED = FlagStage("code_removed", (), "on", "c0ffee")


@pytest.mark.parametrize(
    ("recorded", "found", "scanned", "becomes"),
    [
        pytest.param(ACTIVE, verdict("active"), None, "active", id="nothing speaks for it"),
        pytest.param(ACTIVE, verdict("potentially_stale"), None, "potentially_stale", id="past its date"),
        pytest.param(ACTIVE, verdict(), None, "stale", id="stale"),
        pytest.param(FlagStage("stale"), verdict("active"), None, "active", id="no longer stale"),
        pytest.param(ACTIVE, verdict(snoozed=SNOOZED), None, "active", id="snoozed before it became stale"),
        pytest.param(FlagStage("stale"), verdict("active", snoozed=SNOOZED), None, "stale", id="snoozed when stale"),
        pytest.param(READY, verdict(), None, "ready_to_remove", id="what a person decided stands"),
        pytest.param(READY, verdict("potentially_stale", None), ASKED, "ready_to_remove", id="by less evidence"),
        pytest.param(READY, verdict("active"), None, "active", id="until nothing speaks for it"),
        pytest.param(READY, verdict(winner="off"), None, "stale", id="or another variant is to be kept"),
        pytest.param(READY, verdict(), GONE, "code_removed", id="its code is gone"),
        pytest.param(ACTIVE, verdict("active"), GONE, "code_removed", id="gone although nobody said so"),
        pytest.param(READY, verdict(snoozed=SNOOZED), GONE, "code_removed", id="gone while it is snoozed"),
        pytest.param(READY, verdict(), scan(had=True, days=31), "ready_to_remove", id="by a scan that is too old"),
        pytest.param(ACTIVE, verdict("active"), scan(), "active", id="never was in the code"),
        pytest.param(REMOVED, verdict(), scan(), "code_removed", id="a commit was named"),
        pytest.param(REMOVED, verdict(), None, "code_removed", id="a commit was named, and nothing was scanned"),
        pytest.param(REMOVED, verdict(), scan({"evaluation": 1}, 20), "code_removed", id="scanned before that commit"),
        pytest.param(REMOVED, verdict(), ASKED, "stale", id="it is back"),
        pytest.param(REMOVED, verdict(), scan({"comment": 1}), "code_removed", id="a comment is no code"),
        pytest.param(REMOVED, verdict(snoozed=SNOOZED), ASKED, "stale", id="it is back while it is snoozed"),
        pytest.param(REMOVED, None, None, "archived", id="archived"),
        pytest.param(FlagStage("archived"), verdict("active"), None, "active", id="restored"),
        pytest.param(FlagStage("archived"), verdict(snoozed=SNOOZED), None, "stale", id="restored while snoozed"),
    ],
)
def test_next_move__from_what_was_recorded_and_the_evidence(
    recorded: FlagStage, found: FlagStaleness | None, scanned: Scanned | None, becomes: Stage
) -> None:
    move = next_move(recorded, ago(10), found, scanned, Limits(), NOW)
    assert (move.becomes.stage, bool(move.why)) == (becomes, becomes != recorded.stage)


def test_next_move__tells_why_and_what_to_keep() -> None:
    move = next_move(ACTIVE, "", verdict(), None, Limits(), NOW)
    assert move.becomes == FlagStage("stale", ("one_variant",), "on")
    assert move.why == "one_variant: on for everybody"


def test_next_move__code_that_came_back__says_where() -> None:
    move = next_move(REMOVED, ago(10), verdict("active"), ASKED, Limits(), NOW)
    assert move.why == "code of shop asks for it again; no reason holds any more"


def test_next_move__code_that_is_gone__keeps_what_was_decided() -> None:
    move = next_move(msgspec.structs.replace(READY, commit="c0ffee"), ago(10), verdict(), GONE, Limits(), NOW)
    assert move.becomes == FlagStage("code_removed", ("one_variant",), "on", "c0ffee")
    assert move.why == f"no reference is left in shop, scanned {ago(1)[:10]}"


def stands(project: Project, scanned: Json = None) -> Board:
    return board(fold(project.entries), project.report(), scanned or {}, {"f": ago(35)})


def test_board__before_anything_was_written_down__shows_where_the_evidence_leads() -> None:
    project = Project().serve(targeting(ON))
    [found] = stands(project).at_stage("stale")
    assert (found.stage, found.recorded, found.since, found.age_days, found.variant) == (
        "stale",
        "active",
        None,
        35,
        "on",
    )


def test_board__after_the_move_was_written_down__says_since_when() -> None:
    project = Project().serve(targeting(ON))
    project.put(stage_subject(P, "f"), FlagStage("stale", ("one_variant",), "on"), ago(2))
    [found] = stands(project).flags
    assert (found.recorded, found.since, found.why, found.version) == ("stale", ago(2), "", 1)


def test_board__stage_that_was_deleted__is_as_if_it_never_was() -> None:
    project = Project().serve(targeting(HALF))
    project.put(stage_subject(P, "f"), FlagStage("stale"), ago(2))
    project.put(stage_subject(P, "f"), None, ago(1))
    assert [each.recorded for each in stands(project).flags] == ["active"]


@pytest.mark.parametrize(
    ("recorded", "stages"),
    [pytest.param(None, [], id="never had a stage"), pytest.param(REMOVED, ["archived"], id="went its way")],
)
def test_board__archived_flag__is_on_it_once_it_had_a_stage(recorded: FlagStage | None, stages: list[str]) -> None:
    project = Project().serve(targeting(ON))
    if recorded is not None:
        project.put(stage_subject(P, "f"), recorded, ago(2))
    project.describe(1, "", archived=True)
    assert [each.stage for each in stands(project).flags] == stages


def test_board__creation_that_is_not_known__has_no_age() -> None:
    project = Project().serve(targeting(ON))
    assert board(fold(project.entries), project.report(), {}, {}).flags[0].age_days == 0


def test_verdict__snoozed__keeps_its_evidence_and_tells_the_snooze() -> None:
    project = Project().serve(targeting(ON))
    project.put(snooze_subject(P, "f"), SNOOZED, ago(1))
    found = project.verdict()
    assert (codes(found), found.snoozed) == (["one_variant"], SNOOZED)


def test_verdict__snooze_that_is_over__is_none() -> None:
    project = Project().serve(targeting(ON))
    project.put(snooze_subject(P, "f"), Snooze(ago(0)[:10], "billing", "late"), ago(1))
    assert project.verdict().snoozed is None


SCANS = st.none() | st.builds(
    scan,
    st.dictionaries(st.sampled_from(["evaluation", "definition", "test_stub", "comment"]), st.integers(0, 2)),
    st.sampled_from([1.0, 20.0, 40.0]),
    had=st.booleans(),
)
VERDICTS = st.none() | st.builds(
    verdict,
    st.sampled_from(["active", "potentially_stale", "stale"]),
    st.sampled_from([None, "on", "off"]),
    st.sampled_from([None, SNOOZED]),
)
RECORDED = st.builds(
    FlagStage,
    st.sampled_from(STAGES),
    st.just(()),
    st.sampled_from([None, "on"]),
    st.sampled_from(["", "c0ffee"]),
)


@given(RECORDED, VERDICTS, SCANS)
@settings(max_examples=200, deadline=None)
def test_next_move__once_written_down__leads_nowhere_else(
    recorded: FlagStage, found: FlagStaleness | None, scanned: Scanned | None
) -> None:
    first = next_move(recorded, ago(10), found, scanned, Limits(), NOW).becomes
    then = next_move(first, ago(0), found, scanned, Limits(), NOW).becomes
    assert then.stage == first.stage
