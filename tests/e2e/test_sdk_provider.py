"""The provider against a real server: changes, a revoked token, a stopped server, as OpenFeature's users see them."""

from __future__ import annotations

import itertools
import queue
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from openfeature import api
from openfeature.evaluation_context import EvaluationContext
from openfeature.event import EventDetails, ProviderEvent
from openfeature.exception import ErrorCode, ProviderFatalError
from openfeature.flag_evaluation import Reason
from openfeature.provider import ProviderStatus
from tests.support.documents import attribute_test, boolean_flag, enabled, rule
from tests.support.server import RunningServer, running_server

from flagtrail.sdk import FlagtrailProvider

PRO = EvaluationContext("acct_1", {"plan": "enterprise"})
FIRST = rule(attribute_test("plan", "in", "enterprise"), key="first")


NUMBERS = itertools.count()


class Shop:
    """A project with one flag, a token for its production, and every event of its provider."""

    def __init__(self, server: RunningServer, folder: Path) -> None:
        self.server = server
        self.cache = folder / "flags.json"
        self.told: dict[ProviderEvent, queue.Queue[EventDetails]] = {kind: queue.Queue() for kind in ProviderEvent}
        self.key = f"shop-{next(NUMBERS)}"
        self.flag = f"/projects/{self.key}/flags/new_pricing"
        self.send("POST", "/projects", key=self.key)
        flag, targeting = boolean_flag("new_pricing"), {"production": enabled()}
        self.send("POST", f"/projects/{self.key}/flags", flag=flag, targeting=targeting)
        self.token = self.issue("sdk", "server")
        self.flags = api.get_client()

    def send(self, method: str, path: str, **body: Any) -> Any:  # noqa: ANN401 - JSON
        with self.server.client() as admin:
            answer = admin.request(method, f"/api/v1{path}", json={**body, "why": "a test"})
        assert answer.is_success, answer.text
        return answer.json()

    def issue(self, key: str, kind: str) -> str:
        token = {"key": f"{self.key}-{key}", "kind": kind, "project": self.key, "environment": "production"}
        return str(self.send("POST", "/tokens", token=token)["secret"])

    def target(self, **parts: Any) -> None:  # noqa: ANN401 - JSON
        """Serve the flag so in production."""
        self.send("PUT", f"{self.flag}/environments/production", targeting=enabled(**parts))

    def provide(self, **options: Any) -> FlagtrailProvider:  # noqa: ANN401 - the provider's options
        given = {"url": self.server.url, "token": self.token, "cache_file": str(self.cache), "wait": 20.0}
        provider = FlagtrailProvider(**{**given, **options})
        for kind, events in self.told.items():
            api.add_handler(kind, events.put)
        api.set_provider_and_wait(provider)
        return provider

    def next(self, kind: str, named: Callable[[EventDetails], bool] = lambda _: True) -> EventDetails:
        """The next event of this kind of which `named` holds."""
        while True:
            details = self.told[ProviderEvent(f"PROVIDER_{kind}")].get(timeout=60.0)
            if details.provider_name == "flagtrail" and named(details):
                return details


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    with running_server(tmp_path_factory.mktemp("server")) as server:
        yield server


@pytest.fixture
def shop(server: RunningServer, tmp_path: Path) -> Iterator[Shop]:
    yield Shop(server, tmp_path)
    api.shutdown()


@pytest.fixture
def shop_alone(tmp_path: Path) -> Iterator[Shop]:
    """On a server of its own, which may be stopped."""
    with running_server(tmp_path) as server:
        yield Shop(server, tmp_path)
        api.shutdown()


def test_change__on_the_server__is_an_event_and_the_next_answer(shop: Shop) -> None:
    shop.provide()
    before = shop.flags.get_boolean_details("new_pricing", default_value=False, evaluation_context=PRO)
    shop.target(rules=[FIRST], fallthrough={"variant": "off"})
    changed = shop.next("CONFIGURATION_CHANGED").flags_changed
    after = shop.flags.get_boolean_details("new_pricing", default_value=False, evaluation_context=PRO)
    others = shop.flags.get_boolean_value("new_pricing", default_value=True)

    assert (before.reason, changed) == (Reason.STATIC, ["new_pricing"])
    assert (after.value, after.reason, after.flag_metadata["rule"]) == (True, Reason.TARGETING_MATCH, "first")
    assert not others


