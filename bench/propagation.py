"""How long until a change that was asked for over REST is what a connected SDK serves, on one machine.

A real server with a database of its own and 200 flags; SDK clients in this process, each with its own stream. Every
change waits for all of them. Beside it: the change's own answer, without which no stream could know of it.
With --replicas the change is made at one server and the SDKs are connected to another on the same database: a SQLite
file alone (the other looks every second), with Redis; PostgreSQL alone (LISTEN and NOTIFY), with Redis.
Run: python -m bench.propagation [CHANGES] [--replicas]
"""

from __future__ import annotations

import statistics
import sys
import tempfile
import threading
import time
from contextlib import ExitStack
from functools import partial
from pathlib import Path

import httpx2
from tests.support.documents import boolean_flag, enabled
from tests.support.postgres import postgres_server
from tests.support.redis_server import running_redis
from tests.support.server import RunningServer, running_server

from flagtrail.sdk.client import Client
from flagtrail.sdk.events import Event, EventKind
from flagtrail.sdk.options import Options

FLAGS = 200
TARGET_MS = 100.0
REPLICA_TARGET_MS = 150.0
PROJECT = "/api/v1/projects/default"
FLAG = "limit"


class Watch:
    """Notes when each of its clients serves the value that is waited for."""

    def __init__(self, clients: list[Client]) -> None:
        self._clients = clients
        self._arrived = threading.Event()
        self._awaited = 0
        self._left: set[int] = set()
        self._lock = threading.Lock()
        self.took: list[float] = []
        self._started = 0.0
        for client in clients:
            client.on(partial(self._seen, client))

    def start(self, value: int) -> None:
        """From now on, `value` is waited for."""
        with self._lock:
            self._awaited = value
            self._left = set(map(id, self._clients))
            self._arrived.clear()
            self._started = time.perf_counter()

    def wait(self) -> None:
        """Until every client serves it."""
        if not self._arrived.wait(10.0):
            raise SystemExit(f"{len(self._left)} clients did not get the change within 10 s")

    def _seen(self, client: Client, event: Event) -> None:
        if event.kind != EventKind.CONFIGURATION_CHANGED:
            return
        value = client.get_integer(FLAG, -1, {})
        now = time.perf_counter()
        with self._lock:
            if value == self._awaited and id(client) in self._left:
                self._left.remove(id(client))
                self.took.append((now - self._started) * 1000)
                if not self._left:
                    self._arrived.set()


def integer_flag(value: int) -> dict[str, object]:
    return {"key": FLAG, "type": "integer", "variants": {"on": value}}


def set_up(admin: httpx2.Client) -> str:
    """The flags, and a token of kind server."""
    for number in range(FLAGS - 1):
        flag = {"flag": boolean_flag(f"flag_{number}"), "targeting": {"production": enabled()}, "why": "bench"}
        admin.post(f"{PROJECT}/flags", json=flag).raise_for_status()
    admin.post(f"{PROJECT}/flags", json={"flag": integer_flag(0), "why": "bench"}).raise_for_status()
    answer = admin.post(
        "/api/v1/tokens",
        json={"token": {"key": "sdk", "kind": "server", "project": "default", "environment": "production"}},
    )
    answer.raise_for_status()
    secret: str = answer.json()["secret"]
    return secret


def percentile(times: list[float], part: float) -> float:
    return sorted(times)[min(len(times) - 1, int(len(times) * part))]


def measure(
    server: RunningServer,
    token: str,
    connected: int,
    changes: range,
    *,
    at: RunningServer | None = None,
    target_ms: float = TARGET_MS,
) -> None:
    """Changes made at the server, or at another replica, until the SDKs at the server serve them."""
    options = Options(url=server.url, token=token, usage=False)
    clients = [Client(options) for _ in range(connected)]
    try:
        for client in clients:
            if not client.start(10.0):
                raise SystemExit("a client got no ruleset")
        time.sleep(1.0)  # for the streams
        watch = Watch(clients)
        answered = []
        with (at or server).client() as admin:
            for value in changes:
                watch.start(value)
                started = time.perf_counter()
                body = {"patch": {"variants": {"on": value}}, "why": "bench"}
                admin.patch(f"{PROJECT}/flags/{FLAG}", json=body).raise_for_status()
                answered.append((time.perf_counter() - started) * 1000)
                watch.wait()
    finally:
        for client in clients:
            client.close()
    p50, p99 = statistics.median(watch.took), percentile(watch.took, 0.99)
    met = "met" if p99 < target_ms else "missed"
    print(
        f"{connected:4} SDKs: served after p50 {p50:6.1f} ms, p99 {p99:6.1f} ms (target p99 {target_ms:.0f} ms: {met});"
        f" the change itself answered after p50 {statistics.median(answered):5.1f} ms;"
        f" ratio {p50 / statistics.median(answered):.2f}"
    )


def replicas(changes: int, databases: tuple[str, ...] = ("sqlite", "postgresql")) -> None:
    """The same between two replicas, by each bus."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        redis = stack.enter_context(running_redis(folder)).url
        cluster = stack.enter_context(postgres_server(fsync="on", full_page_writes="on"))
        for name, database, bus, count in (
            ("SQLite file, no bus", "sqlite", "", min(changes, 60)),
            ("SQLite file, Redis", "sqlite", redis, changes),
            ("PostgreSQL alone", "postgresql", "", changes),
            ("PostgreSQL, Redis", "postgresql", redis, changes),
        ):
            if database not in databases:
                continue
            own = folder / name
            own.mkdir()
            url = f"sqlite:///{own}/shared.db" if database == "sqlite" else cluster.new_database()
            between(name, own, count, database=url, redis=bus)


def between(name: str, folder: Path, changes: int, *, database: str, redis: str) -> None:
    """Two servers; SDKs at the second, changes at the first."""
    key = str(folder / "flagtrail.key")
    for one in "ab":
        (folder / one).mkdir()
    with (
        running_server(
            folder / "a", fresh=True, database=database, redis=redis, key_file=key, log_level="warning"
        ) as first,
        running_server(
            folder / "b", fresh=True, database=database, redis=redis, key_file=key, log_level="warning"
        ) as second,
    ):
        with first.client() as admin:
            token = set_up(admin)
        time.sleep(2.0)  # for the second one to know of the token, and to listen
        for number, connected in enumerate((1, 20)):
            part = range(1 + number * changes, 1 + (number + 1) * changes)
            print(f"{name:20}", end="")
            measure(second, token, connected, part, at=first, target_ms=REPLICA_TARGET_MS)


def main() -> None:
    arguments = [argument for argument in sys.argv[1:] if argument != "--replicas"]
    changes = int(arguments[0]) if arguments else 300
    if "--replicas" in sys.argv:
        replicas(changes)
        return
    with (
        tempfile.TemporaryDirectory() as folder,
        running_server(Path(folder), fresh=True, log_level="warning") as server,
    ):
        with server.client() as admin:
            token = set_up(admin)
        for number, connected in enumerate((1, 20, 100)):
            measure(server, token, connected, range(1 + number * changes, 1 + (number + 1) * changes))


if __name__ == "__main__":
    main()
