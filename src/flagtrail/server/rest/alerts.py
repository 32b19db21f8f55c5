"""Alerts: through which channels they go, what became of them, and sending them once more."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from litestar import get, post
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath, FromQuery, JSONBody, PathParameter, QueryParameter

from flagtrail.app.alert_message import Tried, send_test
from flagtrail.app.channel_health import ChannelHealth, channel_health
from flagtrail.app.deliveries import Delivery, DeliveryQuery, deliveries, resend
from flagtrail.model.document import MAX_INTEGER
from flagtrail.server.rest.call import MAX_LIMIT, Caller, Cursor, require_project

_SHOWN = 100

Number = Annotated[int, PathParameter(ge=1, le=MAX_INTEGER, description="A delivery's number.")]
OfEntry = Annotated[int | None, QueryParameter(ge=0, le=MAX_INTEGER, description="Only what tells of this entry.")]
Limit = Annotated[int, QueryParameter(ge=1, le=MAX_LIMIT, description="Items per page.")]


class Alerts(msgspec.Struct, frozen=True):
    """Channels by name (targets hold secrets), and the newest deliveries of all projects."""

    channels: list[str]
    deliveries: list[Delivery]


class AlertsPage(msgspec.Struct, frozen=True):
    """How the channels fare, and deliveries, newest first; `next` is the cursor of the page after, null on the last."""

    channels: list[ChannelHealth]
    items: list[Delivery]
    next: int | None


class ChannelTest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which channel to try."""

    channel: str


@get("/alerts", opt={"role": "admin"}, sync_to_thread=True, summary="Read the channels and newest deliveries")
def list_alerts(call: Caller) -> Alerts:
    """Of all projects: the newest hundred."""
    names = [channel.name for channel in call.app.channels]
    return Alerts(names, deliveries(call.app.storage, DeliveryQuery(limit=_SHOWN)).items)


@post("/alerts/test", opt={"role": "admin"}, status_code=200, sync_to_thread=True, summary="Try a channel")
def try_channel(data: JSONBody[ChannelTest], call: Caller) -> Tried:
    """Sends one message that says it is a test; not retried, and no entry."""
    return send_test(call.app.channels, data.channel, call.app.clock, link=call.app.settings.base_url)


@get("/projects/{project:str}/alerts", opt={"role": "viewer"}, sync_to_thread=True, summary="Read the delivery log")
def list_deliveries(  # noqa: PLR0913, PLR0917 - query parameters
    project: FromPath[str],
    call: Caller,
    channel: FromQuery[str | None] = None,
    subscription: FromQuery[str | None] = None,
    outcome: FromQuery[Literal["delivered", "dead"] | None] = None,
    entry: OfEntry = None,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> AlertsPage:
    """What became of the project's alerts; kept for 90 days, and at most the newest 10,000 of the installation."""
    require_project(call.app, project)
    query = DeliveryQuery(
        project=project,
        channel=channel,
        subscription=subscription,
        outcome=outcome,
        seq=entry,
        before=cursor,
        limit=limit,
    )
    found = deliveries(call.app.storage, query)
    fare = channel_health(call.app.channels, call.app.storage, call.app.ask.state, project)
    return AlertsPage(fare, found.items, found.next)


@post(
    "/projects/{project:str}/alerts/{number:int}/resend",
    opt={"role": "editor"},
    status_code=202,
    sync_to_thread=True,
    summary="Send a dead letter again",
)
def resend_delivery(project: FromPath[str], number: Number, call: Caller) -> Delivery:
    """It waits for its channel once more; the log says who wanted it. Once for each dead letter, and no entry."""
    return resend(call.app.storage, number, call.identity.actor, call.app.clock, project=project)


ROUTES: list[HTTPRouteHandler] = [list_alerts, try_channel, list_deliveries, resend_delivery]
