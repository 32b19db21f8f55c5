"""Alerts: channels and deliveries; try one."""

from __future__ import annotations

import click
import msgspec

from flagtrail.cli.options import asks
from flagtrail.cli.output import say, table, time
from flagtrail.cli.session import Session
from flagtrail.model.errors import FlagtrailError

NO_CHANNEL = "none; set FLAGTRAIL_SLACK_WEBHOOK, or another of docs/how-to/alerts.md"


class Delivery(msgspec.Struct, frozen=True):
    """What became of one alert."""

    channel: str
    seq: int
    outcome: str
    at: str
    attempts: int
    detail: str = ""


class Alerts(msgspec.Struct, frozen=True):
    """The channels and the newest deliveries."""

    channels: tuple[str, ...]
    deliveries: tuple[Delivery, ...]


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
    """Channels and deliveries; try one.

    Example:
      flagtrail alerts list
    """


@alerts.command("list")
@asks
def list_alerts(session: Session) -> None:
    """Where changes of critical flags are told, and what became of it.

    Example:
      flagtrail alerts list
    """

    def render(found: Alerts) -> None:
        say(f"Channels: {', '.join(found.channels) or NO_CHANNEL}")
        rows = [
            (str(each.seq), each.channel, each.outcome, time(each.at), str(each.attempts), each.detail)
            for each in found.deliveries
        ]
        table(("entry", "channel", "outcome", "at", "tries", "detail"), rows, empty="Nothing was delivered yet.")

    session.show(session.get(session.of("alerts")), Alerts, render)


@alerts.command("test")
@click.argument("channel")
@asks
def test_alert(session: Session, channel: str) -> None:
    """Send one message that says it is a test; tells what the receiver said.

    Example:
      flagtrail alerts test slack
    """
    answer = session.send("POST", session.of("alerts", "test"), {"notifier": channel})
    sent = answer.read(Sent)
    if not sent.delivered:
        raise NotDelivered(sent.detail, channel=channel)
    session.show(answer, Sent, lambda sent: say(f"Taken. {sent.detail}."))


COMMANDS = {"alerts": alerts}
