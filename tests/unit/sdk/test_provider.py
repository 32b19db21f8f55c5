"""FlagtrailProvider: answers, contexts, metadata, events and life, in OpenFeature's terms."""

from __future__ import annotations

import asyncio
import copy
import dataclasses
import json
import pickle
import queue
import subprocess
import sys
import textwrap
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any, get_type_hints

import pytest
from openfeature import api
from openfeature.evaluation_context import EvaluationContext
from openfeature.event import EventDetails, ProviderEvent
from openfeature.exception import ErrorCode, ProviderFatalError, ProviderNotReadyError
from openfeature.flag_evaluation import FlagEvaluationDetails, FlagEvaluationOptions, Reason
from openfeature.hook import Hook, HookContext, HookHints
from openfeature.provider import ProviderStatus
from tests.support import misbehaving as server_side
from tests.support.misbehaving import Misbehaving, answer, good, hang
from tests.support.rulesets import BOOLEAN, plain, ruleset, targeting

from flagtrail.sdk import provider as provider_module
from flagtrail.sdk.client import Client
from flagtrail.sdk.mapping import flat
from flagtrail.sdk.options import Chosen, Options
from flagtrail.sdk.provider import FlagtrailProvider

PAYING = {"id": "paying", "when": {"attribute": "plan", "operator": "equals", "values": ["pro"]}}
HALF = {"split": [{"variant": "on", "weight": 50_000}, {"variant": "off", "weight": 50_000}]}
RECENT = {"id": "new", "when": {"attribute": "since", "operator": "after", "values": ["2026-01-01T00:00:00Z"]}}
FLAGS = {
    "checkout": (BOOLEAN, targeting(rules=[{**PAYING, "serve": {"variant": "off"}}])),
    "recent": (BOOLEAN, targeting(rules=[{**RECENT, "serve": {"variant": "on"}}], fallthrough={"variant": "off"})),
    "half": (BOOLEAN, targeting(fallthrough=HALF)),
    "off": (BOOLEAN, targeting(enabled=False)),
    "banner": plain("hello"),
    "limit": plain(10),
    "ratio": plain(0.5),
    "theme": plain({"colours": ["red"]}),
}
PRO = EvaluationContext("u1", {"plan": "pro"})
STATUSES = {ProviderEvent.PROVIDER_READY, ProviderEvent.PROVIDER_STALE, ProviderEvent.PROVIDER_ERROR}


@pytest.fixture(autouse=True)
def clean() -> Iterator[None]:
    yield
    api.shutdown()


@pytest.fixture
def server() -> Iterator[Misbehaving]:
    with server_side.misbehaving() as server:
        yield server


@pytest.fixture
def told() -> queue.Queue[tuple[str, EventDetails]]:
    """Every event of every provider, in the order in which handlers ran."""
    events: queue.Queue[tuple[str, EventDetails]] = queue.Queue()

    def remember(kind: ProviderEvent) -> Callable[[EventDetails], None]:
        return lambda details: events.put((kind.value.removeprefix("PROVIDER_"), details))

    for kind in ProviderEvent:
        api.add_handler(kind, remember(kind))
    while True:  # handlers of a state that already is run at once
        try:
            events.get(timeout=0.1)
        except queue.Empty:
            return events


def offline() -> FlagtrailProvider:
    client = Client(Options(usage=False))
    client.served.replace(ruleset(FLAGS))
    return FlagtrailProvider(client=client)


def online(server: Misbehaving, **options: Any) -> FlagtrailProvider:  # noqa: ANN401 - the provider's options
    return FlagtrailProvider(**{"url": server.url, "token": "t", "wait": 10.0, "usage": False, **options})


def next_of(told: queue.Queue[tuple[str, EventDetails]], kind: str) -> EventDetails:
    """The details of the next event of this kind."""
    while True:
        name, details = told.get(timeout=60.0)
        if name == kind:
            return details


VALUES: list[Any] = [
    pytest.param("boolean", "checkout", False, True, id="boolean"),
    pytest.param("string", "banner", "", "hello", id="string"),
    pytest.param("integer", "limit", 0, 10, id="integer"),
    pytest.param("float", "ratio", 0.0, 0.5, id="float"),
    pytest.param("object", "theme", {}, {"colours": ["red"]}, id="object"),
]


