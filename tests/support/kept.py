"""What replicas share, kept in this process: for tests that need no Redis. It passes the contract suite."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Mapping

from flagtrail.bus import BusLost, Sum


class Kept:
    """See `flagtrail.bus.Shared`. `away` makes every call fail; with `answerless` it is done all the same."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._copies: dict[str, tuple[str, float, Counter[str]]] = {}
        self._taken: dict[str, dict[str, int]] = {}
        self._counters: dict[str, tuple[int, float]] = {}
        self.away = self.answerless = False
        self.failing: float | None = None
        self.asked: Callable[[], object] = lambda: None

    def copy(self, name: str, counts: Mapping[str, int], *, after: str, step: str) -> bool:
        if not self.answerless:
            self._answer()
        held, _, known = self._copies.get(name, ("", 0.0, Counter[str]()))
        if after and held != after:
            return False
        self._copies[name] = (step, self._clock(), (known if after else Counter()) + Counter(counts))
        self._answer()
        return True

    def copies(self, idle: float) -> dict[str, float]:
        self._answer()
        ages = {name: self._clock() - at for name, (_, at, _) in self._copies.items()}
        return {name: age for name, age in ages.items() if age >= idle}

    def take(self, name: str) -> dict[str, int]:
        self._answer()
        if name in self._copies and name not in self._taken:
            step, at, counts = self._copies[name]
            self._taken[name] = dict(counts)
            self._copies[name] = (f"{step} taken", at, Counter())
        return self._taken.get(name, {})

    def forget(self, name: str) -> None:
        self._answer()
        self._copies.pop(name, None)
        self._taken.pop(name, None)

    def add(self, counts: Mapping[str, int], *, seconds: int) -> dict[str, Sum]:
        self._answer()
        now = self._clock()
        for name, count in counts.items():
            held, ends = self._counters.get(name, (0, 0.0))
            self._counters[name] = (held + count, ends) if ends > now else (count, now + seconds)
        return {name: Sum(self._counters[name][0], self._counters[name][1] - now) for name in counts}

    def close(self) -> None:
        """There is nothing to close."""

    def step_of(self, name: str) -> str:
        """The newest step of a copy."""
        return self._copies[name][0]

    def empty(self) -> None:
        """Lose all of it, as a restart does."""
        self._copies.clear()
        self._taken.clear()

    def _answer(self) -> None:
        self.asked()
        if self.away:
            self.failing = self.failing or time.time()
            raise BusLost("away")
        self.failing = None
