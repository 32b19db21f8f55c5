"""The store in a PostgreSQL database: what it answers, and by which thread."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from functools import partial
from typing import Any, TypeVar

from flagtrail.model.entry import Entry
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
from flagtrail.storage._postgres import blocks, marks, questions, rows, samples, scans, schema, usage
from flagtrail.storage._postgres.database import Connection, Location, Pool, bounded, connect, refusals
from flagtrail.storage._postgres.writer import Writer

T = TypeVar("T")

Values = Sequence[object] | Mapping[str, object]


def open_database(url: str) -> PostgresStorage:
    """See `flagtrail.storage.postgres.open_storage`."""
    location = Location.from_url(url)
    schema.prepare(location)
    return PostgresStorage(location)


def migrate(url: str) -> None:
    """See `flagtrail.storage.postgres.migrate`."""
    location = Location.from_url(url)
    with refusals(location), closing(connect(location)) as connection:
        schema.migrate(connection, location)


def examine(url: str) -> Examined:
    """See `flagtrail.storage.examine`."""
    location = Location.from_url(url)
    with refusals(location), closing(connect(location)) as connection:
        return schema.examine(connection, location)


class PostgresStorage:
    """See `flagtrail.storage.Storage`. Any number of processes may use one database.

    Entries are never altered, so what is read in several statements is of one
    piece without a transaction around them: each bounds itself by the first.
    """

    def __init__(self, location: Location) -> None:
        self._pool = Pool(location)
        self._indexer = blocks.Indexer(self._pool)
        self._writer = Writer(location, self._indexer.grown)
        self._indexer.grown(self.head().size)

    def write(self, work: Callable[[Unit], T]) -> T:
        """Run one unit of work with the head locked; return when it is durable."""
        result: T = self._writer.run(work)
        return result

    def submit(self, work: Callable[[Unit], T], done: Callable[[], object]) -> Pending[T]:
        """`write` for who must not wait."""
        return self._writer.submit(work, done)

    def head(self) -> Head:
        """The head, as of the last durable append."""
        return self._pool.ask(rows.head)

    def current(self) -> Iterator[Entry]:
        """The newest entry of every subject, by seq."""
        seqs = self._firsts("SELECT seq FROM document ORDER BY seq")
        for at in range(0, len(seqs), rows.PAGE):
            yield from self._entries(seqs[at : at + rows.PAGE])

    def _entries(self, seqs: Sequence[int]) -> list[Entry]:
        return self._pool.ask(lambda connection: rows.entries(connection, seqs))

    def _firsts(self, question: str, values: Values = ()) -> list[Any]:
        """The values of a question's one column."""

        def ask(connection: Connection) -> list[Any]:
            return [row[0] for row in connection.execute(question.encode(), values, binary=True)]

        return self._pool.ask(ask)

    def entry(self, seq: int) -> Entry | None:
        """One entry."""
        return next(iter(self._entries([bounded(seq)])), None)

    def entries(self, query: EntryQuery) -> list[Entry]:
        """Entries that match, newest first."""
        return self._pool.ask(lambda connection: rows.entries(connection, questions.find(connection, query)))

    def entries_from(self, seq: int, limit: int) -> list[Entry]:
        """At most `limit` entries from `seq` on, oldest first."""
        return self._pool.ask(lambda connection: rows.entries_from(connection, max(seq, 0), max(limit, 0)))

    def history(
        self, paths: Sequence[str], *, since: str | None = None, until: str | None = None, limit: int | None = None
    ) -> list[Entry]:
        """Every entry of these subjects by (effective, seq)."""
        return self._entries(
            self._firsts(
                "SELECT seq FROM ledger_entry WHERE subject = ANY(%s) AND effective BETWEEN %s AND %s"
                " ORDER BY effective, seq LIMIT %s",
                (list(paths), *index.span(since, until), limit),
            )
        )

    def as_of(self, path: str, *, time: str | None = None, seq: int | None = None) -> Entry | None:
        """The newest entry of the subject at a time or seq."""
        found = self._firsts(_newest("%(path)s", time, seq), _at(path, time, seq))
        return next(iter(self._entries(found)), None)

    def paths_as_of(self, prefix: str, *, time: str | None = None, seq: int | None = None) -> list[Entry]:
        """`as_of` for every subject under a prefix, by path."""
        found = self._firsts(
            f"SELECT newest.seq FROM document CROSS JOIN LATERAL ({_newest('document.path', time, seq)}) AS newest"  # noqa: S608 - the parts are our own text
            " WHERE path >= %(path)s AND path < %(beyond)s ORDER BY path",
            _at(prefix, time, seq),
        )
        return self._entries(found)

    def leaves(self, low: int, high: int) -> Iterator[bytes]:
        """Leaf bytes of a range."""
        for first, last in self._pages(low, high):
            yield from self._firsts(
                "SELECT leaf FROM ledger_entry WHERE seq BETWEEN %s AND %s ORDER BY seq", (first, last)
            )

    def leaf_hashes(self, low: int, high: int) -> list[bytes]:
        """Leaf hashes of a range."""
        return self._firsts(
            "SELECT leaf_hash FROM ledger_entry WHERE seq >= %s AND seq < %s ORDER BY seq",
            (bounded(low), bounded(high)),
        )

    def disclosures(self, low: int, high: int) -> Iterator[Disclosure]:
        """Disclosures of a range, by (seq, name)."""
        for first, last in self._pages(low, high):
            yield from self._pool.ask(partial(rows.disclosures, first=first, last=last))

    def records(self, low: int, high: int) -> Iterator[Record]:
        """Records of a range, as they were appended."""
        for first, last in self._pages(low, high):
            yield from self._pool.ask(partial(rows.records, low=first, high=last + 1))

    def _pages(self, low: int, high: int) -> Iterator[tuple[int, int]]:
        """The first and last seq of each page of a range."""
        end = min(high, self.head().size)
        for first in range(max(low, 0), end, rows.PAGE):
            yield first, min(first + rows.PAGE, end) - 1

    def cell(self, collection: str, key: str) -> bytes | None:
        """A cell's value."""
        return self._pool.ask(lambda connection: rows.cell(connection, collection, key))

    def cells(self, collection: str, *, start: str = "", limit: int | None = None) -> list[Cell]:
        """Cells of a collection, by key."""
        question = "SELECT key, value, expires FROM cell WHERE collection = %s AND key >= %s ORDER BY key LIMIT %s"
        given = (collection, start, limit)
        return self._pool.ask(
            lambda connection: [Cell(*row) for row in connection.execute(question, given, binary=True)]
        )

    def collections(self) -> list[str]:
        """The collections that hold cells, sorted."""
        return self._firsts("SELECT DISTINCT collection FROM cell ORDER BY collection")

    def put_cell(self, collection: str, cell: Cell) -> None:
        """Write a cell, durably. It needs no turn at the head."""
        self._alone(lambda connection: rows.put_cell(connection, collection, cell))

    def delete_cell(self, collection: str, key: str) -> None:
        """Remove a cell."""
        self._alone(lambda connection: rows.delete_cell(connection, collection, key))

    def delete_expired_cells(self, now: float) -> int:
        """Remove cells that expired before `now`; and old marks, which are no one's business but this store's."""

        def delete(connection: Connection) -> int:
            marks.delete_old(connection)
            return connection.execute("DELETE FROM cell WHERE expires < %s", (now,)).rowcount

        return self._alone(delete)

    def _alone(self, work: Callable[[Connection], T]) -> T:
        """Run what writes but appends nothing: in a transaction of its own, beside the writer."""
        self._writer.refuse_within()
        return self._pool.change(work)

    def add_usage(
        self, rows: Iterable[Usage], *, report: ReportMark | None = None, contexts: Iterable[SampledContext] = ()
    ) -> bool:
        """Add counts to rows of the same hour and to the summaries; False for a report that was added before."""
        added, kept = list(rows), list(contexts)
        return self._alone(lambda connection: usage.add(connection, added, report, kept))

    def usage(self, project: str, *, flag: str | None = None, since: str | None = None) -> list[Usage]:
        """Usage rows, by (flag, environment, hour)."""
        return self._pool.ask(lambda connection: usage.rows(connection, project, flag, since))

    def usage_counts(self, query: UsageQuery) -> list[UsageCount]:
        """Counts of a flag, by (environment, time, variant)."""
        return self._pool.ask(lambda connection: usage.counts(connection, query))

    def usage_summary(self, project: str) -> list[UsageSummary]:
        """One row per environment and flag."""
        return self._pool.ask(lambda connection: usage.summary(connection, project))

    def usage_clients(self, project: str, flag: str) -> list[UsageClient]:
        """Who ever asked for a flag."""
        return self._pool.ask(lambda connection: usage.clients(connection, project, flag))

    def usage_reporters(self, project: str) -> list[UsageReporter]:
        """Who ever reported usage of any flag."""
        return self._pool.ask(lambda connection: usage.reporters(connection, project))

    def sampled_contexts(self, project: str, environment: str, *, limit: int = MAX_SAMPLED) -> list[SampledContext]:
        """Sampled contexts, newest first."""
        return self._pool.ask(lambda connection: usage.contexts(connection, project, environment, limit))

    def delete_old_usage(self, now: float) -> int:
        """Remove what is kept for a time only and has passed it."""
        return self._alone(lambda connection: usage.delete_old(connection, now))

    def usage_places(self) -> list[tuple[str, str]]:
        """Projects and environments of which usage is known."""
        return self._pool.ask(usage.places)

    def usage_reports(self) -> list[ReportMark]:
        """The reports that are known."""
        return self._pool.ask(usage.reports)

    def add_samples(self, project: str, added: Sequence[Sample]) -> None:
        """Keep samples."""
        self._alone(lambda connection: samples.add(connection, project, added))

    def metric_series(self, project: str | None = None) -> list[MetricSeries]:
        """What samples there are."""
        return self._pool.ask(lambda connection: samples.series(connection, project))

    def points(self, query: PointsQuery) -> list[Point]:
        """A metric's samples put together."""
        return self._pool.ask(lambda connection: samples.points(connection, query))

    def samples(self, series: MetricSeries) -> list[Sample]:
        """Every sample of a series."""
        return self._pool.ask(lambda connection: samples.samples(connection, series))

    def delete_old_samples(self, before: int) -> int:
        """Remove old samples."""
        return self._alone(lambda connection: samples.delete_old(connection, before))

    def put_scan(self, head: ScanHead, flags: Sequence[ScannedFlag]) -> bool:
        """Keep a scan."""
        return self._alone(lambda connection: scans.put(connection, head, flags))

    def scans(self, project: str | None = None) -> list[ScanHead]:
        """The scans that are held."""
        return self._pool.ask(lambda connection: scans.heads(connection, project))

    def scanned_flags(self, query: ScannedQuery) -> list[ScannedFlag]:
        """What scans found of flags."""
        return self._pool.ask(lambda connection: scans.flags(connection, query))

    def delete_scans(self, project: str, repository: str) -> int:
        """Remove a repository's scans."""
        return self._alone(lambda connection: scans.delete(connection, project, repository))

    def delete_old_scans(self, before: str) -> int:
        """Remove old scans."""
        return self._alone(lambda connection: scans.delete_old(connection, before))

    def settle(self) -> None:
        """Wait until what entries are found by is built as far as it can be: questions are then as fast as they get."""
        self._indexer.settle()

    def close(self) -> None:
        """Finish what is queued and close."""
        self._writer.close()
        self._indexer.close()
        self._pool.close()


def _newest(path: str, time: str | None, seq: int | None) -> str:
    """The seq of the newest entry of a subject at these bounds; `path` is SQL."""
    bounds = ("" if time is None else " AND effective <= %(time)s") + ("" if seq is None else " AND seq <= %(seq)s")
    order = "seq DESC" if time is None else "effective DESC, seq DESC"
    return f"SELECT seq FROM ledger_entry WHERE subject = {path}{bounds} ORDER BY {order} LIMIT 1"  # noqa: S608 - our own text


def _at(path: str, time: str | None, seq: int | None) -> dict[str, str | int | None]:
    return {
        "path": path,
        "beyond": f"{path}\U0010ffff",
        "time": None if time is None else index.instant(time),
        "seq": None if seq is None else bounded(seq),
    }
