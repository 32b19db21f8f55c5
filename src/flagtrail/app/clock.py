"""Time and identifiers: the one place where the clock and the dice come from."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from datetime import UTC, datetime
from typing import TypeAlias
from uuid import UUID

from flagtrail.ledger.leaf import NAMES, SALT_BYTES
from flagtrail.model.errors import InvalidQuery

Clock: TypeAlias = Callable[[], datetime]


def utc_now() -> datetime:
    """The time, in UTC."""
    return datetime.now(UTC)


def stamp(moment: datetime) -> str:
    """A moment as the ledger writes it: RFC 3339, UTC, microseconds. Stamps sort as text.

    >>> stamp(datetime(2026, 11, 22, 7, tzinfo=UTC))
    '2026-11-22T07:00:00.000000Z'
    """
    return moment.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def read_time(text: str) -> str:
    """An RFC 3339 time or a date (its midnight, UTC) as a stamp; raises InvalidQuery for anything else.

    >>> read_time("2026-11-22T08:00:00+01:00")
    '2026-11-22T07:00:00.000000Z'
    """
    try:
        moment = datetime.fromisoformat(text.strip())
        return stamp(moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC))
    except (ValueError, OverflowError):
        raise InvalidQuery(f"{text!r} is not a time", value=text) from None


def uuid7(moment: datetime) -> str:
    """A UUIDv7 (RFC 9562, section 5.7) of this moment with 74 random bits."""
    milliseconds = int(moment.timestamp() * 1000)
    random = secrets.randbits(74)
    number = (
        (milliseconds & (1 << 48) - 1) << 80 | 0x7 << 76 | (random >> 62) << 64 | 0b10 << 62 | random & (1 << 62) - 1
    )
    return str(UUID(int=number))


def salts() -> Callable[[], bytes]:
    """Sixteen bytes that nobody can guess at each call, for the commitments of one entry.

    They are drawn together: at each draw another thread may take the interpreter, while all writers wait for this one.
    """
    drawn = secrets.token_bytes(SALT_BYTES * len(NAMES))
    places = iter(range(0, len(drawn), SALT_BYTES))

    def salt() -> bytes:
        at = next(places)
        return drawn[at : at + SALT_BYTES]

    return salt
