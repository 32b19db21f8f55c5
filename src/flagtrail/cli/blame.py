"""Which changes altered what a context got: blame."""

from __future__ import annotations

import click
import msgspec
from rich.text import Text

from flagtrail.analysis.blame import Band, Blame, Edge, FlagBlame
from flagtrail.cli.exposure import person
from flagtrail.cli.inputs import context as read_context
from flagtrail.cli.options import asks, environment_option
from flagtrail.cli.output import emit, indented, say, time
from flagtrail.cli.session import Session
from flagtrail.model.resolution import Resolution


@click.command
@click.argument("flag", required=False)
@click.option("--context", "given", default="", metavar="JSON|k=v,...", help="Who asked: targetingKey and attributes.")
@click.option("--since", metavar="TIME", help="From this time on; without it, from the first change on.")
@click.option("--until", metavar="TIME", help="Before this time.")
@click.option("--reasons", is_flag=True, help="Also changes that altered only the reason or the rule.")
@environment_option
@asks
def blame(
    session: Session,
    flag: str | None,
    *,
    given: str,
    since: str | None,
    until: str | None,
    reasons: bool,
    environment: str,
) -> None:
    """Which changes altered what a context got.

    Without FLAG: every flag. A change of a segment or of another flag is traced to the flag that it altered.

    Example:
      flagtrail blame new_pricing --context plan=pro,targetingKey=acct_2 --since 2026-11-21
    """
    question = {
        "environment": environment,
        "flag": flag,
        "context": read_context(given),
        "since": since,
        "until": until,
        "reasons": reasons,
    }
    answer = session.send("POST", session.of_project("blame"), question, reads=True)
    session.show(answer, Blame, _show)


def _show(found: Blame) -> None:
    context = msgspec.json.encode(found.context).decode()
    say(f"{found.flag or 'All flags'} in {found.environment}, for {context}")
    changed = [each for each in found.flags if each.edges]
    shown = changed if found.flag is None else list(found.flags)
    for each in shown:
        say("")
        _flag(each, named=found.flag is None)
    still = len(found.flags) - len(shown)
    if still:
        say("")
        say(f"{still} other {'flag' if still == 1 else 'flags'} gave the same answer all the time.")
    if not found.flags:
        say("There were no flags then.")


def _flag(found: FlagBlame, *, named: bool) -> None:
    if named:
        say(found.flag, "bold")
    for band in found.bands:
        _band(band)


def _band(band: Band) -> None:
    until = time(band.end) if band.end else "now".ljust(20)
    emit(Text.assemble(f"{time(band.start)} to {until}  ", (got_words(band.got), "bold")))
    if band.edge is not None:
        _edge(band.edge)


def _edge(edge: Edge) -> None:
    cause = edge.cause
    indented(f"{person(cause.actor)}, entry {cause.seq}: {'; '.join(cause.words)}", 5)
    if edge.trace:
        indented(f"through {' -> '.join(edge.trace)}", 5)
    if edge.also:
        indented(f"together with {', '.join(f'entry {seq}' for seq in edge.also)}", 5)
    if cause.why:
        indented(f"why: {cause.why}", 5, "italic")


def got_words(got: Resolution | None) -> str:
    """An answer in words: its value, its variant where the value does not say it, and why."""
    if got is None:
        return "unknown: before the record"
    if got.error is not None:
        return f"the caller's default ({got.error})"
    value = msgspec.json.encode(got.value).decode()
    rule = f", rule {got.rule}" if got.rule else ""
    return f"{value} ({got.variant}: {got.reason}{rule})"


COMMANDS = {"blame": blame}
