"""A limit to a whole attempt, where the library at work has timeouts for each wait alone."""

from __future__ import annotations

import socket
import threading

DEADLINE_SECONDS = 15.0
"""Seconds for a whole attempt: a receiver that drips a byte now and then is cut off."""


class Deadline:
    """Shuts the connection when the time is over: a library's own timeouts begin anew with every byte."""

    def __init__(self, seconds: float) -> None:
        self.passed = False
        self._timer = threading.Timer(seconds, self._cut)
        self._timer.daemon = True
        self._socket: socket.socket | None = None

    def __enter__(self) -> None:
        self._timer.start()

    def __exit__(self, *_: object) -> None:
        self._timer.cancel()

    def watch(self, connection: socket.socket) -> None:
        """Learn which socket to shut; at once where the time is over already."""
        self._socket = connection
        if self.passed:
            self._cut()

    def _cut(self) -> None:
        self.passed = True
        if self._socket is not None:
            try:
                # Not the TLS socket's own shutdown: it would take the session away from the thread that reads.
                socket.socket.shutdown(self._socket, socket.SHUT_RDWR)
            except OSError:  # closed in the meantime, which is as good
                return
