"""Checking an installation: doctor."""

from __future__ import annotations

import click
import msgspec

from flagtrail.cli.options import asks
from flagtrail.cli.output import facts, print_json, say
from flagtrail.cli.session import Session
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
    whether the project exists. The first thing that is wrong is told.

    Example:
      flagtrail doctor --server https://flags.example.com
    """
    me = session.get(session.of("me")).read(Me)
    checkpoint = session.get(session.of("ledger", "checkpoint")).body.decode().splitlines()
    key = session.get(session.of("ledger", "key")).body.decode().strip()
    session.get(session.of_project())
    told = {
        "server": session.server or "none: the database in this folder",
        "you are": f"{me.actor.name or me.actor.id} ({me.role or 'no role'})",
        "ledger": f"{checkpoint[0]}, {checkpoint[1]} entries, signed",
        "root": checkpoint[2],
        "key": key,
        "project": session.project,
    }
    if session.as_json:
        print_json(msgspec.json.encode(told))
        return
    facts(list(told.items()))
    say("\nAll is well.", "green")


COMMANDS = {"doctor": doctor}
