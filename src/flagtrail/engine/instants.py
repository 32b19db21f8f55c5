"""Instants: RFC 3339 text, or a number of seconds since 1970, as microseconds."""

from __future__ import annotations

import math
import re
from datetime import UTC, datetime, timedelta, timezone

_INSTANT = re.compile(
    r"(\d{4})-(\d{2})-(\d{2})[Tt ](\d{2}):(\d{2}):(\d{2})(?:\.(\d+))?(?:[Zz]|([+-])(\d{2}):(\d{2}))\Z", re.ASCII
)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_LEAP_SECOND = 60


def instant(value: object) -> int | None:
    """Microseconds since 1970-01-01T00:00:00Z, or None where the value is no instant.

    Text is RFC 3339 (section 5.6), a number is seconds. Digits beyond the
    microsecond are cut off; a leap second (23:59:60) is the second after it.
    """
    if isinstance(value, str):
        return _of_text(value)
    if isinstance(value, bool):
        return None
    if isinstance(value, int):
        return value * 1_000_000
    if isinstance(value, float) and math.isfinite(value):
        return round(value * 1_000_000) if math.isfinite(value * 1_000_000) else int(value) * 1_000_000
    return None


def _of_text(text: str) -> int | None:
    found = _INSTANT.match(text)
    if found is None:
        return None
    year, month, day, hour, minute, second = (int(part) for part in found.groups()[:6])
    fraction, sign, offset_hours, offset_minutes = found.groups()[6:]
    leap = second == _LEAP_SECOND
    try:
        zone = UTC if sign is None else _zone(sign, int(offset_hours), int(offset_minutes))
        micro = int((fraction or "")[:6].ljust(6, "0"))
        local = datetime(year, month, day, hour, minute, 59 if leap else second, micro, zone)
    except ValueError:
        return None
    return (local - _EPOCH) // _MICROSECOND + (1_000_000 if leap else 0)


def _zone(sign: str, hours: int, minutes: int) -> timezone:
    if minutes >= 60:  # noqa: PLR2004 - minutes of an hour
        raise ValueError(minutes)
    offset = timedelta(hours=hours, minutes=minutes)
    return timezone(-offset if sign == "-" else offset)
