"""The server beside its limits: OFREP beside a bare ASGI server with the same bytes, changes beside bare commits.

See `bench/load.py` for how. Run: python -m bench.server [SECONDS of each measurement].
With PostgreSQL, many entries, replicas and streams: python -m bench.production.
"""

from __future__ import annotations

import argparse
import tempfile
from functools import partial
from pathlib import Path
from random import Random

import httpx2
import msgspec
from bench import bare_commits
from bench.load import Load, appended, bare_server, drive, in_turn, on_core, tell
from tests.support.documents import attribute_test, boolean_flag, enabled, rule, split
from tests.support.server import RunningServer, running_server

FLAGS = 200
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
            rounds = in_turn(partial(drive, server.url, load, seconds), partial(drive, bare.url, load, seconds))
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


def commits(rows: list[bare_commits.Rows], folder: Path, seconds: float) -> float:
    """Bare commits per second, on the core that the server has."""
    with on_core(0):
        return bare_commits.per_second(rows, folder, seconds)


def main() -> None:
    """Print every figure."""
    arguments = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    arguments.add_argument("seconds", type=float, nargs="?", default=2.0)
    seconds: float = arguments.parse_args().seconds
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with on_core(0):  # usage is saved as often as by default, not as often as tests want it
            started = running_server(folder, fresh=True, log_level="warning", usage_flush_seconds="10")
            server = started.__enter__()
        try:
            evaluations(server, folder, seconds)
            changes(server, folder, seconds)
        finally:
            started.__exit__(None, None, None)


if __name__ == "__main__":
    main()
