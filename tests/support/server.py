"""A real server process on a free port, with a database of its own: for tests that speak HTTP.

As a script: serves one installation as told by FLAGTRAIL_ variables, after printing what a test needs to know.
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import httpx2
import msgspec

if TYPE_CHECKING:
    from tests.support.clock import Clock

START_SECONDS = 30.0
DATABASE, LOG = "flagtrail.db", "server.log"
"""The files of a server in its folder."""


class Told(msgspec.Struct, frozen=True):
    """What the process prints before it serves: an administrator's token, the owner's login link secret."""

    token: str
    login: str | None


class RunningServer:
    """One server process. `client()` speaks to it as an administrator, `client(token)` as whoever holds the token."""

    def __init__(self, process: subprocess.Popen[bytes], told: Told, folder: Path, environment: dict[str, str]) -> None:
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
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(timeout=20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            return self.process.wait()


@contextmanager
def running_server(
    folder: Path, *, demo: bool = False, port: int | None = None, clock: Clock | None = None, **settings: str
) -> Iterator[RunningServer]:
    """A server on the database `flagtrail.db` in `folder`, which may hold one already. `settings` by their names.

    With a `clock` it lives in another time than this process.
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
    runner = [str(clock.runner)] if clock is not None else []
    command = [sys.executable, *runner, str(Path(__file__).resolve()), *(["demo"] if demo else [])]
    log = folder / LOG
    with log.open("ab") as errors:
        process = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=errors)
    stdout = process.stdout
    assert stdout is not None
    try:
        told = msgspec.json.decode(stdout.readline() or b"null", type=Told)
        server = RunningServer(process, told, folder, environment)
        _await_ready(server)
        yield server
    except msgspec.ValidationError:
        raise AssertionError(f"the server did not start:\n{log.read_text()}") from None
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
            _stop_hard(process)
        stdout.close()


def _stop_hard(process: subprocess.Popen[bytes]) -> None:
    try:
        process.wait(timeout=20)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def free_port() -> int:
    """A port that nobody listens on just now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
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


def main() -> None:
    """Serve."""
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
    sys.stdout.buffer.write(msgspec.json.encode(Told(issued.secret, login)) + b"\n")
    sys.stdout.flush()
    serve(app, settings.host, settings.port, demo="demo" in sys.argv[1:])


if __name__ == "__main__":
    main()
