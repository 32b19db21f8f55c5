"""Which changes altered what a context got: blame."""

from __future__ import annotations

from typing import Any

import click
import msgspec
from rich.text import Text

from flagtrail.analysis.blame import Band, Blame, Edge, FlagBlame
from flagtrail.analysis.exposure import Cause
from flagtrail.analysis.suspects import Suspects
from flagtrail.cli.exposure import person
from flagtrail.cli.inputs import context as read_context
from flagtrail.cli.options import asks, environment_option
from flagtrail.cli.output import emit, indented, say, time
from flagtrail.cli.session import Session
from flagtrail.model.resolution import Resolution

MAX_FLAGS = 5
"""Flags told of one suspect; --json has all."""


@click.command
@click.argument("flag", required=False)
@click.option("--context", "given", default="", metavar="JSON|k=v,...", help="Who asked: targetingKey and attributes.")
@click.option("--since", metavar="TIME", help="From this time on; without it, from the first change on.")
@click.option("--until", metavar="TIME", help="Before this time.")
@click.option("--reasons", is_flag=True, help="Also changes that altered only the reason or the rule.")
@click.option("--at", metavar="TIME", help="An incident: which changes before it altered what most people get.")
@click.option("--within", metavar="SPAN", help="How long before it: 30min, 2h, 1d; without it, 2h.")
@environment_option
@asks
def blame(
    session: Session,
    flag: str | None,
    *,
    at: str | None,
    within: str | None,
    environment: str,
    **asked: Any,  # noqa: ANN401 - options of all types
) -> None:
    """Which changes altered what a context got.

    Without FLAG: every flag. A change of a segment or of another flag is traced to the flag that it altered.
    With --at and nobody in particular: the suspects, ranked by how many people a change altered something for.

    Example:
      flagtrail blame new_pricing --context plan=pro,targetingKey=acct_2 --since 2026-11-21
    """
    if at is not None:
        if flag or any(asked.values()):
            raise click.UsageError("--at asks about everybody: leave out FLAG, --context, --since, --until, --reasons.")
        ranked = session.get(session.of_project("blame"), at=at, within=within, environment=environment)
        session.show(ranked, Suspects, _suspects)
        return
    if within is not None:
        raise click.UsageError("--within says how long before --at: name both.")
    context = read_context(asked.pop("given"))
    question = {"environment": environment, "flag": flag, "context": context, **asked}
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


def _suspects(found: Suspects) -> None:
    say(f"Changes in {found.environment} from {time(found.since)} to {time(found.at)}, the likeliest first")
    if found.source == "rules":
        say("No application has sampled contexts here: what follows is computed from the rules alone.")
    for place, each in enumerate(found.suspects, start=1):
        say("")
        emit(Text.assemble(f"{place}. {time(each.cause.time)}  ", (each.words, "bold")))
        _cause(each.cause, each.also)
        for shift in each.flags[:MAX_FLAGS]:
            indented(f"{shift.flag}: {shift.words}", 5)
        if len(each.flags) > MAX_FLAGS:
            indented(f"and {len(each.flags) - MAX_FLAGS} more flags", 5)
    say("")
    if not found.suspects:
        say("No change of that time altered what anybody gets.")
    if found.harmless:
        say(f"{found.harmless} other {'change' if found.harmless == 1 else 'changes'} altered nothing for anybody.")


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
    _cause(edge.cause, edge.also, edge.trace)


def _cause(cause: Cause, also: tuple[int, ...], trace: tuple[str, ...] = ()) -> None:
    about = "" if trace or cause.subject.kind != "segment" else f"segment {cause.subject.name}: "
    indented(f"{person(cause.actor)}, entry {cause.seq}: {about}{'; '.join(cause.words)}", 5)
    if trace:
        indented(f"through {' -> '.join(trace)}", 5)
    if also:
        indented(f"together with {', '.join(f'entry {seq}' for seq in also)}", 5)
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
