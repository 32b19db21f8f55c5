"""An application whose server fails: what it evaluates meanwhile, and what its server says of that afterwards."""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Callable
from typing import Any

from tests.support.documents import boolean_flag, enabled
from tests.support.server import RunningServer

from flagtrail.sdk.client import Client
from flagtrail.sdk.events import Event, EventKind
from flagtrail.sdk.options import Options

FLAG = "switch"
CONTEXT = {"targetingKey": "u1", "plan": "pro"}
WAIT_SECONDS = 60.0
_numbers = itertools.count(1)


def until(holds: Callable[[], object]) -> bool:
    """Whether it holds within `WAIT_SECONDS`, asked again and again."""
    deadline = time.monotonic() + WAIT_SECONDS
    while time.monotonic() < deadline:
        if holds():
            return True
        threading.Event().wait(0.01)
    return False


class Site:
    """A server's process with one flag that is on, and a token for the SDKs of its production."""

    def __init__(self, server: RunningServer) -> None:
        self.project = f"faults-{next(_numbers)}"
        self.use(server)
        self._post("/api/v1/projects", {"key": self.project})
        made = {"flag": boolean_flag(FLAG), "targeting": {"production": enabled()}}
        self._post(f"/api/v1/projects/{self.project}/flags", made)
        document = {"key": self.project, "kind": "server", "project": self.project, "environment": "production"}
        self.token = str(self._post("/api/v1/tokens", {"token": document})["secret"])

    def use(self, server: RunningServer) -> None:
        """Go on with another process on the same database."""
        self.server = server

    def _post(self, path: str, body: dict[str, object]) -> Any:  # noqa: ANN401 - JSON
        with self.server.client() as admin:
            answer = admin.post(path, json={**body, "why": "a test"})
        assert answer.is_success, answer.text
        return answer.json()

    def turn(self, to: str) -> None:
        """`enable` or `disable` the flag."""
        self._post(f"/api/v1/projects/{self.project}/flags/{FLAG}/environments/production/{to}", {})

    def counted(self) -> int:
        """How often the flag was evaluated, as the server adds it up."""
        with self.server.client() as admin:
            told = admin.get(f"/api/v1/projects/{self.project}/flags/{FLAG}/usage").json()
        return sum(row["count"] for row in told["summary"])

    def options(self, **given: Any) -> Options:  # noqa: ANN401 - options by name
        """Of a client that is quick to notice and to report."""
        usual = {"timeout": 0.5, "poll_every": 0.1, "flush_every": 0.05}
        return Options(url=self.server.url, token=self.token, **{**usual, **given})


class Told:
    """The events that a client told, in their order."""

    def __init__(self, client: Client) -> None:
        self.events: list[Event] = []
        client.on(self.events.append)

    def kinds(self) -> list[EventKind]:
        return [event.kind for event in self.events]


class Evaluating:
    """Counts evaluations of the one flag, and holds each answer that was given."""

    def __init__(self, client: Client) -> None:
        self.client = client
        self.count = 0

    def once(self, default: bool = False) -> bool:
        self.count += 1
        return self.client.get_boolean(FLAG, default, CONTEXT)

    def many(self, times: int = 20_000, default: bool = False) -> set[bool]:
        """All different answers of so many evaluations."""
        self.count += times
        evaluate = self.client.get_boolean
        return {evaluate(FLAG, default, CONTEXT) for _ in range(times)}
