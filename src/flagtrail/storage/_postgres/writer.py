"""The one writer of a process: a thread that takes all units of work that wait, and commits them together.

Between processes the head's row lock decides whose turn it is. One commit for all that wait costs one turn.
"""

from __future__ import annotations

import logging
import time
from collections import ChainMap
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any, TypeVar
from uuid import uuid4

import psycopg

from flagtrail.model.entry import Entry
from flagtrail.model.errors import FlagtrailError, OutcomeUnknown
from flagtrail.storage import Head
from flagtrail.storage._batch import Batch, Unit, pages
from flagtrail.storage._postgres import marks, rows
from flagtrail.storage._postgres.database import (
    IDLE_SECONDS,
    Connection,
    Location,
    broken,
    connect,
    refusal,
    refusals,
)
from flagtrail.storage._queue import Job, Refused, WriterThread, undone

_log = logging.getLogger(__name__)

_ASK_AGAIN_SECONDS = 0.1
_ASK_FOR_SECONDS = 15.0
"""How long to ask what became of a commit whose answer was lost: a server that restarts takes a while."""

T = TypeVar("T")
_FAULTS = ("22", "23", "P0")
"""Classes of SQLSTATE: data that no column takes, a broken constraint, a trigger that refuses."""
Work = Callable[[Unit], Any]


def _is_fault(error: psycopg.Error) -> bool:
    """Whether it is the fault of what was to be written. Any other error is the database's, and would come again."""
    return isinstance(error, psycopg.DataError) or (error.sqlstate or "").startswith(_FAULTS)


class _Reader:
    """See `_batch.Reader`: by the connection that holds the head."""

    def __init__(self, connection: Connection, location: Location) -> None:
        self._connection = connection
        self._location = location
        self._asked = time.monotonic()
        self.failure: psycopg.Error | None = None
        """PostgreSQL goes on with nothing after an error: whoever it was that asked, the transaction is lost."""

    def entries(self, low: int, high: int) -> Iterator[Entry]:
        """Entries of a range."""
        for first, last in pages(low, high, rows.PAGE):
            yield from self._ask(partial(rows.entries_from, seq=first, limit=last - first))

    def cell(self, collection: str, key: str) -> bytes | None:
        """A cell's value."""
        return self._ask(partial(rows.cell, collection=collection, key=key))

    def awake(self) -> None:
        """Show PostgreSQL that this process does not hang, where nothing else did for a while."""
        if time.monotonic() - self._asked > IDLE_SECONDS / 4:
            self._ask(lambda connection: connection.execute("SELECT"))

    def _ask(self, question: Callable[[Connection], T]) -> T:
        self._asked = time.monotonic()
        try:
            with refusals(self._location):
                return question(self._connection)
        except FlagtrailError as error:
            if isinstance(error.__cause__, psycopg.Error):
                self.failure = error.__cause__
            raise


class Writer:
    """Runs units of work one after the other on its own thread and connection."""

    def __init__(self, location: Location, moved: Callable[[int], None]) -> None:
        self._location = location
        self._moved = moved
        with refusals(location):
            self._connection = connect(location)
        self._actors: dict[str, int] = {}
        self._name = uuid4()
        self._number = 0
        self._thread = WriterThread(location.name, self._commit, lambda: None)

    def run(self, work: Work) -> Any:  # noqa: ANN401 - what the work returns
        """Wait until the work is durable; an exception of the work is raised as it is."""
        return self._thread.run(work)

    def submit(self, work: Work, done: Callable[[], object]) -> Job:
        """Return at once; `done` is called when the outcome is known."""
        return self._thread.submit(work, done)

    def refuse_within(self) -> None:
        """Raise RuntimeError where a unit of work is what asks."""
        self._thread.refuse_within()

    def close(self) -> None:
        """Finish what is queued and stop; a second call does nothing."""
        if self._thread.close():
            self._connection.close()

    def _commit(self, jobs: Sequence[Job]) -> None:
        """One commit for all. Raises Refused where PostgreSQL refuses what they add together."""
        try:
            self._commit_together(jobs)
        except Refused:
            self._connection.close()  # what failed in it may have left it useless: see `database.Pool`
            raise
        except Exception as error:  # noqa: BLE001 - whatever it was, the writer goes on: others wait for it
            self._connection.close()
            undone(jobs, refusal(error, self._location) if isinstance(error, psycopg.Error) else error)

    def _commit_together(self, jobs: Sequence[Job]) -> None:
        self._number += 1
        head = self._begin()
        reader = _Reader(self._connection, self._location)
        batch = Batch(head, reader)
        batch.run(jobs)
        if reader.failure is not None:
            raise reader.failure
        actors = ChainMap({}, self._actors)
        try:
            with refusals(self._location):
                rows.write(self._connection, batch, actors)
                self._finish()
        except FlagtrailError as error:
            if isinstance(error.__cause__, psycopg.Error) and not _is_fault(error.__cause__):
                raise
            raise Refused(error) from error
        self._actors.update(actors.maps[0])
        if batch.head.size != head.size:
            self._moved(batch.head.size)

    def _begin(self) -> Head:
        """The locked head. Whoever hangs with it is ended, once the wait is over."""
        try:
            return self._locked()
        except psycopg.errors.LockNotAvailable:
            self._renew()
            ended = rows.end_hung(self._connection, IDLE_SECONDS)
            if not ended:
                raise
            _log.warning("storage.hung_changes_ended: %s", ended)
            return self._locked()

    def _locked(self) -> Head:
        """Lock the head; a connection that proves lost is made anew, once."""
        if not broken(self._connection):
            try:
                return rows.lock_head(self._connection, self._name, self._number)
            except psycopg.Error:
                if not broken(self._connection):
                    raise
        self._renew()
        return rows.lock_head(self._connection, self._name, self._number)

    def _renew(self) -> None:
        self._connection.close()
        self._connection = connect(self._location)
        self._actors.clear()  # it may be another server that took over, with less in it

    def _finish(self) -> None:
        """Commit. Where the answer is lost with the connection, the mark that the commit set tells what became of it.

        Raises psycopg.Error where it was not committed, OutcomeUnknown where nobody can say.
        """
        try:
            self._connection.execute("COMMIT")
        except psycopg.OperationalError as error:
            if not broken(self._connection) or not self._was_committed(error):
                raise

    def _was_committed(self, error: psycopg.Error) -> bool:
        deadline = time.monotonic() + _ASK_FOR_SECONDS
        while time.monotonic() < deadline:
            try:
                self._connection.close()
                self._connection = connect(self._location)
                return marks.newest(self._connection, self._name) == self._number
            except psycopg.Error:
                time.sleep(_ASK_AGAIN_SECONDS)
        raise OutcomeUnknown(
            f"the database {self._location.name} was lost while it committed, and nobody can say whether it did",
            database=self._location.name,
        ) from error
