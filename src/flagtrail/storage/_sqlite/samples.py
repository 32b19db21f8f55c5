"""Samples of watched metrics in the SQLite store: the statements, and nothing about who may run them."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence

from flagtrail.model.metric import MetricSeries, Point, PointsQuery, Sample
from flagtrail.storage._samples import decoded, encoded
from flagtrail.storage._sqlite.writer import Statements

_OF = "SELECT id FROM metric_series WHERE project = ? AND metric = ? AND environment = ? AND labels = ?"
# The first and last sample of each series are two looks into the primary key: none is counted.
_SERIES = (
    "SELECT project, metric, environment, labels,"
    " (SELECT min(at) FROM metric_sample WHERE series = id), (SELECT max(at) FROM metric_sample WHERE series = id)"
    " FROM metric_series WHERE :project IS NULL OR project = :project ORDER BY project, metric, environment, labels"
)
_POINTS = (
    "SELECT at / :step * :step, avg(value), count(*) FROM metric_sample WHERE series IN"
    " (SELECT id FROM metric_series WHERE project = :project AND metric = :metric"
    " AND environment IN ('', :environment)) AND at >= :since AND at < :until GROUP BY 1 ORDER BY 1"
)


def add(statements: Statements, project: str, samples: Sequence[Sample]) -> None:
    """See `Storage.add_samples`."""
    places = {(project, each.metric, each.environment, encoded(each.labels)) for each in samples}
    statements.execute_many(
        "INSERT INTO metric_series (project, metric, environment, labels) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING",
        sorted(places),
    )
    ids = {place: statements.fetch(_OF, place)[0][0] for place in places}
    statements.execute_many(
        "INSERT OR REPLACE INTO metric_sample VALUES (?, ?, ?)",
        [(ids[project, each.metric, each.environment, encoded(each.labels)], each.at, each.value) for each in samples],
    )


def series(connection: sqlite3.Connection, project: str | None) -> list[MetricSeries]:
    """See `Storage.metric_series`."""
    found = connection.execute(_SERIES, {"project": project})
    return [
        MetricSeries(project, metric, environment, decoded(labels), first, last)
        for project, metric, environment, labels, first, last in found
        if first is not None
    ]


def samples(connection: sqlite3.Connection, series: MetricSeries) -> list[Sample]:
    """See `Storage.samples`."""
    place = (series.project, series.metric, series.environment, encoded(series.labels))
    found = connection.execute(f"SELECT at, value FROM metric_sample WHERE series = ({_OF}) ORDER BY at", place)  # noqa: S608 - our own text
    return [Sample(series.metric, at, value, series.environment, series.labels) for at, value in found]


def points(connection: sqlite3.Connection, query: PointsQuery) -> list[Point]:
    """See `Storage.points`."""
    given = {name: getattr(query, name) for name in query.__struct_fields__}
    return [Point(*row) for row in connection.execute(_POINTS, given)]


def delete_old(statements: Statements, before: int) -> int:
    """See `Storage.delete_old_samples`."""
    gone = sum(
        statements.execute("DELETE FROM metric_sample WHERE series = ? AND at < ?", (id_, before))
        for (id_,) in statements.fetch("SELECT id FROM metric_series")
    )
    statements.execute(
        "DELETE FROM metric_series WHERE NOT EXISTS (SELECT 1 FROM metric_sample WHERE series = metric_series.id)"
    )
    return gone
