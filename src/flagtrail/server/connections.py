"""What the HTTP server is asked for beyond ASGI: to drop a connection, and to say at once that it stops."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from typing import Any, cast

import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

_EXTENSION = "flagtrail.connection"


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


class Server(uvicorn.Server):
    """Says that it stops before it waits for its requests: ASGI's own word comes after them."""

    def __init__(self, config: uvicorn.Config, stopping: Callable[[], None]) -> None:
        super().__init__(config)
        self._stopping = stopping

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Stop, as uvicorn does."""
        self._stopping()
        await super().shutdown(sockets)
