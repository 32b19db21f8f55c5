"""How long to wait before asking again: exponential with full jitter, so that a fleet does not come back in step."""

from __future__ import annotations

from collections.abc import Callable

import msgspec

DOUBLINGS = 16
"""More would say nothing: the longest wait is reached long before, and the power stays small."""


class Pace(msgspec.Struct, frozen=True, kw_only=True):
    """The waits of a client, in seconds. Only tests have others than these.

    The n-th failure in a row waits 0 to `first` times 2 to the n, never longer than `longest`.
    A stream that lasted `settled` starts the count anew. A refused credential is tried again every `refused_every`,
    a stream that did not get through every `stream_again`. `longest_asked` is the most that a Retry-After gets.
    The cache file is written at most every `cache_every`.
    """

    first: float = 0.5
    longest: float = 30.0
    settled: float = 30.0
    refused_every: float = 300.0
    stream_again: float = 300.0
    longest_asked: float = 300.0
    cache_every: float = 5.0

    def scaled(self, factor: float) -> Pace:
        """The same pace, `factor` times as slow."""
        return Pace(**{name: getattr(self, name) * factor for name in self.__struct_fields__})

    def ceiling(self, failures: int) -> float:
        """The longest wait after so many failures in a row, from 0.

        >>> [Pace().ceiling(failures) for failures in range(8)]
        [0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 30.0, 30.0]
        """
        return float(min(self.first * 2 ** min(failures, DOUBLINGS), self.longest))


class Backoff:
    """Counts failures in a row. `dice` gives a number from 0 to 1, evenly."""

    def __init__(self, pace: Pace, dice: Callable[[], float]) -> None:
        self._pace = pace
        self._dice = dice
        self._failures = 0

    def next(self, asked: float | None = None) -> float:
        """Seconds to wait after one more failure, on top of what the server `asked` for, which counts within reason."""
        wait = self._pace.ceiling(self._failures) * self._dice()
        self._failures += 1
        return wait + min(asked or 0.0, self._pace.longest_asked)

    def about(self, seconds: float) -> float:
        """`seconds`, a tenth more or less."""
        return seconds * (0.9 + 0.2 * self._dice())

    def reset(self) -> None:
        """What was asked for works."""
        self._failures = 0
