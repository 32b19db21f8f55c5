"""Every bus there is, with what it runs over, which can fail."""

from __future__ import annotations

import os
import pkgutil
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Protocol

import pytest
from tests.support.postgres import PostgresServer, postgres_server
from tests.support.redis_server import running_redis

from flagtrail import bus as door

WAIT_SECONDS = 60.0
FIRST = 1_000_000
"""Sizes that a test tells are at least this."""
BUSES = sorted(info.name for info in pkgutil.iter_modules(door.__path__) if not info.name.startswith("_"))
OVER_A_NETWORK = [name for name in BUSES if name != "local"]


class FarSide(Protocol):
    """What a bus runs over."""

    @property
    def url(self) -> str: ...
    def kill(self) -> None: ...
    def start(self) -> None: ...
    def hang(self) -> None: ...
    def go_on(self) -> None: ...


class Nothing:
    """What the local bus runs over: it cannot fail."""

    url = "local:"

    def kill(self) -> None: ...
    def start(self) -> None: ...
    def hang(self) -> None: ...
    def go_on(self) -> None: ...


class Cluster:
    """What the bus over PostgreSQL runs over: a cluster of its own."""

    def __init__(self, server: PostgresServer) -> None:
        self._server = server
        self.url = server.new_database()

    def kill(self) -> None:
        """End it as a crash would."""
        self._server.stop(signal.SIGKILL)

    def start(self) -> None:
        self._server.start()

    def hang(self) -> None:
        """Keep its connections open and answer nothing."""
        self._signal(signal.SIGSTOP)

    def go_on(self) -> None:
        """Answer again."""
        self._signal(signal.SIGCONT)

    def _signal(self, number: signal.Signals) -> None:
        """To the server and then, of those that it has for its connections, to each that is still there."""
        process = self._server._process
        if process is None:
            return
        os.kill(process.pid, number)
        for child in Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split():
            with suppress(ProcessLookupError):
                os.kill(int(child), number)


@contextmanager
def far_side_of(name: str, folder: Path) -> Iterator[FarSide]:
    if name == "local":
        yield Nothing()
    elif name == "redis":
        with running_redis(folder) as server:
            yield server
    elif name == "postgres":
        with postgres_server() as cluster:
            side = Cluster(cluster)
            yield side
            side.go_on()  # else it could not be stopped
    else:
        raise AssertionError(f"this suite does not know what the bus {name} runs over")


class End:
    """One replica's end of a bus, and what it heard."""

    def __init__(self, url: str, name: str) -> None:
        self.bus = door.load(url, name)
        self.heard: list[int] = []
        self.bus.listen(self.heard.append)

    def hears(self, size: int) -> bool:
        """Whether it hears the size within `WAIT_SECONDS`."""
        return until(lambda: size in self.heard)


def until(holds: Callable[[], object]) -> bool:
    """Whether it holds within `WAIT_SECONDS`, asked again and again."""
    deadline = time.monotonic() + WAIT_SECONDS
    while time.monotonic() < deadline:
        if holds():
            return True
        threading.Event().wait(0.005)
    return False


def linked(teller: End, others: list[End]) -> bool:
    """Whether all listen by now: from here on nobody misses what is told. The sizes told are below `FIRST`."""
    for end in others:
        end.heard.clear()
    numbers = iter(range(FIRST))

    def told() -> bool:
        teller.bus.publish(next(numbers))
        return all(end.heard for end in others)

    return until(told)


@pytest.fixture
def ends() -> Iterator[list[End]]:
    opened: list[End] = []
    yield opened
    for end in opened:
        end.bus.close()
