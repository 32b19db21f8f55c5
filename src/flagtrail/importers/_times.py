"""Times of foreign histories."""

from __future__ import annotations

from datetime import UTC, datetime


def to_utc(text: str) -> str:
    """An RFC 3339 time as UTC with microseconds; raises ValueError for anything else, also for one without an offset.

    >>> to_utc("2024-03-07T10:16:33-05:00")
    '2024-03-07T15:16:33.000000Z'
    """
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError(f"{text!r} has no offset from UTC")
    try:
        moment = moment.astimezone(UTC)
    except OverflowError as error:
        raise ValueError(f"{text!r} is beyond the years 1 to 9999 in UTC") from error
    return moment.strftime("%Y-%m-%dT%H:%M:%S.%fZ").rjust(27, "0")
