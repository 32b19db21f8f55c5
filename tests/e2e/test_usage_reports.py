"""`POST /sdk/v1/usage`: what an SDK reports, over HTTP."""

from __future__ import annotations

import gzip
import secrets
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import httpx2
import msgspec
import pytest
from tests.support.documents import boolean_flag, enabled
from tests.support.server import RunningServer, running_server

Json = Any
PATH = "/sdk/v1/usage"
ELSEWHERE = {"Origin": "https://app.example.org"}
_numbers = iter(range(10_000))


@pytest.fixture
def project(admin: httpx2.Client, project: str) -> str:
    """The test's own project, with one flag."""
    body = {"flag": boolean_flag("switch"), "targeting": {"production": enabled()}, "why": "a test"}
    assert admin.post(f"/api/v1/projects/{project}/flags", json=body).status_code == 201
    return project


def token(admin: httpx2.Client, project: str, kind: str = "server", environment: str = "production") -> str:
    document = {"key": f"usage-{next(_numbers)}", "kind": kind, "project": project, "environment": environment}
    answer = admin.post("/api/v1/tokens", json={"token": document, "why": "a test"})
    assert answer.status_code == 201, answer.text
    return str(answer.json()["secret"])


@pytest.fixture
def client(server: RunningServer, admin: httpx2.Client, project: str) -> Iterator[httpx2.Client]:
    with server.client(token(admin, project)) as made:
        yield made


def report(**parts: Json) -> Json:
    counts = [{"flag": "switch", "variant": "on", "rule": "", "count": 3}]
    periods = [{"ago": 0, "counts": counts}]
    given = {"id": secrets.token_hex(16), "sdk": "flagtrail-python/0.1.0", "application": "shop/1.4.2"}
    return {**given, "periods": periods, **parts}


def told(admin: httpx2.Client, project: str, flag: str = "switch") -> Json:
    return admin.get(f"/api/v1/projects/{project}/flags/{flag}/usage").json()


@pytest.mark.parametrize("kind", ["server", "client"])
def test_a_report__of_a_token_that_evaluates__is_counted(
    server: RunningServer, admin: httpx2.Client, project: str, kind: str
) -> None:
    with server.client(token(admin, project, kind)) as client:
        answer = client.post(PATH, json=report())

    assert (answer.status_code, answer.json()) == (202, {"added": True, "dropped": 0})
    (row,) = told(admin, project)["clients"]
    assert (row["client"], row["application"], row["count"]) == ("flagtrail-python/0.1.0", "shop/1.4.2", 3)


def test_a_report__sent_again__is_taken_and_adds_nothing(
    admin: httpx2.Client, client: httpx2.Client, project: str
) -> None:
    sent = report()
    answers = [client.post(PATH, json=sent) for _ in range(3)]

    assert [(each.status_code, each.json()["added"]) for each in answers] == [(202, True), (202, False), (202, False)]
    assert [row["count"] for row in told(admin, project)["summary"]] == [3]


def test_a_report__sent_by_many_at_once__is_added_once(
    admin: httpx2.Client, client: httpx2.Client, project: str
) -> None:
    sent = report()
    statuses: list[int] = []

    def send() -> None:
        statuses.append(client.post(PATH, json=sent).status_code)

    threads = [threading.Thread(target=send) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert statuses == [202] * 8
    assert [row["count"] for row in told(admin, project)["summary"]] == [3]


def test_a_report__as_gzip__is_read(admin: httpx2.Client, client: httpx2.Client, project: str) -> None:
    headers = {"Content-Type": "application/json; charset=utf-8", "Content-Encoding": "gzip"}
    answer = client.post(PATH, content=gzip.compress(msgspec.json.encode(report())), headers=headers)

    assert (answer.status_code, told(admin, project)["summary"][0]["count"]) == (202, 3)


def test_a_report__of_a_flag_that_nobody_made__can_be_asked_about(
    admin: httpx2.Client, client: httpx2.Client, project: str
) -> None:
    counts = [{"flag": "no_such", "variant": "", "rule": "", "count": 2}]
    client.post(PATH, json=report(periods=[{"ago": 5, "counts": counts}]))

    assert [(row["environment"], row["count"]) for row in told(admin, project, "no_such")["summary"]] == [
        ("production", 2)
    ]


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        pytest.param(b"", 400, "malformed_request", id="nothing"),
        pytest.param(b"{", 400, "malformed_request", id="no JSON"),
        pytest.param(b'{"id": "\xff"}', 400, "malformed_request", id="no UTF-8"),
        pytest.param(b"[" * 5_000, 400, "malformed_request", id="nested without end"),
        pytest.param(b"[]", 422, "invalid_document", id="another shape"),
        pytest.param(b"{}", 422, "invalid_document", id="nothing in it"),
        pytest.param(msgspec.json.encode(report(id="short")), 422, "invalid_document", id="too short an id"),
        pytest.param(msgspec.json.encode(report(more=1)), 422, "invalid_document", id="an unknown key"),
        pytest.param(
            msgspec.json.encode(report(periods=[{"ago": -1, "counts": []}])), 422, "invalid_document", id="the future"
        ),
        pytest.param(b'"' + b"x" * (4 << 20) + b'"', 413, "too_large", id="over 4 MiB"),
    ],
)
def test_a_bad_report__is_a_problem(client: httpx2.Client, body: bytes, status: int, code: str) -> None:
    answer = client.post(PATH, content=body, headers={"Content-Type": "application/json"})

    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert answer.headers["content-type"] == "application/problem+json"


