"""OpenFeature's own OFREP providers ask a real server: JavaScript's (server and web) under Node, and Python's."""

from __future__ import annotations

import json
import os
import re
import select
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Literal

import httpx2
import pytest
from openfeature import api
from openfeature.contrib.provider.ofrep import OFREPProvider
from openfeature.evaluation_context import EvaluationContext
from tests.support.documents import attribute_test, boolean_flag, enabled, rule, split
from tests.support.server import RunningServer, running_server

from flagtrail.app.limits import FAILURES
from flagtrail.server.limits import MAX_DEPTH

Json = Any
Kind = Literal["server", "web"]
FOLDER = Path(__file__).with_name("ofrep_js")
ANSWER_SECONDS = 30.0
USER = {"targetingKey": "user-1"}
needs_node = pytest.mark.skipif(
    shutil.which("node") is None or not (FOLDER / "node_modules").exists(),
    reason="Node or the providers are missing: make node",
)


def deep() -> Json:
    """A context that nests deeper than the server reads."""
    nested: Json = {}
    for _ in range(MAX_DEPTH):
        nested = {"in": nested}
    return {**USER, "nested": nested}


class Driver:
    """A Node process that asks through one provider, as told line by line (ofrep_js/driver.mjs)."""

    def __init__(self, kind: Kind, server: RunningServer, token: str, **options: Json) -> None:
        command = ["node", str(FOLDER / "driver.mjs"), kind, server.url, token, json.dumps(options)]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.started = self._answer()

    def __call__(self, do: str, **asked: Json) -> Json:
        stdin = self._process.stdin
        assert stdin is not None
        stdin.write(json.dumps({"do": do, **asked}).encode() + b"\n")
        stdin.flush()
        return self._answer()

    def details(self, key: str, default: Json, context: Json = None) -> Json:
        return self("details", key=key, default=default, context=USER if context is None else context)

    def _answer(self) -> Json:
        stdout = self._process.stdout
        assert stdout is not None
        ready, _, _ = select.select([stdout], [], [], ANSWER_SECONDS)
        assert ready, "the driver does not answer"
        return json.loads(stdout.readline() or b"null")

    def close(self) -> int:
        for stream in (self._process.stdin, self._process.stdout):
            assert stream is not None
            stream.close()
        try:
            return self._process.wait(timeout=60)
        except subprocess.TimeoutExpired:
            self._process.kill()
            return self._process.wait()


@pytest.fixture
def start() -> Iterator[Callable[..., Driver]]:
    """Start drivers; they are stopped after the test."""
    drivers: list[Driver] = []

    def started(kind: Kind, server: RunningServer, token: str, **options: Json) -> Driver:
        drivers.append(Driver(kind, server, token, **options))
        return drivers[-1]

    yield started
    for driver in drivers:
        driver.close()


FLAGS: list[tuple[Json, Json]] = [
    (boolean_flag("switch"), enabled()),
    (boolean_flag("idle"), {**enabled(), "enabled": False}),
    (
        boolean_flag("ruled"),
        enabled(rules=[rule(attribute_test("plan", "in", "pro"))], fallthrough={"variant": "off"}),
    ),
    (boolean_flag("half"), enabled(fallthrough=split(50_000, 50_000))),
    ({"key": "string", "type": "string", "variants": {"on": "blue", "off": "red"}}, enabled()),
    ({"key": "integer", "type": "integer", "variants": {"on": 3, "off": 4}}, enabled()),
    ({"key": "float", "type": "float", "variants": {"on": 2.5, "off": 0}}, enabled()),
    ({"key": "whole", "type": "float", "variants": {"on": 2.0, "off": 0}}, enabled()),
    ({"key": "object", "type": "object", "variants": {"on": {"size": 1, "tags": ["a"]}, "off": {}}}, enabled()),
    ({"key": "list", "type": "object", "variants": {"on": [1, "two"], "off": []}}, enabled()),
]


def fill(admin: httpx2.Client, project: str) -> str:
    """Flags of every type in the project's production; a client token's secret."""
    for flag, targeting in FLAGS:
        body = {"flag": flag, "targeting": {"production": targeting}, "why": "a test"}
        answer = admin.post(f"/api/v1/projects/{project}/flags", json=body)
        assert answer.status_code == 201, answer.text
    token = {"key": f"{project}-js", "kind": "client", "project": project, "environment": "production"}
    secret: str = admin.post("/api/v1/tokens", json={"token": token}).json()["secret"]
    return secret


