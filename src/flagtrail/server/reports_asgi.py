"""The raw ASGI handler of what applications report: `/sdk/v1/usage` and `/otlp/v1/logs`."""

from __future__ import annotations

import re
import zlib
from collections.abc import Callable
from typing import Any

import msgspec
from anyio import CapacityLimiter
from anyio.to_thread import run_sync
from litestar.types import Receive, Send

from flagtrail.app.bootstrap import App
from flagtrail.app.identity import Identity
from flagtrail.model import errors
from flagtrail.model.errors import Defect
from flagtrail.model.usage import UsageReport
from flagtrail.server import otlp, problems, raw
from flagtrail.server.identity import Credentials, client_address, read_headers
from flagtrail.server.limits import refuse_deep
from flagtrail.server.problems import MethodNotAllowed, UnsupportedMediaType

USAGE, LOGS = "/sdk/v1/usage", "/otlp/v1/logs"
PATHS = frozenset({USAGE, LOGS})
ROLE = "reporter"
"""Who may report, in place of a role: a token of kind `server` or `client`, for its own environment."""

MAX_BODY = 4 << 20
"""Bytes of a body, as it is sent and after it was inflated."""
AT_ONCE = {USAGE: 8, LOGS: 2}
"""Requests that are read at once: a hostile body may take 70 times its size in memory, as messages of two bytes."""

_PREFLIGHT: tuple[tuple[bytes, bytes], ...] = (
    (b"access-control-allow-origin", b"*"),
    (b"access-control-allow-methods", b"POST"),
    (b"access-control-allow-headers", b"authorization, content-encoding, content-type, x-api-key"),
    (b"access-control-max-age", b"7200"),
    (b"allow", b"POST, OPTIONS"),
)
_READABLE: tuple[tuple[bytes, bytes], ...] = (
    (b"access-control-allow-origin", b"*"),
    (b"access-control-expose-headers", b"Retry-After, X-Request-Id"),
)
_WHERE = re.compile(r"(?P<what>.*?)(?: - at `(?P<key>key in )?\$(?P<path>.*)`)?", re.DOTALL)
_STEP = re.compile(r"\[(\d+)\]|\.([^.\[]+)")
_report = msgspec.json.Decoder(UsageReport).decode


class Reply(msgspec.Struct, frozen=True):
    """A status and the body, of a media type."""

    status: int
    body: bytes
    media_type: str = "application/json"


class ReportFront:
    """Takes reports. Each is read and written in a worker thread, and answered when it is durable."""

    def __init__(self, app: App, credentials: Credentials) -> None:
        self._app = app
        self._credentials = credentials
        self._limiters: dict[str, CapacityLimiter] = {}

    async def __call__(self, scope: Any, receive: Receive, send: Send, request: str) -> None:  # noqa: ANN401 - ASGI's
        """One report, or the question of a browser whether a page of another site may send one."""
        if scope["method"] == "OPTIONS":
            await send({"type": "http.response.start", "status": 204, "headers": raw.completed(_PREFLIGHT, request)})
            await send({"type": "http.response.body", "body": b"", "more_body": False})
            return
        headers = read_headers(scope)
        extra = list(_READABLE) if _secret(headers) else []
        try:
            reply = await self._reply(scope, receive, headers)
        except Exception as error:  # noqa: BLE001 - the last resort: whatever it is becomes an answer without details
            problem = problems.problem(refusal := problems.refusal(error, request), request)
            told = {name.lower(): value for name, value in problem.headers.items()}
            reply = Reply(problem.status, problem.body, told.pop("content-type"))
            extra += [(name.encode(), value.encode()) for name, value in told.items()]
            if scope["path"] == LOGS:
                media_type = otlp.PROTOBUF if _media_type(headers) == otlp.PROTOBUF else otlp.JSON
                why = f"{refusal.detail}. {refusal.remedy}"
                reply = Reply(problem.status, otlp.refused(why, media_type), media_type)
        extra += [(b"content-type", reply.media_type.encode()), (b"content-length", b"%d" % len(reply.body))]
        await send({"type": "http.response.start", "status": reply.status, "headers": raw.completed(extra, request)})
        await send({"type": "http.response.body", "body": reply.body, "more_body": False})

    async def _reply(self, scope: Any, receive: Receive, headers: dict[str, str]) -> Reply:  # noqa: ANN401 - ASGI's
        if scope["method"] != "POST":
            raise MethodNotAllowed("reports are sent with POST", allow="POST, OPTIONS")
        identity = await self._identity(scope, headers)
        project, environment = _place(identity, scope["query_string"])
        self._app.limits.admit_report(identity)
        media_type, inflate = _media_type(headers), _inflating(headers)
        take = self._take_usage if scope["path"] == USAGE else self._take_logs
        if media_type not in ({otlp.JSON} if scope["path"] == USAGE else {otlp.JSON, otlp.PROTOBUF}):
            raise UnsupportedMediaType(f"the body's type is {media_type or 'not named'}")
        body = await _body(receive, headers)
        return await run_sync(
            lambda: take(project, environment, inflate(body), media_type), limiter=self._limiter(scope["path"])
        )

    def _limiter(self, path: str) -> CapacityLimiter:
        """Made on the event loop that it is for."""
        if path not in self._limiters:
            self._limiters[path] = CapacityLimiter(AT_ONCE[path])
        return self._limiters[path]

    async def _identity(self, scope: Any, headers: dict[str, str]) -> Identity:  # noqa: ANN401 - ASGI's
        secret = _secret(headers)
        if not secret:
            raise errors.Unauthenticated("reports need a token of kind server or client")
        return await self._credentials.by_token(secret, "api", client_address(scope))

    def _take_usage(self, project: str, environment: str, body: bytes, _media_type: str) -> Reply:
        refuse_deep(body)
        try:
            report = _report(body)
        except msgspec.ValidationError as error:
            raise errors.InvalidDocument([_defect(str(error))]) from error
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise errors.MalformedRequest(f"the body is not JSON: {error}") from error
        return Reply(202, msgspec.json.encode(self._app.reports.take(project, environment, report)))

    def _take_logs(self, project: str, environment: str, body: bytes, media_type: str) -> Reply:
        reports = self._app.reports
        received = otlp.read(body, media_type, lambda flag, value: reports.variant_with(project, flag, value))
        taken = reports.take_events(project, environment, received.evaluated)
        why = "only log records that are feature_flag.evaluation events with a feature_flag.key are counted"
        if taken.dropped:
            why += f"; {taken.dropped} of those were beyond the bounds, or their key can be no flag's"
        return Reply(200, otlp.answered(received.rejected + taken.dropped, why, media_type), media_type)


