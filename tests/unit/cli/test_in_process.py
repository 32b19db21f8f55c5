"""The way to the application in this process: an answer comes piece by piece, and one that breaks off is told."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import httpx2
import pytest

from flagtrail.cli.in_process import InProcess

App = Callable[[Any, Any, Any], Awaitable[None]]


async def echo(scope: Any, receive: Any, send: Any) -> None:  # noqa: ANN401 - ASGI
    message = await receive()
    body = message["body"]
    while message["more_body"]:
        message = await receive()
        body += message["body"]
    told = f"{scope['method']} {scope['path']}?{scope['query_string'].decode()} {body.decode()}"
    await send({"type": "http.response.start", "status": 201, "headers": [(b"x-told", b"yes")]})
    await send({"type": "http.response.body", "body": told.encode()})
    assert (await receive())["type"] == "http.disconnect"


def breaks(after: int, *, begins: bool = True) -> App:
    async def app(scope: Any, receive: Any, send: Any) -> None:  # noqa: ANN401, ARG001 - ASGI
        if begins:
            await send({"type": "http.response.start", "status": 200, "headers": []})
        for _ in range(after):
            await send({"type": "http.response.body", "body": b"x", "more_body": True})
        raise RuntimeError("torn")

    return app


class Endless:
    """An application that answers without end, and counts how far it came."""

    def __init__(self) -> None:
        self.sent = 0
        self.stopped = False

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:  # noqa: ANN401, ARG002 - ASGI
        await send({"type": "http.response.start", "status": 200, "headers": []})
        try:
            while True:
                await send({"type": "http.response.body", "body": b"x" * 1_000, "more_body": True})
                self.sent += 1
        finally:
            self.stopped = True


def asked(app: App, method: str = "GET", body: bytes | None = None) -> httpx2.Response:
    async def ask() -> httpx2.Response:
        async with httpx2.AsyncClient(transport=InProcess(app), base_url="http://x.invalid") as client:
            return await client.request(method, "/a b", params={"q": "1"}, content=body)

    return asyncio.run(ask())


def test_request__with_a_body__is_answered_as_over_the_network() -> None:
    answer = asked(echo, "POST", b"hello")
    assert (answer.status_code, answer.headers["x-told"], answer.text) == (201, "yes", "POST /a b?q=1 hello")


def test_answer__that_breaks_off__is_no_whole_one() -> None:
    with pytest.raises(httpx2.RemoteProtocolError, match="broke off"):
        asked(breaks(3))


def test_application__that_fails_before_it_answers__is_500() -> None:
    assert asked(breaks(0, begins=False)).status_code == 500


def test_answer__that_nobody_takes_further__is_not_made_further() -> None:
    app = Endless()

    async def take(count: int) -> int:
        async with (
            httpx2.AsyncClient(transport=InProcess(app), base_url="http://x.invalid") as client,
            client.stream("GET", "/") as answer,
        ):
            pieces: AsyncIterator[bytes] = answer.aiter_raw()
            return sum([len(await anext(pieces)) for _ in range(count)])

    assert asyncio.run(take(3)) == 3_000
    assert (app.stopped, app.sent < 10) == (True, True)
