"""Reports for auditors over HTTP: formats, periods, who may read them, and what is refused."""

from __future__ import annotations

import json
from typing import Any

import httpx2
import pytest
from tests.support.documents import attribute_test, boolean_flag, enabled, rule
from tests.support.server import RunningServer

from flagtrail.ledger.period import verify_report

Json = Any


@pytest.fixture
def priced(admin: httpx2.Client, project: str) -> str:
    """A project with a flag that was launched in production, and told more of."""
    base = f"/api/v1/projects/{project}"
    segment = {"key": "big", "when": attribute_test("plan", "in", "enterprise")}
    targeting = enabled(rules=[rule({"segment": "big"})], fallthrough={"variant": "off"})
    flag = {"flag": boolean_flag("new_pricing"), "targeting": {"production": targeting}, "why": "BILL-42 go live"}
    for answer in (
        admin.post(f"{base}/segments", json={"segment": segment, "why": "who is big"}),
        admin.post(f"{base}/flags", json=flag),
        admin.patch(f"{base}/flags/new_pricing", json={"patch": {"owner": "billing"}}),
    ):
        assert answer.is_success, answer.text
    return project


def read(client: httpx2.Client, project: str, kind: str, **asked: str) -> httpx2.Response:
    return client.get(f"/api/v1/projects/{project}/reports/{kind}", params=asked)


def token(admin: httpx2.Client, key: str, **fields: Json) -> str:
    answer = admin.post("/api/v1/tokens", json={"token": {"key": key, "kind": "admin", **fields}, "why": "a test"})
    secret: str = answer.json()["secret"]
    return secret


@pytest.mark.parametrize("kind", ["soc2", "iso27001", "pci", "access"])
def test_report__of_a_kind__is_summed_up_as_json(admin: httpx2.Client, priced: str, kind: str) -> None:
    answer = read(admin, priced, kind)
    summary = answer.json()
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/json")
    assert (summary["scope"]["kind"], summary["scope"]["project"], summary["found"]["changes"] > 0) == (
        kind,
        priced,
        True,
    )


@pytest.mark.parametrize(
    ("format_", "media_type", "beginning"),
    [
        pytest.param("jsonl", "application/jsonl", b'{"type":"report"', id="jsonl"),
        pytest.param("html", "text/html; charset=utf-8", b"<!doctype html>", id="html"),
        pytest.param("csv", "text/csv; charset=utf-8", b"seq,time,", id="csv"),
    ],
)
def test_report__as_a_file__is_one_with_a_name(
    admin: httpx2.Client, priced: str, format_: str, media_type: str, beginning: bytes
) -> None:
    answer = read(admin, priced, "soc2", format=format_, since="2026-01-01", until="2099-01-01")
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == media_type
    assert answer.headers["content-disposition"].startswith(f'attachment; filename="soc2-{priced}-2026-01-01-')
    assert answer.content.startswith(beginning)


def test_report__as_json_lines__verifies_by_the_key_that_the_server_tells(admin: httpx2.Client, priced: str) -> None:
    key = admin.get("/api/v1/ledger/key").text.strip()
    file = read(admin, priced, "flag", flag="new_pricing", where="plan=enterprise", format="jsonl").content
    lines = [json.loads(line) for line in file.splitlines()]
    assert verify_report(file.splitlines(), key).changes == 3
    production = next(each for each in lines[0]["exposures"] if each["environment"] == "production")
    assert production["intervals"][-1]["answer"]["cases"][0]["portions"][0]["percent"] == 100.0


@pytest.mark.parametrize(
    ("kind", "asked", "status", "code"),
    [
        pytest.param("soc3", {}, 400, "invalid_query", id="an unknown kind"),
        pytest.param("soc2", {"format": "docx"}, 400, "invalid_query", id="an unknown format"),
        pytest.param("soc2", {"since": "soon"}, 400, "invalid_query", id="no time"),
        pytest.param("soc2", {"since": "2026-02-01", "until": "2026-01-01"}, 400, "invalid_query", id="inverted"),
        pytest.param("soc2", {"sample": "1000"}, 400, "invalid_query", id="too large a sample"),
        pytest.param("soc2", {"flag": "new_pricing"}, 400, "invalid_query", id="a flag where none belongs"),
        pytest.param("flag", {}, 400, "invalid_query", id="no flag"),
        pytest.param("flag", {"flag": "nope"}, 404, "not_found", id="no such flag"),
        pytest.param("flag", {"flag": "new_pricing", "where": "plan"}, 400, "invalid_query", id="no contexts"),
    ],
)
def test_report__asked_for_wrongly__is_refused_with_a_problem(
    admin: httpx2.Client, priced: str, kind: str, asked: dict[str, str], status: int, code: str
) -> None:
    answer = read(admin, priced, kind, **asked)
    assert (answer.status_code, answer.json()["code"], bool(answer.json()["remedy"])) == (status, code, True)


@pytest.mark.parametrize(
    ("role", "kind", "status"),
    [
        pytest.param("viewer", "soc2", 200, id="a viewer reads of changes"),
        pytest.param("editor", "access", 403, id="an editor reads of no access"),
        pytest.param("auditor", "access", 200, id="an auditor does"),
        pytest.param("auditor", "pci", 200, id="and of changes"),
    ],
)
def test_report__by_role__is_given_or_refused(
    admin: httpx2.Client, server: RunningServer, priced: str, role: str, kind: str, status: int
) -> None:
    with server.client(token(admin, f"{priced}-{role}-{kind}", role=role)) as client:
        assert read(client, priced, kind).status_code == status


def test_report__by_a_token_of_another_project__is_refused(
    admin: httpx2.Client, server: RunningServer, priced: str
) -> None:
    with server.client(token(admin, f"{priced}-other", role="viewer", project="default")) as client:
        assert read(client, priced, "soc2").status_code == 403
