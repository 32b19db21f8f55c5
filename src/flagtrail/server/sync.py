"""The open streams of SDKs: woken when the ledger moved, ended when the server stops. Nothing waits in a queue."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from typing import TypeAlias

import structlog

from flagtrail.app.bootstrap import App
from flagtrail.model.errors import NotFound, TooManyRequests

log = structlog.get_logger()

STOP_SECONDS = 0.3
"""What a stopping server leaves its clients to take the end of their streams."""
RETRY_SECONDS = 30

Place: TypeAlias = tuple[str, str]


class Stream:
    """One client's stream, on the event loop that it was opened on. `cut` drops its connection at once."""

    __slots__ = ("_limit", "_stirred", "cut", "ended", "place")

    def __init__(self, place: Place, cut: Callable[[], object]) -> None:
        self.place = place
        self.cut = cut
        self.ended = ""
        self._stirred = asyncio.Event()
        self._limit: asyncio.Timeout | None = None

    def wake(self) -> None:
        """There may be something to send."""
        self._stirred.set()

    def end(self, why: str) -> None:
        """End it, also while it waits for its client to take something."""
        self.ended = self.ended or why
        self._stirred.set()
        if self._limit is not None:
            with contextlib.suppress(RuntimeError):  # its time is up in this very moment
                self._limit.reschedule(asyncio.get_running_loop().time())

    def calm(self) -> None:
        """Forget that it was woken; called before looking at what there is to send, so that no waking is lost."""
        self._stirred.clear()

    async def stirred(self, until: float) -> None:
        """Wait until it is woken, or until that time of the loop."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout_at(until):
                await self._stirred.wait()

    async def through(self, sending: Awaitable[None], seconds: float) -> None:
        """Wait until the client takes something; TimeoutError where it does not in time, or the stream is ended."""
        try:
            async with asyncio.timeout(seconds) as self._limit:
                await sending
        finally:
            self._limit = None


class _Hub:
    """The streams of one environment, and the id of the ruleset that they were last woken for."""

    __slots__ = ("id", "streams")

    def __init__(self, name: str) -> None:
        self.id: str | None = name
        self.streams: set[Stream] = set()


class Streams:
    """All open streams of one server; at most `most`. Everything but `moved` is called on the event loop."""

    def __init__(self, app: App, most: int) -> None:
        self._sync = app.sync
        self._changes = app.changes
        self._most = most
        self._hubs: dict[Place, _Hub] = {}
        self._count = 0
        self._tokens = self._changes.state.tables.get(("token", ""))
        self._loop: asyncio.AbstractEventLoop | None = None
        self._due = False
        self._stopped = False
        self._changes.on_moved(self.moved)

    def open(self, place: Place, cut: Callable[[], object]) -> Stream:
        """A new stream. Raises NotFound where there is no such environment, TooManyRequests where there are too many.

        On a server that is stopping it has ended already.
        """
        present = self._sync.ruleset(*place).id
        if self._count >= self._most:
            told = f"{self._count} streams are open, and no more are held: poll the ruleset instead"
            raise TooManyRequests(told, retry_after=RETRY_SECONDS)
        self._loop = asyncio.get_running_loop()
        hub = self._hubs.setdefault(place, _Hub(present))
        stream = Stream(place, cut)
        hub.streams.add(stream)
        self._count += 1
        if self._stopped:
            stream.end("stopped")
        return stream

    def close(self, stream: Stream) -> None:
        """Forget a stream that was opened."""
        hub = self._hubs[stream.place]
        hub.streams.remove(stream)
        self._count -= 1
        if not hub.streams:
            del self._hubs[stream.place]

    def moved(self, _state: object) -> None:
        """The ledger moved: look on the loop whom that concerns. From any thread; many calls may be one look."""
        if self._loop is not None and self._count and not self._due:
            self._due = True
            with contextlib.suppress(RuntimeError):  # the loop was closed meanwhile: there is nobody to wake
                self._loop.call_soon_threadsafe(self._look)

    def _look(self) -> None:
        self._due = False
        before, self._tokens = self._tokens, self._changes.state.tables.get(("token", ""))
        for place, hub in self._hubs.items():
            present = self._present(place)
            if present != hub.id or before is not self._tokens:
                hub.id = present
                for stream in hub.streams:
                    stream.wake()

    def _present(self, place: Place) -> str | None:
        """The id of what is served; None, which is no id, where a client must find out itself why there is none."""
        try:
            return self._sync.ruleset(*place).id
        except NotFound:
            return None
        except Exception:
            log.exception("sync.broke", project=place[0], environment=place[1])
            return None

    def stop(self) -> None:
        """End all streams at once, and soon after drop the connections of clients that do not take that."""
        self._stopped = True
        for hub in self._hubs.values():
            for stream in hub.streams:
                stream.end("stopped")
                asyncio.get_running_loop().call_later(STOP_SECONDS, stream.cut)
