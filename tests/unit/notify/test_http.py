"""Retry-After."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from flagtrail.notify import _http as http

NOW = datetime(2026, 11, 22, 7, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        (None, None),
        ("0", 0.0),
        (" 120 ", 120.0),
        ("9" * 400, 3600.0),
        ("Sun, 22 Nov 2026 07:01:00 GMT", 60.0),
        ("Sun, 22 Nov 2026 07:01:00 -0000", 60.0),
        ("Sun, 22 Nov 2026 06:00:00 GMT", 0.0),
        ("Sun, 22 Nov 2099 06:00:00 GMT", 3600.0),
        ("-5", None),
        ("1.5", None),
        ("٣", None),
        ("", None),
    ],
)
def test_retry_after__header__is_seconds_from_now(header: str | None, seconds: float | None) -> None:
    assert http.retry_after(header, NOW) == seconds
