"""Options that commands share, and the session that they open."""

from __future__ import annotations

import functools
import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import click

if TYPE_CHECKING:
    from flagtrail.cli.session import Session

Command: TypeAlias = Callable[..., Any]

_SERVER = click.option(
    "--server", metavar="URL", envvar="FLAGTRAIL_URL", show_envvar=True, help="Ask this server, not the local database."
)
_TOKEN = click.option("--token", metavar="TOKEN", envvar="FLAGTRAIL_TOKEN", show_envvar=True, help="Its credential.")
_PROJECT = click.option("--project", metavar="KEY", default="default", show_default=True, help="The project.")
_JSON = click.option("as_json", "--json", is_flag=True, help="Print JSON, for machines.")
environment_option = click.option(
    "environment", "--env", metavar="KEY", default="production", show_default=True, help="The environment."
)
_WHY = click.option("--why", default="", help="The reason; it stands in the ledger for ever.")
_TICKET = click.option("--ticket", default="", help="The ticket it belongs to.")
if_version_option = click.option(
    "if_version", "--if-version", type=click.IntRange(0), help="Refuse if it is not at this version any more."
)
repository_option = click.option(
    "--repo",
    metavar="PATH",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    default=".",
    show_default=True,
    help="A folder in the repository.",
)


def asks(command: Command) -> Command:
    """A command that asks a server: it is given a `Session`, closed when it is done."""

    @functools.wraps(command)
    def run(*, open_session: Callable[[], Session], as_json: bool, **rest: Any) -> Any:  # noqa: ANN401, ARG001 - the command's own; the session knows
        with open_session() as session:
            return command(session, **rest)

    return may_ask(run)


def may_ask(command: Command) -> Command:
    """A command that asks a server at times: it is given what opens a `Session`, which costs time."""

    @functools.wraps(command)
    def run(*, server: str | None, token: str | None, project: str, as_json: bool, **rest: Any) -> Any:  # noqa: ANN401 - the command's own
        def opened() -> Session:
            from flagtrail.cli.session import Session

            return Session(server=server, token=token, project=project, as_json=as_json, environ=os.environ)

        return command(open_session=opened, as_json=as_json, **rest)

    decorated: Command = run
    for option in (_TOKEN, _SERVER, _JSON, _PROJECT):
        decorated = option(decorated)
    return decorated


def says_why(command: Command) -> Command:
    """A command that changes something: it takes a reason and a ticket."""
    return _WHY(_TICKET(command))
