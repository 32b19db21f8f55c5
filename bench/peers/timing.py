"""Timing on a machine that others use, too: interleaved repeats, of which the disturbed ones are left out."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

QUIET = 1.18
"""How much slower than its best a loop beside a repeat may run for the repeat to count."""
FEWEST = 5
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
        started = time.perf_counter()
        self.run(1)
        self.times = max(1, round(SLOT / (time.perf_counter() - started)))

    def once(self) -> None:
        """One repeat, between two loops of fixed work."""
        before = _fixed_work()
        started = time.perf_counter()
        self.run(self.times)
        took = time.perf_counter() - started
        self.took.append(took / (self.times * self.calls))
        self.beside.append(max(before, _fixed_work()))


def _fixed_work() -> float:
    started = time.perf_counter()
    total = 0
    for number in range(8_000):
        total += number & 7
    return time.perf_counter() - started


def measure(jobs: Sequence[Job], rounds: int) -> None:
    """All jobs in turn, `rounds` times: a neighbour's noise spoils a round of all of them, not one of them."""
    for job in jobs:
        job.fit()
    for _ in range(rounds):
        for job in jobs:
            job.once()


class Figures:
    """What the rounds of some jobs say, seen beside their quietest moment."""

    def __init__(self, jobs: Sequence[Job]) -> None:
        self._jobs = {job.name: job for job in jobs}
        self._limit = QUIET * min(min(job.beside) for job in jobs)

    def quiet(self, name: str) -> set[int]:
        """The rounds that count: the undisturbed ones, or all where those are too few."""
        beside = self._jobs[name].beside
        rounds = {number for number, took in enumerate(beside) if took <= self._limit}
        return rounds if len(rounds) >= FEWEST else set(range(len(beside)))

    def noisy(self, name: str) -> bool:
        """Whether too few rounds were quiet."""
        return sum(took <= self._limit for took in self._jobs[name].beside) < FEWEST

    def median(self, name: str) -> float:
        """Seconds per call."""
        took = self._jobs[name].took
        return statistics.median(took[number] for number in self.quiet(name))

    def ratio(self, name: str, other: str, *, less: str | None = None) -> float:
        """How many times as long as `other` it takes: the median of the rounds' ratios, less what `less` takes."""
        off = 0.0 if less is None else self.median(less)
        rounds = self.quiet(name) & self.quiet(other)
        if len(rounds) < FEWEST:
            rounds = set(range(len(self._jobs[name].took)))
        took, others = self._jobs[name].took, self._jobs[other].took
        return statistics.median((took[number] - off) / (others[number] - off) for number in rounds)

    def __contains__(self, name: str) -> bool:
        return name in self._jobs
