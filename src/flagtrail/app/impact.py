"""The question flow of impact: gather what is known around a change, and hand it to `analysis.impact`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta

import msgspec

from flagtrail.analysis import impact
from flagtrail.analysis.as_of import At
from flagtrail.analysis.effect import Day, Windows, windows
from flagtrail.analysis.impact import FlagImpact, Impact, Measured, ObservedShift
from flagtrail.app.as_of import state_at
from flagtrail.app.ask import Ask
from flagtrail.app.clock import Clock, stamp
from flagtrail.app.watched import Watched, milliseconds
from flagtrail.model.entry import Entry, Touch
from flagtrail.model.errors import BeforeRecord, InvalidQuery, MetricUnreadable, NotFound
from flagtrail.model.metric import Point, PointsQuery
from flagtrail.model.preview import PREVIEWS, PredictedShift, StoredPreview, preview_key
from flagtrail.model.state import State
from flagtrail.storage import EntryQuery, Record, Storage, UsageQuery

DAYS = 28
"""Earlier days that a change's day is compared with."""
WINDOW_MINUTES = 60
LEAST_MINUTES, MOST_MINUTES = 5, 24 * 60
MAX_METRICS = 20
MAX_FLAGS = 20
USAGE_REACH = timedelta(hours=24)
"""How far on either side of a change evaluations are counted, unless the flag changed again."""
_MANY = 1_000
_HOUR = timedelta(hours=1)
_SERVING = frozenset({"flag", "targeting", "segment"})


class _Change(msgspec.Struct, frozen=True):
    """One request of one or more entries, in one environment: the flags it could alter, the states just before and
    just after, what the rules were predicted to do, and the other changes of these flags nearby.
    """

    entry: Entry
    environment: str
    group: range
    flags: Sequence[str]
    states: tuple[State, State]
    predicted: dict[str, PredictedShift]
    near: Sequence[Entry]

    @property
    def project(self) -> str:
        return self.entry.subject.project or ""

    @property
    def at(self) -> datetime:
        return datetime.fromisoformat(self.entry.effective)

    def before(self) -> datetime | None:
        """When one of the flags was changed last before."""
        found = [each.effective for each in self.near if _order(each) < _order(self.entry)]
        return datetime.fromisoformat(max(found)) if found else None

    def after(self) -> Entry | None:
        """The next change of one of the flags."""
        found = [each for each in self.near if _order(each) > _order(self.entry)]
        return min(found, key=_order, default=None)


