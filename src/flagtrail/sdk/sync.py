"""Keeps a client in step with its server, in one thread that nothing can end but `stop`."""

from __future__ import annotations

import logging
import random
import threading
import time
from collections.abc import Callable
from typing import Protocol, TypeVar
from urllib.parse import urlsplit

import msgspec

from flagtrail.model.sync import DELTA_EVENT, RULESET_EVENT, RulesetData, RulesetDelta
from flagtrail.sdk.backoff import Backoff, Pace
from flagtrail.sdk.cache import CacheFile
from flagtrail.sdk.options import Options
from flagtrail.sdk.served import RulesetRefused
from flagtrail.sdk.sse import HEARTBEAT, StreamEvent
from flagtrail.sdk.transport import Transport, TransportFailed

NO_STREAM = frozenset({200, 404, 405, 406, 410, 415, 501})
"""Answers to a stream that say that here is none: polling does as well. 200: of another content type."""
BARREN = 3
"""So many streams in a row that brought nothing, while fetching works: they do not get through."""
LONGEST_SECONDS = 86_400.0
"""Of one wait: a lock takes no endless number."""
STOP_SECONDS = 0.8
"""How long `stop` waits for the thread: every wait of it is cut, but for one on a name server."""

log = logging.getLogger("flagtrail.sdk")
T = TypeVar("T", RulesetData, RulesetDelta)


class Garbled(TransportFailed):
    """The bytes came, and say nothing: to take up the stream where it was left would bring them again."""


class Sink(Protocol):
    """What is fed: `served.Served`, and what tests put in its place. It is called from one thread at a time."""

    @property
    def id(self) -> str | None:
        """The id of what is held; None where nothing is."""

    def restore(self, data: RulesetData, why: str) -> None:
        """Serve what was kept from an earlier run, as STALE. Raises RulesetRefused."""

    def replace(self, data: RulesetData) -> None:
        """Serve a whole ruleset. Raises RulesetRefused."""

    def apply(self, delta: RulesetDelta) -> None:
        """Serve what a delta makes of what is held. Raises RulesetRefused."""

    def confirmed(self) -> None:
        """The server said that what is held is the present one."""

    def unreachable(self, why: str) -> None:
        """An attempt failed."""

    def refused(self, why: str, *, fatal: bool = False) -> None:
        """The server's answer cannot be used, or it refuses the credential (`fatal`)."""

    def document(self) -> RulesetData | None:
        """What is held, whole."""


