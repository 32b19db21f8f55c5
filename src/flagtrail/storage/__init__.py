"""The door to storage. Two append-only tables are data (leaves and disclosures); all else is a cache of them,
apart from the cells, which hold what is no history: secrets' hashes, sessions, followers' places.

A new file in this folder is a new store. It holds `open_storage(url) -> Storage`, `SCHEMES` and `DURABLE` (whether
what it holds is there after it was closed and opened again), and passes `tests/contract/storage`. A name that
starts with an underscore is no store but a part of one.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from types import ModuleType
from typing import Protocol, TypeVar
from urllib.parse import urlsplit

import msgspec

from flagtrail.model.entry import Entry, Touch
from flagtrail.model.errors import SettingInvalid
from flagtrail.model.metric import MetricSeries, Point, PointsQuery, Sample
from flagtrail.model.reference import ScanHead, ScannedFlag, ScannedQuery
from flagtrail.model.usage import SampledContext, Span, Usage, UsageClient, UsageCount, UsageReporter, UsageSummary

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)

REPORT_SECONDS = 86_400
"""How long a report of usage is known by its id."""
CONTEXT_DAYS = 30
MAX_SAMPLED = 10_000
"""Sampled contexts kept per environment; a new one takes the place of the oldest."""


class Disclosure(msgspec.Struct, frozen=True):
    """One committed value beside a leaf: its name, 16 bytes of salt, and its canonical bytes."""

    seq: int
    name: str
    salt: bytes
    value: bytes


class Record(msgspec.Struct, frozen=True):
    """An entry on its way into the ledger: what is hashed, what is disclosed, and what it is found by."""

    entry: Entry
    leaf: bytes
    leaf_hash: bytes
    disclosures: tuple[Disclosure, ...]
    touches: tuple[Touch, ...] = ()


class Head(msgspec.Struct, frozen=True):
    """The ledger's end: `size` entries, the compact Merkle frontier (32 bytes per peak, largest first), its root,
    and the time of the last entry (empty at size 0).
    """

    size: int
    frontier: tuple[bytes, ...]
    root: bytes
    last_time: str


class EntryQuery(msgspec.Struct, frozen=True, kw_only=True):
    """Which entries to return, newest first (by seq), at most `limit`.

    `project` with `flag` means the flag's history: its own documents and every
    entry that touched it (a segment edit, a prerequisite). `flag` needs `project`.
    `environment` keeps entries of that environment (for a flag's history:
    touches in it, and those that concern all environments). `since`
    (inclusive) and `until` (exclusive) bound the effective time. `text` matches why,
    ticket, actor, and subject, without case, as a substring of three or more
    characters (shorter ones match whole words). `field` is a prefix of a changed
    path. `before` is the cursor: only entries with a smaller seq. `actor` is an id, a name or an e-mail address.
    """

    project: str | None = None
    flag: str | None = None
    environment: str | None = None
    segment: str | None = None
    kind: str | None = None
    actor: str | None = None
    action: str | None = None
    since: str | None = None
    until: str | None = None
    text: str | None = None
    field: str | None = None
    before: int | None = None
    limit: int = 50


class Cell(msgspec.Struct, frozen=True):
    """One value that is no history. `expires` is a Unix time in seconds, or None for never."""

    key: str
    value: bytes
    expires: float | None = None


class ReportMark(msgspec.Struct, frozen=True):
    """What a report of usage is known by, unique in the installation, and when it came (Unix seconds)."""

    id: str
    time: float


class UsageQuery(msgspec.Struct, frozen=True, kw_only=True):
    """Which counts of one flag to add up, `by` the hour or the day (UTC).

    Hours that begin at or after the hour of `since` and before `until`; without them all.
    """

    project: str
    flag: str
    environment: str | None = None
    since: str | None = None
    until: str | None = None
    by: Span = "hour"


class Transaction(Protocol):
    """What a unit of work sees: the locked head, and what it may add. All of it is applied, or none."""

    @property
    def head(self) -> Head:
        """The head, locked: nobody else appends until this unit of work ends."""

    def entries_from(self, seq: int) -> Iterator[Entry]:
        """Entries from `seq` on, oldest first."""

    def append(self, records: Sequence[Record], head: Head) -> None:
        """Append records whose seqs follow the head without a gap; `head` is the head after them.

        What only the database knows to be wrong it may refuse when the unit of work ends, by `write`.
        """

    def cell(self, collection: str, key: str) -> bytes | None:
        """A cell's value, or None."""

    def put_cell(self, collection: str, cell: Cell) -> None:
        """Write a cell in this transaction."""

    def delete_cell(self, collection: str, key: str) -> None:
        """Remove a cell; one that does not exist is no error."""