@pytest.fixture
def token(admin: httpx2.Client, project: str) -> str:
    return fill(admin, project)


def switch(admin: httpx2.Client, project: str, to: Literal["enable", "disable"]) -> None:
    path = f"/api/v1/projects/{project}/flags/switch/environments/production/{to}"
    assert admin.post(path, json={"why": "a test"}).status_code == 200


def exhaust(server: RunningServer) -> None:
    """Show wrong tokens until the server refuses to look at more of them from this address."""
    with server.client("wrong") as nobody:
        for _ in range(FAILURES):
            assert nobody.post("/ofrep/v1/evaluate/flags", json={"context": USER}).status_code == 401


ANSWERS = [
    ("switch", False, {}, {"value": True, "variant": "on", "reason": "STATIC"}),
    ("idle", True, {}, {"value": False, "variant": "off", "reason": "DISABLED"}),
    ("ruled", False, {"plan": "pro"}, {"value": True, "variant": "on", "reason": "TARGETING_MATCH"}),
    ("ruled", True, {"plan": "free"}, {"value": False, "variant": "off", "reason": "DEFAULT"}),
    ("string", "", {}, {"value": "blue", "variant": "on", "reason": "STATIC"}),
    ("integer", 0, {}, {"value": 3, "variant": "on", "reason": "STATIC"}),
    ("float", 0.5, {}, {"value": 2.5, "variant": "on", "reason": "STATIC"}),
    ("whole", 0.5, {}, {"value": 2.0, "variant": "on", "reason": "STATIC"}),
    ("object", {}, {}, {"value": {"size": 1, "tags": ["a"]}, "variant": "on", "reason": "STATIC"}),
    ("list", [], {}, {"value": [1, "two"], "variant": "on", "reason": "STATIC"}),
]
FAULTS = [
    ("nothing", True, USER, "FLAG_NOT_FOUND"),
    ("a/b", True, USER, "FLAG_NOT_FOUND"),
    ("string", True, USER, "TYPE_MISMATCH"),
    ("switch", True, deep(), "PARSE_ERROR"),
    ("half", True, {"plan": "pro"}, "TARGETING_KEY_MISSING"),
]
"""Flag, default, context, error code."""


@needs_node
def test_javascripts_server_provider__asked_for_each_type__answers_as_the_server(
    server: RunningServer, token: str, start: Callable[..., Driver]
) -> None:
    driver = start("server", server, token)
    told = [driver.details(key, default, {**USER, **context}) for key, default, context, _ in ANSWERS]
    got = [{name: answer[name] for name in ("value", "variant", "reason")} for answer in told]
    assert driver.started == {"ready": True}
    assert got == [answer for *_, answer in ANSWERS]


@needs_node
def test_javascripts_server_provider__that_cannot_be_answered__gives_the_default_and_the_code(
    server: RunningServer, token: str, start: Callable[..., Driver]
) -> None:
    driver = start("server", server, token)
    told = [driver.details(key, default, context) for key, default, context, _ in FAULTS]
    assert [(answer["value"], answer["reason"], answer["errorCode"]) for answer in told] == [
        (default, "ERROR", code) for _, default, _, code in FAULTS
    ]


@needs_node
def test_javascripts_server_provider__after_a_change__serves_it_with_the_next_call(
    server: RunningServer, admin: httpx2.Client, project: str, token: str, start: Callable[..., Driver]
) -> None:
    driver = start("server", server, token)
    before = driver.details("switch", default=False)["value"]
    switch(admin, project, "disable")
    assert (before, driver.details("switch", default=True)["value"]) == (True, False)


@needs_node
def test_javascripts_server_provider__with_a_bad_token__gives_the_default(
    server: RunningServer, start: Callable[..., Driver]
) -> None:
    driver = start("server", server, "wrong")
    told = driver.details("switch", default=True)
    assert (told["value"], told["reason"], told["errorCode"]) == (True, "ERROR", "GENERAL")
    assert [request["status"] for request in driver("requests")] == [401]


@needs_node
def test_javascripts_server_provider__refused_with_429__asks_no_more_until_it_may(
    tmp_path: Path, start: Callable[..., Driver]
) -> None:
    with running_server(tmp_path) as server:
        exhaust(server)
        driver = start("server", server, "wrong")
        told = [driver.details("switch", default=True) for _ in range(3)]
        assert [answer["value"] for answer in told] == [True, True, True]
        assert "paused due to TooManyRequests" in told[1]["errorMessage"]
        assert [request["status"] for request in driver("requests")] == [429]


