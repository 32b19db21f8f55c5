"""Whether a metric moved: by hand, over simulated days without a change, and over days with one."""

from __future__ import annotations

from math import pi, sin, sqrt
from random import Random
from statistics import fmean, stdev

import pytest

from flagtrail.analysis.effect import DAY, Day, Effect, Lacking, Spot, Windows, effect, holm, spots, windows
from flagtrail.analysis.student import quantile, two_sided
from flagtrail.model.metric import Point

MINUTE = 60_000
MONDAY = 1_772_452_800_000  # 2026-03-02T12:00:00Z
SATURDAY = MONDAY + 5 * DAY


def day(asked: Windows, ago: int, before: list[float], after: list[float]) -> Day:
    """Values in the last buckets before the change and the first after it."""
    own = asked.earlier(ago)
    points = [Point(own.at - (len(before) - place) * own.step, value) for place, value in enumerate(before)]
    return Day(ago, points + [Point(own.at + place * own.step, value) for place, value in enumerate(after)])


def hour(at: int = MONDAY) -> Windows:
    return windows(at, width=60 * MINUTE, end=at + 60 * MINUTE)


def flat(asked: Windows, moves: list[float], *, base: float = 10.0) -> list[Day]:
    """Earlier days, each of which moved by so much."""
    return [day(asked, ago, [base] * 10, [base + move] * 10) for ago, move in enumerate(moves, 1)]


def test_windows__of_an_hour__have_buckets_of_a_minute() -> None:
    assert hour() == Windows(MONDAY, MONDAY - 60 * MINUTE, MONDAY + 60 * MINUTE, MINUTE)


@pytest.mark.parametrize(
    ("minutes", "seconds"), [(5, 5), (10, 10), (60, 60), (61, 120), (24 * 60, 1_800), (100_000, 14_400)]
)
def test_windows__of_any_width__have_buckets_that_divide_a_day(minutes: int, seconds: int) -> None:
    step = windows(MONDAY, width=minutes * MINUTE, end=MONDAY).step
    assert (step, DAY % step) == (seconds * 1_000, 0)


def test_windows__ended_early__are_cut_short_on_one_side_alone() -> None:
    asked = windows(MONDAY, width=60 * MINUTE, end=MONDAY + 7 * MINUTE)
    assert (asked.start, asked.end) == (MONDAY - 60 * MINUTE, MONDAY + 7 * MINUTE)


def test_windows__ended_before_they_began__are_empty_after_it() -> None:
    assert windows(MONDAY, width=60 * MINUTE, end=MONDAY - 1).end == MONDAY


def test_effect__of_days_counted_by_hand__is_the_t_test_for_one_new_observation() -> None:
    asked, moves = hour(), [0.0, 1.0, 2.0, 1.0, 0.0, 1.0, 2.0, 1.0]
    found = effect(asked, day(asked, 0, [10.0] * 10, [15.0] * 10), flat(asked, moves))

    assert isinstance(found, Effect)
    error = stdev(moves) * sqrt(1 + 1 / 8)
    assert (found.before, found.after, found.usual, found.change, found.days) == (10.0, 15.0, fmean(moves), 4.0, 8)
    assert found.p == pytest.approx(two_sided(4.0 / error, 7))
    assert (found.low, found.high) == pytest.approx((4 - quantile(0.975, 7) * error, 4 + quantile(0.975, 7) * error))
    assert found.size == pytest.approx(4.0 / stdev(moves))


def test_effect__of_earlier_days_that_are_all_alike__is_held_against_the_days_own_noise() -> None:
    asked = hour()
    noisy = [10.0, 12.0, 8.0, 10.0, 12.0, 8.0]
    found = effect(asked, day(asked, 0, noisy, [value + 1 for value in noisy]), flat(asked, [0.0] * 8))

    assert isinstance(found, Effect)
    assert found.p > 0.05


@pytest.mark.parametrize(("after", "p"), [pytest.param(10.0, 1.0, id="still"), pytest.param(11.0, 0.0, id="moved")])
def test_effect__of_a_metric_that_never_moved__is_certain(after: float, p: float) -> None:
    asked = hour()
    found = effect(asked, day(asked, 0, [10.0] * 5, [after] * 5), flat(asked, [0.0] * 7))

    assert isinstance(found, Effect)
    assert (found.p, found.size) == (p, None)