def test_a_bad_report__says_where_it_is_wrong(client: httpx2.Client) -> None:
    counts = [{"flag": "switch", "variant": "on", "rule": "", "count": "many"}]
    answer = client.post(PATH, json=report(periods=[{"ago": 0, "counts": counts}]))

    assert [defect["path"] for defect in answer.json()["defects"]] == ["/periods/0/counts/0/count"]


def bomb() -> bytes:
    return gzip.compress(b'"' + b"x" * (40 << 20), 9)


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        pytest.param(b"no gzip", 400, "malformed_request", id="another encoding"),
        pytest.param(gzip.compress(b"{}")[:-9], 400, "malformed_request", id="cut off"),
        pytest.param(gzip.compress(b"{}") + b"more", 400, "malformed_request", id="more after it"),
        pytest.param(bomb(), 413, "too_large", id="a bomb"),
    ],
)
def test_a_bad_gzip_body__is_a_problem(client: httpx2.Client, body: bytes, status: int, code: str) -> None:
    headers = {"Content-Type": "application/json", "Content-Encoding": "gzip"}
    answer = client.post(PATH, content=body, headers=headers)

    assert (answer.status_code, answer.json()["code"]) == (status, code)


def test_a_body_over_4_mib__without_a_length__is_413(client: httpx2.Client) -> None:
    parts = (b" " * 65_536 for _ in range(66))
    answer = client.post(PATH, content=parts, headers={"Content-Type": "application/json"})

    assert answer.status_code == 413


@pytest.mark.parametrize(
    "headers",
    [
        pytest.param({"Content-Type": "text/plain"}, id="another type"),
        pytest.param({"Content-Type": "application/x-protobuf"}, id="protobuf"),
        pytest.param({"Content-Type": "application/json", "Content-Encoding": "br"}, id="another encoding"),
    ],
)
def test_a_body_of_another_kind__is_415(client: httpx2.Client, headers: dict[str, str]) -> None:
    answer = client.post(PATH, content=b"{}", headers=headers)

    assert (answer.status_code, answer.json()["code"]) == (415, "unsupported_media_type")


@pytest.mark.parametrize(
    ("secret", "status"), [pytest.param("", 401, id="none"), pytest.param("ft_server_wrong", 401, id="a wrong one")]
)
def test_a_report__without_a_good_token__is_401(server: RunningServer, secret: str, status: int) -> None:
    with server.client(secret) as client:
        assert client.post(PATH, json=report()).status_code == status


def test_a_report__with_an_administrators_token__is_403(admin: httpx2.Client) -> None:
    answer = admin.post(PATH, params={"environment": "production"}, json=report())

    assert (answer.status_code, answer.json()["code"]) == (403, "forbidden")


def test_a_report__about_another_environment_than_the_tokens__is_403(client: httpx2.Client) -> None:
    assert client.post(PATH, params={"environment": "staging"}, json=report()).status_code == 403


def test_a_question_with_get__is_405(client: httpx2.Client) -> None:
    answer = client.get(PATH)

    assert (answer.status_code, answer.headers["allow"]) == (405, "POST, OPTIONS")


