"""The bus inside one process: for an installation with one replica."""

from __future__ import annotations

import threading
import time

from flagtrail.bus import Heard, Standing

SCHEMES = ("local",)

_lock = threading.Lock()
_ends: dict[str, list[LocalBus]] = {}
"""Who listens in this process, by the installation's name."""


def open_bus(url: str, name: str) -> LocalBus:
    """An end of the bus of this name in this process, whatever the URL says after `local:`."""
    del url
    return LocalBus(name)


class LocalBus:
    """See `flagtrail.bus.Bus`. What is told is heard by the caller's own thread, as hearing is quick."""

    name = "local"
    between_processes = False
    shared = None

    def __init__(self, name: str) -> None:
        self._name = name
        self.standing = Standing(connected=False, since=time.time())
        self._heard: Heard | None = None

    def publish(self, size: int) -> None:
        """Call all others that listen."""
        with _lock:
            others = [end._heard for end in _ends.get(self._name, ()) if end is not self]  # noqa: SLF001 - its own kind
        for heard in others:
            if heard is not None:
                heard(size)

    def listen(self, heard: Heard) -> None:
        """Be called from now on."""
        self._heard = heard
        self.standing = Standing(connected=True, since=time.time())
        with _lock:
            _ends.setdefault(self._name, []).append(self)

    def close(self) -> None:
        """Be called no more."""
        self.standing = Standing(connected=False, since=time.time())
        with _lock:
            ends = _ends.get(self._name, [])
            if self in ends:
                ends.remove(self)
            if not ends:
                _ends.pop(self._name, None)
