"""Flags: list, show, create, edit, archive, restore, delete."""

from __future__ import annotations

from typing import Any, get_args

import click
import msgspec
from rich.text import Text

from flagtrail.changes.diff import condition_words, serve_words
from flagtrail.cli.entries import tell_change
from flagtrail.cli.inputs import json_file, named_values
from flagtrail.cli.options import asks, if_version_option, says_why
from flagtrail.cli.output import facts, indented, print_json, roomy, say, table, time
from flagtrail.cli.session import Session
from flagtrail.cli.targeting import body
from flagtrail.cli.views import Document, Documents, FlagItem, FlagPage
from flagtrail.model.errors import NotFound
from flagtrail.model.flag import FlagType, LifecycleKind
from flagtrail.model.targeting import Targeting

_TWO = 2
TYPES, KINDS = get_args(FlagType), get_args(LifecycleKind)


@click.group
def flags() -> None:
    """List, show, create, edit, archive, restore, delete.

    Example:
      flagtrail flags list --tag critical
    """


@flags.command("list")
@click.option("--search", metavar="TEXT", help="In key, description, owner and tags.")
@click.option("--tag", help="Only with this tag.")
@click.option("--owner", metavar="TEAM", help="Only of this owner.")
@click.option("--kind", type=click.Choice(KINDS), help="Only of this lifecycle kind.")
@click.option("--archived", is_flag=True, help="Archived flags instead.")
@asks
def list_flags(session: Session, *, archived: bool, **filters: object) -> None:
    """Every flag, and what each environment serves.

    Example:
      flagtrail flags list --owner billing
    """
    answer = session.pages(session.of_project("flags"), archived="true" if archived else None, **filters)
    session.show(answer, FlagPage, _listed)


def _listed(page: FlagPage) -> None:
    environments = list(page.items[0].environments) if page.items else []
    besides = ("kind", "owner") if roomy() else ()
    rows: list[tuple[str | Text, ...]] = []
    for item in page.items:
        details = (item.flag.lifecycle.kind, item.flag.owner)[: len(besides)]
        rows.append((item.flag.key, *details, *(_served(item, environment) for environment in environments)))
    table(("flag", *besides, *environments), rows, empty="There are no such flags.")
    if rows:
        say(f"{len(rows)} flags. on +2: on for whom neither of two rules picks out.", "dim")


def _served(item: FlagItem, environment: str) -> Text:
    served = item.environments[environment]
    if not served.enabled:
        return Text("disabled", style="dim")
    parts = [part for part in served.serve.split(", ") if not part.endswith(" 0 %")]
    words = parts[0].removesuffix(" 100 %") if len(parts) <= _TWO else f"{len(parts)} variants"
    return Text(f"{words} +{served.rules}" if served.rules else words, style="green")


@flags.command("show")
@click.argument("flag")
@asks
def show_flag(session: Session, flag: str) -> None:
    """One flag, and how each environment serves it.

    With --json: the documents, as `target --file` and `create --file` take them.

    Example:
      flagtrail flags show new_pricing
    """
    held = session.get(session.of_project("flags", flag)).read(Document)
    environments = session.get(session.of_project("environments")).read(Documents)
    targetings = {
        key: session.get(session.of_project("flags", flag, "environments", key)).read(Document).document
        for key in (each.subject.name for each in environments.items)
    }
    if session.as_json:
        print_json_of({"flag": held.document, "version": held.version, "targeting": targetings})
        return
    document = held.document
    lifecycle = document["lifecycle"]
    until = f", to be removed by {lifecycle['remove_by']}" if lifecycle.get("remove_by") else ""
    facts(
        [
            ("flag", f"{document['key']}{' (archived)' if document['archived'] else ''}"),
            ("description", document["description"]),
            ("owner", document["owner"]),
            ("tags", ", ".join(document["tags"])),
            ("kind", f"{lifecycle['kind']}{until}"),
            ("variants", "; ".join(f"{name} = {compact(value)}" for name, value in document["variants"].items())),
            ("version", f"{held.version}, since {time(held.effective)}"),
        ]
    )
    for environment, targeting in targetings.items():
        say("")
        _tell_targeting(environment, msgspec.convert(targeting, Targeting))


def _tell_targeting(environment: str, targeting: Targeting) -> None:
    say(
        f"{environment}: {'enabled' if targeting.enabled else f'disabled, everybody gets {targeting.off_variant}'}",
        "bold",
    )
    for each in targeting.prerequisites:
        say(f"  needs {each.flag} = {' or '.join(each.variants)}")
    for number, rule in enumerate(targeting.rules, 1):
        indented(f"{number}. {rule.description or rule.id}: {serve_words(rule.serve)}", 2)
        indented(f"where {condition_words(rule.when)}", 5)
    say(f"  {'else' if targeting.rules else 'everybody'}: {serve_words(targeting.fallthrough)}")


def compact(value: object) -> str:
    """A JSON value on one line."""
    return msgspec.json.encode(value).decode()


def print_json_of(value: object) -> None:
    """A JSON value, indented."""
    print_json(msgspec.json.encode(value))


