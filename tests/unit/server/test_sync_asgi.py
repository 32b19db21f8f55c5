"""Streams as one client sees them: what it is sent, what it may miss, and every way in which a stream ends."""

from __future__ import annotations

import asyncio
import builtins
import gzip
import sys
from collections.abc import Awaitable, Callable, Iterator
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest
from tests.support.installation import Clock

from flagtrail.app.bootstrap import App
from flagtrail.app.identity import SYSTEM_IDENTITY
from flagtrail.app.settings import Settings
from flagtrail.model.access import Token
from flagtrail.model.change import Change, Operation
from flagtrail.model.document import encode
from flagtrail.model.flag import Flag, boolean_flag
from flagtrail.model.subject import environment_subject, flag_subject, token_subject
from flagtrail.server import sync, sync_asgi
from flagtrail.server.identity import Credentials
from flagtrail.server.sync_asgi import SyncFront

Json = Any
START = "http.response.start"
PRODUCTION = environment_subject("default", "production")


class Shop:
    """An installation in memory, its front, and a token of the environment that is synced."""

    def __init__(
        self, *, most: int = 5_000, each: int | None = None, beat: float = 60.0, patience: float = 60.0
    ) -> None:
        self.clock = Clock()
        settings = Settings(database="memory://", max_streams=most, max_streams_per_token=each)
        self.app = App(settings, clock=self.clock)
        self.app.first_start()
        self.front = SyncFront(self.app, Credentials(self.app), beat=beat, patience=patience)
        self.secret = self.token("sdk")

    def token(self, key: str, **parts: Json) -> str:
        token = Token(**{"key": key, "kind": "server", "project": "default", "environment": "production", **parts})
        return self.app.access.issue_token(SYSTEM_IDENTITY, token).secret

    def change(self, *operations: Operation) -> None:
        self.app.changes.apply(SYSTEM_IDENTITY, Change(operations=operations, why="a test"))

    def put(self, key: str, **details: Json) -> None:
        flag = boolean_flag(key, **details)
        self.change(Operation(action="put", subject=flag_subject("default", key), value=encode(flag)))

    @property
    def present(self) -> str:
        return self.app.sync.ruleset("default", "production").id

    def client(self, **headers: str) -> Wire:
        """A client that asks for the stream."""
        return Wire(self, {"authorization": f"Bearer {self.secret}", **headers})


class Wire:
    """An ASGI connection whose client takes what it is sent only while it is not `stuck`."""

    def __init__(
        self, shop: Shop, headers: dict[str, str], *, path: str = sync_asgi.STREAM, method: str = "GET"
    ) -> None:
        self.dropped = 0
        self.parts: list[bytes] = []
        self.start: Json = None
        self.complete = False
        self._arrived = asyncio.Event()
        self._gone = asyncio.Event()
        self._free = asyncio.Event()
        self._free.set()
        scope = {
            "type": "http",
            "method": method,
            "path": path,
            "query_string": b"",
            "headers": [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()],
            "client": ("127.0.0.1", 1),
            "extensions": {"flagtrail.connection": {"drop": self.drop}},
        }
        self.running = asyncio.ensure_future(shop.front(scope, self.receive, self.send, "r_1"))

    async def receive(self) -> Json:
        await self._gone.wait()
        return {"type": "http.disconnect"}

    async def send(self, message: Json) -> None:
        await self._free.wait()
        if self._gone.is_set():  # as a server does: what is sent to nobody is lost
            return
        if message["type"] == START:
            self.start = message
        elif message["body"]:
            self.parts.append(message["body"])
        self.complete = self.complete or not message.get("more_body", True)
        self._arrived.set()

    def drop(self) -> None:
        self.dropped += 1
        self.leave()
        self._free.set()

    def leave(self) -> None:
        self._gone.set()

    def stuck(self) -> None:
        self._free.clear()

    def read_on(self) -> None:
        self._free.set()

    @property
    def headers(self) -> dict[bytes, bytes]:
        return dict(self.start["headers"])

    async def have(self, count: int) -> list[str]:
        """The first `count` parts as text, once they arrived."""
        return [part.decode() for part in await self.packed(count)]

    async def packed(self, count: int) -> list[bytes]:
        """The first `count` parts, once they arrived."""
        async with asyncio.timeout(10):
            while len(self.parts) < count:
                self._arrived.clear()
                await self._arrived.wait()
        return self.parts[:count]

    async def end(self) -> bool:
        """Wait for the stream's end; whether it was told to the client."""
        async with asyncio.timeout(10):
            await self.running
        return self.complete


