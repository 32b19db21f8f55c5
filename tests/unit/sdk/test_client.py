"""A client answers at once and never raises: typed, counted, with or without a ruleset."""

from __future__ import annotations

import logging
import os
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest
from rich.pretty import pretty_repr
from tests.support.misbehaving import answer, misbehaving
from tests.support.rulesets import BOOLEAN, plain, ruleset, targeting

from flagtrail.model.resolution import ErrorCode, Reason
from flagtrail.model.sync import RulesetData, SyncedFlag
from flagtrail.sdk import evaluator
from flagtrail.sdk.client import Client
from flagtrail.sdk.events import Event, EventKind
from flagtrail.sdk.options import Options
from flagtrail.sdk.usage import MAX_UNKNOWN

HALF = {"split": [{"variant": "on", "weight": 50_000}, {"variant": "off", "weight": 50_000}]}
PAYING = {"id": "paying", "when": {"attribute": "plan", "operator": "equals", "values": ["pro"]}}
FLAGS = {
    "checkout": (BOOLEAN, targeting(rules=[{**PAYING, "serve": {"variant": "off"}}])),
    "half": (BOOLEAN, targeting(fallthrough=HALF)),
    "banner": plain("hello"),
    "limit": plain(10),
    "ratio": plain(0.5),
    "whole": (SyncedFlag("float", {"on": 2}), targeting(off_variant="on")),
    "theme": plain({"colours": ["red"]}),
}


def offline(**options: Any) -> Client:  # noqa: ANN401 - Options
    client = Client(Options(**options))
    client.served.replace(ruleset(FLAGS))
    return client


class Hostile(dict[str, Any]):
    def get(self, *_: object) -> Any:  # noqa: ANN401 - never returns
        raise OSError("no")


VALUES: list[Any] = [
    pytest.param("boolean", "checkout", {}, True, id="boolean"),
    pytest.param("boolean", "checkout", {"plan": "pro"}, False, id="boolean by rule"),
    pytest.param("boolean", "checkout", None, True, id="no context"),
    pytest.param("string", "banner", {}, "hello", id="string"),
    pytest.param("integer", "limit", {}, 10, id="integer"),
    pytest.param("float", "ratio", {}, 0.5, id="float"),
    pytest.param("float", "whole", {}, 2.0, id="float that JSON writes as an integer"),
    pytest.param("object", "theme", {}, {"colours": ["red"]}, id="object"),
    pytest.param("object", "theme", None, {"colours": ["red"]}, id="object without a context"),
]
DEFAULTS: list[Any] = [
    pytest.param("nosuch", {}, ErrorCode.FLAG_NOT_FOUND, id="unknown flag"),
    pytest.param("banner", {}, ErrorCode.TYPE_MISMATCH, id="another type"),
    pytest.param("half", {}, ErrorCode.TARGETING_KEY_MISSING, id="no targeting key"),
    pytest.param("half", {"targetingKey": 1.5}, ErrorCode.INVALID_CONTEXT, id="targeting key of a wrong type"),
    pytest.param("half", {"targetingKey": "\ud800"}, ErrorCode.INVALID_CONTEXT, id="lone surrogate"),
    pytest.param("half", None, ErrorCode.TARGETING_KEY_MISSING, id="no context"),
    pytest.param("half", 7, ErrorCode.INVALID_CONTEXT, id="context that is no mapping"),
    pytest.param("checkout", Hostile(), ErrorCode.INVALID_CONTEXT, id="context that raises"),
    pytest.param(["checkout"], {}, ErrorCode.FLAG_NOT_FOUND, id="key that is a list"),
    pytest.param(None, {}, ErrorCode.FLAG_NOT_FOUND, id="key that is None"),
]


@pytest.mark.parametrize(("kind", "key", "context", "value"), VALUES)
def test_get__flag_of_that_type__gives_its_value(kind: str, key: str, context: Any, value: object) -> None:  # noqa: ANN401
    found = getattr(offline(), f"get_{kind}")(key, None, context)

    assert (found, type(found)) == (value, type(value))


@pytest.mark.parametrize(("key", "context", "code"), DEFAULTS)
def test_get_boolean__no_value__gives_the_default_and_details_say_why(key: Any, context: Any, code: ErrorCode) -> None:  # noqa: ANN401
    client = offline()
    sentinel: Any = object()

    assert client.get_boolean(key, sentinel, context) is sentinel
    assert client.resolve("boolean", key, context).error == code


@pytest.mark.parametrize("kind", ["boolean", "string", "integer", "float", "object"])
def test_get__no_ruleset_yet__gives_the_default(kind: str) -> None:
    client = Client(Options())
    sentinel = object()

    assert getattr(client, f"get_{kind}")("checkout", sentinel, {}) is sentinel
    assert client.details("checkout").error == ErrorCode.PROVIDER_NOT_READY
    assert client.evaluate_all({}) == {}


