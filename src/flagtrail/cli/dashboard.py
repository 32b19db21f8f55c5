"""The project at a glance: dashboard."""

from __future__ import annotations

import click

from flagtrail.analysis.dashboard import Dashboard
from flagtrail.cli.entries import tell_entry
from flagtrail.cli.options import asks
from flagtrail.cli.output import facts, print_json, say, table, time
from flagtrail.cli.session import Session
from flagtrail.cli.views import LogPage

_LATEST = 8
_BARS = " ▁▂▃▄▅▆▇█"


@click.command
@asks
def dashboard(session: Session) -> None:
    """The project at a glance.

    Totals, what is enabled where, what is stale, what changed, what is
    evaluated most.

    Example:
      flagtrail dashboard
    """
    answer = session.get(session.of_project("dashboard"))
    if session.as_json:
        print_json(answer.body)
        return
    latest = session.get(session.of_project("changes"), limit=_LATEST).read(LogPage)
    _render(answer.read(Dashboard), latest)


def _render(board: Dashboard, latest: LogPage) -> None:
    facts(
        [
            ("project", board.project),
            ("flags", f"{board.flags}, and {board.archived} archived"),
            ("segments", str(board.segments)),
            ("stale", f"{board.stale}, and {board.potentially_stale} perhaps"),
            *((f"on in {each.environment}", f"{each.enabled} of {each.flags}") for each in board.enabled),
            (
                "30 days",
                f"{_sparks([day.changes for day in board.days])}  {sum(d.changes for d in board.days)} changes",
            ),
        ]
    )
    say("\nMost evaluated", "bold")
    most = [(each.flag, f"{each.count:,}".rjust(13), time(each.last)) for each in board.most_evaluated]
    table(("flag", "  evaluations", "last"), most, empty="No evaluation was counted yet.")
    say("\nLatest changes", "bold")
    for entry in latest.items:
        tell_entry(entry)


def _sparks(values: list[int]) -> str:
    """One bar per value, as high as it is beside the highest."""
    most = max(values, default=0)
    return "".join(_BARS[-(-value * (len(_BARS) - 1) // most)] if most else " " for value in values)


COMMANDS = {"dashboard": dashboard}
