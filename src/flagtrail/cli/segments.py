"""Segments: list, show, create, edit, delete."""

from __future__ import annotations

from typing import Any

import click

from flagtrail.changes.diff import condition_words
from flagtrail.cli.entries import tell_change
from flagtrail.cli.inputs import json_file, json_text
from flagtrail.cli.options import asks, if_version_option, says_why
from flagtrail.cli.output import facts, table, time
from flagtrail.cli.session import Session
from flagtrail.cli.targeting import body
from flagtrail.cli.views import Document, Documents
from flagtrail.model.segment import Segment


@click.group
def segments() -> None:
    """List, show, create, edit, delete segments.

    Example:
      flagtrail segments list
    """


_WHEN = click.option("--when", metavar="JSON", help="The condition.")
_FILE = click.option("--file", "path", metavar="FILE", help="The condition from a file; - is standard input.")
_DESCRIPTION = click.option("--description", help="Who they are.")


@segments.command("list")
@asks
def list_segments(session: Session) -> None:
    """Every segment and its condition.

    Example:
      flagtrail segments list
    """

    def render(found: Documents) -> None:
        rows = [(each.subject.name, _words(each), each.document["description"]) for each in found.items]
        table(("segment", "when", "description"), rows, empty="There are no segments.")

    session.show(session.get(session.of_project("segments")), Documents, render)


def _words(held: Document) -> str:
    import msgspec

    return condition_words(msgspec.convert(held.document, Segment).when)


@segments.command("show")
@click.argument("segment")
@asks
def show_segment(session: Session, segment: str) -> None:
    """One segment.

    Example:
      flagtrail segments show early_access
    """

    def render(held: Document) -> None:
        facts(
            [
                ("segment", held.subject.name),
                ("description", held.document["description"]),
                ("when", _words(held)),
                ("version", f"{held.version}, since {time(held.effective)}"),
            ]
        )

    session.show(session.get(session.of_project("segments", segment)), Document, render)


@segments.command("create")
@click.argument("segment")
@_WHEN
@_FILE
@_DESCRIPTION
@says_why
@asks
def create_segment(
    session: Session, segment: str, *, when: str | None, path: str | None, description: str | None, **said: object
) -> None:
    """Make a segment.

    Example:
      flagtrail segments create pilots --when '{"attribute": "account", "operator": "in", "values": ["acme"]}'
    """
    condition = _condition(when, path)
    if condition is None:
        raise click.UsageError("Say who they are: --when JSON, or --file FILE.")
    document = {"key": segment, "when": condition, "description": description or ""}
    tell_change(session, session.send("POST", session.of_project("segments"), body(said, segment=document)))


@segments.command("edit")
@click.argument("segment")
@_WHEN
@_FILE
@_DESCRIPTION
@says_why
@if_version_option
@asks
def edit_segment(
    session: Session, segment: str, *, when: str | None, path: str | None, description: str | None, **said: object
) -> None:
    """Give a segment another condition or description.

    Every flag that follows it changes with it; its history will say so.

    Example:
      flagtrail segments edit pilots --file when.json --why "BILL-415 two more"
    """
    condition = _condition(when, path)
    if condition is None and description is None:
        raise click.UsageError("Nothing to change was named.")
    held = session.get(session.of_project("segments", segment)).read(Document)
    document = dict(held.document)
    if condition is not None:
        document["when"] = condition
    if description is not None:
        document["description"] = description
    if said.get("if_version") is None:
        said["if_version"] = held.version  # the condition is replaced whole, so it must be the one that was read
    tell_change(session, session.send("PUT", session.of_project("segments", segment), body(said, segment=document)))


@segments.command("delete")
@click.argument("segment")
@says_why
@if_version_option
@asks
def delete_segment(session: Session, segment: str, **said: object) -> None:
    """Delete a segment that no flag names.

    Example:
      flagtrail segments delete pilots --why "nobody follows it"
    """
    tell_change(session, session.send("DELETE", session.of_project("segments", segment), body(said)))


def _condition(when: str | None, path: str | None) -> Any:  # noqa: ANN401 - a JSON value
    if when is not None and path is not None:
        raise click.UsageError("--when and --file are two ways to say one thing: use one.")
    if path is not None:
        return json_file(path)
    return None if when is None else json_text(when, "--when")


COMMANDS = {"segments": segments}
