"""How one flag is used: counts of a period, and who asks for it."""

from __future__ import annotations

from datetime import datetime, timedelta

import msgspec

from flagtrail.app.clock import stamp
from flagtrail.model.errors import InvalidQuery
from flagtrail.model.usage import FlagUsage, Span
from flagtrail.storage import Storage, UsageQuery

DEFAULT_PERIOD = timedelta(days=7)
BY_HOUR = timedelta(days=8)
"""A period up to which counts are told by the hour, where nobody says otherwise."""
MOST_BY_HOUR = timedelta(days=400)


def flag_usage(storage: Storage, query: UsageQuery, *, by: Span | None, now: datetime) -> FlagUsage:
    """The flag's usage; by default of the seven days until now, by the hour up to eight days and else by the day.

    `query.since` and `query.until` are stamps. Raises InvalidQuery for a period that is empty or,
    by the hour, too long.
    """
    until = now if query.until is None else datetime.fromisoformat(query.until)
    since = _before(until) if query.since is None else datetime.fromisoformat(query.since)
    if since >= until:
        raise InvalidQuery(f"the period from {stamp(since)} to {stamp(until)} is empty", parameter="since")
    chosen: Span = by or ("hour" if until - since <= BY_HOUR else "day")
    if chosen == "hour" and until - since > MOST_BY_HOUR:
        raise InvalidQuery(f"by the hour a period has at most {MOST_BY_HOUR.days} days", parameter="since")
    asked = msgspec.structs.replace(query, since=stamp(since), until=stamp(until), by=chosen)
    project, flag, only = query.project, query.flag, query.environment
    return FlagUsage(
        project,
        flag,
        stamp(since),
        stamp(until),
        chosen,
        tuple(
            each for each in storage.usage_summary(project) if each.flag == flag and only in {None, each.environment}
        ),
        tuple(storage.usage_counts(asked)),
        tuple(each for each in storage.usage_clients(project, flag) if only in {None, each.environment}),
    )


def _before(until: datetime) -> datetime:
    """The start of the hour that lies the default period before."""
    try:
        return (until - DEFAULT_PERIOD).replace(minute=0, second=0, microsecond=0)
    except OverflowError:
        return until
