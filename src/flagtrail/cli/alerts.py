"""Alerts: how channels fare, what became of alerts, sending one again, trying a channel."""

from __future__ import annotations

import click
import msgspec

from flagtrail.cli.options import asks
from flagtrail.cli.output import say, table, time
from flagtrail.cli.session import Session
from flagtrail.cli.subscriptions import subscriptions
from flagtrail.model.errors import FlagtrailError

NO_CHANNEL = "none; set FLAGTRAIL_SLACK_WEBHOOK, or another of docs/how-to/alerts.md"


class Channel(msgspec.Struct, frozen=True):
    """How a channel fares."""

    name: str
    notifier: str
    set_up: bool
    waiting: int
    failing: str | None
    detail: str
    delivered: str | None


class Resent(msgspec.Struct, frozen=True):
    """Who had it sent again."""

    name: str
    at: str


class Delivery(msgspec.Struct, frozen=True):
    """What became of one alert."""

    number: int
    channel: str
    subscription: str
    seqs: tuple[int, ...]
    outcome: str
    at: str
    attempts: int
    detail: str = ""
    resent: Resent | None = None


class Alerts(msgspec.Struct, frozen=True):
    """The channels and a page of deliveries."""

    channels: tuple[Channel, ...]
    items: tuple[Delivery, ...]
    next: int | None


class Sent(msgspec.Struct, frozen=True):
    """Whether a test was taken, and what the receiver said."""

    delivered: bool
    detail: str


class NotDelivered(FlagtrailError):
    """The receiver did not take a test message."""

    code = "not_delivered"
    title = "The test message was not delivered"
    remedy = "Check the channel's address and secret in the server's settings."


@click.group
def alerts() -> None:
    """Channels, subscriptions and deliveries; try one.

    Example:
      flagtrail alerts list
    """


alerts.add_command(subscriptions)


@alerts.command("list")
@click.option("--channel", metavar="NAME", help="Only through this channel.")
@click.option("--subscription", metavar="KEY", help="Only for this subscription.")
@click.option("--outcome", type=click.Choice(["delivered", "dead"]), help="Only what arrived, or was given up.")
@click.option("--entry", type=click.IntRange(0), metavar="SEQ", help="Only what tells of this entry.")
@click.option("--limit", type=click.IntRange(1, 500), default=50, show_default=True, help="So many at most.")
@click.option("--before", "cursor", type=click.IntRange(1), metavar="NUMBER", help="Only older ones than this.")
@asks
def list_alerts(session: Session, **asked: object) -> None:
    """How the channels fare, and what became of alerts, newest first.

    Example:
      flagtrail alerts list --outcome dead
    """
    narrowed = any(asked[name] is not None for name in ("channel", "subscription", "outcome", "entry", "cursor"))
    empty = "No delivery matches." if narrowed else "Nothing was delivered yet."
    session.show(session.get(session.of_project("alerts"), **asked), Alerts, lambda found: _listed(found, empty))


def _listed(found: Alerts, empty: str) -> None:
    say(f"Channels: {', '.join(each.name for each in found.channels) or NO_CHANNEL}")
    if found.channels:
        rows = [(each.name, each.notifier, str(each.waiting), _fares(each)) for each in found.channels]
        table(("channel", "notifier", "waiting", "fares"), rows, empty="")
    deliveries = [
        (
            str(each.number),
            _entries(each),
            each.channel,
            each.subscription,
            each.outcome,
            time(each.at),
            str(each.attempts),
            each.detail if each.resent is None else f"sent again by {each.resent.name}",
        )
        for each in found.items
    ]
    titles = ("number", "entry", "channel", "subscription", "outcome", "at", "tries", "detail")
    table(titles, deliveries, empty=empty)
    if found.next is not None:
        say(f"Older ones: --before {found.next}")


def _entries(delivery: Delivery) -> str:
    """The entries that it told of, in short."""
    first, *rest = delivery.seqs
    return f"{first} and {len(rest)} more" if rest else str(first)


def _fares(channel: Channel) -> str:
    if not channel.set_up:
        return "not set up: a subscription names it, the settings do not"
    if channel.failing is not None:
        return f"failing since {time(channel.failing)}: {channel.detail}"
    return f"delivered at {time(channel.delivered)}" if channel.delivered else "nothing delivered yet"


@alerts.command("resend")
@click.argument("number", type=click.IntRange(1))
@asks
def resend_alert(session: Session, number: int) -> None:
    """Send an alert again that was given up; `alerts list` tells its number and what becomes of it.

    Example:
      flagtrail alerts resend 17
    """
    answer = session.send("POST", session.of_project("alerts", str(number), "resend"))
    session.show(answer, Delivery, lambda sent: say(f"It waits for the channel {sent.channel} again."))


@alerts.command("test")
@click.argument("channel")
@asks
def test_alert(session: Session, channel: str) -> None:
    """Send one message that says it is a test; tells what the receiver said.

    Example:
      flagtrail alerts test slack
    """
    answer = session.send("POST", session.of("alerts", "test"), {"channel": channel})
    sent = answer.read(Sent)
    if not sent.delivered:
        raise NotDelivered(sent.detail, channel=channel)
    session.show(answer, Sent, lambda sent: say(f"Taken. {sent.detail}."))


COMMANDS = {"alerts": alerts}
