"""How a flag is served in one environment: enable, disable, rollout, target."""

from __future__ import annotations

import click

from flagtrail.cli.entries import tell_change
from flagtrail.cli.guards import guardable, guarded
from flagtrail.cli.inputs import json_file
from flagtrail.cli.options import asks, environment_option, if_version_option, says_why
from flagtrail.cli.session import Session


def _address(session: Session, flag: str, environment: str, *rest: str) -> str:
    return session.of_project("flags", flag, "environments", environment, *rest)


@click.command
@click.argument("flag")
@environment_option
@says_why
@guardable
@if_version_option
@asks
def enable(session: Session, flag: str, environment: str, **said: object) -> None:
    """Turn a flag on in one environment.

    Its rules and percentages then decide who gets it.

    Example:
      flagtrail enable new_pricing --env staging --why "BILL-412 test"
    """
    tell_change(session, session.send("POST", _address(session, flag, environment, "enable"), body(said)))


@click.command
@click.argument("flag")
@environment_option
@says_why
@guardable
@if_version_option
@asks
def disable(session: Session, flag: str, environment: str, **said: object) -> None:
    """Turn a flag off in one environment.

    Everybody then gets its off variant.

    Example:
      flagtrail disable new_pricing --why "INC-283 wrong totals"
    """
    tell_change(session, session.send("POST", _address(session, flag, environment, "disable"), body(said)))


@click.command
@click.argument("flag")
@click.argument("percent", type=float)
@click.option("--variant", help="The variant that gets the percentage; where left out, the one that has it now.")
@environment_option
@says_why
@guardable
@if_version_option
@asks
def rollout(session: Session, flag: str, percent: float, variant: str | None, environment: str, **said: object) -> None:
    """Set the percentage that gets a flag.

    Raising it takes the flag from nobody. It is about those whom no rule picks out.

    Example:
      flagtrail rollout new_pricing 25 --why "BILL-418 a quarter"
    """
    told = body(said, percent=percent, variant=variant)
    tell_change(session, session.send("POST", _address(session, flag, environment, "rollout"), told))


@click.command
@click.argument("flag")
@click.option("--file", "path", required=True, metavar="FILE", help="The targeting as JSON; - is standard input.")
@environment_option
@says_why
@guardable
@if_version_option
@asks
def target(session: Session, flag: str, path: str, environment: str, **said: object) -> None:
    """Set how a flag is served, from a file.

    The file holds the whole targeting; `flagtrail flags show FLAG --json` prints the present ones.

    Example:
      flagtrail target new_pricing --file targeting.json --why "BILL-415 pilots"
    """
    told = body(said, targeting=json_file(path))
    tell_change(session, session.send("PUT", _address(session, flag, environment), told))


def body(said: dict[str, object], **parts: object) -> dict[str, object]:
    """A mutation's body: why, ticket and version as they were given, and the operation's own parts."""
    version = said.get("if_version")
    told: dict[str, object] = {"why": said.get("why", ""), "ticket": said.get("ticket", ""), **parts}
    told |= guarded(said)
    return told if version is None else {**told, "version": version}


COMMANDS = {"enable": enable, "disable": disable, "rollout": rollout, "target": target}
