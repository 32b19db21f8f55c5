"""Projects: list, show, create, edit, delete, policy."""

from __future__ import annotations

import click

from flagtrail.cli.entries import tell_change
from flagtrail.cli.options import asks, if_version_option, says_why
from flagtrail.cli.output import facts, table, time
from flagtrail.cli.session import Session
from flagtrail.cli.targeting import body
from flagtrail.cli.views import Document, Documents


@click.group
def projects() -> None:
    """List, show, create, edit, delete projects.

    Example:
      flagtrail projects list
    """


@projects.command("list")
@asks
def list_projects(session: Session) -> None:
    """Every project that you may see.

    Example:
      flagtrail projects list
    """

    def render(found: Documents) -> None:
        rows = [(each.subject.name, each.document["name"], each.document["description"]) for each in found.items]
        table(("project", "name", "description"), rows, empty="There are no projects that you may see.")

    session.show(session.get(session.of("projects")), Documents, render)


def _tell(held: Document) -> None:
    told = [(name.replace("_", " "), str(value)) for name, value in held.document.items()]
    facts([*told, ("version", f"{held.version}, since {time(held.effective)}" if held.version else "0, the default")])


@projects.command("show")
@click.argument("key")
@asks
def show_project(session: Session, key: str) -> None:
    """One project.

    Example:
      flagtrail projects show default
    """
    session.show(session.get(session.of("projects", key)), Document, _tell)


@projects.command("create")
@click.argument("key")
@click.option("--name", default="", help="What people call it.")
@click.option("--description", default="", help="What it is.")
@says_why
@asks
def create_project(session: Session, key: str, *, name: str, description: str, why: str, ticket: str) -> None:
    """Make a project, with the environments production, staging and development.

    Example:
      flagtrail projects create shop --name "The shop"
    """
    told = {"key": key, "name": name, "description": description, "why": why, "ticket": ticket}
    tell_change(session, session.send("POST", session.of("projects"), told))


@projects.command("edit")
@click.argument("key")
@click.option("--name", help="What people call it.")
@click.option("--description", help="What it is.")
@says_why
@if_version_option
@asks
def edit_project(session: Session, key: str, *, name: str | None, description: str | None, **said: object) -> None:
    """Change a project's name or description.

    Example:
      flagtrail projects edit shop --name "Northwind Shop"
    """
    patch = {part: value for part, value in {"name": name, "description": description}.items() if value is not None}
    if not patch:
        raise click.UsageError("Nothing to change was named.")
    tell_change(session, session.send("PATCH", session.of("projects", key), body(said, patch=patch)))


@projects.command("delete")
@click.argument("key")
@says_why
@if_version_option
@asks
def delete_project(session: Session, key: str, **said: object) -> None:
    """Delete a project with everything in it; the ledger keeps its history.

    Example:
      flagtrail projects delete shop --why "sold"
    """
    tell_change(session, session.send("DELETE", session.of("projects", key), body(said)))


@projects.command("policy")
@click.argument("key")
@click.option("--why-required", type=click.Choice(("production", "always", "never")), help="When a reason is demanded.")
@click.option("--why-min-length", type=click.IntRange(0), help="How long it must be at least.")
@says_why
@if_version_option
@asks
def policy(session: Session, key: str, *, why_required: str | None, why_min_length: int | None, **said: object) -> None:
    """What a project demands of a change: show it, or set parts of it.

    Example:
      flagtrail projects policy default --why-required always --why "SOC 2"
    """
    address = session.of("projects", key, "policy")
    present = session.get(address)
    given = {"why_required": why_required, "why_min_length": why_min_length}
    parts = {name: value for name, value in given.items() if value is not None}
    if not parts:
        session.show(present, Document, _tell)
        return
    held = present.read(Document)
    if said.get("if_version") is None:
        said["if_version"] = held.version
    tell_change(session, session.send("PUT", address, body(said, policy={**held.document, **parts})))


COMMANDS = {"projects": projects}
