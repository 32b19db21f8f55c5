"""What a client and its server say to each other over HTTP: bounded in time and size, and silent about the token."""

from __future__ import annotations

import http.client
import re
import socket
import ssl
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from urllib.parse import urlsplit

import msgspec

from flagtrail import __version__
from flagtrail.model.sync import HEARTBEAT_SECONDS
from flagtrail.sdk.connection import Connection, Connections, Patience, Place, place_of
from flagtrail.sdk.inflate import PIECE, Inflater
from flagtrail.sdk.options import Options
from flagtrail.sdk.sse import EventParser, StreamEvent

WHOLE = 6
"""A whole exchange may take this many times the timeout of one step: a server that drips does not hold it."""
SILENCE = 3
"""A stream that brings nothing for this many heartbeats is dead."""
LONGEST_PROBLEM = 8 * 1024
LONGEST_WORDS = 300
NOT_ALLOWED = frozenset({401, 403})
BUSY = frozenset({429, 503})
MOVED = frozenset({301, 302, 303, 307, 308})
_UNPRINTABLE = re.compile(r"[^\x20-\x7e]+")


class TransportFailed(Exception):
    """The server could not be asked, or its answer is none. `why` is a sentence without secrets.

    `status` is the answer's, where there was one; `retry_after` the seconds that a busy server asked for;
    `silent`: a stream stands, and nothing of it gets through.
    """

    def __init__(
        self, why: str, status: int | None = None, retry_after: float | None = None, *, silent: bool = False
    ) -> None:
        super().__init__(why)
        self.why = why
        self.status = status
        self.retry_after = retry_after
        self.silent = silent

    @property
    def fatal(self) -> bool:
        """Whether the server refused the credential: asking again with it is of little use."""
        return self.status in NOT_ALLOWED


class Fetched(msgspec.Struct, frozen=True):
    """The JSON of a whole ruleset; None where the known one is the present one."""

    body: bytes | None


class Problem(msgspec.Struct, frozen=True):
    """The part of a problem document (RFC 9457) that a person reads."""

    detail: str = ""
    title: str = ""


