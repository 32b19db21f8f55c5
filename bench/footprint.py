"""What a server weighs: start, memory idle and loaded, and a thousand streams that are held.

    python -m bench.production footprint

Beside it a bare ASGI server: its start, its memory, and the memory of as many idle connections.
"""

from __future__ import annotations

import os
import selectors
import socket
import statistics
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from bench import stores
from bench.load import Load, bare_server, drive
from bench.server import BULK, FLAGS, NEW_BODY, SINGLE, furnish
from tests.support.server import RunningServer, running_server

STREAMS = 1_000
STARTS = 3
CHANGES = 20
_PAGE = os.sysconf("SC_PAGE_SIZE")
_FLAG = "/api/v1/projects/default/flags/flag_007"
_MB = 1e6


def resident(process: int) -> int:
    """Bytes of memory that a process holds."""
    return int(Path(f"/proc/{process}/statm").read_text().split()[1]) * _PAGE


def tell(name: str, figure: str, limit: str, ratio: float, goal: float) -> None:
    """One line; here less is better."""
    verdict = "met" if ratio <= goal else "MISSED"
    print(f"{name:41} {figure:>12}  {limit:44} ratio {ratio:.2f}  goal {goal:.2f} {verdict}")


def started(opened: Callable[[], AbstractContextManager[object]]) -> float:
    """Seconds until it answers; the median of some starts."""
    took = []
    for _ in range(STARTS):
        began = time.perf_counter()
        with opened():
            took.append(time.perf_counter() - began)
    return statistics.median(took)


class Held:
    """So many connections to one server, each asked once, that stay open."""

    def __init__(self, url: str, request: bytes, count: int) -> None:
        address = urlsplit(url)
        self.selector = selectors.DefaultSelector()
        self.sockets: list[socket.socket] = []
        for _ in range(count):
            connection = socket.create_connection((str(address.hostname), int(address.port or 0)))
            connection.sendall(request)
            connection.recv(1 << 16)
            connection.setblocking(False)
            self.selector.register(connection, selectors.EVENT_READ)
            self.sockets.append(connection)

    def drain(self) -> None:
        """Read what is there, until nothing comes any more."""
        while self.selector.select(0.5):
            self.arrivals(b"no such thing", 0.1)

    def arrivals(self, mark: bytes, patience: float) -> list[float]:
        """When each connection first got something that holds `mark`, until all have or patience ends."""
        seen: dict[int, float] = {}
        until = time.perf_counter() + patience
        while len(seen) < len(self.sockets) and time.perf_counter() < until:
            for key, _ in self.selector.select(0.05):
                got = os.read(key.fd, 1 << 16)
                if mark in got:
                    seen.setdefault(key.fd, time.perf_counter())
        return sorted(seen.values())

    def close(self) -> None:
        """Hang up."""
        for connection in self.sockets:
            connection.close()


def streams(server: RunningServer, bare: str, bare_process: int, token: str) -> None:
    """A thousand streams: what each takes of the server's memory, and when a change reaches the last of them."""
    request = f"GET {{}} HTTP/1.1\r\nHost: bench\r\nAuthorization: Bearer {token}\r\n\r\n"
    before = resident(bare_process)
    idle = Held(bare, request.format("/").encode(), STREAMS)
    each_idle = (resident(bare_process) - before) / STREAMS
    idle.close()
    before = resident(server.process.pid)
    held = Held(server.url, request.format("/sdk/v1/stream").encode(), STREAMS)
    held.drain()
    each = (resident(server.process.pid) - before) / STREAMS
    limit = f"an idle connection of a bare server {each_idle / 1024:.1f} KiB"
    tell(f"{STREAMS:,} streams held, memory of each", f"{each / 1024:.1f} KiB", limit, each / each_idle, 2.0)
    first, last, reached = [], [], []
    with server.client() as admin:
        for number in range(CHANGES):
            body = {"patch": {"variants": {"on": True, "off": False, f"v{number}": False}}, "why": "a benchmark"}
            began = time.perf_counter()
            admin.patch(_FLAG, json=body).raise_for_status()
            came = held.arrivals(f"v{number}".encode(), 10.0)
            reached.append(len(came))
            first.append((came[0] - began) * 1000)
            last.append((came[-1] - began) * 1000)
            held.drain()
    p50, worst = statistics.median(last), max(last)
    print(f"{'a change reaches all of them':41} {min(reached):12,}  of {STREAMS:,}, in each of {CHANGES} changes")
    limit = f"the first of them after {statistics.median(first):.0f} ms; the worst {worst:.0f} ms"
    tell("a change until the last of them", f"p50 {p50:.0f} ms", limit, p50 / 150, 1.0)
    held.close()


def run(seconds: float) -> None:
    """Print every figure."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(stores.open_folder()))
        database = stack.enter_context(stores.postgres(folder)).new_database("served")
        settings: dict[str, Any] = {"database": database, "key_file": str(folder / "key"), "log_level": "warning"}
        opened = partial(running_server, folder, fresh=True, usage_flush_seconds="10", **settings)
        with opened() as server:
            token = furnish(server)
        ours, theirs = started(opened), started(partial(bare_server, b"{}", folder))
        tell(
            f"start, {FLAGS} flags on PostgreSQL",
            f"{ours:.2f} s",
            f"a bare ASGI server {theirs:.2f} s",
            ours / theirs,
            4.0,
        )
        server = stack.enter_context(opened())
        bare = stack.enter_context(bare_server(b"{}", folder))
        headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
        for name, goal in (("idle", 5.0), ("loaded", 5.0)):
            if name == "loaded":
                for path in (SINGLE, BULK):
                    drive(server.url, Load("POST", path, (NEW_BODY,), headers, 32), seconds)
                    drive(bare.url, Load("POST", path, (NEW_BODY,), headers, 32), seconds)
            mine, other = resident(server.process.pid), resident(bare.process)
            limit = f"a bare ASGI server {other / _MB:.0f} MB"
            tell(f"memory, {name}", f"{mine / _MB:.0f} MB", limit, mine / other, goal)
        with server.client() as admin:
            body = {"token": {"key": "sdk", "kind": "server", "project": "default", "environment": "production"}}
            secret: str = admin.post("/api/v1/tokens", json=body).raise_for_status().json()["secret"]
        streams(server, bare.url, bare.process, secret)
