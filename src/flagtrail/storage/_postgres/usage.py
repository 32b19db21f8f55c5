"""Usage in the PostgreSQL store: the statements, and nothing about who may run them.

Rows are written in the order of their keys, so that two who add at once wait for each other and never in a circle.
"""

from __future__ import annotations

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
from flagtrail.storage._postgres.database import Connection

_ADD_HOUR = (  # counts stay at MAX_COUNT
    "INSERT INTO usage_hour AS held VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s)"
    " ON CONFLICT (project, flag, environment, hour, variant, rule, client, application) DO UPDATE SET"
    " count = least(held.count + excluded.count, 9007199254740992), last = greatest(held.last, excluded.last)"
)
_ADD_SUMMARY = (
    "INSERT INTO usage_summary AS held VALUES (%s, %s, %s, %s, %s, %s)"
    " ON CONFLICT (project, environment, flag) DO UPDATE SET"
    " count = least(held.count + excluded.count, 9007199254740992),"
    " first = least(held.first, excluded.first), last = greatest(held.last, excluded.last)"
)
_ADD_CLIENT = (
    "INSERT INTO usage_client AS held VALUES (%s, %s, %s, %s, %s, %s, %s, %s)"
    " ON CONFLICT (project, flag, environment, client, application) DO UPDATE SET"
    " count = least(held.count + excluded.count, 9007199254740992),"
    " first = least(held.first, excluded.first), last = greatest(held.last, excluded.last)"
)
_ADD_REPORTER = (
    "INSERT INTO usage_reporter AS held VALUES (%s, %s, %s, %s, %s, %s)"
    " ON CONFLICT (project, environment, client, application) DO UPDATE SET"
    " first = least(held.first, excluded.first), last = greatest(held.last, excluded.last)"
)
_ADD_REPORT = (
    "INSERT INTO usage_report AS held VALUES (%s, %s) ON CONFLICT (id) DO UPDATE SET expires = excluded.expires"
    " WHERE held.expires <= %s"
)
_ADD_CONTEXT = (
    "INSERT INTO usage_context VALUES (%s, %s, %s, %s, %s, %b) ON CONFLICT (project, environment, place)"
    " DO UPDATE SET serial = excluded.serial, time = excluded.time, context = excluded.context"
)
_TAKE_SERIALS = (
    "INSERT INTO usage_context_ring AS held VALUES (%s, %s, %s) ON CONFLICT (project, environment)"
    " DO UPDATE SET next = held.next + excluded.next RETURNING next"
)
_USAGE = (
    "SELECT project, environment, flag, variant, rule, hour, count, last, client, application FROM usage_hour"
    " WHERE project = %(project)s AND hour >= %(first)s"
)
_USAGE_ORDER = " ORDER BY project, flag, environment, hour, variant, rule, client, application"
_COUNTS = (
    # The flag's environments are named, so that the primary key leads straight to the hours of each.
    "SELECT environment, left(hour, %(length)s), variant, least(sum(count), %(most)s)::bigint FROM usage_hour"
    " WHERE project = %(project)s AND flag = %(flag)s AND hour >= %(first)s AND hour < %(end)s AND environment IN"
    " (SELECT environment FROM usage_summary WHERE project = %(project)s AND flag = %(flag)s"
    " AND (%(environment)s::text IS NULL OR environment = %(environment)s)) GROUP BY 1, 2, 3 ORDER BY 1, 2, 3"
)


def add(
    connection: Connection, rows: Sequence[Usage], report: ReportMark | None, contexts: Sequence[SampledContext]
) -> bool:
    """See `Storage.add_usage`."""
    if report is not None and not _is_new(connection, report):
        return False
    cursor = connection.cursor()
    for statement, values in (
        (_ADD_HOUR, map(_hour, rows)),
        (_ADD_SUMMARY, map(_summary, sums.summaries(rows))),
        (_ADD_CLIENT, map(_client, sums.clients(rows))),
        (_ADD_REPORTER, map(msgspec.structs.astuple, sums.reporters(rows))),
    ):
        cursor.executemany(statement, sorted(map(_clean, values), key=str))
    cursor.executemany(_ADD_CONTEXT, list(_placed(connection, contexts)))
    return True


def _clean(row: tuple[object, ...]) -> tuple[object, ...]:
    """Without NUL, which PostgreSQL takes in no text: one odd name must not keep all other counts out."""
    return tuple(value.replace("\0", "\N{REPLACEMENT CHARACTER}") if isinstance(value, str) else value for value in row)


