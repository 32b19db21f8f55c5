"""What the story's applications told of themselves: two metrics that only have their daily rhythm, and one of a night
in which customers were billed wrongly.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from random import Random

from flagtrail.app.demo.calendar import DAYS, SATURDAY, Calendar
from flagtrail.app.demo.incident import EVENING, KILLED
from flagtrail.app.demo.usage import RHYTHM
from flagtrail.model.metric import Sample

STEP = timedelta(minutes=5)
REACH = timedelta(days=30)
_MEMORY = 0.6
"""How much of its noise a value shares with the one before."""


def samples(calendar: Calendar, seed: int) -> Iterator[Sample]:
    """A month of samples, each metric consistent with what happened to the customers."""
    dice = Random(f"{seed}/samples")  # noqa: S311 - a story needs no secrets
    at = calendar.now.replace(minute=0, second=0, microsecond=0) - REACH
    noise = [0.0, 0.0, 0.0]
    while at <= calendar.now:
        noise = [_MEMORY * each + dice.gauss(0, 1) for each in noise]
        rhythm = _rhythm(at)
        wrong = 0.004 + 0.0015 * rhythm + 0.0004 * noise[0] + _wrong(calendar, at, dice)
        yield _sample("billing_errors", at, max(wrong, 0.0), digits=5)
        yield _sample("checkout_seconds", at, 0.24 + 0.06 * rhythm + 0.008 * noise[1], digits=4)
        yield _sample("orders_per_minute", at, max(42 * rhythm + 1.6 * noise[2], 0.0), digits=1)
        at += STEP


def _wrong(calendar: Calendar, at: datetime, dice: Random) -> float:
    """The part of requests that failed because of new prices: some in the evening, most in the invoice run."""
    widened = calendar.moment(DAYS - 1, hour=EVENING[0], minute=EVENING[1])
    killed = calendar.moment(DAYS, hour=KILLED[0], minute=KILLED[1])
    if not widened <= at < killed:
        return 0.0
    return (0.038 if at >= calendar.moment(DAYS) else 0.006) * dice.uniform(0.85, 1.15)


def _rhythm(at: datetime) -> float:
    """How busy the moment is, between the hours' own figures; the mean of a working day is one."""
    here, after = RHYTHM[at.hour], RHYTHM[(at.hour + 1) % 24]
    busy = here + (after - here) * at.minute / 60
    return busy * (0.35 if at.weekday() >= SATURDAY else 1.0)


def _sample(metric: str, at: datetime, value: float, *, digits: int) -> Sample:
    return Sample(metric, int(at.timestamp()) * 1_000, round(value, digits), "production")
