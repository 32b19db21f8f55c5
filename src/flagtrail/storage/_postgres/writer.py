"""The one writer of a process: a thread that takes all units of work that wait, and commits them together.

Between processes the head's row lock decides whose turn it is. One commit for all that wait costs one turn.
"""

from __future__ import annotations

import time
from collections import ChainMap
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any

import psycopg
from psycopg.pq import TransactionStatus

from flagtrail.model.entry import Entry
from flagtrail.model.errors import FlagtrailError, StorageFailed
from flagtrail.storage import Cell, Head, Record
from flagtrail.storage._postgres import rows
from flagtrail.storage._postgres.database import Connection, Location, broken, connect, refusal, refusals
from flagtrail.storage._queue import Job, WriterThread

_ASK_AGAIN_SECONDS = 0.1
_ASK_FOR_SECONDS = 15.0
"""How long to ask what became of a commit whose answer was lost: a server that restarts takes a while."""

Work = Callable[["Transaction"], Any]


class _Known:
    """What need not be asked again under one lock: the head, and the numbers of actors."""

    def __init__(self, head: Head, actors: ChainMap[str, int]) -> None:
        self.head = head
        self.actors = actors
        """Those of this commit, over those that are durable."""

    def copy(self) -> _Known:
        """The same, to be altered and perhaps thrown away."""
        return _Known(self.head, self.actors.copy())


class Transaction:
    """One unit of work in the transaction that it may share with others; its savepoint is made at its first write."""

    def __init__(self, connection: Connection, location: Location, known: _Known, *, alone: bool) -> None:
        self._connection = connection
        self._location = location
        self._known = known
        self._alone = alone
        self.wrote = False
        self.failure: FlagtrailError | None = None
        """Why this unit of work cannot be committed, even where the work swallowed the refusal."""
        self.cause: psycopg.Error | None = None

    @property
    def head(self) -> Head:
        """The locked head, with what this unit of work appended."""
        return self._known.head

    def entries_from(self, seq: int) -> Iterator[Entry]:
        """Entries from `seq` on, this unit's own too."""
        for low in range(max(seq, 0), self.head.size, rows.PAGE):
            yield from self._doing(lambda low=low: rows.entries_from(self._connection, low, rows.PAGE))  # type: ignore[misc]  # mypy infers no lambda with defaults

    def append(self, records: Sequence[Record], head: Head) -> None:
        """Append records that follow the head; refused with StorageFailed where they do not."""
        before = self.head
        try:
            if head.size != before.size + len(records):
                raise StorageFailed(f"{len(records)} entries after {before.size} do not make {head.size}")
            for seq, record in enumerate(records, before.size):
                if record.entry.seq != seq:
                    raise StorageFailed(f"entry {record.entry.seq} came where {seq} is next")
            if records:
                self._write(lambda: rows.append(self._connection, records, before, head, self._known.actors))
        except FlagtrailError as error:
            self.failure = error
            raise
        self._known.head = head

    def cell(self, collection: str, key: str) -> bytes | None:
        """A cell's value."""
        found: bytes | None = self._doing(lambda: rows.cell(self._connection, collection, key))
        return found

    def put_cell(self, collection: str, cell: Cell) -> None:
        """Write a cell."""
        self._write(lambda: rows.put_cell(self._connection, collection, cell))

    def delete_cell(self, collection: str, key: str) -> None:
        """Remove a cell; one that does not exist is no error."""
        self._write(lambda: rows.delete_cell(self._connection, collection, key))

    def _write(self, statements: Callable[[], None]) -> None:
        first, self.wrote = not self.wrote, True
        self._doing(partial(self._marked, statements) if first and not self._alone else statements)

    def _marked(self, statements: Callable[[], None]) -> None:
        """Run the first statements after a savepoint, which takes no turn of its own."""
        with self._connection.pipeline():
            self._connection.execute("SAVEPOINT work")
            statements()

    def _doing(self, statements: Callable[[], Any]) -> Any:  # noqa: ANN401 - what the statements return
        try:
            with refusals(self._location):
                return statements()
        except FlagtrailError as error:
            if isinstance(error.__cause__, psycopg.Error):
                self.cause = error.__cause__
                self.failure = error  # PostgreSQL goes on with nothing after an error
            raise


