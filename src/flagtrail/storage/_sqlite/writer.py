"""The one writer: a thread that takes all units of work that wait, and commits them together."""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from flagtrail.model.entry import Entry
from flagtrail.model.errors import FlagtrailError, StorageFailed
from flagtrail.storage import Cell, Head, Record
from flagtrail.storage._queue import Job, WriterThread
from flagtrail.storage._sqlite import blocks, rows
from flagtrail.storage._sqlite.database import Location, connect, refusal, refusals

_log = logging.getLogger(__name__)

Work = Callable[["Transaction"], Any]


class _Known:
    """What need not be asked again under one lock: the head, and the numbers of actors."""

    def __init__(self) -> None:
        self.head: Head | None = None
        self.actors: dict[str, int] = {}


class Transaction:
    """One unit of work, between its savepoint and the commit that it shares."""

    def __init__(self, connection: sqlite3.Connection, path: Path, known: _Known) -> None:
        self._connection = connection
        self._path = path
        self._known = known
        self.size: int | None = None
        """The ledger's size after what was appended, if anything was."""
        self.failure: FlagtrailError | None = None
        """Why this unit of work cannot be committed, even where the work swallowed the refusal."""
        self.cause: sqlite3.Error | None = None

    @property
    def head(self) -> Head:
        """The locked head, with what this unit of work appended."""
        if self._known.head is None:
            with refusals(self._path):
                self._known.head = rows.head(self._connection)
        return self._known.head

    def entries_from(self, seq: int) -> Iterator[Entry]:
        """Entries from `seq` on, this unit's own too."""
        with refusals(self._path):
            for low in range(max(seq, 0), self.head.size, rows.PAGE):
                yield from rows.entries_from(self._connection, low, rows.PAGE)

    def append(self, records: Sequence[Record], head: Head) -> None:
        """Append records that follow the head; refused with StorageFailed where they do not."""
        before = self.head
        try:
            if head.size != before.size + len(records):
                raise StorageFailed(f"{len(records)} entries after {before.size} do not make {head.size}")
            for seq, record in enumerate(records, before.size):
                if record.entry.seq != seq:
                    raise StorageFailed(f"entry {record.entry.seq} came where {seq} is next")
                rows.insert(self._connection, record, self._known.actors)
            if records:
                rows.move_head(self._connection, before, head)
        except sqlite3.Error as error:
            raise self._failed(error) from error
        except FlagtrailError as error:
            self.failure = error
            raise
        self._known.head = head
        self.size = head.size

    def _failed(self, error: sqlite3.Error) -> FlagtrailError:
        self.cause = error
        self.failure = refusal(error, self._path)
        return self.failure

    def cell(self, collection: str, key: str) -> bytes | None:
        """A cell's value."""
        with refusals(self._path):
            return rows.cell(self._connection, collection, key)

    def put_cell(self, collection: str, cell: Cell) -> None:
        """Write a cell."""
        self.execute(
            "INSERT OR REPLACE INTO cell VALUES (?, ?, ?, ?)", (collection, cell.key, cell.value, cell.expires)
        )

    def delete_cell(self, collection: str, key: str) -> None:
        """Remove a cell."""
        self.execute("DELETE FROM cell WHERE collection = ? AND key = ?", (collection, key))

    def execute(self, statement: str, values: Sequence[Any] = ()) -> int:
        """Run one statement for the store itself; how many rows it altered."""
        try:
            return self._connection.execute(statement, values).rowcount
        except sqlite3.Error as error:
            raise self._failed(error) from error

    def execute_many(self, statement: str, rows: Sequence[Sequence[Any]]) -> None:
        """Run one statement once for each row."""
        try:
            self._connection.executemany(statement, rows)
        except sqlite3.Error as error:
            raise self._failed(error) from error

    def fetch(self, statement: str, values: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """Run one statement for the store itself; the rows that it returns."""
        try:
            return self._connection.execute(statement, values).fetchall()
        except sqlite3.Error as error:
            raise self._failed(error) from error


class Writer:
    """Runs units of work one after the other on its own thread and connection."""

    def __init__(self, location: Location) -> None:
        self._path = location.path
        with refusals(self._path):
            self._connection = connect(location)
        self._size = 0
        self._built = 0
        self._thread = WriterThread(str(self._path), self._commit, self._index)

    def run(self, work: Work) -> Any:  # noqa: ANN401 - what the work returns
        """Wait until the work is durable; an exception of the work is raised as it is."""
        return self._thread.run(work)

    def close(self) -> None:
        """Finish what is queued and stop; a second call does nothing."""
        if self._thread.close():
            self._connection.close()

    def _commit(self, jobs: Sequence[Job]) -> None:
        """One commit for all, and a savepoint each where there are several. What cannot be committed is undone."""
        try:
            self._connection.execute("BEGIN IMMEDIATE")
            known = _Known()
            for job in jobs:
                known = self._attempt(job, known, alone=len(jobs) == 1)
            if self._connection.in_transaction:
                self._connection.execute("COMMIT")
        except sqlite3.Error as error:
            self._undo()
            for job in jobs:
                job.error = job.error or refusal(error, self._path)

    def _attempt(self, job: Job, known: _Known, *, alone: bool) -> _Known:
        """What is known afterwards. What fails is undone: to its savepoint, or the whole transaction where it is alone.

        Raises sqlite3.Error only where the whole transaction is lost, so that none of the batch may succeed.
        """
        if not alone:
            self._connection.execute("SAVEPOINT work")
        transaction = Transaction(self._connection, self._path, known)
        try:
            job.result = job.work(transaction)
        except BaseException as error:  # noqa: BLE001 - it belongs to the caller, who waits on another thread
            job.error = error
        else:
            job.error = transaction.failure
        if not self._connection.in_transaction:
            raise transaction.cause or sqlite3.OperationalError("the unit of work ended the transaction")
        if job.error is not None:
            self._connection.execute("ROLLBACK" if alone else "ROLLBACK TO work")
            known = _Known()
        elif transaction.size is not None:
            self._size = transaction.size
        if not alone:
            self._connection.execute("RELEASE work")
        return known

    def _undo(self) -> None:
        if self._connection.in_transaction:
            try:
                self._connection.execute("ROLLBACK")
            except sqlite3.Error as error:
                _log.warning("storage.rollback_failed: %s", error)

    def _index(self) -> None:
        """Make blocks of what was appended. Late or failed, it costs speed and never an answer: see `blocks`."""
        if self._size - self._built < blocks.SIZE:
            return
        try:
            self._built = blocks.built(self._connection)
            while self._size - self._built >= blocks.SIZE:
                self._connection.execute("BEGIN IMMEDIATE")
                self._built = blocks.build(self._connection)
                self._connection.execute("COMMIT")
        except Exception:  # noqa: BLE001 - whatever it was, the writer goes on: others wait for it
            self._undo()
            _log.exception("storage.index_failed")
