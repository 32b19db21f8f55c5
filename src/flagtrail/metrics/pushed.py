"""Metrics that were pushed: samples in our own storage."""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import groupby

from flagtrail.metrics import Held, Setup
from flagtrail.model.metric import Metric, MetricSeries, Point, PointsQuery

KIND = "pushed"
ORDER = 1
"""After what is pulled: whoever runs the server decides what a name means there."""


class Pushed:
    """See `flagtrail.metrics.Source`."""

    def __init__(self, held: Held) -> None:
        self._held = held

    def metrics(self, project: str) -> list[Metric]:
        """What samples there are."""
        return [
            _metric(name, list(series))
            for name, series in groupby(self._held.metric_series(project), key=lambda each: each.metric)
        ]

    def points(self, query: PointsQuery) -> list[Point]:
        """As the storage puts them together."""
        return self._held.points(query)

    def close(self) -> None:
        """Nothing is held: the storage is its owner's to close."""


def _metric(name: str, series: list[MetricSeries]) -> Metric:
    return Metric(
        name,
        KIND,
        tuple(sorted({each.environment for each in series if each.environment})),
        _stamp(min(each.first for each in series)),
        _stamp(max(each.last for each in series)),
    )


def _stamp(at: int) -> str:
    return datetime.fromtimestamp(at / 1_000, UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def open_source(setup: Setup) -> Pushed:
    """Always there."""
    return Pushed(setup.held)
