"""One connection to the server: every wait on it ends in time, and it can be cut from another thread."""

from __future__ import annotations

import http.client
import io
import socket
import ssl
import threading
from base64 import b64encode
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from urllib.parse import unquote_to_bytes, urlsplit
from urllib.request import getproxies_environment, proxy_bypass_environment  # type: ignore[attr-defined]

import msgspec

LONGEST_SECONDS = 3600.0
"""Of one wait: a socket takes no endless number."""
HTTP_PORT = 80
HTTPS_PORT = 443


class Proxy(msgspec.Struct, frozen=True):
    """What stands between, and how the client signs in there."""

    host: str
    port: int
    headers: dict[str, str]


class Place(msgspec.Struct, frozen=True):
    """A server: where it listens, and the path under which it is found there."""

    tls: bool
    host: str
    port: int
    prefix: str

    @property
    def origin(self) -> str:
        """As it stands in an address, without what a person might have written in front of the host."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        usual = HTTPS_PORT if self.tls else HTTP_PORT
        return f"{'https' if self.tls else 'http'}://{host}" + ("" if self.port == usual else f":{self.port}")

    def proxy(self) -> Proxy | None:
        """What HTTP_PROXY, HTTPS_PROXY and NO_PROXY of the process say. Raises ValueError for what cannot be used."""
        told = getproxies_environment()
        address = told.get("https" if self.tls else "http")
        if not address or proxy_bypass_environment(f"{self.host}:{self.port}", told):
            return None
        parts = urlsplit(address if "://" in address else f"http://{address}")
        if parts.scheme != "http" or not parts.hostname:
            raise ValueError("the proxy in the environment is no http address")
        headers = {}
        if parts.username is not None:
            secret = unquote_to_bytes(parts.username) + b":" + unquote_to_bytes(parts.password or "")
            headers["Proxy-Authorization"] = f"Basic {b64encode(secret).decode()}"
        return Proxy(parts.hostname, parts.port or HTTP_PORT, headers)


def place_of(url: str) -> Place:
    """Where a URL leads. Raises ValueError where it leads nowhere."""
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise ValueError("the URL of the server is no http address")
    tls = parts.scheme == "https"
    return Place(tls, parts.hostname, parts.port or (HTTPS_PORT if tls else HTTP_PORT), parts.path.rstrip("/"))


class Patience:
    """How long to wait for the next byte (`step`), and until when for what is awaited as a whole."""

    def __init__(self, clock: Callable[[], float], step: float, whole: float) -> None:
        self._clock = clock
        self.allow(step, whole)

    def allow(self, step: float, whole: float) -> None:
        """From now on: `step` seconds for each wait, `whole` seconds for all."""
        self._step = step
        self._until = self._clock() + whole

    def left(self) -> float:
        """Seconds that the next wait may take. Raises TimeoutError where the time is over."""
        left = min(self._step, self._until - self._clock(), LONGEST_SECONDS)
        if left <= 0:
            raise TimeoutError
        return left


class Connections:
    """The sockets that are in use, so that another thread can cut them."""

    def __init__(self) -> None:
        self._lock = threading.RLock()  # a handler of signals may come in between
        self._sockets: set[socket.socket] = set()
        self._cut = False

    @property
    def cut(self) -> bool:
        """Whether they were cut: no further one will be made."""
        return self._cut

    def add(self, sock: socket.socket) -> None:
        """Take note of a socket. Raises ConnectionAbortedError where no more are wanted."""
        with self._lock:
            self._sockets.add(sock)
            if self._cut:
                raise ConnectionAbortedError

    def remove(self, sock: socket.socket, *, end: bool) -> None:
        """Forget a socket; before it is closed, for its number may soon be another's.

        `end` tells the other side that it is over, also where a forked child still holds the socket.
        """
        with self._lock:
            self._sockets.discard(sock)
            if end:
                _shut(sock)

    def hang_up(self) -> None:
        """End every wait on these sockets at once, and refuse new ones."""
        with self._lock:
            self._cut = True
            for sock in self._sockets:
                _shut(sock)


def _shut(sock: socket.socket) -> None:
    with suppress(OSError):  # it was never connected, or the other side was faster
        # Not the TLS socket's own shutdown: it would take the session from under the thread that reads.
        socket.socket.shutdown(sock, socket.SHUT_RDWR)


class _Reader(io.RawIOBase):
    """Reads from a socket, each time only as long as patience allows."""

    def __init__(self, raw: io.RawIOBase, sock: socket.socket, patience: Patience) -> None:
        super().__init__()
        self._raw = raw
        self._sock = sock
        self._patience = patience

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int | None:  # type: ignore[override]
        self._sock.settimeout(self._patience.left())
        return self._raw.readinto(buffer)

    def close(self) -> None:
        self._raw.close()
        super().close()


class _Response(http.client.HTTPResponse):
    """A response whose every read, of its headers too, is bounded: the library's own timeout begins anew each time."""

    def __init__(self, sock: socket.socket, *, patience: Patience, method: str | None = None) -> None:
        super().__init__(sock, method=method)
        self.fp = io.BufferedReader(_Reader(self.fp.detach(), sock, patience))


