"""Moving an installation from one store to another: everything is copied, and both ledgers are proved to be one."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from functools import partial
from itertools import islice
from typing import Protocol, TypeVar

import msgspec

from flagtrail import storage as storage_door
from flagtrail.ledger.checkpoint import parse_checkpoint
from flagtrail.ledger.merkle import Frontier, leaf_hash, root_of
from flagtrail.model.errors import FlagtrailError, LedgerBroken
from flagtrail.model.reference import ScannedQuery
from flagtrail.storage import Cell, Head, Record, ReportMark, Storage, Transaction

T = TypeVar("T")


class Progress(Protocol):
    """Hears how far the copying has come."""

    def __call__(self, done: int, total: int | None = None) -> None:
        """So many entries of `total`."""


MARKER = "move"
"""The collection of cells in which an unfinished target says where its content comes from."""
_ENTRIES = 1_000
_CELLS = 500
_USAGE_ROWS = 5_000


class MoveRefused(FlagtrailError):
    """A move would overwrite what is there, or cannot be finished as it was begun."""

    code = "move_refused"
    title = "The installation was not moved"
    remedy = "Name an empty database as the target, with no server running on either of the two, and move again."


class Moved(msgspec.Struct, frozen=True, kw_only=True):
    """What was copied, and the checkpoint that both ledgers have: `size` entries with this root (base16).

    `entries` is how many this run copied: fewer than `size` where an earlier run was interrupted.
    """

    origin: str
    size: int
    root: str
    entries: int
    cells: int
    usage: int
    contexts: int


class _Begun(msgspec.Struct, frozen=True):
    """What a target remembers until it is whole.

    `started` dates the marks of usage, by which what was copied before is known. `usage` tells what the source had
    when its counts were begun to be copied.
    """

    origin: str
    started: float
    usage: str = ""


def move_database(source_url: str, target_url: str, *, now: float, progress: Progress) -> Moved:
    """`move` between two databases; the source has to exist."""
    storage_door.examine(source_url)
    source = storage_door.load(source_url)
    try:
        target = storage_door.load(target_url)
        try:
            return move(source, target, now=now, progress=progress)
        finally:
            target.close()
    finally:
        source.close()


def unfinished(storage: Storage) -> bool:
    """Whether a move into this store was begun and not finished."""
    return storage.cell(MARKER, "begun") is not None


def move(source: Storage, target: Storage, *, now: float, progress: Progress) -> Moved:
    """Copy everything from one store to an empty one; may be interrupted at any time and called again.

    Raises MoveRefused where the target holds something else, or where the source changed meanwhile; LedgerBroken
    where what arrived is not what was sent.
    """
    origin = (source.cell("installation", "origin") or b"").decode()
    begun = _begin(source, target, origin, now)
    head = source.head()
    entries = _copy_entries(source, target, head, progress)
    rows, contexts = _copy_usage(source, target, begun)
    _copy_samples(source, target)
    _copy_scans(source, target)
    cells = _copy_cells(source, target)
    _prove(source, target, head)
    target.delete_cell(MARKER, "begun")
    return Moved(
        origin=origin,
        size=head.size,
        root=head.root.hex(),
        entries=entries,
        cells=cells,
        usage=rows,
        contexts=contexts,
    )


def _begin(source: Storage, target: Storage, origin: str, now: float) -> _Begun:
    """What the target remembers of an earlier run, or begins to."""
    if unfinished(source):
        raise MoveRefused("a move into the source was interrupted: finish that one first")
    raw = target.cell(MARKER, "begun")
    if raw is None:
        if target.head().size or target.collections() or target.usage_places():
            raise MoveRefused(f"the target is not empty: it holds {target.head().size} entries, or settings, or usage")
        begun = _Begun(origin, now)
        target.put_cell(MARKER, Cell("begun", msgspec.json.encode(begun)))
        return begun
    begun = msgspec.json.decode(raw, type=_Begun)
    if begun.origin != origin:
        raise MoveRefused(f"a move of {begun.origin} into the target was interrupted; this is {origin}")
    held = target.head()
    if root_of(source.leaf_hashes(0, held.size)) != held.root:
        raise MoveRefused("what an earlier move brought into the target is not the beginning of this ledger")
    return begun


def _copy_entries(source: Storage, target: Storage, head: Head, progress: Progress) -> int:
    """Copy what the target has not yet of the source's entries up to `head`; how many that were."""
    first = low = target.head().size
    while low < head.size:
        records = list(source.records(low, min(low + _ENTRIES, head.size)))
        if not records:
            raise LedgerBroken(f"the source's head counts {head.size} entries, but there are {low}")
        target.write(partial(_append, records))
        low += len(records)
        progress(low, head.size)
    return low - first


