"""One SQLite file: where it is, opening it, bringing its schema up to date, and what its errors mean."""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from importlib import resources
from pathlib import Path
from urllib.parse import parse_qs, unquote, urlsplit

import msgspec

from flagtrail.model.errors import FlagtrailError, InvalidQuery, SettingInvalid, StorageCorrupt, StorageFailed
from flagtrail.storage import Examined

APPLICATION_ID = 0x666C6167
"""Stands in the file's header: it tells our files from other SQLite databases."""

_BUSY_SECONDS = 10.0
_LARGEST = 2**63 - 1
_HOW = "sqlite:///relative.db or sqlite:////absolute.db, with ?timeout=SECONDS to wait for other processes"

_REMEDIES = {
    "SQLITE_FULL": "has no space left to grow; free space on its disk, then repeat",
    "SQLITE_READONLY": "cannot be written; give this user write permission to the file and its folder",
    "SQLITE_PERM": "cannot be used; give this user permission to the file and its folder",
    "SQLITE_CANTOPEN": "cannot be opened; check that its folder exists and that this user may write there",
    "SQLITE_BUSY": "is locked by another process; stop that process, or repeat when it is done",
    "SQLITE_LOCKED": "is locked; repeat",
    "SQLITE_IOERR": "could not be read or written; check the disk",
    "SQLITE_CONSTRAINT": "refused the change, which breaks one of its rules",
}


class Location(msgspec.Struct, frozen=True):
    """Where a database is, and how many seconds to wait for another process that holds its lock."""

    path: Path
    timeout: float = _BUSY_SECONDS

    @classmethod
    def from_url(cls, url: str) -> Location:
        """Raises SettingInvalid where the URL names no file."""
        parts = urlsplit(url)
        path = unquote(parts.path.removeprefix("/"))
        options = parse_qs(parts.query, keep_blank_values=True)
        timeout = options.pop("timeout", [str(_BUSY_SECONDS)])[0]
        try:
            seconds = float(timeout)
        except ValueError:
            seconds = -1
        if parts.netloc or parts.fragment or options or not 0 <= seconds <= 3600 or path in {"", ":memory:"}:  # noqa: PLR2004 - an hour
            raise SettingInvalid(f"{url!r} names no database file; write {_HOW}", setting="FLAGTRAIL_DATABASE")
        return cls(Path(path), seconds)


def refusal(error: sqlite3.Error, path: Path) -> FlagtrailError:
    """What an error of SQLite means to people, with what to do about it."""
    code = getattr(error, "sqlite_errorname", "")
    kind = "_".join(code.split("_")[:2])
    facts = {"path": str(path), "cause": str(error), "sqlite": code}
    if kind in {"SQLITE_CORRUPT", "SQLITE_NOTADB"} or "vtable constructor failed" in str(error):
        return StorageCorrupt(f"{path} is damaged, or is no SQLite database ({error})", **facts)
    what = _REMEDIES.get(kind, "failed")
    return StorageFailed(f"the database {path} {what} ({error})", **facts)


@contextmanager
def refusals(path: Path) -> Iterator[None]:
    """Let no error of SQLite escape as such."""
    try:
        yield
    except sqlite3.Error as error:
        raise refusal(error, path) from error
    except UnicodeEncodeError as error:
        raise InvalidQuery(f"{error.object!r} is not valid Unicode") from error


def bounded(number: int) -> int:
    """A seq as SQLite can carry it: no entry lies beyond."""
    return max(-1, min(number, _LARGEST))


def connect(location: Location) -> sqlite3.Connection:
    """A connection with our settings. Each change is durable when its commit returns (WAL, synchronous=FULL)."""
    connection = sqlite3.connect(
        f"{location.path.absolute().as_uri()}?mode=rw",
        uri=True,
        timeout=location.timeout,
        isolation_level=None,
        check_same_thread=False,
        cached_statements=256,
    )
    try:
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA foreign_keys = ON")
        connection.execute("PRAGMA cache_size = -16384")
        connection.execute("PRAGMA temp_store = MEMORY")
        connection.execute(f"PRAGMA journal_size_limit = {1 << 26}")
        # An append rewrites the same index pages again and again: fewer checkpoints write each of them less often.
        connection.execute("PRAGMA wal_autocheckpoint = 4000")
    except sqlite3.Error:
        connection.close()
        raise
    return connection


