"""Who is reminded of stale flags, and when: stale nudge."""

from __future__ import annotations

import click
import msgspec

from flagtrail.cli.entries import tell_change
from flagtrail.cli.options import asks, says_why
from flagtrail.cli.output import facts
from flagtrail.cli.session import Session
from flagtrail.cli.views import Document
from flagtrail.model.nudge import Nudge
from flagtrail.model.subscription import WEEKDAYS


@click.command
@click.option("--enable/--disable", "enabled", default=None, help="Whether owners are reminded.")
@click.option("--day", type=click.Choice(WEEKDAYS), help="The day of the week.  [default: mon]")
@click.option("--at", metavar="HH:MM", help="The time of the day.  [default: 09:00]")
@click.option("--zone", metavar="ZONE", help="Its time zone, such as Europe/Berlin.  [default: UTC]")
@click.option(
    "channels", "--channel", multiple=True, metavar="NAME", help="Where to, for owners without a channel of their name."
)
@says_why
@asks
def nudge(
    session: Session,
    *,
    enabled: bool | None,
    day: str | None,
    at: str | None,
    zone: str | None,
    channels: tuple[str, ...],
    **said: object,
) -> None:
    """Once a week tell each owner which flags could go; without options, show when and where to.

    A channel that is called as an owner is gets that owner's list.

    Example:
      flagtrail stale nudge --enable --day mon --at 09:00 --zone Europe/Berlin --channel slack
    """
    address = session.of_project("nudge")
    answer = session.get(address)
    given = {"enabled": enabled, "day": day, "at": at, "zone": zone, "channels": channels or None}
    asked = {name: value for name, value in given.items() if value is not None}
    if not asked:
        session.show(answer, Document, _tell)
        return
    held = answer.read(Document)
    body = {"nudge": {**held.document, **asked}, "version": held.version, **said}
    tell_change(session, session.send("PUT", address, body))


def _tell(held: Document) -> None:
    found = msgspec.convert(held.document, Nudge)
    facts(
        [
            ("nudge", "enabled" if found.enabled else "disabled"),
            ("when", f"{found.day} at {found.at} ({found.zone})"),
            ("where to", ", ".join(["channels named like an owner", *found.channels])),
        ]
    )


COMMANDS = (nudge,)
