"""A small company at work, for faults to happen to: replicas, writers, a receiver of alerts, an application.

Everything is a real process but the writers, the receiver and the application's SDKs, which speak to them over TCP.
"""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import httpx2
import msgspec
from tests.support import judging
from tests.support.documents import boolean_flag, enabled
from tests.support.ledgers import problems
from tests.support.receiver import Receiver, receiving
from tests.support.server import RunningServer, free_port, running_server
from tests.support.writing import PROJECT, Writer

from flagtrail import storage as door
from flagtrail.sdk.client import Client
from flagtrail.sdk.options import Options

WRITERS = 16
ROUNDS = 3
"""Evaluations by each SDK and at each replica that tell that evaluation goes on."""
WAIT_SECONDS = 90.0
"""How long anything may take on a machine that is busy with other things."""
SECRET = "whsec_" + "c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0"
BEACON = f"{PROJECT}/flags/beacon"
CONTEXT = {"targetingKey": "u1"}


def until(holds: Callable[[], object], seconds: float = WAIT_SECONDS) -> bool:
    """Whether it holds in the end, asked again and again."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if holds():
            return True
        threading.Event().wait(0.05)
    return False


class World:
    """See the module. `servers` are the replicas by their place: a writer's and an SDK's is its number modulo two."""

    def __init__(self, folder: Path, stack: ExitStack, database: str, replicas: list[dict[str, Any]]) -> None:
        self.database = database
        self.folder = folder
        self.stack = stack
        self.receiver: Receiver = stack.enter_context(receiving())
        self.servers: list[RunningServer] = []
        self.unserved: list[str] = []
        self.unanswered = 0
        self.evaluated = 0
        self._ports = [free_port() for _ in replicas]
        self._settings = replicas
        self._logs: list[Path] = []
        for place in range(len(replicas)):
            self.servers.append(self._started(place))
        self.writers = [Writer(number, self._living) for number in range(WRITERS)]
        for writer in self.writers:
            writer.set_up()
        self._clients = self._applications()
        self._over = threading.Event()
        self._asking = threading.Thread(target=self._ask, name="application", daemon=True)

    def _started(self, place: int) -> RunningServer:
        own = self.folder / f"replica-{place}-{len(self._logs)}"
        own.mkdir()
        self._logs.append(own / "server.log")
        given: dict[str, Any] = {
            "database": self.database,
            "key_file": f"{self.folder}/flagtrail.key",
            "webhook_url": self.receiver.url,
            "webhook_secret": SECRET,
            "alert_private_targets": "true",  # the receiver is on this machine
            **self._settings[place],
        }
        return self.stack.enter_context(running_server(own, port=self._ports[place], **given))

    def restart(self, place: int) -> None:
        """Put a new process in the place of one that is gone, at the same address."""
        self.servers[place] = self._started(place)

    def _living(self, number: int) -> RunningServer:
        """The replica of this number, or another one while its process is gone: what a proxy in front does."""
        mine = self.servers[number % len(self.servers)]
        return mine if mine.process.poll() is None else self.servers[(number + 1) % len(self.servers)]

    def _applications(self) -> list[Client]:
        """One SDK at each replica, on one flag that is on."""
        with self.servers[0].client() as admin:
            made = {"flag": boolean_flag("beacon"), "targeting": {"production": enabled()}, "why": "to be seen"}
            assert admin.post(f"{PROJECT}/flags", json=made).is_success
            token = {"key": "app", "kind": "server", "project": "default", "environment": "production"}
            secret = admin.post("/api/v1/tokens", json={"token": token, "why": "an application"}).json()["secret"]
        clients = []
        for server in self.servers:
            options = Options(url=server.url, token=secret, timeout=2.0, poll_every=0.5, flush_every=0.5)
            client = self.stack.enter_context(Client(options))
            assert client.start(WAIT_SECONDS)
            clients.append(client)
        return clients

    def _ask(self) -> None:
        """Evaluate all the time, in the application and by OFREP: no fault of a database may be seen there."""
        # A connection of its own for each: one that waits for the next may be closed by then.
        with httpx2.Client(timeout=WAIT_SECONDS, headers={"Connection": "close"}) as client:
            while not self._over.wait(0.05):
                for application in self._clients:
                    self.evaluated += 1
                    if (told := application.details("beacon", CONTEXT)).error is not None:
                        self.unserved.append(f"the SDK answered {told}")
                for server in self.servers:
                    self._evaluate(client, server)

    def _evaluate(self, client: httpx2.Client, server: RunningServer) -> None:
        address = f"{server.url}/ofrep/v1/evaluate/flags/beacon?environment=production"
        given = {"Authorization": f"Bearer {server.token}"}
        try:
            answer = client.post(address, json={"context": CONTEXT}, headers=given)
        except httpx2.TransportError:
            self.unanswered += 1
            return
        self.evaluated += 1
        if not answer.is_success:
            self.unserved.append(f"OFREP: {answer.status_code} {answer.text}")

    @contextmanager
    def working(self) -> Iterator[None]:
        """The writers and the application work until the block ends, and a while after it."""
        for thread in (*self.writers, self._asking):
            thread.start()
        self.worked()
        try:
            yield
            self.worked()
        finally:
            for writer in self.writers:
                writer.stop()
            self._over.set()
            for thread in (*self.writers, self._asking):
                thread.join(WAIT_SECONDS)

    def worked(self, times: int = 3, *, writers: Sequence[Writer] = ()) -> None:
        """Wait until every writer, or each of these, has made some changes more."""
        waiting = {writer: len(writer.acknowledged) + times for writer in writers or self.writers}
        done = until(lambda: all(len(writer.acknowledged) >= count for writer, count in waiting.items()))
        assert done, {writer.name: len(writer.acknowledged) - count for writer, count in waiting.items()}

    def serves(self) -> bool:
        """Whether evaluations go on at each replica, however long one takes on a busy machine."""
        answered = self.evaluated + ROUNDS * 2 * len(self.servers)
        return until(lambda: self.evaluated > answered)

    def refused(self) -> int:
        """How many changes were refused so far."""
        return sum(len(writer.refused) for writer in self.writers)

    def readiness(self, place: int) -> tuple[int, dict[str, Any]]:
        """What a replica says of itself: the status, and the document."""
        with self.servers[place].client("") as client:
            answer = client.get("/readyz")
        return answer.status_code, answer.json()

    def ready(self, place: int) -> bool:
        """Whether a replica says that all is well."""
        try:
            return bool(self.readiness(place)[1]["status"] == "ok")
        except httpx2.TransportError:
            return False

    def metric(self, place: int, name: str) -> float:
        """One figure of a replica's metrics."""
        with self.servers[place].client() as client:
            lines = client.get("/metrics").text.splitlines()
        return next(float(line.rpartition(" ")[2]) for line in lines if line.startswith(f"{name} "))

    def takings(self) -> Counter[str]:
        """How often each lease was taken."""
        return Counter(line["lease"] for line in self.logged("lease.taken"))

    def taken_over(self) -> bool:
        """Whether every lease was taken once more than at the start."""
        return until(lambda: min(self.takings().values()) > 1)

    def logged(self, event: str) -> list[dict[str, Any]]:
        """The lines of all replicas' logs that tell an event."""
        whole = [log.read_bytes().rpartition(b"\n")[0] for log in self._logs]  # the last one may be under way
        lines = [line for text in whole for line in text.splitlines() if line.startswith(b"{")]
        return [told for line in lines if (told := msgspec.json.decode(line)).get("event") == event]

    def counted(self) -> int:
        """How often the beacon was evaluated, as its usage says."""
        with self.servers[0].client() as client:
            return sum(row["count"] for row in client.get(f"{BEACON}/usage").json()["summary"])

    def defects(self, *, replica_lost: bool = False) -> list[str]:
        """All that is wrong, when the writers have stopped; nothing, if every promise was kept.

        Where a replica was lost its evaluations may be.
        """
        ready = [until(partial(self.ready, place)) for place in range(len(self.servers))]
        found = [f"replica {place} is not ready" for place, is_ready in enumerate(ready) if not is_ready]
        found += self.unserved[:3]
        if not replica_lost and self.unanswered:
            found.append(f"{self.unanswered} evaluations were not answered")
        if not replica_lost and not until(lambda: self.counted() == self.evaluated):
            found.append(f"{self.counted()} evaluations were counted, but {self.evaluated} were made")
        found += self._resumed()
        for server in self.servers:
            with server.client() as client:
                entries = judging.entries_of(client)
                found += judging.misserved(client, entries)
                found += judging.unverified(client, self.folder)
                found += judging.out_of_order(entries)
                found += judging.misrecorded(self.writers, entries)
        with self.servers[0].client() as client:
            due = judging.alerts_due(self.writers, judging.entries_of(client))
        until(lambda: set(due) <= set(judging.alerts_told(self.receiver.taken)))
        found += judging.misalerted(due, self.receiver.taken, repeats=self._repeatable())
        with closing(door.load(self.database)) as storage:
            found += problems(storage)
        return found

    def _repeatable(self) -> int:
        """How many alerts may have come again: one each time that a channel's lease changed hands, and each answer that
        came too late. On a machine that is busy enough both happen without any fault."""
        takings = [times for lease, times in self.takings().items() if lease.startswith("alerts-")]
        return sum(takings) - len(takings) + len(self.logged("alert.failed"))

    def _resumed(self) -> Iterator[str]:
        """A change by each replica reaches the SDKs of all."""
        for place, server in enumerate(self.servers):
            on = place % 2 == 1
            with server.client() as client:
                action = "enable" if on else "disable"
                answer = client.post(f"{BEACON}/environments/production/{action}", json={"why": "is it seen?"})
            if not answer.is_success:
                yield f"replica {place} takes no changes: {answer.text}"
            for number, application in enumerate(self._clients):
                if not until(partial(_serves, application, on)):
                    yield f"SDK {number} does not serve what replica {place} was told"


def _serves(application: Client, on: bool) -> bool:
    return application.get_boolean("beacon", not on, CONTEXT) is on


@contextmanager
def world(folder: Path, database: str, *replicas: dict[str, Any]) -> Iterator[World]:
    """A world with these replicas, each with settings of its own; two like each other unless told."""
    with ExitStack() as stack:
        yield World(folder, stack, database, list(replicas) or [{}, {}])
