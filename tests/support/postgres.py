"""A real PostgreSQL for the tests of one process: started at the first use, a new database for whoever asks."""

from __future__ import annotations

import atexit
import contextlib
import functools
import itertools
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import psycopg
import pytest
from tests.support.server import free_port

PASSWORD = "s3cret:p@ss/word"
START_SECONDS = 60.0
_names = itertools.count(1)
_USERS = ("postgres", "nobody")
"""Whom it runs as where the tests run as root: PostgreSQL refuses to be root itself."""


def binaries() -> Path | None:
    """The folder of initdb and postgres, the newest there is; None where PostgreSQL is not installed."""
    found = shutil.which("initdb")
    if found is not None and (Path(found).resolve().parent / "postgres").exists():
        return Path(found).resolve().parent
    return max(
        (folder for folder in Path("/usr/lib/postgresql").glob("*/bin") if (folder / "initdb").exists()),
        key=lambda folder: int(folder.parent.name),
        default=None,
    )


class PostgresServer:
    """One cluster: superuser `postgres`, whom the socket trusts and TCP asks for `PASSWORD`."""

    def __init__(self, folder: Path, binaries: Path) -> None:
        self.folder = folder
        self.port = free_port()
        self._binaries = binaries
        self._process: subprocess.Popen[bytes] | None = None

    def make(self) -> None:
        """Initialise the cluster's folder."""
        self.folder.mkdir(exist_ok=True)
        password = self.folder / "password"
        password.write_text(PASSWORD)
        if os.geteuid() == 0:
            for path in (self.folder, password):
                shutil.chown(path, _user())
        command = [
            str(self._binaries / "initdb"),
            *("-D", str(self.folder / "data"), "-U", "postgres", "--pwfile", str(password)),
            *("--auth-local=trust", "--auth-host=scram-sha-256", "-E", "UTF8", "--locale=C.UTF-8", "--no-sync"),
        ]
        subprocess.run([*self._as_user(), *command], check=True, stdout=subprocess.DEVNULL)

    def start(self, **settings: str) -> None:
        """Start and wait until it answers. It ends with the thread that started it: call this on the main one."""
        given = {
            "listen_addresses": "127.0.0.1",
            "port": str(self.port),
            "unix_socket_directories": str(self.folder),
            "fsync": "off",
            "full_page_writes": "off",
            "max_connections": "200",
            **settings,
        }
        options = [part for name, value in given.items() for part in ("-c", f"{name}={value}")]
        command = [*self._as_user(), str(self._binaries / "postgres"), "-D", str(self.folder / "data"), *options]
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            if self._process is None or self._process.poll() is not None:
                # After a kill it refuses to start until the last of its old processes is gone.
                with (self.folder / "log").open("ab") as log:
                    # A session of its own: Ctrl-C is for the tests alone.
                    self._process = subprocess.Popen(command, stdout=log, stderr=log, start_new_session=True)
            try:
                psycopg.connect(self.url("postgres"), connect_timeout=5).close()
            except psycopg.OperationalError:
                time.sleep(0.02)
            else:
                return
        raise AssertionError((self.folder / "log").read_text())

    def stop(self, how: signal.Signals = signal.SIGINT) -> None:
        """Stop: politely to its clients (SIGINT), or at once with all its processes (SIGKILL)."""
        process, self._process = self._process, None
        if process is None or process.poll() is not None:
            return
        if how == signal.SIGKILL:
            for pid in (process.pid, *_children(process.pid)):
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
        else:
            process.send_signal(how)
        process.wait(START_SECONDS)

    def url(self, database: str, *, user: str = "postgres", password: str = PASSWORD) -> str:
        """The address of a database of this cluster."""
        return f"postgresql://{user}:{_quoted(password)}@127.0.0.1:{self.port}/{database}"

    def new_database(self, name: str | None = None) -> str:
        """The address of a new, empty database."""
        name = name or f"t{next(_names)}"
        self.execute(f'CREATE DATABASE "{name}" TEMPLATE template0')
        return self.url(name)

    def execute(self, statement: str, database: str = "postgres") -> None:
        """Run one statement as the superuser."""
        with closing(psycopg.connect(self.url(database), autocommit=True)) as connection:
            connection.execute(statement.encode())

    def _as_user(self) -> list[str]:
        """What makes a command run as a user that PostgreSQL takes, and end when this process ends."""
        setpriv = shutil.which("setpriv")
        if setpriv is None:
            return []
        changed = ["--reuid", _user(), "--regid", _user_group(), "--clear-groups"] if os.geteuid() == 0 else []
        return [setpriv, *changed, "--pdeathsig", "INT"]


def _children(pid: int) -> list[int]:
    """The processes that this one started: each is a session of its own, so that no group holds them all."""
    try:
        return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except OSError:  # another system: they notice by themselves that their parent is gone
        return []


def _quoted(text: str) -> str:
    from urllib.parse import quote

    return quote(text, safe="")


def _user() -> str:
    import pwd

    known = {user.pw_name for user in pwd.getpwall()}
    return next(name for name in _USERS if name in known)


def _user_group() -> str:
    import grp
    import pwd

    return grp.getgrgid(pwd.getpwnam(_user()).pw_gid).gr_name


@contextmanager
def postgres_server(**settings: str) -> Iterator[PostgresServer]:
    """A cluster of one's own: for tests that stop it, fill its disk, or restart it."""
    found = binaries()
    if found is None:
        pytest.skip("PostgreSQL is not installed (make postgres)")
    folder = Path(tempfile.mkdtemp(prefix="flagtrail-pg-"))
    folder.chmod(0o755)
    server = PostgresServer(folder, found)
    try:
        server.make()
        server.start(**settings)
        yield server
    finally:
        server.stop()
        shutil.rmtree(folder, ignore_errors=True)


@functools.cache
def shared_server() -> PostgresServer:
    """The one cluster of this process; it ends with it."""
    context = postgres_server()
    server = context.__enter__()
    atexit.register(context.__exit__, None, None, None)
    return server


_by_folder: dict[Path, str] = {}


def url_for(folder: Path) -> str:
    """The address of the folder's own database: a new one at the first call, the same at each other."""
    if folder not in _by_folder:
        _by_folder[folder] = shared_server().new_database()
    return _by_folder[folder]
