"""Bad input: each kind gets one clear problem with a code and a remedy, no traceback, and nothing half-done."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx2
import msgspec
import pytest
from tests.support.documents import attribute_test, boolean_flag, enabled, rule, split
from tests.support.server import RunningServer

Json = Any
JSON = {"Content-Type": "application/json"}


class Bad(msgspec.Struct, frozen=True):
    """One bad request, and how it is refused. `{p}` in the path is the test's project."""

    method: str
    path: str
    status: int
    code: str
    body: Json = None
    raw: bytes | None = None
    headers: dict[str, str] = {}


FLAGS = "/api/v1/projects/{p}/flags"
FLAG = f"{FLAGS}/f"
TARGETING = f"{FLAG}/environments/staging"
DEEP = b'{"flag": ' + b"[" * 50_000 + b"]" * 50_000 + b"}"
NESTED = b'{"flag": ' + b'{"a":' * 200 + b"1" + b"}" * 200 + b"}"


def targeting(**parts: Json) -> Json:
    return {"targeting": enabled(**parts)}


def ruled(condition: Json) -> Json:
    return targeting(rules=[rule(condition)])


CASES: dict[str, Bad] = {
    "malformed JSON": Bad("POST", FLAGS, 400, "malformed_request", raw=b'{"flag": '),
    "no body": Bad("POST", FLAGS, 400, "malformed_request", raw=b"", headers=JSON),
    "not UTF-8": Bad("POST", FLAGS, 400, "malformed_request", raw=b'{"flag": "\xff"}'),
    "not an object": Bad("POST", FLAGS, 400, "malformed_request", body=[1, 2]),
    "unknown key around the document": Bad(
        "POST", FLAGS, 400, "malformed_request", body={"flag": boolean_flag("x"), "wyh": "typo"}
    ),
    "unknown key in the document": Bad(
        "POST", FLAGS, 422, "invalid_document", body={"flag": boolean_flag("x", colour="red")}
    ),
    "a text for a number": Bad("POST", f"{TARGETING}/rollout", 400, "malformed_request", body={"percent": "25"}),
    "a percentage over 100": Bad("POST", f"{TARGETING}/rollout", 422, "invalid_document", body={"percent": 101}),
    "a document without key": Bad("POST", FLAGS, 422, "invalid_document", body={"flag": {"type": "boolean"}}),
    "a key that is none": Bad("POST", FLAGS, 422, "invalid_document", body={"flag": boolean_flag("a b")}),
    "a value of another type": Bad(
        "POST", FLAGS, 422, "invalid_document", body={"flag": {**boolean_flag("x"), "variants": {"on": "yes"}}}
    ),
    "an integer beyond 2^53": Bad(
        "POST",
        FLAGS,
        422,
        "invalid_document",
        body={"flag": {"key": "x", "type": "integer", "variants": {"a": 2**60, "b": 1}}},
    ),
    "a flag that exists": Bad("POST", FLAGS, 409, "already_exists", body={"flag": boolean_flag("f")}),
    "an unknown project": Bad("GET", "/api/v1/projects/nowhere/flags", 404, "not_found"),
    "an unknown flag": Bad("GET", f"{FLAGS}/nothing", 404, "not_found"),
    "an unknown flag to enable": Bad("POST", f"{FLAGS}/nothing/environments/staging/enable", 404, "not_found"),
    "an unknown flag's history": Bad("GET", f"{FLAGS}/nothing/history", 404, "not_found"),
    "an unknown flag's usage": Bad("GET", f"{FLAGS}/nothing/usage", 404, "not_found"),
    "an unknown flag's exposure": Bad("GET", f"{FLAGS}/nothing/environments/staging/exposure", 404, "not_found"),
    "an unknown environment": Bad("POST", f"{FLAG}/environments/moon/enable", 404, "not_found"),
    "an unknown variant": Bad(
        "PUT", TARGETING, 422, "invalid_document", body=targeting(fallthrough={"variant": "purple"})
    ),
    "an unknown segment": Bad("PUT", TARGETING, 422, "invalid_document", body=ruled({"segment": "nobody"})),
    "an unknown operator": Bad(
        "PUT", TARGETING, 422, "invalid_document", body=ruled(attribute_test("plan", "resembles", "x"))
    ),
    "weights that do not add up": Bad(
        "PUT", TARGETING, 422, "invalid_document", body=targeting(fallthrough=split(1, 2))
    ),
    "an invalid regular expression": Bad(
        "PUT", TARGETING, 422, "invalid_document", body=ruled(attribute_test("plan", "matches", "(("))
    ),
    "a flag that depends on itself": Bad(
        "PUT", TARGETING, 422, "invalid_document", body=targeting(prerequisites=[{"flag": "f", "variants": ["on"]}])
    ),
    "a stale version": Bad(
        "PATCH", FLAG, 409, "version_conflict", body={"patch": {"owner": "x"}}, headers={"If-Match": '"7"'}
    ),
    "an If-Match that is none": Bad(
        "PATCH", FLAG, 400, "malformed_request", body={"patch": {"owner": "x"}}, headers={"If-Match": '"x"'}
    ),
    "a version below zero": Bad("PATCH", FLAG, 400, "malformed_request", body={"patch": {}, "version": -1}),
    "a missing reason": Bad("POST", f"{FLAG}/environments/production/enable", 422, "why_required"),
    "a reason without end": Bad("POST", f"{FLAG}/archive", 422, "invalid_document", body={"why": "x" * 20_000}),
    "a wrong content type": Bad(
        "POST", FLAGS, 415, "unsupported_media_type", raw=b"flag=x", headers={"Content-Type": "text/plain"}
    ),
    "deep nesting": Bad("POST", FLAGS, 400, "malformed_request", raw=DEEP),
    "a document nested too deeply": Bad("POST", FLAGS, 400, "malformed_request", raw=NESTED),
    "a body over 1 MiB": Bad("POST", FLAGS, 413, "too_large", raw=b'{"why": "' + b"x" * (1 << 20) + b'"}'),
    "an unknown address": Bad("GET", "/api/v1/nothing", 404, "not_found"),
    "an unknown method": Bad("PUT", FLAGS, 405, "method_not_allowed", body={}),
    "an unknown parameter": Bad("GET", f"{FLAGS}?flagg=x", 400, "invalid_query"),
    "a cursor that is none": Bad("GET", "/api/v1/projects/{p}/changes?cursor=abc", 400, "invalid_query"),
    "a limit of a million": Bad("GET", "/api/v1/projects/{p}/changes?limit=1000000", 400, "invalid_query"),
    "a time that is none": Bad("GET", "/api/v1/projects/{p}/changes?since=yesterday", 400, "invalid_query"),
    "a kind that is none": Bad("GET", "/api/v1/projects/{p}/changes?kind=thing", 400, "invalid_query"),
    "a segment description that is none": Bad("GET", f"{TARGETING}/exposure?where=plan", 400, "invalid_query"),
    "a seq beyond the end": Bad("GET", "/api/v1/changes/99999999", 404, "not_found"),
    "a seq beyond all numbers": Bad("GET", "/api/v1/changes/99999999999999999999999", 400, "invalid_query"),
    "an instant beyond all numbers": Bad(
        "GET", "/api/v1/projects/{p}/state?at=99999999999999999999999", 400, "invalid_query"
    ),
    "an instant before the record": Bad(
        "GET", "/api/v1/projects/{p}/state?at=2001-01-01T00:00:00Z", 404, "before_record"
    ),
    "a targeting key that is a number": Bad(
        "POST", "/api/v1/projects/{p}/evaluate", 422, "invalid_document", body={"context": {"targetingKey": 5}}
    ),
    "a token of nowhere": Bad(
        "POST",
        "/api/v1/tokens",
        404,
        "not_found",
        body={"token": {"key": "t", "kind": "client", "project": "nowhere", "environment": "production"}},
    ),
    "a password that is too short": Bad(
        "POST", "/api/v1/members/owner/password", 422, "invalid_document", body={"password": "short"}
    ),
    "a notifier that is not set up": Bad(
        "POST", "/api/v1/alerts/test", 422, "setting_invalid", body={"channel": "pigeon"}
    ),
}


