"""The store in one SQLite file: the default. See docs/reference/storage.md and docs/decisions/0004-storage.md."""

from __future__ import annotations

import os
import sqlite3
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

from flagtrail.model.entry import Entry
from flagtrail.model.errors import StorageFailed
from flagtrail.model.metric import MetricSeries, Point, PointsQuery, Sample
from flagtrail.model.reference import ScanHead, ScannedFlag, ScannedQuery
from flagtrail.model.usage import SampledContext, Usage, UsageClient, UsageCount, UsageReporter, UsageSummary
from flagtrail.storage import (
    MAX_SAMPLED,
    Cell,
    Disclosure,
    EntryQuery,
    Examined,
    Head,
    Pending,
    Record,
    ReportMark,
    UsageQuery,
)
from flagtrail.storage import _index as index
from flagtrail.storage._batch import Unit
from flagtrail.storage._sqlite import backup, database, questions, rows, samples, scans, usage
from flagtrail.storage._sqlite.database import Location, bounded, connect, prepare, refusals
from flagtrail.storage._sqlite.writer import Direct, Statements, Writer

T = TypeVar("T")

SCHEMES = ("sqlite",)
DURABLE = True


def open_storage(url: str) -> SqliteStorage:
    """Open the file that the URL names, made where it is missing.

    Raises SettingInvalid, StorageCorrupt (damaged, or not ours), StorageFailed
    (cannot be opened or written, or was written by a newer Flagtrail).
    """
    location = Location.from_url(url)
    prepare(location)
    return SqliteStorage(location)


def back_up(url: str, file: Path) -> None:
    """Copy the file that the URL names to a new one, while it is in use."""
    backup.copy(Location.from_url(url), file)


def examine(url: str) -> Examined:
    """See `flagtrail.storage.examine`."""
    return database.examine(Location.from_url(url))


def migrate(url: str) -> None:
    """Opening does it."""
    prepare(Location.from_url(url))


