"""A flag's rollout, step by step: history."""

from __future__ import annotations

import click

from flagtrail.analysis.rollout import RolloutHistory
from flagtrail.cli.exposure import span
from flagtrail.cli.options import asks, environment_option
from flagtrail.cli.output import say
from flagtrail.cli.session import Session


@click.command
@click.argument("flag")
@environment_option
@asks
def history(session: Session, flag: str, environment: str) -> None:
    """A flag's rollout, step by step.

    Oldest first: from when to when which share was served to those whom no
    rule picks out, who took the step, and why.

    Example:
      flagtrail history new_pricing
    """
    address = session.of_project("flags", flag, "environments", environment, "rollout-history")

    def render(found: RolloutHistory) -> None:
        say(f"{found.flag} in {found.environment}, step by step")
        for step in (each for each in found.steps if each.standing != "missing" or each.cause is not None):
            say("")
            span(step.start, step.end, step.words, step.cause)

    session.show(session.get(address), RolloutHistory, render)


COMMANDS = {"history": history}
