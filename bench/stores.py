"""Where a benchmark's databases lie: a file of SQLite, or a PostgreSQL of its own whose data stays in the folder."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import msgspec
import psycopg
from tests.support.postgres import PostgresServer, binaries

STORES = ("sqlite", "postgres")
_DURABLE = {"fsync": "on", "full_page_writes": "on", "shared_buffers": "1GB", "max_wal_size": "4GB", "autovacuum": "on"}


class Place(msgspec.Struct, frozen=True):
    """One database of a benchmark."""

    url: str
    path: Path | None = None
    server: PostgresServer | None = None

    def size(self) -> int:
        """Bytes on the disk."""
        if self.path is not None:
            return self.path.stat().st_size
        with closing(psycopg.connect(self.url)) as connection:
            ((size,),) = connection.execute("SELECT pg_database_size(current_database())").fetchall()
            return int(size)

    def clear(self) -> None:
        """Remove what is there."""
        if self.path is not None:
            for left in self.path.parent.glob(f"{self.path.name}*"):
                left.unlink()
        elif self.server is not None:
            name = self.url.rpartition("/")[2]
            self.server.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')
            self.server.new_database(name)


@contextmanager
def open_folder() -> Iterator[str]:
    """A folder for the time of a benchmark, which the user of PostgreSQL may enter."""
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o755)
        yield name


@contextmanager
def postgres(folder: Path) -> Iterator[PostgresServer]:
    """A PostgreSQL with its data in the folder, as durable as in production, until the benchmark ends."""
    found = binaries()
    if found is None:
        raise SystemExit("PostgreSQL is not installed (make postgres)")
    server = PostgresServer(folder / "postgres", found)
    if not (server.folder / "data").exists():
        server.make()
    server.start(**_DURABLE)
    try:
        yield server
    finally:
        server.stop()


@contextmanager
def place(store: str, folder: Path, name: str) -> Iterator[Place]:
    """The database of this name, with what an earlier run left in it."""
    if store == "sqlite":
        path = folder / f"{name}.db"
        yield Place(f"sqlite:///{path}", path=path)
        return
    with postgres(folder) as server:
        with closing(psycopg.connect(server.url("postgres"))) as connection:
            exists = connection.execute("SELECT FROM pg_database WHERE datname = %s", (name,)).rowcount
        if not exists:
            server.new_database(name)
        yield Place(server.url(name), server=server)
