"""The raw ASGI handler of SDK sync: the ruleset, and the stream of what changes it. It takes tokens only."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import msgspec
import structlog
from anyio.to_thread import run_sync
from litestar.types import Message as Sent
from litestar.types import Receive, Send

from flagtrail.app.bootstrap import App
from flagtrail.app.identity import Identity
from flagtrail.app.sync import Message, pack
from flagtrail.model.errors import FlagtrailError, Unauthenticated
from flagtrail.model.sync import HEARTBEAT_SECONDS
from flagtrail.server import raw
from flagtrail.server.connections import dropping
from flagtrail.server.identity import Credentials, bearer, client_address, read_headers
from flagtrail.server.problems import MethodNotAllowed
from flagtrail.server.sync import Place, Stream, Streams

log = structlog.get_logger()

RULESET = "/sdk/v1/ruleset"
STREAM = "/sdk/v1/stream"
PATHS = frozenset({RULESET, STREAM})
"""What this handler answers; whatever else lies under /sdk/ is not its own."""
BEAT_SECONDS = HEARTBEAT_SECONDS * 0.8
"""Sooner than was promised: it is looked for every `TICK_SECONDS`, and what is on its way takes time, too."""
SEND_SECONDS = 30.0
"""A client that has not taken what it was sent by then is dropped."""
TICK_SECONDS = 1.0
LEFT_TO_OTHERS = 10
"""One token may hold all streams but a tenth."""
LARGE = 64 << 10
"""Bytes from which on packing takes so long that other requests need not wait for it."""

_METHODS = "GET, HEAD"
_NOTHING: Sent = {"type": "http.response.body", "body": b"", "more_body": True}
_END: Sent = {"type": "http.response.body", "body": b"", "more_body": False}
_COMMENT = b":\n\n"
_PACKED_COMMENT = pack(_COMMENT)
_VARY = (b"vary", b"accept-encoding")
_GZIP = (b"content-encoding", b"gzip")
_RULESET_HEADERS = ((b"content-type", b"application/json"), (b"cache-control", b"no-cache"), _VARY)
_STREAM_HEADERS = (
    (b"content-type", b"text/event-stream"),
    (b"cache-control", b"no-cache, no-transform"),
    (b"x-accel-buffering", b"no"),  # nginx would hold events back
    _VARY,
)


class _Asked(msgspec.Struct, frozen=True):
    """Who asks for which environment; the id that it holds, and whether it reads gzip."""

    identity: Identity
    place: Place
    held: str
    packed: bool


class SyncFront:
    """`/sdk/v1/ruleset` and `/sdk/v1/stream`. `beat` and `patience` are in seconds."""

    def __init__(
        self, app: App, credentials: Credentials, *, beat: float = BEAT_SECONDS, patience: float = SEND_SECONDS
    ) -> None:
        self._sync = app.sync
        self._access = app.access
        self._credentials = credentials
        most = _most(app.settings.max_streams)
        each = app.settings.max_streams_per_token
        each = most - most // LEFT_TO_OTHERS if each is None else each
        self._streams = Streams(app, most, each, patience=patience, tick=min(TICK_SECONDS, beat / 4, patience / 4))
        self._beat = beat
        self._packing = asyncio.Lock()

    def clients(self) -> dict[Place, int]:
        """How many streams are open, by environment; called on the event loop."""
        return self._streams.clients()

    def stop(self) -> None:
        """End all streams: the server stops."""
        self._streams.stop()

    async def __call__(self, scope: Any, receive: Receive, send: Send, request: str) -> None:  # noqa: ANN401 - ASGI's
        """One request for the ruleset, or one stream from its start to its end."""

        async def answer(message: Sent) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = raw.completed(message["headers"], request)
            await send(message)

        stream: Stream | None = None
        try:
            asked = await self._asked(scope)
            if scope["path"] == RULESET:
                await self._answer(asked, answer)
                return
            if scope["method"] == "HEAD":
                await answer(_started(asked.packed))
                await answer(_END)
                return
            stream = self._streams.open(asked.place, asked.identity.token or "", dropping(scope))
        except Exception as error:  # noqa: BLE001 - the last resort: whatever it is becomes an answer without details
            await raw.send_problem(answer, error, request)
            return
        opened = time.monotonic()
        try:
            await _sent(stream, answer, _started(asked.packed))
            await self._hold(stream, asked, receive, send)
        finally:
            self._streams.close(stream)
            seconds = round(time.monotonic() - opened, 1)
            log.info("sync.stream_ended", request=request, why=stream.ended or "broke off", seconds=seconds)

    async def _asked(self, scope: Any) -> _Asked:  # noqa: ANN401 - ASGI's
        if scope["method"] not in {"GET", "HEAD"}:
            raise MethodNotAllowed("this address is only read", allow=_METHODS)
        headers = read_headers(scope)
        secret = bearer(headers["authorization"]) if "authorization" in headers else headers.get("x-api-key", "")
        if not secret:
            raise Unauthenticated("this needs a token of kind server, and takes no browser's session")
        identity = self._credentials.known_token(secret, "api")
        if identity is None:
            identity = await self._credentials.by_token(secret, "api", client_address(scope))
        place = raw.place(identity, scope["query_string"])
        identity.require_ruleset(*place)
        held = headers.get("last-event-id" if scope["path"] == STREAM else "if-none-match", "")
        return _Asked(identity, place, held, raw.accepts_gzip(headers.get("accept-encoding", "")))

    # The ruleset

    async def _answer(self, asked: _Asked, send: Send) -> None:
        message = self._sync.ruleset(*asked.place)
        etag = f'"{message.id}"'
        headers = [*_RULESET_HEADERS, (b"etag", etag.encode())]
        body, status = b"", 200
        if asked.held and raw.names(asked.held, etag):
            status = 304
        else:
            body = await self._form(message, event=False, packed=asked.packed)
            headers.append((b"content-length", b"%d" % len(body)))
            if asked.packed:
                headers.append(_GZIP)
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": body, "more_body": False})

    async def _form(self, message: Message, *, event: bool, packed: bool) -> bytes:
        """The message's bytes; what takes long is made in a thread, once, while others wait for it here."""
        made = message.known(event=event, packed=packed)
        if made is None and (not packed or message.size < LARGE):
            made = message.make(event=event, packed=packed)
        if made is None:
            async with self._packing:
                made = message.known(event=event, packed=packed)
                if made is None:
                    made = await run_sync(lambda: message.make(event=event, packed=packed))
        return made

    # The stream

    async def _hold(self, stream: Stream, asked: _Asked, receive: Receive, send: Send) -> None:
        """A stream until its end, whoever ends it."""
        listening = asyncio.create_task(_listen(receive, stream))
        try:
            await self._follow(stream, asked, send)
            await _sent(stream, send, _END)
        finally:
            listening.cancel()

    async def _follow(self, stream: Stream, asked: _Asked, send: Send) -> None:
        """Send what the client lacks, each time that may be something, and a comment where that was nothing for long.

        All that is remembered of a client is the id that it was last sent: one that is slow is not sent each step
        but the way from there to the present.
        """
        loop, held = asyncio.get_running_loop(), asked.held
        while not stream.ended:
            stream.calm()
            try:
                self._access.again(asked.identity).require_ruleset(*asked.place)
                message = self._sync.since(*asked.place, held)
            except FlagtrailError as error:
                stream.end(error.code)
                break
            if message is not None:
                held, content = message.id, await self._form(message, event=True, packed=asked.packed)
            elif loop.time() >= stream.due:
                content = _PACKED_COMMENT if asked.packed else _COMMENT
            else:
                await stream.stirred()
                continue
            await _sent(stream, send, _body(content))
            stream.due = loop.time() + self._beat
            await _sent(stream, send, _NOTHING)  # which waits until the client took most of what it was sent


async def _sent(stream: Stream, send: Send, message: Sent) -> None:
    stream.sending = asyncio.get_running_loop().time()
    await send(message)
    stream.sending = None


async def _listen(receive: Receive, stream: Stream) -> None:
    """End the stream when its client goes."""
    while (await receive())["type"] != "http.disconnect":
        pass
    stream.end("the client left")


def _started(packed: bool) -> Sent:
    headers = [*_STREAM_HEADERS, _GZIP] if packed else [*_STREAM_HEADERS]
    return {"type": "http.response.start", "status": 200, "headers": headers}


def _body(content: bytes) -> Sent:
    return {"type": "http.response.body", "body": content, "more_body": True}


def _most(wanted: int) -> int:
    """How many streams there may be: a quarter of the files that the process may open is left to all else."""
    try:
        import resource
    except ImportError:  # not a POSIX system
        return wanted
    files, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return wanted if files == resource.RLIM_INFINITY else min(wanted, files * 3 // 4)
