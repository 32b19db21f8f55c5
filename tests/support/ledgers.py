"""Builders for entries, and a small app that appends them to a store the way the change flow does."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path

import msgspec
from tests.support import postgres

import flagtrail.storage
from flagtrail.ledger.merkle import Frontier, leaf_hashes, root_of
from flagtrail.ledger.seal import seal
from flagtrail.model.actor import Actor
from flagtrail.model.entry import Action, Entry, Group, Source, Touch
from flagtrail.model.flag import Json
from flagtrail.model.subject import Subject, flag_subject, targeting_subject
from flagtrail.storage import Disclosure, Head, Record, Storage, Transaction

ORIGIN = "flags.example.com/test"
START = datetime(2026, 3, 5, 12, tzinfo=UTC)
_salts = count()


def moment(seconds: float = 0) -> str:
    """So many seconds after the start, as the ledger writes times."""
    return (START + timedelta(seconds=seconds)).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def person(name: str = "ada") -> Actor:
    """A person whose id, name and e-mail address follow from one word."""
    return Actor(kind="person", id=f"act_{name}", name=name.title(), email=f"{name}@example.com")


class Draft(msgspec.Struct, frozen=True, kw_only=True):
    """An entry before it is given its seq, version and seal."""

    subject: Subject = flag_subject("default", "checkout")
    actor: Actor = person()
    time: str | None = None
    occurred_at: str | None = None
    actions: tuple[Action, ...] = ("details_changed",)
    paths: tuple[str, ...] = ("/description",)
    before: Json = None
    after: Json = msgspec.field(default_factory=lambda: {"description": "new"})
    why: str = ""
    ticket: str = ""
    touches: tuple[Touch, ...] = ()
    version: int | None = None


def targeting_draft(flag: str = "checkout", environment: str = "production", **parts: object) -> Draft:
    """A draft of a targeting's change."""
    return msgspec.structs.replace(Draft(subject=targeting_subject("default", flag, environment)), **parts)


def record(draft: Draft, frontier: Frontier, *, version: int, last_time: str = "") -> Record:
    """The sealed record of a draft that stands at the frontier."""
    seq = frontier.size
    entry = Entry(
        seq=seq,
        id=f"entry-{seq}",
        time=draft.time or max(moment(seq), last_time),
        occurred_at=draft.occurred_at,
        actor=draft.actor,
        subject=draft.subject,
        version=version,
        actions=draft.actions,
        paths=draft.paths,
        before=draft.before,
        after=draft.after,
        why=draft.why,
        ticket=draft.ticket,
        group=Group(f"group-{seq}"),
        source=Source("api"),
    )
    sealed = seal(entry, log=ORIGIN, prev_root=frontier.root(), salt=lambda: next(_salts).to_bytes(16, "big"))
    disclosures = tuple(Disclosure(seq, made.name, made.salt, made.value) for made in sealed.committed)
    return Record(entry, sealed.leaf, sealed.leaf_hash, disclosures, draft.touches)


def append(transaction: Transaction, *drafts: Draft, versions: dict[str, int] | None = None) -> list[Entry]:
    """Append drafts within a unit of work. `versions` are those of the documents so far; else they are looked up."""
    head = transaction.head
    frontier, last = Frontier(head.size, head.frontier), head.last_time
    known = newest_versions(transaction.entries_from(0)) if versions is None else versions
    records: list[Record] = []
    for draft in drafts:
        path = draft.subject.path
        known[path] = draft.version or known.get(path, 0) + 1
        made = record(draft, frontier, version=known[path], last_time=last)
        frontier, last = frontier.append(made.leaf_hash), made.entry.time
        records.append(made)
    transaction.append(records, Head(frontier.size, frontier.peaks, frontier.root(), last))
    return [made.entry for made in records]


def newest_versions(entries: Iterator[Entry]) -> dict[str, int]:
    """The newest version of each subject's document."""
    return {entry.subject.path: entry.version for entry in entries}


def fill(storage: Storage, *drafts: Draft) -> list[Entry]:
    """Append drafts in one unit of work."""
    return storage.write(lambda transaction: append(transaction, *drafts))


def seqs(entries: Sequence[Entry]) -> list[int]:
    """The seqs of entries, in their order."""
    return [entry.seq for entry in entries]


def stores() -> list[tuple[str, bool]]:
    """The first scheme of every store behind the door, and whether it is durable."""
    folder = flagtrail.storage.__path__
    names = [info.name for info in pkgutil.iter_modules(folder) if not info.name.startswith("_")]
    modules = [importlib.import_module(f"flagtrail.storage.{name}") for name in names]
    return [(module.SCHEMES[0], module.DURABLE) for module in modules]


def url_in(scheme: str, folder: Path) -> str:
    """The folder's own place for a store of this scheme: fresh at the first call."""
    if scheme == "postgresql":
        return postgres.url_for(folder)
    return f"{scheme}:///{folder / 'ledger.db'}"


def problems(storage: Storage) -> list[str]:
    """What is wrong with a ledger, told from its own rows alone: nothing, if it is sound."""
    head = storage.head()
    leaves = list(storage.leaves(0, head.size))
    hashes = storage.leaf_hashes(0, head.size)
    entries = storage.entries_from(0, head.size + 1)
    newest = {entry.subject.path: entry for entry in entries}
    checks = {
        "there are as many entries as the head counts": len(entries) == len(leaves) == head.size,
        "seqs have no gap": seqs(entries) == list(range(head.size)),
        "leaves hash to the leaf hashes": leaf_hashes(leaves) == hashes,
        "leaf hashes make the root": root_of(hashes) == head.root,
        "documents are the newest entries": sorted(newest.values(), key=_seq) == list(storage.current()),
    }
    return [check for check, holds in checks.items() if not holds]


def _seq(entry: Entry) -> int:
    return entry.seq
