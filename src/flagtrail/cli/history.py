"""A flag's rollout, step by step: history."""

from __future__ import annotations

import sys

import click

from flagtrail.analysis.rollout import RolloutHistory, Step
from flagtrail.app.clock import stamp, utc_now
from flagtrail.cli.exposure import person
from flagtrail.cli.options import asks, environment_option
from flagtrail.cli.output import console, say, table, time
from flagtrail.cli.session import Session
from flagtrail.cli.step_chart import step_chart

COLUMNS = 72
"""Of a chart: fewer where the terminal has no room."""


@click.command
@click.argument("flag")
@environment_option
@asks
def history(session: Session, flag: str, environment: str) -> None:
    """A flag's rollout, step by step.

    A chart of the shares over time, for those whom no rule picks out; below it
    each step, oldest first: what is served since, who took the step, and why.

    Example:
      flagtrail history new_pricing
    """
    address = session.of_project("flags", flag, "environments", environment, "rollout-history")

    def render(found: RolloutHistory) -> None:
        say(f"{found.flag} in {found.environment}, step by step")
        steps = [each for each in found.steps if each.standing != "missing" or each.cause is not None]
        lines = step_chart(steps, end=stamp(utc_now()), width=_room())
        if lines:
            say("")
            sys.stdout.write("".join(f"{line}\n" for line in lines))
        say("")
        rows = [(time(each.start), each.words, *_taken(each)) for each in steps]
        table(("from", "served", "by", "entry", "why"), rows, empty="Nothing was ever served there.")

    session.show(session.get(address), RolloutHistory, render)


def _room() -> int:
    return max(min(COLUMNS, console().width - 24), 20)


def _taken(step: Step) -> tuple[str, str, str]:
    """Who took the step, the entry, and why; with the approval where there is one."""
    cause = step.cause
    if cause is None:
        return "", "", ""
    approved = f" (approved: {cause.approval})" if cause.approval else ""
    return person(cause.actor), f"#{cause.seq}", f"{cause.why}{approved}"


COMMANDS = {"history": history}
