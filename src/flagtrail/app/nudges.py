"""Nudges: once a week each owner is told which flags could go, through the channels of alerts."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, timedelta

import msgspec
import structlog

from flagtrail.analysis.stages import Standing
from flagtrail.app import waiting
from flagtrail.app.change import Changes
from flagtrail.app.clock import Clock, stamp
from flagtrail.app.lease import Lease, LeaseLost
from flagtrail.app.stages import Stages
from flagtrail.app.waiting import NUDGES, Waiting
from flagtrail.app.zones import zone_or_utc
from flagtrail.changes.due import last_weekly
from flagtrail.model.errors import FlagtrailError
from flagtrail.model.nudge import Nudge
from flagtrail.model.subject import stage_subject
from flagtrail.storage import Cell, Storage, Transaction

log = structlog.get_logger()
MARKS = "nudge"
LOOK_SECONDS = 60.0
"""How late a nudge may be."""
APART = timedelta(days=6)
"""Whoever was told is told again so much later at the earliest, however the day of the week was moved."""
TOLD = frozenset({"stale", "ready_to_remove", "code_removed"})


class _Mark(msgspec.Struct, frozen=True):
    """Up to which moment a project's nudges are settled, and when the newest was sent (a stamp; empty: none was)."""

    due: str
    sent: str = ""


class NudgeFollower:
    """Lets the week's lists wait for their channels when it is time, on the replica that holds the lease.

    That, and the mark that it is done, are written in one transaction: a list waits once, and then as an alert does,
    for as long as its channel is down.
    """

    name = "nudges"

    def __init__(
        self,
        storage: Storage,
        changes: Changes,
        stages: Stages,
        channels: Sequence[str],
        clock: Clock,
        lease: Lease,
        *,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._storage = storage
        self._changes = changes
        self._stages = stages
        self._channels = frozenset(channels)
        self._clock = clock
        self._lease = lease
        self._monotonic = monotonic
        self._looked = float("-inf")

    def step(self) -> float | None:
        """Look at each project, where it is time; the seconds until it is again. One that fails holds up no other."""
        if not self._lease.held():
            return None
        wait = self._looked + LOOK_SECONDS - self._monotonic()
        if wait > 0:
            return wait
        failed: FlagtrailError | None = None
        for project in list(self._changes.state.projects()):
            try:
                self._nudge(project)
            except LeaseLost:
                return None
            except FlagtrailError as error:
                failed = failed or error
        self._looked = self._monotonic()
        if failed is not None:
            raise failed
        return LOOK_SECONDS

    def _nudge(self, project: str) -> None:
        nudge = self._changes.state.nudge(project)
        if nudge is None:
            return
        due = last_weekly(nudge, self._clock(), zones=zone_or_utc)
        raw = self._storage.cell(MARKS, project)
        mark = None if raw is None else msgspec.json.decode(raw, type=_Mark)
        if mark is None:  # begins with what comes next
            self._settle(project, raw, _Mark(stamp(due)), [])
        elif not nudge.enabled:  # what is over when it is enabled again is not made up for
            if stamp(due) > mark.due:
                self._settle(project, raw, _Mark(stamp(due), mark.sent), [])
        elif stamp(due) > mark.due and not self._told_of_late(mark, due):
            self._stages.move(project, require=self._lease.require)
            found = list(self._lists(project, nudge, due))
            self._settle(project, raw, _Mark(stamp(due), stamp(due) if found else mark.sent), found)
            log.info("nudges.waiting", project=project, count=len(found))

    def _told_of_late(self, mark: _Mark, due: datetime) -> bool:
        return bool(mark.sent) and due - datetime.fromisoformat(mark.sent) < APART

    def _lists(self, project: str, nudge: Nudge, due: datetime) -> Iterator[tuple[str, Waiting]]:
        """What each channel is told: one alert for each flag, those of an owner together."""
        for each in self._stages.board(project).flags:
            held = self._changes.state.held(stage_subject(project, each.flag))
            if held is None or not _is_told(each):
                continue
            together = f"{due:%Y-%m-%d}/{each.owner}"
            alert = Waiting(project, NUDGES, held.seq, stamp(due), flags=(each.flag,), together=together)
            own = {each.owner} & self._channels
            for channel in sorted(own or self._channels & set(nudge.channels)):
                yield channel, alert

    def _settle(self, project: str, before: bytes | None, mark: _Mark, found: Sequence[tuple[str, Waiting]]) -> None:
        """Write down what waits and that it does, unless somebody else did meanwhile; raises LeaseLost."""

        def work(tx: Transaction) -> None:
            self._lease.require(tx)
            if tx.cell(MARKS, project) == before:
                for channel, alert in found:
                    waiting.put(tx, channel, alert)
                tx.put_cell(MARKS, Cell(project, msgspec.json.encode(mark)))

        self._storage.write(work)


def _is_told(each: Standing) -> bool:
    snoozed = each.verdict is not None and each.verdict.snoozed is not None
    return each.stage in TOLD and each.stage == each.recorded and not snoozed
