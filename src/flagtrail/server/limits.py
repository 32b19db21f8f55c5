"""Bounds on what a client may make the server do: how deep JSON may nest, how often a credential may fail."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from itertools import accumulate

from flagtrail.model.errors import MalformedRequest, TooManyRequests

MAX_BODY = 1 << 20
MAX_IMPORT_BODY = 32 << 20
MAX_DEPTH = 100
"""A condition of depth 20 nests three levels each, inside a rule inside a targeting inside a body."""

FAILURES = 30
WINDOW_SECONDS = 60
MAX_ADDRESSES = 10_000

_STRINGS_AND_REST = re.compile(rb'"(?:[^"\\]|\\.)*"?|[^][{}"]+', re.DOTALL)
_STEPS = [(byte in b"[{") - (byte in b"]}") for byte in range(256)]


def refuse_deep(body: bytes) -> None:
    """Raise MalformedRequest where JSON nests deeper than `MAX_DEPTH`. Looks at brackets alone, in linear time.

    >>> refuse_deep(b'{"a": ["]]]]", {}]}')
    """
    if body.count(b"[") + body.count(b"{") <= MAX_DEPTH:
        return
    # No loop of our own: a body may be brackets alone, and a few packed bytes of it would hold up everybody.
    if max(accumulate(map(_STEPS.__getitem__, _STRINGS_AND_REST.sub(b"", body))), default=0) > MAX_DEPTH:
        raise MalformedRequest(f"the body is nested deeper than {MAX_DEPTH}")


class Failures:
    """Failed credentials per client address within a window; beyond `FAILURES` further ones are refused unlooked at.

    Only what failed counts, and a good token is never refused: guessing is
    slowed, not the many clients behind one address.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._windows: dict[str, tuple[float, int]] = {}

    def count(self, address: str) -> None:
        """Remember one failure."""
        now = self._clock()
        start, failures = self._windows.get(address, (now, 0))
        if now - start >= WINDOW_SECONDS:
            start, failures = now, 0
        if address not in self._windows and len(self._windows) >= MAX_ADDRESSES:
            self._forget(now)
        self._windows[address] = (start, failures + 1)

    def refuse(self, address: str) -> None:
        """Raise TooManyRequests where this address failed too often; its `retry_after` is in seconds."""
        start, failures = self._windows.get(address, (0.0, 0))
        left = start + WINDOW_SECONDS - self._clock()
        if failures >= FAILURES and left > 0:
            raise TooManyRequests("too many failed credentials from this address", retry_after=int(left) + 1)

    def _forget(self, now: float) -> None:
        """Drop what has passed; where nothing has, the oldest half."""
        kept = {address: held for address, held in self._windows.items() if now - held[0] < WINDOW_SECONDS}
        newest = sorted(kept.items(), key=lambda item: item[1][0])[-(MAX_ADDRESSES // 2) :]
        self._windows = dict(newest)
