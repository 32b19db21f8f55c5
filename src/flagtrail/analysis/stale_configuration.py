"""What a flag's configuration says of whether it could go: what it serves, whether it ever was on, what was planned."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime, timedelta

import msgspec

from flagtrail.analysis.shares import answer
from flagtrail.analysis.stale_reason import Code, StaleReason, lasting, moment, stamp
from flagtrail.analysis.world import world
from flagtrail.model.environment import Environment
from flagtrail.model.flag import Flag
from flagtrail.model.state import State
from flagtrail.model.thresholds import Limits


class Told(msgspec.Struct, frozen=True):
    """The reason where one holds, the variant that everybody gets, and the entries that this rests on."""

    reason: StaleReason | None
    winner: str | None
    seqs: tuple[int, ...]


class Configured(msgspec.Struct, frozen=True):
    """The flags of some environments as they are configured, and since when.

    `changed` is, by an entry's seq, when its document last changed what contexts get; `enabled` says whether a flag
    was ever enabled anywhere, as far as that is known.
    """

    state: State
    project: str
    environments: Mapping[str, Environment]
    changed: Mapping[int, str]
    born: Mapping[str, str]
    enabled: Callable[[str], bool]
    now: datetime

    def judged(self, flag: Flag, limits: Limits) -> Told:
        """What the configuration says; of what is permanent, nothing."""
        worlds = {key: world(self.state, self.project, key, flag.key) for key in self.environments}
        placed = {
            key: read
            for key, read in worlds.items()
            if flag.key in read.targetings or self.environments[key].production  # not configured there means off there
        } or worlds
        served = {key: answer(read, flag.key, {}).only_variant for key, read in placed.items()}
        on = {key for key, read in placed.items() if flag.key in read.targetings and read.targetings[flag.key].enabled}
        seqs = tuple(sorted({seq for read in placed.values() for seq in read.seqs}))
        winner = self._winner(served, on)
        if limits.permanent or not placed:
            return Told(None, None, seqs)
        since = max(moment(self.changed[seq]) for seq in seqs if seq in self.changed)
        if on:
            found = None if winner is None else self._constant(winner, served, on, since, limits.one_variant)
        else:
            found = self._off(flag, tuple(served), since, limits)
        return Told(found, winner if found is not None else None, seqs)

    def _constant(
        self, winner: str, served: Mapping[str, str | None], on: set[str], since: datetime, limit: int
    ) -> StaleReason | None:
        off = [key for key in served if key not in on]
        told = [f"{winner} for everybody in {', '.join(key for key in served if key in on)}"]
        told.extend([f"disabled in {', '.join(off)}"] if off else [])
        return self._unchanged("one_variant", told, since, limit)

    def _off(self, flag: Flag, where: tuple[str, ...], since: datetime, limits: Limits) -> StaleReason | None:
        """Why a flag that is off wherever one looks could go: it never was on, or it has been off for long."""
        if self.enabled(flag.key):
            return self._unchanged("off_everywhere", [f"disabled in {', '.join(where)}"], since, limits.off_everywhere)
        born = moment(self.born[flag.key])
        days = (self.now - born) / timedelta(days=1)
        if days < limits.never_enabled:
            return None
        told = f"never enabled anywhere since it was created {int(days)} days ago"
        return StaleReason("never_enabled", told, stamp(born), lasting(days, limits.never_enabled))

    def _unchanged(self, code: Code, told: list[str], since: datetime, limit: int) -> StaleReason | None:
        days = (self.now - since) / timedelta(days=1)
        if days < limit:
            return None
        evidence = "; ".join([*told, f"configuration unchanged for {int(days)} days"])
        return StaleReason(code, evidence, stamp(since), lasting(days, limit))

    def _winner(self, served: Mapping[str, str | None], on: set[str]) -> str | None:
        """The one variant for everybody everywhere.

        An environment that is no production and where the flag is disabled does
        not count beside others: code may lose the flag without harm to it. But a
        flag that is off in production and on elsewhere waits for its launch.
        """
        production = {key for key in served if self.environments[key].production}
        decisive = production or on or set(served)
        variants = {served[key] for key in served if key in decisive or key in on}
        return next(iter(variants)) if len(variants) == 1 else None


def planned(flag: Flag, born: datetime, limits: Limits, now: datetime) -> Iterator[StaleReason]:
    """What the flag's lifecycle promised: that says little of what is, so that it is of low confidence."""
    remove_by = flag.lifecycle.remove_by
    if remove_by is not None and remove_by < stamp(now)[: len("2026-12-31")]:
        yield StaleReason("past_remove_by", f"was to be removed by {remove_by}", remove_by, "low")
    if not limits.permanent:
        end = born + timedelta(days=limits.lifetime)
        if end <= now:
            age = (now - end).days + limits.lifetime
            told = f"{age} days old; a flag of the kind {flag.lifecycle.kind} is expected to live {limits.lifetime}"
            yield StaleReason("past_expected_lifetime", told, stamp(end), "low")
