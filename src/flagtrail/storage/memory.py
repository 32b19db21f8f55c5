"""The store that keeps everything in memory: for tests and for trying things out. Nothing survives the process."""

from __future__ import annotations

import threading
from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import TypeVar

from flagtrail.ledger.merkle import EMPTY_ROOT
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
from flagtrail.storage._batch import Batch, Unit
from flagtrail.storage._held import Held, held_of
from flagtrail.storage._queue import Job
from flagtrail.storage._samples import SampleTables
from flagtrail.storage._scans import ScanTables
from flagtrail.storage._tables import UsageTables

T = TypeVar("T")

SCHEMES = ("memory",)
DURABLE = False


def examine(url: str) -> Examined:
    """What there is to say of memory."""
    del url
    return Examined(
        store="memory",
        place="this process",
        user="",
        schema=1,
        known=1,
        protection="everything is gone when the process ends",
        advice=("Set FLAGTRAIL_DATABASE to keep what is decided.",),
    )


def migrate(url: str) -> None:
    """There is nothing to bring up to date."""
    del url


def open_storage(url: str) -> MemoryStorage:
    """A new, empty store; each call makes its own, whatever the URL says after `memory:`."""
    del url
    return MemoryStorage()


class _Below:
    """See `_batch.Reader`: what a store holds."""

    def __init__(self, log: Sequence[Held], cells: Mapping[tuple[str, str], Cell]) -> None:
        self._log = log
        self._cells = cells

    def entries(self, low: int, high: int) -> Iterator[Entry]:
        return (held.entry for held in self._log[low:high])

    def cell(self, collection: str, key: str) -> bytes | None:
        found = self._cells.get((collection, key))
        return None if found is None else found.value

    def awake(self) -> None:
        """Nobody waits for long."""