class SqliteStorage:
    """See `flagtrail.storage.Storage`. Several processes may use one file: each write begins with the locked head."""

    def __init__(self, location: Location) -> None:
        self._location = location
        self._file = os.stat(location.path)  # noqa: PTH116 - at each write: a third of what Path.stat takes
        self._writer = Writer(location)
        self._lock = threading.Lock()
        self._idle: list[sqlite3.Connection] | None = []

    @contextmanager
    def _reading(self) -> Iterator[sqlite3.Connection]:
        """A connection with one snapshot of what is durable. It is this thread's alone, and goes back when done."""
        with refusals(self._location.path):
            with self._lock:
                if self._idle is None:
                    raise StorageFailed(f"the database {self._location.path} is closed")
                connection = self._idle.pop() if self._idle else None
            connection = connection or self._reader()
            try:
                connection.execute("BEGIN")
                yield connection
            finally:
                self._return(connection)

    def _require_file(self) -> None:
        """Raise StorageFailed where the name is not the opened file's any more.

        What is written to a file that was removed would be acknowledged, and be gone with the process.
        """
        try:
            present = os.path.samestat(os.stat(self._location.path), self._file)  # noqa: PTH116 - as above
        except OSError:
            present = False
        if not present:
            told = "was taken away or exchanged while it is in use; put it back, or stop Flagtrail and start it again"
            raise StorageFailed(f"the database {self._location.path} {told}", path=str(self._location.path))

    def _reader(self) -> sqlite3.Connection:
        self._require_file()
        connection = connect(self._location)
        connection.execute("PRAGMA query_only = ON")
        return connection

    def _return(self, connection: sqlite3.Connection) -> None:
        with self._lock:
            if self._idle is not None:
                connection.rollback()
                self._idle.append(connection)
                return
        connection.close()

    def write(self, work: Callable[[Unit], T]) -> T:
        """Run one unit of work with the head locked; return when it is durable."""
        self._require_file()
        result: T = self._writer.run(work)
        return result

    def submit(self, work: Callable[[Unit], T], done: Callable[[], object]) -> Pending[T]:
        """`write` for who must not wait."""
        self._require_file()
        return self._writer.submit(work, done)

    def _write_directly(self, work: Callable[[Statements], T]) -> T:
        """Run what is written beside the ledger; return when it is durable."""
        self._require_file()
        result: T = self._writer.run(Direct(work))
        return result

    def head(self) -> Head:
        """The head, as of the last durable append."""
        with self._reading() as connection:
            return rows.head(connection)

    def current(self) -> Iterator[Entry]:
        """The newest entry of every subject, by seq."""
        with self._reading() as connection:
            seqs = _firsts(connection.execute("SELECT seq FROM document ORDER BY seq"))
        return self._paged(seqs)

    def _paged(self, seqs: Sequence[int]) -> Iterator[Entry]:
        """Entries read page by page: nobody who stops half way holds on to a snapshot."""
        for at in range(0, len(seqs), rows.PAGE):
            yield from self._entries(seqs[at : at + rows.PAGE])

    def _entries(self, seqs: Sequence[int]) -> list[Entry]:
        with self._reading() as connection:
            return rows.entries(connection, seqs)

    def entry(self, seq: int) -> Entry | None:
        """One entry."""
        return next(iter(self._entries([bounded(seq)])), None)

    def entries(self, query: EntryQuery) -> list[Entry]:
        """Entries that match, newest first."""
        with self._reading() as connection:
            return rows.entries(connection, questions.find(connection, query))

    def entries_from(self, seq: int, limit: int) -> list[Entry]:
        """At most `limit` entries from `seq` on, oldest first."""
        with self._reading() as connection:
            return rows.entries_from(connection, max(seq, 0), max(limit, 0))

    def history(
        self, paths: Sequence[str], *, since: str | None = None, until: str | None = None, limit: int | None = None
    ) -> list[Entry]:
        """Every entry of these subjects by (effective, seq)."""
        with self._reading() as connection:
            seqs = connection.execute(
                "SELECT seq FROM ledger_entry WHERE subject IN (SELECT value FROM json_each(?))"
                " AND effective BETWEEN ? AND ? ORDER BY effective, seq LIMIT ?",
                (index.as_json(paths), *index.span(since, until), -1 if limit is None else limit),
            )
            return rows.entries(connection, _firsts(seqs))

    def as_of(self, path: str, *, time: str | None = None, seq: int | None = None) -> Entry | None:
        """The newest entry of the subject at a time or seq."""
        with self._reading() as connection:
            found = connection.execute(f"SELECT ({_newest(':path', time, seq)})", _at(path, time, seq)).fetchone()[0]
            return None if found is None else rows.entries(connection, [found])[0]

    def paths_as_of(self, prefix: str, *, time: str | None = None, seq: int | None = None) -> list[Entry]:
        """`as_of` for every subject under a prefix, by path."""
        with self._reading() as connection:
            found = connection.execute(
                f"SELECT ({_newest('document.path', time, seq)}) FROM document"  # noqa: S608 - the parts are our own text
                " WHERE path >= :path AND path < :path || char(1114111) ORDER BY path",
                _at(prefix, time, seq),
            )
            return rows.entries(connection, [each for each in _firsts(found) if each is not None])

    def leaves(self, low: int, high: int) -> Iterator[bytes]:
        """Leaf bytes of a range."""
        for first, last in self._pages(low, high):
            with self._reading() as connection:
                page = _firsts(
                    connection.execute(
                        "SELECT leaf FROM ledger_entry WHERE seq BETWEEN ? AND ? ORDER BY seq", (first, last)
                    )
                )
            yield from page

    def leaf_hashes(self, low: int, high: int) -> list[bytes]:
        """Leaf hashes of a range."""
        with self._reading() as connection:
            return _firsts(
                connection.execute(
                    "SELECT leaf_hash FROM ledger_entry WHERE seq >= ? AND seq < ? ORDER BY seq",
                    (bounded(low), bounded(high)),
                )
            )

    def disclosures(self, low: int, high: int) -> Iterator[Disclosure]:
        """Disclosures of a range, by (seq, name)."""
        for first, last in self._pages(low, high):
            with self._reading() as connection:
                page = connection.execute(
                    "SELECT seq, name, salt, value FROM ledger_private WHERE seq BETWEEN ? AND ? ORDER BY seq, name",
                    (first, last),
                ).fetchall()
            yield from (Disclosure(*row) for row in page)

    def records(self, low: int, high: int) -> Iterator[Record]:
        """Records of a range, as they were appended."""
        for first, last in self._pages(low, high):
            with self._reading() as connection:
                page = rows.records(connection, first, last + 1)
            yield from page

    def _pages(self, low: int, high: int) -> Iterator[tuple[int, int]]:
        """The first and last seq of each page of a range."""
        end = min(high, self.head().size)
        for first in range(max(low, 0), end, rows.PAGE):
            yield first, min(first + rows.PAGE, end) - 1

    def cell(self, collection: str, key: str) -> bytes | None:
        """A cell's value."""
        with self._reading() as connection:
            return rows.cell(connection, collection, key)

    def cells(self, collection: str, *, start: str = "", limit: int | None = None) -> list[Cell]:
        """Cells of a collection, by key."""
        question = "SELECT key, value, expires FROM cell WHERE collection = ? AND key >= ? ORDER BY key LIMIT ?"
        with self._reading() as connection:
            found = connection.execute(question, (collection, start, -1 if limit is None else limit))
            return [Cell(*row) for row in found]

    def collections(self) -> list[str]:
        """The collections that hold cells, sorted."""
        with self._reading() as connection:
            return _firsts(connection.execute("SELECT DISTINCT collection FROM cell ORDER BY collection"))

    def put_cell(self, collection: str, cell: Cell) -> None:
        """Write a cell, durably."""
        self.write(lambda transaction: transaction.put_cell(collection, cell))

    def delete_cell(self, collection: str, key: str) -> None:
        """Remove a cell."""
        self.write(lambda transaction: transaction.delete_cell(collection, key))

    def delete_expired_cells(self, now: float) -> int:
        """Remove cells that expired before `now`."""
        return self._write_directly(lambda statements: statements.execute("DELETE FROM cell WHERE expires < ?", (now,)))

    def add_usage(
        self, rows: Iterable[Usage], *, report: ReportMark | None = None, contexts: Iterable[SampledContext] = ()
    ) -> bool:
        """Add counts to rows of the same hour and to the summaries; False for a report that was added before."""
        added, kept = list(rows), list(contexts)
        return self._write_directly(lambda statements: usage.add(statements, added, report, kept))

    def usage(self, project: str, *, flag: str | None = None, since: str | None = None) -> list[Usage]:
        """Usage rows, by (flag, environment, hour)."""
        with self._reading() as connection:
            return usage.rows(connection, project, flag, since)

    def usage_counts(self, query: UsageQuery) -> list[UsageCount]:
        """Counts of a flag, by (environment, time, variant)."""
        with self._reading() as connection:
            return usage.counts(connection, query)

    def usage_summary(self, project: str) -> list[UsageSummary]:
        """One row per environment and flag."""
        with self._reading() as connection:
            return usage.summary(connection, project)

    def usage_clients(self, project: str, flag: str) -> list[UsageClient]:
        """Who ever asked for a flag."""
        with self._reading() as connection:
            return usage.clients(connection, project, flag)

    def usage_reporters(self, project: str) -> list[UsageReporter]:
        """Who ever reported usage of any flag."""
        with self._reading() as connection:
            return usage.reporters(connection, project)

    def sampled_contexts(self, project: str, environment: str, *, limit: int = MAX_SAMPLED) -> list[SampledContext]:
        """Sampled contexts, newest first."""
        with self._reading() as connection:
            return usage.contexts(connection, project, environment, limit)

    def delete_old_usage(self, now: float) -> int:
        """Remove what is kept for a time only and has passed it."""
        return self._write_directly(lambda statements: usage.delete_old(statements, now))

    def usage_places(self) -> list[tuple[str, str]]:
        """Projects and environments of which usage is known."""
        with self._reading() as connection:
            return usage.places(connection)

    def usage_reports(self) -> list[ReportMark]:
        """The reports that are known."""
        with self._reading() as connection:
            return usage.reports(connection)

    def add_samples(self, project: str, added: Sequence[Sample]) -> None:
        """Keep samples."""
        self._write_directly(lambda statements: samples.add(statements, project, added))

    def metric_series(self, project: str | None = None) -> list[MetricSeries]:
        """What samples there are."""
        with self._reading() as connection:
            return samples.series(connection, project)

    def points(self, query: PointsQuery) -> list[Point]:
        """A metric's samples put together."""
        with self._reading() as connection:
            return samples.points(connection, query)

    def samples(self, series: MetricSeries) -> list[Sample]:
        """Every sample of a series."""
        with self._reading() as connection:
            return samples.samples(connection, series)

    def delete_old_samples(self, before: int) -> int:
        """Remove old samples."""
        return self._write_directly(lambda statements: samples.delete_old(statements, before))

    def put_scan(self, head: ScanHead, flags: Sequence[ScannedFlag]) -> bool:
        """Keep a scan."""
        return self._write_directly(lambda statements: scans.put(statements, head, flags))

    def scans(self, project: str | None = None) -> list[ScanHead]:
        """The scans that are held."""
        with self._reading() as connection:
            return scans.heads(connection, project)

    def scanned_flags(self, query: ScannedQuery) -> list[ScannedFlag]:
        """What scans found of flags."""
        with self._reading() as connection:
            return scans.flags(connection, query)

    def delete_scans(self, project: str, repository: str) -> int:
        """Remove a repository's scans."""
        return self._write_directly(lambda statements: scans.delete(statements, project, repository))

    def delete_old_scans(self, before: str) -> int:
        """Remove old scans."""
        return self._write_directly(lambda statements: scans.delete_old(statements, before))

    def close(self) -> None:
        """Finish what is queued and close."""
        self._writer.close()
        with self._lock:
            idle, self._idle = self._idle or [], None
        for connection in idle:
            connection.close()


def _firsts(cursor: sqlite3.Cursor) -> list[Any]:
    """The values of a query's one column."""
    return [row[0] for row in cursor]


def _newest(path: str, time: str | None, seq: int | None) -> str:
    """The seq of the newest entry of a subject at these bounds, as a scalar subquery; `path` is SQL."""
    bounds = ("" if time is None else " AND effective <= :time") + ("" if seq is None else " AND seq <= :seq")
    order = "seq DESC" if time is None else "effective DESC, seq DESC"
    return f"SELECT seq FROM ledger_entry WHERE subject = {path}{bounds} ORDER BY {order} LIMIT 1"  # noqa: S608 - our own text


def _at(path: str, time: str | None, seq: int | None) -> dict[str, str | int | None]:
    return {
        "path": path,
        "time": None if time is None else index.instant(time),
        "seq": None if seq is None else bounded(seq),
    }
