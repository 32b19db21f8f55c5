"""Timing on a machine that others use, too: interleaved rounds, of which the quietest third counts.

What is taken is the calling thread's processor time: a neighbour takes as much of the
wall clock as he likes. No engine here hands a call to another thread, or waits.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

QUIET = 1.18
"""How much slower than at its quietest the loops beside the rounds that count may run without a mark."""
FEWEST = 3
SLOT = 0.008
"""Seconds that one repeat takes at least."""


@dataclass
class Job:
    """What is timed: `run(times)` makes `calls` calls, `times` over. `took` is seconds per call, one for each round."""

    name: str
    run: Callable[[int], object]
    calls: int
    times: int = 1
    took: list[float] = field(default_factory=list)
    beside: list[float] = field(default_factory=list)

    def fit(self) -> None:
        """Choose how often to repeat within one round; also what warms it."""
        self.run(1)
        started = time.thread_time()
        self.run(1)
        self.times = max(1, round(SLOT / (time.thread_time() - started)))

    def once(self) -> None:
        """One repeat, between two loops of fixed work."""
        before = _fixed_work()
        started = time.thread_time()
        self.run(self.times)
        took = time.thread_time() - started
        self.took.append(took / (self.times * self.calls))
        self.beside.append(max(before, _fixed_work()))


def _fixed_work() -> float:
    started = time.thread_time()
    total = 0
    for number in range(8_000):
        total += number & 7
    return time.thread_time() - started


def measure(jobs: Sequence[Job], rounds: int) -> None:
    """All jobs in turn, `rounds` times: a neighbour's noise spoils a round of all of them, not one of them."""
    for job in jobs:
        job.fit()
    for _ in range(rounds):
        for job in jobs:
            job.once()


class Figures:
    """What the rounds of some jobs say: medians of the quietest third of them, told by the loops beside."""

    def __init__(self, jobs: Sequence[Job]) -> None:
        self._jobs = {job.name: job for job in jobs}
        beside = sorted(took for job in jobs for took in job.beside)
        self._quiet = beside[len(beside) // 20]

    def noisy(self, name: str) -> bool:
        """Whether even the rounds that count were disturbed."""
        beside = self._jobs[name].beside
        return statistics.median(beside[number] for number in self._quietest(name)) > QUIET * self._quiet

    def median(self, name: str) -> float:
        """Seconds per call."""
        took = self._jobs[name].took
        return statistics.median(took[number] for number in self._quietest(name))

    def ratio(self, name: str, other: str, *, less: str | None = None) -> float:
        """How many times as long as `other` it takes: the median of the rounds' ratios, less what `less` takes."""
        took, others = self._jobs[name].took, self._jobs[other].took
        off = [0.0] * len(took) if less is None else self._jobs[less].took
        return statistics.median(
            (took[number] - off[number]) / (others[number] - off[number]) for number in self._quietest(name, other)
        )

    def difference(self, name: str, other: str) -> float:
        """How many seconds longer than `other` it takes: the median of the rounds' differences."""
        took, others = self._jobs[name].took, self._jobs[other].took
        return statistics.median(took[number] - others[number] for number in self._quietest(name, other))

    def _quietest(self, *names: str) -> list[int]:
        beside = [max(at) for at in zip(*(self._jobs[name].beside for name in names), strict=True)]
        order = sorted(range(len(beside)), key=beside.__getitem__)
        return order[: max(FEWEST, len(order) // 3)]

    def __contains__(self, name: str) -> bool:
        return name in self._jobs
