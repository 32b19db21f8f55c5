"""Usage in the SQLite store: the statements, and nothing about who may run them."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator, Sequence

import msgspec

from flagtrail.model.usage import (
    MAX_COUNT,
    SampledContext,
    Usage,
    UsageClient,
    UsageCount,
    UsageReporter,
    UsageSummary,
)
from flagtrail.storage import MAX_SAMPLED, REPORT_SECONDS, ReportMark, UsageQuery
from flagtrail.storage import _index as index
from flagtrail.storage import _sums as sums
from flagtrail.storage._sqlite.writer import Statements

_ADD_HOUR = (  # counts stay at MAX_COUNT
    "INSERT INTO usage_hour VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET"
    " count = min(count + excluded.count, 9007199254740992), last = max(last, excluded.last)"
)
_ADD_SUMMARY = (
    "INSERT INTO usage_summary VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET"
    " count = min(count + excluded.count, 9007199254740992),"
    " first = min(first, excluded.first), last = max(last, excluded.last)"
)
_ADD_CLIENT = (
    "INSERT INTO usage_client VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET"
    " count = min(count + excluded.count, 9007199254740992),"
    " first = min(first, excluded.first), last = max(last, excluded.last)"
)
_ADD_REPORTER = (
    "INSERT INTO usage_reporter VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET"
    " first = min(first, excluded.first), last = max(last, excluded.last)"
)
_USAGE = (
    "SELECT project, environment, flag, variant, rule, hour, count, last, client, application FROM usage_hour"
    " WHERE project = :project AND hour >= :first"
)
_USAGE_ORDER = " ORDER BY project, flag, environment, hour, variant, rule, client, application"
_COUNTS = (
    # The flag's environments are named, so that the primary key leads straight to the hours of each.
    "SELECT environment, substr(hour, 1, :length), variant, CAST(min(total(count), :most) AS INTEGER) FROM usage_hour"
    " WHERE project = :project AND flag = :flag AND hour >= :first AND hour < :end AND environment IN"
    " (SELECT environment FROM usage_summary WHERE project = :project AND flag = :flag"
    " AND (:environment IS NULL OR environment = :environment)) GROUP BY 1, 2, 3 ORDER BY 1, 2, 3"
)


def add(
    statements: Statements, rows: Sequence[Usage], report: ReportMark | None, contexts: Sequence[SampledContext]
) -> bool:
    """See `Storage.add_usage`."""
    if report is not None and not _is_new(statements, report):
        return False
    statements.execute_many(_ADD_HOUR, [_hour(row) for row in rows])
    statements.execute_many(_ADD_SUMMARY, [_summary(each) for each in sums.summaries(rows)])
    statements.execute_many(_ADD_CLIENT, [_client(each) for each in sums.clients(rows)])
    statements.execute_many(_ADD_REPORTER, [msgspec.structs.astuple(each) for each in sums.reporters(rows)])
    for context, serial in _numbered(statements, contexts):
        statements.execute(
            "INSERT OR REPLACE INTO usage_context VALUES (?, ?, ?, ?, ?, ?)",
            (
                context.project,
                context.environment,
                serial % MAX_SAMPLED,
                serial,
                context.time,
                msgspec.json.encode(context.context),
            ),
        )
    return True


def _is_new(statements: Statements, report: ReportMark) -> bool:
    """Remember the report; one that is too old to be known counts as new."""
    expires = report.time + REPORT_SECONDS
    taken = statements.execute(
        "INSERT INTO usage_report VALUES (?, ?) ON CONFLICT DO UPDATE SET expires = excluded.expires"
        " WHERE expires <= ?",
        (report.id, expires, report.time),
    )
    return taken == 1


def _numbered(statements: Statements, contexts: Sequence[SampledContext]) -> Iterator[tuple[SampledContext, int]]:
    """Each context with its serial number in its environment's ring."""
    for place in dict.fromkeys((context.project, context.environment) for context in contexts):
        own = [context for context in contexts if (context.project, context.environment) == place]
        ((end,),) = statements.fetch(
            "INSERT INTO usage_context_ring VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET next = next + excluded.next"
            " RETURNING next",
            (*place, len(own)),
        )
        yield from zip(own, range(end - len(own), end), strict=True)