@pytest.mark.parametrize(("kind", "key", "default", "expected"), VALUES)
def test_value__of_each_type__is_the_flags(kind: str, key: str, default: object, expected: object) -> None:
    api.set_provider_and_wait(offline())

    assert getattr(api.get_client(), f"get_{kind}_value")(key, default) == expected


@pytest.mark.parametrize(("kind", "key", "default", "expected"), VALUES)
def test_value__asked_for_asynchronously__is_the_flags(kind: str, key: str, default: object, expected: object) -> None:
    api.set_provider_and_wait(offline())

    assert asyncio.run(getattr(api.get_client(), f"get_{kind}_value_async")(key, default)) == expected


@pytest.mark.parametrize(
    ("key", "context", "expected"),
    [
        pytest.param("checkout", PRO, (False, "off", Reason.TARGETING_MATCH), id="by a rule"),
        pytest.param("checkout", None, (True, "on", Reason.DEFAULT), id="by the fallthrough"),
        pytest.param("half", EvaluationContext("u1"), (False, "off", Reason.SPLIT), id="by a split"),
        pytest.param("off", PRO, (False, "off", Reason.DISABLED), id="disabled"),
    ],
)
def test_details__of_an_answer__tell_value_variant_and_reason(
    key: str, context: EvaluationContext | None, expected: object
) -> None:
    api.set_provider_and_wait(offline())

    details = api.get_client().get_boolean_details(key, default_value=True, evaluation_context=context)

    assert (details.value, details.variant, details.reason) == expected


def itself() -> EvaluationContext:
    endless: list[Any] = []
    endless.append(endless)
    return EvaluationContext("u1", {"list": endless})


@pytest.mark.parametrize("asynchronously", [False, True], ids=["sync", "async"])
@pytest.mark.parametrize(
    ("key", "context", "expected"),
    [
        pytest.param("nosuch", PRO, ErrorCode.FLAG_NOT_FOUND, id="unknown flag"),
        pytest.param("banner", PRO, ErrorCode.TYPE_MISMATCH, id="another type"),
        pytest.param("half", None, ErrorCode.TARGETING_KEY_MISSING, id="no targeting key"),
        pytest.param("half", EvaluationContext("\ud800"), ErrorCode.INVALID_CONTEXT, id="lone surrogate"),
        pytest.param("half", itself(), ErrorCode.INVALID_CONTEXT, id="endless context"),
        pytest.param(
            "half",
            EvaluationContext("u1", {"at": datetime.max.replace(tzinfo=timezone(-timedelta(hours=1)))}),
            ErrorCode.INVALID_CONTEXT,
            id="an instant beyond the calendar",
        ),
    ],
)
def test_error__of_an_evaluation__gives_the_default_and_its_code(
    key: str, context: EvaluationContext | None, expected: ErrorCode, *, asynchronously: bool
) -> None:
    api.set_provider_and_wait(offline())
    client = api.get_client()

    details = (
        asyncio.run(client.get_boolean_details_async(key, default_value=True, evaluation_context=context))
        if asynchronously
        else client.get_boolean_details(key, default_value=True, evaluation_context=context)
    )

    assert (details.value, details.reason, details.error_code) == (True, Reason.ERROR, expected)


class Spoiling(Hook):
    def after(
        self,
        hook_context: HookContext,  # noqa: ARG002 - the protocol's
        details: FlagEvaluationDetails[Any],
        hints: HookHints,  # noqa: ARG002 - the protocol's
    ) -> None:
        details.value["colours"].append("blue")


def test_object__altered_by_a_hook__is_whole_for_the_next_who_asks() -> None:
    api.set_provider_and_wait(offline())
    spoiling = api.get_client()
    spoiling.add_hooks([Spoiling()])
    spoiling.get_object_value("theme", {})

    assert api.get_client().get_object_value("theme", {}) == {"colours": ["red"]}


