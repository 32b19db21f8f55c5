"""A change over REST has the same outcome by the short way and by the framework's."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Iterator
from typing import Any

import httpx2
import msgspec
import pytest
from litestar.types import ASGIApp, Receive, Scope, Send
from tests.support.documents import boolean_flag, enabled

from flagtrail.app.bootstrap import App
from flagtrail.app.identity import SYSTEM_IDENTITY
from flagtrail.app.settings import Settings
from flagtrail.model.access import Token
from flagtrail.server.asgi import Front, create

Json = Any
SHORT, LONG = "application/json", "application/merge-patch+json"
"""The long way reads both; the short way leaves the second to it."""
PROJECTS = "/api/v1/projects"
_numbers = itertools.count(1)
VOLATILE = frozenset({"request", "seq", "id", "time", "size", "url", "version", "previous", "group", "effective"})


class House:
    """An installation in memory, and which way each request took."""

    def __init__(self) -> None:
        self.app = App(Settings(database="memory://"))
        self.app.first_start()
        self.front: Front = create(self.app)
        self.long = 0
        self.flags = ""
        self.secrets = {
            role: self.app.access.issue_token(SYSTEM_IDENTITY, Token(role, "admin", role=role)).secret
            for role in ("admin", "editor", "viewer")
        }
        changes: Any = self.front._litestar
        framework: ASGIApp = changes._framework

        async def counted(scope: Scope, receive: Receive, send: Send) -> None:
            self.long += 1
            await framework(scope, receive, send)

        changes._framework = counted

    def ask(self, method: str, path: str, content: bytes, role: str = "admin", **headers: str) -> httpx2.Response:
        """One request by a token that is known already."""
        given = {"authorization": f"Bearer {self.secrets[role]}", "content-type": SHORT, **headers}

        async def asked() -> httpx2.Response:
            transport = httpx2.ASGITransport(app=self.front)  # type: ignore[arg-type]  # ASGI types differ by name
            async with httpx2.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
                await client.get("/api/v1/me", headers={"authorization": given["authorization"]})
                self.long = 0
                return await client.request(method, path, content=content, headers=given)

        return asyncio.run(asked())

    def move(self, project: str) -> None:
        """Go on in a new project with two flags, whose address is `flags`."""
        self.flags = f"{PROJECTS}/{project}/flags"
        assert self.ask("POST", PROJECTS, msgspec.json.encode({"key": project, "why": "a test"})).status_code == 201
        for key in ("flag_a", "flag_b"):
            body = {"flag": boolean_flag(key), "targeting": {"production": enabled()}, "why": "a test"}
            assert self.ask("POST", self.flags, msgspec.json.encode(body)).status_code == 201


@pytest.fixture(scope="module")
def _house() -> Iterator[House]:
    made = House()
    yield made
    made.app.close()


@pytest.fixture
def house(_house: House) -> House:
    """The house, in a project of the test's own: making all routes takes a third of a second."""
    _house.move(f"p{next(_numbers)}")
    return _house


def told(answer: httpx2.Response) -> Json:
    """What both ways have to agree in: all but what each change has of its own."""
    headers = {name: value for name, value in answer.headers.items() if name not in {"x-request-id", "content-length"}}
    return answer.status_code, headers, _without(answer.json())


def _without(value: Json) -> Json:
    if isinstance(value, dict):
        return {key: _without(part) for key, part in value.items() if key not in VOLATILE}
    return [_without(part) for part in value] if isinstance(value, list) else value


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("PATCH", "/{flag}", {"patch": {"description": "{n}"}, "why": "a test"}),
        ("PUT", "/{flag}", {"flag": boolean_flag("{flag}", owner="{n}"), "why": "a test"}),
        ("POST", "/{flag}/environments/production/disable", {"why": "a test"}),
        ("POST", "/{flag}/environments/production/enable", {"why": "a test", "ticket": "BILL-1"}),
        ("POST", "/{flag}/environments/production/rollout", {"percent": 25, "why": "a test"}),
        ("PATCH", "/{flag}/environments/production", {"patch": {"off_variant": "on"}, "why": "a test"}),
        ("POST", "/{flag}/archive", {"why": "a test"}),
        ("POST", "/{flag}/restore", {"why": "a test"}),
        ("DELETE", "/{flag}", {"why": "a test"}),
    ],
)
def test_a_change__by_either_way__has_the_same_outcome(house: House, method: str, path: str, body: Json) -> None:
    answers = []
    for flag, way in (("flag_a", SHORT), ("flag_b", LONG)):
        content = msgspec.json.encode(body).replace(b"{flag}", flag.encode())
        answer = house.ask(method, house.flags + path.replace("{flag}", flag), content, **{"content-type": way})
        assert house.long == (way == LONG)
        answers.append(msgspec.json.decode(msgspec.json.encode(told(answer)).replace(flag.encode(), b"{flag}")))

    assert answers[0] == answers[1]
    assert answers[0][0] == 200


