"""How a guard stands, minute by minute: breached, passed, or without enough samples to say either."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flagtrail.analysis.guarding import MINUTE, Reading, Span, Standing, standing
from flagtrail.model.guard import Guard, Limit
from flagtrail.model.metric import Point

SINCE = 1_772_712_000_000
ERRORS = Limit("errors", above=2.0)
GUARD = Guard((ERRORS,), 30)


def minutely(*values: float | None, begin: int = 0) -> list[Point]:
    """One value a minute; None is a minute without samples."""
    return [Point(SINCE + (begin + minute) * MINUTE, value) for minute, value in enumerate(values) if value is not None]


def stands(minute: float, errors: Sequence[Point], guard: Guard = GUARD, **others: Sequence[Point]) -> Standing:
    span = Span(SINCE, SINCE + int(minute * MINUTE), SINCE + guard.minutes * MINUTE)
    return standing(guard, span, {"errors": errors, **others})


def test_standing__within_limits__watches_and_tells_what_it_reads() -> None:
    found = stands(6, minutely(*[1.0] * 6))

    assert found == Standing("watching", "", (Reading(ERRORS, 1.0, SINCE + 5 * MINUTE),))


@pytest.mark.parametrize("value", [0.003, 0.021, 0.1, 0.3, 2.0])
@pytest.mark.parametrize("side", ["above", "below"])
def test_standing__a_metric_that_stays_at_its_limit__is_no_breach(value: float, side: str) -> None:
    limit = Limit("errors", above=value) if side == "above" else Limit("errors", below=value)
    assert stands(30, minutely(*[value] * 30), Guard((limit,), 30)).verdict == "passed"


def test_standing__after_a_value_that_dwarfs_the_others__judges_them_as_they_are() -> None:
    guard = Guard((Limit("errors", below=0.02),), 30)
    assert stands(16, minutely(*[1e17] * 6, *[0.05] * 10), guard).verdict == "watching"


def test_standing__of_values_beyond_all_figures__has_nothing_to_judge() -> None:
    assert stands(6, minutely(*[1e308] * 6)).readings == (Reading(ERRORS),)


def test_standing__a_mean_beyond_the_limit__is_a_breach_at_that_moment() -> None:
    found = stands(6, minutely(1.0, 1.0, 1.0, 9.0, 1.0, 1.0))

    assert (found.verdict, found.words, found.at) == ("breached", "errors was 3, above 2", SINCE + 3 * MINUTE)


def test_standing__one_outlier_that_the_mean_absorbs__is_no_breach() -> None:
    assert stands(6, minutely(1.0, 1.0, 1.0, 4.0, 1.0, 1.0)).verdict == "watching"


def test_standing__two_samples__are_too_few_for_a_mean() -> None:
    assert stands(3, minutely(9.0, 9.0)).verdict == "watching"


def test_standing__samples_of_before_the_change__do_not_count() -> None:
    assert stands(4, minutely(9.0, 9.0, 9.0, 1.0, 1.0, 1.0, begin=-3)).verdict == "watching"


def test_standing__below_a_limit__is_a_breach_too() -> None:
    found = stands(6, minutely(*[5.0] * 6), Guard((Limit("errors", below=10.0),), 30))

    assert (found.verdict, found.words) == ("breached", "errors was 5, below 10")


def test_standing__of_several_limits__is_breached_by_the_first() -> None:
    guard = Guard((ERRORS, Limit("orders", below=10.0)), 30)
    found = stands(9, minutely(*[1.0] * 6, 9.0, 9.0), guard, orders=minutely(12.0, 3.0, 3.0, 3.0))

    assert found.words == "orders was 6, below 10"


def test_standing__at_its_end_without_a_breach__is_passed_and_says_how_near_it_came() -> None:
    guard = Guard((ERRORS, Limit("orders", below=10.0)), 30)
    found = stands(30, minutely(*[1.0] * 29, 1.3), guard, orders=minutely(*[14.0] * 30))

    assert (found.verdict, found.words) == ("passed", "errors was at most 1.06 and orders was at least 14, for 30 min")


def test_standing__samples_of_after_its_end__do_not_count() -> None:
    assert stands(40, minutely(*[1.0] * 30, *[9.0] * 10)).verdict == "passed"


@pytest.mark.parametrize(
    ("values", "told"),
    [
        pytest.param([], "errors had too few samples to be judged at all, for 30 min", id="none"),
        pytest.param([1.0, 1.0], "errors had too few samples to be judged at all, for 30 min", id="two"),
        pytest.param(
            [1.0] * 10 + [None] * 10 + [1.0] * 10,
            "errors had too few samples to be judged for 13 min, from 9 min after the change on",
            id="a gap",
        ),
        pytest.param(
            [1.0] * 20, "errors had too few samples to be judged for 11 min, from 19 min after the change on", id="end"
        ),
        pytest.param(
            [None] * 10 + [1.0] * 20,
            "errors had too few samples to be judged for 12 min, from 0 min after the change on",
            id="begin",
        ),
        pytest.param(
            [float("nan")] * 30, "errors had too few samples to be judged at all, for 30 min", id="no numbers"
        ),
    ],
)
def test_standing__at_its_end_with_samples_missing__is_not_passed_and_says_which(
    values: list[float | None], told: str
) -> None:
    found = stands(30, minutely(*values))

    assert (found.verdict, found.words) == ("unjudged", told)


def test_standing__with_samples_missing_so_far__says_so_while_it_watches() -> None:
    found = stands(10, minutely(1.0))

    assert (found.verdict, found.words) == ("watching", "errors had too few samples to be judged at all, for 10 min")
    assert found.readings == (Reading(ERRORS),)


def test_standing__a_breach_before_samples_went_missing__is_a_breach() -> None:
    assert stands(30, minutely(*[9.0] * 4)).verdict == "breached"


@given(
    st.lists(st.one_of(st.none(), st.floats(0, 4)), max_size=30),
    st.integers(0, 40),
    st.integers(0, 40),
    st.integers(1, 9),
)
def test_standing__asked_at_two_moments__never_takes_a_breach_back(
    values: list[float | None], one: int, other: int, over: int
) -> None:
    guard = Guard((ERRORS,), 30, over)
    earlier, later = (stands(minute, minutely(*values), guard) for minute in sorted((one, other)))
    if earlier.verdict == "breached":
        assert (later.verdict, later.at) == ("breached", earlier.at)
    if earlier.verdict in {"passed", "unjudged"}:
        assert later.verdict == earlier.verdict