def _append(records: list[Record], tx: Transaction) -> None:
    frontier = Frontier(tx.head.size, tx.head.frontier).extend(record.leaf_hash for record in records)
    tx.append(records, Head(frontier.size, frontier.peaks, frontier.root(), records[-1].entry.time))


def _copy_cells(source: Storage, target: Storage) -> int:
    """Copy every cell; they are few, and to copy one again does no harm."""
    copied = 0
    for collection in source.collections():
        for cells in _batches(source.cells(collection), _CELLS):
            target.write(partial(_put, collection, cells))
            copied += len(cells)
    return copied


def _put(collection: str, cells: list[Cell], tx: Transaction) -> None:
    for cell in cells:
        tx.put_cell(collection, cell)


def _copy_usage(source: Storage, target: Storage, begun: _Begun) -> tuple[int, int]:
    """Copy counts and sampled contexts, each part once by a mark of its own; how many rows and contexts there are."""
    present = _usage_now(source)
    if begun.usage not in {"", present}:
        raise MoveRefused(
            "the source went on counting usage after the move was interrupted; empty the target, and move again"
        )
    remembered = msgspec.structs.replace(begun, usage=present)
    target.put_cell(MARKER, Cell("begun", msgspec.json.encode(remembered)))
    rows = contexts = 0
    for project in sorted({project for project, _ in source.usage_places()}):
        for part, some in enumerate(_batches(source.usage(project), _USAGE_ROWS)):
            target.add_usage(some, report=_mark(begun, "rows", project, str(part)))
            rows += len(some)
    for project, environment in source.usage_places():
        sampled = source.sampled_contexts(project, environment)[::-1]
        target.add_usage([], report=_mark(begun, "contexts", project, environment), contexts=sampled)
        contexts += len(sampled)
    for mark in source.usage_reports():
        target.add_usage([], report=mark)
    return rows, contexts


def _copy_samples(source: Storage, target: Storage) -> None:
    """Copy every sample; to copy one again does no harm."""
    for series in source.metric_series():
        for some in _batches(source.samples(series), _USAGE_ROWS):
            target.add_samples(series.project, some)


def _copy_scans(source: Storage, target: Storage) -> None:
    """Copy every scan of source code; to copy one again does no harm."""
    for head in source.scans():
        query = ScannedQuery(project=head.project, place=head.place, references=True)
        target.put_scan(head, source.scanned_flags(query))


def _mark(begun: _Begun, *what: str) -> ReportMark:
    """The mark of one part. All have one time, so that each is known however long the move takes."""
    return ReportMark(f"move/{hashlib.sha256(msgspec.json.encode(what)).hexdigest()}", begun.started)


def _usage_now(source: Storage) -> str:
    """What changes whenever the source counts something."""
    digest = hashlib.sha256()
    for project in sorted({project for project, _ in source.usage_places()}):
        digest.update(msgspec.json.encode(source.usage_summary(project)))
    for place in source.usage_places():
        digest.update(msgspec.json.encode((place, source.sampled_contexts(*place, limit=1))))
    return digest.hexdigest()


def _prove(source: Storage, target: Storage, head: Head) -> None:
    """Hash what arrived, leaf by leaf, and compare it with what the source says of itself now."""
    if source.head() != head:
        raise MoveRefused("the source changed while it was copied; stop its server, and move again to copy the rest")
    held = target.head()
    hashes = [leaf_hash(leaf) for leaf in target.leaves(0, held.size)]
    if (held, root_of(hashes)) != (head, head.root) or hashes != target.leaf_hashes(0, held.size):
        raise LedgerBroken(f"the copy of {held.size} entries does not hash to the root of the source's {head.size}")
    if _disclosed(source, head) != _disclosed(target, head):
        raise LedgerBroken("the values beside the copied entries are not those of the source")
    note = source.cell("checkpoint", "newest")
    if note is not None:
        signed = parse_checkpoint(note.decode())
        if signed.size > head.size or root_of(hashes[: signed.size]) != signed.root:
            raise LedgerBroken(f"the copy is not what the signed checkpoint of size {signed.size} says")


def _disclosed(storage: Storage, head: Head) -> bytes:
    digest = hashlib.sha256()
    for each in storage.disclosures(0, head.size):
        digest.update(msgspec.msgpack.encode(each))
    return digest.digest()


def _batches(items: Iterable[T], size: int) -> Iterator[list[T]]:
    rest = iter(items)
    while some := list(islice(rest, size)):
        yield some
