"""The open streams of SDKs: woken when the ledger moved, ended when the server stops. Nothing waits in a queue."""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter
from collections.abc import Callable, Iterator
from typing import TypeAlias

import structlog

from flagtrail.app.bootstrap import App
from flagtrail.model.errors import NotFound, TooManyRequests

log = structlog.get_logger()

STOP_SECONDS = 0.3
"""What a stopping server leaves its clients to take the end of their streams."""
RETRY_SECONDS = 30
ROUND_SECONDS_EACH = 0.000_25
ROUND_SECONDS_MOST = 0.05
"""Streams are woken in rounds, so far apart for each of them and never further: what changes a hundred times in a
second would else cost every client a hundred events. A change after a rest is sent at once."""

Place: TypeAlias = tuple[str, str]


class Stream:
    """One client's stream, on the event loop that it was opened on.

    It has no timer of its own, since hundreds that are set and cancelled with every change cost more than the
    change: `Streams` looks at all of them now and then. `drop` drops its connection at once.
    """

    __slots__ = ("_stirred", "drop", "due", "ended", "place", "sending", "token")

    def __init__(self, place: Place, token: str, drop: Callable[[], object]) -> None:
        self.place = place
        self.token = token
        self.drop = drop
        self.ended = ""
        self.due = 0.0
        """When something must be sent, by the loop's clock, though nothing moved."""
        self.sending: float | None = None
        """Since when the client is waited for; None where it is not."""
        self._stirred = asyncio.Event()

    def wake(self) -> None:
        """There may be something to send."""
        self._stirred.set()

    def end(self, why: str) -> None:
        """End it as soon as its client is not waited for."""
        self.ended = self.ended or why
        self._stirred.set()

    def calm(self) -> None:
        """Forget that it was woken; called before looking at what there is to send, so that no waking is lost."""
        self._stirred.clear()

    async def stirred(self) -> None:
        """Wait until it is woken."""
        await self._stirred.wait()


class _Hub:
    """The streams of one environment, and the id of the ruleset that they were last woken for."""

    __slots__ = ("id", "streams")

    def __init__(self, name: str) -> None:
        self.id: str | None = name
        self.streams: set[Stream] = set()


class Streams:
    """All open streams of one server; at most `most`, and `each` of one token.

    Everything but `moved` is called on the event loop.

    A client that is waited for longer than `patience` seconds is dropped.
    """

    def __init__(self, app: App, most: int, each: int, *, patience: float, tick: float) -> None:
        self._sync = app.sync
        self._changes = app.changes
        self._most = most
        self._each = each
        self._by_token: Counter[str] = Counter()
        self._patience = patience
        self._tick = tick
        self._hubs: dict[Place, _Hub] = {}
        self._count = 0
        self._tokens = self._changes.state.tables.get(("token", ""))
        self._loop: asyncio.AbstractEventLoop | None = None
        self._glancing = False
        self._due = False
        self._next = 0.0
        self._stopped = False
        self._changes.on_moved(self.moved)

    def open(self, place: Place, token: str, drop: Callable[[], object]) -> Stream:
        """A new stream. Raises NotFound where there is no such environment, TooManyRequests where there are too many.

        On a server that is stopping it has ended already.
        """
        present = self._sync.ruleset(*place).id
        if self._count >= self._most:
            told = f"{self._count} streams are open, and no more are held: poll the ruleset instead"
            raise TooManyRequests(told, retry_after=RETRY_SECONDS)
        if self._by_token[token] >= self._each:
            told = f"{self._each} streams of this token are open, and no more are held: poll the ruleset instead"
            raise TooManyRequests(told, retry_after=RETRY_SECONDS)
        loop = asyncio.get_running_loop()
        if loop is not self._loop:
            self._loop, self._glancing, self._due = loop, False, False
        hub = self._hubs.setdefault(place, _Hub(present))
        stream = Stream(place, token, drop)
        hub.streams.add(stream)
        self._count += 1
        self._by_token[token] += 1
        if not self._glancing:
            self._glancing = True
            loop.call_later(self._tick, self._glance, loop)
        if self._stopped:
            stream.end("stopped")
        return stream

    def close(self, stream: Stream) -> None:
        """Forget a stream that was opened."""
        hub = self._hubs[stream.place]
        hub.streams.remove(stream)
        self._count -= 1
        self._by_token[stream.token] -= 1
        if not self._by_token[stream.token]:
            del self._by_token[stream.token]
        if not hub.streams:
            del self._hubs[stream.place]

    def clients(self) -> dict[Place, int]:
        """How many streams are open, by environment."""
        return {place: len(hub.streams) for place, hub in self._hubs.items()}

    def moved(self, _state: object) -> None:
        """The ledger moved: look on the loop whom that concerns. From any thread; many calls may be one look."""
        if self._loop is not None and self._count and not self._due:
            self._due = True
            with contextlib.suppress(RuntimeError):  # the loop was closed meanwhile: there is nobody to wake
                self._loop.call_soon_threadsafe(self._look_soon, self._loop)

    def _look_soon(self, loop: asyncio.AbstractEventLoop) -> None:
        if loop.time() >= self._next:
            self._look(loop)
        else:
            loop.call_at(self._next, self._look, loop)

    def _look(self, loop: asyncio.AbstractEventLoop) -> None:
        self._due = False
        self._next = loop.time() + min(self._count * ROUND_SECONDS_EACH, ROUND_SECONDS_MOST)
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

    def _all(self) -> Iterator[Stream]:
        for hub in self._hubs.values():
            yield from hub.streams

    def _glance(self, loop: asyncio.AbstractEventLoop) -> None:
        """Wake whoever was silent for long, drop whoever takes nothing; again and again while there are streams."""
        now = loop.time()
        for stream in self._all():
            if stream.sending is None:
                if now >= stream.due:
                    stream.wake()
            elif now >= stream.sending + self._patience:
                stream.end("the client took nothing")
                stream.drop()
        self._glancing = self._count > 0
        if self._glancing:
            loop.call_later(self._tick, self._glance, loop)

    def stop(self) -> None:
        """End all streams at once, and soon after drop the connections of clients that do not take that."""
        self._stopped = True
        for stream in self._all():
            stream.end("stopped")
            asyncio.get_running_loop().call_later(STOP_SECONDS, stream.drop)
