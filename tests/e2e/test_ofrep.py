"""OFREP 0.3.0 against a real server; answers are held against the protocol's own OpenAPI document."""

from __future__ import annotations

import copy
import threading
from functools import cache
from pathlib import Path
from typing import Any

import httpx2
import jsonschema
import pytest
import yaml
from tests.support.documents import attribute_test, boolean_flag, enabled, rule, split
from tests.support.server import RunningServer, running_server

Json = Any
BULK = "/ofrep/v1/evaluate/flags"
DOCUMENT = Path(__file__).parents[3] / "shared" / "conformance" / "ofrep" / "service" / "openapi.yaml"


@cache
def protocol() -> Json:
    """The protocol's document, mended where it contradicts itself or OpenFeature's specification.

    Its `value` is one of six schemas, of which `codeDefaultFlag` takes anything and
    `floatFlag` takes integers: no answer can be exactly one of them. And its list
    of reasons lacks DEFAULT, which OpenFeature (2.2.5) names and flagd sends.
    """
    if not DOCUMENT.exists():
        pytest.skip("the OFREP document is not beside the project")
    document = copy.deepcopy(yaml.safe_load(DOCUMENT.read_text()))
    success = document["components"]["schemas"]["evaluationSuccess"]
    success["allOf"][1] = {"anyOf": success["allOf"][1]["oneOf"][:-1]}
    success["allOf"][0]["properties"]["reason"]["enum"].append("DEFAULT")
    items = document["components"]["schemas"]["bulkEvaluationSuccess"]["properties"]["flags"]["items"]
    items["oneOf"].append({"$ref": "#/components/schemas/flagNotFound"})
    return document


def hold(name: str, answer: Json) -> None:
    """Validate an answer against one of the protocol's schemas."""
    document = protocol()
    schema = {"$ref": f"#/components/schemas/{name}", "components": document["components"]}
    jsonschema.Draft202012Validator(schema).validate(answer)


@pytest.fixture
def environment(admin: httpx2.Client, project: str) -> str:
    """A project whose production serves flags of every type."""
    flags: list[tuple[Json, Json]] = [
        (boolean_flag("switch"), enabled()),
        (boolean_flag("idle"), {**enabled(), "enabled": False}),
        (
            boolean_flag("ruled"),
            enabled(rules=[rule(attribute_test("plan", "in", "enterprise"))], fallthrough={"variant": "off"}),
        ),
        (boolean_flag("half"), enabled(fallthrough=split(50_000, 50_000))),
        *(
            (
                {"key": type_, "type": type_, "variants": {"on": value, "off": other}},
                enabled(),
            )
            for type_, value, other in [
                ("string", "blue", "red"),
                ("integer", 3, 4),
                ("float", 2.5, 0.5),
                ("object", {"size": 1}, {}),
            ]
        ),
        (boolean_flag("gone", archived=True), enabled()),
    ]
    for flag, targeting in flags:
        body = {"flag": flag, "targeting": {"production": targeting}, "why": "a test"}
        answer = admin.post(f"/api/v1/projects/{project}/flags", json=body)
        assert answer.status_code == 201, answer.text
    return project


@pytest.fixture
def client(server: RunningServer, admin: httpx2.Client, environment: str) -> Json:
    """A client with a token of the project's production."""
    token = {"key": f"{environment}-ofrep", "kind": "client", "project": environment, "environment": "production"}
    secret = admin.post("/api/v1/tokens", json={"token": token}).json()["secret"]
    with server.client(secret) as client:
        yield client


def ask(client: httpx2.Client, key: str, **context: Json) -> httpx2.Response:
    return client.post(f"{BULK}/{key}", json={"context": context})