def _hour(row: Usage) -> tuple[object, ...]:
    place = (row.project, row.flag, row.environment, row.hour, row.variant, row.rule, row.client, row.application)
    return (*place, row.count, row.last)


def _summary(each: UsageSummary) -> tuple[object, ...]:
    return each.project, each.environment, each.flag, each.count, each.first, each.last


def _client(each: UsageClient) -> tuple[object, ...]:
    place = (each.project, each.flag, each.environment, each.client, each.application)
    return (*place, each.count, each.first, each.last)


def rows(connection: sqlite3.Connection, project: str, flag: str | None, since: str | None) -> list[Usage]:
    """See `Storage.usage`."""
    found = connection.execute(
        _USAGE + ("" if flag is None else " AND flag = :flag") + _USAGE_ORDER,
        {"project": project, "flag": flag, "first": "" if since is None else index.hour_from(since)},
    )
    return [Usage(*row) for row in found]


def counts(connection: sqlite3.Connection, query: UsageQuery) -> list[UsageCount]:
    """See `Storage.usage_counts`."""
    length, rest = sums.SHAPES[query.by]
    given = {
        "project": query.project,
        "flag": query.flag,
        "environment": query.environment,
        "first": "" if query.since is None else index.hour_from(query.since),
        "end": index.NEVER if query.until is None else index.hour_until(query.until),
        "length": length,
        "most": MAX_COUNT,
    }
    found: Iterable[tuple[str, str, str, int]] = connection.execute(_COUNTS, given)
    return [UsageCount(environment, at + rest, variant, count) for environment, at, variant, count in found]


def summary(connection: sqlite3.Connection, project: str) -> list[UsageSummary]:
    """See `Storage.usage_summary`."""
    found = connection.execute("SELECT * FROM usage_summary WHERE project = ? ORDER BY environment, flag", (project,))
    return [UsageSummary(*row) for row in found]


def clients(connection: sqlite3.Connection, project: str, flag: str) -> list[UsageClient]:
    """See `Storage.usage_clients`."""
    found = connection.execute(
        "SELECT project, environment, flag, client, application, count, first, last FROM usage_client"
        " WHERE project = ? AND flag = ? ORDER BY environment, client, application",
        (project, flag),
    )
    return [UsageClient(*row) for row in found]


def reporters(connection: sqlite3.Connection, project: str) -> list[UsageReporter]:
    """See `Storage.usage_reporters`."""
    found = connection.execute(
        "SELECT * FROM usage_reporter WHERE project = ? ORDER BY environment, client, application", (project,)
    )
    return [UsageReporter(*row) for row in found]


def contexts(connection: sqlite3.Connection, project: str, environment: str, limit: int) -> list[SampledContext]:
    """See `Storage.sampled_contexts`."""
    found = connection.execute(
        "SELECT time, context FROM usage_context WHERE project = ? AND environment = ? ORDER BY serial DESC LIMIT ?",
        (project, environment, max(limit, 0)),
    )
    return [SampledContext(project, environment, time, msgspec.json.decode(context)) for time, context in found]


def places(connection: sqlite3.Connection) -> list[tuple[str, str]]:
    """See `Storage.usage_places`."""
    found: list[tuple[str, str]] = connection.execute(
        "SELECT project, environment FROM usage_summary UNION SELECT project, environment FROM usage_context"
        " ORDER BY project, environment"
    ).fetchall()
    return found


def reports(connection: sqlite3.Connection) -> list[ReportMark]:
    """See `Storage.usage_reports`."""
    found = connection.execute("SELECT id, expires FROM usage_report ORDER BY id")
    return [ReportMark(id_, expires - REPORT_SECONDS) for id_, expires in found]


def delete_old(statements: Statements, now: float) -> int:
    """See `Storage.delete_old_usage`."""
    gone = statements.execute("DELETE FROM usage_report WHERE expires < ?", (now,))
    return gone + statements.execute("DELETE FROM usage_context WHERE time < ?", (index.oldest_context(now),))