Play = Callable[[Shop], Awaitable[None]]


@pytest.fixture
def play() -> Iterator[Callable[..., None]]:
    """Runs a play on an event loop with a shop of its own, and ends all streams after it."""
    shops: list[Shop] = []

    async def whole(scene: Play, settings: Json) -> None:
        shop = Shop(**settings)
        shops.append(shop)
        await scene(shop)
        shop.front.stop()
        await asyncio.sleep(0.01)

    yield lambda scene, **settings: asyncio.run(whole(scene, settings))
    for shop in shops:
        shop.app.close()


Player = Callable[..., None]


def kind(event: str) -> str:
    """What an event is called; "comment" for none."""
    return "comment" if event.startswith(":") else event.split("\n")[1].removeprefix("event: ")


def data(event: str) -> Json:
    return msgspec.json.decode(event.split("\n")[2].removeprefix("data: "))


def test_a_stream__of_a_client_that_holds_nothing__begins_with_the_ruleset(play: Player) -> None:
    async def scene(shop: Shop) -> None:
        client = shop.client()
        (event,) = await client.have(1)
        assert (kind(event), data(event)["id"]) == ("ruleset", shop.present)
        assert client.headers[b"content-type"] == b"text/event-stream"

    play(scene)


def test_a_stream__of_a_client_that_holds_the_present__begins_with_a_comment(play: Player) -> None:
    async def scene(shop: Shop) -> None:
        client = shop.client(last_event_id=shop.present)
        assert await client.have(1) == [":\n\n"]

    play(scene)


def test_a_stream__with_gzip__is_of_members_in_a_row(play: Player) -> None:
    async def scene(shop: Shop) -> None:
        client = shop.client(last_event_id=shop.present, accept_encoding="gzip")
        await client.packed(1)
        shop.put("f")
        members = await client.packed(2)
        assert client.headers[b"content-encoding"] == b"gzip"
        assert [gzip.decompress(member)[:4] for member in members] == [b":\n\n", b"id: "]

    play(scene)


def test_a_change__is_sent_to_every_client_as_the_same_bytes(play: Player) -> None:
    async def scene(shop: Shop) -> None:
        shop.put("large", description="x", owner="y" * 200)
        clients = [shop.client(last_event_id=shop.present) for _ in range(3)]
        for client in clients:
            await client.have(1)
        shop.put("f")
        for client in clients:
            await client.have(2)
        assert len({id(client.parts[1]) for client in clients}) == 1

    play(scene)


def test_a_change__of_another_environment__is_not_sent(play: Player) -> None:
    async def scene(shop: Shop) -> None:
        client = shop.client(last_event_id=shop.present)
        await client.have(1)
        staging = environment_subject("default", "staging")
        shop.change(Operation(action="patch", subject=staging, value={"name": "Stage"}))
        shop.put("f")
        assert [data(event)["id"] for event in (await client.have(2))[1:]] == [shop.present]
        assert len(client.parts) == 2

    play(scene)


def test_a_slow_client__is_sent_the_way_from_what_it_has_to_the_present(play: Player) -> None:
    async def scene(shop: Shop) -> None:
        shop.put("padding", tags=("x",))
        first = shop.present
        client = shop.client(last_event_id=first)
        await client.have(1)
        client.stuck()
        for number in range(5):
            shop.put(f"f{number}")
            await asyncio.sleep(0.01)
        client.read_on()
        events = (await client.have(3))[1:]
        assert [data(event)["base"] for event in events] == [first, data(events[0])["id"]]
        assert (data(events[1])["id"], len(client.parts)) == (shop.present, 3)

    play(scene)


def test_a_storm_of_changes__is_sent_in_rounds(play: Player, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sync, "ROUND_SECONDS_EACH", 0.3)
    monkeypatch.setattr(sync, "ROUND_SECONDS_MOST", 0.3)

    async def scene(shop: Shop) -> None:
        client = shop.client(last_event_id=shop.present)
        await client.have(1)
        for number in range(5):
            shop.put(f"f{number}")
            await client.have(2)
        events = (await client.have(3))[1:]
        assert (data(events[1])["base"], data(events[1])["id"]) == (data(events[0])["id"], shop.present)

    play(scene)


def test_a_quiet_stream__has_a_comment_at_every_beat(play: Player) -> None:
    async def scene(shop: Shop) -> None:
        client = shop.client(last_event_id=shop.present)
        assert await client.have(4) == [":\n\n"] * 4

    play(scene, beat=0.01)