def test_effect__the_bucket_in_which_the_change_was_made__belongs_to_neither_side() -> None:
    at = MONDAY + 30_000
    asked = windows(at, width=10 * MINUTE, end=at + 10 * MINUTE)
    straddling = (at // asked.step * asked.step) if at % asked.step else at - asked.step // 2
    today = Day(0, [*day(asked, 0, [], []).points, Point(straddling, 1e9)])

    assert isinstance(effect(asked, today, []), Lacking)


def test_effect__values_that_are_no_numbers__are_left_out() -> None:
    asked = hour()
    today = day(asked, 0, [10.0, float("nan"), 10.0, 10.0], [10.0, float("inf"), 10.0, 10.0])
    found = effect(asked, today, flat(asked, [0.0] * 7))

    assert isinstance(found, Effect)
    assert (found.before, found.after) == (10.0, 10.0)


@pytest.mark.parametrize(
    ("before", "after", "told"),
    [
        pytest.param(0, 5, "no samples before the change; 3 are needed", id="nothing before"),
        pytest.param(5, 0, "no samples after the change; 3 are needed", id="nothing after"),
        pytest.param(5, 2, "samples in 2 stretches of 1 min after the change; 3 are needed", id="little after"),
    ],
)
def test_effect__too_few_samples_on_the_day__says_what_is_lacking(before: int, after: int, told: str) -> None:
    asked = hour()
    found = effect(asked, day(asked, 0, [1.0] * before, [1.0] * after), flat(asked, [0.0] * 9))

    assert found == Lacking(told)


def test_effect__with_short_buckets__tells_seconds() -> None:
    asked = windows(MONDAY, width=5 * MINUTE, end=MONDAY + 5 * MINUTE)
    found = effect(asked, day(asked, 0, [1.0], []), [])

    assert found == Lacking("samples in 1 stretches of 5 s before the change; 3 are needed")


def test_effect__too_few_earlier_days__says_how_many_there_are() -> None:
    asked = hour()
    earlier = [*flat(asked, [0.0] * 6), Day(7, []), day(asked, 8, [1.0] * 3, [1.0] * 10)]
    found = effect(asked, day(asked, 0, [1.0] * 10, [1.0] * 10), earlier)

    assert found == Lacking("6 earlier days with samples at these hours; 7 are needed")


def test_effect__on_a_saturday__is_compared_with_weekends_where_there_are_enough() -> None:
    asked = hour(SATURDAY)
    earlier = flat(asked, [0.0 if ago % 7 in {0, 6} else 5.0 for ago in range(1, 36)])
    found = effect(asked, day(asked, 0, [10.0] * 10, [10.0] * 10), earlier)

    assert isinstance(found, Effect)
    assert (found.usual, found.days) == (0.0, 10)


def test_effect__on_a_saturday_with_few_weekends__is_compared_with_all_days() -> None:
    asked = hour(SATURDAY)
    found = effect(asked, day(asked, 0, [10.0] * 10, [10.0] * 10), flat(asked, [1.0] * 14))

    assert isinstance(found, Effect)
    assert found.days == 14


def test_effect__where_alike_days_are_thin__falls_back_on_all_days() -> None:
    asked = hour()
    thin = [day(asked, ago, [10.0] * 3, [10.0] * 3) for ago in (1, 2, 3, 4, 7, 8, 9)]
    found = effect(asked, day(asked, 0, [10.0] * 10, [10.0] * 10), thin)

    assert found == Lacking("0 earlier days with samples at these hours; 7 are needed")


def test_spots__beside_ten_days__leave_out_the_outermost() -> None:
    asked = windows(MONDAY, width=5 * MINUTE, end=MONDAY)
    working = [ago for ago in range(1, 28) if (ago % 7) not in {1, 2}][:19]
    earlier = [Day(ago, [Point(asked.earlier(ago).start, float(value))]) for value, ago in enumerate(working)]
    found = spots(asked, Day(0, [Point(asked.start, 3.5)]), earlier)

    assert found[0] == Spot(asked.start, 3.5, 1.0, 17.0)
    assert found[1] == Spot(asked.start + asked.step, None, None, None)


def test_holm__of_a_textbook__multiplies_the_smallest_by_all() -> None:
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])


def test_holm__never_exceeds_one() -> None:
    assert holm([0.9, 0.8]) == [1.0, 1.0]


def test_holm__of_none__is_none() -> None:
    assert holm([]) == []


def simulated(dice: Random, asked: Windows, ago: int, memory: float, shift: float) -> Day:
    """Minutes with a daily and a weekly pattern, noise that remembers, and perhaps a shift at the change."""
    own = asked.earlier(ago)
    noise = dice.gauss(0, 1) / sqrt(1 - memory * memory)
    points = []
    for at in range(own.start // own.step * own.step, own.end, own.step):
        noise = memory * noise + dice.gauss(0, 1)
        weekend = 0.3 if (at // DAY + 3) % 7 >= 5 else 1.0
        value = 20 + 5 * weekend * sin(at / DAY * 2 * pi) + noise + (shift if at >= asked.at else 0)
        points.append(Point(at, value))
    return Day(ago, points)


def hits(memory: float, days: int, shift: float, *, tries: int = 200) -> float:
    """How often a change is seen."""
    dice = Random(f"{memory}/{days}/{shift}")
    seen = 0
    for _ in range(tries):
        asked = hour(MONDAY + dice.randrange(0, 28 * DAY))
        earlier = [simulated(dice, asked, ago, memory, 0) for ago in range(1, days + 1)]
        found = effect(asked, simulated(dice, asked, 0, memory, shift), earlier)
        seen += isinstance(found, Effect) and found.p <= 0.05
    return seen / tries


@pytest.mark.slow
@pytest.mark.parametrize("memory", [0.0, 0.9, 0.98])
@pytest.mark.parametrize("days", [7, 28])
def test_effect__over_days_without_a_change__is_seen_in_one_of_twenty_at_most(memory: float, days: int) -> None:
    # Of 200 tries at 5 % one run in fifty would show more than 8.5 %.
    assert hits(memory, days, 0.0) <= 0.085


@pytest.mark.slow
@pytest.mark.parametrize(("memory", "shift"), [(0.0, 1.5), (0.5, 1.5), (0.9, 6.0)])
def test_effect__of_an_injected_shift__is_seen(memory: float, shift: float) -> None:
    assert hits(memory, 28, shift) >= 0.8
