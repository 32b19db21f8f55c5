"""The way to the same application in this process. An answer comes piece by piece, as over the network.

The HTTP client's own transport for ASGI holds a whole answer before it gives any of it: an export or a report of a
large ledger would fill the memory, and one that broke off would look like a whole one.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any, cast

import httpx2

Asgi = Callable[[Any, Callable[[], Awaitable[Any]], Callable[[Any], Awaitable[None]]], Awaitable[None]]
_AHEAD = 4
"""Pieces that the application may be ahead of whoever takes them."""


class InProcess(httpx2.AsyncBaseTransport):
    """Hands each request to the application, as from this machine."""

    def __init__(self, app: Asgi) -> None:
        self._app = app

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """The answer, once it has begun; an application that fails before is answered with 500."""
        call = _Call(request)
        task = asyncio.create_task(call.run(self._app))
        await call.begun.wait()
        return httpx2.Response(call.status, headers=call.headers, stream=_Body(call, task))


class _Call:
    """One request on its way through the application."""

    def __init__(self, request: httpx2.Request) -> None:
        self._request = request
        self._sent = cast("httpx2.AsyncByteStream", request.stream).__aiter__()
        self._all_received = False
        self._answered = asyncio.Event()
        self.begun = asyncio.Event()
        self.pieces: asyncio.Queue[bytes | None] = asyncio.Queue(_AHEAD)
        self.status = 500
        self.headers: list[tuple[bytes, bytes]] = []
        self.whole = False
        """Whether the answer came to its end."""

    async def run(self, app: Asgi) -> None:
        """Let the application answer; whoever waits is told of the end in any case."""
        try:
            await app(self._scope(), self._receive, self._send)
        except Exception:  # noqa: BLE001 - the application has logged it, as for a request over the network
            self.whole = self.whole or not self.begun.is_set()
        self._answered.set()
        self.begun.set()
        await self.pieces.put(None)

    def _scope(self) -> dict[str, Any]:
        url = self._request.url
        return {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "method": self._request.method,
            "headers": [(name.lower(), value) for name, value in self._request.headers.raw],
            "scheme": url.scheme,
            "path": url.path,
            "raw_path": url.raw_path.split(b"?")[0],
            "query_string": url.query,
            "server": (url.host, url.port),
            "client": ("127.0.0.1", 123),
            "root_path": "",
        }

    async def _receive(self) -> dict[str, Any]:
        if self._all_received:
            await self._answered.wait()
            return {"type": "http.disconnect"}
        piece = await anext(self._sent, None)
        self._all_received = piece is None
        return {"type": "http.request", "body": piece or b"", "more_body": not self._all_received}

    async def _send(self, message: dict[str, Any]) -> None:
        if message["type"] == "http.response.start":
            self.status, self.headers = message["status"], list(message.get("headers", ()))
            self.begun.set()
            return
        if message.get("body"):
            await self.pieces.put(message["body"])
        if not message.get("more_body", False):
            self.whole = True
            self._answered.set()


class _Body(httpx2.AsyncByteStream):
    """The pieces of an answer, as they are made."""

    def __init__(self, call: _Call, task: asyncio.Task[None]) -> None:
        self._call = call
        self._task = task

    async def __aiter__(self) -> AsyncIterator[bytes]:
        while (piece := await self._call.pieces.get()) is not None:
            yield piece
        await self._task
        if not self._call.whole:
            raise httpx2.RemoteProtocolError("the answer broke off")

    async def aclose(self) -> None:
        """Whoever asked wants no more: the application is told to stop."""
        self._task.cancel()
        await asyncio.wait([self._task])
