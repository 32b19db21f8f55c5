"""A guarded change over HTTP and on the command line, with a real server that is killed while it watches."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest
from tests.support.command_line import flagtrail_in
from tests.support.documents import boolean_flag, enabled, split
from tests.support.server import RunningServer, free_port, running_server

Json = Any
PROJECT = "/api/v1/projects/default"
TARGETING = f"{PROJECT}/flags/f/environments/production"
GUARD = {"limits": [{"metric": "errors", "above": 0.02}], "minutes": 30, "over": 1}
OFF = enabled(fallthrough={"variant": "off"})


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    with running_server(tmp_path_factory.mktemp("guards")) as server:
        yield server


@pytest.fixture(scope="module")
def client(server: RunningServer) -> Iterator[httpx2.Client]:
    with server.client() as client:
        furnish(client)
        yield client


def furnish(client: httpx2.Client) -> None:
    body = {"flag": boolean_flag("f"), "targeting": {"production": OFF}, "why": "a test"}
    assert client.post(f"{PROJECT}/flags", json=body).is_success
    assert push(client, 0.0, minutes_ago=30).is_success


def push(client: httpx2.Client, *values: float, minutes_ago: float = 0.0) -> httpx2.Response:
    """Samples that lie 15 seconds apart, the last one so long ago."""
    last = time.time() - minutes_ago * 60
    samples = [
        {"metric": "errors", "environment": "production", "value": value, "time": last - 15 * place}
        for place, value in enumerate(values)
    ]
    return client.post(f"{PROJECT}/metrics", json={"samples": samples})


@pytest.fixture(autouse=True)
def anew(client: httpx2.Client) -> None:
    """Served to nobody, and watched by nothing."""
    client.request("DELETE", f"{TARGETING}/guard", json={"why": "a test"})
    assert client.put(TARGETING, json={"targeting": OFF, "why": "a test"}).is_success


@pytest.mark.parametrize(
    ("method", "address", "body"),
    [
        pytest.param("POST", f"{TARGETING}/rollout", {"percent": 50}, id="rollout"),
        pytest.param("PUT", TARGETING, {"targeting": enabled(fallthrough=split(10_000, 90_000))}, id="target"),
        pytest.param("PATCH", TARGETING, {"patch": {"fallthrough": {"variant": "on"}}}, id="edit"),
        pytest.param("POST", f"{TARGETING}/disable", {}, id="disable"),
    ],
)
def test_a_change__with_a_guard__is_one_group_of_two_entries(
    client: httpx2.Client, method: str, address: str, body: Json
) -> None:
    answer = client.request(method, address, json={**body, "guard": GUARD, "why": "a test"}).json()
    change, guard = answer["entries"]

    assert change["group"]["id"] == guard["group"]["id"]
    assert (guard["subject"]["kind"], guard["actions"]) == ("guard", ["guarded"])
    assert guard["after"]["version"] == change["version"] == answer["version"]
    history = client.get(f"{PROJECT}/flags/f/history").json()["items"]
    assert [entry["seq"] for entry in history[:2]] == [guard["seq"], change["seq"]]


def test_a_change_that_alters_nothing__with_a_guard__leaves_no_entry(client: httpx2.Client) -> None:
    answer = client.put(TARGETING, json={"targeting": OFF, "guard": GUARD, "why": "a test"}).json()

    assert (answer["changed"], client.get(f"{PROJECT}/guards").json()["items"]) == (False, [])


def test_a_guarded_change__repeated_with_its_idempotency_key__is_made_once(client: httpx2.Client) -> None:
    body = {"percent": 30, "guard": GUARD, "why": "a test"}
    first, again = (
        client.post(f"{TARGETING}/rollout", json=body, headers={"Idempotency-Key": "guarded"}).json() for _ in range(2)
    )

    assert first["entries"] == again["entries"]


@pytest.mark.parametrize(
    ("guard", "status"),
    [
        pytest.param({**GUARD, "limits": [{"metric": "nothing", "above": 1}]}, 422, id="no such metric"),
        pytest.param({**GUARD, "minutes": 2}, 422, id="too short"),
        pytest.param({**GUARD, "limits": []}, 422, id="no limit"),
        pytest.param({**GUARD, "state": "passed"}, 400, id="a state of its own choosing"),
        pytest.param({**GUARD, "action": "explode"}, 400, id="no action"),
    ],
)
def test_a_guard_that_cannot_be__refuses_the_change_with_it(client: httpx2.Client, guard: Json, status: int) -> None:
    answer = client.post(f"{TARGETING}/rollout", json={"percent": 50, "guard": guard, "why": "a test"})

    assert answer.status_code == status
    assert client.get(TARGETING).json()["document"]["fallthrough"]["variant"] == "off"


def test_guards__listed__tell_what_their_metrics_read(client: httpx2.Client) -> None:
    client.post(f"{TARGETING}/rollout", json={"percent": 50, "guard": GUARD, "why": "a test"})
    (view,) = client.get(f"{PROJECT}/guards", params={"flag": "f"}).json()["items"]

    assert (view["flag"], view["environment"], view["guard"]["state"]) == ("f", "production", "watching")
    assert view["readings"] == [{"limit": {"metric": "errors", "above": 0.02, "below": None}, "mean": None, "at": None}]


def test_a_guard__called_off__leaves_the_change(client: httpx2.Client) -> None:
    client.post(f"{TARGETING}/rollout", json={"percent": 50, "guard": GUARD, "why": "a test"})
    called_off = client.request("DELETE", f"{TARGETING}/guard", json={"why": "a test"})

    assert called_off.json()["entries"][0]["actions"] == ["deleted"]
    assert client.get(f"{PROJECT}/guards").json()["items"] == []
    assert client.request("DELETE", f"{TARGETING}/guard", json={"why": "a test"}).status_code == 404


def state(client: httpx2.Client) -> str:
    (view,) = client.get(f"{PROJECT}/guards").json()["items"]
    told: str = view["guard"]["state"]
    return told


def watched(client: httpx2.Client, seconds: float) -> str:
    """The guard's state as soon as it watches no longer."""
    deadline = time.monotonic() + seconds
    while state(client) == "watching" and time.monotonic() < deadline:
        threading.Event().wait(0.2)
    return state(client)


