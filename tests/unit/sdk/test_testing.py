"""Flags that a test decides: the provider, the client, and pins for all code of the process."""

from __future__ import annotations

import asyncio
import queue
import subprocess
import sys
import threading
import tomllib
from collections.abc import Callable, Iterator, Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from openfeature import api
from openfeature.evaluation_context import EvaluationContext
from openfeature.event import EventDetails, ProviderEvent
from openfeature.provider import ProviderStatus
from openfeature.provider.in_memory_provider import InMemoryFlag
from openfeature.provider.in_memory_provider import InMemoryProvider as OpenFeaturesOwn
from tests.support.misbehaving import hang, misbehaving

from flagtrail.model.resolution import ErrorCode, Reason
from flagtrail.sdk import pytest_plugin, testing
from flagtrail.sdk.client import Client
from flagtrail.sdk.options import Options
from flagtrail.sdk.provider import FlagtrailProvider
from flagtrail.sdk.testing import Definition, Evaluated, InMemoryProvider, pinned

ROOT = Path(__file__).parents[3]
VIPS = {"attribute": "email", "operator": "ends_with", "values": ["@acme.com"]}
BANNER = Definition(
    {"type": "string", "variants": {"old": "hello", "new": "good day"}, "description": "decides nothing"},
    {
        "enabled": True,
        "off_variant": "old",
        "rules": [{"id": "vips", "when": {"segment": "vips"}, "serve": {"variant": "new"}}],
        "fallthrough": {"variant": "old"},
    },
)
VIP = {"targetingKey": "u1", "email": "a@acme.com"}


@pytest.fixture(autouse=True)
def clean() -> Iterator[None]:
    yield
    api.shutdown()


VALUES: list[Any] = [
    pytest.param("boolean", True, False, id="boolean"),
    pytest.param("boolean", False, True, id="false"),
    pytest.param("string", "hi", "", id="string"),
    pytest.param("integer", 10, 0, id="integer"),
    pytest.param("float", 0.5, 0.0, id="float"),
    pytest.param("object", {"a": [1, None]}, {}, id="object"),
    pytest.param("object", [1, "b"], {}, id="list"),
]


@pytest.mark.parametrize(("kind", "value", "default"), VALUES)
def test_provider__of_plain_values__serves_them(kind: str, value: object, default: object) -> None:
    api.set_provider_and_wait(InMemoryProvider({"x": value}))

    assert getattr(api.get_client(), f"get_{kind}_value")("x", default) == value


@pytest.mark.parametrize(("kind", "value", "default"), VALUES)
def test_client__of_plain_values__serves_them(kind: str, value: object, default: object) -> None:
    assert getattr(testing.client({"x": value}), f"get_{kind}")("x", default) == value


@pytest.mark.parametrize(
    ("context", "expected"),
    [pytest.param(VIP, "good day", id="rule"), pytest.param({}, "hello", id="fallthrough")],
)
def test_client__of_a_definition__follows_its_rules(context: Mapping[str, str], expected: str) -> None:
    client = testing.client({"banner": BANNER}, segments={"vips": VIPS})

    assert client.get_string("banner", "", context) == expected


def test_evaluate_all__of_pinned_flags__gives_every_value() -> None:
    assert testing.client({"a": True, "b": [1]}).evaluate_all() == {"a": True, "b": [1]}


@pytest.mark.parametrize(
    ("value", "problem"),
    [
        pytest.param(None, "'x' cannot be pinned to None: a flag is a bool", id="nothing"),
        pytest.param(object, "cannot be pinned to <class 'object'>", id="a class"),
        pytest.param({"a": {1, 2}}, r"holds \{1, 2\}: JSON has no such value", id="a set within"),
        pytest.param({1: "a"}, "JSON has no such value", id="a key that is no text"),
        pytest.param(b"abc", "JSON has no such value", id="bytes"),
    ],
)
def test_pin__of_what_no_flag_can_be__says_what_can(value: object, problem: str) -> None:
    with pytest.raises(TypeError, match=problem):
        InMemoryProvider({"x": value})


