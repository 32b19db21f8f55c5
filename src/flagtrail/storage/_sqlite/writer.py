"""The one writer: a thread that takes all units of work that wait, and commits them together."""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from flagtrail.model.entry import Entry
from flagtrail.model.errors import FlagtrailError
from flagtrail.storage._batch import Batch, Unit, pages
from flagtrail.storage._queue import Job, Refused, WriterThread, undone
from flagtrail.storage._sqlite import blocks, rows
from flagtrail.storage._sqlite.database import Location, connect, refusal, refusals

_log = logging.getLogger(__name__)

_FAULTS = (sqlite3.IntegrityError, sqlite3.DataError)
"""Errors that are the fault of what was to be written. Any other is the database's, and would come again."""
Work = Callable[[Unit], Any]


class Statements:
    """What the store itself writes beside the ledger, between a savepoint and the commit that it shares."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def execute(self, statement: str, values: Sequence[Any] = ()) -> int:
        """Run one statement; how many rows it altered."""
        return self._connection.execute(statement, values).rowcount

    def execute_many(self, statement: str, rows: Sequence[Sequence[Any]]) -> None:
        """Run one statement once for each row."""
        self._connection.executemany(statement, rows)

    def fetch(self, statement: str, values: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """Run one statement; the rows that it returns."""
        return self._connection.execute(statement, values).fetchall()


class Direct:
    """A unit of work that is run on the database itself, where `Statements` are needed."""

    def __init__(self, work: Callable[[Statements], Any]) -> None:
        self.work = work


class _Reader:
    """See `_batch.Reader`: by the connection that holds the lock."""

    def __init__(self, connection: sqlite3.Connection, path: Path) -> None:
        self._connection = connection
        self._path = path

    def entries(self, low: int, high: int) -> Iterator[Entry]:
        """Entries of a range."""
        with refusals(self._path):
            for first, last in pages(low, high, rows.PAGE):
                yield from rows.entries(self._connection, range(first, last))

    def cell(self, collection: str, key: str) -> bytes | None:
        """A cell's value."""
        with refusals(self._path):
            return rows.cell(self._connection, collection, key)

    def awake(self) -> None:
        """SQLite ends no transaction by itself."""


class Writer:
    """Runs units of work one after the other on its own thread and connection."""

    def __init__(self, location: Location) -> None:
        self._path = location.path
        with refusals(self._path):
            self._connection = connect(location)
        self._size = 0
        self._built = 0
        self._thread = WriterThread(str(self._path), self._commit, self._index)

    def run(self, work: Work | Direct) -> Any:  # noqa: ANN401 - what the work returns
        """Wait until the work is durable; an exception of the work is raised as it is."""
        return self._thread.run(work)

    def submit(self, work: Work, done: Callable[[], object]) -> Job:
        """Return at once; `done` is called when the outcome is known."""
        return self._thread.submit(work, done)

    def close(self) -> None:
        """Finish what is queued and stop; a second call does nothing."""
        if self._thread.close():
            self._connection.close()

    def _commit(self, jobs: Sequence[Job]) -> None:
        """One commit for all. Raises Refused where SQLite refuses what they add together."""
        try:
            self._commit_together(jobs)
        except Refused:
            self._undo()
            raise
        except Exception as error:  # noqa: BLE001 - whatever it was, the writer goes on: others wait for it
            self._undo()
            undone(jobs, refusal(error, self._path) if isinstance(error, sqlite3.Error) else error)

    def _commit_together(self, jobs: Sequence[Job]) -> None:
        self._connection.execute("BEGIN IMMEDIATE")
        batch = Batch(rows.head(self._connection), _Reader(self._connection, self._path))
        batch.run(job for job in jobs if not isinstance(job.work, Direct))
        self._require_transaction()
        try:
            with refusals(self._path):
                rows.write(self._connection, batch)
                for job in jobs:
                    if isinstance(job.work, Direct):
                        self._run_direct(job, job.work)
                self._connection.execute("COMMIT")
        except FlagtrailError as error:
            if isinstance(error.__cause__, sqlite3.Error) and not isinstance(error.__cause__, _FAULTS):
                raise
            raise Refused(error) from error
        self._size = batch.head.size

    def _run_direct(self, job: Job, direct: Direct) -> None:
        """Run it after a savepoint, to which it is undone where it fails."""
        self._connection.execute("SAVEPOINT work")
        try:
            with refusals(self._path):
                job.result = direct.work(Statements(self._connection))
        except BaseException as error:  # noqa: BLE001 - it belongs to the caller, who waits on another thread
            job.error = error
            self._require_transaction()
            self._connection.execute("ROLLBACK TO work")
        self._connection.execute("RELEASE work")

    def _require_transaction(self) -> None:
        """After some errors SQLite has undone all by itself; what is written then would be committed bit by bit."""
        if not self._connection.in_transaction:
            raise sqlite3.OperationalError("the transaction is lost")

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
