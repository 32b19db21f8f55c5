"""Telling the server what was evaluated: every few seconds, once each, and never in the way of an evaluation."""

from __future__ import annotations

import logging
import os
import random
import secrets
import threading
import time
from collections.abc import Callable
from typing import Protocol

import msgspec

from flagtrail import __version__
from flagtrail.model.flag import Json
from flagtrail.model.usage import MAX_AGO_SECONDS, Count, UsageReport
from flagtrail.sdk.backlog import Backlog, Stretch
from flagtrail.sdk.ending import Ending
from flagtrail.sdk.options import Options
from flagtrail.sdk.sample import Sampler
from flagtrail.sdk.transport import TransportFailed

PATH = "/sdk/v1/usage"
SDK = f"flagtrail-python/{__version__}"
REPORT_ROWS = 2_000
"""Rows of one report: 200 kB with common names and, with a thousand contexts, below 4 MiB with the longest."""
LAST_SECONDS = 2.0
"""How long a process that ends may be held up by its last report."""
LONGEST_PAUSE = 300.0
"""Between two attempts while the server is away, and always after it refused the credential."""
LONGEST_ASKED = 3600.0
"""How much of a Retry-After is heeded."""
REST_SECONDS = 3600.0
"""Until a server that has no such path is asked again: it may have been updated, or a proxy answered for it."""
TELL_SECONDS = 3600.0

REFUSED_REPORT = frozenset({400, 413, 422})
REFUSED_CREDENTIAL = frozenset({401, 403})
NO_SUCH_PATH = frozenset({404, 405})
NEVER = float("-inf")

_log = logging.getLogger(__name__)


class Drained(Protocol):
    """What counts."""

    def drain(self) -> list[Count]:
        """What was counted since the last time."""
        ...


class Posts(Protocol):
    """What sends."""

    def post(self, path: str, body: bytes) -> None:
        """Send a body; raises TransportFailed where the server did not take it."""
        ...


class _Report:
    """A report that is on its way: the same until the server took it."""

    __slots__ = ("contexts", "id", "stretches")

    def __init__(self, stretches: tuple[Stretch, ...], contexts: tuple[dict[str, Json], ...]) -> None:
        self.id = secrets.token_hex(16)
        self.stretches = stretches
        self.contexts = contexts

    def evaluations(self) -> int:
        return sum(stretch.evaluations() for stretch in self.stretches)


