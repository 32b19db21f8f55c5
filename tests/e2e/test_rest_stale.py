"""Stale flags over HTTP: what is asked, what people say of a flag's way out, and what is refused."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx2
import pytest
from tests.support.documents import boolean_flag, enabled
from tests.support.installation import settings_of
from tests.support.server import running_server

Json = Any
PROJECT = "/api/v1/projects/default"
FLAG = f"{PROJECT}/flags/old_banner"
WHY = {"why": "a test"}
SOON = f"{datetime.now(UTC) + timedelta(days=30):%Y-%m-%d}"


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def client(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx2.Client]:
    folder = tmp_path_factory.mktemp("stale")
    settings: Json = settings_of(request.param, folder)
    with running_server(folder, **settings) as server, server.client() as client:
        yield client


@pytest.fixture(autouse=True)
def anew(client: httpx2.Client) -> Iterator[None]:
    """A flag that was to be gone by a day that is over."""
    flag = boolean_flag("old_banner", owner="growth", lifecycle={"kind": "release", "remove_by": "2024-12-31"})
    made = client.post(f"{PROJECT}/flags", json={"flag": flag, "targeting": {"production": enabled()}, **WHY})
    assert made.is_success, made.text
    yield
    assert client.request("DELETE", FLAG, json=WHY).is_success


def of(client: httpx2.Client, what: str = "stale") -> Json:
    """What is told of the flag."""
    (found,) = client.get(f"{PROJECT}/{what}").json()["flags"]
    return found


def delete(client: httpx2.Client, address: str) -> httpx2.Response:
    return client.request("DELETE", address, json=WHY)


def test_stale__tells_reason_evidence_and_confidence(client: httpx2.Client) -> None:
    found = of(client)
    assert [(each["code"], each["confidence"]) for each in found["reasons"]] == [("past_remove_by", "low")]
    assert (found["stage"], found["blockers"], found["snoozed"]) == ("potentially_stale", [], None)


def test_health__tells_each_month_that_was_asked_for(client: httpx2.Client) -> None:
    told = client.get(f"{PROJECT}/stale/health", params={"months": 2}).json()["months"]
    assert ([each["flags"] for each in told], told[-1]["month"]) == ([0, 1], f"{datetime.now(UTC):%Y-%m}")
    assert client.get(f"{PROJECT}/stale/health", params={"months": 121}).status_code == 400


def test_snooze__is_an_entry_and_ends_by_hand(client: httpx2.Client) -> None:
    made = client.put(f"{FLAG}/snooze", json={"until": SOON, "why": "the campaign runs on"})
    [entry] = made.json()["entries"]
    assert entry["words"] == [f"snoozed until {SOON} by growth: the campaign runs on"]
    assert of(client)["snoozed"] == {"until": SOON, "owner": "growth", "reason": "the campaign runs on"}
    assert delete(client, f"{FLAG}/snooze").json()["entries"][0]["actions"] == ["unsnoozed"]
    assert of(client)["snoozed"] is None


def test_stage__decided_by_a_person__and_taken_back(client: httpx2.Client) -> None:
    made = client.put(f"{FLAG}/stage", json={"stage": "ready_to_remove", "variant": "on", **WHY})
    assert made.json()["document"]["stage"] == "ready_to_remove"
    assert (of(client, "stale/stages")["stage"], made.json()["version"]) == ("ready_to_remove", 1)
    assert delete(client, f"{FLAG}/stage").json()["document"]["stage"] == "potentially_stale"


def test_stage__code_that_went_with_a_scan__is_seen(client: httpx2.Client) -> None:
    scan = {
        "repository": "shop",
        "branch": "main",
        "default": True,
        "keys": ["old_banner"],
        "references": [{"flag": "old_banner", "path": "a.py", "line": 3, "kind": "evaluation"}],
    }
    for commit, references in (("c0ffee0", scan["references"]), ("c0ffee1", [])):
        body = {**scan, "commit": commit, "at": datetime.now(UTC).isoformat(), "references": references}
        assert client.put(f"{PROJECT}/references", json=body).is_success
    assert [each["code"] for each in of(client)["reasons"]] == ["no_references", "past_remove_by"]
    assert of(client, "stale/stages")["stage"] == "code_removed"


def test_thresholds__of_project_and_flag__are_entries_and_hold(client: httpx2.Client) -> None:
    address = f"{PROJECT}/thresholds"
    assert client.get(address).json()["version"] == 0
    body = {"thresholds": {"days": {"one_variant": 90}, "kinds": {"release": {"lifetime": 14}}}, **WHY}
    [entry] = client.put(address, json=body).json()["entries"]
    assert entry["words"] == [
        "one variant: as it comes became 90 days",
        "release lifetime: as it comes became 14 days",
    ]
    assert client.put(f"{FLAG}/lifespan", json={"lifespan": {"permanent": True}, **WHY}).is_success
    assert (of(client)["permanent"], client.get(f"{FLAG}/lifespan").json()["document"]) == (True, {"permanent": True})
    assert delete(client, f"{FLAG}/lifespan").is_success
    assert of(client)["permanent"] is False
    assert client.put(address, json={"thresholds": {}, **WHY}).is_success


@pytest.mark.parametrize(
    ("method", "address", "body", "status", "code"),
    [
        pytest.param("PUT", "/snooze", {"until": "2001-01-01", **WHY}, 422, "invalid_document", id="until yesterday"),
        pytest.param("PUT", "/snooze", {"until": SOON}, 422, "invalid_document", id="no reason"),
        pytest.param("PUT", "/snooze", {"until": SOON, "days": 3}, 400, "malformed_request", id="unknown key"),
        pytest.param("DELETE", "/snooze", WHY, 404, "not_found", id="not snoozed"),
        pytest.param("PUT", "/stage", {"stage": "stale", **WHY}, 400, "malformed_request", id="not for people"),
        pytest.param("PUT", "/stage", {"stage": "code_removed", **WHY}, 422, "invalid_document", id="no commit"),
        pytest.param("DELETE", "/stage", WHY, 409, "stage_refused", id="nothing decided"),
        pytest.param("PUT", "/lifespan", {"lifespan": {"scan": 0}, **WHY}, 422, "invalid_document", id="no days"),
        pytest.param("PUT", "/lifespan", {"lifespan": {"x": 1}, **WHY}, 422, "invalid_document", id="no such rule"),
        pytest.param("DELETE", "/lifespan", WHY, 404, "not_found", id="no days of its own"),
    ],
)
def test_what_cannot_be__is_refused_with_its_code(
    client: httpx2.Client, method: str, address: str, body: Json, status: int, code: str
) -> None:
    answer = client.request(method, f"{FLAG}{address}", json=body)
    assert (answer.status_code, answer.json()["code"]) == (status, code)


def test_flag_that_is_not__is_not_found_everywhere(client: httpx2.Client) -> None:
    gone = f"{PROJECT}/flags/nope"
    asked = [
        client.get(f"{gone}/lifespan"),
        client.put(f"{gone}/lifespan", json={"lifespan": {}, **WHY}),
        client.put(f"{gone}/snooze", json={"until": SOON, **WHY}),
        client.put(f"{gone}/stage", json={"stage": "ready_to_remove", **WHY}),
        client.get("/api/v1/projects/mars/stale/stages"),
        client.get("/api/v1/projects/mars/thresholds"),
    ]
    assert {answer.status_code for answer in asked} == {404}


def test_two_who_decide_at_once__the_second_is_told(client: httpx2.Client) -> None:
    body = {"stage": "ready_to_remove", "version": of(client, "stale/stages")["version"], **WHY}
    first, second = (client.put(f"{FLAG}/stage", json={**body, "variant": key}) for key in ("on", "off"))
    assert (first.status_code, second.status_code, second.json()["code"]) == (200, 409, "version_conflict")
