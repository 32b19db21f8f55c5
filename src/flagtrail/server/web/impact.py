"""What came of a change: a page of its own, whose findings the page of the change takes in when they are there."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import msgspec
from litestar.params import FromPath
from markupsafe import Markup

from flagtrail.app.answers import Impact, MetricImpact, Spot
from flagtrail.app.guards import GuardView
from flagtrail.app.impact import WINDOW_MINUTES
from flagtrail.app.wording import figure
from flagtrail.model.entry import Entry
from flagtrail.model.errors import FlagtrailError
from flagtrail.server.identity import require_overseer
from flagtrail.server.problems import HTTP_STATUS
from flagtrail.server.web import charts
from flagtrail.server.web.page import Html, Page, shows

SERVING = frozenset({"flag", "targeting", "segment"})
"""Kinds of documents whose changes can have an impact."""
WINDOWS = {"15": "15 minutes", "60": "an hour", "180": "3 hours", "720": "12 hours"}
VERDICTS = {
    "rose": ("warn", "rose"),
    "fell": ("warn", "fell"),
    "no_clear_change": ("on", "no clear change"),
    "not_enough_data": ("off", "not enough data"),
}
"""A verdict's colour and words."""


class Trend(msgspec.Struct, frozen=True):
    """One metric as it is shown: its verdict, its chart with the figures beside it, and the facts for who sees none."""

    told: MetricImpact
    tone: str
    verdict: str
    picture: Markup
    top: str
    bottom: str
    facts: tuple[tuple[str, str], ...]


@shows("/changes/{seq:int}/impact")
def impact_page(page: Page, seq: FromPath[int]) -> Html:
    """What came of one change."""
    entry = page.app.ask.entry(seq)
    if entry.subject.project is None:
        require_overseer(page.who)
    else:
        page.who.require("viewer", entry.subject.project)
    refused: FlagtrailError | None = None
    found: Impact | None = None
    chosen = page.query.get("window") or str(WINDOW_MINUTES)
    environment = page.query.optional("in") or entry.subject.environment
    try:
        found = page.app.impacts.impact(
            entry.subject.project or "",
            seq,
            environment=environment,
            metrics=[page.query.get("metric")] if page.query.get("metric") else (),
            minutes=page.query.number("window") or WINDOW_MINUTES,
        )
    except FlagtrailError as error:
        refused = error
    return page.render(
        "impact.html",
        status=200 if refused is None else HTTP_STATUS.get(type(refused), 400),
        entry=entry,
        found=found,
        trends=() if found is None else [_trend(found, metric) for metric in found.metrics],
        windows={**WINDOWS, chosen: WINDOWS.get(chosen, f"{chosen} minutes")},
        window=chosen,
        asked=page.query,
        refused=refused,
    )


def guard_of(page: Page, entry: Entry) -> GuardView | None:
    """The guard that was set with the change, or that the entry is about, as it stands now."""
    group = page.app.ask.group(entry)
    own = next((each for each in group if each.subject.kind == "guard"), None)
    if own is None:
        return None
    views = page.app.guards.guards(own.subject.project or "", flag=own.subject.flag, near=True)
    seqs = {each.seq for each in group}
    return next((view for view in views if view.environment == own.subject.environment and view.seq in seqs), None)


def guards_of(page: Page, flag: str, environment: str) -> GuardView | None:
    """The newest guard of a flag in an environment."""
    views = page.app.guards.guards(page.project, flag=flag, near=True)
    return next((view for view in views if view.environment == environment), None)


def metric_names(page: Page) -> list[str]:
    """What a guard can watch."""
    return [metric.name for metric in page.app.watched.metrics(page.project)]


def _trend(found: Impact, metric: MetricImpact) -> Trend:
    tone, verdict = VERDICTS[metric.verdict]
    at = int(datetime.fromisoformat(found.at).timestamp() * 1_000)
    low, high = _range(metric)
    means = () if metric.effect is None else (metric.effect.before, metric.effect.after)
    picture = charts.trend(
        metric.spots, at=at, step=metric.step, low=low, high=high, means=means, title=f"{metric.metric}: {metric.words}"
    )
    shown = any(spot.value is not None or spot.low is not None for spot in metric.spots)
    top, bottom = figure(high), figure(low, beside=high)
    return Trend(metric, tone, verdict, picture if shown else Markup(), top, bottom, tuple(_facts(metric)))


def _facts(metric: MetricImpact) -> Sequence[tuple[str, str]]:
    """The figures in a table: the same as the chart shows, and those behind the verdict."""
    effect = metric.effect
    if effect is None or metric.adjusted is None:
        return ()
    beside = max(abs(effect.before), abs(effect.after))

    def shown(value: float) -> str:
        return figure(value, beside=beside)

    return (
        ("Before", shown(effect.before)),
        ("After", shown(effect.after)),
        ("Moves at these hours anyway by", f"{shown(effect.usual)} (mean of {effect.days} earlier days)"),
        ("Change beyond that", f"{shown(effect.change)}, 95 % interval {shown(effect.low)} to {shown(effect.high)}"),
        ("In standard deviations of ordinary days", "never differed" if effect.size is None else figure(effect.size)),
        ("Probability without a change", f"{figure(effect.p)}; among all metrics here {figure(metric.adjusted)}"),
    )


def _range(metric: MetricImpact) -> tuple[float, float]:
    """The lowest and the highest value that the chart shows, with some room."""
    spots: Sequence[Spot] = metric.spots
    values = [value for spot in spots for value in (spot.value, spot.low, spot.high) if value is not None]
    low, high = min(values, default=0.0), max(values, default=1.0)
    if low >= 0 and low < (high - low):
        low = 0.0  # a bottom that is nearly nothing is nothing: so heights can be compared
    return (low, high) if high > low else (low - 1.0 if low else 0.0, high + 1.0)
