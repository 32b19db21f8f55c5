"""What the HTTP server is asked for beyond ASGI: to drop a connection, and to say at once that it stops."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable
from typing import Any, cast

import uvicorn
from litestar.types import ASGIApp, Receive, Scope, Send
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

_EXTENSION = "flagtrail.connection"
_TRUSTED = ["127.0.0.1", "::1"]


class Connection(HttpToolsProtocol):
    """A connection whose requests may drop it.

    Closing would wait until the client takes what it was sent, and one that does not may take for ever.
    """

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override] # as uvicorn has it
        """Keep the way to drop it."""
        super().connection_made(transport)
        self._extensions: dict[str, dict[object, object]] = {_EXTENSION: {"drop": transport.abort}}

    def on_message_begin(self) -> None:
        """Hand it to the request."""
        super().on_message_begin()
        self.scope["extensions"] = self._extensions


def dropping(scope: Any) -> Callable[[], object]:  # noqa: ANN401 - an ASGI scope
    """What drops a request's connection; nothing where another server holds it."""
    extension = (scope.get("extensions") or {}).get(_EXTENSION)
    return cast("Callable[[], object]", extension["drop"]) if extension else _leave


def _leave() -> None:
    """There is no way to drop it."""


def behind_proxy(app: ASGIApp) -> ASGIApp:
    """The application, told of the client's own address and scheme by a proxy on this machine.

    A request that nothing forwarded is handed on as it is: looking at who sent it would cost each of them as much as
    an evaluation.
    """
    forwarded = cast("ASGIApp", ProxyHeadersMiddleware(cast("Any", app), trusted_hosts=_TRUSTED))

    def handed_on(scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        for name, _ in scope.get("headers", ()):
            if name.startswith(b"x-forwarded-"):
                return forwarded(scope, receive, send)
        return app(scope, receive, send)

    return handed_on


class Server(uvicorn.Server):
    """Says that it stops before it waits for its requests: ASGI's own word comes after them."""

    def __init__(self, config: uvicorn.Config, stopping: Callable[[], None]) -> None:
        super().__init__(config)
        self._stopping = stopping

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Stop, as uvicorn does."""
        self._stopping()
        await super().shutdown(sockets)
