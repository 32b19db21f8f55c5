"""Which flags could go, and on what evidence?

Three signals are asked: what is configured (`stale_configuration.py`), what is
evaluated (`stale_usage.py`), and what stands in source code (`stale_references.py`).
How often a flag is evaluated never excuses one variant for everybody: that is
judged from its configuration alone. And no data is never "unused": an
environment that reports no usage proves nothing, nor does code that nobody scanned.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime
from typing import Literal

import msgspec

from flagtrail.analysis.stale_blockers import Versions, dependents, guards, old_versions
from flagtrail.analysis.stale_configuration import Configured, planned
from flagtrail.analysis.stale_reason import Blocker, StaleReason, moment, stamp
from flagtrail.analysis.stale_references import Scanned, Seen
from flagtrail.analysis.stale_references import reasons as reference_reasons
from flagtrail.analysis.stale_usage import Counts, Reporting, Usages
from flagtrail.model.entry import Entry
from flagtrail.model.flag import Flag
from flagtrail.model.stage import Snooze
from flagtrail.model.state import State
from flagtrail.model.subject import Kind
from flagtrail.model.thresholds import Limits, limits
from flagtrail.model.usage import UsageClient, UsageReporter, UsageSummary

Judged = Literal["active", "potentially_stale", "stale"]
"""The stages that evidence alone leads to."""
CONFIGURING = frozenset({"created", "type_changed", "variants_changed", "restored"})


class FlagStaleness(msgspec.Struct, frozen=True):
    """One flag's verdict. `winning_variant` is the one to keep, where there is one; `blockers` are told of a flag that
    could go: what has to be settled first. `scanned`: source code was scanned for it. `snoozed` is its snooze while
    that holds.
    """

    flag: str
    owner: str
    kind: str
    stage: Judged
    reasons: tuple[StaleReason, ...]
    winning_variant: str | None
    last_evaluated: str | None
    seqs: tuple[int, ...]
    blockers: tuple[Blocker, ...] = ()
    permanent: bool = False
    scanned: bool = False
    snoozed: Snooze | None = None


class StaleReport(msgspec.Struct, frozen=True):
    """Every flag that is not archived, by key. `unreported` are environments without any usage, for which the rules
    about evaluation say nothing; `reporting` says on whom they rest elsewhere.
    """

    project: str
    environment: str | None
    now: str
    flags: tuple[FlagStaleness, ...]
    unreported: tuple[str, ...]
    notes: tuple[str, ...]
    reporting: tuple[Reporting, ...] = ()

    def at_stage(self, stage: Judged) -> tuple[FlagStaleness, ...]:
        """The flags at one stage."""
        return tuple(each for each in self.flags if each.stage == stage)


class Lives(msgspec.Struct, frozen=True):
    """By flag: the stamp of its newest creation, and of the newest change of its definition that can alter answers."""

    created: dict[str, str]
    configured: dict[str, str]


class Asking(msgspec.Struct, frozen=True):
    """What is looked up for those flags alone that it matters for, each by the flag's key.

    `clients` ever asked for it, `counts` how often which variant was served, `scanned` what stands in source code
    (None where no scan looked for it), `enabled` whether it was ever enabled anywhere (true where that is not known).
    """

    clients: Callable[[str], Sequence[UsageClient]] = lambda _flag: ()
    counts: Counts = lambda _flag, _since: ()
    scanned: Callable[[str], Scanned | None] = lambda _flag: None
    enabled: Callable[[str], bool] = lambda _flag: True


NOTHING_KNOWN = Asking()


def lives_of(entries: Iterable[Entry]) -> Lives:
    """What `staleness` needs to know of the flags' own entries, in any order."""
    created: dict[str, str] = {}
    configured: dict[str, str] = {}
    for entry in sorted(entries, key=lambda entry: (entry.effective, entry.seq)):
        if entry.subject.kind == "flag":
            if "created" in entry.actions:
                created[entry.subject.name] = entry.effective
            if CONFIGURING & set(entry.actions):
                configured[entry.subject.name] = entry.effective
    return Lives(created, configured)


