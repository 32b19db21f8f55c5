"""A real server process on a free port, with a database of its own: for tests that speak HTTP.

It is forked from a process that has imported the server already, since hundreds are started by the tests. As a script,
in an interpreter of its own: serves one installation as told by FLAGTRAIL_ variables, after printing what a test needs
to know.
"""

from __future__ import annotations

import atexit
import os
import secrets
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import httpx2
import msgspec

if TYPE_CHECKING:
    from tests.support.clock import Clock

PORTS = range(12_000, 32_000)
"""Below those that systems give to connections (Linux: from 32768 on)."""
START_SECONDS = 60.0
DATABASE, LOG = "flagtrail.db", "server.log"
"""The files of a server in its folder."""


class Told(msgspec.Struct, frozen=True):
    """What the process prints before it serves: an administrator's token, the owner's login link secret."""

    token: str
    login: str | None


class Process(Protocol):
    """What tests do with a server's process."""

    @property
    def pid(self) -> int: ...
    def poll(self) -> int | None: ...
    def wait(self, timeout: float | None = None) -> int: ...
    def send_signal(self, sig: int) -> None: ...
    def kill(self) -> None: ...


class Forked:
    """A forked process, spoken to like a `subprocess.Popen`."""

    def __init__(self, process: BaseProcess) -> None:
        self._process = process
        assert process.pid is not None
        self.pid = process.pid

    def poll(self) -> int | None:
        """Its exit code, None while it lives."""
        return self._process.exitcode

    def wait(self, timeout: float | None = None) -> int:
        """Its exit code, once it ended. Raises TimeoutExpired if that takes longer."""
        self._process.join(timeout)
        if (code := self._process.exitcode) is None:
            raise subprocess.TimeoutExpired("the server", timeout or 0)
        return code

    def send_signal(self, sig: int) -> None:
        """Nothing where it ended."""
        if self.poll() is None:
            os.kill(self.pid, sig)

    def kill(self) -> None:
        """At once, as a crash would."""
        self.send_signal(signal.SIGKILL)


class RunningServer:
    """One server process. `client()` speaks to it as an administrator, `client(token)` as whoever holds the token."""

    def __init__(self, process: Process, told: Told, folder: Path, environment: dict[str, str]) -> None:
        self.process = process
        self.url = f"http://127.0.0.1:{environment['FLAGTRAIL_PORT']}"
        self.token = told.token
        self.login = told.login
        self.database = folder / DATABASE
        self.log = folder / LOG
        self.settings = {name: value for name, value in environment.items() if name.startswith("FLAGTRAIL_")}

    def client(self, token: str | None = None, **headers: str) -> httpx2.Client:
        """A client with a token; an empty one sends none."""
        secret = self.token if token is None else token
        given = {"Authorization": f"Bearer {secret}", **headers} if secret else headers
        return httpx2.Client(base_url=self.url, headers=given, timeout=30.0)

    def stop(self) -> int:
        """Tell the process to stop, as an operator would, and wait until it has; its exit code."""
        return _stop(self.process)


@contextmanager
def running_server(
    folder: Path,
    *,
    demo: bool = False,
    port: int | None = None,
    clock: Clock | None = None,
    fresh: bool = False,
    **settings: str,
) -> Iterator[RunningServer]:
    """A server on the database `flagtrail.db` in `folder`, which may hold one already. `settings` by their names.

    With a `clock` it lives in another time than this process. A `fresh` one has an interpreter of its own, as every
    one with a clock: for measurements.
    """
    port = port or free_port()
    environment = {name: value for name, value in os.environ.items() if not name.startswith("FLAGTRAIL_")}
    environment |= {
        "FLAGTRAIL_DATABASE": f"sqlite:///{folder / DATABASE}",
        "FLAGTRAIL_PORT": str(port),
        "FLAGTRAIL_USAGE_FLUSH_SECONDS": "0.1",
        **{f"FLAGTRAIL_{name.upper()}": value for name, value in settings.items()},
        **(clock.environment if clock is not None else {}),
    }
    log = folder / LOG
    if clock is not None or fresh:
        runner = [str(clock.runner)] if clock is not None else []
        command = [sys.executable, *runner, str(Path(__file__).resolve()), *(["demo"] if demo else [])]
        process, line = _spawned(command, environment, log)
    else:
        process, line = _forked(environment, demo, log)
    try:
        told = msgspec.json.decode(line or b"null", type=Told)
        server = RunningServer(process, told, folder, environment)
        _await_ready(server)
        yield server
    except msgspec.ValidationError:
        raise AssertionError(f"the server did not start:\n{log.read_text()}") from None
    finally:
        _stop(process)


