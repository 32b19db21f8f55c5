"""Blame through the API."""

from __future__ import annotations

from typing import Any

import httpx2
import pytest
from tests.support.documents import attribute_test, boolean_flag, enabled, rule

Json = Any


@pytest.fixture
def priced(admin: httpx2.Client, project: str) -> str:
    """A project whose flag is on in production for a segment, which is then widened."""
    base = f"/api/v1/projects/{project}"
    segment = {"key": "big", "when": attribute_test("plan", "in", "enterprise")}
    targeting = enabled(rules=[rule({"segment": "big"})], fallthrough={"variant": "off"})
    wider = {"when": attribute_test("plan", "in", "enterprise", "pro")}
    for answer in (
        admin.post(f"{base}/segments", json={"segment": segment}),
        admin.post(
            f"{base}/flags",
            json={"flag": boolean_flag("pricing"), "targeting": {"production": targeting}, "why": "go live"},
        ),
        admin.post(f"{base}/flags", json={"flag": boolean_flag("other")}),
        admin.patch(f"{base}/segments/big", json={"patch": wider, "why": "GROW-388"}),
    ):
        assert answer.is_success, answer.text
    return project


def asked(admin: httpx2.Client, project: str, **question: Json) -> httpx2.Response:
    return admin.post(f"/api/v1/projects/{project}/blame", json=question)


def test_blame__segment_widened_for_another_flag__is_found_and_traced(admin: httpx2.Client, priced: str) -> None:
    found = asked(admin, priced, flag="pricing", context={"plan": "pro"}).json()
    (flag,) = found["flags"]
    edge = flag["bands"][-1]["edge"]
    assert [band["got"]["variant"] for band in flag["bands"]] == ["off", "on"]
    assert edge["trace"] == ["segment big", "flag pricing"]
    assert (edge["before"]["value"], edge["after"]["value"], edge["after"]["rule"]) == (False, True, "r1")
    assert edge["cause"]["why"] == "GROW-388"
    assert edge["cause"]["words"] == ["segment: plan in [enterprise] became plan in [enterprise, pro]"]
    assert found["seqs"][-1] == edge["cause"]["seq"]


def test_blame__without_a_flag__tells_of_all(admin: httpx2.Client, priced: str) -> None:
    found = asked(admin, priced, context={"plan": "pro"}).json()
    assert [(flag["flag"], len(flag["bands"])) for flag in found["flags"]] == [("pricing", 2), ("other", 2)]


@pytest.mark.parametrize(
    ("question", "status", "code"),
    [
        pytest.param({"flag": "unheard"}, 404, "not_found", id="no such flag"),
        pytest.param({"environment": "moon"}, 404, "not_found", id="no such environment"),
        pytest.param({"since": "yesterday"}, 400, "invalid_query", id="no time"),
        pytest.param({"since": "2999-01-01"}, 400, "invalid_query", id="not begun"),
        pytest.param({"since": "2001-01-01", "until": "2002-01-01"}, 404, "before_record", id="before the record"),
        pytest.param({"context": {"targetingKey": 4}}, 422, "invalid_document", id="a targeting key that is no text"),
        pytest.param({"context": [1]}, 400, "malformed_request", id="a context that is no object"),
        pytest.param({"who": "acct_2"}, 400, "malformed_request", id="unknown member"),
    ],
)
def test_blame__bad_question__is_refused_as_a_problem(
    admin: httpx2.Client, priced: str, question: Json, status: int, code: str
) -> None:
    answer = asked(admin, priced, **question)
    assert (answer.status_code, answer.json()["code"]) == (status, code)


def test_suspects__of_an_incident__are_ranked(admin: httpx2.Client, priced: str) -> None:
    path = f"/api/v1/projects/{priced}/blame"
    found = admin.get(path, params={"at": "2999-01-01", "within": "30min"}).json()
    assert (found["source"], found["environment"]) == ("rules", "production")
    assert [each["cause"]["why"] for each in found["suspects"]] == ["go live", "GROW-388"]
    assert [flag["flag"] for flag in found["suspects"][1]["flags"]] == ["pricing"]


@pytest.mark.parametrize(
    ("parameters", "status", "code"),
    [
        pytest.param({}, 400, "malformed_request", id="no moment"),
        pytest.param({"at": "soon"}, 400, "invalid_query", id="no time"),
        pytest.param({"at": "2999-01-01", "within": "long"}, 400, "invalid_query", id="no length"),
        pytest.param({"at": "2999-01-01", "within": "999d"}, 400, "invalid_query", id="too long"),
        pytest.param({"at": "2001-01-01"}, 404, "before_record", id="before the record"),
        pytest.param({"at": "2999-01-01", "environment": "moon"}, 404, "not_found", id="no such environment"),
    ],
)
def test_suspects__bad_question__is_refused_as_a_problem(
    admin: httpx2.Client, priced: str, parameters: Json, status: int, code: str
) -> None:
    answer = admin.get(f"/api/v1/projects/{priced}/blame", params=parameters)
    assert (answer.status_code, answer.json()["code"]) == (status, code)