class Synchronizer:
    """Fetches the ruleset, follows the stream, and polls where there is none; failures are waited out.

    `pace`, `sleep` (waits, and says whether the end came meanwhile), `clock` and `dice` are for tests.
    """

    def __init__(
        self,
        options: Options,
        served: Sink,
        transport: Transport,
        *,
        pace: Pace | None = None,
        sleep: Callable[[float], bool] | None = None,
        clock: Callable[[], float] = time.monotonic,
        dice: Callable[[], float] = random.random,
    ) -> None:
        self._options = options
        self._address = _address(options.url)
        self._logged: str | None = None
        self._served = served
        self._transport = transport
        self._pace = pace or Pace()
        self._stopping = threading.Event()
        self._sleep = sleep or self._stopping.wait
        self._clock = clock
        self._backoff = Backoff(self._pace, dice)
        self._cache = CacheFile(
            options.cache_file,
            url=options.url,
            token=options.token,
            most=options.max_ruleset_bytes,
            every=self._pace.cache_every,
            clock=clock,
        )
        self._thread: threading.Thread | None = None
        self._resume = False
        """Whether the stream is taken up again without a fetch before."""
        self._refusals = 0
        """Rulesets that were refused in a row; while there are any, the whole set is asked for."""
        self._heard = False
        """Whether the stream brought anything."""
        self._barren = 0
        self._stream_from = clock()

    def start(self) -> None:
        """Serve what the cache file holds, at once, and begin to ask the server. A second call does nothing."""
        if self._thread is not None or self._stopping.is_set():
            return
        self._restore()
        thread = threading.Thread(target=self._run, name="flagtrail-sync", daemon=True)
        try:
            thread.start()
        except RuntimeError as error:  # the process may have no more threads, or is about to end
            log.warning("the server is not asked: %s", error)
            self._guarded(lambda: self._failed(TransportFailed("the process cannot start a thread")))
        else:
            self._thread = thread

    def stop(self) -> None:
        """End, within a second, whatever the thread is waiting for. From any thread, as often as one likes."""
        self._stopping.set()
        self._transport.hang_up()
        thread = self._thread
        if thread is not None and thread is not threading.current_thread():
            thread.join(STOP_SECONDS)

    def _restore(self) -> None:
        if self._served.id is not None:
            return  # as in a forked child, which has what its parent had: that is no older than the file
        try:
            data = self._cache.load()
            if data is not None:
                self._served.restore(data, "served from the cache file; the server was not heard yet")
        except RulesetRefused as refused:
            log.warning("the ruleset in the cache file is refused: %s", refused)
        except Exception:
            log.exception("the cache file could not be served")

    def _run(self) -> None:
        while not self._stopping.is_set():
            if self._sleep(min(self._guarded(self._round), LONGEST_SECONDS)):
                break
        self._guarded(self._finish)

    def _finish(self) -> float:
        self._cache.flush(self._served.document)
        return 0.0

    def _guarded(self, act: Callable[[], float]) -> float:
        """Do it. A defect of ours, or of a handler of the application, is waited out like any failure."""
        try:
            try:
                return act()
            except Exception as error:
                log.exception("synchronizing failed")
                return self._failed(TransportFailed(f"synchronizing failed ({type(error).__name__})"))
        except Exception:
            log.exception("telling of a failure failed")
            return self._backoff.next()

    def _round(self) -> float:
        """Ask once, and follow the stream while there is one; how long to wait then."""
        try:
            resume, self._resume = self._resume, False
            if not resume:
                self._fetch()
            if self._options.sync == "stream" and self._clock() >= self._stream_from:
                return self._follow()
        except TransportFailed as failed:
            return self._failed(failed)
        except RulesetRefused as refused:
            return self._refused(str(refused))
        self._backoff.reset()
        self._cache.write_if_due(self._served.document)
        return self._backoff.about(self._options.poll_every)

    def _fetch(self) -> None:
        known = None if self._refusals else self._served.id
        body = self._transport.ruleset(known).body
        self._logged = None
        if body is None:
            self._served.confirmed()
        else:
            self._replace(body)

    def _follow(self) -> float:
        """Follow the stream to its end, which is a failure like any other; how long to wait then."""
        began = self._clock()
        self._heard = False
        failed = self._followed()
        if not self._heard:
            return self._barren_stream(failed)
        if self._clock() - began >= self._pace.settled:
            self._backoff.reset()
        self._resume = not isinstance(failed, Garbled)
        return self._failed(failed)

    def _followed(self) -> TransportFailed:
        """Follow the stream; how it ended."""
        try:
            with self._transport.stream(self._served.id or "") as events:
                for event in events:
                    self._heard, self._barren = True, 0
                    self._take(event)
                    self._cache.write_if_due(self._served.document)
        except TransportFailed as failed:
            return failed
        return TransportFailed("the server ended the stream")

    def _barren_stream(self, failed: TransportFailed) -> float:
        """A stream brought nothing at all: poll for a while, unless the server is away, or busy."""
        self._barren += 1
        closed = failed.status in NO_STREAM or failed.silent or self._barren >= BARREN
        if not closed or failed.fatal or failed.retry_after is not None:
            return self._failed(failed)
        log.info("the stream does not get through (%s); polling", failed.why)
        self._barren = 0
        self._stream_from = self._clock() + self._pace.stream_again
        # A silent stream took its time: what was fetched before it is old by now.
        return 0.0 if failed.silent else self._backoff.about(self._options.poll_every)

    def _take(self, event: StreamEvent) -> None:
        if event is HEARTBEAT:
            # Whatever moved would have come before it.
            self._served.confirmed()
        elif event.kind == RULESET_EVENT:
            self._replace(event.data)
        elif event.kind == DELTA_EVENT:
            self._apply(event.data)

    def _replace(self, body: bytes) -> None:
        self._served.replace(_decoded(body, RulesetData))
        self._moved()

    def _apply(self, body: bytes) -> None:
        delta = _decoded(body, RulesetDelta)
        if delta.base != self._served.id:
            raise Garbled(f"the stream sent a delta of {delta.base}, and {self._served.id} is held")
        self._served.apply(delta)
        self._moved()

    def _moved(self) -> None:
        self._refusals = 0
        self._cache.moved()

    def _failed(self, failed: TransportFailed) -> float:
        if self._stopping.is_set():
            return 0.0
        told = f"{failed.why} ({self._address})"
        if failed.fatal:
            log.warning("the token is not accepted: %s", told)
            self._served.refused(told, fatal=True)
            return self._backoff.about(self._pace.refused_every)
        self._log_once(told)
        self._served.unreachable(told)
        return self._backoff.next(failed.retry_after)

    def _log_once(self, told: str) -> None:
        """Say it once in a row, and louder where callers get their defaults for it."""
        level = logging.WARNING if self._served.id is None else logging.INFO
        log.log(logging.DEBUG if told == self._logged else level, "%s", told)
        self._logged = told

    def _refused(self, why: str) -> float:
        """A ruleset is refused whole: ask for the whole set, once soon and then no faster than polling."""
        self._refusals += 1
        log.warning("a ruleset is refused, and the last good one is served on: %s", why)
        self._served.refused(why)
        wait = self._backoff.next()
        return wait if self._refusals == 1 else max(wait, self._backoff.about(self._options.poll_every))


def _address(url: str) -> str:
    """The URL as it may be told: without what may stand before the host, and without a query.

    >>> _address("https://me:secret@flags.example.com/base?token=secret")
    'https://flags.example.com/base'
    """
    try:
        parts = urlsplit(url)
    except ValueError:
        return "no address"
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"


def _decoded(body: bytes, kind: type[T]) -> T:
    """Raises Garbled for what is no JSON, and RulesetRefused for what is and says what this version does not know."""
    try:
        return msgspec.json.decode(body, type=kind)
    except msgspec.ValidationError as error:
        raise RulesetRefused(f"it cannot be read: {error}") from None
    except (msgspec.MsgspecError, ValueError, RecursionError):
        raise Garbled("the server sent what is no JSON") from None
