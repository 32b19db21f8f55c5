"""How often the story's flags were evaluated: by the hour of late, by the day, week and month before."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from random import Random

import msgspec

from flagtrail.app.clock import stamp
from flagtrail.app.demo.calendar import DAYS, Calendar
from flagtrail.app.demo.catalogue import Row
from flagtrail.app.demo.clients import FORGOTTEN, Build, builds, old_build
from flagtrail.app.demo.incident import EVENING
from flagtrail.model.targeting import WHOLE, Serve, Targeting
from flagtrail.model.usage import Usage

HOURLY, DAILY, WEEKLY, MONTHLY = 1, 24, 168, 720
REACH = {
    "production": (1.0, ((HOURLY, 170), (DAILY, 84), (WEEKLY, 40), (MONTHLY, 13))),
    "staging": (0.01, ((DAILY, 14), (WEEKLY, 14), (MONTHLY, 24))),
    "development": (0.002, ((WEEKLY, 12), (MONTHLY, 24))),
}
"""Per environment: its part of production's traffic, and how many slots of how many hours reach back from now."""

SILENT = {"silent", "forgotten"}
LEAST_SILENT_DAYS, MOST_SILENT_DAYS = 64, 240
SATURDAY = 5
WIDENED = 0.24
"""How many more customers early access held, once everybody on the plan pro was in it."""
FEWEST, MOST = 300, 250_000


class Slot(msgspec.Struct, frozen=True):
    """Some hours, told as one: their evaluations stand in the row of the hour `at`."""

    at: datetime
    hours: int


class Served(msgspec.Struct, frozen=True):
    """How a flag was served in an environment from a moment on; None: no longer."""

    since: datetime
    targeting: Targeting | None


def usage_rows(
    rows: Sequence[Row], served: Mapping[tuple[str, str], Sequence[Served]], calendar: Calendar, seed: int
) -> Iterator[Usage]:
    """The rows of every flag that was ever asked for, consistent with how it was served at the time."""
    slots = {environment: _slots(calendar.now, reach) for environment, (_, reach) in REACH.items()}
    evening = calendar.moment(DAYS - 1, hour=EVENING[0], minute=EVENING[1])
    for row in rows:
        if row.life == "never":
            continue
        dice = Random(f"{seed}/usage/{row.key}")  # noqa: S311 - a story needs no secrets
        per_day = FEWEST * (MOST / FEWEST) ** dice.random()
        until = calendar.now
        if row.life in SILENT:
            until = silent_from(served.get((row.key, "production"), ()), calendar, dice)
        for environment, (part, _) in REACH.items():
            history = served.get((row.key, environment), ())
            for slot in slots[environment]:
                if slot.at < until:
                    end = min(slot.at + timedelta(minutes=59), calendar.now)
                    asking = builds(row.key, row.team, environment, calendar.day(slot.at))
                    more = WIDENED if row.life == "incident" and slot.at >= evening else 0.0
                    place = Place(row.key, environment, end, asking, more)
                    yield from _rows_of(place, slot, history, per_day * part, dice)
    yield from _forgotten(slots["production"], calendar)


def _forgotten(slots: Sequence[Slot], calendar: Calendar) -> Iterator[Usage]:
    """A deleted flag that one old mobile build asks for: it gets its own default."""
    first, application = next(_old_android()), old_build("android")
    for slot in slots:
        if slot.hours <= WEEKLY:
            end = min(slot.at + timedelta(minutes=59), calendar.now)
            count = 1 + slot.hours * 3 // 2
            place = ("default", "production", FORGOTTEN, "", "")
            yield Usage(*place, _second(slot.at), count, _second(end), first.client, application)


def _old_android() -> Iterator[Build]:
    asking = builds("mobile_api", "mobile", "production", DAYS)
    return (each for each in asking if each.application == old_build("android"))


def silent_from(history: Sequence[Served], calendar: Calendar, dice: Random) -> datetime:
    """When the code that asked was removed: after the flag's last change, and more than two months ago."""
    soonest = max(history[-1].since, calendar.moment(DAYS - MOST_SILENT_DAYS)) + timedelta(days=3)
    return min(soonest + timedelta(days=dice.randint(0, 90)), calendar.moment(DAYS - LEAST_SILENT_DAYS))


def _slots(now: datetime, reach: Sequence[tuple[int, int]]) -> list[Slot]:
    """From the present hour back, the newest first."""
    at = now.replace(minute=0, second=0, microsecond=0)
    found = []
    for hours, count in reach:
        for _ in range(count):
            found.append(Slot(at, hours))
            at -= timedelta(hours=hours)
    return found


class Place(msgspec.Struct, frozen=True):
    """A flag in an environment, the newest evaluation that a row may tell of, and who asked at the time."""

    flag: str
    environment: str
    last: datetime
    asking: tuple[Build, ...]
    early: float = 0.0
    """The part of customers whom the rule for early access picks out beyond its usual one."""


def _rows_of(place: Place, slot: Slot, history: Sequence[Served], per_day: float, dice: Random) -> Iterator[Usage]:
    """The slot's evaluations by variant and rule, as the flag was served at the end of that hour."""
    present = next((part for part in reversed(history) if part.since <= place.last), None)
    if present is None or present.targeting is None:
        return
    rhythm = 1.0 if slot.hours > HOURLY else RHYTHM[slot.at.hour]
    weekend = 0.35 if slot.hours <= DAILY and slot.at.weekday() >= SATURDAY else 1.0
    total = per_day * slot.hours / 24 * rhythm * weekend * dice.uniform(0.9, 1.1)
    hour, last = _second(slot.at), _second(place.last)
    for variant, rule, share in _shares(place.flag, present.targeting, place.early):
        for each in place.asking:
            amount = total * share * each.share
            count = round(amount) if amount >= 1 else int(dice.random() < amount)
            if count:
                who = (each.client, each.application)
                yield Usage("default", place.environment, place.flag, variant, rule, hour, count, last, *who)


RHYTHM = tuple(
    part / 10 for part in (3, 3, 3, 3, 4, 6, 9, 12, 15, 16, 16, 16, 15, 16, 18, 17, 15, 13, 10, 8, 7, 6, 5, 4)
)
"""How busy each hour of the day (UTC) is; the mean over a day is one."""


def _shares(flag: str, targeting: Targeting, early: float) -> Iterator[tuple[str, str, float]]:
    """(variant, rule, part of all evaluations); how many match a rule is made up, but always the same."""
    if not targeting.enabled:
        yield targeting.off_variant, "", 1.0
        return
    rest = 1.0
    for each in targeting.rules:
        part = rest * Random(f"{flag}/{each.id}").uniform(0.05, 0.3)  # noqa: S311 - a story needs no secrets
        part += rest * early if each.id == "early" else 0.0
        rest -= part
        yield from ((variant, each.id, part * share) for variant, share in _serve(each.serve))
    yield from ((variant, "", rest * share) for variant, share in _serve(targeting.fallthrough))


def _serve(serve: Serve) -> Iterator[tuple[str, float]]:
    if serve.variant is not None:
        yield serve.variant, 1.0
    for share in serve.split or ():
        yield share.variant, share.weight / WHOLE


def _second(moment: datetime) -> str:
    return stamp(moment.replace(microsecond=0))
