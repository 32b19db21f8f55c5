"""Blocks: for each 1,024 entries and each term that occurs among them, the set of its entries.

A question ANDs and ORs these sets block by block, newest first, so its price
is bounded by the number of blocks whatever is combined, and an append pays for
none of them: a block is built at once when it is full. Entries after the last
block are looked at one by one.
"""

from __future__ import annotations

import sqlite3
import struct
from collections.abc import Iterator, Sequence

from flagtrail.storage import _index as index

SIZE = 1024
EVERY = (1 << SIZE) - 1
_BITMAP_BYTES = SIZE // 8


def pack(offsets: Sequence[int]) -> bytes:
    """A set of offsets in a block: two bytes for each, or a bitmap of 128 bytes where that is shorter."""
    if 2 * len(offsets) < _BITMAP_BYTES:
        return struct.pack(f"<{len(offsets)}H", *offsets)
    return sum(1 << offset for offset in offsets).to_bytes(_BITMAP_BYTES, "little")


def unpack(members: bytes) -> int:
    """A set as the bits of a number."""
    if len(members) == _BITMAP_BYTES:
        return int.from_bytes(members, "little")
    bits = 0
    for offset in struct.unpack(f"<{len(members) // 2}H", members):
        bits |= 1 << offset
    return bits


def offsets(bits: int) -> Iterator[int]:
    """The offsets in a set, largest first."""
    while bits:
        offset = bits.bit_length() - 1
        bits ^= 1 << offset
        yield offset


def built(connection: sqlite3.Connection) -> int:
    """How many entries, from the first on, stand in blocks."""
    count: int = connection.execute("SELECT coalesce(max(number) + 1, 0) FROM block").fetchone()[0]
    return count * SIZE


def build(connection: sqlite3.Connection) -> int:
    """Build the next block if there are enough entries; how many stand in blocks then. The caller holds the lock."""
    low = built(connection)
    rows = connection.execute(
        "SELECT seq, effective, terms FROM entry_index WHERE seq BETWEEN ? AND ? ORDER BY seq", (low, low + SIZE - 1)
    ).fetchall()
    if len(rows) < SIZE:
        return low
    members: dict[str, list[int]] = {}
    for seq, _, terms in rows:
        for term in index.parted(terms)[1:-1]:
            members.setdefault(term, []).append(seq - low)
    number = low // SIZE
    times = [effective for _, effective, _ in rows]
    connection.execute("INSERT INTO block VALUES (?, ?, ?)", (number, min(times), max(times)))
    connection.executemany(
        "INSERT INTO block_term VALUES (?, ?, ?)", [(number, term, pack(members[term])) for term in sorted(members)]
    )
    connection.execute(
        "INSERT INTO entry_text (rowid, words) SELECT seq, words FROM entry_index WHERE seq BETWEEN ? AND ?",
        (low, low + SIZE - 1),
    )
    return low + SIZE


_SETS = """
SELECT block.number, block_term.members
FROM block CROSS JOIN block_term ON block_term.block = block.number AND {which}
WHERE block.number <= ? ORDER BY block.number DESC
"""
_OF_TERMS = _SETS.format(which="block_term.term IN (SELECT value FROM json_each(?))")
_OF_PREFIX = _SETS.format(which="block_term.term >= ? AND block_term.term < ?")
_NARROW_STEP, _WIDE_STEP = 32, 1
"""How many blocks to read past before it is cheaper to ask anew."""


class Sets:
    """The sets of one condition, read block by block from the newest down."""

    def __init__(self, connection: sqlite3.Connection, condition: index.Condition) -> None:
        self._connection = connection
        self._step = _WIDE_STEP if condition.prefix else _NARROW_STEP
        if condition.terms:
            self._sql = _OF_TERMS
            self._values: tuple[object, ...] = (index.as_json(condition.terms),)
        else:
            self._sql = _OF_PREFIX
            self._values = (condition.prefix, condition.prefix + "\U0010ffff")
        self._rows: Iterator[tuple[int, bytes]] = iter(())
        self._next: tuple[int, bytes] | None = None
        self._asked = False

    def at(self, number: int) -> int:
        """The set in this block; each call asks for an older block than the one before."""
        if not self._asked or (self._next is not None and self._next[0] - number > self._step):
            self._asked = True
            self._rows = self._connection.execute(self._sql, (*self._values, number))
            self._next = next(self._rows, None)
        while self._next is not None and self._next[0] > number:
            self._next = next(self._rows, None)
        bits = 0
        while self._next is not None and self._next[0] == number:
            bits |= unpack(self._next[1])
            self._next = next(self._rows, None)
        return bits


_MATCHES = """
SELECT entry_index.seq
FROM entry_text CROSS JOIN entry_index ON entry_index.seq = entry_text.rowid
WHERE entry_text MATCH ? AND entry_text.rowid <= ? AND instr(entry_index.words, ?)
ORDER BY entry_text.rowid DESC
"""
_COUNT = "SELECT count(*) FROM entry_text WHERE entry_text MATCH ? AND rowid BETWEEN ? AND ?"


class Hits:
    """The entries among whose words a needle occurs, block by block from the newest down.

    The index is asked for the needle's three rarest trigrams only, and what it
    finds is looked at: at a million entries that takes a tenth of the time of
    asking for all of them, as most trigrams stand in most entries.
    """

    _SAMPLE = 4096
    _ASKED = 3
    _WEIGHED = 64

    def __init__(self, connection: sqlite3.Connection, needle: str, top: int, at_once: int) -> None:
        self._connection = connection
        self._needle = needle
        self._rows: Iterator[tuple[int]] = iter(())
        self._next: int | None = None
        self._asked = False
        self._few: dict[int, int] | None = None
        last = top * SIZE + SIZE - 1
        self._match = self._rarest(last)
        first = self._ask(last).fetchmany(at_once)
        if len(first) < at_once:
            self._few = {}
            for (seq,) in first:
                number, offset = divmod(seq, SIZE)
                self._few[number] = self._few.get(number, 0) | 1 << offset

    def _rarest(self, last: int) -> str:
        """The trigrams of the needle that are rarest among the newest entries, as an expression of FTS5."""
        trigrams = dict.fromkeys(self._needle[at : at + 3] for at in range(len(self._needle) - 2))
        quoted = ['"{}"'.format(trigram.replace('"', '""')) for trigram in list(trigrams)[: self._WEIGHED]]
        counted = [
            (self._connection.execute(_COUNT, (trigram, last - self._SAMPLE, last)).fetchone()[0], trigram)
            for trigram in quoted
        ]
        return " AND ".join(trigram for _, trigram in sorted(counted)[: self._ASKED])

    @property
    def few(self) -> bool:
        """Whether all of them are known, so that asking for a block costs nothing."""
        return self._few is not None

    def at(self, number: int) -> int:
        """The set in this block; each call asks for an older block than the one before."""
        if self._few is not None:
            return self._few.get(number, 0)
        low = number * SIZE
        if not self._asked or (self._next is not None and self._next - low > 2 * SIZE):
            self._asked = True
            self._rows = self._ask(low + SIZE - 1)
            self._advance()
        while self._next is not None and self._next >= low + SIZE:
            self._advance()
        bits = 0
        while self._next is not None and self._next >= low:
            bits |= 1 << self._next - low
            self._advance()
        return bits

    def _advance(self) -> None:
        row = next(self._rows, None)
        self._next = None if row is None else row[0]

    def _ask(self, last: int) -> sqlite3.Cursor:
        return self._connection.execute(_MATCHES, (self._match, last, self._needle))
