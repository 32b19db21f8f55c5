"""Subscriptions: who is told of which changes, through which channels, and when."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Literal, get_args

import msgspec

from flagtrail.model.entry import Action
from flagtrail.model.errors import Defect
from flagtrail.model.subject import Kind

Weekday = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
WEEKDAYS: tuple[str, ...] = get_args(Weekday)
"""In their order: Monday is 0, as in the standard library."""
Every = Literal["immediate", "hourly", "daily"]

CRITICAL = "critical"
"""The tag of flags whose changes in production are told by default, and the subscription that does it."""
OF_NO_PROJECT = frozenset({"member", "token", "signin"})
MAX_LISTED = 100
MAX_TEXT = 256
_TIME = re.compile(r"([01][0-9]|2[0-3]):[0-5][0-9]\Z")


class Filter(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which changes are meant. Every part that is given must match, by any of its values; an empty part asks nothing.

    `tags`, `flags`, `environments` and `production` are asked of one and the same flag and environment that the
    change alters (`changes/subscriptions.py`). `production` asks for an environment that is marked so. `actors` are
    ids, names or e-mail addresses, in any case.
    """

    tags: tuple[str, ...] = ()
    flags: tuple[str, ...] = ()
    environments: tuple[str, ...] = ()
    production: bool = False
    actions: tuple[Action, ...] = ()
    actors: tuple[str, ...] = ()
    kinds: tuple[Kind, ...] = ()


class Digest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Whether alerts come one by one, or together: at every full hour (UTC), or daily at a time (`HH:MM`) of a zone."""

    every: Every = "immediate"
    at: str = "09:00"
    zone: str = "UTC"


class QuietHours(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """When alerts wait: from one time (`HH:MM`) to another of a zone (IANA), on the days on which that begins.

    No day named means every day; one time twice means the whole day from then on. `critical_passes`: what alters a
    flag tagged critical does not wait.
    """

    from_: str = msgspec.field(name="from")
    to: str
    days: tuple[Weekday, ...] = ()
    zone: str = "UTC"
    critical_passes: bool = True


class Subscription(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Who is told of which changes. `channels` are names of the operator's settings; none means every channel."""

    key: str
    description: str = ""
    enabled: bool = True
    channels: tuple[str, ...] = ()
    filter: Filter = Filter()
    digest: Digest = Digest()
    quiet_hours: QuietHours | None = None


CRITICAL_SUBSCRIPTION = Subscription(
    CRITICAL,
    description="Flags tagged critical, where a change reaches production.",
    filter=Filter(tags=(CRITICAL,), production=True),
)
"""What every project has, until a document of this key takes its place."""


def minutes(time: str) -> int:
    """Minutes since midnight of a time, `HH:MM`.

    >>> minutes("07:30")
    450
    """
    hours, _, rest = time.partition(":")
    return int(hours) * 60 + int(rest)


def defects(subscription: Subscription) -> Iterator[Defect]:
    """What is wrong with it that its structure does not tell. Whether a zone exists is not known here."""
    for name, values in _lists(subscription):
        if len(values) > MAX_LISTED:
            yield Defect(f"/{name}", f"has {len(values)} values, {MAX_LISTED} are the most")
        for index, value in enumerate(values[:MAX_LISTED]):
            if not 1 <= len(value) <= MAX_TEXT or not value.isprintable():
                yield Defect(f"/{name}/{index}", f"must be 1 to {MAX_TEXT} printable characters")
    for index, kind in enumerate(subscription.filter.kinds):
        if kind in OF_NO_PROJECT:
            yield Defect(f"/filter/kinds/{index}", f"a {kind} belongs to no project, so that nothing would ever match")
    yield from time_defects("/digest/at", subscription.digest.at)
    quiet = subscription.quiet_hours
    if quiet is not None:
        yield from time_defects("/quiet_hours/from", quiet.from_)
        yield from time_defects("/quiet_hours/to", quiet.to)
        if quiet.from_ == quiet.to and set(quiet.days or WEEKDAYS) == set(WEEKDAYS):
            yield Defect("/quiet_hours", "would never end: it covers every day whole")


def zones(subscription: Subscription) -> Iterator[tuple[str, str]]:
    """The time zones that it names, each with the pointer to it."""
    yield "/digest/zone", subscription.digest.zone
    if subscription.quiet_hours is not None:
        yield "/quiet_hours/zone", subscription.quiet_hours.zone


def _lists(subscription: Subscription) -> Iterator[tuple[str, tuple[str, ...]]]:
    asked = subscription.filter
    yield "channels", subscription.channels
    yield "filter/tags", asked.tags
    yield "filter/flags", asked.flags
    yield "filter/environments", asked.environments
    yield "filter/actions", asked.actions
    yield "filter/actors", asked.actors
    yield "filter/kinds", asked.kinds


def time_defects(path: str, text: str) -> Iterator[Defect]:
    """What is wrong with a time of the day."""
    if not _TIME.match(text):
        yield Defect(path, f"{text!r} is no time; it must be HH:MM, from 00:00 to 23:59")
