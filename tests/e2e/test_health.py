"""/healthz and /readyz while the database is taken away in each way we know of, and given back."""

from __future__ import annotations

import resource
import signal
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from pathlib import Path
from typing import TypeAlias

import httpx2
import pytest
from tests.support.postgres import postgres_server
from tests.support.redis_server import running_redis
from tests.support.server import RunningServer, running_server

Fault: TypeAlias = Callable[[RunningServer], AbstractContextManager[None]]


@contextmanager
def removed(server: RunningServer) -> Iterator[None]:
    aside = server.database.with_suffix(".aside")
    server.database.rename(aside)
    yield
    aside.rename(server.database)


@contextmanager
def exchanged(server: RunningServer) -> Iterator[None]:
    aside = server.database.with_suffix(".aside")
    server.database.rename(aside)
    server.database.write_bytes(b"")
    yield
    aside.replace(server.database)


@contextmanager
def locked(server: RunningServer) -> Iterator[None]:
    with closing(sqlite3.connect(server.database, timeout=60, isolation_level=None)) as database:
        database.execute("BEGIN IMMEDIATE")
        yield
        database.execute("ROLLBACK")


@contextmanager
def disk_full(server: RunningServer) -> Iterator[None]:
    """No file may be written to any more; the log's neither."""
    before = resource.prlimit(server.process.pid, resource.RLIMIT_FSIZE)
    resource.prlimit(server.process.pid, resource.RLIMIT_FSIZE, (1, before[1]))
    yield
    resource.prlimit(server.process.pid, resource.RLIMIT_FSIZE, before)


FAULTS = [
    pytest.param(fault, id=fault.__name__.replace("_", " "))
    for fault in (removed, exchanged, locked, *([disk_full] if hasattr(resource, "prlimit") else []))
]


def ready_within(client: httpx2.Client, status: int, seconds: float = 30.0) -> httpx2.Response:
    """The first answer of this status: what was found a second ago may be told still."""
    deadline = time.monotonic() + seconds
    while (answer := client.get("/readyz")).status_code != status:
        assert time.monotonic() < deadline, answer.text
        threading.Event().wait(0.1)
    return answer


@pytest.mark.slow
@pytest.mark.parametrize("fault", FAULTS)
def test_readyz__while_the_database_is_taken_away__says_so_and_recovers_by_itself(tmp_path: Path, fault: Fault) -> None:
    with running_server(tmp_path) as server, server.client() as client:
        with fault(server):
            answer = ready_within(client, 503)
            alive = client.get("/healthz")
            metrics = client.get("/metrics")
            served = client.post("/ofrep/v1/evaluate/flags?environment=production", json={"context": {}})
        recovered = ready_within(client, 200).json()
        changed = client.post("/api/v1/projects", json={"key": "after"})

    told = answer.json()
    assert (told["status"], told["parts"]["database"]["status"], recovered["status"]) == ("failing", "failing", "ok")
    assert str(server.database) not in answer.text
    assert "flagtrail_database_up 0.0" in metrics.text
    assert [each.status_code for each in (alive, metrics, served, changed)] == [200, 200, 200, 201]


@pytest.mark.slow
@pytest.mark.parametrize("fault", [removed, exchanged])
def test_a_change__to_a_database_whose_file_is_gone__is_refused_and_not_lost_later(
    tmp_path: Path, fault: Fault
) -> None:
    with running_server(tmp_path) as server, server.client() as client:
        with fault(server):
            refused = client.post("/api/v1/projects", json={"key": "lost"})
        again = client.post("/api/v1/projects", json={"key": "lost"})

    assert (refused.status_code, refused.json()["code"], again.status_code) == (503, "storage_failed", 201)


def test_readyz__names_every_part(admin: httpx2.Client) -> None:
    told = admin.get("/readyz").json()

    assert {name: part["status"] for name, part in told["parts"].items()} == {
        "database": "ok",
        "head": "ok",
        "followers": "ok",
        "bus": "ok",
    }


@pytest.mark.slow
def test_readyz__while_redis_is_gone__says_so_and_takes_nothing_out_of_service(tmp_path: Path) -> None:
    with (
        running_redis(tmp_path) as redis,
        running_server(tmp_path, redis=redis.url) as server,
        server.client() as client,
    ):
        before = bus_told(client, "ok")
        redis.kill()
        lost = bus_told(client, "degraded")
        changed = client.post("/api/v1/projects", json={"key": "meanwhile", "why": "a test"}).status_code
        redis.start()
        found = bus_told(client, "ok")
        metrics = client.get("/metrics").text

    assert (before["detail"], lost["detail"][:27], changed, found["detail"]) == (
        "",
        "redis: not connected since ",
        201,
        "",
    )
    assert 'flagtrail_bus_connected{bus="redis"} 1.0' in metrics


def bus_told(client: httpx2.Client, status: str) -> dict[str, str]:
    """What is told of the bus once it has this status; every answer is of 200."""
    deadline = time.monotonic() + 60
    while True:
        answer = client.get("/readyz")
        part: dict[str, str] = answer.json()["parts"]["bus"]
        assert (answer.status_code, time.monotonic() < deadline) == (200, True)
        if part["status"] == status:
            return part
        threading.Event().wait(0.05)


def test_readyz__asked_often__writes_at_most_once_a_second(tmp_path: Path) -> None:
    with (
        running_server(tmp_path) as server,
        server.client() as client,
        closing(sqlite3.connect(server.database)) as database,
    ):
        database.execute("CREATE TABLE touched (n)")
        database.execute(
            "CREATE TRIGGER touching AFTER INSERT ON cell WHEN NEW.collection = 'health'"
            " BEGIN INSERT INTO touched VALUES (1); END"
        )
        database.commit()
        started = time.monotonic()
        for _ in range(300):
            client.get("/readyz")
        elapsed = time.monotonic() - started
        touched = database.execute("SELECT count(*) FROM touched").fetchone()[0]

    assert touched <= elapsed + 1


@pytest.mark.slow
def test_readyz__while_postgresql_is_gone__says_so_and_recovers_by_itself(tmp_path: Path) -> None:
    with postgres_server() as postgres:
        key = str(tmp_path / "flagtrail.key")
        with (
            running_server(tmp_path, database=postgres.new_database(), key_file=key) as server,
            server.client() as client,
        ):
            assert client.get("/api/v1/me").status_code == 200  # tokens are read at the first use of one
            postgres.stop(signal.SIGKILL)
            gone = ready_within(client, 503).json()
            metrics = client.get("/metrics").text
            served = client.post("/ofrep/v1/evaluate/flags?environment=production", json={"context": {}})
            refused = client.post("/api/v1/projects", json={"key": "shop", "why": "a test"})
            postgres.start()
            recovered = ready_within(client, 200).json()
            changed = client.post("/api/v1/projects", json={"key": "shop", "why": "a test"})

    assert (gone["parts"]["database"]["status"], recovered["status"]) == ("failing", "ok")
    assert [each.status_code for each in (served, refused, changed)] == [200, 503, 201]
    assert "flagtrail_database_up 0.0" in metrics
