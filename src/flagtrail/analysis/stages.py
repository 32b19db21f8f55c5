"""Where each flag stands on its way out: what was written down, and what follows from the evidence now."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime

import msgspec

from flagtrail.analysis.stale_reason import listed, moment
from flagtrail.analysis.stale_references import ASKING, Scanned
from flagtrail.analysis.staleness import FlagStaleness, StaleReport, flag_limits
from flagtrail.model.flag import Flag
from flagtrail.model.stage import FlagStage, Stage
from flagtrail.model.state import State, Versioned
from flagtrail.model.subject import stage_subject
from flagtrail.model.thresholds import Limits

ACTIVE = FlagStage("active")


class Standing(msgspec.Struct, frozen=True, kw_only=True):
    """One flag on the board. `stage` is where it stands, `recorded` what the ledger says so far: both are the same
    but for a while after something changed. `since` is when it came to the recorded stage, where that was written down.

    `verdict` is the evidence, null for an archived flag. `variant` is the one to keep, `why` what speaks for the stage.
    """

    flag: str
    owner: str
    kind: str
    stage: Stage
    recorded: Stage
    since: str | None
    age_days: int
    variant: str | None = None
    commit: str = ""
    why: str = ""
    version: int = 0
    verdict: FlagStaleness | None = None


class Board(msgspec.Struct, frozen=True):
    """Every flag by key, but for archived ones that never had a stage."""

    project: str
    now: str
    flags: tuple[Standing, ...]

    def at_stage(self, stage: Stage) -> tuple[Standing, ...]:
        """The flags at one stage."""
        return tuple(each for each in self.flags if each.stage == stage)


class Move(msgspec.Struct, frozen=True):
    """The stage to which the evidence leads, and why."""

    becomes: FlagStage
    why: str = ""


def board(state: State, report: StaleReport, scanned: Mapping[str, Scanned], born: Mapping[str, str]) -> Board:
    """Where each flag of a report's project stands. `born` are the stamps of creation, as far as they are known."""
    verdicts = {each.flag: each for each in report.flags}
    now = moment(report.now)
    found: list[Standing] = []
    for key, flag in state.flags(report.project).items():
        held = state.held(stage_subject(report.project, key))
        recorded = _recorded(held)
        if flag.archived and recorded == ACTIVE:
            continue
        looked = scanned.get(key)
        limits = flag_limits(state, report.project, flag)
        move = next_move(recorded, _since(held) or "", verdicts.get(key), looked, limits, now)
        found.append(_standing(flag, held, move, verdicts.get(key), _age(born, key, now)))
    return Board(report.project, report.now, tuple(found))


def next_move(
    recorded: FlagStage,
    since: str,
    verdict: FlagStaleness | None,
    scanned: Scanned | None,
    limits: Limits,
    now: datetime,
) -> Move:
    """Where a flag comes to from the stage that was written down at `since`; no `verdict`: it is archived.

    What a person decided stands for as long as the evidence does not speak against it. A snooze stops all moves
    but those that say what happened: archived, and the code is gone.
    """
    if verdict is None:
        return Move(msgspec.structs.replace(recorded, stage="archived", reasons=()), "the flag was archived")
    fresh = scanned if scanned is not None and scanned.repositories and scanned.is_fresh(limits, now) else None
    if fresh is not None and not fresh.total and (fresh.had or recorded.commit):
        if recorded.stage == "code_removed":
            return Move(recorded)
        told = f"no reference is left in {listed(fresh.repositories)}, scanned {fresh.oldest[:10]}"
        return Move(msgspec.structs.replace(recorded, stage="code_removed", reasons=codes(verdict)), told)
    if recorded.stage == "code_removed" and not _is_back(fresh, since):
        return Move(recorded)
    if verdict.snoozed is not None and recorded.stage not in {"archived", "code_removed"}:
        return Move(recorded)
    if recorded.stage == "ready_to_remove" and verdict.stage != "active" and _agrees(recorded, verdict):
        return Move(recorded)
    if recorded.stage == verdict.stage:
        return Move(recorded)
    becomes = FlagStage(verdict.stage, codes(verdict), verdict.winning_variant)
    return Move(becomes, "; ".join(_told(recorded, verdict, fresh)))


def codes(verdict: FlagStaleness) -> tuple[str, ...]:
    """The codes of a verdict's reasons."""
    return tuple(reason.code for reason in verdict.reasons)


def _told(recorded: FlagStage, verdict: FlagStaleness, fresh: Scanned | None) -> Iterator[str]:
    """Why a flag moved by its evidence."""
    if recorded.stage == "code_removed" and fresh is not None:
        yield f"code of {listed(fresh.repositories)} asks for it again"
    if not verdict.reasons:
        yield "no reason holds any more"
    yield from (f"{reason.code}: {reason.evidence}" for reason in verdict.reasons)


def _is_back(fresh: Scanned | None, since: str) -> bool:
    """Whether a scan that was made after the code was removed finds that something asks for the flag again."""
    asking = fresh is not None and any(fresh.counts.get(kind) for kind in ASKING)
    return asking and fresh is not None and fresh.oldest > since


def _agrees(recorded: FlagStage, verdict: FlagStaleness) -> bool:
    """Whether the variant that was to be kept still is the one that everybody gets."""
    return verdict.winning_variant is None or recorded.variant in {None, verdict.winning_variant}


def _recorded(held: Versioned | None) -> FlagStage:
    document = None if held is None else held.document
    return document if isinstance(document, FlagStage) else ACTIVE


def _since(held: Versioned | None) -> str | None:
    return None if held is None or held.document is None else held.effective


def _standing(flag: Flag, held: Versioned | None, move: Move, verdict: FlagStaleness | None, age: int) -> Standing:
    recorded = _recorded(held)
    winner = None if verdict is None else verdict.winning_variant
    return Standing(
        flag=flag.key,
        owner=flag.owner,
        kind=flag.lifecycle.kind,
        stage=move.becomes.stage,
        recorded=recorded.stage,
        since=_since(held) if recorded.stage == move.becomes.stage else None,
        age_days=age,
        variant=move.becomes.variant if move.becomes.variant is not None else winner,
        commit=move.becomes.commit,
        why=move.why,
        version=0 if held is None else held.version,
        verdict=verdict,
    )


def _age(born: Mapping[str, str], flag: str, now: datetime) -> int:
    return (now - moment(born[flag])).days if flag in born else 0
