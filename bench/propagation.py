"""How long until a change that was asked for over REST is what a connected SDK serves, on one machine.

A real server with a database of its own and 200 flags; SDK clients in this process, each with its own stream. Every
change waits for all of them. Beside it: the change's own answer, without which no stream could know of it.
Run: python -m bench.propagation [CHANGES]
"""

from __future__ import annotations

import statistics
import sys
import tempfile
import threading
import time
from functools import partial
from pathlib import Path

import httpx2
from tests.support.documents import boolean_flag, enabled
from tests.support.server import RunningServer, running_server

from flagtrail.sdk.client import Client
from flagtrail.sdk.events import Event, EventKind
from flagtrail.sdk.options import Options

FLAGS = 200
TARGET_MS = 100.0
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


def measure(server: RunningServer, token: str, connected: int, changes: int, first: int) -> None:
    options = Options(url=server.url, token=token, usage=False)
    clients = [Client(options) for _ in range(connected)]
    try:
        for client in clients:
            if not client.start(10.0):
                raise SystemExit("a client got no ruleset")
        time.sleep(1.0)  # for the streams
        watch = Watch(clients)
        answered = []
        with server.client() as admin:
            for value in range(first, first + changes):
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
    met = "met" if p99 < TARGET_MS else "missed"
    print(
        f"{connected:4} SDKs: served after p50 {p50:6.1f} ms, p99 {p99:6.1f} ms (target p99 {TARGET_MS:.0f} ms: {met});"
        f" the change itself answered after p50 {statistics.median(answered):5.1f} ms;"
        f" ratio {p50 / statistics.median(answered):.2f}"
    )


def main() -> None:
    changes = int(sys.argv[1]) if len(sys.argv) > 1 else 300
    with tempfile.TemporaryDirectory() as folder, running_server(Path(folder), log_level="warning") as server:
        with server.client() as admin:
            token = set_up(admin)
        for number, connected in enumerate((1, 20, 100)):
            measure(server, token, connected, changes, first=1 + number * changes)


if __name__ == "__main__":
    main()
