"""When a flag was on, and for whom: exposure."""

from __future__ import annotations

from collections.abc import Sequence

import click
from rich.text import Text

from flagtrail.analysis.exposure import Cause, Exposure, Interval
from flagtrail.cli.options import asks, environment_option
from flagtrail.cli.output import console, emit, indented, say, time
from flagtrail.cli.session import Session
from flagtrail.model.actor import Actor


@click.command
@click.argument("flag")
@click.option("--where", default="", metavar="k=v,...", help="The segment: what is left out is unknown, not absent.")
@click.option("--since", metavar="TIME", help="From this time on.")
@click.option("--until", metavar="TIME", help="Before this time.")
@environment_option
@asks
def exposure(
    session: Session, flag: str, *, where: str, since: str | None, until: str | None, environment: str
) -> None:
    """When a flag was on, and for whom.

    For each stretch of time, the share of each variant for the contexts that
    --where describes, and the change that began it; computed from the rules.

    Example:
      flagtrail exposure new_pricing --where plan=enterprise
    """
    address = session.of_project("flags", flag, "environments", environment, "exposure")
    answer = session.get(address, where=where, since=since, until=until)

    def render(found: Exposure) -> None:
        say(f"{found.flag} in {found.environment}, for {where or 'everybody'}")
        known = [each for each in found.intervals if each.answer.standing != "missing" or each.cause is not None]
        for interval in known:
            say("")
            tell_interval(interval)
        if not known:
            say("Nothing is known of that time.")

    session.show(answer, Exposure, render)


def tell_interval(interval: Interval) -> None:
    """One stretch of time: from when to when, what was served, and what began it."""
    conditional = len(interval.answer.cases) > 1
    shares = [f"{each.variant}: {each.words}" for each in interval.shares] if conditional else []
    span(interval.start, interval.end, interval.answer.words, interval.cause, shares)


def span(start: str, end: str | None, words: str, cause: Cause | None, more: Sequence[str] = ()) -> None:
    """A stretch of time and what held in it, with more lines on it; who began it, why, and who approved."""
    until = time(end) if end else "now".ljust(20)
    line = Text.assemble(f"{time(start)} to {until}  ", (words, "bold"))
    if len(line) > console().width:
        say(f"{time(start)} to {until}")
        indented(words, 5, "bold")
    else:
        emit(line)
    for each in more:
        indented(each, 5)
    if cause is not None:
        indented(f"{person(cause.actor)}, entry {cause.seq}: {'; '.join(cause.words)}", 5)
        if cause.why:
            indented(f"why: {cause.why}", 5, "italic")
        if cause.approval:
            indented(f"approved: {cause.approval}", 5)


def person(actor: Actor) -> str:
    """The person: the author on whose behalf an import acted, else the actor."""
    return actor.for_.name if actor.for_ is not None else actor.name or actor.id


COMMANDS = {"exposure": exposure}
