"""Guards at work: making them part of a change, watching them, and taking back what breached one."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from datetime import UTC, datetime, timedelta
from typing import cast

import msgspec
import structlog

from flagtrail.analysis.guarding import MINUTE, Reading, Span, Standing, standing
from flagtrail.app.change import Changes
from flagtrail.app.clock import Clock, stamp
from flagtrail.app.identity import SYSTEM_IDENTITY
from flagtrail.app.lease import Lease, LeaseLost
from flagtrail.app.watched import PUSHED, Watched, milliseconds
from flagtrail.changes.revert import reverts
from flagtrail.model.change import Change, Operation
from flagtrail.model.document import encode
from flagtrail.model.entry import Entry
from flagtrail.model.errors import (
    AlreadyExists,
    Defect,
    FlagtrailError,
    InUse,
    InvalidDocument,
    MetricUnreadable,
    NotFound,
    VersionConflict,
)
from flagtrail.model.guard import Guard, GuardAction, Limit
from flagtrail.model.metric import Point, PointsQuery
from flagtrail.model.state import Versioned
from flagtrail.model.subject import Subject, guard_subject
from flagtrail.storage import Storage, Transaction

log = structlog.get_logger()

BUCKETS = 5
"""In so many the time of a mean is read: one late sample is then no gap."""
CHECK_SECONDS = 5.0
"""How often guards are judged."""
IDLE_SECONDS = 60.0
"""How often to look where none watches; a change wakes the follower."""
PATIENCE = timedelta(minutes=2)
"""How long after its end a guard waits for samples that are late, before it is ended without a verdict."""
_TRIES = 3
"""A change that came in between may have moved the documents: that alone makes nothing impossible."""
_IMPOSSIBLE = (VersionConflict, InvalidDocument, InUse, NotFound, AlreadyExists)


class GuardPart(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The part of a change's body that guards it: for `minutes`, the mean over `over` minutes of each metric is held
    against its limit (`above` or `below`); a breach takes the change back, or with the action `alert` only tells.
    """

    limits: tuple[Limit, ...]
    minutes: int
    over: int = 5
    action: GuardAction = "revert"


class GuardView(msgspec.Struct, frozen=True, kw_only=True):
    """A guard as it stands: the change that it guards (`seq`), when it ends, and what its metrics read now.

    `lacking` says what cannot be judged: that is neither fine nor a breach.
    """

    flag: str
    environment: str
    guard: Guard
    seq: int
    since: str
    until: str
    readings: tuple[Reading, ...] = ()
    lacking: str = ""