class MemoryStorage:
    """See `flagtrail.storage.Storage`."""

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._closed = False
        self._log: list[Held] = []
        self._by_path: dict[str, list[Held]] = {}
        self._head = Head(0, (), EMPTY_ROOT, "")
        self._cells: dict[tuple[str, str], Cell] = {}
        self._below = _Below(self._log, self._cells)
        self._usage = UsageTables()
        self._samples = SampleTables()
        self._scans = ScanTables()

    def write(self, work: Callable[[Unit], T]) -> T:
        """Run one unit of work alone; an exception undoes all of it."""
        return self.submit(work, lambda: None).outcome()

    def submit(self, work: Callable[[Unit], T], done: Callable[[], object]) -> Pending[T]:
        """`write`, and what came of it; there is nothing to wait for."""
        job = Job(work, done)
        with self._lock:
            if self._closed:
                raise StorageFailed("the store is closed")
            batch = Batch(self._head, self._below)
            batch.run([job])
            try:
                self._take(batch)
            except StorageFailed as error:
                job.error = error
        done()
        return job

    def _take(self, batch: Batch) -> None:
        """Make what a unit of work adds stand; raises StorageFailed, with nothing changed, where a version is wrong."""
        newest: dict[str, int] = {}
        added = [held_of(record) for record in batch.records]
        for held in added:
            path, version = held.entry.subject.path, held.entry.version
            known = self._by_path.get(path)
            expected = newest.get(path, known[-1].entry.version if known else 0) + 1
            if version != expected:
                raise StorageFailed(f"{path} was given version {version} where {expected} is next")
            newest[path] = version
        for held in added:
            self._log.append(held)
            self._by_path.setdefault(held.entry.subject.path, []).append(held)
        for place, cell in batch.cells.items():
            if cell is None:
                self._cells.pop(place, None)
            else:
                self._cells[place] = cell
        self._head = batch.head

    def head(self) -> Head:
        """The head."""
        with self._lock:
            return self._head

    def current(self) -> Iterator[Entry]:
        """The newest entry of every subject, by seq."""
        with self._lock:
            newest = [known[-1].entry for known in self._by_path.values()]
        return iter(sorted(newest, key=lambda entry: entry.seq))

    def entry(self, seq: int) -> Entry | None:
        """One entry."""
        with self._lock:
            return self._log[seq].entry if 0 <= seq < len(self._log) else None

    def entries(self, query: EntryQuery) -> list[Entry]:
        """Entries that match, newest first: each is looked at."""
        marks = [condition.marks() for condition in index.conditions(query)]
        window = index.window(query)
        needle = index.needle(query.text or "")
        whole = None if query.actor is None else index.whole(query.actor)
        found: list[Entry] = []
        with self._lock:
            end = len(self._log) if query.before is None else max(query.before, 0)
            candidates = self._log[:end]
        for held in reversed(candidates):
            if len(found) >= query.limit:
                break
            if (
                window.holds(held.effective)
                and (whole is None or whole in held.actor)
                and index.hold(marks, held.terms)
                and held.has_text(needle)
            ):
                found.append(held.entry)
        return found

    def entries_from(self, seq: int, limit: int) -> list[Entry]:
        """At most `limit` entries from `seq` on, oldest first."""
        low = max(seq, 0)
        with self._lock:
            return [held.entry for held in self._log[low : low + max(limit, 0)]]

    def history(
        self, paths: Sequence[str], *, since: str | None = None, until: str | None = None, limit: int | None = None
    ) -> list[Entry]:
        """Every entry of these subjects by (effective, seq)."""
        first, last = index.span(since, until)
        with self._lock:
            found = [held for path in dict.fromkeys(paths) for held in self._by_path.get(path, ())]
        return [held.entry for held in sorted(found, key=_order) if first <= held.effective <= last][:limit]

    def as_of(self, path: str, *, time: str | None = None, seq: int | None = None) -> Entry | None:
        """The newest entry of the subject at a time or seq."""
        last = None if time is None else index.instant(time)
        with self._lock:
            known = self._by_path.get(path, [])
            if seq is not None:
                known = known[: bisect_left(known, seq + 1, key=lambda held: held.entry.seq)]
            if last is None:
                return known[-1].entry if known else None
            past = [held for held in known if held.effective <= last]
        return max(past, key=_order).entry if past else None

    def paths_as_of(self, prefix: str, *, time: str | None = None, seq: int | None = None) -> list[Entry]:
        """`as_of` for every subject under a prefix, by path."""
        with self._lock:
            paths = sorted(path for path in self._by_path if path.startswith(prefix))
            found = [self.as_of(path, time=time, seq=seq) for path in paths]
        return [entry for entry in found if entry is not None]

    def leaves(self, low: int, high: int) -> Iterator[bytes]:
        """Leaf bytes of a range."""
        return (held.record.leaf for held in self._range(low, high))

    def leaf_hashes(self, low: int, high: int) -> list[bytes]:
        """Leaf hashes of a range."""
        return [held.record.leaf_hash for held in self._range(low, high)]

    def disclosures(self, low: int, high: int) -> Iterator[Disclosure]:
        """Disclosures of a range, by (seq, name)."""
        for held in self._range(low, high):
            yield from sorted(held.record.disclosures, key=lambda disclosure: disclosure.name)

    def records(self, low: int, high: int) -> Iterator[Record]:
        """Records of a range, as they were appended."""
        return (held.record for held in self._range(low, high))

    def _range(self, low: int, high: int) -> list[Held]:
        with self._lock:
            return self._log[max(low, 0) : max(high, 0)]

    def cell(self, collection: str, key: str) -> bytes | None:
        """A cell's value."""
        with self._lock:
            found = self._cells.get((collection, key))
        return None if found is None else found.value

    def cells(self, collection: str, *, start: str = "", limit: int | None = None) -> list[Cell]:
        """Cells of a collection, by key."""
        with self._lock:
            held = [cell for (name, key), cell in self._cells.items() if name == collection and key >= start]
        return sorted(held, key=lambda cell: cell.key)[:limit]

    def collections(self) -> list[str]:
        """The collections that hold cells, sorted."""
        with self._lock:
            return sorted({collection for collection, _ in self._cells})

    def put_cell(self, collection: str, cell: Cell) -> None:
        """Write a cell."""
        self.write(lambda transaction: transaction.put_cell(collection, cell))

    def delete_cell(self, collection: str, key: str) -> None:
        """Remove a cell."""
        self.write(lambda transaction: transaction.delete_cell(collection, key))

    def delete_expired_cells(self, now: float) -> int:
        """Remove cells that expired before `now`."""
        with self._lock:
            gone = [address for address, cell in self._cells.items() if cell.expires is not None and cell.expires < now]
            for address in gone:
                del self._cells[address]
        return len(gone)

    def add_usage(
        self, rows: Iterable[Usage], *, report: ReportMark | None = None, contexts: Iterable[SampledContext] = ()
    ) -> bool:
        """Add counts to rows of the same hour and to the summaries; False for a report that was added before."""
        added, kept = list(rows), list(contexts)
        with self._lock:
            return self._usage.add(added, report, kept)

    def usage(self, project: str, *, flag: str | None = None, since: str | None = None) -> list[Usage]:
        """Usage rows, by (flag, environment, hour)."""
        with self._lock:
            return self._usage.rows(project, flag, since)

    def usage_counts(self, query: UsageQuery) -> list[UsageCount]:
        """Counts of a flag, by (environment, time, variant)."""
        with self._lock:
            return self._usage.counts(query)

    def usage_summary(self, project: str) -> list[UsageSummary]:
        """One row per environment and flag."""
        with self._lock:
            return self._usage.summary(project)

    def usage_clients(self, project: str, flag: str) -> list[UsageClient]:
        """Who ever asked for a flag."""
        with self._lock:
            return self._usage.clients(project, flag)

    def usage_reporters(self, project: str) -> list[UsageReporter]:
        """Who ever reported usage of any flag."""
        with self._lock:
            return self._usage.reporters(project)

    def sampled_contexts(self, project: str, environment: str, *, limit: int = MAX_SAMPLED) -> list[SampledContext]:
        """Sampled contexts, newest first."""
        with self._lock:
            return self._usage.contexts(project, environment, limit)

    def delete_old_usage(self, now: float) -> int:
        """Remove what is kept for a time only and has passed it."""
        with self._lock:
            return self._usage.delete_old(now)

    def usage_places(self) -> list[tuple[str, str]]:
        """Projects and environments of which usage is known."""
        with self._lock:
            return self._usage.places()

    def usage_reports(self) -> list[ReportMark]:
        """The reports that are known."""
        with self._lock:
            return self._usage.known_reports()

    def add_samples(self, project: str, added: Sequence[Sample]) -> None:
        """Keep samples."""
        with self._lock:
            self._samples.add(project, added)

    def metric_series(self, project: str | None = None) -> list[MetricSeries]:
        """What samples there are."""
        with self._lock:
            return self._samples.series(project)

    def points(self, query: PointsQuery) -> list[Point]:
        """A metric's samples put together."""
        with self._lock:
            return self._samples.points(query)

    def samples(self, series: MetricSeries) -> list[Sample]:
        """Every sample of a series."""
        with self._lock:
            return self._samples.samples(series)

    def delete_old_samples(self, before: int) -> int:
        """Remove old samples."""
        with self._lock:
            return self._samples.delete_old(before)

    def put_scan(self, head: ScanHead, flags: Sequence[ScannedFlag]) -> bool:
        """Keep a scan."""
        with self._lock:
            return self._scans.put(head, flags)

    def scans(self, project: str | None = None) -> list[ScanHead]:
        """The scans that are held."""
        with self._lock:
            return self._scans.heads(project)

    def scanned_flags(self, query: ScannedQuery) -> list[ScannedFlag]:
        """What scans found of flags."""
        with self._lock:
            return self._scans.flags(query)

    def delete_scans(self, project: str, repository: str) -> int:
        """Remove a repository's scans."""
        with self._lock:
            return self._scans.delete(project, repository)

    def delete_old_scans(self, before: str) -> int:
        """Remove old scans."""
        with self._lock:
            return self._scans.delete_old(before)

    def close(self) -> None:
        """Refuse further writes."""
        with self._lock:
            self._closed = True


def _order(held: Held) -> tuple[int, int]:
    return held.effective, held.entry.seq