@pytest.mark.parametrize(
    ("key", "context", "value", "variant", "reason"),
    [
        pytest.param("switch", {}, True, "on", "STATIC", id="boolean"),
        pytest.param("idle", {}, False, "off", "DISABLED", id="disabled"),
        pytest.param("ruled", {"plan": "enterprise"}, True, "on", "TARGETING_MATCH", id="by a rule"),
        pytest.param("ruled", {"plan": "free"}, False, "off", "DEFAULT", id="by no rule"),
        pytest.param("string", {}, "blue", "on", "STATIC", id="string"),
        pytest.param("integer", {}, 3, "on", "STATIC", id="integer"),
        pytest.param("float", {}, 2.5, "on", "STATIC", id="float"),
        pytest.param("object", {}, {"size": 1}, "on", "STATIC", id="object"),
    ],
)
def test_a_flag__evaluated__answers_key_value_variant_and_reason(
    client: httpx2.Client, key: str, context: Json, value: Json, variant: str, reason: str
) -> None:
    answer = ask(client, key, targetingKey="user-1", **context)
    told = answer.json()
    hold("serverEvaluationSuccess", told)
    assert answer.status_code == 200
    assert (told["key"], told["value"], told["variant"], told["reason"]) == (key, value, variant, reason)


def test_a_split__gives_the_same_user_the_same_variant(client: httpx2.Client) -> None:
    answers = {ask(client, "half", targetingKey="user-1").text for _ in range(5)}
    assert len(answers) == 1


@pytest.mark.parametrize(
    ("key", "body", "status", "code", "schema"),
    [
        pytest.param("nothing", b'{"context": {}}', 404, "FLAG_NOT_FOUND", "flagNotFound", id="no such flag"),
        pytest.param("gone", b'{"context": {}}', 404, "FLAG_NOT_FOUND", "flagNotFound", id="an archived flag"),
        pytest.param("switch", b"{", 400, "PARSE_ERROR", "evaluationFailure", id="not JSON"),
        pytest.param("switch", b"", 400, "PARSE_ERROR", "evaluationFailure", id="no body"),
        pytest.param("switch", b"[" * 9_000, 400, "PARSE_ERROR", "evaluationFailure", id="deep nesting"),
        pytest.param("switch", b"{}", 400, "INVALID_CONTEXT", "evaluationFailure", id="no context"),
        pytest.param("switch", b'{"context": 5}', 400, "INVALID_CONTEXT", "evaluationFailure", id="context a number"),
        pytest.param(
            "switch",
            b'{"context": {"targetingKey": 5}}',
            400,
            "INVALID_CONTEXT",
            "evaluationFailure",
            id="targeting key a number",
        ),
        pytest.param(
            "half", b'{"context": {}}', 400, "TARGETING_KEY_MISSING", "evaluationFailure", id="a split without a key"
        ),
    ],
)
def test_a_flag__that_cannot_be_evaluated__says_why(
    client: httpx2.Client, key: str, body: bytes, status: int, code: str, schema: str
) -> None:
    answer = client.post(f"{BULK}/{key}", content=body)
    told = answer.json()
    hold(schema, told)
    assert (answer.status_code, told["key"], told["errorCode"]) == (status, key, code)


def test_a_bulk_answer__holds_every_living_flag__also_those_that_fail(client: httpx2.Client) -> None:
    answer = client.post(BULK, json={"context": {"plan": "enterprise"}})
    told = answer.json()
    hold("bulkEvaluationSuccess", told)
    failed = {flag["key"]: flag["errorCode"] for flag in told["flags"] if "errorCode" in flag}
    assert (answer.status_code, failed) == (200, {"half": "TARGETING_KEY_MISSING"})
    assert {flag["key"] for flag in told["flags"]} == {
        "switch",
        "idle",
        "ruled",
        "half",
        "string",
        "integer",
        "float",
        "object",
    }


@pytest.mark.parametrize("body", [b"{", b"{}"])
def test_a_bulk_request__that_cannot_be_read__fails_as_a_whole(client: httpx2.Client, body: bytes) -> None:
    answer = client.post(BULK, content=body)
    hold("bulkEvaluationFailure", answer.json())
    assert answer.status_code == 400


def test_an_etag__of_the_same_question__is_304_without_a_body(client: httpx2.Client) -> None:
    body = {"context": {"targetingKey": "user-1"}}
    etag = client.post(BULK, json=body).headers["etag"]
    again = client.post(BULK, json=body, headers={"If-None-Match": etag})
    assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", etag)


