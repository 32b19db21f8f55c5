"""What was counted survives the death of a server or of Redis, and is counted once."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from redis import Redis
from tests.support.documents import boolean_flag, enabled
from tests.support.faults import until
from tests.support.redis_server import RunningRedis, running_redis
from tests.support.server import RunningServer, running_server

REPORT = {
    "id": "0123456789abcdef",
    "sdk": "flagtrail-python/0.1.0",
    "periods": [{"ago": 0, "counts": [{"flag": "switch", "variant": "on", "rule": "", "count": 3}]}],
}


def send(server: RunningServer, secret: str) -> Any:  # noqa: ANN401 - JSON
    with server.client(secret) as client:
        return client.post("/sdk/v1/usage", json=REPORT).json()


@pytest.mark.slow
def test_a_report__sent_again_to_a_server_that_was_killed__is_known_to_it(tmp_path: Path) -> None:
    with running_server(tmp_path) as server:
        document = {"key": "t", "kind": "server", "project": "default", "environment": "production"}
        with server.client() as admin:
            secret = admin.post("/api/v1/tokens", json={"token": document, "why": "a test"}).json()["secret"]
        first = send(server, secret)
        server.process.send_signal(signal.SIGKILL)
        server.process.wait()
    with running_server(tmp_path) as server:
        again = send(server, secret)
        with server.client() as admin:
            summary = admin.get("/api/v1/projects/default/flags/switch/usage").json()["summary"]

    assert (first["added"], again["added"], [row["count"] for row in summary]) == (True, False, [3])


# Of counts that the server made itself

FLAG = "/api/v1/projects/default/flags"


@pytest.fixture
def redis(tmp_path: Path) -> Iterator[RunningRedis]:
    with running_redis(tmp_path) as running:
        yield running


def evaluate(server: RunningServer, times: int) -> None:
    """Ask for a flag so often."""
    with server.client() as admin:
        address = "/ofrep/v1/evaluate/flags/switch?project=default&environment=production"
        for _ in range(times):
            admin.post(address, json={"context": {}}).raise_for_status()


def make_flag(server: RunningServer) -> None:
    with server.client() as admin:
        body = {"flag": boolean_flag("switch"), "targeting": {"production": enabled()}, "why": "a test"}
        admin.post(FLAG, json=body).raise_for_status()


def counted(server: RunningServer) -> int:
    with server.client() as admin:
        return sum(row["count"] for row in admin.get(f"{FLAG}/switch/usage").json()["summary"])


def copied(redis: RunningRedis) -> int:
    """What all copies hold in all."""
    with Redis.from_url(redis.url) as client:
        hashes = [client.hgetall(key) for key in client.scan_iter("flagtrail/*/usage/*")]
        return sum(int(count) for found in hashes for field, count in found.items() if field != b"#")


def reaches(read: Callable[[], int], expected: int) -> bool:
    return until(lambda: read() == expected)


@pytest.mark.slow
def test_counts__of_a_server_that_was_killed_before_it_wrote_any__are_written_by_another(
    tmp_path: Path, redis: RunningRedis
) -> None:
    with running_server(tmp_path, redis=redis.url, usage_flush_seconds="3600") as server:
        make_flag(server)
        evaluate(server, 30)
        in_copy = reaches(lambda: copied(redis), 30)
        server.process.send_signal(signal.SIGKILL)
        server.process.wait()
    with running_server(tmp_path, redis=redis.url) as server:
        written = reaches(lambda: counted(server), 30)
        left = reaches(lambda: copied(redis), 0)

    assert (in_copy, written, left) == (True, True, True)


@pytest.mark.slow
def test_counts__when_redis_was_killed_and_came_back_empty__are_all_there(tmp_path: Path, redis: RunningRedis) -> None:
    with running_server(tmp_path, redis=redis.url, usage_flush_seconds="6") as server:
        make_flag(server)
        evaluate(server, 10)
        in_copy = reaches(lambda: copied(redis), 10)
        redis.kill()
        evaluate(server, 5)
        redis.start()
        evaluate(server, 3)
        written = reaches(lambda: counted(server), 18)

    assert (in_copy, written) == (True, True)
