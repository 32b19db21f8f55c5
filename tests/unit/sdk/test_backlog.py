from __future__ import annotations

import pytest

from flagtrail.model.usage import Count, Period
from flagtrail.sdk.backlog import Backlog, Stretch


def counts(**of_flags: int) -> list[Count]:
    return [Count(flag, "on", "", count) for flag, count in of_flags.items()]


def held(backlog: Backlog) -> list[tuple[float, float, dict[str, int]]]:
    """All stretches, taken out."""
    taken = backlog.take(10**9)
    return [(each.start, each.end, {row[0]: count for row, count in each.counts.items()}) for each in taken]


def test_backlog__few_stretches__stay_as_exact_as_they_came() -> None:
    backlog = Backlog()
    backlog.add(counts(a=1), 0, 10)
    backlog.add(counts(a=2, b=1), 10, 20)
    assert held(backlog) == [(0, 10, {"a": 1}), (10, 20, {"a": 2, "b": 1})]


def test_backlog__equal_rows_in_one_drain__become_one() -> None:
    backlog = Backlog()
    backlog.add([*counts(a=1), *counts(a=2)], 0, 10)
    assert held(backlog) == [(0, 10, {"a": 3})]


def test_backlog__nothing_counted__keeps_no_stretch() -> None:
    backlog = Backlog()
    backlog.add([], 0, 10)
    assert len(backlog) == 0


def test_backlog__too_many_stretches__merges_the_oldest() -> None:
    backlog = Backlog(max_periods=2)
    for tick in range(4):
        backlog.add(counts(a=1), tick * 10, tick * 10 + 10)
    assert held(backlog) == [(0, 30, {"a": 3}), (30, 40, {"a": 1})]


def test_backlog__merging_beyond_an_hour__drops_the_oldest_instead() -> None:
    backlog = Backlog(max_periods=2)
    for hour in range(3):
        backlog.add(counts(a=hour + 1), hour * 3600, hour * 3600 + 3600)
    assert held(backlog) == [(3600, 7200, {"a": 2}), (7200, 10800, {"a": 3})]


def test_backlog__oldest_dropped__says_how_many_evaluations() -> None:
    backlog = Backlog(max_periods=1)
    backlog.add(counts(a=5, b=2), 0, 3600)
    backlog.add(counts(a=1), 3600, 7200)
    assert backlog.dropped == 7


def test_backlog__too_many_rows__merges_before_it_drops() -> None:
    backlog = Backlog(max_rows=3)
    backlog.add(counts(a=1, b=1), 0, 10)
    backlog.add(counts(a=1, b=1), 10, 20)
    assert held(backlog) == [(0, 20, {"a": 2, "b": 2})]


def test_backlog__too_many_different_rows__drops_the_oldest_of_them_only() -> None:
    backlog = Backlog(max_rows=3)
    backlog.add(counts(a=1, b=1, c=1, d=1), 0, 10)
    assert held(backlog) == [(0, 10, {"b": 1, "c": 1, "d": 1})]


def test_backlog__an_old_stretch_is_all_too_much__is_dropped_whole() -> None:
    backlog = Backlog(max_rows=2)
    backlog.add(counts(a=4), 0, 3600)
    backlog.add(counts(b=1, c=1), 3600, 7200)
    assert (held(backlog), backlog.dropped) == ([(3600, 7200, {"b": 1, "c": 1})], 4)


@pytest.mark.parametrize(
    ("rows", "taken"),
    [
        pytest.param(1, [{"a": 1}], id="part of the oldest"),
        pytest.param(2, [{"a": 1, "b": 2}], id="the oldest"),
        pytest.param(3, [{"a": 1, "b": 2}, {"c": 3}], id="the oldest and part of the next"),
        pytest.param(9, [{"a": 1, "b": 2}, {"c": 3, "d": 4}], id="all"),
    ],
)
def test_backlog__taking_some_rows__takes_the_oldest_and_keeps_the_others(
    rows: int, taken: list[dict[str, int]]
) -> None:
    backlog = Backlog()
    backlog.add(counts(a=1, b=2), 0, 10)
    backlog.add(counts(c=3, d=4), 10, 20)
    first = [{row[0]: count for row, count in each.counts.items()} for each in backlog.take(rows)]
    assert first == taken


def test_backlog__taken_in_parts__counts_the_rows_that_are_left() -> None:
    backlog = Backlog()
    backlog.add(counts(a=1, b=2, c=3), 0, 10)
    backlog.take(2)
    assert backlog.rows == 1


def test_backlog__all_taken__is_empty() -> None:
    backlog = Backlog()
    backlog.add(counts(a=1, b=2), 0, 10)
    backlog.take(2)
    assert backlog.take(2) == ()


def test_backlog__older_than_a_moment__is_dropped_and_told() -> None:
    backlog = Backlog()
    backlog.add(counts(a=3), 0, 10)
    backlog.add(counts(a=4), 10, 20)
    backlog.expire(before=15)
    assert (held(backlog), backlog.dropped) == ([(10, 20, {"a": 4})], 3)


def test_period__told_later__says_how_long_ago_it_ended() -> None:
    stretch = Stretch(0, 10, {("a", "on", "r1"): 2})
    assert stretch.period(25.5) == Period(15.5, (Count("a", "on", "r1", 2),))


def test_period__told_in_the_same_moment__is_never_in_the_future() -> None:
    assert Stretch(0, 10.0, {("a", "on", ""): 1}).period(9.999).ago == 0
