"""The sync thread against a real server: every change arrives, and a server that goes and comes is found again."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec
import pytest
from tests.support.documents import attribute_test, boolean_flag, enabled, rule
from tests.support.server import RunningServer, free_port, running_server
from tests.support.synchronizing import Recorder

from flagtrail.model.sync import RulesetData
from flagtrail.sdk.backoff import Pace
from flagtrail.sdk.options import Options
from flagtrail.sdk.sync import Synchronizer
from flagtrail.sdk.transport import Transport, TransportFailed


class Shop:
    """An installation with one project, some flags, and tokens for its production."""

    def __init__(self, server: RunningServer) -> None:
        self.server = server
        self.post("/projects", {"key": "shop"})
        for key in ("a", "b"):
            self.post("/projects/shop/flags", {"flag": boolean_flag(key), "targeting": {"production": enabled()}})
        self.token = self.issue("sdk", "server")

    def post(self, path: str, body: dict[str, object]) -> Any:  # noqa: ANN401 - JSON
        return self.send("POST", path, body)

    def send(self, method: str, path: str, body: dict[str, object]) -> Any:  # noqa: ANN401 - JSON
        with self.server.client() as admin:
            answer = admin.request(method, f"/api/v1{path}", json={**body, "why": "a test"})
        assert answer.is_success, answer.text
        return answer.json()

    def issue(self, key: str, kind: str) -> str:
        document = {"key": key, "kind": kind, "project": "shop", "environment": "production"}
        return str(self.post("/tokens", {"token": document})["secret"])

    def turn(self, flag: str, to: str) -> None:
        self.post(f"/projects/shop/flags/{flag}/environments/production/{to}", {})

    def options(self, token: str | None = None, **chosen: object) -> Options:
        given = {"url": self.server.url, "token": token or self.token, "poll_every": 0.1, "timeout": 2.0}
        return msgspec.convert({**given, **chosen}, Options)

    def whole(self) -> RulesetData:
        """What the server would send to somebody who has nothing."""
        body = Transport(self.options()).ruleset(None).body
        assert body is not None
        return msgspec.json.decode(body, type=RulesetData)


@contextmanager
def synchronizing(options: Options) -> Iterator[Recorder]:
    """A recorder that is kept in step, by waits that are short."""
    recorder = Recorder()
    pace = Pace().scaled(0.05)
    running = Synchronizer(options, recorder, Transport(options), pace=pace)
    running.start()
    try:
        yield recorder
    finally:
        running.stop()


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    with running_server(tmp_path_factory.mktemp("shop")) as server:
        yield Shop(server)


def test_sync__from_nothing__fetches_the_whole_set_and_is_told_that_it_is_current(shop: Shop) -> None:
    with synchronizing(shop.options()) as recorder:
        recorder.await_told("confirmed")

    assert [kind for kind, _ in recorder.told][:2] == ["replace", "confirmed"]
    assert recorder.held == shop.whole()


def test_sync__through_changes_of_every_kind__holds_what_the_server_holds(shop: Shop) -> None:
    with synchronizing(shop.options()) as recorder:
        recorder.await_told("confirmed")
        shop.post("/projects/shop/segments", {"segment": {"key": "pros", "when": attribute_test("plan", "in", "pro")}})
        rules = [rule({"segment": "pros"}, variant="off")]
        shop.send("PATCH", "/projects/shop/flags/a/environments/production", {"patch": {"rules": rules}})
        shop.post("/projects/shop/flags", {"flag": boolean_flag("c"), "targeting": {"production": enabled()}})
        shop.turn("c", "disable")
        shop.post("/projects/shop/flags/c/archive", {})
        shop.turn("b", "disable")
        present = shop.whole()
        for _ in range(20):
            if recorder.id == present.id:
                break
            recorder.await_told("apply", len(recorder.all("apply")) + 1)

    assert [recorder.held, len(recorder.all("replace"))] == [present, 1]


@pytest.mark.parametrize("kind", ["client", "nobody"])
def test_sync__with_a_token_that_may_not__says_so_and_asks_no_more(shop: Shop, kind: str) -> None:
    token = "nobody" if kind == "nobody" else shop.issue("browser", kind)
    with synchronizing(shop.options(token)) as recorder:
        recorder.await_told("fatal")

    assert [recorder.held, len(recorder.all("fatal")), token in recorder.all("fatal")[0]] == [None, 1, False]


def test_sync__with_a_token_that_is_revoked__keeps_the_last_good_ruleset(shop: Shop) -> None:
    token = shop.issue("short", "server")
    with synchronizing(shop.options(token)) as recorder:
        recorder.await_told("confirmed")
        shop.send("DELETE", "/tokens/short", {})
        recorder.await_told("fatal")

    assert recorder.held == shop.whole()


def test_sync__by_polling__holds_what_the_server_holds(shop: Shop) -> None:
    with synchronizing(shop.options(sync="poll")) as recorder:
        recorder.await_told("confirmed")
        shop.turn("a", "disable")
        recorder.await_told("replace", 2)

    assert recorder.held == shop.whole()


def test_post__to_the_server__is_refused_for_what_is_no_report(shop: Shop) -> None:
    with pytest.raises(TransportFailed) as refused:
        Transport(shop.options()).post("/sdk/v1/usage", b"{}")

    assert refused.value.status == 422


@pytest.mark.slow
@pytest.mark.parametrize("end", [signal.SIGTERM, signal.SIGKILL], ids=["stopped", "killed"])
def test_sync__when_the_server_is_started_again__goes_on_from_where_it_was(tmp_path: Path, end: signal.Signals) -> None:
    port = free_port()
    with running_server(tmp_path, port=port) as first:
        shop = Shop(first)
        with synchronizing(shop.options()) as recorder:
            recorder.await_told("confirmed")
            os.kill(first.process.pid, end)
            first.process.wait(60)
            recorder.await_told("unreachable", 3)
            with running_server(tmp_path, port=port) as second:
                shop.server = second
                recorder.await_told("confirmed", 2)
                shop.turn("a", "disable")
                recorder.await_told("apply")
                present = shop.whole()

    assert [recorder.held, recorder.all("replace")] == [present, [recorder.told[0][1]]]


@pytest.mark.slow
def test_sync__when_the_server_comes_back_with_changes__holds_them(tmp_path: Path) -> None:
    port = free_port()
    with running_server(tmp_path, port=port) as first:
        shop = Shop(first)
        with synchronizing(shop.options()) as recorder:
            recorder.await_told("confirmed")
            os.kill(first.process.pid, signal.SIGKILL)
            first.process.wait(60)
            with running_server(tmp_path) as elsewhere:
                shop.server = elsewhere
                shop.turn("a", "disable")
            with running_server(tmp_path, port=port) as second:
                shop.server = second
                recorder.await_told("replace", 2)
                present = shop.whole()

    assert recorder.held == present


@pytest.mark.slow
def test_sync__when_the_server_hangs_and_goes_on__is_in_step_again(tmp_path: Path) -> None:
    with running_server(tmp_path) as server:
        shop = Shop(server)
        with synchronizing(shop.options(sync="poll", timeout=0.3)) as recorder:
            recorder.await_told("confirmed")
            os.kill(server.process.pid, signal.SIGSTOP)
            recorder.await_told("unreachable", 2)
            os.kill(server.process.pid, signal.SIGCONT)
            shop.turn("a", "disable")
            recorder.await_told("replace", 2)
            present = shop.whole()

    assert recorder.held == present
