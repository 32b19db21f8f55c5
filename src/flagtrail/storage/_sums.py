"""Usage rows added up before they are written: per flag, and per flag and client. For every store."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeVar

import msgspec

from flagtrail.model.usage import MAX_COUNT, Span, Usage, UsageClient, UsageReporter, UsageSummary

S = TypeVar("S", UsageSummary, UsageClient)
SHAPES: dict[Span, tuple[int, str]] = {"hour": (13, ":00:00Z"), "day": (10, "T00:00:00Z")}
"""How much of an hour's stamp names what is counted together, and what makes it a time again."""


def total(count: int, more: int) -> int:
    """Both, as far as one counts: JSON's numbers are whole up to there."""
    return min(count + more, MAX_COUNT)


def added(held: Usage | None, row: Usage) -> Usage:
    """A row with another of the same key."""
    if held is None:
        return row
    return msgspec.structs.replace(held, count=total(held.count, row.count), last=max(held.last, row.last))


def summaries(rows: Iterable[Usage]) -> list[UsageSummary]:
    """What the rows add to each flag of an environment."""
    found: dict[tuple[str, str, str], UsageSummary] = {}
    for row in rows:
        place = (row.project, row.environment, row.flag)
        held = found.get(place)
        found[place] = joined(held, UsageSummary(*place, count=row.count, first=row.hour, last=row.last))
    return list(found.values())


def joined(held: S | None, more: S) -> S:
    """A summary, or a client, with another of the same place."""
    if held is None:
        return more
    return msgspec.structs.replace(
        more, count=total(held.count, more.count), first=min(held.first, more.first), last=max(held.last, more.last)
    )


def clients(rows: Iterable[Usage]) -> list[UsageClient]:
    """What the rows add to each client and application of a flag in an environment."""
    found: dict[tuple[str, str, str, str, str], UsageClient] = {}
    for row in rows:
        place = (row.project, row.environment, row.flag, row.client, row.application)
        held = found.get(place)
        found[place] = joined(held, UsageClient(*place, count=row.count, first=row.hour, last=row.last))
    return list(found.values())


def reporters(rows: Iterable[Usage]) -> list[UsageReporter]:
    """Who the rows were reported by, per environment."""
    found: dict[tuple[str, str, str, str], UsageReporter] = {}
    for row in rows:
        place = (row.project, row.environment, row.client, row.application)
        found[place] = seen(found.get(place), UsageReporter(*place, first=row.hour, last=row.last))
    return list(found.values())


def seen(held: UsageReporter | None, more: UsageReporter) -> UsageReporter:
    """A reporter with another of the same place."""
    if held is None:
        return more
    return msgspec.structs.replace(more, first=min(held.first, more.first), last=max(held.last, more.last))