def prepare(location: Location) -> None:
    """Make the file where it is missing, see that it is ours and sound, and bring its schema up to date.

    Raises StorageCorrupt or StorageFailed; what is not ours, or newer, is left as it was.
    """
    _make(location.path)
    with refusals(location.path), closing(connect(location)) as connection:
        _own(connection, location.path)
        _use_wal(connection, location)
        if _behind(connection, location.path):
            connection.execute("BEGIN IMMEDIATE")
            try:
                _migrate(connection, location.path)
            except BaseException:
                connection.execute("ROLLBACK")
                raise
            connection.execute("COMMIT")
        _sound(connection, location.path)


def _use_wal(connection: sqlite3.Connection, location: Location) -> None:
    """Switch to the write-ahead log. SQLite does not wait for others that open the same new file, so this does."""
    deadline = time.monotonic() + location.timeout
    while True:
        try:
            mode = connection.execute("PRAGMA journal_mode = WAL").fetchone()[0]
        except sqlite3.OperationalError as error:
            if error.sqlite_errorname != "SQLITE_BUSY" or time.monotonic() > deadline:
                raise
            time.sleep(0.01)
            continue
        if mode != "wal":
            raise StorageFailed(f"{location.path} lies on a file system without the shared memory that WAL needs")
        return


def _make(path: Path) -> None:
    """Create the file for its owner alone: it holds hashes of credentials."""
    try:
        os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
    except OSError as error:
        if path.is_dir():
            what = "is a folder; name a file"
        elif not path.parent.is_dir():
            what = f"cannot be made: the folder {path.parent} does not exist; create it"
        else:
            what = f"cannot be written ({error.strerror}); give this user write permission to the file and its folder"
        raise StorageFailed(f"the database {path} {what}", path=str(path), cause=str(error)) from error


def _own(connection: sqlite3.Connection, path: Path) -> None:
    # In this order: another process that makes the file just now sets both in one transaction.
    tables = connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()[0]
    mark = connection.execute("PRAGMA application_id").fetchone()[0]
    if mark != APPLICATION_ID and tables:
        raise StorageCorrupt(f"{path} is a SQLite database, but not one of Flagtrail's", path=str(path))


def examine(location: Location) -> Examined:
    """What can be told of a file without altering it; raises StorageFailed where there is none."""
    if not location.path.exists():
        raise StorageFailed(f"the database {location.path} does not exist", path=str(location.path))
    with refusals(location.path), closing(connect(location)) as connection:
        _own(connection, location.path)
        schema: int = connection.execute("PRAGMA user_version").fetchone()[0]
    return Examined(
        store=f"SQLite {sqlite3.sqlite_version}",
        place=str(location.path),
        user="",
        schema=schema,
        known=max(migrations()),
        protection="triggers refuse to alter an entry; who can write the file could remove them",
    )


def migrations() -> dict[int, str]:
    """The SQL of each schema version, by number."""
    folder = resources.files(__package__) / "migrations"
    return {
        int(file.name.partition("_")[0]): file.read_text("utf-8")
        for file in sorted(folder.iterdir(), key=lambda file: file.name)
        if file.name.endswith(".sql")
    }


def statements(script: str) -> Iterator[str]:
    """The statements of a script one by one: `executescript` would commit before the first."""
    pending = ""
    for line in script.splitlines(keepends=True):
        pending += line
        if sqlite3.complete_statement(pending):
            yield pending
            pending = ""


def _behind(connection: sqlite3.Connection, path: Path) -> range:
    """The numbers of the migrations that are due; raises StorageFailed where the file is ahead of this code."""
    known = max(migrations())
    present: int = connection.execute("PRAGMA user_version").fetchone()[0]
    if present > known:
        raise StorageFailed(
            f"{path} was written by a newer Flagtrail (schema {present}, this one knows {known}); "
            "install that version or a later one",
            path=str(path),
            schema=present,
            known=known,
        )
    return range(present + 1, known + 1)


def _migrate(connection: sqlite3.Connection, path: Path) -> None:
    """Apply what is due; looked at again under the lock, as another process may have come first."""
    scripts = migrations()
    for number in _behind(connection, path):
        for statement in statements(scripts[number]):
            connection.execute(statement)
        connection.execute(f"PRAGMA user_version = {number}")
    connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")


def _sound(connection: sqlite3.Connection, path: Path) -> None:
    """What can be seen at once; whether every entry is what it was is `flagtrail verify`'s to say."""
    sizes = connection.execute(
        "SELECT (SELECT size FROM ledger_head), (SELECT coalesce(max(seq) + 1, 0) FROM ledger_entry)"
    ).fetchone()
    if sizes[0] != sizes[1]:
        raise StorageCorrupt(f"{path} is damaged: its head counts {sizes[0]} entries, there are {sizes[1]}")
