"""One PostgreSQL database: where it is, its connections, and what its errors mean to people."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

import msgspec
import psycopg
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from psycopg.pq import TransactionStatus

from flagtrail.model.errors import FlagtrailError, InvalidQuery, SettingInvalid, StorageCorrupt, StorageFailed

T = TypeVar("T")
Connection = psycopg.Connection[tuple[Any, ...]]

LOCK_SECONDS = 10
"""How long a change waits for another one that holds the head."""
IDLE_SECONDS = 10
"""How long a change may hold the head and say nothing: its process may hang, and all others wait for it."""
_LARGEST = 2**63 - 1
_DEFAULTS = {"connect_timeout": 10, "application_name": "flagtrail", "client_encoding": "UTF8"}
# A server that vanished is noticed within half a minute, by both sides: else its locks would stay.
_KEEPALIVE = {"keepalives_idle": 10, "keepalives_interval": 5, "keepalives_count": 3, "tcp_user_timeout": 25_000}
_SESSION = {
    "statement_timeout": "30s",
    "lock_timeout": f"{LOCK_SECONDS}s",
    "idle_in_transaction_session_timeout": f"{IDLE_SECONDS}s",
    "tcp_keepalives_idle": "10",
    "tcp_keepalives_interval": "5",
    "tcp_keepalives_count": "3",
    "default_transaction_isolation": r"read\ committed",
    "jit": "off",
}
_POOLED = 16
"""Connections for questions; who comes when all are in use waits."""

_REMEDIES = {
    "08": "cannot be reached; check that it runs and can be reached from here",
    "0A": "cannot do what is needed; PostgreSQL 14 or newer is",
    "22": "cannot hold this",
    "23": "refused the change, which breaks one of its rules",
    "25": "takes no changes now: it is a standby, or set to read only",
    "25P03": f"ended this change, which said nothing for {IDLE_SECONDS} seconds while others waited for it; repeat",
    "28": "does not let this user in; check the user and the password",
    "3D": "does not exist; create it",
    "42501": "does not allow this user to do this; grant it, or run 'flagtrail migrate' as the owner",
    "53": "has no more resources; look at the server",
    "53100": "has no space left on its disk; free some, then repeat",
    "53300": "takes no more connections; raise max_connections, or run fewer replicas",
    "55P03": f"was locked by another change for {LOCK_SECONDS} seconds; repeat",
    "57": "is stopping, starting, or ended this connection; repeat",
    "57014": "took too long for one statement; repeat when it is less busy",
    "58": "could not read or write its files; check its disk",
}
_CORRUPT = {"XX001", "XX002"}


class Location(msgspec.Struct, frozen=True):
    """Where a database is: what libpq is told, and a name for it that holds no secret."""

    conninfo: str
    name: str
    password: str = ""

    def __repr__(self) -> str:
        return f"Location({self.name})"

    @classmethod
    def from_url(cls, url: str) -> Location:
        """Raises SettingInvalid where libpq cannot read the URL; its words may hold a password, so none are told."""
        try:
            given = conninfo_to_dict(url)
        except psycopg.Error:
            raise SettingInvalid(
                "the address of the database cannot be read; write postgresql://user:password@host:5432/database, with"
                " special characters of the password percent-encoded",
                setting="FLAGTRAIL_DATABASE",
            ) from None
        session = " ".join(f"-c {name}={value}" for name, value in _SESSION.items())
        options = f"{session} {given.pop('options', '') or ''}".strip()
        place = f"{given.get('host') or 'the local socket'}:{given.get('port') or 5432}"
        name = f"{given.get('dbname') or given.get('user') or ''} at {place}"
        known: dict[str, Any] = {**_DEFAULTS, **_KEEPALIVE, **given, "options": options}
        return cls(make_conninfo("", **known), name, str(given.get("password") or ""))


def refusal(error: psycopg.Error, location: Location) -> FlagtrailError:
    """What an error of PostgreSQL means to people, with what to do about it; a password in its words is left out."""
    code = error.sqlstate or ""
    cause = " ".join((error.diag.message_primary or str(error)).split())
    if location.password:
        cause = cause.replace(location.password, "***")
    facts = {"database": location.name, "cause": cause, "sqlstate": code}
    if code in _CORRUPT:
        return StorageCorrupt(f"the database {location.name} is damaged ({cause})", **facts)
    if isinstance(error, psycopg.DataError) and "NUL" in cause:
        return InvalidQuery("the text holds a NUL character, which nothing does")
    what = _REMEDIES.get(code) or _REMEDIES.get(code[:2] or ("08" if _is_lost(error) else ""), "failed")
    return StorageFailed(f"the database {location.name} {what} ({cause})", **facts)


def _is_lost(error: psycopg.Error) -> bool:
    return isinstance(error, (psycopg.OperationalError, psycopg.InterfaceError))


@contextmanager
def refusals(location: Location) -> Iterator[None]:
    """Let no error of PostgreSQL escape as such."""
    try:
        yield
    except psycopg.Error as error:
        raise refusal(error, location) from error
    except UnicodeEncodeError as error:
        raise InvalidQuery(f"{error.object!r} is not valid Unicode") from error


def bounded(number: int) -> int:
    """A seq as PostgreSQL can carry it: no entry lies beyond."""
    return max(-1, min(number, _LARGEST))


def connect(location: Location) -> Connection:
    """A connection with our settings, each statement its own transaction unless one is begun."""
    return psycopg.connect(location.conninfo, autocommit=True, prepare_threshold=1)


def broken(connection: Connection) -> bool:
    """Whether the server went away."""
    return connection.closed or connection.info.transaction_status == TransactionStatus.UNKNOWN


class Pool:
    """Connections for questions and for what needs no lock of the head; each is one thread's at a time.

    Opened when asked for and kept: so whoever cannot be connected is told why by PostgreSQL itself, at once.
    One that met an error is not kept: where a pipeline broke off, psycopg goes on to use what was never prepared.
    """

    def __init__(self, location: Location) -> None:
        self._location = location
        self._lock = threading.Lock()
        self._idle: list[Connection] | None = []
        self._free = threading.Semaphore(_POOLED)

    def ask(self, question: Callable[[Connection], T]) -> T:
        """The answer to a question that alters nothing. It is asked again where a kept connection proves lost."""
        with refusals(self._location), self._free:
            while True:
                connection, kept = self._take()
                try:
                    return question(connection)
                except psycopg.Error:
                    lost = broken(connection)
                    connection.close()
                    if not (kept and lost):
                        raise
                finally:
                    self._return(connection)

    def change(self, work: Callable[[Connection], T]) -> T:
        """Run work in a transaction of its own, without the head. It is begun again while nothing was done."""
        with refusals(self._location), self._free:
            while True:
                connection, kept = self._take()
                try:
                    try:
                        connection.execute("BEGIN")
                    except psycopg.Error:
                        if kept and broken(connection):
                            continue
                        raise
                    result = work(connection)
                    connection.execute("COMMIT")
                    return result
                finally:
                    self._return(connection)

    def close(self) -> None:
        """Close what is idle; what is in use is closed when it comes back."""
        with self._lock:
            idle, self._idle = self._idle or [], None
        for connection in idle:
            connection.close()

    def _take(self) -> tuple[Connection, bool]:
        """A connection, and whether it is one that was kept."""
        with self._lock:
            if self._idle is None:
                raise StorageFailed(f"the database {self._location.name} is closed")
            if self._idle:
                return self._idle.pop(), True
        return connect(self._location), False

    def _return(self, connection: Connection) -> None:
        if not connection.closed and connection.info.transaction_status == TransactionStatus.IDLE:
            with self._lock:
                if self._idle is not None:
                    self._idle.append(connection)
                    return
        connection.close()
