"""Backing up: a copy of the database that was read through before it counts. The signing key is never in it."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from urllib.parse import quote

import msgspec

from flagtrail import storage as storage_door
from flagtrail.ledger.checkpoint import parse_checkpoint
from flagtrail.ledger.merkle import Frontier, leaf_hash
from flagtrail.model.errors import AlreadyExists, LedgerBroken, StorageFailed
from flagtrail.storage import Storage

PAGE = 10_000


class Backup(msgspec.Struct, frozen=True):
    """What a backup holds: so many entries, the root of their tree in hex, and the newest checkpoint (or nothing)."""

    file: str
    size: int
    root: str
    checkpoint: str


def back_up(database: str, out: Path, progress: Callable[[int, int], None]) -> Backup:
    """Copy the database of this URL to `out`, which must not exist, and read the copy through.

    Every leaf is hashed again; what is copied with a defect is refused (LedgerBroken) and left nowhere.
    `progress` is told how many entries of how many were read.
    """
    if out.exists():
        raise AlreadyExists(f"{out} exists; name a new file", path=str(out))
    draft = out.with_name(f".{out.name}.{os.getpid()}.part")
    try:
        storage_door.back_up(database, draft)
        backup = _read_through(draft, out, progress)
        os.link(draft, out)  # which, unlike renaming, never takes the place of a file that came meanwhile
        _sync_folder(out.parent)
    except FileExistsError as error:
        raise AlreadyExists(f"{out} exists; name a new file", path=str(out)) from error
    except OSError as error:
        raise StorageFailed(f"{out} cannot be written: {error.strerror}", path=str(out)) from error
    finally:
        for each in (draft, *(draft.with_name(f"{draft.name}{end}") for end in ("-wal", "-shm", "-journal"))):
            each.unlink(missing_ok=True)
    return backup


def _read_through(draft: Path, out: Path, progress: Callable[[int, int], None]) -> Backup:
    copy = storage_door.load(f"sqlite:///{quote(str(draft.absolute()))}")
    try:
        head = copy.head()
        note = (copy.cell("checkpoint", "newest") or b"").decode()
        marks = sorted({head.size, parse_checkpoint(note).size if note else 0})
        roots = _roots(copy, marks, progress)
        if roots.get(head.size) != head.root:
            raise LedgerBroken(f"the {head.size} entries do not hash to the root that stands beside them")
        if note and roots.get(parse_checkpoint(note).size) != parse_checkpoint(note).root:
            raise LedgerBroken(f"the entries are not those that its checkpoint of size {marks[0]} says")
    finally:
        copy.close()
    return Backup(str(out), head.size, head.root.hex(), note)


def _roots(copy: Storage, sizes: list[int], progress: Callable[[int, int], None]) -> dict[int, bytes]:
    """The tree's root at each of these sizes, from the leaves themselves; none for a size beyond the leaves."""
    frontier = Frontier(0, ())
    found: dict[int, bytes] = {}
    for size in sizes:
        while frontier.size < size:
            high = min(frontier.size + PAGE, size)
            hashes = [leaf_hash(leaf) for leaf in copy.leaves(frontier.size, high)]
            if not hashes:
                return found
            frontier = frontier.extend(hashes)
            progress(frontier.size, sizes[-1])
        found[size] = frontier.root()
    return found


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
