"""Units of work that share a commit, run in memory: what all of them add is then written together.

A unit that fails leaves nothing to undo. Where the database refuses what they add together, nothing tells whose fault
it is: the store then runs them once more, one by one. So a unit of work may be run twice, and only its last run counts.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import chain, islice
from typing import Protocol

from flagtrail.model.entry import Entry
from flagtrail.model.errors import FlagtrailError, StorageFailed
from flagtrail.storage import Cell, Head, Record
from flagtrail.storage._queue import Job

_FIRST_PAGE = 16

Cells = dict[tuple[str, str], Cell | None]
"""Cells by collection and key; None where one is removed."""


class Reader(Protocol):
    """What the database holds while the head is locked."""

    def entries(self, low: int, high: int) -> Iterator[Entry]:
        """Entries of `low <= seq < high`, oldest first."""

    def cell(self, collection: str, key: str) -> bytes | None:
        """A cell's value, or None."""

    def awake(self) -> None:
        """Called now and then by long units of work: a database may end a transaction that says nothing for long."""


class Batch:
    """What the units of work of one commit add, in their order, to what lies below the locked head."""

    def __init__(self, head: Head, reader: Reader) -> None:
        self.before = head
        self.head = head
        self.reader = reader
        self.records: list[Record] = []
        self.cells: Cells = {}

    def run(self, jobs: Iterable[Job]) -> None:
        """Run each on what those before it left; what fails adds nothing."""
        for job in jobs:
            unit = Unit(self)
            try:
                job.result = job.work(unit)
            except BaseException as error:  # noqa: BLE001 - it belongs to the caller, who waits on another thread
                job.error = error
            else:
                job.error = unit.failure
            if job.error is None:
                self.head = unit.head
                self.records += unit.records
                self.cells |= unit.cells


class Unit:
    """One unit of work's `Transaction`."""

    def __init__(self, batch: Batch) -> None:
        self._batch = batch
        self._head = batch.head
        self.records: list[Record] = []
        self.cells: Cells = {}
        self.failure: FlagtrailError | None = None
        """Why it cannot be committed, even where the work swallowed the refusal."""

    @property
    def head(self) -> Head:
        """The locked head, with what this unit of work appended."""
        return self._head

    def entries_from(self, seq: int) -> Iterator[Entry]:
        """Entries from `seq` on, this unit's own too."""
        first, stored = max(seq, 0), self._batch.before.size
        if first < stored:
            yield from self._batch.reader.entries(first, stored)
        added = chain(self._batch.records, self.records)
        yield from (record.entry for record in islice(added, max(first - stored, 0), None))

    def append(self, records: Sequence[Record], head: Head) -> None:
        """Append records that follow the head; refused with StorageFailed where they do not."""
        try:
            require_next(self._head, records, head)
        except StorageFailed as error:
            self.failure = error
            raise
        self.records += records
        self._head = head
        self._batch.reader.awake()

    def cell(self, collection: str, key: str) -> bytes | None:
        """A cell's value."""
        place = (collection, key)
        for cells in (self.cells, self._batch.cells):
            if place in cells:
                cell = cells[place]
                return None if cell is None else cell.value
        return self._batch.reader.cell(collection, key)

    def put_cell(self, collection: str, cell: Cell) -> None:
        """Write a cell."""
        self.cells[collection, cell.key] = cell

    def delete_cell(self, collection: str, key: str) -> None:
        """Remove a cell; one that does not exist is no error."""
        self.cells[collection, key] = None


def pages(low: int, high: int, most: int) -> Iterator[tuple[int, int]]:
    """A range in parts, ever larger ones up to `most`: who wants the first few entries alone has the others wait for
    no more, and who wants all of them asks seldom.
    """
    size = min(_FIRST_PAGE, most)
    while low < high:
        yield low, min(low + size, high)
        low, size = low + size, min(4 * size, most)


def require_next(before: Head, records: Sequence[Record], after: Head) -> None:
    """Raise StorageFailed unless the records follow the head, and make the one after them."""
    if after.size != before.size + len(records):
        raise StorageFailed(f"{len(records)} entries after {before.size} do not make {after.size}")
    for seq, record in enumerate(records, before.size):
        if record.entry.seq != seq:
            raise StorageFailed(f"entry {record.entry.seq} came where {seq} is next")
