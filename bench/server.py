"""The server beside its limits: OFREP beside a bare ASGI server with the same bytes, changes beside bare commits.

The server has one core, the load generator (wrk; without it httpx2 in threads) the others. Both sides are measured in
turn; every figure is the median of the rounds, and a ratio the median of the rounds' ratios, so that a noisy neighbour
spoils a round and not the comparison. Run: python -m bench.server [SECONDS of each measurement].
"""

from __future__ import annotations

import argparse
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
from functools import partial
from pathlib import Path
from random import Random

import httpx2
import msgspec
from bench import bare_commits
from tests.support.documents import attribute_test, boolean_flag, enabled, rule, split
from tests.support.server import RunningServer, free_port, running_server

FLAGS = 200
CORES = sorted(os.sched_getaffinity(0))
ROUNDS = 5
MIXED = 1_000
CONTEXT = {
    "targetingKey": "user-8217",
    "plan": "enterprise",
    "country": "DE",
    "seats": 250,
    "email": "ada@example.org",
    "version": "4.2.1",
    "beta": False,
}
BODY = msgspec.json.encode({"context": CONTEXT})
NEW_BODY = BODY.replace(b"user-8217", b"user-{n}")
"""Another user each time, whose other attributes are the same."""
SINGLE = "/ofrep/v1/evaluate/flags/flag_007"
BULK = "/ofrep/v1/evaluate/flags"
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
def on_servers_core() -> Iterator[None]:
    """Whatever is started within runs on the first core alone; all else on the others, where there are any."""
    os.sched_setaffinity(0, set(CORES[:1]))
    try:
        yield
    finally:
        os.sched_setaffinity(0, set(CORES[1:] or CORES))


@contextlib.contextmanager
def bare_server(body: bytes, folder: Path) -> Iterator[str]:
    """A bare ASGI application that answers these bytes to everything."""
    file = folder / "body.json"
    file.write_bytes(body)
    port = free_port()
    with on_servers_core():
        process = subprocess.Popen([sys.executable, "-c", BARE, str(port), str(file)])
    url = f"http://127.0.0.1:{port}"
    try:
        while process.poll() is None:
            with contextlib.suppress(httpx2.TransportError):
                httpx2.get(url)
                break
            threading.Event().wait(0.02)
        yield url
    finally:
        process.terminate()
        process.wait()


def mixed() -> tuple[bytes, ...]:
    """New users with all kinds of attributes: as many e-mail addresses, a few countries, any number of seats."""
    dice = Random(7)
    contexts = [
        CONTEXT
        | {
            "targetingKey": "user-{n}",
            "plan": dice.choice(["free", "basic", "pro", "enterprise"]),
            "country": dice.choice(["DE", "US", "FR", "IT", "JP", "BR", "IN"]),
            "seats": dice.randrange(400),
            "email": f"user{number}@example.{dice.choice(['com', 'org', 'net'])}",
            "version": f"{dice.randrange(5)}.{dice.randrange(9)}.{dice.randrange(9)}",
        }
        for number in range(MIXED)
    ]
    return tuple(msgspec.json.encode({"context": context}) for context in contexts)


def furnish(server: RunningServer) -> str:
    """Two hundred flags of three rules in production, in the store at once; the secret of a token that evaluates."""
    with server.client() as admin:
        for number in range(FLAGS):
            rules = [
                rule(attribute_test("country", "in", "FR", "IT"), key="countries"),
                rule(attribute_test("email", "ends_with", "@example.com"), key="colleagues"),
                rule(attribute_test("seats", "gte", 100 + number), key="large"),
            ]
            targeting = enabled(rules=rules, fallthrough=split(25_000, 75_000))
            body = {
                "flag": boolean_flag(f"flag_{number:03}"),
                "targeting": {"production": targeting},
                "why": "a benchmark",
            }
            admin.post("/api/v1/projects/default/flags", json=body).raise_for_status()
        token = {"key": "bench", "kind": "client", "project": "default", "environment": "production"}
        secret: str = admin.post("/api/v1/tokens", json={"token": token}).json()["secret"]
        return secret


