"""Entries, disclosures and the head as rows."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence

from flagtrail.ledger.seal import unseal
from flagtrail.model.entry import Entry
from flagtrail.model.errors import StorageFailed
from flagtrail.storage import Disclosure, Head, Record
from flagtrail.storage import _index as index

PAGE = 1_000
"""Entries read at once, so that no long reading holds on to an old snapshot."""
_HASH_BYTES = 32
_INSERT_PRIVATE = "INSERT INTO ledger_private VALUES (?, ?, ?, ?)"


def head(connection: sqlite3.Connection) -> Head:
    """The head row."""
    size, frontier, root, last_time = connection.execute(
        "SELECT size, frontier, root, last_time FROM ledger_head"
    ).fetchone()
    peaks = tuple(frontier[at : at + _HASH_BYTES] for at in range(0, len(frontier), _HASH_BYTES))
    return Head(size, peaks, root, last_time)


def move_head(connection: sqlite3.Connection, before: Head, after: Head) -> None:
    """Replace the head that was locked by the one after it."""
    connection.execute(
        "UPDATE ledger_head SET size = ?, frontier = ?, root = ?, last_time = ? WHERE size = ?",
        (after.size, b"".join(after.frontier), after.root, after.last_time, before.size),
    )


def insert(connection: sqlite3.Connection, record: Record, actors: dict[str, int]) -> None:
    """One entry, its disclosures, its document's new version, and what it is found by.

    `actors` are the numbers of actors that were looked up under the same lock. Few and large statements: at each
    step of one SQLite lets go of the interpreter, and another thread takes it.
    """
    entry = record.entry
    seq, path = entry.seq, entry.subject.path
    effective = index.instant(entry.effective)
    connection.execute(
        "INSERT INTO ledger_entry VALUES (?, ?, ?, ?, ?, ?)",
        (seq, record.leaf, record.leaf_hash, path, entry.version, effective),
    )
    if record.disclosures:
        values: list[object] = []
        for disclosed in record.disclosures:
            values += (seq, disclosed.name, disclosed.salt, disclosed.value)
        connection.execute(_INSERT_PRIVATE + ", (?, ?, ?, ?)" * (len(record.disclosures) - 1), values)
    if entry.version == 1:
        connection.execute(
            "INSERT INTO document VALUES (?, ?, ?, ?)", (path, 1, seq, index.subject_words(entry.subject))
        )
    else:
        moved = connection.execute(
            "UPDATE document SET version = ?, seq = ? WHERE path = ?", (entry.version, seq, path)
        )
        if moved.rowcount != 1:
            raise StorageFailed(f"{path} was given version {entry.version}, but it does not exist")
    terms = index.entry_terms(entry, record.touches)
    terms.add(_actor_term(connection, index.actor_words(entry.actor), actors))
    connection.execute(
        "INSERT INTO entry_index VALUES (?, ?, ?, ?)", (seq, effective, index.joined(terms), index.entry_words(entry))
    )


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