def _is_new(connection: Connection, report: ReportMark) -> bool:
    """Remember the report; one that is too old to be known counts as new."""
    expires = report.time + REPORT_SECONDS
    return connection.execute(_ADD_REPORT, (report.id, expires, report.time)).rowcount == 1


def _placed(connection: Connection, contexts: Sequence[SampledContext]) -> Iterator[tuple[object, ...]]:
    """Each context as a row, with its place in its environment's ring. The ring's row is locked from here on."""
    for place in sorted({(context.project, context.environment) for context in contexts}):
        own = [context for context in contexts if (context.project, context.environment) == place]
        ((end,),) = connection.execute(_TAKE_SERIALS, (*place, len(own))).fetchall()
        for serial, context in enumerate(own, end - len(own)):
            encoded = msgspec.json.encode(context.context)
            yield (*place, serial % MAX_SAMPLED, serial, context.time, encoded)


def _hour(row: Usage) -> tuple[object, ...]:
    place = (row.project, row.flag, row.environment, row.hour, row.variant, row.rule, row.client, row.application)
    return (*place, row.count, row.last)


def _summary(each: UsageSummary) -> tuple[object, ...]:
    return each.project, each.environment, each.flag, each.count, each.first, each.last


def _client(each: UsageClient) -> tuple[object, ...]:
    place = (each.project, each.flag, each.environment, each.client, each.application)
    return (*place, each.count, each.first, each.last)


def rows(connection: Connection, project: str, flag: str | None, since: str | None) -> list[Usage]:
    """See `Storage.usage`."""
    found = connection.execute(
        (_USAGE + ("" if flag is None else " AND flag = %(flag)s") + _USAGE_ORDER).encode(),
        {"project": project, "flag": flag, "first": "" if since is None else index.hour_from(since)},
    )
    return [Usage(*row) for row in found]


def counts(connection: Connection, query: UsageQuery) -> list[UsageCount]:
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


def summary(connection: Connection, project: str) -> list[UsageSummary]:
    """See `Storage.usage_summary`."""
    found = connection.execute(
        "SELECT project, environment, flag, count, first, last FROM usage_summary WHERE project = %s"
        " ORDER BY environment, flag",
        (project,),
    )
    return [UsageSummary(*row) for row in found]


def clients(connection: Connection, project: str, flag: str) -> list[UsageClient]:
    """See `Storage.usage_clients`."""
    found = connection.execute(
        "SELECT project, environment, flag, client, application, count, first, last FROM usage_client"
        " WHERE project = %s AND flag = %s ORDER BY environment, client, application",
        (project, flag),
    )
    return [UsageClient(*row) for row in found]


def reporters(connection: Connection, project: str) -> list[UsageReporter]:
    """See `Storage.usage_reporters`."""
    found = connection.execute(
        "SELECT project, environment, client, application, first, last FROM usage_reporter WHERE project = %s"
        " ORDER BY environment, client, application",
        (project,),
    )
    return [UsageReporter(*row) for row in found]


def contexts(connection: Connection, project: str, environment: str, limit: int) -> list[SampledContext]:
    """See `Storage.sampled_contexts`."""
    found = connection.execute(
        "SELECT time, context FROM usage_context WHERE project = %s AND environment = %s ORDER BY serial DESC LIMIT %s",
        (project, environment, max(limit, 0)),
    )
    return [SampledContext(project, environment, time, msgspec.json.decode(context)) for time, context in found]


def places(connection: Connection) -> list[tuple[str, str]]:
    """See `Storage.usage_places`."""
    found: list[tuple[str, str]] = connection.execute(
        "SELECT project, environment FROM usage_summary UNION SELECT project, environment FROM usage_context"
        " ORDER BY project, environment"
    ).fetchall()
    return found


def reports(connection: Connection) -> list[ReportMark]:
    """See `Storage.usage_reports`."""
    found = connection.execute("SELECT id, expires FROM usage_report ORDER BY id")
    return [ReportMark(id_, expires - REPORT_SECONDS) for id_, expires in found]


def delete_old(connection: Connection, now: float) -> int:
    """See `Storage.delete_old_usage`."""
    gone = connection.execute("DELETE FROM usage_report WHERE expires < %s", (now,)).rowcount
    return gone + connection.execute("DELETE FROM usage_context WHERE time < %s", (index.oldest_context(now),)).rowcount