def evaluations(server: RunningServer, folder: Path, seconds: float) -> None:
    """OFREP, single and bulk, beside the bare server."""
    headers = {"Authorization": f"Bearer {furnish(server)}", "Content-Type": "application/json"}
    cases = (
        ("OFREP single, new users", SINGLE, (NEW_BODY,), 0.7),
        (f"OFREP bulk of {FLAGS}, new users", BULK, (NEW_BODY,), 0.5),
        (f"OFREP bulk of {FLAGS}, all kinds of new users", BULK, mixed(), 0.5),
        (f"OFREP bulk of {FLAGS}, polling", BULK, (BODY,), 0.5),
    )
    for name, path, bodies, goal in cases:
        answer = httpx2.post(server.url + path, content=bodies[0], headers=headers).raise_for_status().content
        load = Load("POST", path, bodies, headers, 32)
        with bare_server(answer, folder) as bare:
            rounds = in_turn(partial(drive, server.url, load, seconds), partial(drive, bare, load, seconds))
        tell(name, rounds, "the bare ASGI server", goal)


def changes(server: RunningServer, folder: Path, seconds: float) -> None:
    """Changes over HTTP, each durable with its entry, beside bare commits of the very rows they write."""
    body = b'{"patch": {"description": "number {n}"}, "why": "a benchmark"}'
    headers = {"Authorization": f"Bearer {server.token}", "Content-Type": "application/json"}
    with server.client() as admin:
        admin.post("/api/v1/projects/default/flags", json={"flag": boolean_flag("changing")}).raise_for_status()
    for clients in (1, 16):
        load = Load("PATCH", "/api/v1/projects/default/flags/changing", (body,), headers, clients)
        drive(server.url, load, 0.5)
        rows = bare_commits.newest(server.database, 500)
        rounds = in_turn(partial(appended, server, load, seconds), partial(commits, rows, folder, seconds))
        tell(f"changes, {clients:2} client{'s' if clients > 1 else ''}", rounds, "bare commits", 0.25)


def appended(server: RunningServer, load: Load, seconds: float) -> float:
    """Entries per second that the ledger grew by: an answer that appended nothing is no change."""
    before: int = httpx2.get(f"{server.url}/readyz").json()["size"]
    drive(server.url, load, seconds)
    after: int = httpx2.get(f"{server.url}/readyz").json()["size"]
    return (after - before) / seconds


def commits(rows: list[bare_commits.Rows], folder: Path, seconds: float) -> float:
    """Bare commits per second, on the core that the server has."""
    with on_servers_core():
        return bare_commits.per_second(rows, folder, seconds)


def in_turn(ours: Callable[[], float], limit: Callable[[], float]) -> list[tuple[float, float]]:
    """Both figures of every round, measured by turns."""
    return [(ours(), limit()) for _ in range(ROUNDS)]


def tell(name: str, rounds: list[tuple[float, float]], limit_name: str, goal: float) -> None:
    """One line: the figure, the limit, their ratio and the goal."""
    ours, limit = (statistics.median(side) for side in zip(*rounds, strict=True))
    ratio = statistics.median(one / other for one, other in rounds)
    verdict = "met" if ratio >= goal else "MISSED"
    print(f"{name:41} {ours:9,.0f}/s  {limit_name} {limit:9,.0f}/s  ratio {ratio:.2f}  goal {goal:.2f} {verdict}")


def main() -> None:
    """Print every figure."""
    arguments = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    arguments.add_argument("seconds", type=float, nargs="?", default=2.0)
    arguments.add_argument("--store", choices=("sqlite", "postgres"), default="sqlite")
    chosen = arguments.parse_args()
    seconds: float = chosen.seconds
    if chosen.store == "postgres":
        from bench import postgres

        postgres.run(seconds)
        return
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with on_servers_core():  # usage is saved as often as by default, not as often as tests want it
            started = running_server(folder, log_level="warning", usage_flush_seconds="10")
            server = started.__enter__()
        try:
            evaluations(server, folder, seconds)
            changes(server, folder, seconds)
        finally:
            started.__exit__(None, None, None)


if __name__ == "__main__":
    main()