@pytest.mark.parametrize(
    ("key", "value", "problem"),
    [
        pytest.param("no key", True, "'no key' is not a key", id="a key with a space"),
        pytest.param("x", 2**60, "beyond 2\\^53", id="an integer that JSON cannot carry"),
        pytest.param(
            "x", Definition({"type": "boolean", "variants": {"on": True}, "vairants": 1}, {}), "vairants", id="typo"
        ),
        pytest.param(
            "x",
            Definition(
                {"type": "boolean", "variants": {"on": 1}},
                {"enabled": True, "off_variant": "off", "fallthrough": {"variant": "on"}},
            ),
            "is 1, but the flag's type is boolean.*off",
            id="every defect of a definition",
        ),
        pytest.param("banner", BANNER, "vips", id="an unknown segment"),
    ],
)
def test_pin__of_a_flag_with_defects__names_them(key: str, value: object, problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        InMemoryProvider({key: value})


def test_segment__with_defects__is_refused() -> None:
    with pytest.raises(ValueError, match=r"the segment 'vips' cannot be served: /when/operator"):
        testing.client(segments={"vips": {"attribute": "a", "operator": "is", "values": []}})


def test_set__another_value__is_served_and_told() -> None:
    changed: queue.Queue[EventDetails] = queue.Queue()
    provider = InMemoryProvider({"limit": 10, "other": True})
    api.set_provider_and_wait(provider)
    api.add_handler(ProviderEvent.PROVIDER_CONFIGURATION_CHANGED, changed.put)
    provider.set("limit", 11)

    assert api.get_client().get_integer_value("limit", 0) == 11
    assert changed.get(timeout=60.0).flags_changed == ["limit"]


def test_set__another_type__is_refused_and_alters_nothing() -> None:
    provider = InMemoryProvider({"limit": 10, "new": False})
    with pytest.raises(TypeError, match="it is pinned as an integer, and would become a string; remove it first"):
        provider.pin(new=True, limit="ten")

    assert provider.client.evaluate_all() == {"limit": 10, "new": False}


def test_set__an_integer_where_a_float_was__is_that_float() -> None:
    provider = InMemoryProvider({"ratio": 0.5})
    provider.set("ratio", 1)

    assert provider.client.details("ratio").value == 1.0


def test_remove__a_flag__leaves_defaults() -> None:
    provider = InMemoryProvider({"limit": 10})
    provider.remove("limit")
    provider.set("limit", "another type")

    assert provider.client.get_integer("limit", 3) == 3


def test_remove__an_unknown_flag__names_a_close_one() -> None:
    with pytest.raises(KeyError, match="did you mean 'limit'"):
        InMemoryProvider({"limit": 10}).remove("limits")


def test_pinned__on_a_provider__ends_with_the_block() -> None:
    provider = InMemoryProvider({"limit": 10})
    with provider.pinned({"limit": 11}, new=True):
        within = provider.client.evaluate_all()

    assert (within, provider.client.evaluate_all()) == ({"limit": 11, "new": True}, {"limit": 10})


# What was asked.


def test_evaluated__through_openfeature__tells_all_of_it() -> None:
    provider = InMemoryProvider({"banner": BANNER}, segments={"vips": VIPS})
    api.set_provider_and_wait(provider)
    api.get_client().get_string_value("banner", "", EvaluationContext("u1", {"email": "a@acme.com"}))

    assert provider.evaluated == [Evaluated("banner", "string", VIP, "good day", "new", Reason.TARGETING_MATCH, None)]


def asked_of(client: testing.PinnedClient) -> list[tuple[str, str | None, ErrorCode | None]]:
    return [(one.flag, one.type, one.error) for one in client.evaluated]


@pytest.mark.parametrize(
    ("ask", "expected"),
    [
        pytest.param(lambda c: c.get_boolean("a", False), ("a", "boolean", None), id="boolean"),
        pytest.param(lambda c: c.get_string("a", ""), ("a", "string", ErrorCode.TYPE_MISMATCH), id="string"),
        pytest.param(lambda c: c.get_integer("b", 1), ("b", "integer", ErrorCode.FLAG_NOT_FOUND), id="integer"),
        pytest.param(lambda c: c.get_float("b", 1.0), ("b", "float", ErrorCode.FLAG_NOT_FOUND), id="float"),
        pytest.param(lambda c: c.get_object("b", {}), ("b", "object", ErrorCode.FLAG_NOT_FOUND), id="object"),
        pytest.param(lambda c: c.details("a"), ("a", None, None), id="details"),
        pytest.param(lambda c: c.resolve("boolean", "a"), ("a", "boolean", None), id="resolve"),
        pytest.param(lambda c: c.evaluate_all(), ("a", None, None), id="all"),
        pytest.param(lambda c: c.details(["a"]), ("['a']", None, ErrorCode.FLAG_NOT_FOUND), id="no key at all"),
        pytest.param(lambda c: c.get_boolean("a", True, 7), ("a", "boolean", None), id="no context at all"),
    ],
)
def test_evaluated__by_each_method_of_a_client__is_remembered_once(
    ask: Callable[[Client], object], expected: object
) -> None:
    client = testing.client({"a": True})
    ask(client)

    assert asked_of(client) == [expected]


def test_asked__for_one_flag__leaves_others_out() -> None:
    provider = InMemoryProvider({"a": True, "b": 1})
    provider.client.evaluate_all({"targetingKey": "u1"})

    assert [(one.flag, one.context) for one in provider.asked("b")] == [("b", {"targetingKey": "u1"})]


def test_check__of_a_flag_asked_for_as_another_type__fails() -> None:
    provider = InMemoryProvider({"limit": True})
    provider.client.get_integer("limit", 10)

    with pytest.raises(AssertionError, match="'limit' is pinned as a boolean, and was asked for as an integer"):
        provider.check()


def test_check__of_unknown_flags__fails_only_strictly() -> None:
    provider = InMemoryProvider({"new_pricing": True})
    provider.client.get_boolean("new_pricng", False)
    provider.check()

    with pytest.raises(AssertionError, match="'new_pricng' was asked for, and is not pinned; did you mean 'new_pric"):
        provider.check(strict=True)


def test_check__after_evaluations_were_cleared__finds_nothing() -> None:
    provider = InMemoryProvider({"limit": True})
    provider.client.get_integer("limit", 10)
    provider.evaluated.clear()

    provider.check(strict=True)


# Pins for all code.


def test_pinned__reaches_clients_and_providers_made_before_and_within() -> None:
    before = Client(Options())
    domain = FlagtrailProvider(client=Client(Options()))
    with pytest.raises(Exception, match="offline"):
        api.set_provider_and_wait(domain, "shop")
    with pinned(limit=11) as pins:
        within = FlagtrailProvider(url="http://127.0.0.1:9", token="t", wait=3600.0)
        api.set_provider_and_wait(within, "search")
        values = [
            api.get_client().get_integer_value("limit", 0),
            api.get_client("shop").get_integer_value("limit", 0),
            api.get_client("search").get_integer_value("limit", 0),
            before.get_integer("limit", 0),
            Client(Options()).evaluate_all()["limit"],
        ]

    assert values == [11] * 5
    assert len(pins.asked("limit")) == 5


def test_pinned__reaches_a_provider_of_a_domain_that_still_waits_for_its_server() -> None:
    with misbehaving() as server:
        server.scripts["ruleset"] = [hang]
        api.set_provider(FlagtrailProvider(url=server.url, token="t", wait=3600.0, usage=False), "shop")
        server.await_requests("ruleset", 1)
        with pinned(limit=11):
            within = api.get_client("shop").get_integer_value("limit", 0)
        after = api.get_client("shop").get_integer_value("limit", 0)

    assert (within, after) == (11, 0)


def test_pinned__afterwards__all_is_as_it_was() -> None:
    own = OpenFeaturesOwn({"limit": InMemoryFlag("ten", {"ten": 10})})
    api.set_provider_and_wait(own)
    client = testing.client({"limit": 9})
    with pinned({"limit": 11}):
        within = api.get_client().get_integer_value("limit", 0), client.get_integer("limit", 0)

    assert within == (11, 9)
    assert (api.get_client().provider, api.get_client().get_provider_status()) == (own, ProviderStatus.READY)
    assert (Client(Options()).status, Client(Options()).start()) == ("NOT_READY", False)


class Watched(OpenFeaturesOwn):
    """A provider that remembers when it is started and stopped."""

    def __init__(self) -> None:
        super().__init__({})
        self.life: list[str] = []

    def initialize(self, evaluation_context: EvaluationContext) -> None:  # noqa: ARG002 - the protocol's
        self.life.append("initialize")

    def shutdown(self) -> None:
        self.life.append("shutdown")


def test_pinned__neither_stops_nor_starts_the_provider_that_was_set() -> None:
    own = Watched()
    api.set_provider_and_wait(own)
    with pinned(), pinned(limit=1):
        pass
    joined_shutdowns()

    assert own.life == ["initialize"]


def joined_shutdowns() -> None:
    """The SDK shuts providers down in threads of their own."""
    for thread in threading.enumerate():
        if "_shutdown_provider" in thread.name:
            thread.join(60.0)


def test_pinned__within_another__counts_alone() -> None:
    client = Client(Options())
    with pinned(limit=1, new=True):
        with pinned(limit=2):
            within = client.evaluate_all(), api.get_client().get_boolean_value("new", default_value=False)
        after = client.evaluate_all(), api.get_client().get_boolean_value("new", default_value=False)

    assert (within, after) == (({"limit": 2}, False), ({"limit": 1, "new": True}, True))


def test_pinned__when_the_code_sets_a_default_provider__leaves_it() -> None:
    with pinned(limit=11):
        own = InMemoryProvider({"limit": 12})
        api.set_provider_and_wait(own)

    assert api.get_client().provider is own


def test_pinned__to_what_no_flag_can_be__alters_nothing() -> None:
    before = api.get_client().provider
    with pytest.raises(TypeError), pinned(limit=None):
        pass

    assert (api.get_client().provider, Client(Options()).status) == (before, "NOT_READY")


def test_pinned__with_async_code__is_served_to_every_task() -> None:
    async def ask() -> int:
        await asyncio.sleep(0)
        return await api.get_client().get_integer_value_async("limit", 0)

    async def together() -> list[int]:
        return await asyncio.gather(*(ask() for _ in range(3)))

    with pinned(limit=11):
        assert asyncio.run(together()) == [11, 11, 11]


def test_pinned__when_a_block_fails__ends_all_the_same() -> None:
    with pytest.raises(ZeroDivisionError), pinned(limit=11):
        raise ZeroDivisionError

    assert Client(Options()).get_integer("limit", 0) == 0


# Loading.


def test_plugin__when_it_is_loaded__imports_nothing_of_the_sdk() -> None:
    script = (
        "import sys, flagtrail.sdk.pytest_plugin; print([m for m in sys.modules if m.startswith(('openf', 'msgspec'))])"
    )

    assert subprocess.run([sys.executable, "-c", script], capture_output=True, check=True).stdout == b"[]\n"


def test_plugin__is_what_the_package_names() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]

    assert import_module(project["entry-points"]["pytest11"]["flagtrail"]) is pytest_plugin