class Transport:
    """Asks the server of `options`; each request on a connection of its own, from any thread."""

    def __init__(
        self,
        options: Options,
        *,
        heartbeat: float = HEARTBEAT_SECONDS,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._options = options
        self._heartbeat = heartbeat
        self._clock = clock
        self._reading = Connections()
        self._posting = Connections()
        self._context: ssl.SSLContext | None = None
        agent = f"flagtrail-python/{__version__} {options.application}"
        self._agent = _UNPRINTABLE.sub("", agent).strip()

    def ruleset(self, known: str | None) -> Fetched:
        """The whole ruleset, or that the one with the id `known` still is the present one. Raises TransportFailed."""
        headers = {"Accept": "application/json", "Accept-Encoding": "gzip"}
        if known is not None:
            headers["If-None-Match"] = f'"{known}"'
        patience = self._patience()
        with self._asked(self._reading, "GET", "/sdk/v1/ruleset", headers, patience) as response:
            if known is not None and response.status == HTTPStatus.NOT_MODIFIED:
                return Fetched(None)
            self._expect(response, "application/json")
            with self._telling(self._reading):
                return Fetched(self._body(response))

    @contextmanager
    def stream(self, last: str) -> Iterator[Iterator[StreamEvent]]:
        """The events since the ruleset with the id `last`, as they come. Both parts raise TransportFailed.

        The iterator ends where the server ended the stream.
        """
        headers = {"Accept": "text/event-stream", "Accept-Encoding": "gzip", "Cache-Control": "no-store"}
        patience = self._patience()
        with self._asked(
            self._reading, "GET", "/sdk/v1/stream", {**headers, "Last-Event-ID": last}, patience
        ) as response:
            self._expect(response, "text/event-stream")
            yield self._events(response, patience)

    def post(self, path: str, body: bytes) -> None:
        """Send JSON to a path under the server's URL. Raises TransportFailed unless the server took it."""
        headers = {"Content-Type": "application/json", "Content-Length": str(len(body))}
        with self._asked(self._posting, "POST", path, headers, self._patience(), body) as response:
            if response.status != HTTPStatus.ACCEPTED:  # what Flagtrail says; a page of somebody else may come with 200
                raise self._refusal(response)

    def hang_up(self) -> None:
        """Cut what is being read and read no more; what is posted goes on. From any thread."""
        self._reading.hang_up()

    def close(self) -> None:
        """Cut everything. From any thread."""
        self._reading.hang_up()
        self._posting.hang_up()

    def _patience(self) -> Patience:
        return Patience(self._clock, self._options.timeout, self._options.timeout * WHOLE)

    @contextmanager
    def _asked(
        self,
        connections: Connections,
        method: str,
        path: str,
        headers: dict[str, str],
        patience: Patience,
        body: bytes = b"",
    ) -> Iterator[http.client.HTTPResponse]:
        with self._telling(connections):
            connection = Connection(*self._way(), patience, connections)
        try:
            with self._telling(connections):
                response = self._sent(connection, method, path, headers, patience, body)
            with response:
                try:
                    yield response
                finally:
                    connection.part()
        finally:
            connection.end()

    def _way(self) -> tuple[Place, ssl.SSLContext | None]:
        place = place_of(self._options.url)
        if place.tls and self._context is None:
            context = ssl.create_default_context(cafile=self._options.ca_file)
            context.set_alpn_protocols(["http/1.1"])
            self._context = context
        return place, self._context if place.tls else None

    def _sent(
        self,
        connection: Connection,
        method: str,
        path: str,
        headers: dict[str, str],
        patience: Patience,
        body: bytes,
    ) -> http.client.HTTPResponse:
        credential = {"Authorization": f"Bearer {self._options.token}", "User-Agent": self._agent}
        connection.ask(method, path, {**headers, **credential, "Connection": "close"})
        # A server that refuses a body may answer and close before it has read it all.
        with suppress(BrokenPipeError, ConnectionResetError):
            for start in range(0, len(body), PIECE):
                connection.sock.settimeout(patience.left())
                connection.send(body[start : start + PIECE])
        return connection.getresponse()

    def _expect(self, response: http.client.HTTPResponse, kind: str) -> None:
        """Raise TransportFailed unless this is an answer of the kind that was asked for."""
        if response.status != HTTPStatus.OK:
            raise self._refusal(response)
        given = response.headers.get_content_type()
        if given != kind:
            raise self._failed(f"the server answered {given} and not {kind}: is it Flagtrail's?", response.status)
        coding = response.headers.get("content-encoding", "identity").lower()
        if coding not in {"identity", "gzip"}:
            raise self._failed(f"the server answered in the encoding {coding}, which was not asked for")

    def _pieces(self, response: http.client.HTTPResponse) -> Iterator[bytes]:
        """The body as it comes, inflated. Raises ValueError where it was cut short."""
        inflater = Inflater() if response.headers.get("content-encoding", "").lower() == "gzip" else None
        while chunk := response.read1(PIECE):
            if inflater is None:
                yield chunk
            else:
                yield from inflater.feed(chunk)
        if response.length or (inflater is not None and not inflater.whole):
            raise ValueError("the answer was cut short")

    def _body(self, response: http.client.HTTPResponse) -> bytes:
        most = self._options.max_ruleset_bytes
        size = 0
        pieces = []
        for piece in self._pieces(response):
            size += len(piece)
            if size > most:
                raise ValueError(f"the ruleset has more than max_ruleset_bytes, {most}")
            pieces.append(piece)
        return b"".join(pieces)

    def _events(self, response: http.client.HTTPResponse, patience: Patience) -> Iterator[StreamEvent]:
        parser = EventParser(self._options.max_ruleset_bytes)
        pieces = self._pieces(response)
        silence = SILENCE * self._heartbeat
        heard = False
        # A large event may come slowly, but not for ever.
        whole = silence + WHOLE * self._options.timeout
        patience.allow(silence, whole)
        while True:
            try:
                with self._telling(self._reading):
                    piece = next(pieces, None)
                    events = [] if piece is None else parser.feed(piece)
            except TransportFailed as failed:
                failed.silent = not heard and failed.silent
                raise
            if piece is None:
                return
            if events:
                heard = True
                patience.allow(silence, whole)
            yield from events

    def _refusal(self, response: http.client.HTTPResponse) -> TransportFailed:
        status = response.status
        if status in MOVED:
            return self._failed(
                f"the server answered {status} and points to {_target(response.headers.get('location'))}; "
                "a token is not sent on, so give the client the address where the server is",
                status,
            )
        retry_after = None
        if status in BUSY:
            retry_after = asked_for(response.headers.get("retry-after"), response.headers.get("date"))
        detail = self._problem(response)
        return self._failed(f"the server answered {status}" + (f": {detail}" if detail else ""), status, retry_after)

    def _problem(self, response: http.client.HTTPResponse) -> str:
        if response.headers.get_content_type() != "application/problem+json":
            return ""
        try:
            problem = msgspec.json.decode(response.read(LONGEST_PROBLEM), type=Problem)
        except (OSError, http.client.HTTPException, msgspec.MsgspecError):
            return ""
        return problem.detail or problem.title

    @contextmanager
    def _telling(self, connections: Connections) -> Iterator[None]:
        """Turn what goes wrong within into TransportFailed, without its cause, which may name a secret."""
        try:
            yield
        except (OSError, http.client.HTTPException, ValueError) as error:
            if connections.cut:
                raise self._failed("the client was closed") from None
            raise self._failed(_words(error), silent=isinstance(error, TimeoutError)) from None

    def _failed(
        self, why: str, status: int | None = None, retry_after: float | None = None, *, silent: bool = False
    ) -> TransportFailed:
        told = why.replace(self._options.token, "[token]") if self._options.token else why
        return TransportFailed(_UNPRINTABLE.sub(" ", told)[:LONGEST_WORDS], status, retry_after, silent=silent)


def asked_for(retry_after: str | None, date: str | None) -> float | None:
    """Seconds that a Retry-After header asks for (RFC 9110, section 10.2.3); None where it says nothing readable.

    A moment is measured from the answer's own `Date`: this machine's clock may be wrong, or be moved.

    >>> asked_for("120", None)
    120.0
    >>> asked_for("Sun, 22 Nov 2026 07:00:30 GMT", "Sun, 22 Nov 2026 07:00:00 GMT")
    30.0
    """
    text = (retry_after or "").strip()
    if text.isascii() and text.isdigit():
        return float(text[:12])
    try:
        seconds = (parsedate_to_datetime(text) - parsedate_to_datetime(date or "")).total_seconds()
    except (TypeError, ValueError):  # one of them is no date, or one has no zone
        return None
    return max(seconds, 0.0)


def _target(location: str | None) -> str:
    """Where a redirect leads, without its query and without what might stand in front of the host."""
    try:
        parts = urlsplit(location or "")
        port = "" if parts.port is None else f":{parts.port}"
    except ValueError:
        return "nowhere"
    return f"{parts.scheme}://{parts.hostname}{port}{parts.path}" if parts.hostname else parts.path or "nowhere"


def _words(error: Exception) -> str:
    match error:
        case TimeoutError():
            return "the server did not answer in time"
        case ssl.SSLCertVerificationError():
            return f"the server's certificate was not accepted: {error.verify_message}"
        case ssl.SSLError():
            return f"TLS with the server failed: {error.reason or 'cut off'}"
        case socket.gaierror():
            return "the server's name was not found"
        case http.client.IncompleteRead():
            return "the answer was cut short"
        case http.client.RemoteDisconnected():
            return "the server closed the connection without an answer"
        case http.client.HTTPException():
            return f"the server answered what is no HTTP ({type(error).__name__})"
        case UnicodeError():
            return "the server's name can be none"
        case OSError():
            return f"no answer from the server: {error.strerror or error}"
        case _:
            return str(error)
