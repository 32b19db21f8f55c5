"""Watched metrics: taking in what is pushed, within bounds, and reading them from wherever they come."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, timedelta
from math import isfinite

import msgspec

from flagtrail.app.clock import Clock, read_time, stamp
from flagtrail.app.identity import Identity
from flagtrail.metrics import Source
from flagtrail.model.document import is_key
from flagtrail.model.errors import Defect, Forbidden, InvalidDocument, InvalidQuery, NotFound, TooLarge
from flagtrail.model.metric import (
    MAX_LABEL,
    MAX_LABELS,
    MAX_VALUE,
    Metric,
    Point,
    PointsQuery,
    Push,
    PushedSample,
    Sample,
)
from flagtrail.model.state import State
from flagtrail.storage import Storage

PUSHED = "pushed"
"""The source whose samples lie in our own storage."""
MAX_SERIES = 1_000
"""Different sets of metric, environment and labels in one project."""
MAX_POINTS = 11_000
"""Of one answer; no more than Prometheus gives in one."""
FUTURE = timedelta(minutes=5)
"""How far ahead of the server's clock a sample may lie."""


class Pushed(msgspec.Struct, frozen=True):
    """What became of a push: how many samples were kept (all, or the push is refused)."""

    samples: int


class MetricPoints(msgspec.Struct, frozen=True, kw_only=True):
    """A metric in one environment, in buckets of `step` milliseconds; `since` and `until` are stamps."""

    metric: str
    environment: str
    since: str
    until: str
    step: int
    points: tuple[Point, ...]


