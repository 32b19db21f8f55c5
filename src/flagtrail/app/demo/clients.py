"""Who asks in the story: services, the web app, and the builds of the mobile apps, each with its releases."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache

import msgspec

from flagtrail.app.demo.calendar import DAYS

OFREP, BULK = "ofrep", "ofrep-bulk"
PYTHON = ((0, OFREP), (DAYS - 210, "flagtrail-python/0.0.9"), (DAYS - 45, "flagtrail-python/0.1.0"))
LAGGING = "flagtrail-python/0.0.9"
"""What a team that never upgrades stayed with."""

LEFT_BEHIND = frozenset({"mobile_ios15_support"})
"""Flags that today's mobile builds no longer ask for: only one of long ago does."""
STOPPED = DAYS - 90
FORGOTTEN = "mobile_login_v2"
"""A flag that is deleted, and that one old build asks for to this day."""
OLD_IOS, OLD_ANDROID = 6, 4
"""The releases that some people never left."""
NEWEST = (0.71, 0.19, 0.08)
"""The parts of a mobile app's newest releases; the rest is the old one's."""
IOS = 0.55


class Build(msgspec.Struct, frozen=True):
    """An SDK in a release of an application, and its part of a flag's evaluations."""

    client: str
    application: str
    share: float = 1.0


class _Service(msgspec.Struct, frozen=True):
    """A service that is released every so many days; `sdks` are (day from which on, client)."""

    name: str
    every: int
    sdks: tuple[tuple[int, str], ...]

    def build(self, day: int, share: float) -> Build:
        client = next(client for since, client in reversed(self.sdks) if since <= max(day, 0))
        # OFREP tells of no application.
        application = "" if client in {OFREP, BULK} else f"{self.name}/2.{max(day, 0) // self.every}.0"
        return Build(client, application, share)


_WEB = _Service("web-app", 7, ((0, BULK),))
_SERVICES: dict[str, tuple[tuple[_Service, float], ...]] = {
    "billing": ((_Service("invoicing", 9, PYTHON), 0.8), (_WEB, 0.2)),
    "payments": ((_Service("payments", 21, ((0, "opentelemetry-java/1.44.1"),)), 1.0),),
    "checkout": ((_Service("checkout-api", 10, PYTHON), 0.5), (_WEB, 0.5)),
    "accounts": ((_Service("accounts", 14, PYTHON), 1.0),),
    "platform": ((_Service("gateway", 12, ((0, "opentelemetry-go/1.38.0"),)), 1.0),),
    "data": ((_Service("nightly-reports", 30, (*PYTHON[:1], (DAYS - 210, LAGGING))), 1.0),),
    "growth": ((_WEB, 1.0),),
    "support": ((_Service("support-desk", 18, (*PYTHON[:1], (DAYS - 150, LAGGING))), 1.0),),
    "product": ((_WEB, 0.6), (_Service("core-api", 8, PYTHON), 0.4)),
}


def builds(flag: str, team: str, environment: str, day: int) -> tuple[Build, ...]:
    """Who asked for a flag on a day of the story; the shares add up to what is left of its evaluations."""
    if flag in LEFT_BEHIND and day >= STOPPED and environment == "production":
        return tuple(each for each in _asking(team, environment, day) if each.application == old_build("ios"))
    return _asking(team, environment, day)


@cache
def _asking(team: str, environment: str, day: int) -> tuple[Build, ...]:
    if environment != "production":
        first = next(_mobile(day)) if team == "mobile" else _SERVICES[team][0][0].build(day, 1.0)
        return (msgspec.structs.replace(first, share=1.0),)
    if team != "mobile":
        return tuple(service.build(day, share) for service, share in _SERVICES[team])
    return tuple(_mobile(day))


def old_build(system: str) -> str:
    """The release that some people never left."""
    return f"northwind-{system}/5.{OLD_IOS if system == 'ios' else OLD_ANDROID}.0"


def _mobile(day: int) -> Iterator[Build]:
    """The newest releases of both apps, and the old one of each once it is old."""
    systems = (
        ("ios", "opentelemetry-swift/2.1.0", OLD_IOS, IOS),
        ("android", "opentelemetry-java/1.39.0", OLD_ANDROID, 1 - IOS),
    )
    for system, client, old, part in systems:
        newest = max(day, 0) // 28
        rest = 1.0
        for back, share in enumerate(NEWEST):
            release = newest - back
            if release > old:
                rest -= share
                yield Build(client, f"northwind-{system}/5.{release}.0", part * share)
        yield Build(client, f"northwind-{system}/5.{min(newest, old)}.0", part * rest)
