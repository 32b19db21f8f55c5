"""One connection to the server: every wait on it ends in time, and it can be cut from another thread."""

from __future__ import annotations

import http.client
import io
import socket
import ssl
import threading
from base64 import b64encode
from collections.abc import Callable
from urllib.parse import SplitResult, unquote, urlsplit
from urllib.request import getproxies_environment, proxy_bypass_environment

from typing_extensions import Buffer

HTTPS_PORT = 443


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
        left = min(self._step, self._until - self._clock())
        if left <= 0:
            raise TimeoutError
        return left


class Connections:
    """The sockets that are in use, so that another thread can cut them."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
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

    def remove(self, sock: socket.socket | None) -> None:
        """Forget a socket; before it is closed, for its number may soon be another's."""
        with self._lock:
            self._sockets.discard(sock)  # type: ignore[arg-type]

    def hang_up(self) -> None:
        """End every wait on these sockets at once, and refuse new ones."""
        with self._lock:
            self._cut = True
            for sock in self._sockets:
                try:
                    # Not the TLS socket's own shutdown: it would take the session from under the thread that reads.
                    socket.socket.shutdown(sock, socket.SHUT_RDWR)
                except OSError:  # noqa: PERF203 - it was never connected, or the other side was faster
                    continue


class _Reader(io.RawIOBase):
    """Reads from a socket's own reader, each time only as long as patience allows."""

    def __init__(self, sock: socket.socket, patience: Patience) -> None:
        super().__init__()
        self._sock = sock
        self._patience = patience
        # The socket counts its readers: it stays open until this one is closed.
        self._raw = socket.SocketIO(sock, "r")
        sock._io_refs += 1  # noqa: SLF001