class Connection(http.client.HTTPConnection):
    """One request's connection, through a proxy where there is one. `context` where the place speaks TLS."""

    def __init__(
        self, place: Place, context: ssl.SSLContext | None, patience: Patience, connections: Connections
    ) -> None:
        proxy = place.proxy()
        super().__init__(*((place.host, place.port) if proxy is None else (proxy.host, proxy.port)))
        self._patience = patience
        self._connections = connections
        self._context = context
        self._create_connection = self._open
        self._known: socket.socket | None = None
        self._place = place
        self._proxy = proxy
        self.response_class = partial(_Response, patience=patience)  # type: ignore[assignment]
        if context is not None:
            self.default_port = HTTPS_PORT
            if proxy is not None:
                self.set_tunnel(place.host, place.port, proxy.headers)

    def ask(self, method: str, path: str, headers: dict[str, str]) -> None:
        """Connect and send the head of a request."""
        target = self._place.prefix + path
        if self._proxy is not None and self._context is None:
            target = self._place.origin + target
            headers = {**headers, **self._proxy.headers}
        self.putrequest(method, target, skip_accept_encoding=True)
        for name, value in headers.items():
            self.putheader(name, value)
        self.endheaders()

    def connect(self) -> None:
        """Connect, and agree on keys."""
        super().connect()
        if self._context is None:
            return
        self._connections.remove(self.sock, end=False)
        # The handshake comes later: a server that hangs in the midst of it must be cut too.
        self.sock = self._context.wrap_socket(
            self.sock, server_hostname=self._place.host, do_handshake_on_connect=False
        )
        self._know(self.sock)
        self.sock.settimeout(self._patience.left())
        self.sock.do_handshake()

    def part(self) -> None:
        """Say that it is over; before anything is closed."""
        if self._known is not None:
            self._connections.remove(self._known, end=True)
            self._known = None

    def end(self) -> None:
        """Close, whatever state it is in."""
        self.part()
        self.close()

    def _know(self, sock: socket.socket) -> None:
        self._known = sock
        self._connections.add(sock)

    def _open(self, address: tuple[str, int], *_: object) -> socket.socket:
        """Connect to the first address of a name that answers. Known before it connects, so that it can be cut."""
        failed: OSError = OSError("the name has no address")
        for family, kind, protocol, _name, where in socket.getaddrinfo(*address, type=socket.SOCK_STREAM):
            sock = socket.socket(family, kind, protocol)
            try:
                self._know(sock)
                sock.settimeout(self._patience.left())
                sock.connect(where)
            except OSError as error:
                self.part()
                sock.close()
                failed = error
            else:
                return sock
        raise failed
