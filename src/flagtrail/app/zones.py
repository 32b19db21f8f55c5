"""Time zones by their names, as the system or the package `tzdata` knows them."""

from __future__ import annotations

from datetime import UTC, tzinfo
from zoneinfo import ZoneInfo


def known_zone(name: str) -> tzinfo | None:
    """The zone of an IANA name; None where there is none."""
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):  # not there, no name at all, a folder of zones
        return None


def zone_or_utc(name: str) -> tzinfo:
    """The zone of a name; UTC where it is unknown here: an alert that comes at another hour is better than none."""
    return known_zone(name) or UTC