@flags.command("create")
@click.argument("flag")
@click.option("--type", "type_", type=click.Choice(TYPES), default="boolean", show_default=True, help="Of its values.")
@click.option(
    "--variant", "variants", multiple=True, metavar="NAME=JSON", help="A variant; boolean flags have on, off."
)
@click.option("--description", default="", help="What it is for.")
@click.option("--owner", default="", help="Whose it is.")
@click.option("--tag", "tags", multiple=True, help="A tag; repeatable.")
@click.option("--kind", type=click.Choice(KINDS), default="release", show_default=True, help="How long it is to live.")
@click.option("--remove-by", metavar="DATE", help="When it is to be gone.")
@says_why
@asks
def create_flag(  # noqa: PLR0913 - each is an option
    session: Session,
    flag: str,
    *,
    type_: str,
    variants: tuple[str, ...],
    kind: str,
    remove_by: str | None,
    description: str,
    owner: str,
    tags: tuple[str, ...],
    **said: object,
) -> None:
    """Make a flag, off everywhere.

    Example:
      flagtrail flags create new_search --owner data --tag search
      flagtrail flags create button --type string --variant a=blue --variant b=green
    """
    given = named_values(variants, "--variant")
    if not given and type_ == "boolean":
        given = {"on": True, "off": False}
    if not given:
        raise click.UsageError(f"A flag of type {type_} needs its variants: --variant name=value, twice or more.")
    document = {
        "key": flag,
        "type": type_,
        "variants": given,
        "description": description,
        "owner": owner,
        "tags": sorted(set(tags)),
        "lifecycle": {"kind": kind, "remove_by": remove_by},
    }
    tell_change(session, session.send("POST", session.of_project("flags"), body(said, flag=document)))


@flags.command("edit")
@click.argument("flag")
@click.option("--description", help="What it is for.")
@click.option("--owner", help="Whose it is.")
@click.option("--tag", "tags", multiple=True, help="A tag to add; repeatable. It keeps those that it has.")
@click.option("--untag", "untags", multiple=True, metavar="TAG", help="A tag to remove; repeatable.")
@click.option("--variant", "variants", multiple=True, metavar="NAME=JSON", help="A variant to add or to change.")
@click.option("--kind", type=click.Choice(KINDS), help="How long it is to live.")
@click.option("--remove-by", metavar="DATE", help="When it is to be gone.")
@click.option("--patch", "path", metavar="FILE", help="A JSON Merge Patch (RFC 7396); - is standard input.")
@says_why
@if_version_option
@asks
def edit_flag(  # noqa: PLR0913 - each is an option
    session: Session,
    flag: str,
    *,
    tags: tuple[str, ...],
    untags: tuple[str, ...],
    variants: tuple[str, ...],
    kind: str | None,
    remove_by: str | None,
    path: str | None,
    description: str | None,
    owner: str | None,
    **said: object,
) -> None:
    """Change what is the same in all environments.

    Example:
      flagtrail flags edit new_search --remove-by 2027-01-31 --why "put off once"
      flagtrail flags edit new_search --tag critical --untag needs-cleanup
    """
    patch: dict[str, Any] = {} if path is None else json_file(path)
    if not isinstance(patch, dict):
        raise click.UsageError("--patch: a merge patch is a JSON object.")
    patch |= {name: value for name, value in {"description": description, "owner": owner}.items() if value is not None}
    lifecycle = {name: value for name, value in {"kind": kind, "remove_by": remove_by}.items() if value is not None}
    if lifecycle:
        patch["lifecycle"] = {**patch.get("lifecycle", {}), **lifecycle}
    if variants:
        patch["variants"] = {**patch.get("variants", {}), **named_values(variants, "--variant")}
    if not patch and not tags and not untags:
        raise click.UsageError("Nothing to change was named.")
    if tags or untags:
        present = patch.get("tags") if "tags" in patch else _present_tags(session, flag, said)
        patch["tags"] = _retagged(present or [], tags, untags)
    tell_change(session, session.send("PATCH", session.of_project("flags", flag), body(said, patch=patch)))


def _present_tags(session: Session, flag: str, said: dict[str, object]) -> list[str]:
    """The flag's tags. A merge patch replaces a list whole, so the change then rests on the version that was read."""
    held = session.get(session.of_project("flags", flag)).read(Document)
    if said.get("if_version") is None:
        said["if_version"] = held.version
    tags: list[str] = held.document["tags"]
    return tags


def _retagged(present: list[str], tags: tuple[str, ...], untags: tuple[str, ...]) -> list[str]:
    """The tags with some added and some removed; raises NotFound for one to remove that is not there."""
    both = sorted({*tags} & {*untags})
    if both:
        raise click.UsageError(f"--tag and --untag both name {both[0]!r}.")
    absent = sorted({*untags} - {*present})
    if absent:
        raise NotFound(f"there is no tag {absent[0]!r}; the flag has {', '.join(present) or 'none'}", tag=absent[0])
    return sorted({*present, *tags} - {*untags})


@flags.command
@click.argument("flag")
@click.option("--commit", metavar="HASH", help="The commit that removed it from the code.")
@says_why
@if_version_option
@asks
def archive(session: Session, flag: str, commit: str | None, **said: object) -> None:
    """Put a flag away: it is served no more, and keeps all it had.

    Example:
      flagtrail flags archive new_search --why "removed from the code" --commit 1c0ffee
    """
    named = {} if commit is None else {"commit": commit.lower()}
    tell_change(session, session.send("POST", session.of_project("flags", flag, "archive"), body(said, **named)))


@flags.command
@click.argument("flag")
@says_why
@asks
def restore(session: Session, flag: str, **said: object) -> None:
    """Bring back an archived or a deleted flag, as it was.

    Example:
      flagtrail flags restore new_search --why "an old app still reads it"
    """
    tell_change(session, session.send("POST", session.of_project("flags", flag, "restore"), body(said)))


@flags.command
@click.argument("flag")
@says_why
@if_version_option
@asks
def delete(session: Session, flag: str, **said: object) -> None:
    """Delete a flag; its history stays.

    Example:
      flagtrail flags delete new_search --why "archived for a month"
    """
    tell_change(session, session.send("DELETE", session.of_project("flags", flag), body(said)))


COMMANDS = {"flags": flags}
