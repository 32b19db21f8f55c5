"""Subscriptions of alerts: list, show, create, edit, delete."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, get_args

import click
import msgspec

from flagtrail.changes.subscription_words import channel_words, filter_words, quiet_words, time_words
from flagtrail.cli.entries import tell_change
from flagtrail.cli.options import Command, asks, if_version_option, says_why
from flagtrail.cli.output import facts, table, time
from flagtrail.cli.session import Session
from flagtrail.cli.targeting import body
from flagtrail.cli.views import Document, Documents
from flagtrail.model.entry import ACTIONS
from flagtrail.model.flag import Json
from flagtrail.model.subject import Kind
from flagtrail.model.subscription import OF_NO_PROJECT, WEEKDAYS, Every, Subscription

KINDS = [kind for kind in get_args(Kind) if kind not in OF_NO_PROJECT]
LISTS = ("tags", "flags", "environments", "actions", "actors", "kinds")
CLEARED = ("channels", *LISTS, "quiet-hours")


@click.group
def subscriptions() -> None:
    """Who is told of which changes, and when.

    Example:
      flagtrail alerts subscriptions list
    """


_OPTIONS: tuple[Callable[[Command], Command], ...] = (
    click.option("--description", help="Who wants to know, and why."),
    click.option("channels", "--channel", multiple=True, metavar="NAME", help="Where to; else every channel."),
    click.option("tags", "--tag", multiple=True, help="Only of flags with one of these tags."),
    click.option("flags", "--flag", multiple=True, metavar="KEY", help="Only of these flags."),
    click.option("environments", "--env", multiple=True, metavar="KEY", help="Only what holds in these environments."),
    click.option("--production/--no-production", default=None, help="Only what reaches production."),
    click.option(
        "actions", "--action", multiple=True, type=click.Choice(ACTIONS), metavar="ACTION", help="Only these actions."
    ),
    click.option("actors", "--actor", multiple=True, metavar="WHO", help="Only of these: ids, names or addresses."),
    click.option("kinds", "--kind", multiple=True, type=click.Choice(KINDS), help="Only of these documents."),
    click.option("every", "--digest", type=click.Choice(get_args(Every)), help="One by one, or together."),
    click.option("--at", metavar="HH:MM", help="When a daily digest comes."),
    click.option("--zone", metavar="ZONE", help="The time zone of --at and --quiet, such as Europe/Berlin."),
    click.option("--quiet", metavar="HH:MM-HH:MM", help="When alerts wait."),
    click.option("days", "--quiet-day", multiple=True, type=click.Choice(WEEKDAYS), help="On which days; else all."),
    click.option("critical", "--critical-passes/--critical-waits", default=None, help="Of critical flags, too."),
    click.option("--enable/--disable", default=None, help="Whether it tells of anything."),
)


def _describes(command: Command) -> Command:
    """A command that says what a subscription is."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


@subscriptions.command("list")
@asks
def list_subscriptions(session: Session) -> None:
    """Every subscription.

    Example:
      flagtrail alerts subscriptions list
    """

    def render(found: Documents) -> None:
        rows = [_row(each) for each in found.items]
        table(("subscription", "tells of", "on", "when"), rows, empty="There are no subscriptions.")

    session.show(session.get(session.of_project("subscriptions")), Documents, render)


def _row(held: Document) -> tuple[str, ...]:
    subscription = msgspec.convert(held.document, Subscription)
    when = time_words(subscription) if subscription.enabled else "disabled"
    return subscription.key, filter_words(subscription.filter), channel_words(subscription.channels), when


@subscriptions.command("show")
@click.argument("subscription")
@asks
def show_subscription(session: Session, subscription: str) -> None:
    """One subscription.

    Example:
      flagtrail alerts subscriptions show critical
    """

    def render(held: Document) -> None:
        found = msgspec.convert(held.document, Subscription)
        facts(
            [
                ("subscription", found.key),
                ("description", found.description),
                ("enabled", "yes" if found.enabled else "no"),
                ("tells of", filter_words(found.filter)),
                ("on", channel_words(found.channels)),
                ("when", time_words(msgspec.structs.replace(found, quiet_hours=None))),
                ("quiet", "" if found.quiet_hours is None else quiet_words(found.quiet_hours)),
                ("version", f"{held.version}, since {time(held.effective)}" if held.version else "built in"),
            ]
        )

    session.show(session.get(session.of_project("subscriptions", subscription)), Document, render)


