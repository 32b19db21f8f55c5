"""A real HTTP server on this machine that receives messages, and fails at will."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Literal, cast

import msgspec

Conduct = Literal["take", "fail", "hang", "drop", "drip", "flood"]


class Received(msgspec.Struct, frozen=True):
    """One request as it arrived; header names are lower case."""

    path: str
    headers: dict[str, str]
    body: bytes


class Receiver(ThreadingHTTPServer):
    """Answers as `conduct`, `status` and `headers` say; `received` holds every request, also those it then failed,
    `taken` those that were answered with success.

    `take` answers `status`; `fail` answers it `failures` times and then 204; `hang`
    never answers; `drop` closes the connection; `drip` sends a header without
    end, a byte at a time; `flood` sends a body without end.
    """

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.conduct: Conduct = "take"
        self.status = 204
        self.headers: dict[str, str] = {}
        self.failures = 1
        self.received: list[Received] = []
        self.taken: list[Received] = []
        self.over = threading.Event()

    @property
    def url(self) -> str:
        """Where it listens; the path stands for a webhook's secret."""
        return f"http://127.0.0.1:{self.server_address[1]}/services/T0-SECRET-PATH"

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing of clients that hang up: they are meant to."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        receiver = cast("Receiver", self.server)
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        self._request = Received(self.path, {name.lower(): value for name, value in self.headers.items()}, body)
        receiver.received.append(self._request)
        self.close_connection = True
        if receiver.conduct == "hang":
            receiver.over.wait()
        elif receiver.conduct == "drip":
            self._drip(receiver)
        elif receiver.conduct == "flood":
            self._flood(receiver)
        elif receiver.conduct == "take" or (receiver.conduct == "fail" and len(receiver.received) <= receiver.failures):
            self._answer(receiver.status, receiver.headers)
        elif receiver.conduct == "fail":
            self._answer(204, {})

    def _answer(self, status: int, headers: dict[str, str]) -> None:
        if 200 <= status < 300:
            cast("Receiver", self.server).taken.append(self._request)
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("content-length", "0")
        self.end_headers()

    def _drip(self, receiver: Receiver) -> None:
        self.wfile.write(b"HTTP/1.1 200 OK\r\nx-endless: ")
        while not receiver.over.wait(0.02):
            self.wfile.write(b"x")
            self.wfile.flush()

    def _flood(self, receiver: Receiver) -> None:
        self.wfile.write(b"HTTP/1.1 200 OK\r\ncontent-length: 1000000000000\r\n\r\n")
        while not receiver.over.is_set():
            self.wfile.write(b"x" * 65536)

    def log_message(self, *_: object) -> None:
        """Keep the tests' output clean."""


@contextmanager
def receiving() -> Iterator[Receiver]:
    """A receiver that listens until the block ends."""
    receiver = Receiver()
    thread = threading.Thread(target=receiver.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield receiver
    finally:
        receiver.over.set()
        receiver.shutdown()
        receiver.server_close()
        thread.join()
