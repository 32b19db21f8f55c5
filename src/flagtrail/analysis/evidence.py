"""What was changed in a period, by whom, why and with whose approval: every entry in question, one after the other.

The period is one of the record: entries that the ledger *learned* from `since` on and before `until`. They lie
side by side, and no later entry can be among them; so a period that is over always reads the same.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Literal, TypeAlias

import msgspec

from flagtrail.analysis.access import alters_access
from flagtrail.analysis.timeline import person
from flagtrail.changes.diff import words
from flagtrail.changes.policy import reaches
from flagtrail.changes.touches import touches
from flagtrail.model.actor import Actor
from flagtrail.model.entry import Action, Entry, Group, Source, Touch
from flagtrail.model.flag import Json
from flagtrail.model.state import State, held_after
from flagtrail.model.subject import Subject

Kind = Literal["access", "flag", "iso27001", "pci", "soc2"]
Lack = Literal["no_reason", "no_approval", "self_approved"]
ACCESS_KINDS = frozenset({"member", "token", "signin"})


class Scope(msgspec.Struct, frozen=True, kw_only=True):
    """What a report of a kind covers: a project and, for `flag`, one flag in an environment or (None) all of them,
    for contexts known to be `where`; entries recorded from `since` (inclusive) to `until` (exclusive), both stamps.
    """

    kind: Kind
    project: str
    flag: str | None = None
    environment: str | None = None
    where: Mapping[str, Json] = msgspec.field(default_factory=dict)
    since: str
    until: str


class Judged(msgspec.Struct, frozen=True, gc=False):
    """An entry of the period that is in question, before it is told in words.

    `reaches` is the production environment in which customers could notice the change, as the change flow itself
    judged; for a change of access the one whose settings somebody may change since, or may not any more.
    """

    entry: Entry
    leaf_hash: str
    reaches: str | None
    exceptions: tuple[Lack, ...]


class Change(msgspec.Struct, frozen=True, kw_only=True, tag="change", tag_field="type"):
    """One entry in full. `time` is when the ledger recorded it, `occurred_at` when it happened where that was earlier
    (imported history). `who` is the person; `via` names the document where it is not the flag's own. `exceptions` are
    what it lacks; `erased` are values that were erased by law; `leaf_hash` (base64) is what the ledger's tree holds.
    """

    seq: int
    time: str
    occurred_at: str | None
    who: str
    actor: Actor
    subject: Subject
    document: str
    via: str | None
    actions: tuple[Action, ...]
    words: tuple[str, ...]
    why: str
    ticket: str
    approval: str | None
    reverts: int | None
    reaches: str | None
    exceptions: tuple[Lack, ...]
    before: Json
    after: Json
    erased: tuple[str, ...]
    group: Group
    source: Source
    leaf_hash: str


class Elsewhere(msgspec.Struct, frozen=True, kw_only=True, tag="elsewhere", tag_field="type"):
    """Entries from a seq on and before another that are not in question: another project's, say. `roots` (base64) are
    those of the perfect subtrees that they make up (`merkle.widths`), so that nothing can be left out between changes.
    """

    from_: int = msgspec.field(name="from")
    to: int
    roots: tuple[str, ...]


Row: TypeAlias = Change | Elsewhere


class Walk:
    """Goes through the entries of a period once, oldest first, from the state before it."""

    def __init__(self, scope: Scope, before: State) -> None:
        self.scope = scope
        self.state = before
        self.entries = 0
        self.signin_failures = 0
        self.access_changes = 0
        self._known: object = None
        self._production: frozenset[str] = frozenset()

    def judged(self, entries: Iterable[tuple[Entry, str]]) -> Iterator[Judged]:
        """The entries in question. `entries` come in order of seq, each with its leaf hash (base64)."""
        for entry, leaf_hash in entries:
            before, self.state = self.state, self.state.having((held_after(entry),), size=entry.seq + 1)
            self._count(entry)
            if self.scope.kind == "access":
                if entry.subject.kind in ACCESS_KINDS or _is_environment(entry, self.scope.project):
                    reached = alters_access(before, self.state, entry, self.scope.project)
                    yield Judged(entry, leaf_hash, reached, _lacks(entry, reached, approvable=False))
            elif entry.subject.project == self.scope.project:
                touched = {*touches(before, entry.subject), *touches(self.state, entry.subject)}
                if self._in_question(entry, touched):
                    production = self._production_in(before) | self._production_in(self.state)
                    reached = reaches(before, self.state, entry.subject, touched, sorted(production))
                    yield Judged(entry, leaf_hash, reached, _lacks(entry, reached, approvable=True))

    def _count(self, entry: Entry) -> None:
        if entry.subject.kind == "signin" and isinstance(entry.after, dict):
            self.signin_failures += int(entry.after.get("attempts", 0))
        self.entries += 1
        self.access_changes += entry.subject.kind in {"member", "token"}

    def _in_question(self, entry: Entry, touched: Iterable[Touch]) -> bool:
        """Whether a change of the project altered the flag asked about, where one is asked about."""
        flag, environment = self.scope.flag, self.scope.environment
        if flag is None:
            return True
        if environment is None:
            return entry.subject.flag == flag or any(touch.flag == flag for touch in touched)
        if entry.subject.flag == flag:
            return entry.subject.environment in {None, environment}
        return any(touch.flag == flag and touch.environment in {"", environment} for touch in touched)

    def _production_in(self, state: State) -> frozenset[str]:
        table = state.tables.get(("environment", self.scope.project))
        if table is not self._known or table is None:
            environments = state.environments(self.scope.project).values()
            self._production = frozenset(each.key for each in environments if each.production)
            self._known = table
        return self._production


def _is_environment(entry: Entry, project: str) -> bool:
    return entry.subject.kind == "environment" and entry.subject.project == project


def _lacks(entry: Entry, reached: str | None, *, approvable: bool) -> tuple[Lack, ...]:
    """What a change that reaches production lacks. Nothing is demanded of others."""
    if reached is None:
        return ()
    lacks: list[Lack] = []
    if not entry.why.strip() and "why" not in entry.erased:
        lacks.append("no_reason")
    if approvable and entry.approval is None:
        lacks.append("no_approval")
    if entry.approval is not None and is_self_approved(entry):
        lacks.append("self_approved")
    return tuple(lacks)


def is_self_approved(entry: Entry) -> bool:
    """Whether the approval names the author: by id, name or e-mail address."""
    actor, approval = entry.actor, (entry.approval or "").strip().casefold()
    names = [actor.id, actor.name, actor.email]
    if actor.for_ is not None:
        names += [actor.for_.name, actor.for_.email]
    return approval in {name.casefold() for name in names if name}


def told(judged: Judged, scope: Scope) -> Change:
    """The change in full, with what it altered in words."""
    entry = judged.entry
    subject = entry.subject
    lost = {"before", "after"} & set(entry.erased)
    own = scope.flag is None or subject.flag == scope.flag
    document = f"flag {subject.flag}" if subject.flag else f"{subject.kind} {subject.name}"
    return Change(
        seq=entry.seq,
        time=entry.time,
        occurred_at=entry.occurred_at,
        who=person(entry.actor),
        actor=entry.actor,
        subject=subject,
        document=document,
        via=None if own else document,
        actions=entry.actions,
        words=("the values were erased",) if lost else words(subject, entry.before, entry.after),
        why=entry.why,
        ticket=entry.ticket,
        approval=entry.approval,
        reverts=entry.reverts,
        reaches=judged.reaches,
        exceptions=judged.exceptions,
        before=entry.before,
        after=entry.after,
        erased=entry.erased,
        group=entry.group,
        source=entry.source,
        leaf_hash=judged.leaf_hash,
    )


def without_gaps(
    changes: Iterable[Change], low: int, high: int, roots: Callable[[int, int], Sequence[str]]
) -> Iterator[Row]:
    """The changes, and between them what covers the entries of [low, high) that are passed over."""
    position = low
    for change in changes:
        if position < change.seq:
            yield Elsewhere(from_=position, to=change.seq, roots=tuple(roots(position, change.seq)))
        yield change
        position = change.seq + 1
    if position < high:
        yield Elsewhere(from_=position, to=high, roots=tuple(roots(position, high)))
