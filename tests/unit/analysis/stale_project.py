"""A project with one flag, in a line: for the tests of staleness."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from tests.unit.analysis.histories import ENV, History, P, split

from flagtrail.analysis.stale_reason import stamp
from flagtrail.analysis.stale_references import Scanned
from flagtrail.analysis.staleness import Asking, FlagStaleness, Lives, StaleReport, lives_of, staleness
from flagtrail.model.environment import Environment
from flagtrail.model.flag import Lifecycle, LifecycleKind, boolean_flag
from flagtrail.model.state import fold
from flagtrail.model.subject import environment_subject, flag_subject
from flagtrail.model.targeting import Targeting
from flagtrail.model.usage import UsageClient, UsageCount, UsageReporter, UsageSummary

NOW = datetime(2026, 11, 22, 7, tzinfo=UTC)
HALF = split(on=50_000, off=50_000)


def ago(days: float) -> str:
    return stamp(NOW - timedelta(days=days))


def usage(flag: str, first: float, last: float, environment: str = ENV, count: int = 1) -> UsageSummary:
    return UsageSummary(P, environment, flag, count, ago(first), ago(last))


REPORTED = [usage("other", 400, 0)]


class Project(History):
    """A project with production and staging, and one flag."""

    def __init__(self, born: float = 35, kind: LifecycleKind = "release", remove_by: str | None = None) -> None:
        super().__init__()
        self.put(environment_subject(P, ENV), Environment(ENV, production=True), ago(500))
        self.put(environment_subject(P, "staging"), Environment("staging", position=1), ago(500))
        self.kind: LifecycleKind = kind
        self.remove_by = remove_by
        self.describe(born, "")

    def describe(self, days: float, description: str, *, archived: bool = False) -> None:
        lifecycle = Lifecycle(self.kind, self.remove_by)
        flag = boolean_flag("f", owner="billing", lifecycle=lifecycle, description=description, archived=archived)
        self.put(flag_subject(P, "f"), flag, ago(days))

    def serve(self, document: Targeting, days: float = 34, env: str = ENV) -> Project:
        self.target("f", document, ago(days), env=env)
        return self

    def report(
        self, rows: Sequence[UsageSummary] = REPORTED, environment: str | None = None, lives: Lives | None = None
    ) -> StaleReport:
        known = lives_of(self.entries) if lives is None else lives
        return staleness(
            fold(self.entries), P, lives=known, usage=[*rows, usage("f", 20, 0)][: len(rows) + self.used], now=NOW,
            environment=environment, reporters=self.reporters, asking=self.asking(),
        )  # fmt: skip

    clients: Sequence[UsageClient] = ()
    counts: Sequence[UsageCount] = ()

    scanned: Scanned | None = None

    def asking(self) -> Asking:
        return Asking(
            clients=lambda flag: [each for each in self.clients if each.flag == flag],
            counts=lambda _flag, since: [each for each in self.counts if since is None or each.time >= since[:10]],
            scanned=lambda flag: self.scanned if flag == "f" else None,
            enabled=lambda flag: any("enabled" in one.actions for one in self.entries if one.subject.flag == flag),
        )

    used = 1
    """Whether the flag itself is evaluated all the time."""
    reporters: Sequence[UsageReporter] = ()

    rows: Sequence[UsageSummary] = REPORTED

    def verdict(self, rows: Sequence[UsageSummary] | None = None, environment: str | None = None) -> FlagStaleness:
        return next(
            each for each in self.report(self.rows if rows is None else rows, environment).flags if each.flag == "f"
        )


def codes(found: FlagStaleness) -> list[str]:
    return [reason.code for reason in found.reasons]
