"""Samples of watched metrics in the PostgreSQL store: the statements, and nothing about who may run them.

Rows are written in the order of their keys, so that two who add at once wait for each other and never in a circle.
"""

from __future__ import annotations

from collections.abc import Sequence

from flagtrail.model.metric import MetricSeries, Point, PointsQuery, Sample
from flagtrail.storage._postgres.database import Connection
from flagtrail.storage._samples import decoded, encoded

# An update that alters nothing locks the row: nobody removes the series as empty before its samples are in.
_TAKE = (
    "INSERT INTO metric_series AS held (project, metric, environment, labels) VALUES (%s, %s, %s, %s)"
    " ON CONFLICT (project, metric, environment, labels) DO UPDATE SET project = held.project RETURNING id"
)
_OF = "SELECT id FROM metric_series WHERE project = %s AND metric = %s AND environment = %s AND labels = %s"
_ADD = (
    "INSERT INTO metric_sample SELECT * FROM unnest(%s::bigint[], %s::bigint[], %s::float8[])"
    " ON CONFLICT (series, at) DO UPDATE SET value = excluded.value"
)
# The first and last sample of each series are two looks into the primary key: none is counted.
_SERIES = (
    "SELECT project, metric, environment, labels,"
    " (SELECT min(at) FROM metric_sample WHERE series = id), (SELECT max(at) FROM metric_sample WHERE series = id)"
    " FROM metric_series WHERE %(project)s::text IS NULL OR project = %(project)s"
    " ORDER BY project, metric, environment, labels"
)
_POINTS = (
    "SELECT at / %(step)s * %(step)s, avg(value), count(*) FROM metric_sample WHERE series IN"
    " (SELECT id FROM metric_series WHERE project = %(project)s AND metric = %(metric)s"
    " AND environment IN ('', %(environment)s)) AND at >= %(since)s AND at < %(until)s GROUP BY 1 ORDER BY 1"
)
_DELETE_SERIES = (
    "DELETE FROM metric_series WHERE NOT EXISTS (SELECT FROM metric_sample WHERE series = metric_series.id)"
)


def add(connection: Connection, project: str, samples: Sequence[Sample]) -> None:
    """See `Storage.add_samples`."""
    places = sorted({(project, each.metric, each.environment, encoded(each.labels)) for each in samples})
    ids = {place: connection.execute(_TAKE, place).fetchall()[0][0] for place in places}
    # One statement may not write a row twice: of samples of the same moment the last one counts.
    values = {
        (ids[project, each.metric, each.environment, encoded(each.labels)], each.at): each.value for each in samples
    }
    keys = sorted(values)
    connection.execute(_ADD, ([key[0] for key in keys], [key[1] for key in keys], [values[key] for key in keys]))


def series(connection: Connection, project: str | None) -> list[MetricSeries]:
    """See `Storage.metric_series`."""
    found = connection.execute(_SERIES, {"project": project})
    return [
        MetricSeries(project, metric, environment, decoded(labels), first, last)
        for project, metric, environment, labels, first, last in found
        if first is not None
    ]


def samples(connection: Connection, series: MetricSeries) -> list[Sample]:
    """See `Storage.samples`."""
    place = (series.project, series.metric, series.environment, encoded(series.labels))
    question = f"SELECT at, value FROM metric_sample WHERE series = ({_OF}) ORDER BY at"  # noqa: S608 - our own text
    found = connection.execute(question.encode(), place)
    return [Sample(series.metric, at, value, series.environment, series.labels) for at, value in found]


def points(connection: Connection, query: PointsQuery) -> list[Point]:
    """See `Storage.points`."""
    given = {name: getattr(query, name) for name in query.__struct_fields__}
    return [Point(*row) for row in connection.execute(_POINTS, given)]


def delete_old(connection: Connection, before: int) -> int:
    """See `Storage.delete_old_samples`."""
    gone = connection.execute("DELETE FROM metric_sample WHERE at < %s", (before,)).rowcount
    connection.execute(_DELETE_SERIES)
    return gone