def test_an_etag__of_another_context__is_another(client: httpx2.Client) -> None:
    etag = client.post(BULK, json={"context": {"targetingKey": "user-1"}}).headers["etag"]
    other = client.post(BULK, json={"context": {"targetingKey": "user-2"}}, headers={"If-None-Match": etag})
    assert (other.status_code, other.headers["etag"] != etag) == (200, True)


def test_an_etag__after_a_change__is_another(admin: httpx2.Client, client: httpx2.Client, environment: str) -> None:
    body = {"context": {"targetingKey": "user-1"}}
    before = client.post(BULK, json=body)
    path = f"/api/v1/projects/{environment}/flags/switch/environments/production/disable"
    assert admin.post(path, json={"why": "off"}).status_code == 200
    after = client.post(BULK, json=body, headers={"If-None-Match": before.headers["etag"]})
    switch = {flag["key"]: flag.get("value") for flag in after.json()["flags"]}["switch"]
    assert (after.status_code, switch) == (200, False)


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        pytest.param({}, 401, id="none"),
        pytest.param({"Authorization": "Bearer ft_client_wrong"}, 401, id="a wrong token"),
        pytest.param({"X-API-Key": "wrong"}, 401, id="a wrong key"),
    ],
)
def test_a_credential__missing_or_wrong__is_401(server: RunningServer, headers: dict[str, str], status: int) -> None:
    with server.client("", **headers) as nobody:
        answer = ask(nobody, "switch", targetingKey="a")
    assert (answer.status_code, bool(answer.headers["x-request-id"])) == (status, True)


def test_a_token__as_api_key__is_good(server: RunningServer, client: httpx2.Client) -> None:
    secret = client.headers["authorization"].removeprefix("Bearer ")
    with server.client("", **{"X-API-Key": secret}) as other:
        assert ask(other, "switch", targetingKey="a").status_code == 200


def test_a_token__evaluates_in_its_own_environment_alone(client: httpx2.Client, environment: str) -> None:
    body = {"context": {"targetingKey": "a"}}
    own = client.post(f"{BULK}/switch?environment=production&project={environment}", json=body)
    other = client.post(f"{BULK}/switch?environment=staging", json=body)
    assert (own.status_code, other.status_code) == (200, 403)


def test_an_administrator__names_the_environment(admin: httpx2.Client, environment: str) -> None:
    body = {"context": {"targetingKey": "a"}}
    named = admin.post(f"{BULK}/switch?environment=production&project={environment}", json=body)
    unnamed = admin.post(f"{BULK}/switch", json=body)
    nowhere = admin.post(f"{BULK}/switch?environment=moon&project={environment}", json=body)
    assert (named.status_code, unnamed.status_code, nowhere.status_code) == (200, 400, 404)
    hold("flagNotFound", nowhere.json())


@pytest.mark.parametrize("key", ["a/b", "a%2Fb", "\u00fc", "a b"])
def test_a_key__that_no_flag_can_have__is_no_flag(client: httpx2.Client, key: str) -> None:
    answer = ask(client, key, targetingKey="a")
    hold("flagNotFound", answer.json())
    assert answer.status_code == 404


def test_a_float__written_without_a_point__is_told_with_one(
    admin: httpx2.Client, client: httpx2.Client, environment: str
) -> None:
    flag = {"key": "ratio", "type": "float", "variants": {"on": 2, "off": 0.5}}
    body = {"flag": flag, "targeting": {"production": enabled()}, "why": "a test"}
    assert admin.post(f"/api/v1/projects/{environment}/flags", json=body).status_code == 201
    assert '"value":2.0' in ask(client, "ratio", targetingKey="a").text


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        pytest.param("GET", f"{BULK}/switch", 405, id="GET"),
        pytest.param("POST", "/ofrep/v1/evaluate/flags/", 404, id="no key"),
        pytest.param("POST", "/ofrep/v2/evaluate/flags/switch", 404, id="another version"),
        pytest.param("POST", "/ofrep/v1/evaluate/flags/a/b", 404, id="a path below a flag"),
    ],
)
def test_an_address__that_is_none__is_refused(client: httpx2.Client, method: str, path: str, status: int) -> None:
    assert client.request(method, path, content=b'{"context": {}}').status_code == status