class Noting(Hook):
    """Notes which of its stages ran, and what the answer's metadata said by then."""

    def __init__(self, level: str, notes: list[str]) -> None:
        self.level = level
        self.notes = notes

    def before(self, hook_context: HookContext, hints: HookHints) -> None:  # noqa: ARG002 - the protocol's
        self.notes.append(f"before {self.level}")

    def after(self, hook_context: HookContext, details: FlagEvaluationDetails[Any], hints: HookHints) -> None:  # noqa: ARG002
        self.notes.append(f"after {self.level} {details.flag_metadata['rule']}")


def test_hooks__of_every_level__run_in_the_specifications_order() -> None:
    notes: list[str] = []
    api.set_provider_and_wait(offline())
    api.add_hooks([Noting("api", notes)])
    client = api.get_client()
    client.add_hooks([Noting("client", notes)])
    client.get_boolean_value("checkout", True, PRO, FlagEvaluationOptions(hooks=[Noting("call", notes)]))

    assert notes == ["before api", "before client", "before call"] + [
        f"after {level} paying" for level in ("call", "client", "api")
    ]


# Metadata.


def metadata(key: str = "checkout", provider: FlagtrailProvider | None = None) -> Any:  # noqa: ANN401 - for any test
    return (
        (provider or offline()).resolve_boolean_details(key, default_value=False, evaluation_context=PRO).flag_metadata
    )


@pytest.mark.parametrize(
    ("key", "expected"),
    [
        pytest.param("checkout", {"rule": "paying"}, id="by a rule"),
        pytest.param("off", {}, id="without a rule"),
        pytest.param("nosuch", {}, id="unknown flag"),
    ],
)
def test_metadata__of_an_answer__tells_flag_set_version_and_rule(key: str, expected: dict[str, str]) -> None:
    assert metadata(key) == {"flagSetId": "default/production", "version": "1-a", **expected}


def test_metadata__after_another_ruleset_came__tells_its_version() -> None:
    provider = offline()
    before = metadata(provider=provider)["version"]
    provider.client.served.replace(ruleset(FLAGS, id="2-b"))

    assert (before, metadata(provider=provider)["version"]) == ("1-a", "2-b")


class Swapping(dict[str, Any]):
    """A context in whose midst another ruleset comes."""

    def __init__(self, provider: FlagtrailProvider) -> None:
        super().__init__(plan="pro")
        self.provider = provider

    def get(self, key: str, default: Any = None) -> Any:  # noqa: ANN401 - as a dict's
        self.provider.client.served.replace(ruleset({**FLAGS, "checkout": plain(True)}, id="2-b"))
        return super().get(key, default)


def test_metadata__when_another_ruleset_comes_meanwhile__is_of_the_one_that_answered() -> None:
    provider = offline()
    context = EvaluationContext(None, Swapping(provider))
    details = provider.resolve_boolean_details("checkout", default_value=True, evaluation_context=context)

    assert (details.flag_metadata["version"], details.flag_metadata["rule"]) == ("1-a", "paying")
    assert metadata("checkout", provider)["version"] == "2-b"


def test_metadata__without_a_ruleset__is_empty() -> None:
    assert metadata(provider=FlagtrailProvider(client=Client(Options()))) == {}


@pytest.mark.parametrize(
    "alter",
    [
        pytest.param(lambda held: held.update(rule="x"), id="update"),
        pytest.param(lambda held: held.pop("rule"), id="pop"),
        pytest.param(lambda held: held.clear(), id="clear"),
        pytest.param(lambda held: held.setdefault("x", 1), id="setdefault"),
        pytest.param(lambda held: held.__setitem__("rule", "x"), id="assignment"),
        pytest.param(lambda held: held.__delitem__("rule"), id="deletion"),
        pytest.param(lambda held: held.__ior__({"x": 1}), id="union in place"),
    ],
)
def test_metadata__cannot_be_altered(alter: Callable[[Any], object]) -> None:
    with pytest.raises(TypeError, match="cannot be altered"):
        alter(metadata())


