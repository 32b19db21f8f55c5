"""Bounds on how often something may happen within a minute: judged in memory, counted by all replicas together.

No request waits for another process. What happened here is told to all replicas some milliseconds later, and their sum
is what is judged by from then on; while they share nothing, or Redis is away, each replica judges by its own count.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from ipaddress import IPv4Address, ip_address, ip_network
from itertools import islice

import msgspec
import structlog

from flagtrail.app.identity import Identity
from flagtrail.bus import BusLost, Shared, Sum
from flagtrail.model.errors import TooManyRequests

log = structlog.get_logger()

WINDOW_SECONDS = 60
FAILURES = 30
"""Failed credentials of one address within a window."""
MAX_SUBJECTS = 10_000
CLIENT_SHARE = 10
"""A client token, which anybody can read, may report this many times less often than a server token."""
GAP_SECONDS = 0.1
"""How long after replicas told each other they do so again, however much happens."""
MAX_TOLD = 1_000
"""Subjects that are told at once."""
LOST_SECONDS = 5.0
"""How long nothing is told after the other side did not answer."""


def network(address: str) -> str:
    """Whose failures an address counts for: of IPv6 the first 64 bits, of which one household has all addresses.

    >>> network("192.0.2.7"), network("2001:db8::1"), network("2001:db8::ffff:1"), network("testclient")
    ('192.0.2.7', '2001:db8::/64', '2001:db8::/64', 'testclient')
    """
    try:
        found = ip_address(address.partition("%")[0])
    except ValueError:
        return address
    if isinstance(found, IPv4Address):
        return address
    return str(found.ipv4_mapped or ip_network((found, 64), strict=False))


class _Window(msgspec.Struct):
    """What one subject did until the window `ends`: `total` as far as it is known here, `untold` to the others."""

    ends: float
    total: int = 0
    untold: int = 0


class Limit:
    """At most `most` times per subject within `WINDOW_SECONDS`. May be called from any thread; never blocks."""

    def __init__(self, name: str, most: int, told: str, *, clock: Callable[[], float] = time.monotonic) -> None:
        self.name = name
        self.most = most
        self._told = told
        self._clock = clock
        self._lock = threading.Lock()
        self._windows: dict[str, _Window] = {}
        self._untold: set[str] = set()
        self.refused = 0
        """How often it was reached and refused since the start."""
        self.counted: Callable[[], None] = lambda: None
        """Called after each count."""

    def count(self, subject: str) -> None:
        """Remember that it happened once."""
        now = self._clock()
        with self._lock:
            window = self._windows.get(subject)
            if window is None or window.ends <= now:
                if window is None and len(self._windows) >= MAX_SUBJECTS:
                    self._forget(now)
                window = self._windows[subject] = _Window(now + WINDOW_SECONDS)
            window.total += 1
            window.untold += 1
            self._untold.add(subject)
        self.counted()

    def reached(self, subject: str) -> float:
        """The seconds until it may happen again; 0 where it may now."""
        window = self._windows.get(subject)
        return 0.0 if window is None or window.total < self.most else max(window.ends - self._clock(), 0.0)

    def refuse(self, subject: str) -> None:
        """Raise TooManyRequests where the limit is reached; its `retry_after` is in seconds."""
        left = self.reached(subject)
        if left > 0:
            self.refused += 1
            raise TooManyRequests(self._told.format(most=self.most), retry_after=int(left) + 1)

    def tell(self) -> dict[str, int]:
        """What other replicas have not been told, by subject; it counts as told."""
        with self._lock:
            told = {}
            for subject in list(islice(self._untold, MAX_TOLD)):
                self._untold.remove(subject)
                window = self._windows.get(subject)
                if window is not None and window.untold:
                    told[subject], window.untold = window.untold, 0
            return told

    def learn(self, sums: Mapping[str, Sum]) -> None:
        """Take over what all replicas counted together; what was lost on the way still counts here."""
        now = self._clock()
        with self._lock:
            for subject, found in sums.items():
                window, ends = self._windows.setdefault(subject, _Window(now)), now + found.left
                if window.ends > now:
                    window.total, window.ends = max(window.total, found.total + window.untold), min(window.ends, ends)
                else:
                    window.total, window.ends = found.total + window.untold, ends

    def _forget(self, now: float) -> None:
        """Drop what has passed; where nothing has, the oldest half."""
        kept = {subject: window for subject, window in self._windows.items() if window.ends > now}
        newest = sorted(kept.items(), key=lambda item: item[1].ends)[-(MAX_SUBJECTS // 2) :]
        self._windows = dict(newest)
        self._untold &= self._windows.keys()


class Limits:
    """The limits of one installation: failed credentials by address, reports of usage by token."""

    def __init__(self, reports_per_minute: int, *, clock: Callable[[], float] = time.monotonic) -> None:
        self.failures = Limit("failures", FAILURES, "too many failed credentials from this address", clock=clock)
        told = "a token of this kind reports usage {most} times a minute at most"
        self._reports = {
            True: Limit("reports", reports_per_minute, told, clock=clock),
            False: Limit("client-reports", max(1, reports_per_minute // CLIENT_SHARE), told, clock=clock),
        }

    @property
    def all(self) -> Sequence[Limit]:
        """All of them."""
        return (self.failures, *self._reports.values())

    def on_counted(self, counted: Callable[[], None]) -> None:
        """Call it after whatever is counted."""
        for limit in self.all:
            limit.counted = counted

    def admit_report(self, identity: Identity) -> None:
        """Count a report of this token; raises TooManyRequests where it has reported too often."""
        limit, subject = self._reports[identity.reads_ruleset], identity.token or ""
        limit.refuse(subject)
        limit.count(subject)


class LimitTeller:
    """Tells the other replicas what was counted here, and learns what they counted. A follower of the limits."""

    name = "limits"

    def __init__(self, limits: Sequence[Limit], shared: Shared, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._limits = limits
        self._shared = shared
        self._clock = clock
        self._next = 0.0
        self._lost = False

    def step(self) -> float | None:
        """Tell what is untold, unless that was done a moment ago; never raises BusLost."""
        now = self._clock()
        if now < self._next:
            return self._next - now
        self._next = now + GAP_SECONDS
        try:
            more = [self._tell(limit) for limit in self._limits]
        except BusLost as error:
            if not self._lost:
                log.warning("limits.not_shared", error=str(error))
            self._lost = True
            self._next = self._clock() + LOST_SECONDS
            return LOST_SECONDS
        self._lost = False
        return GAP_SECONDS if any(more) else None

    def _tell(self, limit: Limit) -> bool:
        """Whether there may be more. What is lost on the way was counted here alone, and is not told again."""
        told = limit.tell()
        if told:
            counts = {f"{limit.name}/{subject}": count for subject, count in told.items()}
            sums = self._shared.add(counts, seconds=WINDOW_SECONDS)
            limit.learn({key.removeprefix(f"{limit.name}/"): found for key, found in sums.items()})
        return len(told) >= MAX_TOLD
