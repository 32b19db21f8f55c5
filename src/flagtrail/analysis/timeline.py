"""What happened to a flag, line by line?"""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from flagtrail.analysis.world import in_order
from flagtrail.changes.diff import words
from flagtrail.model.actor import Actor
from flagtrail.model.entry import Action, Entry
from flagtrail.model.subject import Subject


class Row(msgspec.Struct, frozen=True):
    """One entry of a flag's history; `subject` is the document that was changed.

    `time` is when it took effect, `learned` when the ledger recorded it (later
    for imported history). `via` names the document that was changed where it is
    not the flag's own: "segment beta", "flag billing_v2".
    """

    seq: int
    time: str
    learned: str
    actor: Actor
    subject: Subject
    environment: str | None
    actions: tuple[Action, ...]
    words: tuple[str, ...]
    why: str
    ticket: str
    approval: str | None
    reverts: int | None
    via: str | None

    @property
    def who(self) -> str:
        """The person: the author on whose behalf an import acted, else the actor."""
        return person(self.actor)


class Timeline(msgspec.Struct, frozen=True):
    """A flag's history, newest first; `flag` is None for that of a whole project."""

    project: str
    flag: str | None
    rows: tuple[Row, ...]

    @property
    def seqs(self) -> tuple[int, ...]:
        """The entries it rests on."""
        return tuple(sorted(row.seq for row in self.rows))


def timeline(entries: Iterable[Entry], *, project: str, flag: str | None = None) -> Timeline:
    """The history of a flag, from its entries and those that touched it (a segment's, a prerequisite's)."""
    ordered = reversed(in_order(entry for entry in entries if entry.subject.project == project))
    return Timeline(project, flag, tuple(row(entry, flag) for entry in ordered))


def row(entry: Entry, flag: str | None = None) -> Row:
    """One entry as a line of the flag's history."""
    subject = entry.subject
    own = flag is None or subject.flag == flag
    lost = {"before", "after"} & set(entry.erased)
    told = ("the values were erased",) if lost else words(subject, entry.before, entry.after)
    return Row(
        seq=entry.seq,
        time=entry.effective,
        learned=entry.time,
        actor=entry.actor,
        subject=subject,
        environment=subject.environment,
        actions=entry.actions,
        words=told,
        why=entry.why,
        ticket=entry.ticket,
        approval=entry.approval,
        reverts=entry.reverts,
        via=None if own else f"flag {subject.flag}" if subject.flag else f"{subject.kind} {subject.name}",
    )


def person(actor: Actor) -> str:
    """Whom people would name: the author behind an import, else the actor by name, or by id where it was erased."""
    if actor.for_ is not None:
        return actor.for_.name
    return actor.name or actor.id
