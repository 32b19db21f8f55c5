"""Copying the database while it serves: backup."""

from __future__ import annotations

import os
from pathlib import Path
from urllib.parse import urlsplit

import click
import msgspec

from flagtrail.cli.called import command_name
from flagtrail.cli.output import facts, print_json, progress, say
from flagtrail.cli.session import NoDatabase, local_settings


@click.command
@click.option("--out", required=True, metavar="FILE", type=click.Path(path_type=Path), help="The copy; a new file.")
@click.option("as_json", "--json", is_flag=True, help="Print JSON, for machines.")
def backup(*, out: Path, as_json: bool) -> None:
    """Copy the database while it serves, and read the copy through.

    For SQLite, on the machine that holds the file; PostgreSQL has pg_dump. The
    signing key is not copied: keep it elsewhere (docs/how-to/backup.md).

    Example:
      flagtrail backup --out backups/flagtrail-2026-12-01.db
    """
    from flagtrail.app.backup import back_up

    settings = local_settings(os.environ)
    parts = urlsplit(settings.database)
    source = Path(parts.path.removeprefix("/"))
    if parts.scheme == "sqlite" and not (source.exists() and source.stat().st_size):
        raise NoDatabase(f"{source} does not exist, or is empty", path=str(source))
    with progress("Reading the copy") as tick:
        made = back_up(settings.database, out, tick)
    if as_json:
        print_json(msgspec.json.encode(made))
        return
    facts([("file", made.file), ("entries", f"{made.size:,}"), ("root", made.root)])
    key = settings.key_path
    if key is not None:
        say(f"\nNot in it: the signing key, {key}. Keep a copy of that elsewhere, once.")
    say(f"After restoring it, compare: {command_name()} doctor", "dim")


COMMANDS = {"backup": backup}