def test_a_page_of_another_site__may_report_with_its_token(server: RunningServer, client: httpx2.Client) -> None:
    asked = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "authorization,content-type"}
    with server.client("", **ELSEWHERE, **asked) as browser:
        preflight = browser.options(PATH)
    answer = client.post(PATH, json=report(), headers=ELSEWHERE)
    refused = client.post(PATH, json={}, headers=ELSEWHERE)

    assert (preflight.status_code, preflight.headers["access-control-allow-methods"]) == (204, "POST")
    assert [each.headers["access-control-allow-origin"] for each in (preflight, answer, refused)] == ["*"] * 3


def test_a_request_without_a_token__is_answered_to_no_other_site(server: RunningServer) -> None:
    with server.client("", **ELSEWHERE) as browser:
        assert "access-control-allow-origin" not in browser.post(PATH, json=report()).headers


@pytest.mark.parametrize(
    ("query", "code"),
    [
        pytest.param("since=yesterday", "invalid_query", id="an unreadable time"),
        pytest.param("since=2026-11-22&until=2026-11-21", "invalid_query", id="an inverted period"),
        pytest.param("since=2020-01-01&by=hour", "invalid_query", id="too many hours"),
        pytest.param("by=week", "invalid_query", id="another span"),
        pytest.param("from=2026-11-22", "invalid_query", id="an unknown parameter"),
    ],
)
def test_usage__asked_for_in_a_way_that_cannot_be__is_400(
    admin: httpx2.Client, project: str, query: str, code: str
) -> None:
    answer = admin.get(f"/api/v1/projects/{project}/flags/switch/usage?{query}")

    assert (answer.status_code, answer.json()["code"]) == (400, code)


def test_usage__of_one_environment__leaves_out_the_others(
    server: RunningServer, admin: httpx2.Client, client: httpx2.Client, project: str
) -> None:
    client.post(PATH, json=report())
    with server.client(token(admin, project, environment="staging")) as other:
        other.post(PATH, json=report())
    answer = admin.get(f"/api/v1/projects/{project}/flags/switch/usage", params={"environment": "staging"}).json()

    assert {row["environment"] for part in ("summary", "counts", "clients") for row in answer[part]} == {"staging"}


def test_unknown_flags__are_what_was_asked_for_in_vain(
    admin: httpx2.Client, client: httpx2.Client, project: str
) -> None:
    counts = [{"flag": name, "variant": "", "rule": "", "count": 1} for name in ("no_such", "switch")]
    client.post(PATH, json=report(periods=[{"ago": 0, "counts": counts}]))
    found = admin.get(f"/api/v1/projects/{project}/unknown-flags").json()

    assert ([row["flag"] for row in found["items"]], found["next"]) == (["no_such"], None)


def test_contexts__that_were_sampled__are_kept_and_never_told_by_the_usage(
    server: RunningServer, admin: httpx2.Client, client: httpx2.Client, project: str
) -> None:
    client.post(PATH, json=report(contexts=[{"targetingKey": "u-secret", "plan": "pro"}]))
    with closing(sqlite3.connect(server.database, timeout=60)) as database:
        kept = database.execute("SELECT context FROM usage_context WHERE project = ?", (project,)).fetchall()

    assert [msgspec.json.decode(row[0]) for row in kept] == [{"targetingKey": "u-secret", "plan": "pro"}]
    assert "u-secret" not in admin.get(f"/api/v1/projects/{project}/flags/switch/usage").text


def test_reports__of_a_token_that_sends_too_many__are_429_and_of_others_taken(tmp_path: Path) -> None:
    with (
        running_server(tmp_path, reports_per_minute="3") as server,
        server.client() as admin,
        server.client(token(admin, "default")) as client,
        server.client(token(admin, "default")) as other,
    ):
        statuses = [client.post(PATH, json=report()).status_code for _ in range(3)]
        refused = client.post(PATH, json=report())
        logs = client.post("/otlp/v1/logs", json={"resourceLogs": []})
        others = other.post(PATH, json=report()).status_code

    assert (statuses, others) == ([202] * 3, 202)
    assert (refused.status_code, refused.json()["code"]) == (429, "too_many_requests")
    assert 0 < int(refused.headers["retry-after"]) <= 61
    assert (logs.status_code, "retry-after" in logs.headers) == (429, True)