class Guards:
    """The guards of all projects. May be called from any thread."""

    def __init__(self, storage: Storage, changes: Changes, watched: Watched, clock: Clock) -> None:
        self._storage = storage
        self._changes = changes
        self._watched = watched
        self._clock = clock

    def operation(self, project: str, flag: str, environment: str, part: GuardPart) -> Operation:
        """What sets a guard as a part of a change; raises InvalidDocument for a metric that nobody has."""
        subject = guard_subject(project, flag, environment)
        known = {metric.name for metric in self._watched.metrics(project)}
        prefix = f"{subject.path.split('/', 2)[2]}#"
        unknown = [
            Defect(f"{prefix}/limits/{index}/metric", f"there is no metric {limit.metric!r}")
            for index, limit in enumerate(part.limits)
            if limit.metric not in known
        ]
        if unknown:
            raise InvalidDocument(unknown)
        guard = Guard(part.limits, part.minutes, part.over, part.action)
        return Operation(action="put", subject=subject, value=encode(guard))

    def guards(self, project: str, *, flag: str | None = None, near: bool = False) -> list[GuardView]:
        """Every guard of a project that was not called off, those that watch first; raises NotFound.

        With `near` nothing is read that has to be pulled from elsewhere: nobody waits for another server.
        """
        state = self._changes.state
        if project not in state.projects():
            raise NotFound(f"there is no project {project!r}", kind="project", key=project)
        found = [held for held in state.of_kind("guard", project) if flag in {None, held.subject.flag}]
        pulled = {each.name for each in self._watched.metrics(project) if near and each.source != PUSHED}
        views = [self._view(held, pulled) for held in found]
        return sorted(views, key=lambda view: (view.guard.state != "watching", view.flag, view.environment))

    def watching(self) -> Iterator[Versioned]:
        """The guards that watch, in all projects."""
        state = self._changes.state
        for project in state.projects():
            for held in state.of_kind("guard", project):
                if cast("Guard", held.document).state == "watching":
                    yield held

    def watch(self, held: Versioned, *, require: Callable[[Transaction], None]) -> Standing:
        """Judge a guard that watches, and end it where it is time. `require` may refuse in the unit of work."""
        guard, entry = cast("Guard", held.document), self._entry(held.seq)
        found, now = self._standing(guard, entry), self._clock()
        if found.verdict == "watching":
            return found
        if found.verdict == "unjudged" and now < _end(guard, entry) + PATIENCE:
            return found
        self._end(held, entry, found, require)
        return found

    def _end(self, held: Versioned, entry: Entry, found: Standing, require: Callable[[Transaction], None]) -> None:
        """Write what came of a guard, with what takes the change back, in one unit of work."""
        guard = cast("Guard", held.document)
        if found.at is None:
            self._write(held, found, found.words, require)
            return
        words = f"{found.words} (mean of {guard.over} min until {_stamp(found.at)[:19]}Z)"
        refused = "" if guard.action == "alert" else self._take_back(held, entry, found, words, require)
        if refused is not None:
            self._write(held, found, f"{words}{refused}", require)

    def _take_back(
        self, held: Versioned, entry: Entry, found: Standing, words: str, require: Callable[[Transaction], None]
    ) -> str | None:
        """Take back what a breached guard guards; None where that is done, else why it cannot be, in words."""
        group = self._storage.entries_from(entry.seq - entry.group.index, entry.group.count)
        guarded = [each for each in group if each.subject.kind != "guard"]
        why = ""
        for _ in range(_TRIES):
            try:
                operations = reverts(self._changes.state, guarded)
                told = f"{words}; taken back"
                self._write(held, found, told, require, operations=operations, takes_back=guarded[0].seq)
            except _IMPOSSIBLE as error:
                why = error.detail
                if self._changes.catch_up().held(held.subject) != held:
                    return None  # somebody called it off, or set another, just now
            else:
                return None
        return f"; not taken back: {why}"

    def _write(
        self,
        held: Versioned,
        found: Standing,
        outcome: str,
        require: Callable[[Transaction], None],
        *,
        operations: tuple[Operation, ...] = (),
        takes_back: int | None = None,
    ) -> None:
        guard = cast("Guard", held.document)
        ended = msgspec.structs.replace(guard, state=found.verdict, outcome=outcome)
        own = Operation(action="put", subject=held.subject, value=encode(ended), version=held.version)
        why = f"guard of entry {held.seq}: {outcome}"
        change = Change(operations=(*operations, own), why=why, reverts=takes_back)
        self._changes.apply_all([(SYSTEM_IDENTITY, change)], guard=require)
        log.info("guard.ended", guard=held.subject.path, seq=held.seq, state=found.verdict, reverted=bool(operations))

    def _view(self, held: Versioned, pulled: Collection[str]) -> GuardView:
        guard = cast("Guard", held.document)
        entry = self._entry(self._set_by(held))
        read = guard.state == "watching" and not any(limit.metric in pulled for limit in guard.limits)
        found = self._standing(guard, entry) if read else None
        return GuardView(
            flag=held.subject.flag or "",
            environment=held.subject.environment or "",
            guard=guard,
            seq=entry.seq,
            since=entry.time,
            until=stamp(_end(guard, entry)),
            readings=() if found is None else found.readings,
            lacking="" if found is None or found.verdict == "breached" else found.words,
        )

    def _set_by(self, held: Versioned) -> int:
        """The entry that set the guard, whatever became of it."""
        entry = self._entry(held.seq)
        while "guarded" not in entry.actions and entry.previous >= 0:
            entry = self._entry(entry.previous)
        return entry.seq

    def _standing(self, guard: Guard, entry: Entry) -> Standing:
        since, end = _moment(entry.time), _end(guard, entry)
        now = min(self._clock(), end)
        series: dict[str, list[Point]] = {}
        failed: dict[str, str] = {}
        for limit in guard.limits:
            try:
                series[limit.metric] = self._points(entry.subject, guard, limit.metric, since, now)
            except (MetricUnreadable, NotFound) as error:
                failed[limit.metric] = error.detail
        span = Span(milliseconds(since), milliseconds(self._clock()), milliseconds(end))
        found = standing(guard, span, series)
        if failed and found.verdict in {"watching", "unjudged"}:
            told = "; ".join(filter(None, [found.words, *(f"{name}: {why}" for name, why in failed.items())]))
            return msgspec.structs.replace(found, words=told)
        return found

    def _points(self, subject: Subject, guard: Guard, metric: str, since: datetime, until: datetime) -> list[Point]:
        begin, end = milliseconds(since), milliseconds(until)
        if begin >= end:
            return []
        query = PointsQuery(
            project=subject.project or "",
            metric=metric,
            environment=subject.environment or "",
            since=begin,
            until=end,
            step=guard.over * MINUTE // BUCKETS,
        )
        return self._watched.source(query.project, metric).points(query)

    def _entry(self, seq: int) -> Entry:
        entry = self._storage.entry(seq)
        if entry is None:
            raise NotFound(f"there is no entry {seq}", kind="entry", key=str(seq))
        return entry


class GuardFollower:
    """Watches every guard, on the replica that holds the lease."""

    name = "guards"

    def __init__(self, guards: Guards, lease: Lease) -> None:
        self._guards = guards
        self._lease = lease

    def step(self) -> float | None:
        """Judge each guard once. One that cannot be ended just now holds up no other."""
        if not self._lease.held():
            return None
        waiting = False
        failed: FlagtrailError | None = None
        for held in list(self._guards.watching()):
            waiting = True
            try:
                self._guards.watch(held, require=self._lease.require)
            except LeaseLost:
                return None
            except VersionConflict:  # changed by a person just now: looked at again at the next step
                continue
            except FlagtrailError as error:
                failed = failed or error
        if failed is not None:
            raise failed
        return CHECK_SECONDS if waiting else IDLE_SECONDS


def _end(guard: Guard, entry: Entry) -> datetime:
    return _moment(entry.time) + timedelta(minutes=guard.minutes)


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text)


def _stamp(at: int) -> str:
    return stamp(datetime.fromtimestamp(at / 1_000, UTC))
