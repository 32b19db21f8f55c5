"""Nudges as documents, and when the newest was due."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from flagtrail.changes.actions import actions
from flagtrail.changes.due import last_weekly
from flagtrail.model.document import decode, encode
from flagtrail.model.errors import InvalidDocument
from flagtrail.model.flag import Json
from flagtrail.model.nudge import Nudge
from flagtrail.model.subject import nudge_subject

NUDGE = Nudge(day="fri", at="08:30", zone="Europe/Berlin", channels=("slack",))


def test_nudge__written_and_read__is_the_same() -> None:
    subject = nudge_subject("shop")
    assert (decode(subject, encode(NUDGE)), subject.path) == (NUDGE, "projects/shop/nudge")


@pytest.mark.parametrize(
    ("value", "paths"),
    [
        pytest.param({"at": "24:00"}, ["/at"], id="no time"),
        pytest.param({"day": "day"}, ["/day"], id="no day"),
        pytest.param({"channels": ["", "a\nb"]}, ["/channels/0", "/channels/1"], id="no names"),
        pytest.param({"channels": ["x"] * 101}, ["/channels"], id="too many"),
    ],
)
def test_nudge__that_cannot_be__is_refused(value: Json, paths: list[str]) -> None:
    with pytest.raises(InvalidDocument) as refused:
        decode(nudge_subject("shop"), value)
    assert [defect.path for defect in refused.value.defects] == paths


def test_nudge__switched_off__says_so() -> None:
    on, off = encode(NUDGE), {**encode(NUDGE), "enabled": False}
    assert (actions(nudge_subject("shop"), on, off), actions(nudge_subject("shop"), off, on)) == (
        ("disabled",),
        ("enabled",),
    )


@pytest.mark.parametrize(
    ("now", "due"),
    [
        pytest.param("2026-03-27T07:30:00", "2026-03-27T07:30:00", id="at the moment itself"),
        pytest.param("2026-03-27T07:29:59", "2026-03-20T07:30:00", id="a second before it"),
        pytest.param("2026-04-02T23:59:00", "2026-03-27T07:30:00", id="all week long"),
        pytest.param("2026-04-03T06:30:00", "2026-04-03T06:30:00", id="an hour earlier in summer"),
    ],
)
def test_last_weekly__is_the_newest_that_is_not_ahead(now: str, due: str) -> None:
    at = datetime.fromisoformat(now).replace(tzinfo=UTC)
    assert last_weekly(NUDGE, at, zones=ZoneInfo) == datetime.fromisoformat(due).replace(tzinfo=UTC)