@subscriptions.command("create")
@click.argument("subscription")
@_describes
@says_why
@asks
def create_subscription(session: Session, subscription: str, **given: Any) -> None:  # noqa: ANN401 - options of all types
    """Make a subscription.

    Every part of the filter that is given must match, by any of its values.

    Example:
      flagtrail alerts subscriptions create billing --tag billing --channel slack --digest daily --at 08:30
    """
    patch = _patch(given)
    if given["days"] and not given["quiet"]:
        raise click.UsageError("--quiet-day says on which days --quiet holds: name both.")
    document = {"key": subscription, **patch}
    address = session.of_project("subscriptions")
    tell_change(session, session.send("POST", address, body(given, subscription=document)))


@subscriptions.command("edit")
@click.argument("subscription")
@_describes
@click.option("--clear", multiple=True, type=click.Choice(CLEARED), help="Ask nothing of this any more.")
@says_why
@if_version_option
@asks
def edit_subscription(session: Session, subscription: str, *, clear: tuple[str, ...], **given: Any) -> None:  # noqa: ANN401 - options of all types
    """Change what is named and keep the rest; a list is replaced whole.

    Example:
      flagtrail alerts subscriptions edit critical --quiet 22:00-07:00 --zone Europe/Berlin --critical-waits
    """
    patch = _patch(given)
    for part in clear:
        if part == "quiet-hours":
            patch["quiet_hours"] = None
        elif part == "channels":
            patch["channels"] = []
        else:
            patch.setdefault("filter", {})[part] = []
    if not patch:
        raise click.UsageError("Nothing to change was named.")
    address = session.of_project("subscriptions", subscription)
    tell_change(session, session.send("PATCH", address, body(given, patch=patch)))


@subscriptions.command("delete")
@click.argument("subscription")
@says_why
@if_version_option
@asks
def delete_subscription(session: Session, subscription: str, **said: object) -> None:
    """Delete a subscription; what waits for it still arrives.

    Example:
      flagtrail alerts subscriptions delete billing --why "the team is gone"
    """
    tell_change(session, session.send("DELETE", session.of_project("subscriptions", subscription), body(said)))


def _patch(given: dict[str, Any]) -> dict[str, Json]:
    """The options as a merge patch, which is a document too where nothing was before."""
    asked = {name: list(given.pop(name)) for name in LISTS}
    filter_ = {name: values for name, values in asked.items() if values}
    production = given.pop("production")
    if production is not None:
        filter_["production"] = production
    zone = {} if given["zone"] is None else {"zone": given["zone"]}
    digest = {"every": given.pop("every"), "at": given.pop("at")}
    quiet = _quiet(given.get("quiet"), list(given.get("days") or ()), given.pop("critical"))
    parts: dict[str, Json] = {
        "description": given.pop("description"),
        "channels": list(given.pop("channels")) or None,
        "enabled": given.pop("enable"),
        "filter": filter_ or None,
    }
    patch = {name: value for name, value in parts.items() if value is not None}
    told = {name: value for name, value in digest.items() if value is not None}
    if zone and not told and not quiet:
        raise click.UsageError("--zone belongs to --at or --quiet.")
    if told:
        patch["digest"] = {**told, **zone}
    if quiet:
        patch["quiet_hours"] = {**quiet, **zone}
    return patch


def _quiet(span: str | None, days: list[str], critical: bool | None) -> dict[str, Json]:
    """Quiet hours as far as they are named."""
    found: dict[str, Json] = {}
    if span is not None:
        begin, dash, end = span.partition("-")
        if not dash:
            raise click.UsageError(f"--quiet: {span!r} is not HH:MM-HH:MM.")
        found |= {"from": begin.strip(), "to": end.strip()}
    if days:
        found["days"] = days
    if critical is not None:
        found["critical_passes"] = critical
    return found