@needs_node
def test_javascripts_web_provider__asked_for_each_type__answers_from_one_bulk_request(
    server: RunningServer, token: str, start: Callable[..., Driver]
) -> None:
    driver = start("web", server, token, context={**USER, "plan": "pro"})
    asked = [case for case in ANSWERS if case[2] != {"plan": "free"}]
    told = [driver.details(key, default) for key, default, *_ in asked]
    got = [{name: answer[name] for name in ("value", "variant", "reason")} for answer in told]
    assert got == [answer for *_, answer in asked]
    assert [(one["path"], one["status"]) for one in driver("requests")] == [("/ofrep/v1/evaluate/flags", 200)]


@needs_node
def test_javascripts_web_provider__flags_that_fail__fail_alone(
    server: RunningServer, token: str, start: Callable[..., Driver]
) -> None:
    driver = start("web", server, token, context={"plan": "pro"})
    asked = [("half", True), ("nothing", True), ("string", True), ("switch", False)]
    told = [driver.details(key, default) for key, default in asked]
    assert [answer.get("errorCode") for answer in told] == [
        "TARGETING_KEY_MISSING",
        "FLAG_NOT_FOUND",
        "TYPE_MISMATCH",
        None,
    ]


@needs_node
def test_javascripts_web_provider__with_another_context__asks_anew(
    server: RunningServer, token: str, start: Callable[..., Driver]
) -> None:
    driver = start("web", server, token, context={**USER, "plan": "free"})
    before = driver.details("ruled", default=True)["value"]
    driver("context", context={**USER, "plan": "pro"})
    first, second = driver("requests")
    assert (before, driver.details("ruled", default=False)["value"]) == (False, True)
    assert (second["status"], second["ifNoneMatch"]) == (200, first["etag"])


@needs_node
def test_javascripts_web_provider__polling__gets_304_until_a_change_is_there(
    server: RunningServer, admin: httpx2.Client, project: str, token: str, start: Callable[..., Driver]
) -> None:
    driver = start("web", server, token, context=USER, pollInterval=20)
    before = driver.details("switch", default=False)["value"]
    driver("until", status=304)
    switch(admin, project, "disable")
    event = driver("event", name="PROVIDER_CONFIGURATION_CHANGED")
    first, *polls = driver("requests")
    assert (before, driver.details("switch", default=True)["value"]) == (True, False)
    assert (event["flags"], {poll["status"] for poll in polls}) == (["switch"], {304, 200})
    assert {poll["ifNoneMatch"] for poll in polls if poll["status"] == 304 and poll["etag"] == first["etag"]} == {
        first["etag"]
    }


@needs_node
@pytest.mark.parametrize(
    ("token_", "context", "expected"),
    [
        pytest.param("wrong", USER, {"status": "FATAL", "cause": "OFREPApiUnauthorizedError"}, id="a bad token"),
        pytest.param(None, deep(), {"status": "ERROR", "error": "GeneralError"}, id="a context that nests too deep"),
    ],
)
def test_javascripts_web_provider__refused_at_the_start__does_not_get_ready(
    server: RunningServer, token: str, start: Callable[..., Driver], token_: str | None, context: Json, expected: Json
) -> None:
    driver = start("web", server, token_ or token, context=context)
    assert not driver.started["ready"]
    assert {name: driver.started[name] for name in expected} == expected
    assert driver.details("switch", default=False)["value"] is False


@needs_node
def test_javascripts_web_provider__refused_with_429__keeps_its_flags_and_asks_no_more_until_it_may(
    tmp_path: Path, start: Callable[..., Driver]
) -> None:
    with running_server(tmp_path) as server, server.client() as admin:
        driver = start("web", server, fill(admin, "default"), context=USER)
        exhaust(server)
        driver("token", token="wrong")
        for number in range(3):
            driver("context", context={**USER, "number": number})
        assert [request["status"] for request in driver("requests")] == [200, 429]
        assert driver.details("switch", default=False)["value"] is True


@pytest.fixture
def python(server: RunningServer) -> Iterator[Callable[[str], Callable[..., Json]]]:
    """Ask through Python's provider with a token; details as JSON names them."""
    providers: list[OFREPProvider] = []

    def with_token(token: str, url: str = server.url) -> Callable[..., Json]:
        provider = OFREPProvider(url, headers_factory=lambda: {"Authorization": f"Bearer {token}"})
        providers.append(provider)
        api.set_provider_and_wait(provider, domain="ofrep")
        client = api.get_client("ofrep")
        kinds: dict[type, Callable[..., Json]] = {
            bool: client.get_boolean_details,
            str: client.get_string_details,
            int: client.get_integer_details,
            float: client.get_float_details,
            dict: client.get_object_details,
            list: client.get_object_details,
        }

        def details(key: str, default: Json, context: Json = None) -> Json:
            given = dict(USER if context is None else context)
            asked = EvaluationContext(given.pop("targetingKey", None), given)
            return kinds[type(default)](key, default, asked)

        return details

    yield with_token
    api.clear_providers()
    for provider in providers:
        provider.session.close()