@pytest.mark.parametrize(
    "copied",
    [
        pytest.param(copy.copy, id="copy"),
        pytest.param(copy.deepcopy, id="deepcopy"),
        pytest.param(lambda held: pickle.loads(pickle.dumps(held)), id="pickle"),  # noqa: S301 - our own bytes
        pytest.param(lambda held: json.loads(json.dumps(held)), id="json"),
        pytest.param(
            lambda held: dataclasses.asdict(FlagEvaluationDetails("x", 1, flag_metadata=held))["flag_metadata"],
            id="asdict",
        ),
    ],
)
def test_metadata__copied_in_any_way__says_the_same(copied: Callable[[Any], object]) -> None:
    assert copied(metadata()) == metadata()


# Contexts.

NOON = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
WEST = timezone(-timedelta(hours=5))


@pytest.mark.parametrize(
    ("context", "expected"),
    [
        pytest.param(None, {}, id="none"),
        pytest.param(EvaluationContext("u1"), {"targetingKey": "u1"}, id="key alone"),
        pytest.param(EvaluationContext(None, {"a": 1}), {"a": 1}, id="attributes alone"),
        pytest.param(EvaluationContext("u1", {"a": 1}), {"targetingKey": "u1", "a": 1}, id="both"),
        pytest.param(EvaluationContext("u1", {"targetingKey": "u2"}), {"targetingKey": "u1"}, id="an attribute's name"),
        pytest.param(EvaluationContext(None, {"at": NOON}), {"at": "2026-11-22T12:00:00Z"}, id="instant"),
        pytest.param(
            EvaluationContext(None, {"at": NOON.astimezone(WEST)}), {"at": "2026-11-22T12:00:00Z"}, id="another zone"
        ),
        pytest.param(
            EvaluationContext(None, {"at": NOON.replace(tzinfo=None)}), {"at": "2026-11-22T12:00:00Z"}, id="no zone"
        ),
        pytest.param(
            EvaluationContext(None, {"at": NOON.replace(microsecond=5)}),
            {"at": "2026-11-22T12:00:00.000005Z"},
            id="microseconds",
        ),
        pytest.param(
            EvaluationContext(None, {"org": {"since": (NOON, 1)}}),
            {"org": {"since": ["2026-11-22T12:00:00Z", 1]}},
            id="nested",
        ),
    ],
)
def test_context__becomes_one_flat_mapping(context: EvaluationContext | None, expected: object) -> None:
    assert flat(context) == expected


def test_context__with_an_instant__matches_rules_about_time() -> None:
    api.set_provider_and_wait(offline())

    assert api.get_client().get_boolean_value("recent", False, EvaluationContext("u1", {"since": NOON}))


def test_context__is_left_as_it_was() -> None:
    attributes: dict[str, Any] = {"at": NOON, "org": {"since": [NOON]}}
    offline().resolve_boolean_details(
        "recent", default_value=False, evaluation_context=EvaluationContext("u", attributes)
    )

    assert attributes == {"at": NOON, "org": {"since": [NOON]}}


# Options.


def test_options__as_keywords__are_those_of_the_client() -> None:
    assert get_type_hints(Chosen) == get_type_hints(Options)


def test_options__left_out__come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FLAGTRAIL_URL", "http://flags.test")
    monkeypatch.setenv("FLAGTRAIL_TOKEN", "of the environment")

    options = FlagtrailProvider(token="given", timeout=1.0).client.options

    assert (options.url, options.token, options.timeout) == ("http://flags.test", "given", 1.0)


def test_options__beside_a_client__are_refused() -> None:
    with pytest.raises(ValueError, match="not both it and timeout"):
        FlagtrailProvider(client=Client(Options()), timeout=1.0)


# Life and events.


def test_initialize__with_a_server__is_ready_with_its_ruleset(server: Misbehaving) -> None:
    server.scripts["ruleset"] = [good(server_side.ruleset(1))]
    api.set_provider_and_wait(online(server))

    assert api.get_client().get_boolean_value("a", default_value=False)


def test_initialize__while_the_server_hangs__leaves_defaults_at_once(server: Misbehaving) -> None:
    server.scripts["ruleset"] = [hang]
    api.set_provider(online(server))

    details = api.get_client().get_boolean_details("a", default_value=True)

    assert (details.value, details.error_code) == (True, ErrorCode.PROVIDER_NOT_READY)