def test_details__of_any_type__tells_variant_reason_and_rule() -> None:
    found = offline().details("checkout", {"plan": "pro"})

    assert (found.variant, found.reason, found.rule) == ("off", Reason.TARGETING_MATCH, "paying")
    assert offline().details("banner").value == "hello"


def test_evaluate_all__leaves_out_what_has_no_value_and_agrees_with_one_by_one() -> None:
    client = offline()
    context = {"targetingKey": "u", "plan": "pro"}

    assert client.evaluate_all(context) == {key: client.details(key, context).value for key in FLAGS}
    assert client.evaluate_all(None).keys() == FLAGS.keys() - {"half"}


@pytest.mark.parametrize("ask", ["get_object", "evaluate_all"])
def test_object_value__altered_by_who_asked__stays_for_the_others(ask: str) -> None:
    client = offline()
    for _ in range(2):
        value = client.get_object("theme", {}) if ask == "get_object" else client.evaluate_all({})["theme"]
        value["colours"].append("blue")

    assert client.details("theme").value == {"colours": ["red"]}


@pytest.mark.parametrize("usage", [True, False])
def test_answers__counted_or_not__are_the_same(usage: bool) -> None:
    client = offline(usage=usage)
    contexts = [{"targetingKey": str(number)} for number in range(20)]

    assert [client.get_boolean("half", False, context) for context in contexts] == [
        client.evaluate_all(context)["half"] for context in contexts
    ]


def counts(client: Client) -> dict[tuple[str, str, str], int]:
    assert client._tallies is not None
    return {(one.flag, one.variant, one.rule): one.count for one in client._tallies.drain()}


def test_usage__every_way_of_asking__is_counted_once() -> None:
    client = offline()
    client.get_boolean("checkout", False, {"plan": "pro"})
    client.get_boolean("checkout", False, None)
    client.details("checkout")
    client.get_boolean("nosuch", False)
    client.get_string("checkout", "")
    client.evaluate_all({"plan": "pro"})
    found = counts(client)

    assert found.pop(("nosuch", "", "")) == 1
    assert found.pop(("checkout", "off", "paying")) == 2
    assert found.pop(("checkout", "on", "")) == 2
    assert found == {(key, "on", ""): 1 for key in FLAGS.keys() - {"checkout", "half"}}


def test_usage__names_of_no_flag__are_counted_within_bounds() -> None:
    client = offline()
    for number in range(MAX_UNKNOWN + 10):
        client.get_boolean(f"nosuch-{number}", False)
        client.get_boolean("nosuch-0", False)
    client.get_boolean("no key at all", False)
    found = counts(client)

    assert (len(found), found["nosuch-0", "", ""]) == (MAX_UNKNOWN, MAX_UNKNOWN + 11)


def test_usage__while_rulesets_are_swapped__loses_nothing() -> None:
    client = offline()
    drained: list[dict[tuple[str, str, str], int]] = []
    stop = threading.Event()

    def swap() -> None:
        number = 2
        while not stop.is_set():
            client.served.replace(ruleset({**FLAGS, "limit": plain(number)}, id=f"{number}-a"))
            number += 1

    swapper = threading.Thread(target=swap)
    swapper.start()
    for number in range(20_000):
        client.get_integer("limit", 0)
        if number % 10 == 0:
            client.evaluate_all({})
        if number % 500 == 0:  # here, so that no call is under way through two of these, as none is for seconds
            drained.append(counts(client))
    stop.set()
    swapper.join()
    drained.append(counts(client))

    assert sum(found.get(("limit", "on", ""), 0) for found in drained) == 22_000


