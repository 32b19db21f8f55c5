"""Whom Northwind Ledger serves: contexts that its web application sampled over the last month."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from random import Random

from flagtrail.app.clock import stamp
from flagtrail.app.demo.company import PROJECT
from flagtrail.model.flag import Json
from flagtrail.model.usage import SampledContext

SAMPLED = {"production": 3_000, "staging": 120}
DAYS_BACK = 29

PLANS = {"free": 34, "starter": 25, "pro": 24, "enterprise": 9, "trial": 6, "classic_2019": 2}
SEATS = {"free": (1, 3), "trial": (1, 25), "starter": (1, 15), "classic_2019": (1, 40), "pro": (5, 180)}
MANY_SEATS = (60, 2_400)
COUNTRIES = {"US": 26, "DE": 15, "GB": 12, "FR": 9, "NL": 7, "SE": 5, "ES": 5, "IT": 4, "PL": 4, "IE": 3, "LU": 1}
COUNTRIES |= {"AT": 2, "CA": 4, "AU": 3}
PLATFORMS = {"web": 62, "ios": 21, "android": 17}
INDUSTRIES = {"retail": 24, "software": 22, "services": 20, "manufacturing": 14, "education": 10, "government": 10}
VERSIONS = {"5.26.0": 52, "5.25.0": 24, "5.24.0": 12, "5.6.0": 8, "4.5.2": 4}
NAMED = ("acme", "cobalt-air", "dunmore", "fjordline", "brightwater")
"""Accounts that rules of the story name; they are on the plan enterprise."""


def contexts(now: datetime, seed: int) -> Iterator[SampledContext]:
    """The samples of each environment, the same for the same seed and moment."""
    for environment, size in SAMPLED.items():
        dice = Random(f"{seed}/contexts/{environment}")  # noqa: S311 - a story needs no secrets
        ages = sorted((dice.random() * DAYS_BACK for _ in range(size)), reverse=True)
        for number, age in enumerate(ages):
            yield SampledContext(PROJECT, environment, stamp(now - timedelta(days=age)), _context(number, dice))


def _context(number: int, dice: Random) -> dict[str, Json]:
    plan = _one(PLANS, dice)
    named = plan == "enterprise" and dice.random() < 0.2  # noqa: PLR2004 - a fifth of them are known by name
    platform = _one(PLATFORMS, dice)
    found: dict[str, Json] = {
        "targetingKey": f"acct_{10_000 + number * 7}",
        "account": dice.choice(NAMED) if named else f"company-{number % 1_900:04d}",
        "plan": plan,
        "seats": round(dice.triangular(*SEATS.get(plan, MANY_SEATS))),
        "country": _one(COUNTRIES, dice),
        "industry": _one(INDUSTRIES, dice),
        "platform": platform,
        "beta": dice.random() < 0.12,  # noqa: PLR2004 - who ticks such boxes
    }
    if platform != "web":
        found["app_version"] = _one(VERSIONS, dice)
    return found


def _one(weights: dict[str, int], dice: Random) -> str:
    return dice.choices(tuple(weights), tuple(weights.values()))[0]
