"""Contract 10: every route names the role it needs; every mutating one leaves exactly one entry per document changed.

And with the ledger refusing entries, every mutating one answers an error and changes nothing.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any, get_args

import httpx2
import msgspec
import pytest
from litestar.handlers import HTTPRouteHandler
from tests.support.documents import attribute_test, boolean_flag, enabled
from tests.support.server import RunningServer, running_server

from flagtrail.model.access import Role
from flagtrail.server import openapi, openapi_ofrep, openapi_reports, openapi_sync, reports_asgi, sync_asgi
from flagtrail.server.identity import METRICS, PUBLIC, SIGNED_IN
from flagtrail.server.rest import ROUTES, UNGATED

Json = Any
SAFE = {"GET", "HEAD", "OPTIONS"}
_numbers = count(1)

ASIDE = {
    ("POST", "/projects/{project:str}/evaluate"): "it asks, and changes nothing",
    ("POST", "/projects/{project:str}/preview"): "it asks, and changes nothing",
    ("POST", "/projects/{project:str}/flags/{flag:str}/preview"): "it asks, and changes nothing",
    ("POST", "/projects/{project:str}/flags/{flag:str}/environments/{environment:str}/preview"): "it asks, too",
    ("POST", "/projects/{project:str}/segments/{segment:str}/preview"): "it asks, and changes nothing",
    ("POST", "/projects/{project:str}/changes/{seq:int}/preview"): "it asks, and changes nothing",
    ("POST", "/projects/{project:str}/blame"): "it asks; the context is in the body, for addresses stand in logs",
    ("POST", "/members/{member:str}/login-link"): "a secret is no document",
    ("POST", "/members/{member:str}/password"): "a secret is no document",
    ("POST", "/projects/{project:str}/metrics"): "samples are what was measured, like reports of usage: no decision",
    ("PUT", "/projects/{project:str}/references"): "a scan is what stands in source code, like samples: no decision",
    ("DELETE", "/projects/{project:str}/references"): "it takes back what scans told, which was no decision either",
    ("POST", "/alerts/test"): "it sends a message, and changes nothing",
    (
        "POST",
        "/projects/{project:str}/alerts/{number:int}/resend",
    ): "it sends a message; the delivery log says who wanted it",
}
"""Routes of an unsafe method that concern no document, and why."""


class Example(msgspec.Struct, frozen=True):
    """A working request of one route, in a furnished project; `changed` is how many documents it alters."""

    body: Json
    changed: int = 1


PROJECT = "/projects/{project:str}"
FLAG = f"{PROJECT}/flags/{{flag:str}}"
TARGETING = f"{FLAG}/environments/{{environment:str}}"
ENVIRONMENT = f"{PROJECT}/environments/{{environment:str}}"
SEGMENT = f"{PROJECT}/segments/{{segment:str}}"
SUBSCRIPTION = f"{PROJECT}/subscriptions/{{subscription:str}}"
WHY = {"why": "a test"}
CONDITION = attribute_test("plan", "in", "enterprise")
VERSION = {
    "author": {"name": "Ada", "email": "ada@example.org"},
    "occurred_at": "2024-05-01T00:00:00.000000Z",
    "message": "first",
    "reference": "c0ffee",
    "flags": {"imported": [boolean_flag("imported"), enabled()]},
    "segments": {},
}

EXAMPLES: dict[tuple[str, str], Example] = {
    ("POST", "/projects"): Example({"key": "new-{n}", **WHY}, changed=5),
    ("PATCH", PROJECT): Example({"patch": {"name": "Shop"}, **WHY}),
    ("DELETE", PROJECT): Example(WHY, changed=9),
    ("PUT", f"{PROJECT}/policy"): Example({"policy": {"why_required": "never"}, **WHY}),
    ("POST", f"{PROJECT}/environments"): Example({"environment": {"key": "qa"}, **WHY}),
    ("PUT", ENVIRONMENT): Example({"environment": {"key": "staging", "name": "Stage"}, **WHY}),
    ("PATCH", ENVIRONMENT): Example({"patch": {"name": "Stage"}, **WHY}),
    ("DELETE", ENVIRONMENT): Example(WHY, changed=2),
    ("POST", f"{PROJECT}/segments"): Example({"segment": {"key": "other", "when": CONDITION}, **WHY}),
    ("PUT", SEGMENT): Example({"segment": {"key": "s", "when": attribute_test("plan", "in", "free")}, **WHY}),
    ("PATCH", SEGMENT): Example({"patch": {"description": "big ones"}, **WHY}),
    ("DELETE", SEGMENT): Example(WHY),
    ("POST", f"{PROJECT}/subscriptions"): Example({"subscription": {"key": "other"}, **WHY}),
    ("PUT", SUBSCRIPTION): Example({"subscription": {"key": "own", "enabled": False}, **WHY}),
    ("PATCH", SUBSCRIPTION): Example({"patch": {"channels": ["slack"]}, **WHY}),
    ("DELETE", SUBSCRIPTION): Example(WHY),
    ("POST", f"{PROJECT}/flags"): Example(
        {"flag": boolean_flag("g"), "targeting": {"staging": enabled()}, **WHY}, changed=2
    ),
    ("PUT", FLAG): Example({"flag": boolean_flag("f", owner="billing"), **WHY}),
    ("PATCH", FLAG): Example({"patch": {"owner": "billing"}, **WHY}),
    ("DELETE", FLAG): Example(WHY, changed=2),
    ("POST", f"{FLAG}/archive"): Example(WHY),
    ("POST", f"{FLAG}/restore"): Example(WHY),
    ("PUT", TARGETING): Example({"targeting": {**enabled(), "enabled": False}, **WHY}),
    ("PATCH", TARGETING): Example({"patch": {"fallthrough": {"variant": "off"}}, **WHY}),
    ("POST", f"{TARGETING}/enable"): Example(WHY),
    ("POST", f"{TARGETING}/disable"): Example(WHY),
    ("POST", f"{TARGETING}/rollout"): Example({"percent": 25, **WHY}),
    ("DELETE", f"{TARGETING}/guard"): Example(WHY),
    ("PUT", f"{FLAG}/snooze"): Example({"until": "{tomorrow}", **WHY}),
    ("DELETE", f"{FLAG}/snooze"): Example(WHY),
    ("PUT", f"{FLAG}/stage"): Example({"stage": "code_removed", "commit": "c0ffee", **WHY}),
    ("DELETE", f"{FLAG}/stage"): Example(WHY),
    ("PUT", f"{FLAG}/lifespan"): Example({"lifespan": {"permanent": True}, **WHY}),
    ("DELETE", f"{FLAG}/lifespan"): Example(WHY),
    ("PUT", f"{PROJECT}/nudge"): Example({"nudge": {"channels": ["slack"]}, **WHY}),
    ("PUT", f"{PROJECT}/thresholds"): Example({"thresholds": {"days": {"one_variant": 90}}, **WHY}),
    ("POST", f"{PROJECT}/changes/{{seq:int}}/revert"): Example(WHY),
    ("POST", f"{PROJECT}/import"): Example(
        {"environment": "development", "source": "flags.json", "versions": [VERSION]}, changed=2
    ),
    ("POST", "/tokens"): Example({"token": {"key": "new-{n}", "kind": "admin"}, **WHY}),
    ("DELETE", "/tokens/{token:str}"): Example(WHY),
    ("POST", "/members"): Example({"member": {"key": "new-{n}", "name": "Ada", "email": "{n}@example.org"}, **WHY}),
    ("PATCH", "/members/{member:str}"): Example({"patch": {"role": "editor"}, **WHY}),
}


def addresses(handlers: list[HTTPRouteHandler]) -> list[tuple[str, str, HTTPRouteHandler]]:
    return [
        (method, path, handler) for handler in handlers for method in handler.http_methods for path in handler.paths
    ]


MUTATING = sorted(
    (method, path) for method, path, _ in addresses(ROUTES) if method not in SAFE and (method, path) not in ASIDE
)


@pytest.mark.parametrize(
    "handler",
    [
        pytest.param(handler, id=f"{method} {path}")
        for method, path, handler in addresses([*ROUTES, *UNGATED, *openapi.ROUTES])
    ],
)
def test_every_route__names_the_role_it_needs(handler: HTTPRouteHandler) -> None:
    assert handler.opt.get("role") in {METRICS, PUBLIC, SIGNED_IN, *get_args(Role)}


@pytest.mark.parametrize(
    "handler", [pytest.param(handler, id=f"{method} {path}") for method, path, handler in addresses(ROUTES)]
)
def test_every_route_of_the_api__needs_a_credential(handler: HTTPRouteHandler) -> None:
    assert handler.opt["role"] != PUBLIC


RAW = {**openapi_ofrep.paths(), **openapi_reports.paths(), **openapi_sync.paths()}
"""What handlers in front of the framework answer, as it is described."""


@pytest.mark.parametrize("path", RAW)
def test_every_address_in_front_of_the_framework__names_the_role_it_needs(path: str) -> None:
    roles = {PUBLIC, SIGNED_IN, reports_asgi.ROLE, *get_args(Role)}
    assert {operation["x-role"] for operation in RAW[path].values()} <= roles


def test_what_is_in_front_of_the_framework__is_described() -> None:
    assert RAW.keys() >= reports_asgi.PATHS | sync_asgi.PATHS


def test_every_mutating_route__has_an_example_here() -> None:
    assert sorted(EXAMPLES) == MUTATING


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    with running_server(tmp_path_factory.mktemp("routes")) as server:
        yield server


@pytest.fixture(scope="module")
def client(server: RunningServer) -> Iterator[httpx2.Client]:
    with server.client() as client:
        yield client


class Place(msgspec.Struct, frozen=True):
    """A furnished project, and the seq of a change that can be reverted."""

    number: int
    project: str
    seq: int

    def address(self, path: str) -> str:
        named = {"flag": "f", "environment": "staging", "segment": "s", "subscription": "own"}
        named |= {"token": self.project, "member": self.project}
        for name, value in {**named, "project": self.project, "seq": str(self.seq)}.items():
            kind = "int" if name == "seq" else "str"
            path = path.replace(f"{{{name}:{kind}}}", value)
        return f"/api/v1{path}"


def furnish(client: httpx2.Client, method: str, path: str) -> Place:
    """A project with a flag that staging serves, a segment, a token and a member; made fit for the route."""
    number = next(_numbers)
    key = f"p{number}"

    def post(where: str, body: Json) -> Json:
        answer = client.post(f"/api/v1{where}", json=body)
        assert answer.is_success, answer.text
        return answer.json()

    post("/projects", {"key": key})
    post(f"/projects/{key}/segments", {"segment": {"key": "s", "when": CONDITION}})
    post(f"/projects/{key}/subscriptions", {"subscription": {"key": "own"}})
    targeting = {**enabled(), "enabled": not path.endswith("/enable")}
    made = post(f"/projects/{key}/flags", {"flag": boolean_flag("f"), "targeting": {"staging": targeting}})
    post("/tokens", {"token": {"key": key, "kind": "admin"}})
    post("/members", {"member": {"key": key, "name": "Ada", "email": f"{key}@example.org"}})
    seq = made["entries"][-1]["seq"]
    if path.endswith("/guard"):
        post(f"/projects/{key}/metrics", {"samples": [{"metric": "errors", "value": 0}]})
        guard = {"limits": [{"metric": "errors", "above": 1}], "minutes": 30}
        post(f"/projects/{key}/flags/f/environments/staging/rollout", {"percent": 10, "guard": guard})
    if path.endswith("/revert"):
        seq = post(f"/projects/{key}/flags/f/environments/staging/disable", WHY)["entries"][0]["seq"]
    if path.endswith(("/snooze", "/lifespan", "/stage")) and method == "DELETE":
        own = path.rpartition("/")[2]
        example = EXAMPLES["PUT", path].body
        body = {**example, "until": f"{datetime.now(UTC) + timedelta(days=2):%Y-%m-%d}"} if own == "snooze" else example
        assert client.put(f"/api/v1/projects/{key}/flags/f/{own}", json=body).is_success
    if path.endswith("/restore"):
        post(f"/projects/{key}/flags/f/archive", WHY)
    return Place(number, key, seq)


def ask(client: httpx2.Client, method: str, path: str, place: Place) -> httpx2.Response:
    body = msgspec.json.encode(EXAMPLES[method, path].body).replace(b"{n}", str(place.number).encode())
    body = body.replace(b"{tomorrow}", f"{datetime.now(UTC) + timedelta(days=2):%Y-%m-%d}".encode())
    headers = {"Content-Type": "application/json"}
    return client.request(method, place.address(path), content=body, headers=headers)


def held(server: RunningServer) -> list[tuple[object, ...]]:
    """All that a change could alter: entries, documents, and the cells that stand beside them."""
    with closing(sqlite3.connect(server.database, timeout=60)) as database:
        return [
            *database.execute("SELECT count(*) FROM ledger_entry"),
            *database.execute("SELECT * FROM document ORDER BY 1"),
            *database.execute(
                "SELECT * FROM cell WHERE collection IN ('token', 'import', 'idempotency') ORDER BY 1, 2"
            ),
        ]


@pytest.mark.parametrize(("method", "path"), [pytest.param(*one, id=" ".join(one)) for one in MUTATING])
def test_a_mutating_route__used__leaves_one_entry_per_document_changed(
    client: httpx2.Client, method: str, path: str
) -> None:
    place = furnish(client, method, path)
    before: int = client.get("/readyz").json()["size"]
    answer = ask(client, method, path, place)
    assert answer.is_success, answer.text
    entries = client.get("/api/v1/ledger/entries", params={"from": before}).json()["items"]
    subjects = {msgspec.json.encode(entry["subject"]) for entry in entries}
    assert (len(entries), len(subjects)) == (EXAMPLES[method, path].changed, EXAMPLES[method, path].changed)
    assert len({entry["group"]["id"] for entry in entries}) == 1


@pytest.mark.parametrize(("method", "path"), [pytest.param(*one, id=" ".join(one)) for one in MUTATING])
def test_a_mutating_route__while_the_ledger_takes_no_entry__is_an_error_and_changes_nothing(
    server: RunningServer, client: httpx2.Client, method: str, path: str
) -> None:
    place = furnish(client, method, path)
    before = held(server)
    state = client.get(f"/api/v1/projects/{place.project}/state").json()
    with closing(sqlite3.connect(server.database, timeout=60)) as database:
        database.execute("CREATE TRIGGER no_entries BEFORE INSERT ON ledger_entry BEGIN SELECT raise(ABORT, 'no'); END")
        answer = ask(client, method, path, place)
        database.execute("DROP TRIGGER no_entries")
    assert (answer.status_code, answer.json()["code"]) == (503, "storage_failed")
    assert held(server) == before
    assert client.get(f"/api/v1/projects/{place.project}/state").json() == state
    assert ask(client, method, path, place).is_success
