"""Asking a server as fast as it can be asked: wrk (without it httpx2 in threads), and what the figures are told beside.

The server has one core, the load generator the others. Both sides of a comparison are measured in turn; every figure is
the median of the rounds, and a ratio the median of the rounds' ratios, so that a noisy neighbour spoils a round and not
the comparison.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx2
import msgspec
from tests.support.server import RunningServer, free_port

CORES = sorted(os.sched_getaffinity(0))
ROUNDS = 5
BARE = """
import sys, uvicorn
body = open(sys.argv[2], "rb").read()
headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
async def app(scope, receive, send):
    message = await receive()
    while message.get("more_body"):
        message = await receive()
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})
uvicorn.run(app, port=int(sys.argv[1]), log_config=None, access_log=False, lifespan="off", ws="none",
            http="httptools", loop="uvloop", server_header=False)
"""


class Bare(msgspec.Struct, frozen=True):
    """A bare server that runs."""

    url: str
    process: int


class Load(msgspec.Struct, frozen=True):
    """One kind of request: `{n}` in a body becomes a number that no other request has; bodies take turns."""

    method: str
    path: str
    bodies: tuple[bytes, ...]
    headers: dict[str, str]
    clients: int


def wrk(url: str, load: Load, seconds: float) -> float:
    """Requests per second; raises where any answer was none of 2xx."""
    headers = "".join(f'wrk.headers["{name}"] = "{value}"\n' for name, value in load.headers.items())
    parts = [body.decode().partition("{n}") for body in load.bodies]
    bodies = ",".join(
        f"{{{before!r}, {'true' if numbered else 'false'}, {after!r}}}" for before, numbered, after in parts
    )
    script = f"""
wrk.method = "{load.method}"
{headers}
local n = {time.monotonic_ns()}
local bodies = {{{bodies}}}
request = function()
  n = n + 1
  local body = bodies[n % #bodies + 1]
  return wrk.format(nil, nil, nil, body[2] and body[1] .. n .. body[3] or body[1])
end
"""
    with tempfile.NamedTemporaryFile("w", suffix=".lua") as file:
        file.write(script)
        file.flush()
        command = ["wrk", "-t1", f"-c{load.clients}", f"-d{max(1, round(seconds))}s", "-s", file.name, url + load.path]
        told = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    if "Non-2xx" in told:
        raise RuntimeError(told)
    return next(float(line.split()[1]) for line in told.splitlines() if line.startswith("Requests/sec"))


def threads(url: str, load: Load, seconds: float) -> float:
    """The same with httpx2, where there is no wrk: its own cost limits what it can show."""
    numbers = iter(range(time.monotonic_ns(), sys.maxsize))
    done = [0] * load.clients
    until = time.monotonic() + seconds

    def work(index: int) -> None:
        with httpx2.Client(base_url=url, headers=load.headers) as client:
            while time.monotonic() < until:
                number = next(numbers)
                body = load.bodies[number % len(load.bodies)].replace(b"{n}", str(number).encode())
                client.request(load.method, load.path, content=body).raise_for_status()
                done[index] += 1

    workers = [threading.Thread(target=work, args=(index,)) for index in range(load.clients)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    return sum(done) / seconds


drive = wrk if shutil.which("wrk") else threads


@contextlib.contextmanager
def on_core(core: int) -> Iterator[None]:
    """Whatever is started within, by this thread, runs on one core; the thread itself goes on on the others."""
    os.sched_setaffinity(0, {CORES[core % len(CORES)]})
    try:
        yield
    finally:
        os.sched_setaffinity(0, set(CORES[1:] or CORES))


@contextlib.contextmanager
def bare_server(body: bytes, folder: Path) -> Iterator[Bare]:
    """A bare ASGI application that answers these bytes to everything."""
    file = folder / "body.json"
    file.write_bytes(body)
    port = free_port()
    with on_core(0):
        process = subprocess.Popen([sys.executable, "-c", BARE, str(port), str(file)])
    url = f"http://127.0.0.1:{port}"
    try:
        while process.poll() is None:
            with contextlib.suppress(httpx2.TransportError):
                httpx2.get(url)
                break
            threading.Event().wait(0.02)
        yield Bare(url, process.pid)
    finally:
        process.terminate()
        process.wait()


def appended(server: RunningServer, load: Load, seconds: float) -> float:
    """Entries per second that the ledger grew by: an answer that appended nothing is no change."""
    before: int = httpx2.get(f"{server.url}/readyz").json()["size"]
    drive(server.url, load, seconds)
    after: int = httpx2.get(f"{server.url}/readyz").json()["size"]
    return (after - before) / seconds


def in_turn(ours: Callable[[], float], limit: Callable[[], float]) -> list[tuple[float, float]]:
    """Both figures of every round, measured by turns."""
    return [(ours(), limit()) for _ in range(ROUNDS)]


def tell(name: str, rounds: list[tuple[float, float]], limit_name: str, goal: float) -> None:
    """One line: the figure, the limit, their ratio and the goal."""
    ours, limit = (statistics.median(side) for side in zip(*rounds, strict=True))
    ratio = statistics.median(one / other for one, other in rounds)
    verdict = "met" if ratio >= goal else "MISSED"
    print(f"{name:41} {ours:9,.0f}/s  {limit_name} {limit:9,.0f}/s  ratio {ratio:.2f}  goal {goal:.2f} {verdict}")
