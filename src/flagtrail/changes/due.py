"""When an alert or a nudge is due: at once, with the next digest, after quiet hours. Clock and zones come in."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta, tzinfo

from flagtrail.model.nudge import Nudge
from flagtrail.model.subscription import WEEKDAYS, Digest, QuietHours, Subscription, minutes

Zones = Callable[[str], tzinfo]
"""What knows time zones by their names."""
_DAY = timedelta(days=1)


def due(subscription: Subscription, at: datetime, *, critical: bool, zones: Zones) -> datetime:
    """When (UTC) an alert of something that happened at `at` is to be delivered; never before `at`.

    A digest that falls into quiet hours comes when they end.
    """
    planned = _digest(subscription.digest, at, zones)
    quiet = subscription.quiet_hours
    if quiet is None or (critical and quiet.critical_passes):
        return planned
    zone = zones(quiet.zone)
    # One period may follow upon another (a Saturday, a Sunday); all days whole are refused, so that there is an end.
    while (end := _end(quiet, planned, zone)) is not None:
        planned = end
    return planned


def last_weekly(nudge: Nudge, now: datetime, *, zones: Zones) -> datetime:
    """The newest moment (UTC), up to now, at which a weekly nudge was or is to come."""
    zone = zones(nudge.zone)
    today = now.astimezone(zone)
    back = (today.weekday() - WEEKDAYS.index(nudge.day)) % 7
    times = (_moment(today - (back + 7 * weeks) * _DAY, nudge.at, zone) for weeks in range(2))
    return next(time for time in times if time <= now)


def _digest(digest: Digest, at: datetime, zones: Zones) -> datetime:
    if digest.every == "immediate":
        return at
    if digest.every == "hourly":
        return at.replace(minute=0, second=0, microsecond=0) + timedelta(hours=1)
    zone = zones(digest.zone)
    today = at.astimezone(zone)
    times = (_moment(today + ahead * _DAY, digest.at, zone) for ahead in range(3))
    return next(time for time in times if time > at)


def _end(quiet: QuietHours, at: datetime, zone: tzinfo) -> datetime | None:
    """The end of the quiet period that holds `at`; None where none does. It began today or the day before."""
    today = at.astimezone(zone)
    whole = minutes(quiet.to) <= minutes(quiet.from_)
    for begins in (today, today - _DAY):
        if quiet.days and WEEKDAYS[begins.weekday()] not in quiet.days:
            continue
        start = _moment(begins, quiet.from_, zone)
        end = _moment(begins + _DAY if whole else begins, quiet.to, zone)
        if start <= at < end:
            return end
    return None


def _moment(day: datetime, time: str, zone: tzinfo) -> datetime:
    """That time of that day in the zone, as UTC; of two that are called so when clocks go back, the first."""
    hours, rest = divmod(minutes(time), 60)
    return datetime(day.year, day.month, day.day, hours, rest, tzinfo=zone).astimezone(UTC)