def staleness(  # noqa: PLR0913 - each is a part of the evidence
    state: State,
    project: str,
    *,
    lives: Lives,
    usage: Sequence[UsageSummary],
    now: datetime,
    environment: str | None = None,
    reporters: Sequence[UsageReporter] = (),
    asking: Asking = NOTHING_KNOWN,
) -> StaleReport:
    """The verdict on every flag that is not archived, in one environment or in all.

    `lives` is what `lives_of` finds in the flags' own entries; a flag that it
    does not know counts its newest change of any kind. `usage` are all
    summaries of the project, and `reporters` all who report there.
    """
    judge = _Judge(state, project, environment, now, lives, asking)
    reporting = judge.hear(usage, reporters)
    flags = tuple(
        judge.verdict(flag, flag_limits(state, project, flag))
        for flag in state.flags(project).values()
        if not flag.archived
    )
    unreported = tuple(key for key in judge.environments if key not in judge.usages.reported)
    notes = tuple(f"{key} has reported no usage: whether flags are evaluated there is not known" for key in unreported)
    return StaleReport(project, environment, stamp(now), flags, unreported, notes, reporting)


class _Judge:
    """What all verdicts of one report share."""

    def __init__(
        self, state: State, project: str, environment: str | None, now: datetime, lives: Lives, asking: Asking
    ) -> None:
        self._state, self._project, self._now, self._asking = state, project, now, asking
        known = state.environments(project)
        self.environments = {key: known[key] for key in known if environment in {None, key}}
        kinds: tuple[Kind, Kind] = ("targeting", "segment")
        changed = {held.seq: held.effective for kind in kinds for held in state.of_kind(kind, project)}
        self._born: dict[str, str] = {}
        for held in state.of_kind("flag", project):
            self._born[held.subject.name] = lives.created.get(held.subject.name, held.effective)
            changed[held.seq] = lives.configured.get(held.subject.name, held.effective)
        self._configured = Configured(state, project, self.environments, changed, self._born, asking.enabled, now)

    def hear(self, usage: Sequence[UsageSummary], reporters: Sequence[UsageReporter]) -> tuple[Reporting, ...]:
        """Take in what was reported; who reports at present."""
        self.usages = Usages(self.environments, usage, self._now)
        reporting = self.usages.hear(reporters)
        present = [each for each in reporters if self.usages.is_present(each.environment, each.last)]
        self._versions = Versions(present)
        return reporting

    def verdict(self, flag: Flag, limit: Limits) -> FlagStaleness:
        """One flag, by all rules."""
        born = moment(self._born[flag.key])
        told = self._configured.judged(flag, limit)
        winner = told.winner
        found = [self.usages.evaluation(flag.key, born, limit), told.reason]
        if told.reason is None and not limit.permanent:
            served = self.usages.one_variant(flag.key, born, limit, self._asking.counts)
            found.append(None if served is None else served.reason)
            winner = winner if served is None else served.variant
        scanned = self._asking.scanned(flag.key)
        seen = Seen(born, self.usages.is_evaluated(flag.key, limit), self.usages.is_known())
        in_code = reference_reasons(scanned, seen, limit, self._now)
        reasons = (*filter(None, found), *in_code, *planned(flag, born, limit, self._now))
        snooze = self._state.snooze(self._project, flag.key)
        return FlagStaleness(
            flag.key,
            flag.owner,
            flag.lifecycle.kind,
            judged(reasons),
            reasons,
            winner,
            self.usages.last(flag.key),
            told.seqs,
            tuple(self._blockers(flag.key)) if reasons else (),
            limit.permanent,
            scanned is not None and bool(scanned.repositories),
            snooze if snooze is not None and snooze.holds(stamp(self._now)[: len("2026-12-31")]) else None,
        )

    def _blockers(self, flag: str) -> Iterator[Blocker]:
        yield from dependents(self._state, self._project, flag)
        yield from old_versions(
            [each for each in self._asking.clients(flag) if self._is_customers(each)], self._versions
        )
        yield from guards(self._state, self._project, flag)

    def _is_customers(self, each: UsageClient) -> bool:
        """Whether somebody asks at present in an environment that counts: a production one, where there is any."""
        production = {key for key, environment in self.environments.items() if environment.production}
        where = production or set(self.environments)
        return each.environment in where and self.usages.is_present(each.environment, each.last)


def flag_limits(state: State, project: str, flag: Flag) -> Limits:
    """The thresholds that hold for a flag."""
    return limits(flag.lifecycle.kind, state.thresholds(project), state.lifespan(project, flag.key))


def judged(reasons: Sequence[StaleReason]) -> Judged:
    """The stage to which reasons lead: stale takes one of at least medium confidence."""
    if not reasons:
        return "active"
    return "potentially_stale" if all(reason.confidence == "low" for reason in reasons) else "stale"
