"""Shares out of a sample, with what the sample leaves open."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flagtrail.analysis.estimate import about, estimate


@pytest.mark.parametrize(
    ("count", "of", "low", "high"),
    [
        # Newcombe (1998), Statistics in Medicine 17: 857-872, table I, method 3.
        pytest.param(81, 263, 0.2553, 0.3662, id="Newcombe a"),
        pytest.param(15, 148, 0.0624, 0.1605, id="Newcombe b"),
        pytest.param(0, 20, 0.0, 0.1611, id="Newcombe c"),
        pytest.param(1, 29, 0.0061, 0.1718, id="Newcombe d"),
        pytest.param(29, 29, 0.8830, 1.0, id="Newcombe f"),
    ],
)
def test_estimate__published_intervals__are_met(count: int, of: int, low: float, high: float) -> None:
    found = estimate(count, of)
    assert (round(found.low, 4), round(found.high, 4)) == (low, high)


@given(st.integers(1, 10_000).flatmap(lambda of: st.tuples(st.integers(0, of), st.just(of))))
def test_estimate__any_count__lies_within_its_interval_and_the_interval_within_0_and_1(drawn: tuple[int, int]) -> None:
    found = estimate(*drawn)
    assert 0 <= found.low <= found.share <= found.high <= 1
    assert found.low < found.high


@pytest.mark.parametrize(
    ("share", "told"),
    [
        (0.0, "0 %"),
        (0.0005, "under 0.1 %"),
        (0.001, "0.1 %"),
        (0.05, "5 %"),
        (0.0999, "10 %"),
        (0.5, "50 %"),
        (0.99, "99 %"),
        (0.9951, "over 99 %"),
        (1.0, "100 %"),
    ],
)
def test_about__shares__are_told_as_people_say_them(share: float, told: str) -> None:
    assert about(share) == told