def test_initialize__without_server_or_cache__raises_and_turns_ready_by_event(
    server: Misbehaving, told: queue.Queue[tuple[str, EventDetails]]
) -> None:
    server.scripts["ruleset"] = [answer(500)]
    with pytest.raises(ProviderNotReadyError, match="500"):
        api.set_provider_and_wait(online(server, wait=0.2))
    before = api.get_client().get_provider_status()
    server.scripts["ruleset"] = [good(server_side.ruleset(1))]
    next_of(told, "READY")

    assert (before, api.get_client().get_provider_status()) == (ProviderStatus.ERROR, ProviderStatus.READY)


def test_initialize__with_a_refused_token__raises_fatal(server: Misbehaving) -> None:
    server.scripts["ruleset"] = [answer(401)]
    with pytest.raises(ProviderFatalError):
        api.set_provider_and_wait(online(server))

    assert api.get_client().get_boolean_details("a", default_value=True).error_code == ErrorCode.PROVIDER_FATAL


def test_initialize__offline_without_a_ruleset__raises_at_once() -> None:
    with pytest.raises(ProviderNotReadyError, match="offline"):
        api.set_provider_and_wait(FlagtrailProvider(client=Client(Options()), wait=3600.0))


def cached(server: Misbehaving, cache: Path) -> None:
    """Leave the server's ruleset in a cache file."""
    server.scripts["ruleset"] = [good(server_side.ruleset(1))]
    api.set_provider_and_wait(online(server, cache_file=str(cache)))
    api.shutdown()


def test_initialize__with_a_cache_and_no_server__is_stale_and_then_ready(server: Misbehaving, tmp_path: Path) -> None:
    cached(server, tmp_path / "ruleset")
    server.scripts["ruleset"] = [answer(500)]
    told: queue.Queue[ProviderStatus] = queue.Queue()
    client = api.get_client()
    for kind in STATUSES:
        client.add_handler(kind, lambda _: told.put(client.get_provider_status()))
    told.get(timeout=60.0)  # the provider that does nothing is READY

    api.set_provider_and_wait(online(server, cache_file=str(tmp_path / "ruleset"), wait=0.2))
    while told.get(timeout=60.0) != ProviderStatus.STALE:
        pass
    details = client.get_boolean_details("a", default_value=False)
    server.scripts["ruleset"] = [good(server_side.ruleset(1))]
    while told.get(timeout=60.0) != ProviderStatus.READY:
        pass

    assert (details.value, details.reason) == (True, Reason.STALE)


