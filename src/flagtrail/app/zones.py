"""Time zones by their names, as the system or the package `tzdata` knows them."""

from __future__ import annotations

from datetime import UTC, tzinfo
from functools import cache
from zoneinfo import ZoneInfo, available_timezones


def known_zone(name: str) -> tzinfo | None:
    """The zone of an IANA name; None where there is none."""
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):  # not there, no name at all, a folder of zones
        return None


@cache
def zone_names() -> tuple[str, ...]:
    """The zones that people choose from, sorted: those of a continent or an ocean, and UTC."""
    places = (
        each for each in available_timezones() if "/" in each and not each.startswith(("Etc/", "SystemV/", "US/"))
    )
    return ("UTC", *sorted(places))


def zone_or_utc(name: str) -> tzinfo:
    """The zone of a name; UTC where it is unknown here: an alert that comes at another hour is better than none."""
    return known_zone(name) or UTC
