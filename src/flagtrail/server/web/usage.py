"""How a flag is used, as pictures and tables: evaluations by variant over time, and who asks for it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import datetime, timedelta

import msgspec
from markupsafe import Markup

from flagtrail.app.clock import stamp
from flagtrail.model.flag import Flag
from flagtrail.model.usage import FlagUsage, Span, UsageClient
from flagtrail.server.web import charts, words
from flagtrail.server.web.page import Page
from flagtrail.server.web.templates import day, moment, number

MOST_CLIENTS = 100
OTHER = "other"
"""Colours what is no variant of the flag: one of before, or the caller's own default."""


class Reach(msgspec.Struct, frozen=True):
    """How far back a picture reaches: `count` bars of `step` each, the present one included."""

    key: str
    words: str
    bar: str
    step: timedelta
    count: int

    @property
    def by(self) -> Span:
        """What counts are asked for by."""
        return "hour" if self.step < DAY else "day"

    def start(self, now: datetime) -> datetime:
        """When its first bar begins: the last one ends with the present hour or day."""
        if self.step < DAY:
            return now.replace(minute=0, second=0, microsecond=0) + HOUR - self.count * self.step
        return now.replace(hour=0, minute=0, second=0, microsecond=0) + DAY - self.count * self.step


HOUR, DAY = timedelta(hours=1), timedelta(days=1)
REACHES = (
    Reach("day", "24 hours", "hour", HOUR, 24),
    Reach("week", "7 days", "hour", HOUR, 168),
    Reach("quarter", "90 days", "day", DAY, 90),
    Reach("year", "1 year", "week", 7 * DAY, 52),
)
_DEFAULT = REACHES[1]
RECENT = 30 * DAY
"""Whoever was seen within this still asks; the others are folded away."""


class Share(msgspec.Struct, frozen=True):
    """One variant in the period: the class that colours it, how often it was served, and its part of all."""

    variant: str
    css: str
    count: int
    percent: str


class Client(msgspec.Struct, frozen=True):
    """Who asks, in words; `application` is empty where it does not name itself."""

    sdk: str
    application: str
    first: str
    last: str
    count: int


class Panel(msgspec.Struct, frozen=True):
    """The panel of one environment. `most` is what the highest bar stands for."""

    reach: Reach
    reaches: tuple[Reach, ...]
    picture: Markup
    most: int
    axis: tuple[str, ...]
    total: int
    shares: tuple[Share, ...]
    clients: tuple[Client, ...]
    earlier: tuple[Client, ...]
    more_clients: int
    ever: int


def usage_panel(page: Page, flag: Flag) -> Panel:
    """The flag's usage in the page's environment, over the period that the page's address names."""
    asked = page.query.get("reach")
    reach = next((each for each in REACHES if each.key == asked), _DEFAULT)
    now = page.app.clock()
    found = page.app.ask.usage(
        page.project, flag.key, environment=page.environment, since=stamp(reach.start(now)), by=reach.by
    )
    stacks = list(_stacks(found, flag, reach, now))
    totals = Counter(dict.fromkeys(flag.variants, 0))
    for each in found.counts:
        totals[each.variant] += each.count
    total = totals.total()
    where = f"{flag.key} in {page.environment}, by the {reach.bar}"
    clients, recently = _clients(found.clients), stamp(now - RECENT)
    return Panel(
        reach,
        REACHES,
        charts.stacks(stacks, title=f"Evaluations of {where}: {number(total)} in {reach.words}"),
        max((sum(value for _, value in stack.parts) for stack in stacks), default=0),
        tuple(_axis(reach, now)),
        total,
        tuple(_shares(totals, total, flag)),
        tuple(each for each in clients if each.last >= recently),
        tuple(each for each in clients if each.last < recently),
        max(len(found.clients) - MOST_CLIENTS, 0),
        sum(each.count for each in found.summary),
    )


def _stacks(found: FlagUsage, flag: Flag, reach: Reach, now: datetime) -> Iterator[charts.Stack]:
    """A bar for each hour, day or week, also where nothing was counted."""
    start = reach.start(now)
    counted: list[Counter[str]] = [Counter() for _ in range(reach.count)]
    for each in found.counts:
        place = (datetime.fromisoformat(each.time) - start) // reach.step
        if 0 <= place < reach.count:
            counted[place][each.variant] += each.count
    order = {variant: place for place, variant in enumerate(flag.variants)}
    for index, counts in enumerate(counted):
        parts = sorted(counts.items(), key=lambda part: (order.get(part[0], len(order)), part[0]))
        told = ", ".join(f"{variant_words(variant)} {number(count)}" for variant, count in parts) or "none"
        at = stamp(start + index * reach.step)
        when = moment(at) if reach.bar == "hour" else f"{'week from ' if reach.bar == 'week' else ''}{day(at)}"
        yield charts.Stack(f"{when}: {told}", [(colour(variant, flag), count) for variant, count in parts])


def _axis(reach: Reach, now: datetime) -> list[str]:
    ends = charts.ticks(stamp(reach.start(now)), stamp(now))
    return [moment(at).partition(", ")[2] if reach.key == "day" else day(at) for at in ends]


def _shares(totals: Counter[str], total: int, flag: Flag) -> Iterator[Share]:
    for variant, count in totals.items():
        if count or variant in flag.variants:
            percent = f"{count / total * 100:.1f} %".replace(".0 %", " %") if total else ""
            yield Share(variant_words(variant), colour(variant, flag), count, percent)


def _clients(clients: tuple[UsageClient, ...]) -> tuple[Client, ...]:
    newest = sorted(clients, key=lambda each: (each.last, each.count, each.application), reverse=True)
    return tuple(
        Client(client_words(each.client), each.application, each.first, each.last, each.count)
        for each in newest[:MOST_CLIENTS]
    )


def colour(variant: str, flag: Flag) -> str:
    """The class of a variant's colour."""
    place = words.places(flag).get(variant)
    return OTHER if place is None else f"v{place}"


def variant_words(variant: str) -> str:
    """A variant; without one the caller got its own default."""
    return variant or "the caller's default"


def client_words(client: str) -> str:
    """Who reported, for people.

    >>> client_words("ofrep-bulk"), client_words("flagtrail-python/0.1.0")
    ('OFREP, all flags at once', 'flagtrail-python/0.1.0')
    """
    return {"ofrep": "OFREP", "ofrep-bulk": "OFREP, all flags at once", "others": "Others, too many to list"}.get(
        client, client
    )