def test_a_large_ruleset__is_packed_once_for_all_clients(play: Player) -> None:
    async def scene(shop: Shop) -> None:
        large = Flag("large", "string", {"on": "".join(map(str, range(30_000))), "off": ""})
        shop.change(Operation(action="put", subject=flag_subject("default", "large"), value=encode(large)))
        clients = [shop.client(accept_encoding="gzip") for _ in range(3)]
        for client in clients:
            await client.packed(1)
        assert len({id(client.parts[0]) for client in clients}) == 1
        assert gzip.decompress(clients[0].parts[0]).startswith(b"id: ")

    play(scene)


# Ends


def test_a_client__that_leaves__leaves_nothing_behind(play: Player) -> None:
    async def scene(shop: Shop) -> None:
        client = shop.client()
        await client.have(1)
        client.leave()
        await client.end()
        assert (shop.front._streams._count, shop.front._streams._hubs) == (0, {})

    play(scene)


def test_streams__that_come_and_go__are_looked_at_by_one_timer(play: Player) -> None:
    async def scene(shop: Shop) -> None:
        glances: list[object] = []
        loop: Any = asyncio.get_running_loop()
        later = loop.call_later

        def counted(seconds: float, call: object, *arguments: object) -> object:
            glances.append(call)
            return later(seconds, call, *arguments)

        loop.call_later = counted
        streams = shop.front._streams
        for _ in range(3):
            streams.close(streams.open(("default", "production"), "t", lambda: None))
        assert glances == [streams._glance]

    play(scene)


def test_a_client__that_takes_nothing__is_dropped(play: Player) -> None:
    async def scene(shop: Shop) -> None:
        client = shop.client()
        await client.have(1)
        client.stuck()
        shop.put("f")
        await client.end()
        assert (client.dropped, client.complete, shop.front._streams._count) == (1, False, 0)

    play(scene, patience=0.05)


def test_a_server__that_stops__ends_every_stream_at_once(play: Player) -> None:
    async def scene(shop: Shop) -> None:
        clients = [shop.client() for _ in range(3)]
        for client in clients:
            await client.have(1)
        shop.front.stop()
        assert [await client.end() for client in clients] == [True] * 3

    play(scene)


def test_a_server__that_stops__drops_a_client_that_takes_nothing(play: Player) -> None:
    async def scene(shop: Shop) -> None:
        client = shop.client()
        await client.have(1)
        client.stuck()
        shop.put("f")
        await asyncio.sleep(0.01)
        shop.front.stop()
        await client.end()
        assert (client.dropped, client.complete) == (1, False)

    play(scene)


def test_a_server__that_stops__drops_a_client_that_does_not_take_the_end(
    play: Player, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sync, "STOP_SECONDS", 0.01)

    async def scene(shop: Shop) -> None:
        client = shop.client()
        await client.have(1)
        client.stuck()
        shop.front.stop()
        await client.end()
        assert client.dropped == 1

    play(scene)


def test_a_stream__on_a_server_that_stops__has_ended_already(play: Player) -> None:
    async def scene(shop: Shop) -> None:
        shop.front.stop()
        client = shop.client()
        assert await client.end()
        assert client.parts == []

    play(scene)


def test_a_token__revoked__ends_its_streams_at_once_and_no_other(play: Player) -> None:
    async def scene(shop: Shop) -> None:
        client = shop.client()
        other = Wire(shop, {"x-api-key": shop.token("other")})
        for each in (client, other):
            await each.have(1)
        shop.change(Operation(action="patch", subject=token_subject("sdk"), value={"revoked": True}))
        assert (await client.end(), other.complete) == (True, False)

    play(scene)


def test_a_token__expired__ends_its_streams_at_the_next_beat(play: Player) -> None:
    async def scene(shop: Shop) -> None:
        shop.secret = shop.token("short", expires_at="2026-01-02T00:00:00Z")
        client = shop.client()
        await client.have(1)
        shop.clock.move(days=2)
        assert await client.end()

    play(scene, beat=0.01)


def test_an_environment__that_ends__ends_its_streams(play: Player) -> None:
    async def scene(shop: Shop) -> None:
        client = shop.client()
        await client.have(1)
        shop.change(Operation(action="delete", subject=PRODUCTION))
        assert await client.end()

    play(scene)


