"""Finding the entries that a question asks for."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator

from flagtrail.storage import EntryQuery
from flagtrail.storage import _index as index
from flagtrail.storage._sqlite import blocks

_FEW_CANDIDATES = 64
"""So many rows of a block are cheaper to look at than the sets of a text."""


def find(connection: sqlite3.Connection, query: EntryQuery) -> list[int]:
    """The seqs of the entries that match, newest first. To be called within one snapshot."""
    window = index.window(query)
    conditions = index.conditions(query)
    if query.actor is not None:
        known = _numbered(connection, index.whole(query.actor))
        if not known:
            return []
        conditions.insert(0, index.Condition(known))
    text = _Text(connection, index.needle(query.text or ""))
    end: int = connection.execute("SELECT size FROM ledger_head").fetchone()[0]
    if query.before is not None:
        end = max(0, min(end, query.before))
    found: list[int] = []
    for seq in _candidates(connection, conditions, window, text, end):
        if len(found) >= query.limit:
            break
        found.append(seq)
    return found


def _candidates(
    connection: sqlite3.Connection,
    conditions: list[index.Condition],
    window: index.Window,
    text: _Text,
    end: int,
) -> Iterator[int]:
    """Matching seqs below `end`, newest first: the entries after the last block one by one, then block by block."""
    built = blocks.built(connection)
    marks = [condition.marks() for condition in conditions]
    for seq, effective, terms, words in connection.execute(
        "SELECT seq, effective, terms, words FROM entry_index WHERE seq >= ? AND seq < ? ORDER BY seq DESC",
        (built, end),
    ):
        if window.holds(effective) and index.hold(marks, terms) and text.holds(terms, words):
            yield seq
    sets = [blocks.Sets(connection, condition) for condition in conditions]
    for number, oldest, newest in connection.execute(
        "SELECT number, oldest, newest FROM block WHERE number <= ? ORDER BY number DESC", ((end - 1) // blocks.SIZE,)
    ):
        if (window.since is not None and newest < window.since) or (
            window.until is not None and oldest >= window.until
        ):
            continue
        low = number * blocks.SIZE
        bits = blocks.EVERY if end >= low + blocks.SIZE else (1 << end - low) - 1
        for each in sets:
            bits &= each.at(number)
            if not bits:
                break
        if bits and not (window.holds(oldest) and window.holds(newest)):
            bits &= _within(connection, low, window)
        if bits:
            bits = text.among(number, bits)
        while bits:
            offset = bits.bit_length() - 1
            bits ^= 1 << offset
            yield low + offset


def _within(connection: sqlite3.Connection, low: int, window: index.Window) -> int:
    """The set of a block's entries whose time lies in the window."""
    bits = 0
    for seq, effective in connection.execute(
        "SELECT seq, effective FROM entry_index WHERE seq BETWEEN ? AND ?", (low, low + blocks.SIZE - 1)
    ):
        if window.holds(effective):
            bits |= 1 << seq - low
    return bits


def _numbered(connection: sqlite3.Connection, needle: str) -> tuple[str, ...]:
    """The terms of the actors among whose words the needle occurs."""
    rows = connection.execute("SELECT id FROM actor WHERE instr(words, ?)", (needle,))
    return tuple(f"actor/{number}" for (number,) in rows)


class _Text:
    """What a text is found in: an entry's own words, or those of its actor or its document."""

    def __init__(self, connection: sqlite3.Connection, needle: str) -> None:
        self._connection = connection
        self._needle = needle
        self._related: frozenset[str] = frozenset()
        if needle:
            paths = connection.execute("SELECT path FROM document WHERE instr(words, ?)", (needle,))
            documents = [index.subject_term(path) for (path,) in paths]
            self._related = frozenset((*_numbered(connection, needle), *documents))
        self._hits: blocks.Hits | None = None
        self._sets: blocks.Sets | None = None

    def holds(self, terms: str, words: str) -> bool:
        """Whether it is found in one entry."""
        return self._needle in words or (bool(self._related) and not self._related.isdisjoint(index.parted(terms)))

    def among(self, number: int, bits: int) -> int:
        """Those of a block's entries in which it is found; each call asks for an older block than the one before."""
        if not self._needle:
            return bits
        if self._hits is None:
            self._hits = blocks.Hits(self._connection, self._needle, number)
        if not self._hits.few and bits.bit_count() <= _FEW_CANDIDATES:
            return self._looked_at(number * blocks.SIZE, bits)
        if self._related and self._sets is None:
            self._sets = blocks.Sets(self._connection, index.Condition(tuple(sorted(self._related))))
        related = 0 if self._sets is None else self._sets.at(number)
        return bits & (related | self._hits.at(number))

    def _looked_at(self, low: int, bits: int) -> int:
        seqs = [low + offset for offset in range(blocks.SIZE) if bits >> offset & 1]
        found = 0
        for seq, terms, words in self._connection.execute(
            "SELECT seq, terms, words FROM entry_index WHERE seq IN (SELECT value FROM json_each(?))",
            (index.as_json(seqs),),
        ):
            if self.holds(terms, words):
                found |= 1 << seq - low
        return found