@pytest.mark.slow
def test_a_server_killed_while_it_watches__takes_the_change_back_after_its_next_start(tmp_path: Path) -> None:
    port = free_port()
    with running_server(tmp_path, port=port) as server, server.client() as client:
        furnish(client)
        made = client.post(f"{TARGETING}/rollout", json={"percent": 50, "guard": GUARD, "why": "a test"}).json()
        server.process.send_signal(signal.SIGKILL)
        server.process.wait()
    with running_server(tmp_path, port=port) as server, server.client() as client:
        samples = [{"metric": "errors", "value": 0.5, "time": time.time() + 6 * place} for place in range(10)]
        assert client.post(f"{PROJECT}/metrics", json={"samples": samples}).is_success
        assert watched(client, 60) == "breached"
        seq = made["entries"][-1]["seq"]
        entries = client.get("/api/v1/ledger/entries", params={"from": seq + 1}).json()["items"]

    entries = [entry for entry in entries if entry["subject"]["kind"] != "token"]  # the test's own, at the start
    assert [(entry["subject"]["kind"], entry["actor"]["kind"]) for entry in entries] == [
        ("targeting", "system"),
        ("guard", "system"),
    ]
    assert entries[0]["reverts"] == made["entries"][0]["seq"]


def in_folder(folder: Path, *arguments: str) -> str:
    outcome = flagtrail_in(folder, *arguments)
    assert (outcome.code, outcome.err) == (0, "")
    return outcome.out


def test_command_line__guards_lists_and_stops(tmp_path: Path) -> None:
    in_folder(tmp_path, "flags", "create", "f")
    in_folder(tmp_path, "metrics", "push", "errors", "0")
    assert in_folder(tmp_path, "guards", "list") == "No change was guarded.\n"
    guarded = ("--guard", "errors>2%", "--guard", "errors<-1", "--guard-for", "1h", "--guard-over", "10")
    told = in_folder(tmp_path, "enable", "f", "--why", "go live", *guarded, "--guard-action", "alert")

    assert (
        "guard of f in production: guarded for 60 min: tells of it if errors above 0.02 or errors below -1"
        " (mean of 10 min)" in told
    )
    listed = in_folder(tmp_path, "guards", "list", "f")
    assert listed.startswith("f in production: watching\n")
    assert "errors above 0.02: no samples yet" in listed
    in_folder(tmp_path, "guards", "stop", "f", "--why", "by hand")
    assert in_folder(tmp_path, "guards", "list") == "No change was guarded.\n"


@pytest.mark.parametrize(
    "options",
    [
        pytest.param(["--guard", "errors"], id="no limit"),
        pytest.param(["--guard", "errors>1", "--guard-for", "long"], id="no time"),
        pytest.param(["--guard", "errors>1", "--guard-action", "explode"], id="no action"),
    ],
)
def test_command_line__a_guard_that_is_none__is_wrong_usage(tmp_path: Path, options: list[str]) -> None:
    assert flagtrail_in(tmp_path, "enable", "f", *options).code == 2


def test_a_guard__is_set_and_called_off_by_an_editor_and_not_by_a_viewer(
    server: RunningServer, client: httpx2.Client
) -> None:
    answers = {}
    for role in ("viewer", "editor"):
        body = {"token": {"key": f"guard-{role}", "kind": "admin", "role": role, "project": "default"}, "why": "a test"}
        secret = client.post("/api/v1/tokens", json=body).json()["secret"]
        with server.client(secret) as other:
            made = other.post(f"{TARGETING}/rollout", json={"percent": 50, "guard": GUARD, "why": "a test"})
            listed = other.get(f"{PROJECT}/guards")
            stopped = other.request("DELETE", f"{TARGETING}/guard", json={"why": "a test"})
            answers[role] = (made.status_code, listed.status_code, stopped.status_code)

    assert answers == {"viewer": (403, 200, 403), "editor": (200, 200, 200)}
