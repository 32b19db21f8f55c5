"""Flags that could go: stale list, stale stages, stale health."""

from __future__ import annotations

import click
import msgspec
from rich.text import Text

from flagtrail.analysis.project_health import ProjectHealth
from flagtrail.analysis.stages import Board
from flagtrail.analysis.stale_usage import Reporting
from flagtrail.analysis.staleness import FlagStaleness, StaleReport
from flagtrail.changes.leaving_words import stage_words
from flagtrail.cli import nudge, stale_stages, thresholds
from flagtrail.cli.options import asks
from flagtrail.cli.output import emit, indented, say, table, time
from flagtrail.cli.session import Answer, Session
from flagtrail.model.errors import NotFound
from flagtrail.model.stage import STAGES


class Stale(click.Group):
    """A group that lists where no other command is named: `flagtrail stale --owner billing`."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """What was typed, with the command that is meant."""
        asks_help = bool(args) and args[0] in ctx.help_option_names
        listing = not args or (args[0].startswith("-") and not asks_help)
        return super().parse_args(ctx, ["list", *args] if listing else args)


@click.group(cls=Stale)
def stale() -> None:
    """Flags that could go, with the evidence; their stages, snoozes and thresholds.

    Example:
      flagtrail stale
      flagtrail stale snooze new_pricing --until 2026-12-31 --why "the mobile release is late"
    """


@stale.command("list")
@click.option("--owner", metavar="TEAM", help="Only flags of this owner.")
@asks
def list_stale(session: Session, owner: str | None) -> None:
    """Flags that could go, with the evidence; also without the word list.

    By what is configured, what is evaluated, what stands in scanned code and
    what was planned; how sure each reason is, and what blocks the removal.

    Example:
      flagtrail stale list --owner billing
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
        snoozed = sum(each.snoozed is not None for each in found)
        shown = sum(each.stage == "stale" and each.snoozed is None for each in found)
        perhaps = len(found) - shown - snoozed
        later = f", {snoozed} snoozed" if snoozed else ""
        say(f"{shown} stale, {perhaps} perhaps{later}, of {len(report.flags)} flags.", "bold")

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
    if each.snoozed is not None:
        line.append(f"  snoozed until {each.snoozed.until} by {each.snoozed.owner}", style="dim")
    if each.winning_variant is not None:
        line.append(f"  keep: {each.winning_variant}", style="green")
    emit(line)
    for reason in each.reasons:
        indented(f"{reason.code}: {reason.evidence} ({reason.confidence} confidence)", 4)
    for blocker in each.blockers:
        indented(f"blocked by {blocker.code}: {blocker.evidence}", 4, "red")


@stale.command
@click.option("--stage", type=click.Choice(STAGES[1:]), help="Only flags at this stage.")
@asks
def stages(session: Session, stage: str | None) -> None:
    """Where each flag stands on its way out: the flags that are not active.

    Example:
      flagtrail stale stages --stage ready_to_remove
    """

    def render(board: Board) -> None:
        shown = [each for each in board.flags if each.stage != "active" and stage in {None, each.stage}]
        shown.sort(key=lambda each: (STAGES.index(each.stage), each.flag))
        rows = [
            (each.flag, stage_words(each.stage), time(each.since), each.owner, each.variant or "") for each in shown
        ]
        table(("flag", "stage", "since", "owner", "keep"), rows, empty="No flag is on its way out.")

    session.show(session.get(session.of_project("stale", "stages")), Board, render)


@stale.command
@click.option("--months", type=click.IntRange(1, 120), default=12, show_default=True, help="How many months.")
@asks
def health(session: Session, months: int) -> None:
    """How the project fares with its flags, month by month: stale share, median age, removed.

    Example:
      flagtrail stale health --months 6
    """

    def render(found: ProjectHealth) -> None:
        rows = [
            (
                each.month,
                f"{each.flags}",
                "" if each.stale is None else f"{each.stale}",
                "" if each.share is None else f"{each.share} %",
                "" if each.median_age_days is None else f"{each.median_age_days} days",
                f"{each.created}",
                f"{each.removed}",
            )
            for each in found.months
        ]
        table(("month", "flags", "stale", "share", "median age", "created", "removed"), rows, empty="")

    session.show(session.get(session.of_project("stale", "health"), months=months), ProjectHealth, render)


for _command in (*stale_stages.COMMANDS, *thresholds.COMMANDS, *nudge.COMMANDS):
    stale.add_command(_command)

COMMANDS = {"stale": stale}
