"""Scans of source code over HTTP: uploaded by those who may, and told per flag."""

from __future__ import annotations

from typing import Any

import httpx2
import pytest
from tests.support.documents import boolean_flag
from tests.support.server import RunningServer

Json = Any
PLACE = {"flag": "checkout", "path": "src/cart.py", "line": 7, "kind": "evaluation", "snippet": 'on("checkout")'}


@pytest.fixture
def project(admin: httpx2.Client, project: str) -> str:
    """The test's own project, with one flag."""
    body = {"flag": boolean_flag("checkout"), "why": "a test"}
    assert admin.post(f"/api/v1/projects/{project}/flags", json=body).status_code == 201
    return project


def scan(**parts: Json) -> Json:
    return {
        "repository": "shop",
        "branch": "main",
        "commit": "c0ffee0",
        "at": "2026-03-05T12:00:00Z",
        "default": True,
        "keys": ["checkout"],
        "references": [PLACE],
        **parts,
    }


def upload(client: httpx2.Client, project: str, **parts: Json) -> httpx2.Response:
    return client.put(f"/api/v1/projects/{project}/references", json=scan(**parts))


def test_upload__twice__answers_the_same_and_leaves_no_entry(admin: httpx2.Client, project: str) -> None:
    size = admin.get("/readyz").json()["size"]
    answers = [upload(admin, project) for _ in range(2)]

    assert [answer.status_code for answer in answers] == [200, 200]
    assert answers[1].json() == {"kept": True, "references": 1, "flags": 1, "unknown": []}
    told = admin.get(f"/api/v1/projects/{project}/flags/checkout/references").json()
    (branch,) = told["branches"]
    assert branch["scan"]["received"] >= "2026-03-05"
    assert branch["found"]["counts"] == {"evaluation": 1}
    assert branch["found"]["references"] == [{**PLACE, "column": 1, "symbol": "", "language": ""}]
    assert [point["count"] for point in branch["found"]["history"]] == [1]
    assert admin.get("/readyz").json()["size"] == size


def test_summary__after_an_upload__counts_by_kind(admin: httpx2.Client, project: str) -> None:
    upload(admin, project, references=[PLACE, {**PLACE, "flag": "gone", "line": 9}])

    told = admin.get(f"/api/v1/projects/{project}/references").json()
    assert [(each["flag"], each["counts"]) for each in told["flags"]] == [("checkout", {"evaluation": 1})]
    assert [each["flag"] for each in told["unknown"]] == ["gone"]
    assert told["scans"][0]["branch"] == "main"


@pytest.mark.parametrize(
    ("kind", "role", "status"), [("admin", "editor", 200), ("admin", "viewer", 403), ("server", None, 403)]
)
def test_upload__by_a_token__needs_the_role_editor(
    server: RunningServer, admin: httpx2.Client, project: str, kind: str, role: str | None, status: int
) -> None:
    document = {"key": f"{project}-{role}", "kind": kind, "project": project}
    document |= {"role": role} if role else {"environment": "production"}
    secret = admin.post("/api/v1/tokens", json={"token": document, "why": "a test"}).json()["secret"]
    with server.client(secret) as client:
        answer = upload(client, project)

    assert answer.status_code == status, answer.text


@pytest.mark.parametrize(
    ("parts", "status", "code"),
    [
        pytest.param({"references": [{**PLACE, "kind": "guess"}]}, 400, "malformed_request", id="an unknown kind"),
        pytest.param({"references": [{**PLACE, "line": 0}]}, 400, "malformed_request", id="line 0"),
        pytest.param({"references": [PLACE] * 20_001}, 400, "malformed_request", id="too many"),
        pytest.param({"commit": "HEAD"}, 400, "malformed_request", id="no commit"),
        pytest.param({"at": "soon"}, 422, "invalid_document", id="no time"),
        pytest.param({"extra": 1}, 400, "malformed_request", id="an unknown key"),
        pytest.param({"branch": "x" * (17 << 20)}, 413, "too_large", id="17 MiB"),
    ],
)
def test_upload__of_what_is_no_scan__is_refused(
    admin: httpx2.Client, project: str, parts: Json, status: int, code: str
) -> None:
    answer = upload(admin, project, **parts)

    assert (answer.status_code, answer.json()["code"]) == (status, code)


def test_of_flag__before_any_scan__has_no_branches(admin: httpx2.Client, project: str) -> None:
    told = admin.get(f"/api/v1/projects/{project}/flags/checkout/references").json()

    assert told == {"project": project, "flag": "checkout", "branches": []}
    assert admin.get(f"/api/v1/projects/{project}/flags/nothing/references").status_code == 404


def test_archive__with_the_commit_that_removed_the_code__keeps_it_in_the_reason(
    admin: httpx2.Client, project: str
) -> None:
    flag = f"/api/v1/projects/{project}/flags/checkout"
    refused = admin.post(f"{flag}/archive", json={"why": "gone", "commit": "HEAD~1"})
    made = admin.post(f"{flag}/archive", json={"why": "gone", "commit": "c0ffee0"})

    assert (refused.status_code, made.status_code) == (400, 200)
    assert made.json()["entries"][0]["why"] == "gone\n\nRemoved-By: c0ffee0"


def test_forget__a_repository__takes_its_scans_away_and_leaves_no_entry(admin: httpx2.Client, project: str) -> None:
    upload(admin, project, repository="acme/old")
    size = admin.get("/readyz").json()["size"]
    address = f"/api/v1/projects/{project}/references"
    gone = admin.delete(address, params={"repository": "acme/old"})

    assert (gone.status_code, gone.json()) == (200, {"repository": "acme/old", "branches": 1})
    assert admin.delete(address, params={"repository": "acme/old"}).status_code == 404
    assert admin.delete(address).status_code == 400
    assert admin.get("/readyz").json()["size"] == size