class Writer:
    """Runs units of work one after the other on its own thread and connection."""

    def __init__(self, location: Location, moved: Callable[[int], None]) -> None:
        self._location = location
        self._moved = moved
        with refusals(location):
            self._connection = connect(location)
        self._actors: dict[str, int] = {}
        self._size = 0
        self._thread = WriterThread(location.name, self._commit, lambda: None)

    def run(self, work: Work) -> Any:  # noqa: ANN401 - what the work returns
        """Wait until the work is durable; an exception of the work is raised as it is."""
        return self._thread.run(work)

    def refuse_within(self) -> None:
        """Raise RuntimeError where a unit of work is what asks."""
        self._thread.refuse_within()

    def close(self) -> None:
        """Finish what is queued and stop; a second call does nothing."""
        if self._thread.close():
            self._connection.close()

    def _commit(self, jobs: Sequence[Job]) -> None:
        """One commit for all, and a savepoint each where there are several. What cannot be committed is undone."""
        number = ""
        try:
            head, number = self._begin()
            known = _Known(head, ChainMap({}, self._actors))
            for job in jobs:
                known = self._attempt(job, known, alone=len(jobs) == 1)
            if self._connection.info.transaction_status == TransactionStatus.INTRANS:
                self._finish(number)
            self._actors.update(known.actors.maps[0])
        except (psycopg.Error, FlagtrailError) as error:
            self._undo()
            refused = refusal(error, self._location) if isinstance(error, psycopg.Error) else error
            for job in jobs:
                job.error = job.error or refused
        else:
            if known.head.size != head.size:
                self._moved(known.head.size)

    def _begin(self) -> tuple[Head, str]:
        """The locked head and the transaction's number; a connection that proves lost is made anew, once."""
        if not broken(self._connection):
            try:
                return rows.lock_head(self._connection)
            except psycopg.Error:
                if not broken(self._connection):
                    raise
        self._connection.close()
        self._connection = connect(self._location)
        self._actors.clear()  # it may be another server that took over, with less in it
        return rows.lock_head(self._connection)

    def _attempt(self, job: Job, known: _Known, *, alone: bool) -> _Known:
        """What is known afterwards. What fails is undone: to its savepoint, or the whole transaction where it is alone.

        Raises psycopg.Error only where the whole transaction is lost, so that none of the batch may succeed.
        """
        mine = known.copy()
        transaction = Transaction(self._connection, self._location, mine, alone=alone)
        try:
            job.result = job.work(transaction)
        except BaseException as error:  # noqa: BLE001 - it belongs to the caller, who waits on another thread
            job.error = error
        else:
            job.error = transaction.failure
        if broken(self._connection):
            raise transaction.cause or psycopg.OperationalError("the connection was lost")
        if job.error is None:
            return mine
        if transaction.wrote:
            self._connection.execute("ROLLBACK" if alone else "ROLLBACK TO work")
        elif transaction.cause is not None:
            raise transaction.cause
        return known

    def _finish(self, number: str) -> None:
        """Commit. Where the answer is lost with the connection, PostgreSQL is asked what became of it.

        Raises psycopg.Error where it was not committed, StorageFailed where nobody can say.
        """
        try:
            self._connection.execute("COMMIT")
        except psycopg.OperationalError as error:
            if not broken(self._connection) or not self._was_committed(number, error):
                raise

    def _was_committed(self, number: str, error: psycopg.Error) -> bool:
        deadline = time.monotonic() + _ASK_FOR_SECONDS
        while time.monotonic() < deadline:
            try:
                self._connection.close()
                self._connection = connect(self._location)
                found = self._connection.execute("SELECT pg_xact_status(%s::xid8)", (number,)).fetchone()
            except psycopg.Error:
                time.sleep(_ASK_AGAIN_SECONDS)
                continue
            status = None if found is None else found[0]
            if status == "committed":
                return True
            if status == "aborted":
                return False
            time.sleep(_ASK_AGAIN_SECONDS)
        raise StorageFailed(
            f"the database {self._location.name} was lost while it committed, and nobody can say whether it did; look"
            " before you repeat",
            database=self._location.name,
        ) from error

    def _undo(self) -> None:
        if self._connection.info.transaction_status not in {TransactionStatus.IDLE, TransactionStatus.UNKNOWN}:
            try:
                self._connection.execute("ROLLBACK")
            except psycopg.Error:
                self._connection.close()  # the next unit of work connects anew