class Watched:
    """The metrics of all projects. May be called from any thread."""

    def __init__(
        self, storage: Storage, sources: Sequence[Source], state: Callable[[], State], clock: Clock, *, days: int
    ) -> None:
        self._storage = storage
        self._sources = sources
        self._state = state
        self._clock = clock
        self._kept = timedelta(days=days)

    def push(self, identity: Identity, project: str, push: Push) -> Pushed:
        """Keep samples: all of them, or none where any cannot be.

        An editor may push for every environment, a server token for its own. Raises Forbidden, NotFound,
        InvalidDocument (every defect), TooLarge where there would be too many series.
        """
        environment = _own_environment(identity, project)
        for each in sorted({sample.environment for sample in push.samples}) if environment is None else ():
            identity.require("editor", project, each or None)
        state, now = self._state(), self._clock()
        if project not in state.projects():
            raise NotFound(f"there is no project {project!r}", kind="project", key=project)
        reading = _Reading(now, now - self._kept, environment, frozenset(state.environments(project)))
        samples = [reading.sample(index, each) for index, each in enumerate(push.samples)]
        if reading.defects:
            raise InvalidDocument(reading.defects)
        self._refuse_too_many(project, samples)
        self._storage.add_samples(project, samples)
        return Pushed(len(samples))

    def metrics(self, project: str) -> list[Metric]:
        """Every metric that can be watched, by name. Raises NotFound for an unknown project."""
        if project not in self._state().projects():
            raise NotFound(f"there is no project {project!r}", kind="project", key=project)
        found: dict[str, Metric] = {}
        for source in self._sources:
            for metric in source.metrics(project):
                found.setdefault(metric.name, metric)
        return [found[name] for name in sorted(found)]

    def source(self, project: str, metric: str) -> Source:
        """Where a metric comes from, to be asked as often as needed. Raises NotFound for one that nobody has."""
        for source in self._sources:
            if any(each.name == metric for each in source.metrics(project)):
                return source
        raise NotFound(f"there is no metric {metric!r}", kind="metric", key=metric)

    def read(
        self, project: str, metric: str, environment: str, *, since: str | None, until: str | None, step: int | None
    ) -> MetricPoints:
        """A metric over a period (by default the last day) in buckets of `step` seconds (by default, some 300)."""
        end = self._clock() if until is None else datetime.fromisoformat(until)
        begin = end - timedelta(days=1) if since is None else datetime.fromisoformat(since)
        if begin >= end:
            raise InvalidQuery(f"the period from {stamp(begin)} to {stamp(end)} is empty", parameter="since")
        if self._state().environment(project, environment) is None:
            raise NotFound(f"there is no environment {environment!r}", kind="environment", key=environment)
        length = milliseconds(end) - milliseconds(begin)
        chosen = step * 1_000 if step is not None else max(length // 300 // 1_000 * 1_000, 1_000)
        if length // chosen > MAX_POINTS:
            raise InvalidQuery(f"an answer has at most {MAX_POINTS:,} points", parameter="step")
        query = PointsQuery(
            project=project,
            metric=metric,
            environment=environment,
            since=milliseconds(begin),
            until=milliseconds(end),
            step=chosen,
        )
        return MetricPoints(
            metric=metric,
            environment=environment,
            since=stamp(begin),
            until=stamp(end),
            step=chosen,
            points=tuple(self.source(project, metric).points(query)),
        )

    def forget(self) -> int:
        """Remove samples that were kept for long enough; how many went."""
        return self._storage.delete_old_samples(milliseconds(self._clock() - self._kept))

    def close(self) -> None:
        """Let go of connections to sources."""
        for source in self._sources:
            source.close()

    def _refuse_too_many(self, project: str, samples: Sequence[Sample]) -> None:
        held = {(each.metric, each.environment, each.labels) for each in self._storage.metric_series(project)}
        named = {(each.metric, each.environment, each.labels) for each in samples}
        if len(held | named) > max(MAX_SERIES, len(held)):
            raise TooLarge(
                f"a project has at most {MAX_SERIES:,} series (metric, environment, labels); it has {len(held):,}, and"
                f" these samples bring {len(named - held):,} more: use fewer labels"
            )


class _Reading:
    """Makes samples of what was pushed, and notes every defect."""

    def __init__(self, now: datetime, oldest: datetime, own: str | None, environments: frozenset[str]) -> None:
        self._now, self._own, self._environments = milliseconds(now), own, environments
        self._oldest, self._newest = milliseconds(oldest), milliseconds(now + FUTURE)
        self.defects: list[Defect] = []

    def sample(self, index: int, pushed: PushedSample) -> Sample:
        at = self._time(index, pushed)
        path = f"/samples/{index}"
        if not is_key(pushed.metric):
            told = f"{pushed.metric!r} is no metric's name: 1 to 256 of the characters A-Z a-z 0-9 . _ -"
            self.defects.append(Defect(f"{path}/metric", told))
        if not abs(pushed.value) <= MAX_VALUE:
            self.defects.append(Defect(f"{path}/value", f"must be a number from -{MAX_VALUE:g} to {MAX_VALUE:g}"))
        environment = pushed.environment or self._own or ""
        if environment and environment not in self._environments:
            self.defects.append(Defect(f"{path}/environment", f"there is no environment {environment!r}"))
        elif self._own is not None and environment != self._own:
            self.defects.append(Defect(f"{path}/environment", f"this token is of the environment {self._own!r}"))
        self.defects.extend(_label_defects(f"{path}/labels", pushed.labels))
        return Sample(pushed.metric, at, pushed.value, environment, tuple(sorted(pushed.labels.items())))

    def _time(self, index: int, pushed: PushedSample) -> int:
        try:
            at = self._now if pushed.time is None else _read_moment(pushed.time)
        except InvalidQuery as error:
            self.defects.append(Defect(f"/samples/{index}/time", error.detail))
            return self._now
        if not self._oldest <= at <= self._newest:
            when = "in the future" if at > self._now else "before what is kept (FLAGTRAIL_METRIC_DAYS)"
            self.defects.append(Defect(f"/samples/{index}/time", f"lies {when}"))
        return at


def _label_defects(path: str, labels: dict[str, str]) -> Iterator[Defect]:
    if len(labels) > MAX_LABELS:
        yield Defect(path, f"has more than {MAX_LABELS} labels")
    for name, value in labels.items():
        if not is_key(name) or len(name) > MAX_LABEL:
            yield Defect(path, f"{name!r} is no label's name: 1 to {MAX_LABEL} of the characters A-Z a-z 0-9 . _ -")
        if len(value) > MAX_LABEL or not value.isprintable():
            yield Defect(path, f"the value of {name!r} must be at most {MAX_LABEL} printable characters")


def _own_environment(identity: Identity, project: str) -> str | None:
    """The one environment that a server token pushes for; None for whoever needs a role."""
    if not identity.evaluates_only:
        return None
    own, environment = identity.scope
    if not identity.reads_ruleset or own != project or environment is None:
        raise Forbidden("metrics are pushed with a server token of their own environment, or with the role editor")
    return environment


def _read_moment(given: str | float) -> int:
    """Unix milliseconds; raises InvalidQuery."""
    if isinstance(given, str):
        return milliseconds(datetime.fromisoformat(read_time(given)))
    if not isfinite(given * 1_000):
        raise InvalidQuery(f"{given!r} is not a time")
    return round(given * 1_000)


def milliseconds(moment: datetime) -> int:
    """Unix milliseconds."""
    return round(moment.timestamp() * 1_000)
