"""What came of a change: impact."""

from __future__ import annotations

import click

from flagtrail.analysis.anomaly import Anomaly
from flagtrail.analysis.impact import Impact
from flagtrail.cli.exposure import person
from flagtrail.cli.options import asks
from flagtrail.cli.output import indented, say, time
from flagtrail.cli.session import Session

MARKS = {"rose": "red", "fell": "yellow", "no_clear_change": "green", "not_enough_data": "dim"}


@click.command
@click.argument("seq", type=click.IntRange(0), required=False)
@click.option(
    "metrics", "--metric", metavar="NAME", multiple=True, help="Only this metric; may be given several times."
)
@click.option("--at", metavar="TIME", help="An anomaly of one metric: with which changes before it did it move?")
@click.option("--within", metavar="SPAN", help="How long before it: 30min, 12h, 1d; without it, 12h.")
@click.option("environment", "--env", metavar="KEY", help="The environment.  [default: the change's, or production]")
@click.option(
    "window",
    "--window",
    metavar="MINUTES",
    type=click.IntRange(5, 1_440),
    default=60,
    show_default=True,
    help="How long before, and after, a change.",
)
@asks
def impact(
    session: Session,
    *,
    seq: int | None,
    metrics: tuple[str, ...],
    at: str | None,
    within: str | None,
    environment: str | None,
    window: int,
) -> None:
    """What came of a change; or with which changes a metric moved.

    Who was served otherwise, as the rules predict and as evaluations were counted, and which of the watched metrics
    moved more than they do at these hours anyway. With --at, and one --metric in place of SEQ: the changes before that
    moment, ranked by whom they altered, how close they were, and what the metric did with each.

    Example:
      flagtrail impact 1482 --metric billing_errors --window 120
      flagtrail impact --metric billing_errors --at 2026-11-22T00:30:00Z
    """
    if (seq is None) == (at is None):
        raise click.UsageError("Name SEQ, or --metric and --at.")
    if at is None:
        if within is not None:
            raise click.UsageError("--within says how long before --at: name both.")
        address = session.of_project("changes", str(seq), "impact")
        session.show(session.get(address, metric=metrics, environment=environment, window=window), Impact, _tell)
        return
    if len(metrics) != 1:
        raise click.UsageError("--at asks about one metric: name one.")
    asked = {"metric": metrics[0], "at": at, "within": within, "environment": environment, "window": window}
    session.show(session.get(session.of_project("impact"), **asked), Anomaly, _tell_anomaly)


def _tell_anomaly(found: Anomaly) -> None:
    say(f"{found.metric} in {found.environment} at {time(found.at)}", "bold")
    say(found.noticed.words, MARKS[found.noticed.verdict])
    say("")
    say(found.words)
    for place, each in enumerate(found.ranked, start=1):
        cause = each.suspect.cause
        say("")
        say(f"{place}. {time(cause.time)}  entry {cause.seq}, {person(cause.actor)}: {'; '.join(cause.words)}", "bold")
        if cause.why:
            indented(f"why: {cause.why}", 3, "italic")
        for line in (each.suspect.words.partition("; score")[0], each.words, each.metric.words):
            indented(line, 3)
    if found.left_out:
        say(f"and {found.left_out:,} more changes, which altered less")
    if found.harmless:
        say("")
        say(f"{found.harmless} other {'change' if found.harmless == 1 else 'changes'} altered nothing for anybody.")


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
