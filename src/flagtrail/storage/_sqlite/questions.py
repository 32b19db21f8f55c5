"""Finding the entries that a question asks for."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from itertools import chain, islice

from flagtrail.storage import EntryQuery
from flagtrail.storage import _index as index
from flagtrail.storage._sqlite import blocks

_FEW_CANDIDATES = 64
"""So many rows of a block are cheaper to look at than the sets of a frequent text."""
_FEW_RELATED = 16
"""So many actors and documents that contain the text are cheaper to ask for than rows to look at."""
_WAITING = 32
"""Blocks of which few candidates are left are looked at so many at a time."""
_KNOWN_WITH_OTHERS, _KNOWN_ALONE = 4096, 128
"""How many hits of a text are read at once: beside other filters it pays to know all of them."""


Block = tuple[int, int]
"""The first seq of a block, and the set of its entries that are still in question."""


def find(connection: sqlite3.Connection, query: EntryQuery) -> list[int]:
    """The seqs of the entries that match, newest first. To be called within one snapshot."""
    window = index.window(query)
    conditions = index.conditions(query)
    if query.actor is not None:
        known = _numbered(connection, index.whole(query.actor))
        if not known:
            return []
        conditions.insert(0, index.Condition(known))
    text = _Text(connection, index.needle(query.text or ""), alone=not conditions)
    end: int = connection.execute("SELECT size FROM ledger_head").fetchone()[0]
    if query.before is not None:
        end = max(0, min(end, query.before))
    matching = _newest(connection, conditions, window, text, end), _older(connection, conditions, window, text, end)
    return list(islice(chain.from_iterable(matching), max(query.limit, 0)))


def _newest(
    connection: sqlite3.Connection, conditions: list[index.Condition], window: index.Window, text: _Text, end: int
) -> Iterator[int]:
    """Matching seqs after the last block, below `end`: each is looked at."""
    marks = [condition.marks() for condition in conditions]
    for seq, effective, terms, words in connection.execute(
        "SELECT seq, effective, terms, words FROM entry_index WHERE seq >= ? AND seq < ? ORDER BY seq DESC",
        (blocks.built(connection), end),
    ):
        if window.holds(effective) and index.hold(marks, terms) and text.holds(terms, words):
            yield seq


def _older(
    connection: sqlite3.Connection, conditions: list[index.Condition], window: index.Window, text: _Text, end: int
) -> Iterator[int]:
    """Matching seqs within blocks, below `end`."""
    for low, bits in text.among(_sets(connection, conditions, window, end)):
        yield from (low + offset for offset in blocks.offsets(bits))


def _sets(
    connection: sqlite3.Connection, conditions: list[index.Condition], window: index.Window, end: int
) -> Iterator[Block]:
    """What conditions and window leave of each block, newest first; blocks of which nothing is left are passed over."""
    sets = [blocks.Sets(connection, condition) for condition in conditions]
    for number, oldest, newest in connection.execute(
        "SELECT number, oldest, newest FROM block WHERE number <= ? ORDER BY number DESC", ((end - 1) // blocks.SIZE,)
    ):
        if window.misses(oldest, newest):
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
            yield low, bits


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

    def __init__(self, connection: sqlite3.Connection, needle: str, *, alone: bool) -> None:
        self._connection = connection
        self._needle = needle
        self._known_at_once = _KNOWN_ALONE if alone else _KNOWN_WITH_OTHERS
        self._related: frozenset[str] = frozenset()
        if needle:
            paths = connection.execute("SELECT path FROM document WHERE instr(words, ?)", (needle,))
            documents = [index.subject_term(path) for (path,) in paths]
            self._related = frozenset((*_numbered(connection, needle), *documents))

    def holds(self, terms: str, words: str) -> bool:
        """Whether it is found in one entry."""
        return self._needle in words or (bool(self._related) and not self._related.isdisjoint(index.parted(terms)))

    def among(self, candidates: Iterator[Block]) -> Iterator[Block]:
        """What it leaves of each block, newest first."""
        first = next(candidates, None) if self._needle else None
        if first is None:
            yield from candidates
            return
        hits = blocks.Hits(self._connection, self._needle, first[0] // blocks.SIZE, self._known_at_once)
        related = (
            blocks.Sets(self._connection, index.Condition(tuple(sorted(self._related)))) if self._related else None
        )
        sets_are_dear = not hits.few or len(self._related) > _FEW_RELATED
        waiting: list[Block] = []
        for low, bits in chain((first,), candidates):
            if sets_are_dear and bits.bit_count() <= _FEW_CANDIDATES:
                waiting.append((low, bits))
                if len(waiting) >= _WAITING:
                    yield from self._looked_at(waiting)
                    waiting.clear()
                continue
            yield from self._looked_at(waiting)
            waiting.clear()
            number = low // blocks.SIZE
            yield low, bits & (hits.at(number) | (0 if related is None else related.at(number)))
        yield from self._looked_at(waiting)

    def _looked_at(self, waiting: list[Block]) -> Iterator[Block]:
        """What is left of these blocks when each of their candidates is looked at."""
        seqs = [low + offset for low, bits in waiting for offset in blocks.offsets(bits)]
        found: dict[int, int] = {}
        for seq, terms, words in self._connection.execute(
            "SELECT seq, terms, words FROM entry_index WHERE seq IN (SELECT value FROM json_each(?))",
            (index.as_json(seqs),),
        ):
            if self.holds(terms, words):
                low = seq - seq % blocks.SIZE
                found[low] = found.get(low, 0) | 1 << seq - low
        yield from ((low, found[low]) for low, _ in waiting if low in found)