def test_a_body_over_1_mib__is_413__with_and_without_a_length(client: httpx2.Client) -> None:
    large = b'{"context": {"a": "' + b"x" * (1 << 20) + b'"}}'
    parts = (large[start : start + 65_536] for start in range(0, len(large), 65_536))
    statuses = [client.post(f"{BULK}/switch", content=content).status_code for content in (large, parts)]
    assert statuses == [413, 413]


def test_what_is_evaluated__also_when_it_is_a_304__is_counted_as_usage(
    admin: httpx2.Client, client: httpx2.Client, environment: str
) -> None:
    for number in range(7):
        ask(client, "switch", targetingKey=f"user-{number}")
    etag = client.post(BULK, json={"context": {"targetingKey": "a"}}).headers["etag"]
    client.post(BULK, json={"context": {"targetingKey": "a"}}, headers={"If-None-Match": etag})
    path = f"/api/v1/projects/{environment}/flags/switch/usage"
    told: Json = []
    for _ in range(1200):  # the counts are flushed every tenth of a second
        told = [(row["environment"], row["count"]) for row in admin.get(path).json()["summary"]]
        if told == [("production", 9)]:
            break
        threading.Event().wait(0.05)
    assert told == [("production", 9)]


ELSEWHERE = {"Origin": "https://app.example.org"}


@pytest.mark.parametrize("path", [BULK, f"{BULK}/switch"])
def test_a_preflight__without_a_credential__lets_a_page_of_any_site_ask(server: RunningServer, path: str) -> None:
    asked = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "authorization,content-type"}
    with server.client("", **ELSEWHERE, **asked) as browser:
        answer = browser.options(path)
    allowed = {name.strip() for name in answer.headers["access-control-allow-headers"].split(",")}
    assert (answer.status_code, answer.content) == (204, b"")
    assert answer.headers["access-control-allow-origin"] == "*"
    assert answer.headers["access-control-allow-methods"] == "POST"
    assert allowed == {"authorization", "content-type", "if-none-match", "x-api-key"}
    assert int(answer.headers["access-control-max-age"]) > 0


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        pytest.param(BULK, b'{"context": {}}', 200, id="bulk"),
        pytest.param(f"{BULK}/switch", b'{"context": {}}', 200, id="single"),
        pytest.param(f"{BULK}/nothing", b'{"context": {}}', 404, id="an unknown flag"),
        pytest.param(f"{BULK}/switch?environment=staging", b"{}", 403, id="a refusal"),
    ],
)
def test_an_answer_to_a_token__may_be_read_by_a_page_of_any_site(
    client: httpx2.Client, path: str, body: bytes, status: int
) -> None:
    answer = client.post(path, content=body, headers=ELSEWHERE)
    exposed = answer.headers["access-control-expose-headers"].split(", ")
    assert (answer.status_code, answer.headers["access-control-allow-origin"], "ETag" in exposed) == (status, "*", True)
    assert "access-control-allow-credentials" not in answer.headers


@pytest.mark.parametrize("headers", [{"Cookie": "flagtrail_session=wrong"}, {"X-API-Key": ""}, {}])
def test_an_answer_to_no_token__may_not_be_read_by_another_site(server: RunningServer, headers: dict[str, str]) -> None:
    with server.client("", **ELSEWHERE, **headers) as browser:
        answer = browser.post(BULK, json={"context": {}})
    assert (answer.status_code, "access-control-allow-origin" in answer.headers) == (401, False)


def test_an_answer_to_the_demos_own_sign_in__may_not_be_read_by_another_site(tmp_path: Path) -> None:
    with running_server(tmp_path, demo=True) as demo, demo.client("") as client:
        answer = client.post(f"{BULK}?environment=production", json={"context": {}})
    assert (answer.status_code, "access-control-allow-origin" in answer.headers) == (200, False)
