"""How does the project stand, at a glance?"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime, timedelta

import msgspec

from flagtrail.analysis.staleness import StaleReport
from flagtrail.analysis.timeline import Row, row
from flagtrail.analysis.world import in_order
from flagtrail.model.entry import Entry
from flagtrail.model.state import State
from flagtrail.model.usage import UsageSummary

WINDOW = timedelta(days=29)
"""How many days before today are counted: with today there are 30."""
SHOWN = 10


class EnabledIn(msgspec.Struct, frozen=True):
    """How many of the flags that are not archived are enabled in one environment."""

    environment: str
    production: bool
    enabled: int
    flags: int


class Evaluations(msgspec.Struct, frozen=True):
    """All evaluations ever counted of one flag, in all environments."""

    flag: str
    count: int
    last: str


class Day(msgspec.Struct, frozen=True):
    """Changes that took effect on one day (UTC, ISO 8601)."""

    date: str
    changes: int


class Dashboard(msgspec.Struct, frozen=True):
    """Totals, what is enabled where, what is stale, the ten newest changes and the ten most evaluated flags.

    `flags` counts those that are not archived; `days` are the last 30, oldest first.
    """

    project: str
    flags: int
    archived: int
    segments: int
    enabled: tuple[EnabledIn, ...]
    stale: int
    potentially_stale: int
    recent: tuple[Row, ...]
    most_evaluated: tuple[Evaluations, ...]
    days: tuple[Day, ...]
    seqs: tuple[int, ...]


def dashboard(
    state: State,
    project: str,
    *,
    recent: Iterable[Entry],
    stale: StaleReport,
    usage: Sequence[UsageSummary],
    now: datetime,
) -> Dashboard:
    """The dashboard; `recent` are the entries since the midnight (UTC) that was `WINDOW` before today's."""
    flags = state.flags(project)
    living = {key for key, flag in flags.items() if not flag.archived}
    newest = list(reversed(in_order(entry for entry in recent if entry.subject.project == project)))
    shown = tuple(row(entry) for entry in newest[:SHOWN])
    return Dashboard(
        project=project,
        flags=len(living),
        archived=len(flags) - len(living),
        segments=len(state.segments(project)),
        enabled=tuple(_enabled(state, project, living)),
        stale=len(stale.at_stage("stale")),
        potentially_stale=len(stale.at_stage("potentially_stale")),
        recent=shown,
        most_evaluated=_most_evaluated(usage),
        days=_days(newest, now.astimezone(UTC).date()),
        seqs=tuple(sorted(entry.seq for entry in newest)),
    )


def _enabled(state: State, project: str, living: set[str]) -> list[EnabledIn]:
    found: list[EnabledIn] = []
    for key, environment in state.environments(project).items():
        targetings = state.targetings(project, key)
        enabled = sum(targeting.enabled for flag, targeting in targetings.items() if flag in living)
        found.append(EnabledIn(key, environment.production, enabled, len(living)))
    return found


def _most_evaluated(usage: Sequence[UsageSummary]) -> tuple[Evaluations, ...]:
    counts: Counter[str] = Counter()
    last: dict[str, str] = {}
    for each in usage:
        counts[each.flag] += each.count
        last[each.flag] = max(last.get(each.flag, ""), each.last)
    ordered = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    return tuple(Evaluations(flag, count, last[flag]) for flag, count in ordered[:SHOWN])


def _days(entries: Iterable[Entry], today: date) -> tuple[Day, ...]:
    counts = Counter(entry.effective[: len("2026-12-31")] for entry in entries)
    dates = [(today - timedelta(days=back)).isoformat() for back in range(WINDOW.days, -1, -1)]
    return tuple(Day(day, counts[day]) for day in dates)
