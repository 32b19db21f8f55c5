"""What came of a change: impact."""

from __future__ import annotations

import click

from flagtrail.analysis.impact import Impact
from flagtrail.cli.options import asks
from flagtrail.cli.output import indented, say, time
from flagtrail.cli.session import Session

MARKS = {"rose": "red", "fell": "yellow", "no_clear_change": "green", "not_enough_data": "dim"}


@click.command
@click.argument("seq", type=click.IntRange(0))
@click.option(
    "metrics", "--metric", metavar="NAME", multiple=True, help="Only this metric; may be given several times."
)
@click.option("environment", "--env", metavar="KEY", help="The environment.  [default: the change's, or production]")
@click.option(
    "window",
    "--window",
    metavar="MINUTES",
    type=click.IntRange(5, 1_440),
    default=60,
    show_default=True,
    help="How long before, and after, the change.",
)
@asks
def impact(session: Session, seq: int, *, metrics: tuple[str, ...], environment: str | None, window: int) -> None:
    """What came of a change.

    Who was served otherwise, as the rules predict and as evaluations were counted, and which of the watched metrics
    moved more than they do at these hours anyway.

    Example:
      flagtrail impact 1482 --metric billing_errors --window 120
    """
    address = session.of_project("changes", str(seq), "impact")
    session.show(session.get(address, metric=metrics, environment=environment, window=window), Impact, _tell)


def _tell(found: Impact) -> None:
    say(f"Entry {found.seq} in {found.environment}, {time(found.at)}", "bold")
    say(found.words)
    for flag in found.flags:
        say("")
        say(flag.flag, "bold")
        if flag.rules_before != flag.rules_after:
            indented(f"before: {flag.rules_before}", 2)
            indented(f"after:  {flag.rules_after}", 2)
        for words in flag.words:
            indented(words, 2)
    if found.left_out:
        say(f"and {found.left_out:,} more flags")
    for metric in found.metrics:
        say("")
        say(metric.words, MARKS[metric.verdict])
    if found.metrics:
        say("")
        say(f"Compared: {time(found.since)} to {time(found.at)} with {time(found.at)} to {time(found.until)}.")
        if found.ended_by is not None:
            say(f"Entry {found.ended_by} changed the same flags then.")
    if found.meanwhile:
        say(f"Changes within the same hours: {', '.join(map(str, found.meanwhile))}.")


COMMANDS = {"impact": impact}
