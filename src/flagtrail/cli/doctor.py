"""Checking an installation: doctor."""

from __future__ import annotations

import os

import click
import msgspec

from flagtrail import storage
from flagtrail.cli.database import database_facts, tell_advice
from flagtrail.cli.options import asks
from flagtrail.cli.output import facts, print_json, say
from flagtrail.cli.session import Session, local_settings
from flagtrail.model.actor import Actor


class Me(msgspec.Struct, frozen=True):
    """The caller."""

    actor: Actor
    role: str | None


@click.command
@asks
def doctor(session: Session) -> None:
    """Check this installation, and say what is wrong.

    Whether it answers, who you are there, whether the ledger can be signed,
    whether the project exists. The first thing that is wrong is told. Without
    a server, in process, also what the database says of itself: its store,
    its schema, and whether its user could alter the ledger.

    Example:
      flagtrail doctor --server https://flags.example.com
    """
    me = session.get(session.of("me")).read(Me)
    checkpoint = session.get(session.of("ledger", "checkpoint")).body.decode().splitlines()
    key = session.get(session.of("ledger", "key")).body.decode().strip()
    session.get(session.of_project())
    examined = None if session.server else storage.examine(local_settings(os.environ).database)
    told = {
        "server": session.server or "none: the database in this folder",
        "you are": f"{me.actor.name or me.actor.id} ({me.role or 'no role'})",
        "ledger": f"{checkpoint[0]}, {checkpoint[1]} entries, signed",
        "root": checkpoint[2],
        "key": key,
        "project": session.project,
        **({} if examined is None else dict(database_facts(examined))),
    }
    if session.as_json:
        print_json(msgspec.json.encode(told))
        return
    facts(list(told.items()))
    if examined is not None:
        tell_advice(examined)
    say("\nAll is well.", "green")


COMMANDS = {"doctor": doctor}
