"""Samples of watched metrics in the memory store. Whoever calls holds the store's lock."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from typing import TypeAlias

import msgspec

from flagtrail.model.metric import Labels, MetricSeries, Point, PointsQuery, Sample

_Key: TypeAlias = tuple[str, str, str, Labels]


class SampleTables:
    """The samples of each series by time."""

    def __init__(self) -> None:
        self._values: dict[_Key, dict[int, float]] = {}
        self._times: dict[_Key, list[int]] = {}
        """The moments of a series in order, where they were asked for since it changed."""

    def add(self, project: str, samples: Sequence[Sample]) -> None:
        """See `Storage.add_samples`."""
        for sample in samples:
            key = (project, sample.metric, sample.environment, sample.labels)
            self._values.setdefault(key, {})[sample.at] = sample.value
            self._times.pop(key, None)

    def series(self, project: str | None) -> list[MetricSeries]:
        """See `Storage.metric_series`."""
        return [
            MetricSeries(*key, min(values), max(values))
            for key, values in sorted(self._values.items(), key=lambda item: (*item[0][:3], encoded(item[0][3])))
            if project in {None, key[0]}
        ]

    def samples(self, series: MetricSeries) -> list[Sample]:
        """See `Storage.samples`."""
        held = self._values.get((series.project, series.metric, series.environment, series.labels), {})
        return [
            Sample(series.metric, at, value, series.environment, series.labels) for at, value in sorted(held.items())
        ]

    def points(self, query: PointsQuery) -> list[Point]:
        """See `Storage.points`."""
        found: dict[int, list[float]] = {}
        for key, values in self._values.items():
            if key[:2] == (query.project, query.metric) and key[2] in {"", query.environment}:
                times = self._times.get(key) or self._times.setdefault(key, sorted(values))
                for at in times[bisect_left(times, query.since) : bisect_left(times, query.until)]:
                    found.setdefault(at // query.step * query.step, []).append(values[at])
        return [Point(at, sum(values) / len(values), len(values)) for at, values in sorted(found.items())]

    def delete_old(self, before: int) -> int:
        """See `Storage.delete_old_samples`."""
        gone = 0
        self._times.clear()
        for key, values in list(self._values.items()):
            kept = {at: value for at, value in values.items() if at >= before}
            gone += len(values) - len(kept)
            if kept:
                self._values[key] = kept
            else:
                del self._values[key]
        return gone


def encoded(labels: Labels) -> str:
    """Labels as the databases keep them: one text for each set of them."""
    return msgspec.json.encode(labels).decode() if labels else ""


def decoded(text: str) -> Labels:
    """What `encoded` wrote."""
    return msgspec.json.decode(text, type=Labels) if text else ()
