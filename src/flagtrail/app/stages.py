"""A flag's way out: who snoozes it, who says that it may go, and what the evidence moves by itself."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Literal, TypeAlias

import msgspec
import structlog

from flagtrail.analysis.project_health import COMING_AND_GOING, MONTHS, ProjectHealth, project_health
from flagtrail.analysis.stages import Board, Standing, codes
from flagtrail.app.change import MAX_WHY, Changes
from flagtrail.app.clock import Clock
from flagtrail.app.heard import require_project
from flagtrail.app.identity import SYSTEM_IDENTITY, Identity
from flagtrail.app.lease import Lease, LeaseLost
from flagtrail.app.stale import MANY, Gathered
from flagtrail.changes.leaving_words import stage_words
from flagtrail.model.change import Change, Operation
from flagtrail.model.document import encode
from flagtrail.model.errors import (
    Defect,
    FlagtrailError,
    InvalidDocument,
    NotFound,
    StageRefused,
    VersionConflict,
)
from flagtrail.model.stage import FlagStage, Snooze, is_date
from flagtrail.model.subject import snooze_subject, stage_subject
from flagtrail.storage import EntryQuery, Storage, Transaction

log = structlog.get_logger()

FIRST_SECONDS = 60.0
MOVE_SECONDS = 3_600.0
"""How often the evidence is looked at: it changes by days."""
_TRIES = 2
AT_ONCE = 200
"""Moves in one transaction: a large project's first ones must not hold up everybody else's changes."""
LONGEST = timedelta(days=366)
"""How far ahead a snooze may end: what is meant to stay for longer is permanent."""

Decided: TypeAlias = Literal["ready_to_remove", "code_removed"]
"""The stages to which people move a flag."""


class Stages:
    """The stages of all projects' flags. May be called from any thread."""

    def __init__(self, storage: Storage, changes: Changes, clock: Clock) -> None:
        self._storage = storage
        self._changes = changes
        self._clock = clock

    def board(self, project: str) -> Board:
        """Where each flag of a project stands. Raises NotFound."""
        require_project(self._changes.state, project)
        return Gathered(self._storage, self._changes.state, project, self._clock()).board()

    def health(self, project: str, *, months: int = MONTHS) -> ProjectHealth:
        """How a project fares with its flags, month by month. Raises NotFound."""
        require_project(self._changes.state, project)
        found = self._storage.entries(EntryQuery(project=project, kind="stage", limit=MANY))
        for action in COMING_AND_GOING:
            found.extend(self._storage.entries(EntryQuery(project=project, kind="flag", action=action, limit=MANY)))
        different = {entry.seq: entry for entry in found}
        return project_health(different.values(), project, now=self._clock(), months=months)

    def snoozed(
        self,
        project: str,
        flag: str,
        *,
        until: str,
        owner: str,
        reason: str,
        identity: Identity,
        version: int | None = None,
    ) -> Operation:
        """What snoozes a flag. Without an `owner` it is the flag's, else whoever asks.

        Raises NotFound, InvalidDocument.
        """
        known = self._changes.state.flag(project, flag)
        if known is None:
            raise NotFound(f"there is no flag {flag!r}", kind="flag", key=flag)
        snooze = Snooze(until, owner.strip() or known.owner or identity.actor.name or identity.actor.id, reason.strip())
        today = self._clock()
        prefix = f"flags/{flag}/snooze#"
        if not snooze.reason:
            raise InvalidDocument([Defect("/why", "is missing: say why the flag is to be left in peace")])
        if is_date(until) and not _day(today) < until <= _day(today + LONGEST):
            told = f"must be from tomorrow to {_day(today + LONGEST)}; what is to stay for longer is permanent"
            raise InvalidDocument([Defect(f"{prefix}/until", told)])
        return Operation(action="put", subject=snooze_subject(project, flag), value=encode(snooze), version=version)

    def decided(
        self,
        project: str,
        flag: str,
        stage: Decided,
        *,
        variant: str | None = None,
        commit: str = "",
        version: int | None = None,
    ) -> Operation:
        """What moves a flag to a stage that people decide. Raises NotFound, StageRefused, InvalidDocument."""
        standing = self._standing(project, flag)
        verdict, keep = standing.verdict, variant or standing.variant
        if verdict is None:
            raise StageRefused(f"{flag} is archived", flag=flag, stage="archived")
        known = self._changes.state.flag(project, flag)
        if variant is not None and known is not None and variant not in known.variants:
            listed = ", ".join(known.variants)
            raise InvalidDocument([Defect(f"flags/{flag}/stage#/variant", f"is none of the flag's: {listed}")])
        if stage == "ready_to_remove":
            _refuse_unready(standing, keep)
        elif not commit.strip():
            raise InvalidDocument([Defect(f"flags/{flag}/stage#/commit", "is missing: which commit removed the code?")])
        document = FlagStage(stage, codes(verdict), keep, commit.strip() or standing.commit)
        return _put(project, flag, document, version)

    def withdrawn(self, project: str, flag: str, *, version: int | None = None) -> Operation:
        """What takes back the stage that a person decided: the flag stands where its evidence leads.

        Raises NotFound, StageRefused.
        """
        standing = self._standing(project, flag)
        if standing.recorded not in {"ready_to_remove", "code_removed"} or standing.verdict is None:
            told = f"{flag} is {stage_words(standing.stage)}: nobody decided that"
            raise StageRefused(told, flag=flag, stage=standing.stage)
        verdict = standing.verdict
        return _put(project, flag, FlagStage(verdict.stage, codes(verdict), verdict.winning_variant), version)

    def move(self, project: str, *, require: Callable[[Transaction], None] | None = None) -> int:
        """Write down every move to which the evidence leads; how many. `require` may refuse in the unit of work."""
        moves = list(self._moves(project))
        for start in range(0, len(moves), AT_ONCE):
            self._changes.apply_all([(SYSTEM_IDENTITY, each) for each in moves[start : start + AT_ONCE]], guard=require)
        if moves:
            log.info("stages.moved", project=project, count=len(moves))
        return len(moves)

    def _moves(self, project: str) -> Iterator[Change]:
        for each in self.board(project).flags:
            if each.stage != each.recorded:
                reasons = () if each.verdict is None or each.stage == "archived" else codes(each.verdict)
                document = FlagStage(each.stage, reasons, each.variant, each.commit)
                operation = _put(project, each.flag, document, each.version)
                yield Change(operations=(operation,), why=f"{stage_words(each.stage)}: {each.why}"[:MAX_WHY])

    def _standing(self, project: str, flag: str) -> Standing:
        known = self._changes.state.flag(project, flag)
        if known is None:
            raise NotFound(f"there is no flag {flag!r}", kind="flag", key=flag)
        found = next((each for each in self.board(project).flags if each.flag == flag), None)
        if found is None:
            raise StageRefused(f"{flag} is archived", flag=flag, stage="archived")
        return found


