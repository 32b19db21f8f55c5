"""Two server processes on one database: one of them runs each follower, whatever is done to it."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from pathlib import Path

import httpx2
import msgspec
import pytest
from tests.support.documents import boolean_flag, enabled
from tests.support.postgres import url_for
from tests.support.receiver import Receiver, receiving
from tests.support.server import RunningServer, running_server

from flagtrail import storage as door
from flagtrail.ledger.checkpoint import parse_checkpoint

pytestmark = pytest.mark.slow

SECRET = "whsec_" + "c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0"
WAIT_SECONDS = 60.0
FLAG = "/api/v1/projects/default/flags/payments"
ALERTS = "alerts-webhook"


def until(holds: Callable[[], object]) -> bool:
    deadline = time.monotonic() + WAIT_SECONDS
    while time.monotonic() < deadline:
        if holds():
            return True
        threading.Event().wait(0.02)
    return False


class Pair:
    """Two replicas, the receiver of their alerts, and what it got."""

    def __init__(self, folder: Path, stack: ExitStack, database: str) -> None:
        self.database = database
        self.receiver: Receiver = stack.enter_context(receiving())
        self._stack = stack
        self._folder = folder
        self._names = iter("abcdefgh")
        first = self.another()
        assert until(lambda: self.took(first))
        self.servers = [first, self.another()]
        document = {**boolean_flag("payments"), "tags": ["critical"]}
        made = self.ask(first, "POST", FLAG.rpartition("/")[0], flag=document, targeting={"production": enabled()})
        self.expected = [entry["seq"] for entry in made.json()["entries"]]
        assert until(lambda: self.told() == self.expected)
        assert until(self.settled)  # killed before that, it would be told once more, as it is promised

    def another(self) -> RunningServer:
        """One more replica."""
        own = self._folder / next(self._names)
        own.mkdir()
        return self._stack.enter_context(
            running_server(
                own,
                database=self.database,
                key_file=f"{self._folder}/flagtrail.key",
                webhook_url=self.receiver.url,
                webhook_secret=SECRET,
                alert_private_targets="true",  # the receiver is on this machine
            )
        )

    def ask(self, server: RunningServer, method: str, path: str, **body: object) -> httpx2.Response:
        with server.client() as client:
            return client.request(method, path, json={**body, "why": "a test"})

    def switch(self, server: RunningServer, to: bool) -> bool:
        """Make a critical change by this replica; whether it was made."""
        action = "enable" if to else "disable"
        answer = self.ask(server, "POST", f"{FLAG}/environments/production/{action}")
        if answer.is_success:
            self.expected += [entry["seq"] for entry in answer.json()["entries"]]
        return answer.is_success

    def told(self) -> list[int]:
        """The seqs of all alerts that came, repetitions included."""
        return [msgspec.json.decode(request.body)["data"]["seq"] for request in self.receiver.received]

    def took(self, server: RunningServer, event: str = "lease.taken") -> bool:
        """Whether this replica says that it took over the alerts (or lost them)."""
        lines = [msgspec.json.decode(line) for line in server.log.read_bytes().splitlines()]
        return any(line.get("event") == event and line.get("lease") == ALERTS for line in lines)

    def settled(self) -> bool:
        """Whether it is written down what became of each alert."""
        with closing(door.load(self.database)) as storage:
            return len(storage.cells("delivery")) == len(self.expected)

    def all_told(self) -> bool:
        """Whether every critical change is told."""
        return until(lambda: set(self.expected) <= set(self.told()))


@pytest.fixture(params=["sqlite", "postgres"])
def pair(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Pair]:
    sqlite = f"sqlite:///{tmp_path}/flagtrail.db?timeout=3"
    with ExitStack() as stack:
        yield Pair(tmp_path, stack, sqlite if request.param == "sqlite" else url_for(tmp_path))


def test_alerts__while_both_live__come_once_whoever_made_the_change(pair: Pair) -> None:
    for turn in range(10):
        assert pair.switch(pair.servers[turn % 2], turn % 2 == 1)

    assert pair.all_told()
    assert (pair.told(), pair.took(pair.servers[1])) == (pair.expected, False)


def test_alerts__after_their_replica_was_killed__come_from_the_other_within_seconds(pair: Pair) -> None:
    holder, other = pair.servers
    holder.process.kill()
    holder.process.wait()
    killed = time.monotonic()
    assert pair.switch(other, False)
    told = pair.all_told()
    took = time.monotonic() - killed

    assert (told, pair.told(), took < 2 * 5.0) == (True, pair.expected, True)


def test_alerts__after_their_replica_stopped_cleanly__come_from_the_other(pair: Pair) -> None:
    holder, other = pair.servers
    holder.stop()
    assert pair.switch(other, False)

    assert pair.all_told()
    assert (pair.told(), pair.took(other)) == (pair.expected, True)


def test_alerts__after_their_replica_hung_and_went_on__came_once_each(pair: Pair) -> None:
    holder, other = pair.servers
    while True:
        holder.process.send_signal(signal.SIGSTOP)
        if pair.switch(other, False):
            break
        holder.process.send_signal(signal.SIGCONT)  # it hung within a transaction: nobody could write
    taken = pair.all_told()
    holder.process.send_signal(signal.SIGCONT)
    for turn in range(6):
        assert pair.switch(pair.servers[turn % 2], turn % 2 == 0)

    assert (taken, pair.all_told(), until(lambda: pair.took(holder, "lease.lost"))) == (True, True, True)
    assert pair.told() == pair.expected


def test_alerts__while_replicas_are_killed_among_many_writers__all_come_in_order(pair: Pair) -> None:
    holder, other = pair.servers
    third = pair.another()
    writers = [threading.Thread(target=_write, args=(pair, server)) for server in (other, third) for _ in range(4)]
    for writer in writers:
        writer.start()
    until(lambda: len(pair.expected) > 20)
    holder.process.kill()
    for writer in writers:
        writer.join()

    assert pair.all_told()
    told = pair.told()
    assert (sorted(set(told)), len(told) - len(set(told)) <= 1) == (sorted(pair.expected), True)
    assert told == sorted(told)


def _write(pair: Pair, server: RunningServer) -> None:
    """Twenty critical changes; each alters the description, so that none is empty."""
    for number in range(20):
        description = f"{threading.get_ident()} {number}"
        answer = pair.ask(server, "PATCH", FLAG, patch={"description": description})
        assert answer.is_success, answer.text
        pair.expected += [entry["seq"] for entry in answer.json()["entries"]]


def test_checkpoint__after_its_replica_was_killed__is_signed_by_the_other(pair: Pair) -> None:
    holder, other = pair.servers
    holder.process.kill()
    holder.process.wait()
    assert pair.switch(other, False)

    assert until(lambda: _published(pair) > pair.expected[-1])


def _published(pair: Pair) -> int:
    """The size of the checkpoint that was published, whoever signed it."""
    with closing(door.load(pair.database)) as storage:
        note = storage.cell("checkpoint", "newest")
    assert note is not None
    return parse_checkpoint(note.decode()).size