def _secret(headers: dict[str, str]) -> str:
    """The token that a request shows; empty where it shows none."""
    scheme, _, secret = headers.get("authorization", "").partition(" ")
    return secret.strip() if scheme.lower() == "bearer" else headers.get("x-api-key", "").strip()


def _place(identity: Identity, query: bytes) -> tuple[str, str]:
    """Where the token belongs; raises Forbidden for every other credential: who may look is not who evaluates."""
    if not identity.evaluates_only:
        raise errors.Forbidden("usage is reported with a token of kind server or client, for its own environment")
    return raw.place(identity, query)


def _media_type(headers: dict[str, str]) -> str:
    return headers.get("content-type", "").partition(";")[0].strip().lower()


def _inflating(headers: dict[str, str]) -> Callable[[bytes], bytes]:
    """What makes the sent body the body; raises UnsupportedMediaType for an encoding but gzip."""
    encoding = headers.get("content-encoding", "identity").strip().lower()
    if encoding in {"identity", ""}:
        return bytes
    if encoding == "gzip":
        return inflated
    raise UnsupportedMediaType(f"the body's encoding is {encoding}; gzip is read")


def inflated(body: bytes) -> bytes:
    """A gzip member inflated, never beyond `MAX_BODY`. Raises TooLarge, MalformedRequest."""
    inflating = zlib.decompressobj(16 + zlib.MAX_WBITS)
    try:
        content = inflating.decompress(body, MAX_BODY)
    except zlib.error as error:
        raise errors.MalformedRequest(f"the body is not gzip: {error}") from error
    if not inflating.eof:
        if len(content) >= MAX_BODY:
            raise errors.TooLarge(f"an inflated body has at most {MAX_BODY} bytes")
        raise errors.MalformedRequest("the gzip body ends too early")
    if inflating.unused_data:
        raise errors.MalformedRequest("the gzip body has more than one member")
    return content


async def _body(receive: Receive, headers: dict[str, str]) -> bytes:
    """The body as it is sent; raises TooLarge where it is, or is announced to be, beyond `MAX_BODY`."""
    announced = headers.get("content-length", "")
    parts, size = [], int(announced) if announced.isascii() and announced.isdigit() else 0
    more, received = size <= MAX_BODY, 0
    while more and received <= MAX_BODY:
        message: Any = await receive()
        if message["type"] == "http.disconnect":
            raise errors.MalformedRequest("the body ends too early")
        parts.append(message.get("body", b""))
        received += len(parts[-1])
        more = message.get("more_body", False)
    if max(size, received) > MAX_BODY:
        raise errors.TooLarge(f"a body has at most {MAX_BODY} bytes")
    return b"".join(parts)


def _defect(told: str) -> Defect:
    """A sentence of msgspec as a defect: what is wrong, and a JSON Pointer to where.

    >>> _defect("Expected `int`, got `str` - at `$.periods[0].counts[2].count`")
    Defect(path='/periods/0/counts/2/count', message='Expected `int`, got `str`')
    """
    found = _WHERE.fullmatch(told)
    what, path = (told, "") if found is None else (found["what"], found["path"] or "")
    return Defect("".join(f"/{index or name}" for index, name in _STEP.findall(path)), what)