def test_usage__of_answers_that_come_together_once__is_exact_and_remembered_within_bounds(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    most = 200
    monkeypatch.setattr(evaluator, "MAX_TOGETHER", most)
    older = [{"attribute": "age", "operator": "gt", "values": [age]} for age in range(40)]
    rules = [targeting(rules=[{"id": "r", "when": when, "serve": {"variant": "off"}}]) for when in older]
    client = Client(Options())
    client.served.replace(ruleset({f"f{age}": (BOOLEAN, rule) for age, rule in enumerate(rules)}))
    assert client._tallies is not None
    found: Counter[tuple[str, str, str]] = Counter()
    remembered = []
    for age in [*range(40), *range(40)]:
        client.evaluate_all({"age": age + 0.5})
        remembered.append(sum(len(tallied.rows) for tallied in client._tallies._all(client._tallies._retired)))
        if age % 20 == 0:
            found.update(counts(client))
    found.update(counts(client))

    below = {(f"f{age}", "on", ""): 2 * age for age in range(1, 40)}
    assert found == {(f"f{age}", "off", "r"): 2 * (40 - age) for age in range(40)} | below
    assert max(remembered) < 4 * most


def test_usage__of_a_flag_that_is_off__is_counted_whatever_it_depends_on() -> None:
    def needs(on: bool) -> RulesetData:
        needing = targeting(enabled=False, prerequisites=[{"flag": "needed", "variants": ["on"]}])
        return ruleset({"off": (BOOLEAN, needing), "needed": (BOOLEAN, targeting(enabled=on))}, id=f"1-{on}")

    client = Client(Options())
    client.served.replace(needs(True))
    client.get_boolean("off", True)
    client.served.replace(needs(False))
    for _ in range(3):  # as long as what was swapped out is still looked at
        counts(client)
    client.get_boolean("off", True)

    assert counts(client) == {("off", "off", ""): 1}


def test_stale__until_heard__is_the_reason_of_every_answer_but_errors() -> None:
    client = Client(Options())
    client.served.restore(ruleset(FLAGS), "from the cache")
    stale = (client.details("checkout").reason, client.details("nosuch").reason, client.status)
    client.served.confirmed()

    assert stale == (Reason.STALE, Reason.ERROR, "STALE")
    assert (client.details("checkout").reason, client.status) == (Reason.DEFAULT, "READY")


def test_start__when_the_token_is_refused__waits_no_longer() -> None:
    with misbehaving() as server:
        server.scripts["ruleset"] = [answer(401)]
        client = Client(Options(url=server.url, token="no-token"))
        waiting = threading.Thread(target=client.start, args=(None,), daemon=True)
        waiting.start()
        waiting.join(60)
        waits, status = waiting.is_alive(), client.status
        client.close()

    assert (waits, status) == (False, "FATAL")


def test_start__without_a_url_or_a_ruleset__says_that_it_is_offline(caplog: pytest.LogCaptureFixture) -> None:
    client = Client(Options())
    started = client.start()
    client.served.replace(ruleset(FLAGS))

    assert [started, client.start(), len(caplog.messages), "FLAGTRAIL_URL" in caplog.text] == [False, True, 1, True]


def test_log__of_how_it_stands__tells_each_turn_once(caplog: pytest.LogCaptureFixture) -> None:
    client = Client(Options())
    with caplog.at_level(logging.INFO, "flagtrail.sdk"):
        client.served.restore(ruleset(FLAGS), "from the cache")
        client.served.confirmed()
        client.served.confirmed()
    data = client.served.document()

    assert data is not None
    assert [(record.levelname, record.getMessage()) for record in caplog.records] == [
        ("WARNING", "the flags that are served may be old: from the cache"),
        ("INFO", f"following {data.project}/{data.environment}: {len(data.flags)} flags, ruleset {data.id}"),
    ]


def test_status__from_nothing_to_a_refused_token__follows_the_events() -> None:
    client = Client(Options())
    seen: list[str] = [client.status]
    client.on(lambda _event: seen.append(client.status))
    client.served.unreachable("no answer")
    client.served.refused("unknown token", fatal=True)
    client.served.replace(ruleset(FLAGS))

    assert seen == ["NOT_READY", "ERROR", "FATAL", "READY"]


def test_handler__that_fails__spoils_nothing_for_the_next(caplog: pytest.LogCaptureFixture) -> None:
    client = Client(Options())
    seen: list[Event] = []

    def fail(_event: Event) -> None:
        raise OSError("no")

    client.on(fail)
    client.on(seen.append)
    client.served.replace(ruleset(FLAGS))
    client.off(fail)
    client.off(fail)
    client.served.replace(ruleset({**FLAGS, "limit": plain(11)}, id="2-b"))

    assert seen == [Event(EventKind.READY), Event(EventKind.CONFIGURATION_CHANGED, changed=("limit",))]
    assert len(caplog.records) == 1


@pytest.mark.parametrize("error", [SystemExit, KeyboardInterrupt, GeneratorExit])
def test_handler__that_would_end_its_thread__ends_nothing_but_the_main_one(error: type[BaseException]) -> None:
    def handler(_event: Event) -> None:
        raise error

    client = Client(Options())
    heard: list[Event] = []
    client.on(handler)
    client.on(heard.append)
    telling = threading.Thread(target=client.served.unreachable, args=("no answer",))
    telling.start()
    telling.join()

    assert heard == [Event(EventKind.ERROR, "no answer")]
    with pytest.raises(error):
        client.served.unreachable("no name")


def test_misuse__again_and_again__is_logged_once_for_each_flag(caplog: pytest.LogCaptureFixture) -> None:
    client = offline()
    with caplog.at_level(logging.WARNING, "flagtrail.sdk"):
        for _ in range(3):
            client.get_boolean("nosuch", False)
            client.get_boolean("banner", False)

    assert [record.args[0] for record in caplog.records if isinstance(record.args, tuple)] == ["nosuch", "banner"]


def test_start__offline__returns_at_once_whether_there_is_a_ruleset() -> None:
    assert (Client(Options()).start(None), offline().start(None)) == (False, True)


@pytest.fixture
def away() -> Options:
    """A server that is not there."""
    return Options(url="http://127.0.0.1:9", token="ft_server_secret", timeout=0.1, usage=True)


def test_start__while_it_is_closed__waits_no_more(away: Options) -> None:
    client = Client(away)
    started: list[bool] = []
    starting = threading.Thread(target=lambda: started.append(client.start(None)), daemon=True)
    starting.start()
    while client.status == "NOT_READY":
        time.sleep(0.01)
    client.close()
    starting.join(60.0)

    assert started == [False]


@pytest.mark.parametrize("name", ["flagtrail-sync", "flagtrail-usage"])
def test_close__while_a_thread_is_just_started__stops_that_one_too(
    name: str, away: Options, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = Client(away)
    about_to, closing = threading.Event(), threading.Event()
    begin = threading.Thread.start
    begun: list[threading.Thread] = []

    def start(thread: threading.Thread) -> None:
        if thread.name == name:
            about_to.set()
            closing.wait(60.0)
            time.sleep(0.2)  # long enough for a close that waits for nothing
            begun.append(thread)
        begin(thread)

    monkeypatch.setattr(threading.Thread, "start", start)
    starting = threading.Thread(target=client.start, daemon=True)
    starting.start()
    assert about_to.wait(60.0)
    closing.set()
    client.close()
    starting.join(60.0)

    assert [thread.is_alive() for thread in begun] == [False]


def test_start__by_many_threads_at_once__makes_one_set_of_threads(away: Options) -> None:
    client = Client(away)
    together = threading.Barrier(8)
    starting = [threading.Thread(target=lambda: (together.wait(), client.start())) for _ in range(8)]
    before = set(threading.enumerate()) | set(starting)
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        for thread in starting:
            thread.start()
        for thread in starting:
            thread.join()
        found = sorted(thread.name for thread in set(threading.enumerate()) - before)
    finally:
        sys.setswitchinterval(interval)
        client.close()

    assert found == ["flagtrail-sync", "flagtrail-usage"]


def test_start__for_ever_from_a_handler__does_not_wait_for_itself(away: Options) -> None:
    client = Client(away)
    heard = threading.Event()

    def handler(_event: Event) -> None:
        client.start(None)
        heard.set()

    client.on(handler)
    client.start()

    assert heard.wait(60.0)
    client.close()


@pytest.fixture
def pipe() -> Iterator[tuple[int, int]]:
    ends = os.pipe()
    yield ends
    for end in ends:
        os.close(end)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")
def test_fork__counted_before_it__is_reported_by_the_parent_alone(pipe: tuple[int, int]) -> None:
    client = offline()
    client.get_integer("limit", 0)
    child = os.fork()
    if child == 0:
        client.get_integer("limit", 0)
        client.get_integer("limit", 0)
        os.write(pipe[1], str(counts(client)[("limit", "on", "")]).encode())
        os._exit(0)
    os.waitpid(child, 0)

    assert (os.read(pipe[0], 10), counts(client)) == (b"2", {("limit", "on", ""): 1})


@pytest.mark.parametrize(
    "options",
    [
        pytest.param({"url": "ftp://flags"}, id="no http address"),
        pytest.param({"url": "http://flags"}, id="a server without a token"),
        pytest.param({"token": "tök"}, id="a token that no header can hold"),
        pytest.param({"token": "token\n"}, id="a token with a line end"),
        pytest.param({"timeout": 0}, id="no time at all"),
        pytest.param({"sample_contexts": 1_001, "sample_attributes": ("plan",)}, id="too many samples"),
        pytest.param({"sample_contexts": 10}, id="samples of nothing"),
    ],
)
def test_options__that_cannot_work__are_refused_when_made(options: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        Options(**options)


def test_client__options_by_keyword__come_before_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FLAGTRAIL_APPLICATION", "shop/1")
    monkeypatch.setenv("FLAGTRAIL_URL", "http://elsewhere")
    options = Client(url="", timeout=2.0).options

    assert (options.url, options.application, options.timeout) == ("", "shop/1", 2.0)


def test_client__options_as_a_whole_and_by_keyword__are_refused() -> None:
    with pytest.raises(ValueError, match="timeout"):
        Client(Options(), timeout=2.0)


def test_options__shown__tell_what_was_chosen_but_for_the_token() -> None:
    shown = repr(Options(url="http://flags", token="ft_server_secret", timeout=2.0))

    assert shown == "Options(url='http://flags', token=..., timeout=2.0)"


def test_options__shown_by_rich__tell_no_token() -> None:
    assert "ft_server_secret" not in pretty_repr(Options(url="http://flags", token="ft_server_secret"))
