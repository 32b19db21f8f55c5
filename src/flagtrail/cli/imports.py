"""Bringing in flags and their history: import."""

from __future__ import annotations

from pathlib import Path

import click
import msgspec

from flagtrail.cli.options import asks, environment_option, says_why
from flagtrail.cli.output import facts, indented, progress, say
from flagtrail.cli.session import Session
from flagtrail.cli.targeting import body


class Imported(msgspec.Struct, frozen=True):
    """What an import did, or would do."""

    versions: int
    skipped: int
    entries: int
    flags: tuple[str, ...]
    notes: tuple[str, ...]
    dry_run: bool


@click.command("import")
@click.argument("kind")
@click.argument("source")
@click.option("--path", default="", metavar="FILE", help="git: the flag file inside the repository.")
@click.option("--branch", default="HEAD", show_default=True, help="git: what to follow.")
@click.option("format_", "--format", default="flagd", show_default=True, help="git: the kind of the file.")
@click.option("--strict", is_flag=True, help="Refuse the source where anything would be left out.")
@click.option(
    "--bucketing",
    type=click.Choice(("flagd_v1", "flagd_v2")),
    default="flagd_v2",
    show_default=True,
    help="The generation of flagd's fractional.",
)
@click.option("--name", metavar="TEXT", help="What the source is called in the ledger.  [default: its last part]")
@click.option("--dry-run", is_flag=True, help="Say what would be done, and do nothing.")
@environment_option
@says_why
@asks
def import_(  # noqa: PLR0913 - each is an option
    session: Session,
    kind: str,
    source: str,
    *,
    path: str,
    branch: str,
    format_: str,
    strict: bool,
    bucketing: str,
    name: str | None,
    dry_run: bool,
    environment: str,
    **said: object,
) -> None:
    """Bring in flags and their history.

    KIND is git (the history of a flag file, or a folder of versions) or flagd
    (one file). Each version becomes entries with its author and its time, so
    questions about the past work on it; what came in earlier is skipped.

    Example:
      flagtrail import git ../our-flags --path flags.json --dry-run
    """
    from flagtrail import importers

    options = importers.Options(path=path, format=format_, branch=branch, strict=strict, bucketing=bucketing)
    versions = []
    with progress("Reading") as tick:
        for version in importers.load(kind).read(source, options):
            versions.append(version)
            tick(len(versions))
    called = name or ":".join(filter(None, (kind, Path(source).resolve().name, path)))
    request = body(said, environment=environment, source=called, versions=versions, dry_run=dry_run)
    with progress("Importing"):
        answer = session.send("POST", session.of_project("import"), request)
    session.show(answer, Imported, _tell)


def _tell(found: Imported) -> None:
    would = "would be " if found.dry_run else ""
    if not found.versions:
        say(f"Nothing new: all {found.skipped} versions came in earlier.")
        return
    facts(
        [
            ("versions", f"{found.versions}{f', and {found.skipped} that came in earlier' if found.skipped else ''}"),
            ("entries", f"{found.entries} {would}appended"),
            ("flags", str(len(found.flags))),
        ]
    )
    indented(", ".join(found.flags), 2)
    if found.notes:
        say("\nNot carried over exactly:", "bold")
        for note in found.notes:
            indented(f"- {note}", 2)


COMMANDS = {"import": import_}
