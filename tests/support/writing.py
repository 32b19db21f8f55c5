"""Writers over REST that remember what they were told of each change: the witnesses of a fault."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable
from typing import Any

import httpx2
import msgspec
from tests.support.documents import boolean_flag, enabled
from tests.support.server import RunningServer

PAUSE_SECONDS = 0.1
CRITICAL_PAUSE_SECONDS = 0.2
"""Alerts go out one after the other: more of them would only wait for each other."""
PATIENCE_SECONDS = 15.0
"""How long a client waits for an answer before it goes away."""
PROJECT = "/api/v1/projects/default"
ENVIRONMENTS = ("development", "production", "staging")
UNKNOWN = "outcome_unknown"


class Acknowledged(msgspec.Struct, frozen=True):
    """A change that was answered with success: its reason, which is unique, and the entries that the answer named."""

    why: str
    seqs: tuple[int, ...]


class Writer(threading.Thread):
    """Changes flags of its own, one change after the other, each by the replica that `server` names just then.

    A `persistent` one repeats a change under one idempotency key until it is acknowledged. The others take no for an
    answer: what was refused must have changed nothing; of what was not answered nobody knows. A `critical` one switches
    its flag in production, and each switch must raise an alert; others describe theirs, and make new ones in groups.
    """

    def __init__(self, number: int, server: Callable[[int], RunningServer]) -> None:
        super().__init__(name=f"writer-{number}", daemon=True)
        self.flag = f"flag-{number}"
        self.persistent = number % 2 == 1
        self.critical = number < 4
        self.acknowledged: list[Acknowledged] = []
        self.refused: list[str] = []
        self.unknown: list[str] = []
        self.defects: list[str] = []
        self._number = number
        self._server = server
        self._over = threading.Event()
        self._on = True
        self._client = httpx2.Client(timeout=PATIENCE_SECONDS)

    def set_up(self) -> None:
        """Make the flag."""
        tags = ["critical"] if self.critical else []
        made = {"flag": boolean_flag(self.flag, tags=tags), "targeting": {"production": enabled()}}
        with self._server(self._number).client() as client:
            answer = client.post(f"{PROJECT}/flags", json={**made, "why": f"{self.name} begins"})
        assert answer.is_success, answer.text

    def run(self) -> None:
        with self._client:
            for count in itertools.count(1):
                if self._over.wait(CRITICAL_PAUSE_SECONDS if self.critical else PAUSE_SECONDS):
                    break
                self._make(f"{self.name} {count}", count)

    def stop(self) -> None:
        """Make no further change; one that must succeed is still repeated."""
        self._over.set()

    def _make(self, why: str, count: int) -> None:
        method, path, body = self._change(why, count)
        headers = {"Idempotency-Key": why} if self.persistent else {}
        while not self._asked(method, path, {**body, "why": why}, headers) and self.persistent:
            threading.Event().wait(PAUSE_SECONDS)

    def _change(self, why: str, count: int) -> tuple[str, str, dict[str, Any]]:
        """The next change's method, path and body. Each of them alters something."""
        if self.critical:
            return "POST", f"/flags/{self.flag}/environments/production/{'disable' if self._on else 'enable'}", {}
        if count % 10:
            return "PATCH", f"/flags/{self.flag}", {"patch": {"description": why}}
        made = boolean_flag(f"{self.flag}.{count}")
        return "POST", "/flags", {"flag": made, "targeting": dict.fromkeys(ENVIRONMENTS, enabled())}

    def _asked(self, method: str, path: str, body: dict[str, Any], headers: dict[str, str]) -> bool:
        """Whether it was acknowledged; whatever it is told it remembers."""
        why, server = body["why"], self._server(self._number)
        given = {"Authorization": f"Bearer {server.token}", **headers}
        try:
            answer = self._client.request(method, f"{server.url}{PROJECT}{path}", json=body, headers=given)
        except httpx2.TransportError:
            self.unknown.append(why)
            return False
        if answer.is_success:
            told = answer.json()
            self.acknowledged.append(Acknowledged(why, tuple(entry["seq"] for entry in told["entries"])))
            self._on = self._on if not self.critical else told["document"]["enabled"]
            return True
        problem = answer.json()
        if (answer.status_code, problem["code"]) == (503, "storage_failed"):
            self.refused.append(why)
        elif (answer.status_code, problem["code"]) == (503, UNKNOWN):
            self.unknown.append(why)
        else:
            self.defects.append(f"{why}: {answer.status_code} {answer.text}")
        return False