REFUSED: list[tuple[str, str, bytes, str, dict[str, str]]] = [
    ("PATCH", "/three", b'{"patch": {}, "why": "a test"}', "admin", {}),
    ("PATCH", "/flag_a", b'{"patch": {"owner": 7}, "why": "a test"}', "admin", {}),
    ("PATCH", "/flag_a", b'{"patch": {}, "wy": "a typo"}', "admin", {}),
    ("PATCH", "/flag_a", b'{"patch": ', "admin", {}),
    ("PATCH", "/flag_a", b"[" * 200, "admin", {}),
    ("PATCH", "/flag_a", b'{"why": "\xff"}', "admin", {}),
    ("PATCH", "/flag_a", b"null", "admin", {}),
    ("PATCH", "/flag_a", b'{"patch": {"description": "x"}}', "viewer", {}),
    ("PATCH", "/flag_a/environments/nowhere", b'{"patch": {}, "why": "a test"}', "editor", {}),
    ("PATCH", "/flag_a", b'{"patch": {"description": "x"}, "version": 99}', "editor", {}),
    ("PATCH", "/flag_a", b'{"patch": {"description": "x"}}', "editor", {"if-match": "soon"}),
    ("PATCH", "/flag_a", b'{"patch": {"description": "x"}}', "editor", {"idempotency-key": "k" * 256}),
    ("POST", "", b'{"flag": {"key": "no/key"}, "why": "a test"}', "editor", {}),
    ("POST", "/../../default", b"{}", "editor", {}),
]


@pytest.mark.parametrize(("method", "path", "body", "role", "headers"), REFUSED)
def test_a_refusal__by_either_way__is_the_same(
    house: House, method: str, path: str, body: bytes, role: str, headers: dict[str, str]
) -> None:
    size = house.app.changes.state.size
    answers = [
        told(house.ask(method, house.flags + path, body, role, **headers, **{"content-type": way}))
        for way in (SHORT, LONG)
    ]

    assert answers[0] == answers[1]
    assert 400 <= answers[0][0] < 500
    assert house.app.changes.state.size == size


@pytest.mark.parametrize(
    ("path", "headers"),
    [
        pytest.param("/flag_a?dry=run", {}, id="a query"),
        pytest.param("/flag_a/", {}, id="a slash at the end"),
        pytest.param("/flag_a", {"content-type": "text/plain"}, id="another type"),
        pytest.param("/flag_a", {"authorization": "Bearer nobody"}, id="a token that nobody knows"),
        pytest.param("/flag_a", {"authorization": "Basic bm8="}, id="another scheme"),
    ],
)
def test_a_request__that_holds_more__takes_the_long_way(house: House, path: str, headers: dict[str, str]) -> None:
    house.ask("PATCH", house.flags + path, b'{"patch": {}, "why": "a test"}', **headers)

    assert house.long == 1


def test_a_large_body__takes_the_long_way(house: House) -> None:
    house.ask("PATCH", f"{house.flags}/flag_a", b'{"patch": {}, "why": "%b"}' % (b"x" * 70_000))

    assert house.long == 1


@pytest.mark.parametrize("way", [SHORT, LONG])
@pytest.mark.parametrize("part", [b"", b'{"patch": {"desc', b'{"patch": {"description": "x"}, "why": "a test"}'])
def test_a_client__that_goes_away_within_its_body__has_changed_nothing(house: House, way: str, part: bytes) -> None:
    size = house.app.changes.state.size
    known = house.ask("GET", f"{house.flags}/flag_a", b"").request.headers["authorization"]
    messages: list[Json] = [{"type": "http.request", "body": part, "more_body": True}, {"type": "http.disconnect"}]
    headers = {"authorization": known, "content-type": way, "content-length": "99"}
    scope: Json = {
        "type": "http",
        "method": "PATCH",
        "path": f"{house.flags}/flag_a",
        "query_string": b"",
        "headers": [(name.encode(), value.encode()) for name, value in headers.items()],
    }
    sent: list[Json] = []

    async def receive() -> Json:
        return messages.pop(0)

    async def send(message: Json) -> None:
        sent.append(message)

    house.long = 0
    asyncio.run(house.front(scope, receive, send))  # type: ignore[arg-type]  # a coroutine, as ASGI has it

    assert (house.long, sent[0]["status"]) == (way == LONG, 400)
    assert b"ends too early" in sent[1]["body"]
    assert house.app.changes.state.size == size


def test_a_request__that_is_cancelled_while_its_change_is_written__leaves_nobody_with_an_old_state(
    house: House,
) -> None:
    size = house.app.changes.state.size

    async def cancelled() -> None:
        headers = {"authorization": f"Bearer {house.secrets['admin']}", "content-type": SHORT}
        transport = httpx2.ASGITransport(app=house.front)  # type: ignore[arg-type]  # ASGI types differ by name
        async with httpx2.AsyncClient(transport=transport, base_url="http://127.0.0.1", headers=headers) as client:
            await client.get("/api/v1/me")
            body = b'{"patch": {"description": "x"}, "why": "a test"}'
            asking = asyncio.create_task(client.patch(f"{house.flags}/flag_a", content=body))
            for _ in range(1_000):
                await asyncio.sleep(0)
                if house.app.storage.head().size > size:
                    break
            asking.cancel()
            with pytest.raises(asyncio.CancelledError):
                await asking
            await asyncio.sleep(0)

    asyncio.run(cancelled())

    assert house.app.changes.state.size == house.app.storage.head().size == size + 1
