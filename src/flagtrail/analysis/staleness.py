"""Which flags could go, and on what evidence?

Three rules look at what a flag does: `never_evaluated`, `not_evaluated` and
`one_variant`; two at what was planned: `past_remove_by` and
`past_expected_lifetime`. How often a flag is evaluated never excuses one
variant for everybody: that is judged from its configuration alone. And no
data is never "unused": an environment that reports no usage proves nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Literal

import msgspec

from flagtrail.analysis.shares import answer
from flagtrail.analysis.world import world
from flagtrail.model.entry import Entry
from flagtrail.model.flag import EXPECTED_LIFETIME_DAYS, Flag
from flagtrail.model.state import State
from flagtrail.model.subject import Kind
from flagtrail.model.usage import UsageReporter, UsageSummary

Code = Literal["never_evaluated", "one_variant", "not_evaluated", "past_remove_by", "past_expected_lifetime"]
Stage = Literal["active", "potentially_stale", "stale"]

PLANNED: frozenset[Code] = frozenset({"past_remove_by", "past_expected_lifetime"})
CONFIGURING = frozenset({"created", "type_changed", "variants_changed", "restored"})
REPORTING = timedelta(days=1)
"""Usage that is younger than this counts as reported until now."""
PRESENT = timedelta(days=7)
"""Whoever reported within this, before the environment's newest report, is one of those that report there."""


class Thresholds(msgspec.Struct, frozen=True):
    """Days until each rule holds. `lifetimes` are by lifecycle kind; None is permanent, which `one_variant` spares."""

    never_evaluated: int = 30
    one_variant: int = 30
    not_evaluated: int = 60
    lifetimes: Mapping[str, int | None] = msgspec.field(default_factory=lambda: dict(EXPECTED_LIFETIME_DAYS))


class StaleReason(msgspec.Struct, frozen=True):
    """One rule that holds, its evidence in a sentence, and the stamp since when what it tells of has lasted."""

    code: Code
    evidence: str
    since: str


class FlagStaleness(msgspec.Struct, frozen=True):
    """One flag's verdict. `winning_variant` is the one to keep, where there is one."""

    flag: str
    owner: str
    kind: str
    stage: Stage
    reasons: tuple[StaleReason, ...]
    winning_variant: str | None
    last_evaluated: str | None
    seqs: tuple[int, ...]


class Reporting(msgspec.Struct, frozen=True):
    """An SDK and an application, whatever their versions, that report usage in an environment, first and last."""

    environment: str
    client: str
    application: str
    first: str
    last: str


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

    def at_stage(self, stage: Stage) -> tuple[FlagStaleness, ...]:
        """The flags at one stage."""
        return tuple(each for each in self.flags if each.stage == stage)


class Lives(msgspec.Struct, frozen=True):
    """By flag: the stamp of its newest creation, and of the newest change of its definition that can alter answers."""

    created: dict[str, str]
    configured: dict[str, str]


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
    thresholds: Thresholds | None = None,
    reporters: Sequence[UsageReporter] = (),
) -> StaleReport:
    """The verdict on every flag that is not archived, in one environment or in all.

    `lives` is what `lives_of` finds in the flags' own entries; a flag that it
    does not know counts its newest change of any kind. `usage` are all
    summaries of the project, and `reporters` all who report there.
    """
    judge = _Judge(state, project, environment, usage, now, thresholds or Thresholds())
    judge.know(lives)
    reporting = judge.hear(reporters)
    flags = tuple(judge.verdict(flag) for flag in state.flags(project).values() if not flag.archived)
    unreported = tuple(key for key in judge.environments if key not in judge.reported)
    notes = tuple(f"{key} has reported no usage: whether flags are evaluated there is not known" for key in unreported)
    return StaleReport(project, environment, stamp(now), flags, unreported, notes, reporting)


class _Reported(msgspec.Struct, frozen=True):
    """From when to when an environment reported usage of any flag."""

    first: datetime
    last: datetime


