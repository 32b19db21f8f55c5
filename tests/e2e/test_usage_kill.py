"""A report that was taken survives the server's death, and is not added again by the SDK that never got the answer."""

from __future__ import annotations

import signal
from pathlib import Path
from typing import Any

import pytest
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
