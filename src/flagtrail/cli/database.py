"""The database behind an installation: migrate, move."""

from __future__ import annotations

import os
import time

import click
import msgspec

from flagtrail import storage
from flagtrail.cli.output import facts, print_json, progress, say
from flagtrail.cli.session import local_settings
from flagtrail.storage import Examined

_JSON = click.option("as_json", "--json", is_flag=True, help="Print JSON, for machines.")


@click.command
@_JSON
def migrate(as_json: bool) -> None:
    """Bring the database's schema up to date, as its owner.

    A server does this by itself where its user owns the tables. Where it
    serves as a user with fewer rights, run this first, at each upgrade, with
    the owner in FLAGTRAIL_DATABASE. The group flagtrail_app is given what a
    server needs, and made where the owner may make roles.

    Example:
      flagtrail migrate
    """
    examined = storage.migrate(local_settings(os.environ).database)
    if as_json:
        print_json(msgspec.json.encode(examined))
        return
    facts(database_facts(examined))
    tell_advice(examined)
    say("\nThe schema is up to date.", "green")


@click.command
@click.option("--from", "source", metavar="URL", required=True, help="The database to copy from; it is not altered.")
@click.option("--to", "target", metavar="URL", required=True, help="An empty database.")
@_JSON
def move(source: str, target: str, as_json: bool) -> None:
    """Move an installation to another database, all of it.

    Stop the server first. Entries with their values, documents, usage,
    tokens, sessions: everything is copied; then what arrived is hashed again,
    and both ledgers have one checkpoint. It may be interrupted and called
    again. The key that signs the ledger is a file, and stays yours to carry.

    Example:
      flagtrail move --from sqlite:///flagtrail.db --to postgresql://owner@db/flagtrail
    """
    from flagtrail.app.move import move_database

    with progress("Copying entries") as tick:
        moved = move_database(source, target, now=time.time(), progress=tick)
    if as_json:
        print_json(msgspec.json.encode(moved))
        return
    facts(
        [
            ("ledger", moved.origin),
            ("entries", f"{moved.size}, of which {moved.entries} were copied now"),
            ("root", moved.root),
            ("cells", str(moved.cells)),
            ("usage", f"{moved.usage} rows, {moved.contexts} sampled contexts"),
        ]
    )
    say("\nBoth ledgers hash to this root: nothing was lost, nothing was altered.", "green")
    say("Serve on it with FLAGTRAIL_DATABASE, and the same key: FLAGTRAIL_KEY_FILE.", "dim")


def database_facts(examined: Examined) -> list[tuple[str, str]]:
    """What a database says of itself, by name."""
    newer = "" if examined.schema == examined.known else f" of {examined.known}"
    return [
        ("store", examined.store),
        ("database", examined.place),
        ("database user", examined.user),
        ("schema", f"{examined.schema}{newer}"),
        ("protection", examined.protection),
    ]


def tell_advice(examined: Examined) -> None:
    """What would make it better."""
    for each in examined.advice:
        say(f"  {each}", "yellow")


COMMANDS = {"migrate": migrate, "move": move}