class Reporter:
    """Drains the tallies every `flush_every` seconds, on a thread of its own, and reports what they counted.

    A report that fails is sent again, the same under the same id, until the
    server takes or refuses it: each evaluation is added up once, as long as
    the server knows the ids that it has seen. Counts that wait are bounded
    (`Backlog`); `dropped` is how many evaluations were given up so far.
    `clock` answers seconds that only ever go forward, `dice` throws from [0, 1).

    After a fork the child needs a reporter of its own: this one stays the parent's.
    """

    def __init__(
        self,
        options: Options,
        tallies: Drained,
        transport: Posts,
        sampler: Sampler | None = None,
        *,
        clock: Callable[[], float] = time.monotonic,
        dice: Callable[[], float] | None = None,
    ) -> None:
        self._every = options.flush_every
        self._application = options.application.encode(errors="replace").decode()[:200]
        self._tallies = tallies
        self._transport = transport
        self._sampler = sampler
        self._clock = clock
        self._dice = dice or random.Random().random  # noqa: S311 - spreads a fleet; an application may seed the common dice
        self._backlog = Backlog()
        self._sending: _Report | None = None
        self._drained_at = clock()
        self._failures = 0
        self._pause_until = self._asked_until = self._rest_until = self._told_at = NEVER
        self._dropped = self._told = 0
        self._thread: threading.Thread | None = None
        self._ending: Ending | None = None
        self._process = os.getpid()
        self._stopping = threading.Event()
        self._flush_last = True

    @property
    def dropped(self) -> int:
        """Evaluations that will not be reported: too many waited, for too long, or the server refused them for good."""
        return self._dropped + self._backlog.dropped

    @property
    def waiting(self) -> int:
        """Rows of counts that were drained and not yet taken by the server; at most `MAX_COUNTS + REPORT_ROWS`."""
        sending = () if self._sending is None else self._sending.stretches
        return self._backlog.rows + sum(len(stretch.counts) for stretch in sending)

    def start(self) -> None:
        """Report from now on, and once more when the process ends; not after `stop`."""
        if self._stopping.is_set():
            return
        if self._sampler is not None:
            self._sampler.forget()
        thread = threading.Thread(target=self._run, name="flagtrail-usage", daemon=True)
        try:
            thread.start()
        except RuntimeError as failure:  # too many threads, or the interpreter is ending
            _log.warning("usage is not reported: %s", failure)
        else:
            self._thread = thread
            self._ending = Ending(self.stop)

    def stop(self, flush: bool = True) -> None:
        """Stop reporting; with `flush` after one last attempt, which is waited for at most `LAST_SECONDS`."""
        if self._process != os.getpid():
            return
        thread, self._thread = self._thread, None
        if thread is not None:
            self._flush_last = flush
        self._stopping.set()
        if self._ending is not None:
            self._ending.cancel()
        if flush and thread not in {None, threading.current_thread()}:
            thread.join(LAST_SECONDS)

    def _run(self) -> None:
        pause = self._every * self._dice()
        while not self._stopping.wait(pause):
            self._flush_safely()
            pause = self._every
        if self._flush_last:
            self._flush_safely(last=True)
            if self.waiting:
                _log.warning("counts of %d variants end unreported: the server did not take them", self.waiting)

    def _flush_safely(self, *, last: bool = False) -> None:
        try:
            self.flush(last=last)
        except Exception:  # noqa: BLE001 - the thread must outlive whatever goes wrong once
            _log.error("usage could not be gathered", exc_info=True)

    def flush(self, *, last: bool = False) -> None:
        """What the thread does each time: drain, and send what waits unless that has to pause.

        The `last` time only a pause that the server itself asked for is heeded. Not for two threads at once.
        """
        now = self._clock()
        self._backlog.add(self._tallies.drain(), self._drained_at, now)
        self._drained_at = now
        self._backlog.expire(now - MAX_AGO_SECONDS)
        if now < self._rest_until:
            return
        self._tell_dropped(now)
        if now >= self._asked_until and (last or now >= self._pause_until):
            self._send()

    def _send(self) -> None:
        """Send reports until none waits or one failed."""
        while (report := self._sending or self._next_report()) is not None:
            self._sending = report
            failure = self._post(report)
            if failure is not None:
                self._failed(report, failure)
                return
            self._sending = None
            if self._failures:
                _log.info("usage is reported again")
                self._failures = 0

    def _next_report(self) -> _Report | None:
        stretches = self._backlog.take(REPORT_ROWS)
        if not stretches:  # and so no report with contexts only: they are offered on while reports are sent
            return None
        return _Report(stretches, self._sampler.take() if self._sampler else ())

    def _post(self, report: _Report) -> TransportFailed | None:
        now = self._clock()
        self._expire(report, now)
        periods = tuple(stretch.period(now) for stretch in report.stretches)
        try:
            body = msgspec.json.encode(UsageReport(report.id, SDK, periods, self._application, report.contexts))
            self._transport.post(PATH, body)
        except TransportFailed as failure:
            return failure
        except Exception as failure:  # noqa: BLE001 - whatever went wrong, the report waits as after any failure
            _log.debug("a usage report could not be sent", exc_info=True)
            return TransportFailed(repr(failure))
        return None

    def _expire(self, report: _Report, now: float) -> None:
        """Take out what is older than the server would take."""
        kept = tuple(stretch for stretch in report.stretches if now - stretch.end <= MAX_AGO_SECONDS)
        self._dropped += report.evaluations() - sum(stretch.evaluations() for stretch in kept)
        report.stretches = kept

    def _failed(self, report: _Report, failure: TransportFailed) -> None:
        now = self._clock()
        status = failure.status
        if failure.retry_after is not None:
            self._asked_until = now + min(LONGEST_ASKED, max(0.0, failure.retry_after))
        if status in REFUSED_REPORT:
            self._refused(report, failure)
            return
        if status in NO_SUCH_PATH:
            self._rest_until = now + REST_SECONDS
        pause = self._every * 2.0 ** min(self._failures, 16)
        longest = max(LONGEST_PAUSE, self._every)
        if status in REFUSED_CREDENTIAL:
            pause = longest
        self._pause_until = now + min(pause, longest) * (0.5 + self._dice() / 2)
        self._failures += 1
        if self._failures == 1 and not self._stopping.is_set():
            _log.warning("usage is not reported for now (%s); what was counted is kept", failure)

    def _refused(self, report: _Report, failure: TransportFailed) -> None:
        """The server will never take this report: without its contexts perhaps, since counts are worth more."""
        if report.contexts:
            report.contexts = ()
            _log.warning("sampled contexts were refused and dropped: %s", failure)
            return
        self._sending = None
        self._dropped += report.evaluations()
        self._told += report.evaluations()
        _log.warning("a usage report of %d evaluations was refused and dropped: %s", report.evaluations(), failure)

    def _tell_dropped(self, now: float) -> None:
        """Say how many evaluations were dropped, at most once an hour."""
        if self.dropped > self._told and now >= self._told_at + TELL_SECONDS:
            _log.warning("%d evaluations will not be reported: too many waited for too long", self.dropped - self._told)
            self._told, self._told_at = self.dropped, now