class Pending(Protocol[T_co]):
    """A unit of work that was submitted."""

    def outcome(self) -> T_co:
        """What it returned, now durable; raises what undid it. To be asked once, when it is done."""


class Storage(Protocol):
    """A store. Calls are synchronous and may come from any thread.

    Raises StorageFailed where the database refuses or breaks (nothing is then
    changed), StorageCorrupt where its file is damaged.
    """

    def write(self, work: Callable[[Transaction], T]) -> T:
        """Run one unit of work with the head locked; return when it is durable.

        An exception from `work` undoes all of it and is raised unchanged. Units of work may share a commit; where the
        database refuses what they add together, each is run once more by itself: only its last run counts.
        """

    def submit(self, work: Callable[[Transaction], T], done: Callable[[], object]) -> Pending[T]:
        """`write` for who must not wait: returns at once, and calls `done`, from any thread, when the outcome is known.

        `done` has to be quick and to raise nothing.
        """

    def head(self) -> Head:
        """The head, as of the last durable append."""

    def current(self) -> Iterator[Entry]:
        """The newest entry of every subject, by seq: what the state is rebuilt from."""

    def entry(self, seq: int) -> Entry | None:
        """One entry."""

    def entries(self, query: EntryQuery) -> list[Entry]:
        """Entries that match, newest first."""

    def entries_from(self, seq: int, limit: int) -> list[Entry]:
        """At most `limit` entries from `seq` on, oldest first: what followers read."""

    def history(
        self, paths: Sequence[str], *, since: str | None = None, until: str | None = None, limit: int | None = None
    ) -> list[Entry]:
        """Every entry of the subjects with these paths, oldest first by (effective, seq), the first `limit` of them;
        `since` and `until` (both inclusive) bound the effective time.
        """

    def as_of(self, path: str, *, time: str | None = None, seq: int | None = None) -> Entry | None:
        """The newest entry of the subject with effective time <= `time`, or with seq <= `seq`."""

    def paths_as_of(self, prefix: str, *, time: str | None = None, seq: int | None = None) -> list[Entry]:
        """`as_of` for every subject whose path starts with `prefix`, sorted by path."""

    def leaves(self, low: int, high: int) -> Iterator[bytes]:
        """Leaf bytes of `low <= seq < high`, in order."""

    def leaf_hashes(self, low: int, high: int) -> list[bytes]:
        """Leaf hashes of `low <= seq < high`, in order."""

    def disclosures(self, low: int, high: int) -> Iterator[Disclosure]:
        """Disclosures of `low <= seq < high`, by (seq, name)."""

    def records(self, low: int, high: int) -> Iterator[Record]:
        """Records of `low <= seq < high` as they were appended, in order: what another store takes."""

    def cell(self, collection: str, key: str) -> bytes | None:
        """A cell's value, or None. Expiry is the caller's to judge by `cells`."""

    def cells(self, collection: str, *, start: str = "", limit: int | None = None) -> list[Cell]:
        """The cells of a collection, by key: those from the key `start` on, at most `limit`."""

    def collections(self) -> list[str]:
        """The collections that hold cells, sorted."""

    def put_cell(self, collection: str, cell: Cell) -> None:
        """Write a cell, durably."""

    def delete_cell(self, collection: str, key: str) -> None:
        """Remove a cell; one that does not exist is no error."""

    def delete_expired_cells(self, now: float) -> int:
        """Remove cells that expired before `now` (Unix seconds); how many went."""

    def add_usage(
        self, rows: Iterable[Usage], *, report: ReportMark | None = None, contexts: Iterable[SampledContext] = ()
    ) -> bool:
        """Add counts to the rows of the same hour (`last` becomes the newer of both), and keep sampled contexts.

        All or nothing. With `report`, nothing is added and the answer is False where the same was added within
        `REPORT_SECONDS`.
        """

    def usage(self, project: str, *, flag: str | None = None, since: str | None = None) -> list[Usage]:
        """Usage rows from the hour `since` on, by (flag, environment, hour)."""

    def usage_counts(self, query: UsageQuery) -> list[UsageCount]:
        """Counts of a flag added up over rules, clients and applications, by (environment, time, variant)."""

    def usage_clients(self, project: str, flag: str) -> list[UsageClient]:
        """Who ever asked for a flag, by (environment, client, application); kept as rows, never added up from hours."""

    def usage_reporters(self, project: str) -> list[UsageReporter]:
        """Who ever reported usage of any flag, by (environment, client, application)."""

    def sampled_contexts(self, project: str, environment: str, *, limit: int = MAX_SAMPLED) -> list[SampledContext]:
        """The sampled contexts of an environment, newest first."""

    def delete_old_usage(self, now: float) -> int:
        """Remove contexts older than `CONTEXT_DAYS` and reports' ids that are too old; how many went. Counts stay."""

    def usage_summary(self, project: str) -> list[UsageSummary]:
        """One row per environment and flag, by (environment, flag); kept as rows, never added up from the hours."""

    def usage_places(self) -> list[tuple[str, str]]:
        """The projects and environments of which counts or contexts are known, sorted."""

    def usage_reports(self) -> list[ReportMark]:
        """The reports that are known by their ids, by id."""

    def add_samples(self, project: str, added: Sequence[Sample]) -> None:
        """Keep samples, all or none; one of the same metric, environment, labels and time is replaced."""

    def metric_series(self, project: str | None = None) -> list[MetricSeries]:
        """What samples there are, of one project or all, by (project, metric, environment, labels)."""

    def points(self, query: PointsQuery) -> list[Point]:
        """A metric's samples put together, by time. Those that name no environment count for every one."""

    def samples(self, series: MetricSeries) -> list[Sample]:
        """Every sample of a series, by time."""

    def delete_old_samples(self, before: int) -> int:
        """Remove samples of before that moment (Unix milliseconds), and series that are then empty; how many went."""

    def put_scan(self, head: ScanHead, flags: Sequence[ScannedFlag]) -> bool:
        """Keep a scan of source code in place of the one of its repository and branch; the flags' histories go on.

        All or nothing. The answer is False, and nothing is changed, where a newer one (by `at`) is held.
        """

    def scans(self, project: str | None = None) -> list[ScanHead]:
        """The scans of one project or all, by (project, repository, branch)."""

    def scanned_flags(self, query: ScannedQuery) -> list[ScannedFlag]:
        """What scans found of flags, by (flag, repository, branch)."""

    def delete_scans(self, project: str, repository: str) -> int:
        """Remove all scans of a repository; how many went."""

    def delete_old_scans(self, before: str) -> int:
        """Remove scans that came before this stamp, unless they are of a default branch; how many went."""

    def close(self) -> None:
        """Finish what is queued and close."""


