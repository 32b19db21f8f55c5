"""The short way of changes over REST: the same routes and handlers, without the framework between socket and handler.

The framework resolves, validates, injects and renders for every request alike, which costs a change as much as deciding
it. What needs none of that goes past it: a change with a JSON body, to a plain address, by a token that was good within
this second. Whatever else a request may hold takes the long way, and has the same outcome
(`tests/unit/server/test_rest_ways.py`).
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping
from inspect import iscoroutinefunction
from typing import Any, cast

import msgspec
from litestar import Litestar
from litestar.enums import ScopeType
from litestar.handlers import HTTPRouteHandler
from litestar.routes import HTTPRoute
from litestar.types import Receive, Scope, Send

from flagtrail.app.bootstrap import App
from flagtrail.app.identity import Identity
from flagtrail.model.access import Role
from flagtrail.model.errors import MalformedRequest
from flagtrail.server import raw
from flagtrail.server.identity import PUBLIC, SIGNED_IN, Credentials, Signed, read_headers, via_of
from flagtrail.server.rest.body import CUT_OFF, decode_body
from flagtrail.server.rest.call import Changed, call_of

_JSON = "application/json"
_LONGEST = 1 << 16
"""Bytes of a body: reading a larger one is worth the long way."""
_OWN = frozenset({"data", "call"})
_encode = msgspec.json.Encoder().encode


class _Way(msgspec.Struct, frozen=True):
    """One route: the parts of its address (None stands for a parameter), and what the framework would know of it."""

    parts: tuple[str | None, ...]
    names: tuple[tuple[int, str], ...]
    template: str
    role: str
    body: Any
    handle: Callable[..., Awaitable[Changed]]
    status: int


class _Asked(msgspec.Struct, frozen=True):
    """A request that takes the short way: its way, the parts of its address, its headers, and who asks."""

    way: _Way
    parts: list[str]
    headers: Mapping[str, str]
    signed: Signed


class ChangeFront:
    """An ASGI application in front of the framework's."""

    def __init__(self, app: App, credentials: Credentials, framework: Litestar) -> None:
        self._app = app
        self._credentials = credentials
        self._framework = framework
        self._ways: dict[tuple[str, int], list[_Way]] = {}
        for method, way in _ways(framework.routes):
            self._ways.setdefault((method, len(way.parts)), []).append(way)
        for ways in self._ways.values():
            ways.sort(key=lambda way: way.parts.count(None))  # a literal part goes before a parameter

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request by its way, or whatever else there is by the framework."""
        if scope["type"] == ScopeType.HTTP and not scope["query_string"]:
            parts = scope["path"].split("/")
            way = self._way(scope["method"], parts)
            if way is not None:
                headers = read_headers(scope)
                identity = self._known(scope, headers)
                if identity is not None:
                    await self._answer(scope, receive, send, _Asked(way, parts, headers, Signed(identity)))
                    return
        await self._framework(scope, receive, send)

    def _known(self, scope: Any, headers: Mapping[str, str]) -> Identity | None:  # noqa: ANN401 - an ASGI scope
        """Who asks, where the headers say nothing that takes the long way; else None."""
        scheme, _, secret = headers.get("authorization", "").partition(" ")
        length = headers.get("content-length", "")
        if (
            scheme.lower() != "bearer"
            or headers.get("content-type") != _JSON
            or not (length.isdecimal() and 0 < int(length) <= _LONGEST)
            or len(headers) != len(scope["headers"])
        ):
            return None
        return self._credentials.known_token(secret.strip(), via_of(scope["path"], headers))

    def _way(self, method: str, parts: list[str]) -> _Way | None:
        for way in self._ways.get((method, len(parts)), ()):
            if all(part == given if part is not None else given for part, given in zip(way.parts, parts, strict=True)):
                return way
        return None

    async def _answer(self, scope: Any, receive: Receive, send: Send, asked: _Asked) -> None:  # noqa: ANN401 - ASGI's
        scope["path_template"] = asked.way.template
        try:
            body = _encode(await self._changed(scope["state"]["request_id"], receive, asked))
        except Exception as error:  # noqa: BLE001 - the last resort, as the framework has it: whatever it is becomes an answer
            await raw.send_problem(send, error, scope["state"]["request_id"])
            return
        headers = [(b"content-type", _JSON.encode()), (b"content-length", b"%d" % len(body))]
        await send({"type": "http.response.start", "status": asked.way.status, "headers": headers})
        await send({"type": "http.response.body", "body": body, "more_body": False})

    async def _changed(self, request: str, receive: Receive, asked: _Asked) -> Changed:
        """In the order of the framework: the role, the body, the headers, the change."""
        way, headers = asked.way, asked.headers
        address = {name: asked.parts[at] for at, name in way.names}
        if way.role != SIGNED_IN:
            role = cast("Role", way.role)
            asked.signed.identity.require(role, address.get("project"), address.get("environment"))
        data = decode_body(await _body(receive), way.body)
        call = call_of(self._app, asked.signed, request, headers.get("idempotency-key"), headers.get("if-match"))
        return await way.handle(**address, data=data, call=call)


async def _body(receive: Receive) -> bytes:
    """All of the body: the HTTP server holds it to the length that was announced. Raises MalformedRequest for less."""
    body, more = b"", True
    while more:
        message: Any = await receive()
        if message["type"] == "http.disconnect":
            raise MalformedRequest(CUT_OFF)
        body += message.get("body", b"")
        more = message.get("more_body", False)
    return body


def _ways(routes: Iterable[object]) -> Iterable[tuple[str, _Way]]:
    """The routes that make changes, by method: their parameters are parts of the address, a body and the call."""
    for route in routes:
        if isinstance(route, HTTPRoute):
            for handler in route.route_handlers:
                if _is_change(handler):
                    for method in handler.http_methods:
                        yield str(method), _way(route, handler)


def _is_change(handler: HTTPRouteHandler) -> bool:
    signature = handler.parsed_fn_signature
    changes = signature.return_type.annotation is Changed and iscoroutinefunction(handler.fn)
    return changes and signature.parameters.keys() >= _OWN and handler.opt.get("role", PUBLIC) != PUBLIC


def _way(route: HTTPRoute, handler: HTTPRouteHandler) -> _Way:
    parts = tuple(None if part.startswith("{") else part for part in route.path_format.split("/"))
    names = tuple(
        (at, part.strip("{}")) for at, part in enumerate(route.path_format.split("/")) if part.startswith("{")
    )
    field = handler.parsed_data_field
    return _Way(
        parts,
        names,
        route.path_format,
        handler.opt["role"],
        Any if field is None else field.annotation,
        handler.fn,
        handler.status_code,
    )
