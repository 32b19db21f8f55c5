"""Alerts: through which channels critical changes reach people, and what became of them."""

from __future__ import annotations

import msgspec
from litestar import get, post
from litestar.handlers import HTTPRouteHandler
from litestar.params import JSONBody

from flagtrail.app.alerts import Delivery, Tried, channels, deliveries, send_test
from flagtrail.server.rest.call import Caller

_SHOWN = 100


class Alerts(msgspec.Struct, frozen=True):
    """Channels by their notifier's name alone (targets hold secrets), and the newest deliveries."""

    channels: list[str]
    deliveries: list[Delivery]


class ChannelTest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which channel to try."""

    notifier: str


@get("/alerts", opt={"role": "admin"}, sync_to_thread=True, summary="Read the channels and deliveries")
def list_alerts(call: Caller) -> Alerts:
    """The newest hundred deliveries."""
    names = [channel.notifier for channel in channels(call.app.settings)]
    return Alerts(names, deliveries(call.app.storage)[:_SHOWN])


@post("/alerts/test", opt={"role": "admin"}, status_code=200, sync_to_thread=True, summary="Try a channel")
def try_channel(data: JSONBody[ChannelTest], call: Caller) -> Tried:
    """Sends one message that says it is a test; not retried, and no entry."""
    return send_test(call.app.settings, data.notifier, call.app.clock)


ROUTES: list[HTTPRouteHandler] = [list_alerts, try_channel]
