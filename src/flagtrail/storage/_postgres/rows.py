"""Entries, disclosures and the head as rows."""

from __future__ import annotations

from collections.abc import Mapping, MutableMapping, Sequence
from contextlib import nullcontext
from typing import Any
from uuid import UUID

import psycopg

from flagtrail.ledger.seal import unseal
from flagtrail.model.entry import Entry
from flagtrail.model.errors import StorageFailed
from flagtrail.storage import Cell, Disclosure, Head, Record
from flagtrail.storage import _index as index
from flagtrail.storage._batch import Batch, Cells
from flagtrail.storage._postgres import marks
from flagtrail.storage._postgres.database import Connection

PAGE = 1_000
"""Entries read or written by one statement."""
_HASH_BYTES = 32
_HEAD = "SELECT size, frontier, root, last_time FROM ledger_head"
_LOCKED = f"{_HEAD} FOR UPDATE"
_END_HUNG = """
SELECT pg_terminate_backend(pid) FROM pg_stat_activity
WHERE datname = current_database() AND usename = current_user AND pid <> pg_backend_pid()
  AND application_name = current_setting('application_name') AND backend_xid IS NOT NULL
  AND wait_event = 'ClientRead' AND state_change < clock_timestamp() - make_interval(secs => %s)
"""
_APPEND = """
WITH entry AS (
  INSERT INTO ledger_entry (seq, leaf, leaf_hash, subject, version, effective)
  SELECT * FROM unnest(%(seqs)b::bigint[], %(leaves)b::bytea[], %(hashes)b::bytea[], %(paths)b::text[],
                       %(versions)b::bigint[], %(effective)b::bigint[])
), disclosed AS (
  INSERT INTO ledger_private (seq, name, salt, value)
  SELECT * FROM unnest(%(private_seqs)b::bigint[], %(names)b::text[], %(salts)b::bytea[], %(values)b::bytea[])
), begun AS (
  INSERT INTO document (path, version, seq, words)
  SELECT * FROM unnest(%(new_paths)b::text[], %(new_versions)b::bigint[], %(new_seqs)b::bigint[],
                       %(new_words)b::text[])
), moved AS (
  UPDATE document SET version = next.version, seq = next.seq
  FROM unnest(%(old_paths)b::text[], %(old_versions)b::bigint[], %(old_seqs)b::bigint[]) AS next (path, version, seq)
  WHERE document.path = next.path RETURNING 1
), found AS (
  INSERT INTO entry_index (seq, effective, terms, words)
  SELECT * FROM unnest(%(seqs)b::bigint[], %(effective)b::bigint[], %(terms)b::text[], %(words)b::text[])
), head AS (
  UPDATE ledger_head SET size = %(size)b, frontier = %(frontier)b, root = %(root)b, last_time = %(last_time)b
  WHERE size = %(before)b RETURNING 1
)
SELECT (SELECT count(*) FROM moved), (SELECT count(*) FROM head)
"""
_MOVE_ON = "UPDATE document SET version = %b, seq = %b WHERE path = %b"
_LEAVES = "SELECT seq, leaf FROM ledger_entry WHERE seq = ANY(%b)"
_DISCLOSED = "SELECT seq, name, value FROM ledger_private WHERE seq = ANY(%b)"
_PRIVATE_OF_RANGE = "SELECT seq, name, salt, value FROM ledger_private WHERE seq BETWEEN %s AND %s ORDER BY seq, name"
_CELL = "SELECT value FROM cell WHERE collection = %s AND key = %s"
_PUT_CELL = (
    "INSERT INTO cell VALUES (%s, %s, %b, %s) ON CONFLICT (collection, key)"
    " DO UPDATE SET value = excluded.value, expires = excluded.expires"
)
_DELETE_CELL = "DELETE FROM cell WHERE collection = %s AND key = %s"


def head(connection: Connection) -> Head:
    """The head row."""
    return _head(connection.execute(_HEAD, binary=True))


def lock_head(connection: Connection, writer: UUID, number: int) -> Head:
    """Begin a transaction of this writer, with the head locked and its mark set to this number; the head."""
    with connection.pipeline():
        connection.execute("BEGIN")
        found = connection.execute(_LOCKED, binary=True)
        marks.leave(connection, writer, number)
    return _head(found)


