"""Entries, disclosures and the head as rows."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from itertools import chain

from flagtrail.ledger.seal import unseal
from flagtrail.model.entry import Entry
from flagtrail.model.errors import StorageFailed
from flagtrail.storage import Disclosure, Head, Record
from flagtrail.storage import _index as index
from flagtrail.storage._batch import Batch

PAGE = 1_000
"""Entries read at once, so that no long reading holds on to an old snapshot."""
_HASH_BYTES = 32
_VALUES = 900
"""Values in one statement: every SQLite takes 999."""


def head(connection: sqlite3.Connection) -> Head:
    """The head row."""
    size, frontier, root, last_time = connection.execute(
        "SELECT size, frontier, root, last_time FROM ledger_head"
    ).fetchone()
    peaks = tuple(frontier[at : at + _HASH_BYTES] for at in range(0, len(frontier), _HASH_BYTES))
    return Head(size, peaks, root, last_time)


def write(connection: sqlite3.Connection, batch: Batch) -> None:
    """All that units of work add: entries, their disclosures, their documents' new versions, what they are found by,
    the head after them, and cells.

    Few and large statements: at each step of one SQLite lets go of the interpreter, and another thread takes it.
    Raises StorageFailed where a document that is to go on does not exist.
    """
    if batch.records:
        _append(connection, batch.records)
        before, after = batch.before, batch.head
        connection.execute(
            "UPDATE ledger_head SET size = ?, frontier = ?, root = ?, last_time = ? WHERE size = ?",
            (after.size, b"".join(after.frontier), after.root, after.last_time, before.size),
        )
    for (collection, key), cell in batch.cells.items():
        if cell is None:
            connection.execute("DELETE FROM cell WHERE collection = ? AND key = ?", (collection, key))
        else:
            connection.execute(
                "INSERT OR REPLACE INTO cell VALUES (?, ?, ?, ?)", (collection, key, cell.value, cell.expires)
            )


def _append(connection: sqlite3.Connection, records: Sequence[Record]) -> None:
    entries: list[tuple[object, ...]] = []
    found_by: list[tuple[object, ...]] = []
    moving: list[tuple[int, int, str]] = []
    actors: dict[str, int] = {}
    for record in records:
        entry = record.entry
        path, effective = entry.subject.path, index.instant(entry.effective)
        entries.append((entry.seq, record.leaf, record.leaf_hash, path, entry.version, effective))
        moving.append((entry.version, entry.seq, path))
        terms = index.entry_terms(entry, record.touches)
        terms.add(_actor_term(connection, index.actor_words(entry.actor), actors))
        found_by.append((entry.seq, effective, index.joined(terms), index.entry_words(entry)))
    _insert(connection, "ledger_entry", entries)
    _insert(
        connection,
        "ledger_private",
        [(each.seq, each.name, each.salt, each.value) for record in records for each in record.disclosures],
    )
    _insert(
        connection,
        "document",
        [
            (entry.subject.path, 1, entry.seq, index.subject_words(entry.subject))
            for entry in (record.entry for record in records)
            if entry.version == 1
        ],
    )
    moving = [each for each in moving if each[0] != 1]
    moved = connection.executemany("UPDATE document SET version = ?, seq = ? WHERE path = ?", moving)
    if moving and moved.rowcount != len(moving):
        raise StorageFailed("what was to go on does not exist")
    _insert(connection, "entry_index", found_by)


def _insert(connection: sqlite3.Connection, table: str, rows: Sequence[Sequence[object]]) -> None:
    """Insert rows, as many by one statement as its number of values allows."""
    if not rows:
        return
    width = len(rows[0])
    row = f"({', '.join('?' * width)})"
    for at in range(0, len(rows), _VALUES // width):
        part = rows[at : at + _VALUES // width]
        statement = f"INSERT INTO {table} VALUES {', '.join([row] * len(part))}"  # noqa: S608 - our own text
        connection.execute(statement, list(chain.from_iterable(part)))


def _actor_term(connection: sqlite3.Connection, words: str, actors: dict[str, int]) -> str:
    """Actors are numbered, so that their names stand in one row, which can be erased."""
    number = actors.get(words)
    if number is None:
        found = connection.execute("SELECT id FROM actor WHERE words = ?", (words,)).fetchone()
        if found is None:
            found = connection.execute("INSERT INTO actor (words) VALUES (?) RETURNING id", (words,)).fetchone()
        number = actors[words] = found[0]
    return f"actor/{number}"


def entries(connection: sqlite3.Connection, seqs: Sequence[int]) -> list[Entry]:
    """These entries, in this order; seqs that do not exist are left out."""
    return [entry for at in range(0, len(seqs), PAGE) for entry in _page(connection, seqs[at : at + PAGE])]


def _page(connection: sqlite3.Connection, seqs: Sequence[int]) -> list[Entry]:
    wanted = index.as_json(seqs)
    disclosed: dict[int, dict[str, bytes]] = {}
    for seq, name, value in connection.execute(
        "SELECT seq, name, value FROM ledger_private WHERE seq IN (SELECT value FROM json_each(?))", (wanted,)
    ):
        disclosed.setdefault(seq, {})[name] = value
    leaves = dict(
        connection.execute(
            "SELECT seq, leaf FROM ledger_entry WHERE seq IN (SELECT value FROM json_each(?))", (wanted,)
        ).fetchall()
    )
    return [unseal(leaves[seq], disclosed.get(seq, {})) for seq in seqs if seq in leaves]


def entries_from(connection: sqlite3.Connection, seq: int, limit: int) -> list[Entry]:
    """At most `limit` entries from `seq` on, oldest first."""
    return entries(connection, range_of(connection, seq, seq + limit))


def records(connection: sqlite3.Connection, low: int, high: int) -> list[Record]:
    """Records of `low <= seq < high`, in order."""
    disclosed: dict[int, list[Disclosure]] = {}
    for seq, *rest in connection.execute(
        "SELECT seq, name, salt, value FROM ledger_private WHERE seq >= ? AND seq < ? ORDER BY seq, name", (low, high)
    ):
        disclosed.setdefault(seq, []).append(Disclosure(seq, *rest))
    found = connection.execute(
        "SELECT seq, leaf, leaf_hash, terms FROM ledger_entry JOIN entry_index USING (seq) WHERE seq >= ? AND seq < ?"
        " ORDER BY seq",
        (low, high),
    )
    return [index.record(leaf, leaf_hash, disclosed.get(seq, []), terms) for seq, leaf, leaf_hash, terms in found]


def range_of(connection: sqlite3.Connection, low: int, high: int) -> Sequence[int]:
    """The seqs of a range as far as they exist: they have no gaps."""
    size = connection.execute("SELECT size FROM ledger_head").fetchone()[0]
    return range(max(low, 0), min(high, size))


def cell(connection: sqlite3.Connection, collection: str, key: str) -> bytes | None:
    """A cell's value."""
    found = connection.execute("SELECT value FROM cell WHERE collection = ? AND key = ?", (collection, key)).fetchone()
    return None if found is None else bytes(found[0])
