"""The server as a reporter of usage sees it, and time that only a test moves."""

from __future__ import annotations

from collections import Counter

import msgspec

from flagtrail.model.usage import Count, UsageReport


class Time:
    """Seconds that go on when they are told to."""

    def __init__(self) -> None:
        self.now = 1_000_000.0

    def __call__(self) -> float:
        return self.now


class Counting:
    """Tallies that hold what a test says."""

    def __init__(self) -> None:
        self.waiting: list[Count] = []
        self.drains = 0

    def add(self, flag: str, count: int = 1, variant: str = "on", rule: str = "") -> None:
        self.waiting.append(Count(flag, variant, rule, count))

    def drain(self) -> list[Count]:
        self.drains += 1
        waiting, self.waiting = self.waiting, []
        return waiting


class UsageServer:
    """Takes reports, each id once, and answers as `failing` and `losing` say: None takes it.

    `failing` is raised before the report is taken, `losing` after it.
    """

    def __init__(self) -> None:
        self.failing: Exception | None = None
        self.losing: Exception | None = None
        self.asked: list[UsageReport] = []
        self.paths: list[str] = []
        self.taken: dict[str, UsageReport] = {}

    def post(self, path: str, body: bytes) -> None:
        report = msgspec.json.decode(body, type=UsageReport)
        self.paths.append(path)
        self.asked.append(report)
        if self.failing is not None:
            raise self.failing
        self.taken.setdefault(report.id, report)
        if self.losing is not None:
            raise self.losing

    def sums(self) -> Counter[tuple[str, str, str]]:
        """What all the reports that were taken add up to."""
        sums: Counter[tuple[str, str, str]] = Counter()
        for report in self.taken.values():
            for period in report.periods:
                for count in period.counts:
                    sums[count.flag, count.variant, count.rule] += count.count
        return sums
