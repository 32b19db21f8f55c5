"""A real HTTP server on this machine that stands where Flagtrail's should, and does everything wrong that one can."""

from __future__ import annotations

import gzip
import socket
import ssl
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

import msgspec

from flagtrail.model.sync import RulesetData, RulesetDelta, SyncedFlag
from flagtrail.model.targeting import Serve, Targeting

JSON = "application/json"
EVENTS = "text/event-stream"


class Request(msgspec.Struct, frozen=True):
    """One request as it arrived; header names are lower case."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes = b""


class Wire:
    """A connection as a conduct sees it. Writing to a client that has gone is no error."""

    def __init__(self, sock: socket.socket, over: threading.Event) -> None:
        self.sock = sock
        self.over = over

    def send(self, data: bytes) -> bool:
        """Whether the client still took it."""
        try:
            self.sock.sendall(data)
        except OSError:
            return False
        return not self.over.is_set()

    def wait_for_end(self) -> None:
        """Return when the client hangs up, or the test is over."""
        self.sock.settimeout(0.05)
        while not self.over.is_set():
            try:
                if not self.sock.recv(1024):
                    return
            except TimeoutError:
                continue
            except OSError:
                return


Conduct = Callable[[Wire, Request], object]


def head(status: int, **headers: str) -> bytes:
    lines = [f"HTTP/1.1 {status} X", *(f"{name.replace('_', '-')}: {value}" for name, value in headers.items())]
    return "\r\n".join([*lines, "", ""]).encode()


def answer(status: int, body: bytes = b"", kind: str = JSON, **headers: str) -> Conduct:
    """A whole answer."""

    def conduct(wire: Wire, _request: Request) -> None:
        wire.send(head(status, content_type=kind, content_length=str(len(body)), **headers) + body)

    return conduct


def good(data: RulesetData, *, zipped: bool = True) -> Conduct:
    """The ruleset, or 304 to a client that holds it."""

    def conduct(wire: Wire, request: Request) -> None:
        if request.headers.get("if-none-match") == f'"{data.id}"':
            answer(304, ETag=f'"{data.id}"')(wire, request)
        elif zipped:
            answer(200, gzip.compress(msgspec.json.encode(data)), Content_Encoding="gzip")(wire, request)
        else:
            answer(200, msgspec.json.encode(data), ETag=f'"{data.id}"')(wire, request)

    return conduct


def hang(wire: Wire, _request: Request) -> None:
    """Take the request and say nothing."""
    wire.wait_for_end()


def hang_in_body(wire: Wire, _request: Request) -> None:
    wire.send(head(200, content_type=JSON, content_length="1000") + b"{")
    wire.wait_for_end()


def drip(wire: Wire, _request: Request) -> None:
    """Send a body without end, a byte at a time."""
    wire.send(head(200, content_type=JSON, content_length="1000000"))
    while wire.send(b" ") and not wire.over.wait(0.01):
        pass


def drip_head(wire: Wire, _request: Request) -> None:
    """Send a header without end, a byte at a time."""
    wire.send(b"HTTP/1.1 200 OK\r\nx-endless: ")
    while wire.send(b"x") and not wire.over.wait(0.01):
        pass


def endless_line(wire: Wire, _request: Request) -> None:
    while wire.send(b"x" * 65536):
        pass


def endless_body(wire: Wire, _request: Request) -> None:
    wire.send(head(200, content_type=JSON, connection="close"))
    while wire.send(b" " * 65536):
        pass


def garbage(wire: Wire, _request: Request) -> None:
    wire.send(bytes(range(256)) * 8)


def close(wire: Wire, _request: Request) -> None:
    """Close without a word."""


def reset(wire: Wire, _request: Request) -> None:
    """Close so that the client gets a reset."""
    wire.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def truncated(data: RulesetData) -> Conduct:
    """Less than Content-Length says."""
    body = msgspec.json.encode(data)

    def conduct(wire: Wire, _request: Request) -> None:
        wire.send(head(200, content_type=JSON, content_length=str(len(body))) + body[:-1])

    return conduct


def truncated_chunks(data: RulesetData) -> Conduct:
    """A chunked body whose last chunk is missing."""
    body = msgspec.json.encode(data)

    def conduct(wire: Wire, _request: Request) -> None:
        wire.send(head(200, content_type=JSON, transfer_encoding="chunked") + b"%x\r\n%s\r\n" % (len(body), body))

    return conduct


def truncated_gzip(data: RulesetData) -> Conduct:
    """A member whose checksum is missing, and no length that would tell."""
    body = gzip.compress(msgspec.json.encode(data))[:-8]

    def conduct(wire: Wire, _request: Request) -> None:
        wire.send(head(200, content_type=JSON, content_encoding="gzip", connection="close") + body)

    return conduct


def bomb(megabytes: int) -> Conduct:
    """A few kilobytes that inflate to so many megabytes of blanks, which JSON would let pass."""
    return answer(200, gzip.compress(b" " * (megabytes << 20) + b"{}"), Content_Encoding="gzip")


def event(kind: str, data: bytes, ident: str = "") -> bytes:
    """One event of a stream."""
    return b"event: %s\nid: %s\ndata: %s\n\n" % (kind.encode(), ident.encode(), data)


HEARTBEAT = b": here\n\n"


def streamed(*events: bytes, zipped: bool = True, then: Conduct = hang) -> Conduct:
    """A stream of these events, each a gzip member and a chunk of its own; `then` what comes after."""

    def conduct(wire: Wire, request: Request) -> None:
        coding = {"content_encoding": "gzip"} if zipped else {}
        wire.send(head(200, content_type=EVENTS, transfer_encoding="chunked", **coding))
        for one in events:
            part = gzip.compress(one) if zipped else one
            wire.send(b"%x\r\n%s\r\n" % (len(part), part))
        then(wire, request)

    return conduct


def end_of_stream(wire: Wire, _request: Request) -> None:
    """What a server sends that ends a stream as it should be ended."""
    wire.send(b"0\r\n\r\n")


class Misbehaving:
    """Listens until closed. Each connection gets the next conduct of its path's script; the last one stays.

    `scripts` by the end of the path (`ruleset`, `stream`, `usage`). `requests` holds what arrived, also what was
    then mistreated.
    """

    def __init__(self, context: ssl.SSLContext | None = None) -> None:
        self.scripts: dict[str, list[Conduct]] = {}
        self.requests: list[Request] = []
        self.over = threading.Event()
        self._context = context
        self._changed = threading.Condition()
        self._threads: list[threading.Thread] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._listen()

    @property
    def url(self) -> str:
        return f"http{'s' if self._context else ''}://127.0.0.1:{self.port}"

    def count(self, end: str) -> int:
        """How many requests came for a path."""
        return sum(request.path.endswith(end) for request in list(self.requests))

    def await_requests(self, end: str, count: int) -> None:
        """Wait until so many requests came for a path."""
        with self._changed:
            assert self._changed.wait_for(lambda: self.count(end) >= count, timeout=60.0)

    def go_down(self) -> None:
        """Listen no more."""
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def come_back(self) -> None:
        """Listen again, on the same port."""
        self._listener = socket.create_server(("127.0.0.1", self.port))
        self._listen()

    def close(self) -> None:
        self.over.set()
        self.go_down()
        for thread in self._threads:
            thread.join(60.0)

    def _listen(self) -> None:
        thread = threading.Thread(target=self._accept, args=(self._listener,), daemon=True)
        self._threads.append(thread)
        thread.start()

    def _accept(self, listener: socket.socket) -> None:
        while True:
            try:
                sock, _ = listener.accept()
            except OSError:
                return
            thread = threading.Thread(target=self._serve, args=(sock,), daemon=True)
            self._threads = [one for one in self._threads if one.is_alive()]
            self._threads.append(thread)
            thread.start()

    def _serve(self, plain: socket.socket) -> None:
        sock = plain
        with suppress(OSError, ValueError):
            plain.settimeout(10.0)
            if self._context is not None:
                sock = self._context.wrap_socket(plain, server_side=True)
            request = _read(sock)
            self._next(request)(Wire(sock, self.over), request)
        with suppress(OSError):
            sock.close()

    def _next(self, request: Request) -> Conduct:
        with self._changed:
            self.requests.append(request)
            self._changed.notify_all()
            script = self.scripts[request.path.rpartition("/")[2]]
            return script.pop(0) if len(script) > 1 else script[0]


def _read(sock: socket.socket) -> Request:
    with sock.makefile("rb") as file:
        method, path, _ = file.readline().decode().split(" ")
        headers = {}
        while line := file.readline().strip():
            name, _, value = line.decode().partition(":")
            headers[name.lower()] = value.strip()
        return Request(method, path, headers, file.read(int(headers.get("content-length", "0"))))


@contextmanager
def misbehaving(context: ssl.SSLContext | None = None) -> Iterator[Misbehaving]:
    """A server that knows no ruleset and no stream until it is told."""
    server = Misbehaving(context)
    server.scripts = {name: [answer(404)] for name in ("ruleset", "stream", "usage")}
    try:
        yield server
    finally:
        server.close()


NESTED = b'{"flags":{"a":{"variants":{"x":' + b"[" * 50_000
"""JSON that is nested deeper than a parser's stack."""


def ruleset(number: int, served: str = "on") -> RulesetData:
    """A ruleset of one flag; its id starts with `number`."""
    return RulesetData(
        f"{number}-{number:016x}",
        "default",
        "production",
        {"a": SyncedFlag("boolean", {"on": True, "off": False})},
        {"a": Targeting(enabled=True, off_variant="off", fallthrough=Serve(served))},
        {},
    )


def delta(base: RulesetData, after: RulesetData) -> RulesetDelta:
    """What turns one such ruleset into another."""
    return RulesetDelta(base.id, after.id, {}, {"a": after.targetings["a"]}, {})