def test_initialize__with_a_cache_while_the_server_hangs__serves_it_at_once(
    server: Misbehaving, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cached(server, tmp_path / "ruleset")
    server.scripts["ruleset"] = [hang]
    monkeypatch.setattr(provider_module, "CACHED_WAIT_SECONDS", 3600.0)
    stale = threading.Event()
    api.add_handler(ProviderEvent.PROVIDER_STALE, lambda _: stale.set())
    api.set_provider(online(server, cache_file=str(tmp_path / "ruleset"), wait=3600.0))
    stale.wait(60.0)

    assert api.get_client().get_boolean_details("a", default_value=False).reason == Reason.STALE


def test_event__of_changed_flags__names_them(told: queue.Queue[tuple[str, EventDetails]]) -> None:
    provider = offline()
    api.set_provider_and_wait(provider)
    provider.client.served.replace(ruleset({**FLAGS, "limit": plain(11), "new": plain(1)}, id="2-b"))

    details = next_of(told, "CONFIGURATION_CHANGED")

    assert (details.provider_name, details.flags_changed) == ("flagtrail", ["limit", "new"])


def test_event__of_an_old_ruleset__makes_the_provider_stale(told: queue.Queue[tuple[str, EventDetails]]) -> None:
    provider = offline()
    api.set_provider_and_wait(provider)
    provider.client.served.restore(ruleset(FLAGS), "of yesterday")

    assert (next_of(told, "STALE").message, api.get_client().get_provider_status()) == (
        "of yesterday",
        ProviderStatus.STALE,
    )


@pytest.mark.parametrize("fatal", [False, True], ids=["refused ruleset", "refused token"])
def test_event__of_an_error_while_a_ruleset_is_held__leaves_it_served(
    told: queue.Queue[tuple[str, EventDetails]], *, fatal: bool
) -> None:
    provider = offline()
    api.set_provider_and_wait(provider)
    provider.client.served.refused("no", fatal=fatal)
    details = next_of(told, "ERROR")

    assert (details.message, details.error_code) == ("no", ErrorCode.GENERAL)
    assert api.get_client().get_integer_value("limit", 0) == 10


def test_provider__in_several_domains__is_initialised_once(server: Misbehaving) -> None:
    server.scripts["ruleset"] = [good(server_side.ruleset(1))]
    provider = online(server, sync="poll")
    for domain in ("shop", "search", "shop"):
        api.set_provider_and_wait(provider, domain)

    values = [api.get_client(domain).get_boolean_value("a", default_value=False) for domain in ("shop", "search")]

    assert (values, server.count("ruleset")) == ([True, True], 1)


def test_provider__replaced_in_one_of_two_domains__goes_on(server: Misbehaving) -> None:
    server.scripts["ruleset"] = [good(server_side.ruleset(1))]
    provider = online(server)
    for domain in ("shop", "search"):
        api.set_provider_and_wait(provider, domain)
    api.set_provider_and_wait(offline(), "shop")

    assert api.get_client("search").get_boolean_value("a", default_value=False)


def test_shutdown__makes_it_as_new__and_it_can_be_set_again(server: Misbehaving) -> None:
    server.scripts["ruleset"] = [good(server_side.ruleset(1))]
    provider = online(server)
    api.set_provider_and_wait(provider)
    api.shutdown()
    provider.shutdown()
    between = provider.resolve_boolean_details("a", default_value=False).error_code
    api.set_provider_and_wait(provider)

    assert (between, provider.resolve_boolean_details("a", default_value=False).value) == (
        ErrorCode.PROVIDER_NOT_READY,
        True,
    )


def test_shutdown__while_it_is_initialised__does_not_wait(server: Misbehaving) -> None:
    server.scripts["ruleset"] = [hang]
    provider = online(server, wait=3600.0)
    api.set_provider(provider)
    server.await_requests("ruleset", 1)
    provider.shutdown()

    assert provider.client.status == "NOT_READY"


def test_shutdown__that_overtakes_initialize__starts_nothing(server: Misbehaving) -> None:
    provider = FlagtrailProvider(url=server.url, token="ft_server_token")
    provider.attach(lambda *_: None)
    provider.shutdown()
    with pytest.raises(ProviderNotReadyError):
        provider.initialize(EvaluationContext())

    assert (provider.client.status, server.requests) == ("NOT_READY", [])


def test_shutdown__with_a_client_that_was_given__leaves_it_running(server: Misbehaving) -> None:
    server.scripts["ruleset"] = [good(server_side.ruleset(1)), good(server_side.ruleset(2, "off"))]
    with Client(Options(url=server.url, token="t", sync="poll", poll_every=0.02, usage=False)) as client:
        provider = FlagtrailProvider(client=client)
        api.set_provider_and_wait(provider)
        provider.shutdown()
        server.await_requests("ruleset", server.count("ruleset") + 2)

        assert provider.client is client


def test_fork__while_the_provider_is_initialised__turns_it_ready_in_the_child(server: Misbehaving) -> None:
    data = server_side.ruleset(1)
    server.scripts["ruleset"] = [hang, good(data)]
    script = f"""
        import os, time
        from openfeature import api
        from flagtrail.sdk import FlagtrailProvider
        api.set_provider(FlagtrailProvider(url={server.url!r}, token="t", usage=False, wait=3600.0))
        time.sleep(0.2)
        child = os.fork()
        if child:
            os._exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
        for _ in range(6000):
            if api.get_client().get_boolean_value("a", False):
                api.shutdown()
                os._exit(0)
            time.sleep(0.01)
        os._exit(1)
    """

    assert subprocess.run([sys.executable, "-c", textwrap.dedent(script)], timeout=120, check=False).returncode == 0
