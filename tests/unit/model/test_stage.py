"""Stages and snoozes as documents."""

from __future__ import annotations

import pytest

from flagtrail.model.document import decode, encode
from flagtrail.model.errors import InvalidDocument
from flagtrail.model.flag import Json
from flagtrail.model.stage import STAGES, FlagStage, Snooze
from flagtrail.model.subject import (
    LEAVING,
    Subject,
    lifespan_subject,
    snooze_subject,
    stage_subject,
    thresholds_subject,
)
from flagtrail.model.thresholds import Days, Kinds, Lifespan, Thresholds

SNOOZE = {"until": "2026-12-31", "owner": "billing", "reason": "the mobile release is late"}


def test_stages__are_in_the_order_of_the_way_out() -> None:
    assert STAGES == ("active", "potentially_stale", "stale", "ready_to_remove", "code_removed", "archived")


@pytest.mark.parametrize(
    ("subject", "path"),
    [
        (lifespan_subject("p", "f"), "projects/p/flags/f/lifespan"),
        (snooze_subject("p", "f"), "projects/p/flags/f/snooze"),
        (stage_subject("p", "f"), "projects/p/flags/f/stage"),
        (thresholds_subject("p"), "projects/p/thresholds"),
    ],
)
def test_subject__of_a_flags_way_out__has_an_address_of_its_own(subject: Subject, path: str) -> None:
    assert (subject.path, subject.kind in LEAVING) == (path, subject.flag is not None)


@pytest.mark.parametrize(
    ("subject", "document"),
    [
        (snooze_subject("p", "f"), Snooze("2026-12-31", "billing", "late")),
        (stage_subject("p", "f"), FlagStage("stale", ("one_variant",), "on", "c0ffee")),
        (lifespan_subject("p", "f"), Lifespan(permanent=True)),
        (thresholds_subject("p"), Thresholds(Days(one_variant=60), Kinds(release=Days(lifetime=9)))),
    ],
)
def test_document__written_and_read__is_the_same(subject: Subject, document: FlagStage) -> None:
    assert decode(subject, encode(document)) == document


@pytest.mark.parametrize(
    ("subject", "value", "paths"),
    [
        pytest.param(snooze_subject("p", "f"), {**SNOOZE, "until": "soon"}, ["/until"], id="no date"),
        pytest.param(snooze_subject("p", "f"), {**SNOOZE, "until": "2026-02-30"}, ["/until"], id="no such day"),
        pytest.param(snooze_subject("p", "f"), {**SNOOZE, "owner": " "}, ["/owner"], id="nobody"),
        pytest.param(snooze_subject("p", "f"), {**SNOOZE, "reason": "x" * 1_001}, ["/reason"], id="a long reason"),
        pytest.param(snooze_subject("p", "f"), {"until": "2026-12-31"}, ["/owner", "/reason"], id="half of it"),
        pytest.param(stage_subject("p", "f"), {"stage": "gone"}, ["/stage"], id="no stage"),
        pytest.param(stage_subject("p", "f"), {"stage": "stale", "commit": "a\nb"}, ["/commit"], id="two lines"),
        pytest.param(stage_subject("p", "f"), {"stage": "stale", "reasons": ["x"] * 31}, ["/reasons"], id="many"),
        pytest.param(lifespan_subject("p", "f"), {"one_variant": 0}, ["/one_variant"], id="no days"),
        pytest.param(thresholds_subject("p"), {"days": {"lifetime": 3}}, ["/days/lifetime"], id="for all kinds"),
        pytest.param(thresholds_subject("p"), {"kinds": {"other": {}}}, ["/kinds/other"], id="no such kind"),
        pytest.param(thresholds_subject("p"), {"days": {"scan": "9"}}, ["/days/scan"], id="a text"),
    ],
)
def test_document__that_cannot_be__is_refused_with_its_places(subject: Subject, value: Json, paths: list[str]) -> None:
    with pytest.raises(InvalidDocument) as refused:
        decode(subject, value)
    assert [defect.path for defect in refused.value.defects] == paths


@pytest.mark.parametrize(("today", "holds"), [("2026-12-30", True), ("2026-12-31", False), ("2027-01-01", False)])
def test_snooze__ends_by_itself_on_its_day(today: str, holds: bool) -> None:
    assert Snooze("2026-12-31", "billing", "late").holds(today) is holds