def _spawned(command: list[str], environment: dict[str, str], log: Path) -> tuple[Process, bytes]:
    """A process in an interpreter of its own, and the first line that it says."""
    with log.open("ab") as errors:
        process = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=errors)
    assert process.stdout is not None
    with process.stdout as said:
        return process, said.readline()


def _forked(environment: dict[str, str], demo: bool, log: Path) -> tuple[Process, bytes]:
    """A process forked where all is imported, and what it tells."""
    from tests.support.forking import forking

    context = forking()
    receiving, sending = context.Pipe(duplex=False)
    made = context.Process(target=_serve_forked, args=(environment, demo, log, sending))
    made.start()
    sending.close()
    with receiving:
        try:
            return Forked(made), receiving.recv_bytes()
        except EOFError:
            return Forked(made), b""


def _serve_forked(environment: dict[str, str], demo: bool, log: Path, out: Connection) -> None:
    """Serve as a process of its own would: with this environment, and with its log in that file."""
    os.environ.clear()
    os.environ.update(environment)
    with log.open("ab") as errors:
        os.dup2(errors.fileno(), 1)
        os.dup2(errors.fileno(), 2)
    try:
        serve_installation(out.send_bytes, demo=demo)
    finally:
        atexit._run_exitfuncs()  # which a forked process leaves out


def _stop(process: Process) -> int:
    """Tell it to stop, and end it where it does not; its exit code."""
    if process.poll() is None:
        process.send_signal(signal.SIGTERM)
    try:
        return process.wait(timeout=60)
    except subprocess.TimeoutExpired:
        process.kill()
        return process.wait()


def free_port() -> int:
    """A port that nobody listens on just now, and that no connection takes: a server may leave it for a while."""
    while True:
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("127.0.0.1", port := secrets.choice(PORTS)))
            return port


def _await_ready(server: RunningServer) -> None:
    deadline = time.monotonic() + START_SECONDS
    with httpx2.Client(base_url=server.url, timeout=5.0) as client:
        while time.monotonic() < deadline and server.process.poll() is None:
            try:
                if client.get("/readyz").status_code == httpx2.codes.OK:
                    return
            except httpx2.TransportError:
                threading.Event().wait(0.02)
    raise AssertionError(f"the server did not get ready:\n{server.log.read_text()}")


def serve_installation(tell: Callable[[bytes], object], *, demo: bool) -> None:
    """Serve as the variables of this process say, after telling what a test needs to know."""
    from flagtrail.app import trace
    from flagtrail.app.bootstrap import App
    from flagtrail.app.identity import SYSTEM_IDENTITY
    from flagtrail.app.settings import read_settings
    from flagtrail.model.access import Token
    from flagtrail.server.asgi import configure_logging, serve

    settings = read_settings(os.environ)
    configure_logging(settings.log_level)
    trace.start(os.environ)
    app = App(settings)
    login = app.first_start()
    key = f"test-{app.changes.state.size}"
    issued = app.access.issue_token(SYSTEM_IDENTITY, Token(key, "admin", name="Test", role="admin"))
    tell(msgspec.json.encode(Told(issued.secret, login)))
    serve(app, settings.host, settings.port, demo=demo)


def _say(line: bytes) -> None:
    sys.stdout.buffer.write(line + b"\n")
    sys.stdout.flush()


if __name__ == "__main__":
    serve_installation(_say, demo="demo" in sys.argv[1:])
