"""SQLite alone with a store's own rows: the limit beside which durable changes are told.

The rows are those that a store wrote for its newest entries, of every table that a change writes, byte for byte. They
go into the same tables with the same columns, settings and primary keys, all of one change in one commit. What is left
out is what the store adds to them: further indexes, triggers, foreign keys, and making the rows.
"""

from __future__ import annotations

import itertools
import sqlite3
import time
from contextlib import closing
from pathlib import Path
from typing import Any

import msgspec

from flagtrail.storage._sqlite.database import Location, connect

_TABLES = """
CREATE TABLE ledger_head (id INTEGER PRIMARY KEY, size INTEGER, frontier BLOB, root BLOB, last_time TEXT);
CREATE TABLE ledger_entry
  (seq INTEGER PRIMARY KEY, leaf BLOB, leaf_hash BLOB, subject TEXT, version INTEGER, effective INTEGER);
CREATE TABLE ledger_private (seq INTEGER, name TEXT, salt BLOB, value BLOB, PRIMARY KEY (seq, name)) WITHOUT ROWID;
CREATE TABLE document (path TEXT PRIMARY KEY, version INTEGER, seq INTEGER, words TEXT) WITHOUT ROWID;
CREATE TABLE entry_index (seq INTEGER PRIMARY KEY, effective INTEGER, terms TEXT, words TEXT);
"""


class Rows(msgspec.Struct, frozen=True):
    """What one change writes, table by table; a row's seq, where it has one, comes first and is left out here."""

    entry: tuple[Any, ...]
    private: tuple[tuple[Any, ...], ...]
    document: tuple[Any, ...]
    index: tuple[Any, ...]
    head: tuple[Any, ...]


def newest(store: Path, count: int) -> list[Rows]:
    """The rows of the newest entries in a store's file, oldest first; it may be in use."""
    with closing(sqlite3.connect(store)) as database:
        head = database.execute("SELECT frontier, root, last_time FROM ledger_head").fetchone()
        entries = database.execute(
            "SELECT seq, leaf, leaf_hash, subject, version, effective FROM ledger_entry ORDER BY seq DESC LIMIT ?",
            (count,),
        ).fetchall()
        return [_rows(database, entry, head) for entry in reversed(entries)]


def _rows(database: sqlite3.Connection, entry: tuple[Any, ...], head: tuple[Any, ...]) -> Rows:
    seq, path = entry[0], entry[3]
    private = database.execute("SELECT name, salt, value FROM ledger_private WHERE seq = ?", (seq,)).fetchall()
    words = database.execute("SELECT words FROM document WHERE path = ?", (path,)).fetchone()[0]
    index = database.execute("SELECT effective, terms, words FROM entry_index WHERE seq = ?", (seq,)).fetchone()
    return Rows(entry[1:], tuple(private), (path, entry[4], words), index, head)


def per_second(rows: list[Rows], folder: Path, seconds: float) -> float:
    """Commits per second of these rows, again and again from the first, into a new file; it is removed afterwards."""
    path = folder / f"bare-{time.monotonic_ns()}.db"
    with closing(sqlite3.connect(path)) as made:
        made.executescript(f"PRAGMA journal_mode = WAL; {_TABLES} INSERT INTO ledger_head VALUES (0, 0, x'', x'', '')")
    try:
        with closing(connect(Location(path))) as database:
            return _measured(database, rows, seconds)
    finally:
        for left in folder.glob(f"{path.name}*"):
            left.unlink()


def _measured(database: sqlite3.Connection, rows: list[Rows], seconds: float) -> float:
    execute = database.execute
    began = time.perf_counter()
    for seq, each in enumerate(itertools.cycle(rows)):
        path, version, words = each.document
        execute("BEGIN IMMEDIATE")
        execute("INSERT INTO ledger_entry VALUES (?, ?, ?, ?, ?, ?)", (seq, *each.entry))
        database.executemany("INSERT INTO ledger_private VALUES (?, ?, ?, ?)", [(seq, *row) for row in each.private])
        if execute("UPDATE document SET version = ?, seq = ? WHERE path = ?", (version, seq, path)).rowcount == 0:
            execute("INSERT INTO document VALUES (?, ?, ?, ?)", (path, version, seq, words))
        execute("INSERT INTO entry_index VALUES (?, ?, ?, ?)", (seq, *each.index))
        execute("UPDATE ledger_head SET size = ?, frontier = ?, root = ?, last_time = ?", (seq + 1, *each.head))
        execute("COMMIT")
        took = time.perf_counter() - began
        if took >= seconds:
            return (seq + 1) / took
    raise ValueError("there are no rows to commit")
