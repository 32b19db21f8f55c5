"""Tokens: list, create, revoke."""

from __future__ import annotations

import re
import sys
from datetime import UTC, datetime, timedelta
from typing import get_args

import click

from flagtrail.cli.entries import tell_change
from flagtrail.cli.options import asks, says_why
from flagtrail.cli.output import say, table
from flagtrail.cli.session import Session
from flagtrail.cli.targeting import body
from flagtrail.cli.views import Changed, Documents
from flagtrail.model.access import Role, TokenKind


@click.group
def tokens() -> None:
    """List, create, revoke tokens.

    Example:
      flagtrail tokens list
    """


@tokens.command("list")
@asks
def list_tokens(session: Session) -> None:
    """Every token, without its secret.

    Example:
      flagtrail tokens list
    """

    def render(found: Documents) -> None:
        rows = []
        for document in (each.document for each in found.items):
            scope = "/".join(part for part in (document["project"], document["environment"]) if part) or "everything"
            state = "revoked" if document["revoked"] else (document["expires_at"] or "good")
            role = document["role"] if document["kind"] == "admin" else ""
            rows.append((document["key"], document["kind"], role, scope, state))
        table(("token", "kind", "role", "for", "state"), rows, empty="There are no tokens.")

    session.show(session.get(session.of("tokens")), Documents, render)


@tokens.command("create")
@click.argument("key")
@click.option(
    "--kind",
    type=click.Choice(get_args(TokenKind)),
    default="client",
    show_default=True,
    help="server: reads an environment's ruleset; client: evaluates there; admin: calls the API.",
)
@click.option("--role", type=click.Choice(get_args(Role)), help="An admin token's role.  [default: editor]")
@click.option("--env", "environment", metavar="KEY", help="Its environment.  [default: production, but for admin]")
@click.option("--all-projects", is_flag=True, help="An admin token for every project.")
@click.option("--name", default="", help="What people call it.")
@click.option("--expires", metavar="TIME|DAYSd", help="When it ends: a time, or 90d from now.")
@says_why
@asks
def create_token(  # noqa: PLR0913 - each is an option
    session: Session,
    key: str,
    *,
    kind: str,
    role: str | None,
    environment: str | None,
    all_projects: bool,
    name: str,
    expires: str | None,
    **said: object,
) -> None:
    """Make a token. Its secret is shown once.

    Example:
      flagtrail tokens create web --kind client --env production --expires 90d
    """
    admin = kind == "admin"
    if role is not None and not admin:
        raise click.UsageError("--role is for admin tokens; the others only read or evaluate.")
    if all_projects and not admin:
        raise click.UsageError("--all-projects is for admin tokens.")
    document = {
        "key": key,
        "kind": kind,
        "name": name,
        "project": None if all_projects else session.project,
        "environment": environment if admin else environment or "production",
        "role": role or "editor",
        "expires_at": _expiry(expires),
    }
    answer = session.send("POST", session.of("tokens"), body(said, token=document))

    def render(made: Changed) -> None:
        say(made.secret, "bold")
        if sys.stdout.isatty():  # elsewhere the secret stands alone, for scripts
            say("This secret is shown once; only its hash is kept.", "dim")

    session.show(answer, Changed, render)


def _expiry(text: str | None) -> str | None:
    if text is None:
        return None
    days = re.fullmatch(r"(\d{1,5})d", text)
    try:
        if days:
            moment = datetime.now(UTC) + timedelta(days=int(days[1]))
        else:
            moment = datetime.fromisoformat(text)
            moment = moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)
        return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    except (ValueError, OverflowError) as error:
        raise click.UsageError(f"--expires: {text!r} is neither a time nor a number of days such as 90d.") from error


@tokens.command("revoke")
@click.argument("key")
@says_why
@asks
def revoke_token(session: Session, key: str, **said: object) -> None:
    """End a token, at once and for good.

    Example:
      flagtrail tokens revoke web --why "was in a public repository"
    """
    tell_change(session, session.send("DELETE", session.of("tokens", key), body(said)))


COMMANDS = {"tokens": tokens}
