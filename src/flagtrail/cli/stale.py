"""Flags that could go: stale."""

from __future__ import annotations

import click
import msgspec
from rich.text import Text

from flagtrail.analysis.stale_usage import Reporting
from flagtrail.analysis.staleness import FlagStaleness, StaleReport
from flagtrail.cli.options import asks
from flagtrail.cli.output import emit, indented, say
from flagtrail.cli.session import Answer, Session
from flagtrail.model.errors import NotFound


@click.command
@click.option("--owner", metavar="TEAM", help="Only flags of this owner.")
@asks
def stale(session: Session, owner: str | None) -> None:
    """Flags that could go, with the evidence.

    By what is configured, what is evaluated and what was planned; how sure
    each reason is, and what blocks the removal.

    Example:
      flagtrail stale --owner billing
    """

    def render(report: StaleReport) -> None:
        found = [each for each in report.flags if each.reasons]
        for each in found:
            _tell(each)
        for note in report.notes:
            say(f"note: {note}", "yellow")
        for environment in dict.fromkeys(each.environment for each in report.reporting):
            names = [_reporting(each) for each in report.reporting if each.environment == environment]
            indented(f"{environment}: usage comes from {', '.join(names)}", 0, "dim")
        shown = sum(each.stage == "stale" for each in found)
        say(f"{shown} stale, {len(found) - shown} perhaps, of {len(report.flags)} flags.", "bold")

    answer = session.get(session.of_project("stale"))
    session.show(answer if owner is None else _of_owner(answer, owner), StaleReport, render)


def _reporting(each: Reporting) -> str:
    return f"{each.application} ({each.client})" if each.application else each.client


def _of_owner(answer: Answer, owner: str) -> Answer:
    """The same answer about one owner's flags only; raises NotFound where no flag has this owner."""
    report = answer.read(StaleReport)
    owned = tuple(each for each in report.flags if each.owner == owner)
    if not owned:
        owners = ", ".join(sorted({each.owner for each in report.flags} - {""}))
        raise NotFound(f"no flag has the owner {owner!r}; owners are {owners or 'not named'}", owner=owner)
    return Answer(msgspec.json.encode(msgspec.structs.replace(report, flags=owned)))


def _tell(each: FlagStaleness) -> None:
    line = Text.assemble((each.flag, "bold"), f"  {each.kind}", (f"  {each.owner}", "cyan"))
    if each.stage != "stale":
        line.append("  perhaps", style="yellow")
    if each.winning_variant is not None:
        line.append(f"  keep: {each.winning_variant}", style="green")
    emit(line)
    for reason in each.reasons:
        indented(f"{reason.code}: {reason.evidence} ({reason.confidence} confidence)", 4)
    for blocker in each.blockers:
        indented(f"blocked by {blocker.code}: {blocker.evidence}", 4, "red")


COMMANDS = {"stale": stale}
