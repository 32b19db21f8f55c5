"""What the command line says when something is refused: what, the facts, the remedy."""

from __future__ import annotations

import sys
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import click
import msgspec

from flagtrail.model.errors import FlagtrailError

EXIT_DONE, EXIT_REFUSED, EXIT_USAGE = 0, 1, 2
USAGE_CODES = frozenset({"setting_invalid", "invalid_query", "malformed_request"})
"""Refusals of how something was asked rather than of what was asked."""

TIMES = frozenset({"since", "until", "at", "from", "to"})
"""The parameters that are times: for any other one the remedy of a bad question does not speak of them."""

_WIDTH = 78


class Refused(FlagtrailError):
    """The server's refusal, as its problem document tells it (RFC 9457)."""

    def __init__(self, members: Mapping[str, Any]) -> None:
        known = {"type", "title", "status", "detail", "code", "remedy", "instance"}
        super().__init__(str(members.get("detail", "")), **{k: v for k, v in members.items() if k not in known})
        self.problem_code = str(members.get("code", "error"))
        self.problem_title = str(members.get("title", "The server refused"))
        self.problem_remedy = str(members.get("remedy", ""))


def wants_json(arguments: Sequence[str]) -> bool:
    """Whether the command line asks for JSON: refusals are then told as JSON too."""
    return "--json" in arguments


def tell_refusal(error: FlagtrailError, *, as_json: bool = False) -> int:
    """Print a refusal on standard error; the exit code."""
    code, title, remedy = error.code, error.title, error.remedy
    if isinstance(error, Refused):
        code, title, remedy = error.problem_code, error.problem_title, error.problem_remedy
    parameter = error.facts.get("parameter")
    if code == "invalid_query" and parameter is not None and parameter not in TIMES:
        remedy = remedy.partition(". ")[0].removesuffix(".") + "."  # what follows is an example of a time
    if as_json:
        members = {"code": code, "title": title, "detail": error.detail, "remedy": remedy, **error.facts}
        click.echo(msgspec.json.format(msgspec.json.encode(members, enc_hook=str)).decode(), err=True)
    else:
        colour = sys.stderr.isatty()
        click.echo(click.style(f"{title}.", bold=True, fg="red") if colour else f"{title}.", err=True)
        for line in _lines(error, remedy):
            click.echo(line, err=True)
    return EXIT_USAGE if code in USAGE_CODES else EXIT_REFUSED


def _lines(error: FlagtrailError, remedy: str) -> Iterator[str]:
    defects = error.facts.get("defects")
    if isinstance(defects, list):
        for defect in defects:
            yield from _wrapped(f"{defect.get('path') or '/'}: {defect.get('message')}", "  - ")
    else:
        yield from _wrapped(error.detail, "  ")
    differences = error.facts.get("diff")
    for difference in differences if isinstance(differences, list) else ():
        who, when = difference.get("actor") or "somebody", str(difference.get("time"))[:19].replace("T", " ")
        paths = ", ".join(difference.get("paths") or ())
        yield from _wrapped(f"entry {difference.get('seq')}, {when}Z, {who}: {paths} ({difference.get('why')})", "  - ")
    if remedy:
        yield from _wrapped(remedy, "  > ")


def _wrapped(text: str, indent: str) -> list[str]:
    blank = " " * len(indent)
    return textwrap.wrap(
        text, _WIDTH, initial_indent=indent, subsequent_indent=blank, break_long_words=False, break_on_hyphens=False
    ) or [indent.rstrip()]


def tell_usage(error: click.ClickException) -> int:
    """Print what was wrong with the command line, and where its help is."""
    context = getattr(error, "ctx", None)
    click.echo(f"{error.format_message()}", err=True)
    if context is not None and not isinstance(error, click.exceptions.NoArgsIsHelpError):
        click.echo(f"  > {context.command_path} --help", err=True)
    return EXIT_USAGE
