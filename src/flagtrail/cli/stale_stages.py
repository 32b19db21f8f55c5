"""What people say of a flag's way out: stale snooze, unsnooze, ready, removed, reopen."""

from __future__ import annotations

import click

from flagtrail.cli.entries import tell_change
from flagtrail.cli.options import asks, says_why
from flagtrail.cli.session import Session


@click.command
@click.argument("flag")
@click.option("--until", metavar="DAY", required=True, help="The day on which it ends, as 2026-12-31; UTC.")
@click.option("--owner", metavar="NAME", default="", help="Who answers for it.  [default: the flag's owner]")
@says_why
@asks
def snooze(session: Session, flag: str, **said: object) -> None:
    """Leave a flag in peace up to a day: it moves to no stage, and nobody is reminded. The reason is needed.

    Example:
      flagtrail stale snooze new_pricing --until 2026-12-31 --why "the mobile release is late"
    """
    tell_change(session, session.send("PUT", session.of_project("flags", flag, "snooze"), said))


@click.command
@click.argument("flag")
@says_why
@asks
def unsnooze(session: Session, flag: str, **said: object) -> None:
    """End a snooze before its day.

    Example:
      flagtrail stale unsnooze new_pricing --why "the release is out"
    """
    tell_change(session, session.send("DELETE", session.of_project("flags", flag, "snooze"), said))


@click.command
@click.argument("flag")
@click.option("--variant", metavar="KEY", help="The variant to keep, where the evidence names none.")
@says_why
@asks
def ready(session: Session, flag: str, variant: str | None, **said: object) -> None:
    """Say that a flag may go: its code can be removed. Refused while something blocks that.

    Example:
      flagtrail stale ready new_pricing --why "agreed in the planning"
    """
    body = {"stage": "ready_to_remove", "variant": variant, **said}
    tell_change(session, session.send("PUT", session.of_project("flags", flag, "stage"), body))


@click.command
@click.argument("flag")
@click.option("--commit", metavar="COMMIT", required=True, help="The commit that removed it: its hash, or its address.")
@says_why
@asks
def removed(session: Session, flag: str, **said: object) -> None:
    """Say that a flag's code is gone, and by which commit. A scan that finds none left says so by itself.

    Example:
      flagtrail stale removed new_pricing --commit 4f2a9c1 --why "merged"
    """
    body = {"stage": "code_removed", **said}
    tell_change(session, session.send("PUT", session.of_project("flags", flag, "stage"), body))


@click.command
@click.argument("flag")
@says_why
@asks
def reopen(session: Session, flag: str, **said: object) -> None:
    """Take back that a flag is ready to remove, or that its code is gone.

    Example:
      flagtrail stale reopen new_pricing --why "the report still reads it"
    """
    tell_change(session, session.send("DELETE", session.of_project("flags", flag, "stage"), said))


COMMANDS = (snooze, unsnooze, ready, removed, reopen)