def test_a_ruleset__that_cannot_be_made__breaks_its_streams_and_no_look(
    play: Player, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def scene(shop: Shop) -> None:
        client = shop.client()
        await client.have(1)

        def broken(*_: object) -> None:
            raise ZeroDivisionError

        monkeypatch.setattr(shop.app.sync, "ruleset", broken)
        monkeypatch.setattr(shop.app.sync, "since", broken)
        shop.put("f")
        with pytest.raises(ZeroDivisionError):
            await client.running
        assert shop.front._streams._count == 0

    play(scene)


# Refusals


@pytest.mark.parametrize("path", [sync_asgi.RULESET, sync_asgi.STREAM])
@pytest.mark.parametrize(
    ("method", "headers", "status", "code"),
    [
        pytest.param("GET", {}, 401, "unauthenticated", id="no credential"),
        pytest.param("GET", {"cookie": "flagtrail_session=x"}, 401, "unauthenticated", id="a browser's session"),
        pytest.param("GET", {"authorization": "Basic eA=="}, 401, "unauthenticated", id="another scheme"),
        pytest.param("GET", {"authorization": "Bearer ft_server_x"}, 401, "unauthenticated", id="a wrong token"),
        pytest.param("POST", {}, 405, "method_not_allowed", id="another method"),
    ],
)
def test_a_request__that_does_not_do__is_refused(
    play: Player, path: str, method: str, headers: dict[str, str], status: int, code: str
) -> None:
    async def scene(shop: Shop) -> None:
        client = Wire(shop, headers, path=path, method=method)
        await client.end()
        assert (client.start["status"], msgspec.json.decode(client.parts[0])["code"]) == (status, code)

    play(scene)


def test_a_stream__beyond_the_bound__is_refused_and_told_when_to_come_again(play: Player) -> None:
    async def scene(shop: Shop) -> None:
        first = shop.client()
        await first.have(1)
        second = shop.client()
        await second.end()
        assert (second.start["status"], second.headers[b"retry-after"]) == (429, b"30")
        first.leave()
        await first.end()
        assert kind((await shop.client().have(1))[0]) == "ruleset"

    play(scene, most=1)


def test_a_stream__beyond_the_bound_of_its_token__is_refused_and_those_of_others_are_not(play: Player) -> None:
    async def scene(shop: Shop) -> None:
        first = shop.client()
        await first.have(1)
        second = shop.client()
        await second.end()
        other = shop.client(authorization=f"Bearer {shop.token('other')}")
        assert (second.start["status"], msgspec.json.decode(second.parts[0])["code"]) == (429, "too_many_requests")
        assert kind((await other.have(1))[0]) == "ruleset"
        first.leave()
        await first.end()
        assert kind((await shop.client().have(1))[0]) == "ruleset"

    play(scene, most=10, each=1)


@pytest.mark.parametrize(("most", "each"), [(10, 9), (5, 5), (5_000, 4_500)])
def test_a_token__holds_all_streams_but_a_tenth(play: Player, most: int, each: int) -> None:
    async def scene(shop: Shop) -> None:
        assert shop.front._streams._each == each

    play(scene, most=most)


def test_a_stream__asked_for_with_head__is_headers_alone(play: Player) -> None:
    async def scene(shop: Shop) -> None:
        client = Wire(shop, {"authorization": f"Bearer {shop.secret}"}, method="HEAD")
        assert await client.end()
        assert (client.start["status"], client.parts, shop.front._streams._count) == (200, [], 0)

    play(scene)


@pytest.mark.parametrize(
    ("files", "streams"), [pytest.param(1_024, 768, id="few"), pytest.param(1_000_000, 5_000, id="many")]
)
def test_streams__are_no_more_than_files_may_be_open(monkeypatch: pytest.MonkeyPatch, files: int, streams: int) -> None:
    limits = SimpleNamespace(getrlimit=lambda _: (files, files), RLIMIT_NOFILE=7, RLIM_INFINITY=-1)
    monkeypatch.setitem(sys.modules, "resource", limits)
    assert sync_asgi._most(5_000) == streams


def test_streams__where_files_are_not_limited__are_as_many_as_was_set(monkeypatch: pytest.MonkeyPatch) -> None:
    load = builtins.__import__

    def without_resource(name: str, *rest: Json) -> Json:
        if name == "resource":
            raise ImportError(name)
        return load(name, *rest)

    monkeypatch.setattr(builtins, "__import__", without_resource)
    assert sync_asgi._most(5_000) == 5_000