def _head(found: psycopg.Cursor[tuple[Any, ...]]) -> Head:
    ((size, frontier, root, last_time),) = found.fetchall()
    return Head(size, _peaks(frontier), root, last_time)


def end_hung(connection: Connection, seconds: float) -> int:
    """End transactions of this installation whose process has said nothing for so long; how many there were.

    PostgreSQL is told to do so by itself, but looks away after a pipeline: the Flush that ends one stops its timer.
    """
    return connection.execute(_END_HUNG, (seconds,)).rowcount


def _peaks(frontier: bytes) -> tuple[bytes, ...]:
    return tuple(frontier[at : at + _HASH_BYTES] for at in range(0, len(frontier), _HASH_BYTES))


def write(connection: Connection, batch: Batch, actors: MutableMapping[str, int]) -> None:
    """All that units of work add: entries, their disclosures, their documents' new versions, what they are found by,
    the head after them, and cells.

    `actors` are the numbers of actors that are known; those that were looked up are added.
    Raises StorageFailed where a document that is to go on does not exist.
    """
    records = batch.records
    if not records and not batch.cells:
        return
    _number_actors(connection, [index.actor_words(record.entry.actor) for record in records], actors)
    once = len({record.entry.subject.path for record in records}) == len(records) <= PAGE and not batch.cells
    with nullcontext() if once else connection.pipeline():
        parts = [records[at : at + PAGE] for at in range(0, len(records), PAGE)]
        appended = [_append(connection, part, batch.head, actors) for part in parts]
        _write_cells(connection, batch.cells)
    for expected, answer in appended:
        if answer.fetchone() != (expected, 1):
            raise StorageFailed("what was to go on does not exist, or the head is no longer what it was")


def _append(
    connection: Connection, records: Sequence[Record], after: Head, actors: Mapping[str, int]
) -> tuple[int, psycopg.Cursor[tuple[Any, ...]]]:
    """Append what one statement can take, and move on documents that occur in it more than once.

    How many documents have to have moved by the statement, and its answer.
    """
    first: dict[str, Entry] = {}
    again: list[tuple[int, int, str]] = []
    for record in records:
        entry = record.entry
        path = entry.subject.path
        if first.setdefault(path, entry) is not entry:
            again.append((entry.version, entry.seq, path))
    moving = [entry for entry in first.values() if entry.version > 1]
    size = records[0].entry.seq
    head = {
        "before": size,
        "size": size + len(records),
        "frontier": b"".join(after.frontier),
        "root": after.root,
        "last_time": after.last_time,
    }
    beginning = [entry for entry in first.values() if entry.version <= 1]
    answer = connection.execute(_APPEND, _values(records, actors) | _documents(beginning, moving) | head)
    if again:
        connection.cursor().executemany(_MOVE_ON, again)
    return len(moving), answer


def _documents(beginning: Sequence[Entry], moving: Sequence[Entry]) -> dict[str, object]:
    return {
        "new_paths": [entry.subject.path for entry in beginning],
        "new_versions": [entry.version for entry in beginning],
        "new_seqs": [entry.seq for entry in beginning],
        "new_words": [index.subject_words(entry.subject) for entry in beginning],
        "old_paths": [entry.subject.path for entry in moving],
        "old_versions": [entry.version for entry in moving],
        "old_seqs": [entry.seq for entry in moving],
    }


def _write_cells(connection: Connection, cells: Cells) -> None:
    """Pipelined: what is already there of a cell does not matter, so their order does not either."""
    for (collection, key), cell in cells.items():
        if cell is None:
            delete_cell(connection, collection, key)
        else:
            put_cell(connection, collection, cell)


