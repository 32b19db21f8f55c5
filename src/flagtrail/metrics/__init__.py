"""The door to watched metrics: where figures about applications come from.

A new file in this folder is a new source. It holds `KIND` and `open_source(setup) -> Source | None` (None where it is
not set up), and passes `tests/contract/metrics`. A name that starts with an underscore is no source but a part of one.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Mapping
from typing import Any, Protocol

import msgspec

from flagtrail.model.metric import Metric, MetricSeries, Point, PointsQuery


class Held(Protocol):
    """What pushed samples are read from: the storage."""

    def metric_series(self, project: str | None = None) -> list[MetricSeries]:
        """See `Storage.metric_series`."""

    def points(self, query: PointsQuery) -> list[Point]:
        """See `Storage.points`."""


class Setup(msgspec.Struct, frozen=True, kw_only=True):
    """What sources are made of. `queries` names the metrics that are pulled from `url`, each with its expression;
    `transport` is what requests leave through (an `httpx2` transport).
    """

    held: Held
    url: str = ""
    token: str = ""
    queries: Mapping[str, str] = {}
    transport: Any = None


class Source(Protocol):
    """Where metrics come from. May be asked from any thread."""

    def metrics(self, project: str) -> list[Metric]:
        """The metrics that it has for a project, by name."""

    def points(self, query: PointsQuery) -> list[Point]:
        """A metric put together in buckets, by time; empty where nothing is known. Raises MetricUnreadable."""

    def close(self) -> None:
        """Let go of connections."""


def load(setup: Setup) -> list[Source]:
    """Every source that is set up. Of two with the same metric the earlier one counts: pulled before pushed."""
    found: list[tuple[int, str, Source]] = []
    for info in pkgutil.iter_modules(__path__):
        if not info.name.startswith("_"):
            module = importlib.import_module(f"{__name__}.{info.name}")
            source: Source | None = module.open_source(setup)
            if source is not None:
                found.append((module.ORDER, module.KIND, source))
    return [source for _, _, source in sorted(found, key=lambda each: each[:2])]