@pytest.fixture
def furnished(admin: httpx2.Client, project: str) -> str:
    """A project with the flag `f`."""
    answer = admin.post(f"/api/v1/projects/{project}/flags", json={"flag": boolean_flag("f")})
    assert answer.status_code == 201, answer.text
    return project


def send(client: httpx2.Client, bad: Bad, project: str) -> httpx2.Response:
    content = bad.raw if bad.raw is not None else None if bad.body is None else msgspec.json.encode(bad.body)
    headers = {**({} if content is None else JSON), **bad.headers}
    return client.request(bad.method, bad.path.replace("{p}", project), content=content, headers=headers)


@pytest.mark.parametrize("bad", [pytest.param(bad, id=name) for name, bad in CASES.items()])
def test_bad_input__of_each_kind__is_one_clear_problem_and_changes_nothing(
    admin: httpx2.Client, furnished: str, bad: Bad
) -> None:
    before = admin.get("/readyz").json()["size"]
    answer = send(admin, bad, furnished)
    told = answer.json()
    assert (answer.status_code, told["code"]) == (bad.status, bad.code), answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    assert (bool(told["remedy"]), bool(told["detail"]), told["status"]) == (True, True, bad.status)
    assert told["request"] == answer.headers["x-request-id"]
    assert "Traceback" not in answer.text
    assert admin.get("/readyz").json()["size"] == before


def test_a_document__with_many_defects__is_told_all_of_them(admin: httpx2.Client, furnished: str) -> None:
    body = targeting(off_variant="none", fallthrough=split(1, 2), rules=[rule({"segment": "nobody"})])
    answer = admin.put(f"/api/v1/projects/{furnished}/flags/f/environments/staging", json=body)
    paths = {defect["path"].split("#")[1] for defect in answer.json()["defects"]}
    assert {"/off_variant", "/rules/0/when/segment"} <= paths


def test_a_body_over_1_mib__streamed_without_a_length__is_cut_off(admin: httpx2.Client, furnished: str) -> None:
    def chunks() -> Iterator[bytes]:
        yield b'{"why": "'
        for _ in range(40):
            yield b"x" * (1 << 16)

    answer = admin.post(f"/api/v1/projects/{furnished}/flags", content=chunks(), headers=JSON)
    assert (answer.status_code, answer.json()["code"]) == (413, "too_large")


def test_a_cycle__of_two_flags__is_refused(admin: httpx2.Client, furnished: str) -> None:
    flags = f"/api/v1/projects/{furnished}/flags"
    first = {"staging": enabled(prerequisites=[{"flag": "f", "variants": ["on"]}])}
    assert admin.post(flags, json={"flag": boolean_flag("g"), "targeting": first}).status_code == 201
    back = targeting(prerequisites=[{"flag": "g", "variants": ["on"]}])
    answer = admin.put(f"{flags}/f/environments/staging", json=back)
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_document")


def test_the_log__after_bad_input__holds_no_bodies_and_no_secrets(server: RunningServer, furnished: str) -> None:
    with server.client() as client:
        client.post(f"/api/v1/projects/{furnished}/flags?token=querysecret", json={"wyh": "bodysecret"})
    log = server.log.read_text()
    assert [word for word in ("querysecret", "bodysecret", server.token) if word in log] == []
