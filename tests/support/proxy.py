"""A TCP proxy that can be cut: nothing passes either way any more, and nobody is told, as in a network partition."""

from __future__ import annotations

import contextlib
import select
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

_LOOK_UP_SECONDS = 0.02
_CHUNK = 1 << 16


class Proxy:
    """Passes each connection on to a port of this machine.

    `cut` keeps all connections open, accepts new ones, and passes on not a byte. `heal` passes on again what comes,
    through those that were opened meanwhile too; connections of before the cut are reset if `forget` says so, as by a
    firewall that lost its memory.
    """

    def __init__(self, port: int) -> None:
        self._target = port
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listening.getsockname()[1]
        self._open = threading.Event()
        self._open.set()
        self._over = threading.Event()
        self._pairs: list[tuple[socket.socket, socket.socket]] = []
        self._thread = threading.Thread(target=self._accept, name="proxy", daemon=True)
        self._thread.start()

    def cut(self) -> None:
        """Let nothing pass."""
        self._open.clear()

    def heal(self, *, forget: bool = False) -> None:
        """Let everything pass again."""
        if forget:
            for pair in self._pairs:
                _close(*pair)
        self._open.set()

    def close(self) -> None:
        """End it, and all connections."""
        self._over.set()
        self._open.set()
        self._thread.join()
        self._listening.close()
        for pair in self._pairs:
            _close(*pair)

    def _accept(self) -> None:
        while not self._over.is_set():
            if not select.select([self._listening], [], [], _LOOK_UP_SECONDS)[0]:
                continue
            near = self._listening.accept()[0]
            threading.Thread(target=self._serve, args=(near,), name="proxied", daemon=True).start()

    def _serve(self, near: socket.socket) -> None:
        self._open.wait()
        with contextlib.suppress(OSError), near, socket.create_connection(("127.0.0.1", self._target)) as far:
            self._pairs.append((near, far))
            while not self._over.is_set():
                self._open.wait()
                for ready in select.select([near, far], [], [], _LOOK_UP_SECONDS)[0]:
                    data = ready.recv(_CHUNK)
                    if not data:
                        return
                    self._open.wait()  # what was under way when it was cut comes later, or never
                    (far if ready is near else near).sendall(data)


def _close(*sockets: socket.socket) -> None:
    for each in sockets:
        with contextlib.suppress(OSError):
            each.shutdown(socket.SHUT_RDWR)


@contextmanager
def proxy(port: int) -> Iterator[Proxy]:
    """A proxy until the block ends."""
    made = Proxy(port)
    try:
        yield made
    finally:
        made.close()
