"""Stamps as moments, and their neighbours: the ledger counts in microseconds."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from flagtrail.app.clock import stamp

MOMENT = timedelta(microseconds=1)
FIRST_MOMENT = datetime.min.replace(tzinfo=UTC)
LAST_MOMENT = datetime.max.replace(tzinfo=UTC)


def as_datetime(text: str) -> datetime:
    """A stamp as a moment."""
    return datetime.fromisoformat(text)


def just_before(text: str) -> str | None:
    """The stamp a microsecond earlier; None where there is none.

    >>> just_before("2026-11-22T07:00:00.000000Z")
    '2026-11-22T06:59:59.999999Z'
    """
    moment = as_datetime(text)
    return None if moment - FIRST_MOMENT < MOMENT else stamp(moment - MOMENT)


def just_after(text: str) -> str | None:
    """The stamp a microsecond later; None where there is none."""
    moment = as_datetime(text)
    return None if LAST_MOMENT - moment < MOMENT else stamp(moment + MOMENT)


def earlier(text: str, span: timedelta) -> str:
    """The stamp so much earlier; the first one there is where that is sooner.

    >>> earlier("2026-11-22T07:00:00.000000Z", timedelta(hours=8)), earlier("0001-01-01T07:00:00.000000Z", MOMENT * 2)
    ('2026-11-21T23:00:00.000000Z', '0001-01-01T06:59:59.999998Z')
    """
    since_first = as_datetime(text) - FIRST_MOMENT
    return stamp(FIRST_MOMENT + max(since_first - span, timedelta(0)))
