"""Environments: list, show, create, edit, delete."""

from __future__ import annotations

import click

from flagtrail.cli.entries import tell_change
from flagtrail.cli.options import asks, if_version_option, says_why
from flagtrail.cli.output import facts, table, time
from flagtrail.cli.session import Session
from flagtrail.cli.targeting import body
from flagtrail.cli.views import Document, Documents


@click.group
def environments() -> None:
    """List, show, create, edit, delete environments.

    Example:
      flagtrail environments list
    """


_NAME = click.option("--name", help="What people call it.")
_PRODUCTION = click.option("--production/--no-production", default=None, help="Whether customers see it.")
_POSITION = click.option("--position", type=int, help="Its place in lists.")


def _parts(**parts: object) -> dict[str, object]:
    return {name: value for name, value in parts.items() if value is not None}


@environments.command("list")
@asks
def list_environments(session: Session) -> None:
    """Every environment, in their order.

    Example:
      flagtrail environments list
    """

    def render(found: Documents) -> None:
        rows = [
            (each.subject.name, each.document["name"], "yes" if each.document["production"] else "no")
            for each in found.items
        ]
        table(("environment", "name", "production"), rows, empty="There are no environments.")

    session.show(session.get(session.of_project("environments")), Documents, render)


@environments.command("show")
@click.argument("environment")
@asks
def show_environment(session: Session, environment: str) -> None:
    """One environment.

    Example:
      flagtrail environments show production
    """

    def render(held: Document) -> None:
        told = [(name, str(value)) for name, value in held.document.items()]
        facts([*told, ("version", f"{held.version}, since {time(held.effective)}")])

    session.show(session.get(session.of_project("environments", environment)), Document, render)


@environments.command("create")
@click.argument("environment")
@_NAME
@_PRODUCTION
@_POSITION
@says_why
@asks
def create_environment(
    session: Session,
    environment: str,
    *,
    name: str | None,
    production: bool | None,
    position: int | None,
    **said: object,
) -> None:
    """Make an environment; every flag is off in it.

    Example:
      flagtrail environments create preview --name Preview --position 3
    """
    document = {"key": environment, **_parts(name=name, production=production, position=position)}
    told = body(said, environment=document)
    tell_change(session, session.send("POST", session.of_project("environments"), told))


@environments.command("edit")
@click.argument("environment")
@_NAME
@_PRODUCTION
@_POSITION
@says_why
@if_version_option
@asks
def edit_environment(
    session: Session,
    environment: str,
    *,
    name: str | None,
    production: bool | None,
    position: int | None,
    **said: object,
) -> None:
    """Change an environment.

    Example:
      flagtrail environments edit staging --name "Staging (Frankfurt)"
    """
    patch = _parts(name=name, production=production, position=position)
    if not patch:
        raise click.UsageError("Nothing to change was named.")
    address = session.of_project("environments", environment)
    tell_change(session, session.send("PATCH", address, body(said, patch=patch)))


@environments.command("delete")
@click.argument("environment")
@says_why
@if_version_option
@asks
def delete_environment(session: Session, environment: str, **said: object) -> None:
    """Delete an environment, and how flags were served in it; their history stays.

    Example:
      flagtrail environments delete preview --why "no longer used"
    """
    tell_change(session, session.send("DELETE", session.of_project("environments", environment), body(said)))


COMMANDS = {"environments": environments}
