"""How a project fares with its flags over time: three charts, and the same as a table."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import msgspec
from markupsafe import Markup

from flagtrail.app.answers import Month
from flagtrail.server.web import charts
from flagtrail.server.web.page import Html, Page, shows
from flagtrail.server.web.templates import month, plural


class Drawn(msgspec.Struct, frozen=True):
    """One chart: its highest value in words, and the picture."""

    id: str
    title: str
    hint: str
    top: str
    picture: Markup


@shows("/stale/health")
def stale_health(page: Page) -> Html:
    """Stale share, median age, and what goes, by month."""
    months = page.app.stages.health(page.require_project()).months
    return page.render(
        "stale_health.html",
        months=months,
        last=months[-1],
        removed=sum(each.removed for each in months),
        created=sum(each.created for each in months),
        drawn=list(_drawn(months)),
    )


def _drawn(months: Sequence[Month]) -> Iterator[Drawn]:
    if any(each.share is not None for each in months):
        hint = "of all flags that are not archived, at the end of the month"
        yield _bars("share", "Stale share", hint, months, _share, "{} %")
    yield _bars("age", "Median age", "in days, of flags that are not archived", months, _age, "{} d")
    yield _bars("removed", "Removed", "archived or deleted in the month", months, lambda each: each.removed, "{}")


def _share(each: Month) -> int:
    return round(each.share or 0)


def _age(each: Month) -> int:
    return each.median_age_days or 0


def _bars(name: str, title: str, hint: str, months: Sequence[Month], value: Callable[[Month], int], unit: str) -> Drawn:
    shown = [charts.Bar(f"{month(each.month)}: {unit.format(value(each))}", value(each)) for each in months]
    most = max(map(value, months))
    picture = charts.bars(shown, title=f"{title} by month, {plural(len(months), 'month')}")
    return Drawn(name, title, hint, unit.format(most), picture)
