"""Blocks: for each 4,096 entries and each term that occurs among them, the set of its entries.

Three letters that follow each other are terms, too: so texts are found without an extension of the database. A question
ANDs and ORs these sets block by block, newest first, so its price is bounded by the number of blocks whatever is
combined, and an append pays for none of them: a block is built when it is full, after the acknowledgement, on a thread
of its own. Entries are never altered, so it needs no lock of the head. Entries after the last block are looked at one
by one.
"""

from __future__ import annotations

import logging
import struct
import threading
from collections.abc import Iterator, Sequence

from flagtrail.model.errors import FlagtrailError
from flagtrail.storage import _index as index
from flagtrail.storage._postgres.database import Connection, Pool

_log = logging.getLogger(__name__)
SIZE = 4096
EVERY = (1 << SIZE) - 1
_BITMAP_BYTES = SIZE // 8
_LOCK = 0x666C6167626C
"""Of those who would build the same block, one does."""
_ROWS = "SELECT effective, terms, words FROM entry_index WHERE seq BETWEEN %s AND %s ORDER BY seq"
_BUILT = "SELECT coalesce(max(number) + 1, 0) FROM block"


def pack(offsets: Sequence[int]) -> bytes:
    """A set of offsets in a block: two bytes for each, or a bitmap of 512 bytes where that is shorter."""
    if 2 * len(offsets) < _BITMAP_BYTES:
        return struct.pack(f"<{len(offsets)}H", *offsets)
    bits = bytearray(_BITMAP_BYTES)
    for offset in offsets:
        bits[offset >> 3] |= 1 << (offset & 7)
    return bytes(bits)


def unpack(members: bytes) -> int:
    """A set as the bits of a number."""
    if len(members) == _BITMAP_BYTES:
        return int.from_bytes(members, "little")
    bits = bytearray(_BITMAP_BYTES)
    for offset in struct.unpack(f"<{len(members) // 2}H", members):
        bits[offset >> 3] |= 1 << (offset & 7)
    return int.from_bytes(bits, "little")


def offsets(bits: int) -> Iterator[int]:
    """The offsets in a set, largest first."""
    while bits:
        offset = bits.bit_length() - 1
        bits ^= 1 << offset
        yield offset


def text_term(letters: str) -> str:
    """The term of three letters that follow each other in the words of an entry."""
    return f"text/{letters}"


def trigrams(text: str) -> dict[str, None]:
    """Every three letters of a text, each once, in their order."""
    return dict.fromkeys(text[at : at + 3] for at in range(len(text) - 2))


def built(connection: Connection) -> int:
    """How many entries, from the first on, stand in blocks."""
    ((blocks,),) = connection.execute(_BUILT).fetchall()
    return int(blocks) * SIZE


def build(connection: Connection) -> bool:
    """Build the next block if there are enough entries; whether it did. The caller commits."""
    ((mine,),) = connection.execute("SELECT pg_try_advisory_xact_lock(%s)", (_LOCK,)).fetchall()
    if not mine:
        return False
    low = built(connection)
    rows = connection.execute(_ROWS, (low, low + SIZE - 1)).fetchall()
    if len(rows) < SIZE:
        return False
    members: dict[str, list[int]] = {}
    for offset, (_, terms, words) in enumerate(rows):
        for term in index.parted(terms)[1:-1]:
            members.setdefault(term, []).append(offset)
        for text in words.split(index.BETWEEN):
            for letters in trigrams(text):
                found = members.setdefault(text_term(letters), [])
                if not found or found[-1] != offset:
                    found.append(offset)
    number = low // SIZE
    times = [row[0] for row in rows]
    connection.execute("INSERT INTO block VALUES (%s, %s, %s)", (number, min(times), max(times)))
    with connection.cursor().copy("COPY block_term (term, block, members) FROM STDIN (FORMAT BINARY)") as copy:
        copy.set_types(["text", "int8", "bytea"])
        for term in sorted(members):
            copy.write_row((term, number, pack(members[term])))
    return True


class Indexer:
    """Builds blocks on a thread of its own when told that the ledger grew. Late or failed, it costs speed alone."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self._size = 0
        self._built = 0
        self._changed = threading.Condition()
        self._busy = False
        self._closed = False
        self._thread = threading.Thread(target=self._run, name="flagtrail-indexer", daemon=True)
        self._thread.start()

    def grown(self, size: int) -> None:
        """Tell the size of the ledger: it may be time for a block."""
        if size - self._built < SIZE:
            return
        with self._changed:
            self._size, self._busy = size, True
            self._changed.notify_all()

    def settle(self) -> None:
        """Wait until what was told is built."""
        with self._changed:
            self._changed.wait_for(lambda: not self._busy)

    def close(self) -> None:
        """Stop after the block under way."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        self._thread.join()

    def _run(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._busy or self._closed)
                if self._closed:
                    return
                size = self._size
            try:
                while self._pool.change(build) and not self._closed:
                    pass
                self._built = self._pool.ask(built)
            except FlagtrailError as error:
                _log.warning("storage.index_failed: %s", error)
                self._built = size - size % SIZE  # until the next one is due
            with self._changed:
                self._busy = self._size != size
                self._changed.notify_all()