class _Judge:
    """What all verdicts of one report share."""

    def __init__(
        self,
        state: State,
        project: str,
        environment: str | None,
        usage: Sequence[UsageSummary],
        now: datetime,
        thresholds: Thresholds,
    ) -> None:
        self._state, self._project, self._now, self._thresholds = state, project, now, thresholds
        known = state.environments(project)
        self.environments = {key: known[key] for key in known if environment in {None, key}}
        self._usage = {(each.environment, each.flag): each for each in usage}
        self.reported: dict[str, _Reported] = {}
        for each in usage:
            first, last = _moment(each.first), _moment(each.last)
            seen = self.reported.get(each.environment, _Reported(first, last))
            self.reported[each.environment] = _Reported(min(first, seen.first), max(last, seen.last))
        self._since = {key: each.first for key, each in self.reported.items()}

    def know(self, lives: Lives) -> None:
        """When each flag was created, and when each document last changed what contexts get, by its entry's seq."""
        self._born: dict[str, str] = {}
        self._changed: dict[int, str] = {}
        kinds: tuple[Kind, Kind] = ("targeting", "segment")
        for kind in kinds:
            self._changed.update({held.seq: held.effective for held in self._state.of_kind(kind, self._project)})
        for held in self._state.of_kind("flag", self._project):
            self._born[held.subject.name] = lives.created.get(held.subject.name, held.effective)
            self._changed[held.seq] = lives.configured.get(held.subject.name, held.effective)

    def hear(self, reporters: Sequence[UsageReporter]) -> tuple[Reporting, ...]:
        """Who reports in these environments at present; each of them must have reported for as long as silence counts.

        What an application evaluated before it began to report nobody knows. A new version of one that reports is no
        new one.
        """
        found: dict[tuple[str, str, str], Reporting] = {}
        for each in reporters:
            if each.environment in self.reported and each.environment in self.environments:
                place = (each.environment, _named(each.client), _named(each.application))
                held = found.get(place, Reporting(*place, each.first, each.last))
                found[place] = Reporting(*place, min(held.first, each.first), max(held.last, each.last))
        present = [one for one in found.values() if self.reported[one.environment].last - _moment(one.last) <= PRESENT]
        for one in present:
            self._since[one.environment] = max(_moment(one.first), self._since[one.environment])
        return tuple(sorted(present, key=lambda one: (one.environment, one.application, one.client)))

    def verdict(self, flag: Flag) -> FlagStaleness:
        """One flag, by all rules."""
        constant, winner, seqs = self._one_variant(flag)
        found = [reason for reason in (self._evaluation(flag), constant) if reason is not None]
        found.extend(self._planned(flag))
        stage: Stage = "active"
        if found:
            stage = "potentially_stale" if all(reason.code in PLANNED for reason in found) else "stale"
        lasts = [self._usage[key, flag.key].last for key in self.environments if (key, flag.key) in self._usage]
        last = max(lasts, default=None)
        return FlagStaleness(flag.key, flag.owner, flag.lifecycle.kind, stage, tuple(found), winner, last, seqs)

    def _evaluation(self, flag: Flag) -> StaleReason | None:
        """`never_evaluated` or `not_evaluated`, from the environments that report usage.

        Every production environment must report: what the others tell proves nothing about it.
        """
        telling = [key for key in self.environments if key in self.reported]
        production = {key for key, each in self.environments.items() if each.production}
        if not telling or not production <= set(telling):
            return None
        observed = min(map(self._observed, telling))
        heard = max(self._since[key] for key in telling)
        lasts = [_moment(self._usage[key, flag.key].last) for key in telling if (key, flag.key) in self._usage]
        if lasts:
            last = max(lasts)
            if observed - max(last, heard) < timedelta(days=self._thresholds.not_evaluated):
                return None
            return StaleReason("not_evaluated", f"last evaluated {(observed - last).days} days ago", stamp(last))
        since = max(_moment(self._born[flag.key]), heard)
        silent = observed - since
        if silent < timedelta(days=self._thresholds.never_evaluated):
            return None
        told = f"never evaluated in {silent.days} days in which {', '.join(telling)} reported usage"
        return StaleReason("never_evaluated", told, stamp(since))

    def _observed(self, environment: str) -> datetime:
        """Until when the environment's usage is known: now while it reports."""
        last = self.reported[environment].last
        return self._now if self._now - last < REPORTING else last

    def _one_variant(self, flag: Flag) -> tuple[StaleReason | None, str | None, tuple[int, ...]]:
        """The reason where it holds, with the variant to keep, and the entries that the judgement rests on."""
        worlds = {key: world(self._state, self._project, key, flag.key) for key in self.environments}
        placed = {
            key: read
            for key, read in worlds.items()
            if flag.key in read.targetings or self.environments[key].production  # not configured there means off there
        } or worlds
        served = {key: answer(read, flag.key, {}).only_variant for key, read in placed.items()}
        enabled = {
            key for key, read in placed.items() if flag.key in read.targetings and read.targetings[flag.key].enabled
        }
        seqs = tuple(sorted({seq for read in placed.values() for seq in read.seqs}))
        winner = self._winner(served, enabled)
        if winner is None or self._thresholds.lifetimes.get(flag.lifecycle.kind) is None:
            return None, None, seqs
        since = max(_moment(self._changed[seq]) for seq in seqs if seq in self._changed)
        unchanged = self._now - since
        if unchanged < timedelta(days=self._thresholds.one_variant):
            return None, None, seqs
        off = [key for key in served if key not in enabled]
        where = ", ".join(key for key in served if key in enabled)
        told = [
            *([f"{winner} for everybody in {where}"] if where else []),
            *([f"disabled in {', '.join(off)}"] if off else []),
        ]
        told.append(f"configuration unchanged for {unchanged.days} days")
        return StaleReason("one_variant", "; ".join(told), stamp(since)), winner, seqs

    def _winner(self, served: Mapping[str, str | None], enabled: set[str]) -> str | None:
        """The one variant for everybody everywhere.

        An environment that is no production and where the flag is disabled does
        not count beside others: code may lose the flag without harm to it. But a
        flag that is off in production and on elsewhere waits for its launch.
        """
        production = {key for key in served if self.environments[key].production}
        decisive = production or (enabled) or set(served)
        variants = {served[key] for key in served if key in decisive or key in enabled}
        return next(iter(variants)) if len(variants) == 1 else None

    def _planned(self, flag: Flag) -> Iterator[StaleReason]:
        """What the flag's lifecycle promised."""
        remove_by = flag.lifecycle.remove_by
        if remove_by is not None and remove_by < stamp(self._now)[: len("2026-12-31")]:
            yield StaleReason("past_remove_by", f"was to be removed by {remove_by}", remove_by)
        days = self._thresholds.lifetimes.get(flag.lifecycle.kind)
        if days is not None:
            end = _moment(self._born[flag.key]) + timedelta(days=days)
            if end <= self._now:
                age = (self._now - end).days + days
                told = f"{age} days old; a flag of the kind {flag.lifecycle.kind} is expected to live {days}"
                yield StaleReason("past_expected_lifetime", told, stamp(end))


def _named(versioned: str) -> str:
    """What is before the version: `shop` of `shop/1.4.2`."""
    return versioned.rpartition("/")[0] or versioned


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text)


def stamp(moment: datetime) -> str:
    """A moment as the ledger writes it."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