@pytest.mark.parametrize(("key", "default", "context", "answer"), ANSWERS)
def test_pythons_provider__asked_for_each_type__answers_as_the_server(
    python: Callable[[str], Callable[..., Json]], token: str, key: str, default: Json, context: Json, answer: Json
) -> None:
    told = python(token)(key, default, {**USER, **context})
    assert {"value": told.value, "variant": told.variant, "reason": told.reason} == answer
    assert type(told.value) is type(answer["value"])


@pytest.mark.parametrize(("key", "default", "context", "code"), FAULTS)
def test_pythons_provider__that_cannot_be_answered__gives_the_default_and_the_code(
    python: Callable[[str], Callable[..., Json]], token: str, key: str, default: Json, context: Json, code: str
) -> None:
    told = python(token)(key, default, context)
    assert (told.value, told.reason, told.error_code) == (default, "ERROR", code)


def test_pythons_provider__after_a_change__serves_it_with_the_next_call(
    python: Callable[[str], Callable[..., Json]], admin: httpx2.Client, project: str, token: str
) -> None:
    details = python(token)
    before = details("switch", default=False).value
    switch(admin, project, "disable")
    assert (before, details("switch", default=True).value) == (True, False)


def test_pythons_provider__with_a_bad_token__gives_the_default(
    python: Callable[[str], Callable[..., Json]],
) -> None:
    told = python("wrong")("switch", default=True)
    assert (told.value, told.error_code, told.error_message) == (True, "GENERAL", "unauthorized")


def test_pythons_provider__refused_with_429__asks_no_more_until_it_may(
    python: Callable[..., Callable[..., Json]], tmp_path: Path
) -> None:
    with running_server(tmp_path) as server:
        exhaust(server)
        details = python("wrong", server.url)
        told = [details("switch", default=True) for _ in range(2)]
    assert [answer.value for answer in told] == [True, True]
    assert "Rate limited" in told[0].error_message
    assert "paused due to TooManyRequests" in told[1].error_message


GUIDE = Path(__file__).parents[2] / "docs" / "how-to" / "other-languages.md"
COMMANDS = {"js": ["node", "--input-type=module", "--eval"], "python": [sys.executable, "-c"]}


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", GUIDE.read_text(), re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize(
    ("language", "number"),
    [
        pytest.param("js", 0, marks=needs_node, id="JavaScript on a server"),
        pytest.param("js", 1, marks=needs_node, id="JavaScript in a browser"),
        pytest.param("python", 0, id="Python"),
        pytest.param("sh", 1, marks=pytest.mark.skipif(shutil.which("curl") is None, reason="no curl"), id="curl"),
    ],
)
def test_an_example_of_the_guide__run_as_it_stands__tells_the_flag(
    server: RunningServer, admin: httpx2.Client, project: str, token: str, language: str, number: int
) -> None:
    pro = enabled(
        rules=[rule(attribute_test("plan", "in", "enterprise"), key="enterprise")], fallthrough={"variant": "off"}
    )
    body = {"flag": boolean_flag("new_pricing"), "targeting": {"production": pro}, "why": "a test"}
    assert admin.post(f"/api/v1/projects/{project}/flags", json=body).status_code == 201
    code = blocks(language)[number].replace("https://flags.example.com", server.url).replace("ft_client_...", token)
    if "pollInterval" in code:
        code += "await OpenFeature.close();"  # else it polls for ever
    told = subprocess.run(
        [*COMMANDS.get(language, ["sh", "-c"]), code],
        cwd=FOLDER,
        env={**os.environ, "FLAGTRAIL_URL": server.url, "FLAGTRAIL_TOKEN": token},
        capture_output=True,
        timeout=60,
        check=True,
    ).stdout.decode()
    assert told.strip() in {"true", "True", answered_as_told()}


def answered_as_told() -> str:
    """The answer that the guide shows for its request over HTTP."""
    answer: str = re.findall(r"^answers `(.*)`\.", GUIDE.read_text(), re.MULTILINE)[0]
    return answer
