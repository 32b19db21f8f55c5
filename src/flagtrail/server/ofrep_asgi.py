"""The raw ASGI handler of OFREP: credential, body, answer. Blocks for nothing but an unknown token."""

from __future__ import annotations

from typing import Any

import structlog
from litestar.types import Receive, Send

from flagtrail.app.bootstrap import App
from flagtrail.app.identity import Identity
from flagtrail.model import errors
from flagtrail.model.errors import FlagtrailError
from flagtrail.model.resolution import ErrorCode
from flagtrail.server import ofrep, problems
from flagtrail.server.identity import Credentials, client_address
from flagtrail.server.limits import MAX_BODY
from flagtrail.server.problems import MethodNotAllowed
from flagtrail.server.traffic import Traffic

log = structlog.get_logger()

_CODES: dict[int, ErrorCode] = {
    400: ErrorCode.PARSE_ERROR,
    413: ErrorCode.PARSE_ERROR,
}
_NOT_FOUND = 404
_FIXED: tuple[tuple[bytes, bytes], ...] = (
    (b"content-type", b"application/json"),
    (b"x-content-type-options", b"nosniff"),
    (b"cache-control", b"no-cache"),
)
_READABLE: tuple[tuple[bytes, bytes], ...] = (
    *_FIXED,
    (b"access-control-allow-origin", b"*"),
    (b"access-control-expose-headers", b"ETag, Retry-After, X-Request-Id"),
)
"""On answers to requests that show a token themselves: whatever site sends it could read the answer anyway. Never on
others: a cookie, or this machine in the demo, vouches for a browser and not for the site that makes it ask."""
_PREFLIGHT: tuple[tuple[bytes, bytes], ...] = (
    (b"access-control-allow-origin", b"*"),
    (b"access-control-allow-methods", b"POST"),
    (b"access-control-allow-headers", b"authorization, content-type, if-none-match, x-api-key"),
    (b"access-control-max-age", b"7200"),
    (b"allow", b"POST, OPTIONS"),
)
_TOO_LARGE = f"a body has at most {MAX_BODY} bytes"


class EvaluationFront:
    """Everything under /ofrep/."""

    def __init__(self, app: App, credentials: Credentials, traffic: Traffic) -> None:
        self._ofrep = ofrep.Ofrep(app)
        self._credentials = credentials
        self._traffic = traffic

    async def __call__(self, scope: Any, receive: Receive, send: Send, request: str) -> None:  # noqa: ANN401 - ASGI's
        """One evaluation request, or the question of a browser whether a page of another site may make it."""
        if scope["method"] == "OPTIONS":
            await send({"type": "http.response.start", "status": 204, "headers": _PREFLIGHT})
            await send({"type": "http.response.body", "body": b"", "more_body": False})
            return
        extra: dict[str, str] = {}
        secret: str | None = None
        try:
            secret, if_none_match = _head(scope["headers"])
            key = _key(scope)
            # Awaited only where something may block: every coroutine that is made costs as much as a small evaluation.
            identity = self._credentials.known_token(secret, "api") if secret else None
            if identity is None:
                identity = await self._identity(scope, secret)
            project, environment = ofrep.place(identity, scope["query_string"])
            message: Any = await receive()
            body: bytes = message.get("body", b"")
            if message.get("more_body", False):
                body = await _rest(receive, body)
            _bound(body)
            if key:
                reply = self._ofrep.single(project, environment, key, body)
            else:
                reply = self._ofrep.bulk(project, environment, body, if_none_match)
        except Exception as error:  # noqa: BLE001 - the last resort: whatever it is becomes an answer without details
            reply, extra = _refused(error, request, scope["path"])
        self._traffic.count("ofrep", reply.status)
        headers = [
            *(_READABLE if secret else _FIXED),
            (b"content-length", b"%d" % len(reply.body)),
            (b"x-request-id", request.encode()),
        ]
        if reply.etag:
            headers.append((b"etag", reply.etag.encode()))
        if extra:
            headers.extend((name.lower().encode(), value.encode()) for name, value in extra.items())
        await send({"type": "http.response.start", "status": reply.status, "headers": headers})
        await send({"type": "http.response.body", "body": reply.body, "more_body": False})

    async def _identity(self, scope: Any, secret: str | None) -> Identity:  # noqa: ANN401 - ASGI's
        if not secret:
            return (await self._credentials.of(scope)).identity
        return await self._credentials.by_token(secret, "api", client_address(scope))


def _key(scope: Any) -> str:  # noqa: ANN401 - ASGI's
    """The flag's key, or "" for all flags; raises NotFound, or MethodNotAllowed where nothing is asked there so."""
    key = ofrep.address(scope["path"])
    if scope["method"] != "POST":
        raise MethodNotAllowed("evaluations are asked for with POST", allow="POST, OPTIONS")
    return key


def _head(headers: Any) -> tuple[str | None, str | None]:  # noqa: ANN401 - ASGI's pairs
    """The credential and If-None-Match; raises TooLarge where a body beyond the limit is announced."""
    secret = if_none_match = None
    for name, value in headers:
        if name == b"authorization":
            scheme, _, token = value.decode("latin-1").partition(" ")
            secret = token.strip() if scheme.lower() == "bearer" else secret
        elif name == b"x-api-key":
            secret = secret or value.decode("latin-1").strip()
        elif name == b"if-none-match":
            if_none_match = value.decode("latin-1")
        elif name == b"content-length" and value.isdigit() and int(value) > MAX_BODY:
            raise errors.TooLarge(_TOO_LARGE)
    return secret, if_none_match


def _bound(body: bytes) -> None:
    if len(body) > MAX_BODY:
        raise errors.TooLarge(_TOO_LARGE)


async def _rest(receive: Receive, first: bytes) -> bytes:
    """The body after its first part; no more of it is read than shows that it is beyond the limit."""
    parts, size, more = [first], len(first), True
    while more and size <= MAX_BODY:
        message: Any = await receive()
        parts.append(message.get("body", b""))
        size += len(parts[-1])
        more = message.get("more_body", False)
    return b"".join(parts)


def _refused(error: Exception, request: str, path: str) -> tuple[ofrep.Reply, dict[str, str]]:
    """The answer to a request that failed, and the headers that go with it."""
    refusal = problems.refusal(error, request)
    problem = problems.problem(refusal, request)
    extra = {name: value for name, value in problem.headers.items() if name not in {"Content-Type", "Cache-Control"}}
    return ofrep.Reply(problem.status, _told(refusal, problem.status, path)), extra


def _told(refusal: FlagtrailError, status: int, path: str) -> bytes:
    """A refusal in OFREP's form: its error code, the sentence, and for a single evaluation the flag's key.

    A single evaluation's 404 knows the code FLAG_NOT_FOUND alone (OFREP 0.3, `flagNotFound`): also where the key has
    a slash, or the environment is gone.
    """
    key = path.removeprefix(ofrep.SINGLE) if path.startswith(ofrep.SINGLE) else ""
    code = _CODES.get(status, ErrorCode.GENERAL)
    return ofrep.refused(refusal, ErrorCode.FLAG_NOT_FOUND if key and status == _NOT_FOUND else code, key)
