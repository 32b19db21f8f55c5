"""Members: list, create, edit, login-link, password."""

from __future__ import annotations

import sys
from typing import get_args

import click
import msgspec

from flagtrail.cli.entries import tell_change
from flagtrail.cli.options import asks, if_version_option, says_why
from flagtrail.cli.output import roomy, say, table
from flagtrail.cli.session import Session
from flagtrail.cli.targeting import body
from flagtrail.cli.views import Documents
from flagtrail.model.access import Role


class LoginLink(msgspec.Struct, frozen=True):
    """A link that signs a member in once."""

    url: str
    hours: int


class Done(msgspec.Struct, frozen=True):
    """It was done."""

    done: bool


@click.group
def members() -> None:
    """List, create, edit members; login links.

    Example:
      flagtrail members list
    """


_ROLE = click.option("--role", type=click.Choice(get_args(Role)), help="Everywhere.  [default: viewer]")


@members.command("list")
@asks
def list_members(session: Session) -> None:
    """Everybody with an account.

    Example:
      flagtrail members list
    """

    def render(found: Documents) -> None:
        rows = []
        for document in (each.document for each in found.items):
            grants = ", ".join(
                f"{grant['role']} in {'/'.join(filter(None, (grant['project'], grant['environment'])))}"
                for grant in document["grants"]
            )
            role = document["role"] if document["active"] else "locked out"
            rows.append((document["key"], document["name"], role, document["email"], grants))
        shown = 5 if roomy() else 4
        columns = ("member", "name", "role", "e-mail", "besides")[:shown]
        table(columns, [row[:shown] for row in rows], empty="There are no members.")

    session.show(session.get(session.of("members")), Documents, render)


@members.command("create")
@click.argument("key")
@click.option("--name", required=True, help="What people call them.")
@click.option("--email", required=True, help="By which they sign in.")
@_ROLE
@says_why
@asks
def create_member(session: Session, key: str, *, name: str, email: str, role: str | None, **said: object) -> None:
    """Make an account.

    A login link lets them in: `flagtrail members login-link KEY`.

    Example:
      flagtrail members create maya --name "Maya Lindqvist" --email maya@example.com --role editor
    """
    document = {"key": key, "name": name, "email": email, "role": role or "viewer"}
    tell_change(session, session.send("POST", session.of("members"), body(said, member=document)))


@members.command("edit")
@click.argument("key")
@click.option("--name", help="What people call them.")
@click.option("--email", help="By which they sign in.")
@_ROLE
@click.option("--active/--locked", default=None, help="Whether they may come in.")
@says_why
@if_version_option
@asks
def edit_member(session: Session, key: str, **given: object) -> None:
    """Change an account: its name, its role, whether it may come in.

    Example:
      flagtrail members edit maya --role approver --why "knows production by now"
    """
    parts = {name: given.pop(name) for name in ("name", "email", "role", "active")}
    patch = {name: value for name, value in parts.items() if value is not None}
    if not patch:
        raise click.UsageError("Nothing to change was named.")
    tell_change(session, session.send("PATCH", session.of("members", key), body(given, patch=patch)))


@members.command("login-link")
@click.argument("key")
@asks
def login_link(session: Session, key: str) -> None:
    """A link that signs a member in, once.

    Example:
      flagtrail members login-link owner
    """

    def render(link: LoginLink) -> None:
        say(link.url, "bold")
        say(f"It works once, within {link.hours} hours.", "dim")

    session.show(session.send("POST", session.of("members", key, "login-link")), LoginLink, render)


@members.command("password")
@click.argument("key")
@asks
def password(session: Session, key: str) -> None:
    """Set a member's password; it is asked for, or read from standard input.

    Example:
      flagtrail members password maya
    """
    secret = (
        click.prompt("Password (12 characters or more)", hide_input=True, confirmation_prompt=True, err=True)
        if sys.stdin.isatty()
        else sys.stdin.readline().rstrip("\r\n")
    )
    answer = session.send("POST", session.of("members", key, "password"), {"password": secret})
    session.show(answer, Done, lambda _: say("done"))


COMMANDS = {"members": members}
