"""Spans of requests: in front of everything else, and only where something is traced."""

from __future__ import annotations

from typing import Any

from litestar.enums import ScopeType
from litestar.types import ASGIApp, Message, Receive, Scope, Send

from flagtrail.app import trace
from flagtrail.server import ofrep, reports_asgi, sync_asgi

METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_OTHER = "_OTHER"
"""What OpenTelemetry calls a method that is none of HTTP's."""
_QUIET = ("/ofrep/", "/static/", "/healthz", "/readyz", "/metrics", sync_asgi.RULESET)
"""What is asked for all day: traced only where the caller's trace is recorded."""
_FIXED = frozenset({ofrep.BULK, sync_asgi.RULESET, *reports_asgi.PATHS})
_SERVERS_FAULT = 500


def traced(app: ASGIApp) -> ASGIApp:
    """The application itself where nothing is traced."""
    tracing = trace.present()
    return app if tracing is None else Traced(app, tracing)


class Traced:
    """One span for each request, with its route and status: no address, no query, no header, nobody's name."""

    def __init__(self, app: ASGIApp, tracing: trace.Tracing) -> None:
        self._app = app
        self._tracing = tracing

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request, or whatever else there is."""
        if scope["type"] != ScopeType.HTTP or scope["path"] == sync_asgi.STREAM:  # a stream lasts for days
            await self._app(scope, receive, send)
            return
        carrier = _carrier(scope["headers"])
        if scope["path"].startswith(_QUIET) and not _sampled(carrier):
            await self._app(scope, receive, send)
            return
        await self._request(scope, receive, send, carrier)

    async def _request(self, scope: Any, receive: Receive, send: Send, carrier: dict[str, str]) -> None:  # noqa: ANN401 - ASGI's
        method = scope["method"] if scope["method"] in METHODS else _OTHER
        with self._tracing.request(method, carrier) as span:

            async def sending(message: Message) -> None:
                if message["type"] == "http.response.start":
                    span.set_attribute("http.response.status_code", message["status"])
                    name = next((value for name, value in message["headers"] if name == b"x-request-id"), b"")
                    span.set_attribute("flagtrail.request", name.decode("latin-1"))
                    if message["status"] >= _SERVERS_FAULT:
                        self._tracing.fail(span, str(message["status"]))
                await send(message)

            try:
                await self._app(scope, receive, sending)
            finally:
                route = _route(scope)
                if route:
                    span.set_attribute("http.route", route)
                    span.update_name(f"{method} {route}")


def _carrier(headers: Any) -> dict[str, str]:  # noqa: ANN401 - ASGI's pairs
    """The two headers by which a trace is handed on (W3C Trace Context)."""
    return {
        name.decode(): value.decode("latin-1") for name, value in headers if name in {b"traceparent", b"tracestate"}
    }


def _sampled(carrier: dict[str, str]) -> bool:
    """Whether the caller records its trace: the last bit of the flags that end a `traceparent`.

    >>> _sampled({"traceparent": "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"}), _sampled({})
    (True, False)
    """
    return carrier.get("traceparent", "")[-1:] in set("13579bdf")


def _route(scope: Any) -> str:  # noqa: ANN401 - an ASGI scope
    """The route's template: an address may hold a secret, or a person's name."""
    path: str = scope["path"]
    if path in _FIXED:
        return path
    if path.startswith(ofrep.SINGLE):
        return f"{ofrep.SINGLE}{{key}}"
    template: str = scope.get("path_template") or ""
    return template