class Examined(msgspec.Struct, frozen=True, kw_only=True):
    """What a store says of its database, and of what protects the ledger in it, for people.

    `schema` is the number of the database's schema, `known` the newest of this code. `protection` says who could alter
    the ledger; `advice` what would make it better, if anything would.
    """

    store: str
    place: str
    user: str
    schema: int
    known: int
    protection: str
    advice: tuple[str, ...] = ()


def examine(url: str) -> Examined:
    """Look at a database without altering it; raises what `load` does where it cannot be reached."""
    examined: Examined = _serving(url).examine(url)
    return examined


def migrate(url: str) -> Examined:
    """Bring a database's schema up to date, as its owner, and give the rights that go with it; how it is then."""
    _serving(url).migrate(url)
    return examine(url)


def load(url: str) -> Storage:
    """Open the store that serves the URL's scheme; raises SettingInvalid where none does."""
    opened: Storage = _serving(url).open_storage(url)
    return opened


def back_up(url: str, file: Path) -> None:
    """Copy a database to a new file, while it is in use; the copy is a database that `load` opens.

    Raises SettingInvalid where its store cannot do that, StorageFailed where it fails.
    """
    module = _serving(url)
    if not hasattr(module, "back_up"):
        told = f"a {urlsplit(url).scheme} database is not one file: see docs/how-to/backup.md for what copies it"
        raise SettingInvalid(told, setting="FLAGTRAIL_DATABASE")
    module.back_up(url, file)


def _serving(url: str) -> ModuleType:
    """The store of the URL's scheme."""
    try:
        scheme = urlsplit(url).scheme
    except ValueError as error:
        raise SettingInvalid("the address of the database cannot be read", setting="FLAGTRAIL_DATABASE") from error
    known: list[str] = []
    for info in pkgutil.iter_modules(__path__):
        if info.name.startswith("_"):
            continue
        module = importlib.import_module(f"{__name__}.{info.name}")
        schemes: tuple[str, ...] = getattr(module, "SCHEMES", ())
        if scheme in schemes:
            return module
        known.extend(schemes)
    raise SettingInvalid(
        f"no storage serves {scheme!r}; known are {', '.join(sorted(known))}", setting="FLAGTRAIL_DATABASE"
    )
