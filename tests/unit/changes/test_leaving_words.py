"""What changed of a flag's way out: in words, in actions, and in whose history."""

from __future__ import annotations

import pytest

from flagtrail.changes.actions import actions
from flagtrail.changes.diff import words
from flagtrail.changes.touches import touches
from flagtrail.model.entry import Touch
from flagtrail.model.flag import Json
from flagtrail.model.state import State
from flagtrail.model.subject import Subject, lifespan_subject, snooze_subject, stage_subject, thresholds_subject

STAGE, SNOOZE = stage_subject("p", "f"), snooze_subject("p", "f")
LIFESPAN, THRESHOLDS = lifespan_subject("p", "f"), thresholds_subject("p")
SNOOZED = {"until": "2026-12-31", "owner": "billing", "reason": "the release is late"}


def stage(name: str, *reasons: str, variant: str | None = None, commit: str = "") -> Json:
    return {"stage": name, "reasons": list(reasons), "variant": variant, "commit": commit}


@pytest.mark.parametrize(
    ("subject", "before", "after", "told", "action"),
    [
        pytest.param(
            STAGE,
            None,
            stage("stale", "one_variant", variant="on"),
            ("active became stale", "by one_variant", "keep on"),
            "stage_changed",
            id="stale",
        ),
        pytest.param(
            STAGE,
            stage("ready_to_remove"),
            stage("code_removed", commit="c0ffee"),
            ("ready to remove became code removed", "removed by c0ffee"),
            "stage_changed",
            id="code removed",
        ),
        pytest.param(
            STAGE, stage("stale", variant="on"), stage("stale"), ("stale, as before",), "stage_changed", id="as before"
        ),
        pytest.param(STAGE, stage("stale"), None, ("stale became active",), "deleted", id="gone with its flag"),
        pytest.param(
            SNOOZE,
            None,
            SNOOZED,
            ("snoozed until 2026-12-31 by billing: the release is late",),
            "snoozed",
            id="snoozed",
        ),
        pytest.param(SNOOZE, SNOOZED, None, ("no longer snoozed",), "unsnoozed", id="unsnoozed"),
        pytest.param(
            LIFESPAN,
            {"one_variant": 5},
            {"permanent": True},
            ("one variant: 5 days became as it comes", "permanent: as it comes became yes"),
            "thresholds_changed",
            id="a flag's days",
        ),
        pytest.param(LIFESPAN, {"permanent": False}, None, ("permanent: no became as it comes",), "deleted", id="none"),
        pytest.param(LIFESPAN, None, {}, ("as it comes",), "thresholds_changed", id="nothing set"),
        pytest.param(
            THRESHOLDS,
            {"days": {"scan": 9}, "kinds": {"release": {"lifetime": 40}}},
            {"days": {"scan": 9}, "kinds": {"release": {"lifetime": 80}}},
            ("release lifetime: 40 days became 80 days",),
            "thresholds_changed",
            id="a kind's days",
        ),
    ],
)
def test_words__tell_what_changed(
    subject: Subject, before: Json, after: Json, told: tuple[str, ...], action: str
) -> None:
    assert (words(subject, before, after), actions(subject, before, after)) == (told, (action,))


@pytest.mark.parametrize("subject", [STAGE, SNOOZE, LIFESPAN])
def test_touches__stand_in_the_flags_own_history_alone(subject: Subject) -> None:
    assert touches(State(), subject) == (Touch("p", "f", ""),)


def test_touches__of_a_projects_thresholds__none() -> None:
    assert touches(State(), THRESHOLDS) == ()
