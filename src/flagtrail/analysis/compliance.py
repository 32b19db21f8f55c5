"""What was changed in a period, who authorised it, and how did it stand before and after?"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Literal

import msgspec

from flagtrail.analysis.exposure import Exposure, exposure
from flagtrail.analysis.shares import answer
from flagtrail.analysis.timeline import Row, row
from flagtrail.analysis.world import in_order, world
from flagtrail.changes.policy import reaches
from flagtrail.changes.touches import touches
from flagtrail.model.entry import Entry
from flagtrail.model.environment import Environment
from flagtrail.model.flag import Json
from flagtrail.model.state import State, fold, held_after


class Scope(msgspec.Struct, frozen=True, kw_only=True):
    """What a report covers: a flag or (None) all of the project, an environment or all, contexts known to be `where`,
    and the entries that took effect from `since` (inclusive) to `until` (exclusive). Both are stamps.
    """

    project: str
    flag: str | None = None
    environment: str | None = None
    where: Mapping[str, Json] = msgspec.field(default_factory=dict)
    since: str
    until: str


class Authorisation(msgspec.Struct, frozen=True):
    """One change of the period with who made it, who approved it, and why.

    `production` says whether customers could notice it, as the change flow itself
    judges (`changes/policy.py`); `exceptions` are what it lacks.
    """

    row: Row
    who: str
    production: bool
    exceptions: tuple[Literal["no_reason"], ...]


class Standing(msgspec.Struct, frozen=True):
    """What a flag served in one environment just before the period began, and at its end, in words."""

    flag: str
    environment: str
    before: str
    after: str

    @property
    def changed(self) -> bool:
        """Whether it serves otherwise than before."""
        return self.before != self.after


class Count(msgspec.Struct, frozen=True):
    """How many entries have one action, or one person."""

    name: str
    count: int


class LedgerFacts(msgspec.Struct, frozen=True):
    """The signed state of the ledger that the report was made from.

    `root` is the root hash in base64, as the signed `note` has it.
    """

    size: int
    root: str
    note: str


class ComplianceReport(msgspec.Struct, frozen=True):
    """The changes of a period, oldest first, with their authorisations; the state at both ends; the exposure of the
    flag asked about, per environment; and the ledger facts that prove it.
    """

    scope: Scope
    authorisations: tuple[Authorisation, ...]
    standings: tuple[Standing, ...]
    exposures: tuple[Exposure, ...]
    actions: tuple[Count, ...]
    people: tuple[Count, ...]
    ledger: LedgerFacts
    seqs: tuple[int, ...]

    @property
    def exceptions(self) -> tuple[Authorisation, ...]:
        """The changes that lack a reason."""
        return tuple(each for each in self.authorisations if each.exceptions)


def compliance(
    entries: Iterable[Entry], scope: Scope, environments: Sequence[Environment], ledger: LedgerFacts
) -> ComplianceReport:
    """The report. `entries` are all of the project's up to the period's end or, for one flag, all of it and of what it
    ever depended on (see `analysis/dependencies.py`); in any order, doubles are ignored.
    """
    known = in_order({entry.seq: entry for entry in entries if entry.subject.project == scope.project}.values())
    counted = [entry for entry in known if entry.effective < scope.until]
    asked = [each for each in environments if scope.environment in {None, each.key}]
    authorisations = tuple(_authorisations(counted, scope, asked))
    names = [each.row.actions for each in authorisations]
    exposures = _exposures(counted, scope, asked)
    seqs = {each.row.seq for each in authorisations}.union(*(each.seqs for each in exposures))
    return ComplianceReport(
        scope=scope,
        authorisations=authorisations,
        standings=tuple(_standings(counted, scope, asked)),
        exposures=exposures,
        actions=_counts(action for actions in names for action in actions),
        people=_counts(each.who for each in authorisations),
        ledger=ledger,
        seqs=tuple(sorted(seqs)),
    )


def _authorisations(
    counted: Sequence[Entry], scope: Scope, environments: Sequence[Environment]
) -> Iterator[Authorisation]:
    production = [each.key for each in environments if each.production]
    keys = {each.key for each in environments}
    state = State()
    for entry in counted:
        before, state = state, state.having((held_after(entry),), size=entry.seq + 1)
        if entry.effective < scope.since or entry.subject.environment not in {None, *keys}:
            continue
        if scope.flag is not None and not _concerns(state, entry, scope, scope.flag, keys):
            continue
        touched = {*touches(before, entry.subject), *touches(state, entry.subject)}
        reached = reaches(before, state, entry.subject, touched, production) is not None
        told = row(entry, scope.flag)
        lacks: tuple[Literal["no_reason"], ...] = ("no_reason",) if reached and not entry.why.strip() else ()
        yield Authorisation(told, told.who, reached, lacks)


def _concerns(state: State, entry: Entry, scope: Scope, flag: str, environments: Iterable[str]) -> bool:
    """Whether the entry changed the flag, or what it depended on just then."""
    own = entry.subject.flag == flag
    return own or any(entry.seq in world(state, scope.project, key, flag).seqs for key in environments)


def _standings(counted: Sequence[Entry], scope: Scope, environments: Sequence[Environment]) -> Iterator[Standing]:
    before = fold(entry for entry in counted if entry.effective < scope.since)
    after = fold(counted)
    flags = sorted({*before.flags(scope.project), *after.flags(scope.project)}) if scope.flag is None else [scope.flag]
    for flag in flags:
        for key in (each.key for each in environments):
            was, is_ = (answer(world(state, scope.project, key, flag), flag, scope.where) for state in (before, after))
            yield Standing(flag, key, was.words, is_.words)


def _exposures(counted: Sequence[Entry], scope: Scope, environments: Sequence[Environment]) -> tuple[Exposure, ...]:
    if scope.flag is None:
        return ()
    project, flag, where = scope.project, scope.flag, scope.where
    keys = (each.key for each in environments)
    return tuple(exposure(counted, project, key, flag, where, scope.since, scope.until) for key in keys)


def _counts(names: Iterable[str]) -> tuple[Count, ...]:
    counts = Counter(names)
    return tuple(Count(name, counts[name]) for name in sorted(counts, key=lambda name: (-counts[name], name)))
