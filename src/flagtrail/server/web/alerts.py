"""Alerts: how channels fare, who is told of what, what became of it; trying a channel and sending once more."""

from __future__ import annotations

from typing import cast, get_args

import msgspec
from litestar.params import FromPath

from flagtrail.app.alert_message import Tried, send_test
from flagtrail.app.channel_health import channel_health, subscription_waiting
from flagtrail.app.deliveries import DeliveryPage, DeliveryQuery, Outcome, deliveries, resend
from flagtrail.app.wording import channel_words, filter_words, time_words
from flagtrail.model.errors import FlagtrailError, InvalidQuery
from flagtrail.model.subject import subscription_subject
from flagtrail.model.subscription import Subscription
from flagtrail.server.problems import HTTP_STATUS
from flagtrail.server.web.page import Flash, Html, Page, does, shows

LIMIT = 25
OUTCOMES: tuple[str, ...] = get_args(Outcome)


class Row(msgspec.Struct, frozen=True):
    """One subscription as the list has it."""

    subscription: Subscription
    version: int
    asks: str
    channels: str
    when: str
    waiting: int


@shows("/alerts")
def alerts(page: Page) -> Html:
    """The channels, the subscriptions and the delivery log."""
    return _alerts(page)


@does("/alerts/test", needs="admin", everywhere=True)
def try_channel(page: Page) -> Html:
    """Send a test through one channel."""
    name = page.form.get("channel")
    try:
        tried = send_test(page.app.channels, name, page.app.clock, link=page.app.settings.base_url)
    except FlagtrailError as error:
        return _alerts(page, refused=error)
    if tried.delivered:
        return page.redirect(page.link("/alerts"), flash=Flash(f"The test arrived. {tried.detail}."))
    return _alerts(page, tried=tried)


@does("/alerts/deliveries/{number:int}/resend")
def resend_delivery(page: Page, number: FromPath[int]) -> Html:
    """Send a dead letter again."""
    try:
        sent = resend(page.app.storage, number, page.who.actor, page.app.clock, project=page.require_project())
    except FlagtrailError as error:
        return _alerts(page, refused=error)
    told = f"Delivery {number} waits for the channel {sent.channel} again; the log tells what becomes of it."
    return page.redirect(page.link("/alerts"), flash=Flash(told))


def _alerts(page: Page, *, refused: FlagtrailError | None = None, tried: Tried | None = None) -> Html:
    app, state, project = page.app, page.app.ask.state, page.require_project()
    found, wrong = _found(page)
    error = refused or wrong
    return page.render(
        "alerts.html",
        status=200 if error is None else HTTP_STATUS.get(type(error), 422),
        refused=error,
        tried=tried,
        channels=channel_health(app.channels, app.storage, state, project),
        rows=_rows(page, project),
        deliveries=[(each, app.storage.entry(each.seq)) for each in found.items],
        older=found.next,
        outcomes=OUTCOMES,
        filtered=any(page.query.get(name) for name in ("channel", "subscription", "outcome", "entry")),
    )


def _rows(page: Page, project: str) -> list[Row]:
    state = page.app.ask.state
    waiting = subscription_waiting(page.app.channels, page.app.storage, project)
    rows: list[Row] = []
    for key, each in state.subscriptions(project).items():
        subject = subscription_subject(project, key)
        held = state.held(subject)
        version = 0 if held is None or held.document is None else held.version
        asks, on, when = filter_words(each.filter), channel_words(each.channels), time_words(each)
        rows.append(Row(each, version, asks, on, when, waiting[key]))
    return rows


def _found(page: Page) -> tuple[DeliveryPage, FlagtrailError | None]:
    """The deliveries that are asked for; none, and why, where that cannot be read."""
    query = page.query
    try:
        outcome = query.optional("outcome")
        if outcome not in {None, *OUTCOMES}:
            raise InvalidQuery(f"{outcome!r} is no outcome; it is one of {', '.join(OUTCOMES)}", parameter="outcome")
        asked = DeliveryQuery(
            project=page.project,
            channel=query.optional("channel"),
            subscription=query.optional("subscription"),
            outcome=cast("Outcome | None", outcome),
            seq=query.number("entry"),
            before=query.number("before"),
            limit=LIMIT,
        )
    except FlagtrailError as error:
        return DeliveryPage([], None), error
    return deliveries(page.app.storage, asked), None