def _values(records: Sequence[Record], actors: Mapping[str, int]) -> dict[str, object]:
    entries = [record.entry for record in records]
    disclosed = [disclosure for record in records for disclosure in record.disclosures]
    return {
        "seqs": [entry.seq for entry in entries],
        "leaves": [record.leaf for record in records],
        "hashes": [record.leaf_hash for record in records],
        "paths": [entry.subject.path for entry in entries],
        "versions": [entry.version for entry in entries],
        "effective": [index.instant(entry.effective) for entry in entries],
        "terms": [_terms(record, actors) for record in records],
        "words": [index.entry_words(entry) for entry in entries],
        "private_seqs": [each.seq for each in disclosed],
        "names": [each.name for each in disclosed],
        "salts": [each.salt for each in disclosed],
        "values": [each.value for each in disclosed],
    }


def _terms(record: Record, actors: Mapping[str, int]) -> str:
    terms = index.entry_terms(record.entry, record.touches)
    terms.add(f"actor/{actors[index.actor_words(record.entry.actor)]}")
    return index.joined(terms)


def _number_actors(connection: Connection, words: Sequence[str], actors: MutableMapping[str, int]) -> None:
    """Actors are numbered, so that their names stand in one row, which can be erased."""
    for each in dict.fromkeys(words):
        if each not in actors:
            found = connection.execute(
                "SELECT id FROM actor WHERE md5(words) = md5(%s) AND words = %s", (each, each)
            ).fetchone()
            if found is None:
                found = connection.execute("INSERT INTO actor (words) VALUES (%s) RETURNING id", (each,)).fetchone()
            if found is not None:
                actors[each] = found[0]


def entries(connection: Connection, seqs: Sequence[int]) -> list[Entry]:
    """These entries, in this order; seqs that do not exist are left out."""
    return [entry for at in range(0, len(seqs), PAGE) for entry in _page(connection, list(seqs[at : at + PAGE]))]


def _page(connection: Connection, seqs: list[int]) -> list[Entry]:
    disclosed: dict[int, dict[str, bytes]] = {}
    leaves: dict[int, bytes] = dict(connection.execute(_LEAVES, (seqs,), binary=True).fetchall())
    for seq, name, value in connection.execute(_DISCLOSED, (seqs,), binary=True):
        disclosed.setdefault(seq, {})[name] = value
    return [unseal(leaves[seq], disclosed.get(seq, {})) for seq in seqs if seq in leaves]


def entries_from(connection: Connection, seq: int, limit: int) -> list[Entry]:
    """At most `limit` entries from `seq` on, oldest first."""
    return entries(connection, range_of(connection, seq, seq + limit))


def records(connection: Connection, low: int, high: int) -> list[Record]:
    """Records of `low <= seq < high`, in order."""
    disclosed: dict[int, list[Disclosure]] = {}
    for seq, *rest in connection.execute(_PRIVATE_OF_RANGE, (low, high - 1), binary=True):
        disclosed.setdefault(seq, []).append(Disclosure(seq, *rest))
    found = connection.execute(
        "SELECT seq, leaf, leaf_hash, terms FROM ledger_entry JOIN entry_index USING (seq)"
        " WHERE seq BETWEEN %s AND %s ORDER BY seq",
        (low, high - 1),
        binary=True,
    )
    return [index.record(leaf, leaf_hash, disclosed.get(seq, []), terms) for seq, leaf, leaf_hash, terms in found]


def disclosures(connection: Connection, first: int, last: int) -> list[Disclosure]:
    """Disclosures of `first <= seq <= last`, by (seq, name)."""
    return [Disclosure(*row) for row in connection.execute(_PRIVATE_OF_RANGE, (first, last), binary=True)]


def range_of(connection: Connection, low: int, high: int) -> Sequence[int]:
    """The seqs of a range as far as they exist: they have no gaps."""
    ((size,),) = connection.execute("SELECT size FROM ledger_head").fetchall()
    return range(max(low, 0), min(high, size))


def cell(connection: Connection, collection: str, key: str) -> bytes | None:
    """A cell's value."""
    found = connection.execute(_CELL, (collection, key), binary=True).fetchone()
    return None if found is None else bytes(found[0])


def put_cell(connection: Connection, collection: str, cell: Cell) -> None:
    """Write a cell."""
    connection.execute(_PUT_CELL, (collection, cell.key, cell.value, cell.expires))


def delete_cell(connection: Connection, collection: str, key: str) -> None:
    """Remove a cell."""
    connection.execute(_DELETE_CELL, (collection, key))
