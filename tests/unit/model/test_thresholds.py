"""Thresholds: what is nearest decides, and what cannot be is refused."""

from __future__ import annotations

import msgspec
import pytest

from flagtrail.model.thresholds import (
    BUILT_IN,
    Days,
    Kinds,
    Lifespan,
    Limits,
    Thresholds,
    days_defects,
    limits,
    thresholds_defects,
)

PROJECT = Thresholds(Days(one_variant=60, not_evaluated=90), Kinds(release=Days(one_variant=20, lifetime=80)))


@pytest.mark.parametrize(
    ("kind", "thresholds", "lifespan", "found"),
    [
        pytest.param("release", BUILT_IN, None, Limits(), id="as it comes"),
        pytest.param("operational", BUILT_IN, None, Limits(lifetime=7), id="by kind"),
        pytest.param("permission", BUILT_IN, None, Limits(permanent=True), id="a permanent kind"),
        pytest.param("experiment", PROJECT, None, Limits(one_variant=60, not_evaluated=90), id="the project's"),
        pytest.param(
            "release", PROJECT, None, Limits(one_variant=20, not_evaluated=90, lifetime=80), id="the kind's in it"
        ),
        pytest.param(
            "release",
            PROJECT,
            Lifespan(one_variant=5, permanent=True),
            Limits(one_variant=5, not_evaluated=90, lifetime=80, permanent=True),
            id="the flag's own",
        ),
        pytest.param("kill_switch", BUILT_IN, Lifespan(permanent=False), Limits(), id="not permanent after all"),
    ],
)
def test_limits__what_is_nearest__decides(
    kind: str, thresholds: Thresholds, lifespan: Lifespan | None, found: Limits
) -> None:
    assert limits(kind, thresholds, lifespan) == found


def test_days__written__leave_out_what_is_not_set() -> None:
    assert msgspec.json.encode(Lifespan(permanent=True)) == b'{"permanent":true}'


@pytest.mark.parametrize(
    ("thresholds", "paths"),
    [
        pytest.param(PROJECT, [], id="fine"),
        pytest.param(Thresholds(Days(one_variant=0)), ["/days/one_variant"], id="no days"),
        pytest.param(Thresholds(Days(lifetime=9)), ["/days/lifetime"], id="one lifetime for all kinds"),
        pytest.param(Thresholds(Days(permanent=True)), ["/days/permanent"], id="everything permanent"),
        pytest.param(
            Thresholds(kinds=Kinds(release=Days(scan=3_651))), ["/kinds/release/scan"], id="longer than ten years"
        ),
    ],
)
def test_thresholds_defects__tell_the_place(thresholds: Thresholds, paths: list[str]) -> None:
    assert [defect.path for defect in thresholds_defects(thresholds)] == paths


def test_days_defects__of_a_flag__start_at_its_root() -> None:
    assert [defect.path for defect in days_defects(Lifespan(never_evaluated=-1, permanent=True))] == [
        "/never_evaluated"
    ]
