from __future__ import annotations

import pytest

from flagtrail.engine.instants import instant

SECOND = 1_000_000


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("1970-01-01T00:00:00Z", 0),
        ("1970-01-01t00:00:01z", SECOND),
        ("1970-01-01 00:00:01Z", SECOND),
        ("1970-01-01T01:00:00+01:00", 0),
        ("1969-12-31T19:00:00-05:00", 0),
        ("1985-04-12T23:20:50.52Z", 482_196_050_520_000),
        ("1990-12-31T23:59:60Z", 662_688_000 * SECOND),
        ("1970-01-01T00:00:00.0000019Z", 1),
        (0, 0),
        (1.5, 1_500_000),
        (-1, -SECOND),
        pytest.param(10**400, 10**406, id="an integer beyond floats"),
        pytest.param(1e308, int(1e308) * SECOND, id="a float whose microseconds are beyond floats"),
    ],
)
def test_instant__rfc_3339_or_seconds__is_microseconds_since_1970(value: object, expected: int) -> None:
    assert instant(value) == expected


@pytest.mark.parametrize(
    "value",
    [
        *("", "2026-11-22", "2026-11-22T07:00:00", "2026-W01-1T00:00:00Z", "2026-11-22T07:00:00Z\n"),
        *("2026-13-01T00:00:00Z", "2026-02-30T00:00:00Z", "2026-11-22T24:00:00Z", "2026-11-22T07:00:61Z"),
        *("2026-11-22T07:00:00+24:00", "2026-11-22T07:00:00+01:60", "٢٠٢٦-11-22T07:00:00Z"),
        *(True, None, float("nan"), float("inf"), [], b"x"),
    ],
)
def test_instant__anything_else__is_none(value: object) -> None:
    assert instant(value) is None