class Impacts:
    """Answers what came of a change; changes nothing."""

    def __init__(self, storage: Storage, ask: Ask, watched: Watched, clock: Clock) -> None:
        self._storage = storage
        self._ask = ask
        self._watched = watched
        self._clock = clock

    def impact(
        self,
        project: str,
        seq: int,
        *,
        environment: str | None = None,
        metrics: Sequence[str] = (),
        minutes: int = WINDOW_MINUTES,
    ) -> Impact:
        """What came of the request that an entry belongs to, in one environment.

        Without `environment` in the entry's own, else in production. Without `metrics` of every one that is watched.
        Raises NotFound for an entry, environment or metric that is not there, InvalidQuery for an impossible window.
        """
        if not LEAST_MINUTES <= minutes <= MOST_MINUTES:
            raise InvalidQuery(f"a window has {LEAST_MINUTES} to {MOST_MINUTES:,} minutes", parameter="window")
        entry = self._ask.entry(seq)
        if entry.subject.project != project:
            raise NotFound(f"entry {seq} is not of project {project!r}", kind="entry", key=str(seq))
        names = self.names(project, metrics)
        change = self._change(entry, self._environment(project, environment or entry.subject.environment))
        following, now = change.after(), self._clock()
        then = now if following is None else min(datetime.fromisoformat(following.effective), now)
        asked = windows(milliseconds(change.at), width=minutes * 60_000, end=milliseconds(then))
        flags = self._flags(change, then)
        judged = impact.judge(asked, [self.measured(project, change.environment, name, asked) for name in names])
        meanwhile = self._meanwhile(change, asked)
        return Impact(
            project=project,
            seq=seq,
            environment=change.environment,
            since=_stamp(asked.start),
            at=entry.effective,
            until=_stamp(asked.end),
            ended_by=following.seq if following is not None and asked.end < asked.at + minutes * 60_000 else None,
            flags=flags,
            metrics=judged,
            meanwhile=meanwhile,
            left_out=len(change.flags) - len(flags),
            words=impact.summary(flags, judged, len(meanwhile)),
        )

    def measured(self, project: str, environment: str, metric: str, asked: Windows) -> Measured:
        """A metric in the windows of a day, and in those of the days before it."""
        source = self._watched.source(project, metric)

        def points(ago: int) -> list[Point]:
            own = asked.earlier(ago)
            query = PointsQuery(
                project=project,
                metric=metric,
                environment=environment,
                since=own.start,
                until=own.end,
                step=own.step,
            )
            return source.points(query)

        try:
            today = Day(0, points(0))
            return Measured(metric, today, [Day(ago, points(ago)) for ago in range(1, DAYS + 1)])
        except MetricUnreadable as error:
            return Measured(metric, Day(0, []), [], failed=error.detail)

    def _environment(self, project: str, named: str | None) -> str:
        """The environment that is asked about: the named one, else production, else the project's first."""
        known = self._ask.state.environments(project)
        if named is None:
            return next((key for key, each in known.items() if each.production), next(iter(known), ""))
        if named not in known:
            raise NotFound(f"there is no environment {named!r}", kind="environment", key=named)
        return named

    def names(self, project: str, asked: Sequence[str]) -> Sequence[str]:
        """The metrics to look at; raises NotFound for one that nobody has, InvalidQuery for too many."""
        known = [metric.name for metric in self._watched.metrics(project)]
        for name in asked:
            if name not in known:
                raise NotFound(f"there is no metric {name!r}", kind="metric", key=name)
        chosen = list(dict.fromkeys(asked)) or known
        if len(chosen) > MAX_METRICS:
            told = f"{len(chosen)} metrics are watched and at most {MAX_METRICS} looked at: name those that matter"
            raise InvalidQuery(told, parameter="metric")
        return chosen

    def _change(self, entry: Entry, environment: str) -> _Change:
        project = entry.subject.project or ""
        first = entry.seq - entry.group.index
        group = range(first, first + entry.group.count)
        touched = {touch for record in self._storage.records(group.start, group.stop) for touch in _touches(record)}
        flags = sorted({touch.flag for touch in touched if touch.environment in {"", environment}})
        at = datetime.fromisoformat(entry.effective)
        query = EntryQuery(
            project=project,
            environment=environment,
            since=stamp(at - USAGE_REACH),
            until=stamp(at + USAGE_REACH),
            limit=_MANY,
        )
        near = {
            each.seq: each
            for flag in flags[:MAX_FLAGS]
            for each in self._storage.entries(msgspec.structs.replace(query, flag=flag))
        }
        raw = self._storage.cell(PREVIEWS, preview_key(first))
        predicted = () if raw is None else msgspec.json.decode(raw, type=StoredPreview).flags
        return _Change(
            entry,
            environment,
            group,
            flags,
            (self._state(project, group.start - 1), self._state(project, group.stop - 1)),
            {each.flag: each for each in predicted if each.environment == environment},
            [each for each in near.values() if each.seq not in group and each.subject.kind in _SERVING],
        )

    def _state(self, project: str, seq: int) -> State:
        with suppress(BeforeRecord):
            return state_at(self._storage, project, At(seq=seq))
        return State()

    def _flags(self, change: _Change, then: datetime) -> tuple[FlagImpact, ...]:
        """Each flag that the change could alter, counted until `then` at the latest."""
        summaries = self._storage.usage_summary(change.project) if change.flags else []
        counted = {each.flag for each in summaries if each.environment == change.environment}
        return tuple(
            impact.flag_impact(
                change.states,
                (change.project, change.environment, flag),
                change.predicted.get(flag),
                self._observed(change, flag, then, counting=flag in counted),
            )
            for flag in change.flags[:MAX_FLAGS]
        )

    def _observed(self, change: _Change, flag: str, then: datetime, *, counting: bool) -> ObservedShift:
        """Evaluations by whole hours on either side; the hour of the change itself belongs to neither."""
        since = _next_hour(max(change.before() or change.at - USAGE_REACH, change.at - USAGE_REACH))
        until = _hour(min(then, change.at + USAGE_REACH))
        middle = (_hour(change.at), _next_hour(change.at))
        counts = [self._counted(change, flag, begin, end) for begin, end in ((since, middle[0]), (middle[1], until))]
        return impact.observed(
            *counts, since=stamp(min(since, middle[0])), until=stamp(max(until, middle[1])), counting=counting
        )

    def _counted(self, change: _Change, flag: str, begin: datetime, end: datetime) -> Counter[str]:
        found: Counter[str] = Counter()
        if begin < end:
            query = UsageQuery(
                project=change.project,
                flag=flag,
                environment=change.environment,
                since=stamp(begin),
                until=stamp(end),
            )
            for each in self._storage.usage_counts(query):
                found[each.variant] += each.count
        return found

    def _meanwhile(self, change: _Change, asked: Windows) -> tuple[int, ...]:
        """Other changes of what is served, within the windows."""
        query = EntryQuery(project=change.project, since=_stamp(asked.start), until=_stamp(asked.end), limit=_MANY)
        return _seqs(
            each
            for each in self._storage.entries(query)
            if each.seq not in change.group
            and each.subject.kind in _SERVING
            and each.subject.environment in {None, change.environment}
        )


def _touches(record: Record) -> Iterator[Touch]:
    """The flags in whose history an entry stands; its own need not be among those that a store tells."""
    yield from record.touches
    subject = record.entry.subject
    if subject.flag is not None and subject.kind in _SERVING:
        yield Touch(subject.project or "", subject.flag, subject.environment or "")


def _stamp(at: int) -> str:
    return stamp(datetime.fromtimestamp(at / 1_000, UTC))


def _order(entry: Entry) -> tuple[str, int]:
    return entry.effective, entry.seq


def _seqs(entries: Iterable[Entry]) -> tuple[int, ...]:
    return tuple(sorted(entry.seq for entry in entries))


def _hour(moment: datetime) -> datetime:
    return moment.replace(minute=0, second=0, microsecond=0)


def _next_hour(moment: datetime) -> datetime:
    """The next full hour; the moment itself where it is one."""
    return _hour(moment) if moment == _hour(moment) else _hour(moment) + _HOUR
