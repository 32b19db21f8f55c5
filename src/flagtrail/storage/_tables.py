"""Usage in the memory store. Whoever calls holds the store's lock."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Sequence

from flagtrail.model.usage import SampledContext, Usage, UsageClient, UsageCount, UsageReporter, UsageSummary
from flagtrail.storage import MAX_SAMPLED, REPORT_SECONDS, ReportMark, UsageQuery
from flagtrail.storage import _index as index
from flagtrail.storage import _sums as sums


class UsageTables:
    """Counts by hour, summaries, reports' ids, and a ring of sampled contexts per environment."""

    def __init__(self) -> None:
        self._hours: dict[tuple[str, str], dict[tuple[str, ...], Usage]] = {}
        """By project and flag: most questions are about one flag."""
        self._summaries: dict[tuple[str, ...], UsageSummary] = {}
        self._clients: dict[tuple[str, ...], UsageClient] = {}
        self._reporters: dict[tuple[str, ...], UsageReporter] = {}
        self._reports: dict[str, float] = {}
        self._contexts: dict[tuple[str, str], deque[SampledContext]] = {}

    def add(self, rows: Sequence[Usage], report: ReportMark | None, contexts: Sequence[SampledContext]) -> bool:
        """See `Storage.add_usage`."""
        if report is not None:
            if self._reports.get(report.id, report.time) > report.time:
                return False
            self._reports[report.id] = report.time + REPORT_SECONDS
        for row in rows:
            hours = self._hours.setdefault((row.project, row.flag), {})
            key = (row.environment, row.hour, row.variant, row.rule, row.client, row.application)
            hours[key] = sums.added(hours.get(key), row)
        for summary in sums.summaries(rows):
            place: tuple[str, ...] = (summary.project, summary.environment, summary.flag)
            self._summaries[place] = sums.joined(self._summaries.get(place), summary)
        for client in sums.clients(rows):
            place = (client.project, client.flag, client.environment, client.client, client.application)
            self._clients[place] = sums.joined(self._clients.get(place), client)
        for reporter in sums.reporters(rows):
            place = (reporter.project, reporter.environment, reporter.client, reporter.application)
            self._reporters[place] = sums.seen(self._reporters.get(place), reporter)
        for context in contexts:
            ring = self._contexts.setdefault((context.project, context.environment), deque(maxlen=MAX_SAMPLED))
            ring.append(context)
        return True

    def rows(self, project: str, flag: str | None, since: str | None) -> list[Usage]:
        """See `Storage.usage`."""
        first = "" if since is None else index.hour_from(since)
        flags = sorted(place[1] for place in self._hours if place[0] == project) if flag is None else [flag]
        found = (sorted(self._hours.get((project, each), {}).items()) for each in flags)
        return [row for hours in found for _, row in hours if row.hour >= first]

    def counts(self, query: UsageQuery) -> list[UsageCount]:
        """See `Storage.usage_counts`."""
        length, rest = sums.SHAPES[query.by]
        end = index.NEVER if query.until is None else index.hour_until(query.until)
        found: Counter[tuple[str, str, str]] = Counter()
        for row in self.rows(query.project, query.flag, query.since):
            if row.hour < end and query.environment in {None, row.environment}:
                place = (row.environment, row.hour[:length] + rest, row.variant)
                found[place] = sums.total(found[place], row.count)
        return [UsageCount(*place, count) for place, count in sorted(found.items())]

    def summary(self, project: str) -> list[UsageSummary]:
        """See `Storage.usage_summary`."""
        return [summary for place, summary in sorted(self._summaries.items()) if place[0] == project]

    def clients(self, project: str, flag: str) -> list[UsageClient]:
        """See `Storage.usage_clients`."""
        return [each for _, each in sorted(item for item in self._clients.items() if item[0][:2] == (project, flag))]

    def reporters(self, project: str) -> list[UsageReporter]:
        """See `Storage.usage_reporters`."""
        return [each for place, each in sorted(self._reporters.items()) if place[0] == project]

    def contexts(self, project: str, environment: str, limit: int) -> list[SampledContext]:
        """See `Storage.sampled_contexts`."""
        return list(reversed(self._contexts.get((project, environment), ())))[: max(limit, 0)]

    def places(self) -> list[tuple[str, str]]:
        """See `Storage.usage_places`."""
        counted = {(summary.project, summary.environment) for summary in self._summaries.values()}
        return sorted(counted | {place for place, ring in self._contexts.items() if ring})

    def known_reports(self) -> list[ReportMark]:
        """See `Storage.usage_reports`."""
        return [ReportMark(report, expires - REPORT_SECONDS) for report, expires in sorted(self._reports.items())]

    def delete_old(self, now: float) -> int:
        """See `Storage.delete_old_usage`."""
        gone = [report for report, expires in self._reports.items() if expires < now]
        for report in gone:
            del self._reports[report]
        removed, oldest = len(gone), index.oldest_context(now)
        for ring in self._contexts.values():
            kept = [context for context in ring if context.time >= oldest]
            removed += len(ring) - len(kept)
            ring.clear()
            ring.extend(kept)
        return removed
