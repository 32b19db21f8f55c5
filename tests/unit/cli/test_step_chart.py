"""Shares over time as text."""

from __future__ import annotations

import pytest

from flagtrail.analysis.rollout import Step
from flagtrail.analysis.shares import Portion
from flagtrail.cli.step_chart import step_chart


def day(number: int) -> str:
    return f"2026-01-{number:02d}T00:00:00.000000Z"


def step(start: int, **percents: float) -> Step:
    portions = tuple(Portion(variant, percent, None) for variant, percent in percents.items())
    return Step(day(start), None, "served", portions, (), "", None, ())


def test_step_chart__rollout__rises_by_blocks_with_a_mark_at_each_step() -> None:
    steps = [step(1, off=100.0), step(11, on=25.0, off=75.0), step(21, on=100.0)]
    assert step_chart(steps, end=day(31), width=30) == [
        "on            ▂▂▂▂▂▂▂▂▂▂███████████",
        "off  █████████▆▆▆▆▆▆▆▆▆▆",
        "     ^         ^         ^",
        "     2026-01-01",
    ]


def test_step_chart__wide__names_the_days_at_both_ends_and_in_the_middle() -> None:
    axis = step_chart([step(1, on=100.0)], end=day(31), width=60)[-1]
    assert axis.split() == ["2026-01-01", "2026-01-16", "2026-01-31"]
    assert len(axis) == len("on  ") + 60


@pytest.mark.parametrize(
    ("percent", "block"),
    [
        pytest.param(100.0, "█", id="all"),
        pytest.param(99.999, "▇", id="almost all"),
        pytest.param(50.0, "▄", id="half"),
        pytest.param(0.0001, "▁", id="almost nothing"),
    ],
)
def test_step_chart__share__is_full_or_empty_only_where_it_is(percent: float, block: str) -> None:
    assert step_chart([step(1, on=percent)], end=day(2), width=4)[0] == f"on  {block * 4}"


def test_step_chart__a_time_without_shares__is_empty() -> None:
    steps = [step(1, on=100.0), step(2), step(3, on=100.0)]
    assert step_chart(steps, end=day(4), width=9)[0] == "on  ██   ████"


@pytest.mark.parametrize("steps", [[], [step(1)]], ids=["no steps", "no shares"])
def test_step_chart__nothing_served__is_no_chart(steps: list[Step]) -> None:
    assert step_chart(steps, end=day(2), width=9) == []


def test_step_chart__that_begins_now__is_drawn() -> None:
    assert step_chart([step(1, on=100.0)], end=day(1), width=3)[:2] == ["on  ███", "    ^"]