class StageFollower:
    """Writes down the moves of all projects, on the replica that holds the lease: a while after it started, so that
    nobody waits for it then, and by the hour. `monotonic` is in seconds.
    """

    name = "stages"

    def __init__(
        self, stages: Stages, changes: Changes, lease: Lease, *, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self._stages = stages
        self._changes = changes
        self._lease = lease
        self._monotonic = monotonic
        self._due = monotonic() + FIRST_SECONDS

    def step(self) -> float | None:
        """Look at each project, where it is time; the seconds until it is again. Called whenever anything changes."""
        if not self._lease.held():
            return None
        wait = self._due - self._monotonic()
        if wait > 0:
            return wait
        self._move()
        self._due = self._monotonic() + MOVE_SECONDS
        return MOVE_SECONDS

    def _move(self) -> None:
        """Look at each project, at one twice that a person moved just then. One that fails holds up no other."""
        failed: FlagtrailError | None = None
        for project in list(self._changes.state.projects()):
            for _ in range(_TRIES):
                try:
                    self._stages.move(project, require=self._lease.require)
                except (VersionConflict, NotFound) as error:
                    log.info("stages.moved_meanwhile", project=project, code=error.code)
                except LeaseLost:
                    return
                except FlagtrailError as error:
                    failed = failed or error
                    break
                else:
                    break
        if failed is not None:
            raise failed


def _refuse_unready(standing: Standing, keep: str | None) -> None:
    verdict = standing.verdict
    facts = {"flag": standing.flag, "stage": standing.stage}
    if verdict is None or not verdict.reasons:
        raise StageRefused(f"no reason speaks for the removal of {standing.flag}", **facts)
    if verdict.blockers:
        told = "; ".join(blocker.evidence for blocker in verdict.blockers)
        blockers = [msgspec.to_builtins(blocker) for blocker in verdict.blockers]
        raise StageRefused(f"{standing.flag} cannot go yet: {told}", **facts, blockers=blockers)
    if keep is None:
        raise StageRefused(f"{standing.flag} serves several variants: name the one to keep", **facts)


def _put(project: str, flag: str, document: FlagStage, version: int | None) -> Operation:
    return Operation(action="put", subject=stage_subject(project, flag), value=encode(document), version=version)


def _day(moment: datetime) -> str:
    """The day (UTC) of a moment, ISO 8601."""
    return f"{moment.astimezone(UTC):%Y-%m-%d}"
