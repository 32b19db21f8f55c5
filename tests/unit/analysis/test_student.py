"""Student's t against printed tables."""

from __future__ import annotations

from math import inf, pi

import pytest

from flagtrail.analysis.student import quantile, two_sided


@pytest.mark.parametrize(
    ("t", "df", "expected"),
    [
        pytest.param(12.706, 1, 0.05, id="one degree"),
        pytest.param(2.776, 4, 0.05, id="four"),
        pytest.param(2.228, 10, 0.05, id="ten"),
        pytest.param(3.169, 10, 0.01, id="ten, one per cent"),
        pytest.param(1.697, 30, 0.10, id="thirty, ten per cent"),
        pytest.param(1.96, 1e6, 0.05, id="as good as normal"),
        pytest.param(-2.228, 10, 0.05, id="the other side"),
        pytest.param(0.0, 5, 1.0, id="nothing"),
    ],
)
def test_two_sided__of_a_table__is_what_it_prints(t: float, df: float, expected: float) -> None:
    assert two_sided(t, df) == pytest.approx(expected, abs=2e-4)


def test_two_sided__of_infinity__is_none() -> None:
    assert two_sided(inf, 3) == 0.0


def test_two_sided__with_one_degree__is_cauchys() -> None:
    assert two_sided(1.0, 1) == pytest.approx(0.5, abs=1e-12)


@pytest.mark.parametrize(
    ("probability", "df", "expected"),
    [
        pytest.param(0.975, 3, 3.1824, id="three"),
        pytest.param(0.975, 6, 2.4469, id="six"),
        pytest.param(0.025, 5, -2.5706, id="below"),
        pytest.param(0.95, 30, 1.6973, id="thirty"),
        pytest.param(0.995, 27, 2.7707, id="half a per cent"),
        pytest.param(0.9999, 1, 1 / (pi * 1e-4), id="far out"),
    ],
)
def test_quantile__of_a_table__is_what_it_prints(probability: float, df: float, expected: float) -> None:
    assert quantile(probability, df) == pytest.approx(expected, rel=1e-4)