def test_metadata__of_an_answer__names_the_moment_that_the_server_answers_alike_for(shop: Shop) -> None:
    shop.provide()
    shop.target(rules=[FIRST], fallthrough={"variant": "off"})
    shop.next("CONFIGURATION_CHANGED")
    told = shop.flags.get_boolean_details("new_pricing", default_value=False, evaluation_context=PRO).flag_metadata
    shop.target(fallthrough={"variant": "off"})
    size = int(str(told["version"]).partition("-")[0])
    asked = {"flag": "new_pricing", "context": {"plan": "enterprise"}, "at": size - 1}
    with shop.server.client() as admin:
        answer = admin.post(f"/api/v1/projects/{shop.key}/evaluate", json=asked).json()

    assert told["flagSetId"] == f"{shop.key}/production"
    assert (answer["resolution"]["variant"], answer["resolution"]["rule"]) == ("on", "first")


def test_flag__archived_on_the_server__is_not_found_any_more(shop: Shop) -> None:
    shop.provide()
    shop.target(enabled=False)
    shop.send("POST", f"{shop.flag}/archive")
    while (details := shop.flags.get_boolean_details("new_pricing", default_value=True)).error_code is None:
        shop.next("CONFIGURATION_CHANGED")

    assert (details.value, details.error_code) == (True, ErrorCode.FLAG_NOT_FOUND)


def test_server__stopped__makes_it_stale__and_come_back__ready(shop_alone: Shop, tmp_path: Path) -> None:
    shop = shop_alone
    shop.provide(stale_after=0.2)
    port = int(shop.server.url.rpartition(":")[2])
    shop.server.stop()
    shop.next("STALE")
    stale = shop.flags.get_boolean_details("new_pricing", default_value=False)
    while not shop.told[ProviderEvent.PROVIDER_READY].empty():
        shop.told[ProviderEvent.PROVIDER_READY].get()
    with running_server(tmp_path, port=port):
        shop.next("READY")
        status = shop.flags.get_provider_status()

    assert (stale.value, stale.reason) == (True, Reason.STALE)
    assert status == ProviderStatus.READY


def test_start__with_a_cache_file_and_no_server__serves_it_as_stale(shop_alone: Shop) -> None:
    shop = shop_alone
    shop.provide()
    api.shutdown()
    shop.server.stop()
    shop.provide()
    shop.next("STALE")
    details = shop.flags.get_boolean_details("new_pricing", default_value=False)

    assert (details.value, details.reason) == (True, Reason.STALE)


@pytest.mark.parametrize("kind", ["client", "none"])
def test_token__that_may_not_read_rules__is_fatal(shop: Shop, kind: str) -> None:
    token = shop.issue("web", "client") if kind == "client" else "ft_server_of_somebody_else"
    with pytest.raises(ProviderFatalError):
        shop.provide(token=token)

    assert shop.flags.get_provider_status() == ProviderStatus.FATAL


def test_token__revoked__leaves_the_flags_served(shop: Shop) -> None:
    shop.provide(stale_after=3600.0)
    shop.send("DELETE", f"/tokens/{shop.key}-sdk")
    error = shop.next("ERROR")

    assert error.error_code == ErrorCode.GENERAL
    assert shop.flags.get_boolean_value("new_pricing", default_value=False)


def test_usage__through_openfeature__is_counted_when_the_provider_shuts_down(shop: Shop) -> None:
    shop.provide(application="shop/1.4.2", flush_every=3600.0)
    for _ in range(3):
        shop.flags.get_boolean_value("new_pricing", default_value=False)
    api.shutdown()
    with shop.server.client() as admin:
        told = admin.get(f"/api/v1{shop.flag}/usage").raise_for_status().json()

    assert [(row["variant"], row["count"]) for row in told["counts"]] == [("on", 3)]
    assert [row["application"] for row in told["clients"]] == ["shop/1.4.2"]
