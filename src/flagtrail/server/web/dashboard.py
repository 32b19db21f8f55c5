"""The dashboard: how the project stands, at a glance."""

from __future__ import annotations

from datetime import date

from flagtrail.app.answers import EntryQuery
from flagtrail.server.web import charts
from flagtrail.server.web.page import Html, Page, shows

RECENT = 8


@shows("/")
def dashboard(page: Page) -> Html:
    """Totals, what is enabled where, what changed, what is evaluated, and the ledger's health."""
    project = page.require_project()
    app = page.app
    told = app.ask.dashboard(project)
    bars = [charts.Bar(f"{date.fromisoformat(day.date):%-d %b %Y}: {day.changes}", day.changes) for day in told.days]
    total = sum(day.changes for day in told.days)
    note = app.ask.checkpoint().splitlines()
    return page.render(
        "dashboard.html",
        told=told,
        total=total,
        most=max((day.changes for day in told.days), default=0),
        chart=charts.bars(bars, title=f"{total} changes in the last 30 days"),
        first_day=told.days[0].date if told.days else "",
        last_day=told.days[-1].date if told.days else "",
        recent=app.ask.log(EntryQuery(project=project, limit=RECENT)).entries,
        critical=[key for key, flag in app.ask.state.flags(project).items() if "critical" in flag.tags],
        oversees=page.oversees,
        ledger_size=app.ask.state.size,
        checkpoint_origin=note[0],
        checkpoint_size=int(note[1]),
        checkpoint_root=note[2],
    )
