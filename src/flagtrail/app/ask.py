"""The question flow: gather entries, hand them to a pure function, return its typed report."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from flagtrail.analysis import dashboard, dependencies, exposure, rollout, timeline
from flagtrail.analysis.as_of import At
from flagtrail.analysis.staleness import StaleReport
from flagtrail.app.change import Changes
from flagtrail.app.clock import Clock, read_time, stamp
from flagtrail.app.flag_usage import flag_usage
from flagtrail.app.heard import refuse_unheard, require_project
from flagtrail.app.sign import CheckpointSigner
from flagtrail.app.stale import Gathered
from flagtrail.changes import diff
from flagtrail.model.entry import Entry
from flagtrail.model.errors import InvalidQuery, NotFound
from flagtrail.model.flag import Json
from flagtrail.model.state import State
from flagtrail.model.subject import flag_subject
from flagtrail.model.targeting import Serve
from flagtrail.model.usage import FlagUsage, Span, UsageSummary
from flagtrail.storage import EntryQuery, Storage, UsageQuery

MAX_PAGE = 500


class Page(msgspec.Struct, frozen=True):
    """Entries, newest first. `next` is the cursor of the following page, None on the last one."""

    entries: tuple[Entry, ...]
    next: int | None


class Ask:
    """Answers questions about the past and the present; changes nothing."""

    def __init__(self, storage: Storage, changes: Changes, clock: Clock, signer: CheckpointSigner) -> None:
        self._storage = storage
        self._changes = changes
        self._clock = clock
        self._signer = signer

    @property
    def state(self) -> State:
        """Everything as it stands now."""
        return self._changes.state

    def log(self, query: EntryQuery) -> Page:
        """Entries that match, newest first; `query.limit` is at most 500.

        Raises NotFound for a flag, segment or environment that the project never had: no entry would be a false answer.
        """
        if query.project is not None:
            self._refuse_unheard(query.project, query.flag, query.environment, query.segment)
        if not 1 <= query.limit <= MAX_PAGE:
            raise InvalidQuery(f"limit must be from 1 to {MAX_PAGE}", value=query.limit)
        found = self._storage.entries(msgspec.structs.replace(query, limit=query.limit + 1))
        page = tuple(found[: query.limit])
        return Page(page, page[-1].seq if len(found) > query.limit else None)

    def entry(self, seq: int) -> Entry:
        """One entry; raises NotFound beyond the ledger's end."""
        entry = self._storage.entry(seq)
        if entry is None:
            raise NotFound(f"there is no entry {seq}", kind="entry", key=str(seq))
        return entry

    def group(self, entry: Entry) -> tuple[Entry, ...]:
        """All entries of the same request, in order."""
        return tuple(self._storage.entries_from(entry.seq - entry.group.index, entry.group.count))

    def words(self, entry: Entry) -> tuple[str, ...]:
        """What the entry altered, one line per difference."""
        return diff.words(entry.subject, entry.before, entry.after)

    def serving(self, serve: Serve) -> str:
        """What is served, in words: "on", or "on 25 %, off 75 %"."""
        return diff.serve_words(serve)

    def timeline(
        self, project: str, flag: str, *, environment: str | None = None, limit: int = 50
    ) -> timeline.Timeline:
        """A flag's history in words, newest first."""
        query = EntryQuery(project=project, flag=flag, environment=environment, limit=limit)
        return timeline.timeline(self.log(query).entries, project=project, flag=flag)

    def exposure(
        self,
        project: str,
        environment: str,
        flag: str,
        where: Mapping[str, Json],
        *,
        since: str | None = None,
        until: str | None = None,
    ) -> exposure.Exposure:
        """When, and to what share, a flag's variants were on for a segment of contexts."""
        begin, end = _time(since), _time(until)
        if begin is not None and end is not None:
            _refuse_inverted(begin, end)
        entries = self._everything_about(project, environment, flag)
        return exposure.exposure(entries, project, environment, flag, where, since=begin, until=end)

    def rollout(self, project: str, environment: str, flag: str) -> rollout.RolloutHistory:
        """The shares per variant over time, with who and why at each step."""
        return rollout.rollout(self._everything_about(project, environment, flag), project, environment, flag)

    def stale(self, project: str, environment: str | None = None) -> StaleReport:
        """Flags that could go, with the evidence, in one environment or in all."""
        self._require_project(project)
        return Gathered(self._storage, self.state, project, self._clock()).report(environment)

    def dashboard(self, project: str) -> dashboard.Dashboard:
        """Totals, what is enabled where, what is stale, what changed, what is evaluated most."""
        now = self._clock()
        month_ago = stamp(now.replace(hour=0, minute=0, second=0, microsecond=0) - dashboard.WINDOW)
        recent = self._storage.entries(EntryQuery(project=project, since=month_ago, limit=10_000))
        return dashboard.dashboard(
            self.state,
            project,
            recent=recent,
            stale=self.stale(project),
            usage=[each for each in self._storage.usage_summary(project) if not self._is_unknown(each)],
            now=now,
        )

    def usage(
        self,
        project: str,
        flag: str,
        *,
        environment: str | None = None,
        since: str | None = None,
        until: str | None = None,
        by: Span | None = None,
    ) -> FlagUsage:
        """How a flag is used, in one environment or in all; also a flag that is only asked for (see `flag_usage`)."""
        self._require_project(project)
        self._refuse_unheard(project, environment=environment)
        found = flag_usage(
            self._storage,
            UsageQuery(project=project, flag=flag, environment=environment, since=_time(since), until=_time(until)),
            by=by,
            now=self._clock(),
        )
        if not found.summary:
            self._refuse_unheard(project, flag)
        return found

    def unknown_flags(self, project: str) -> list[UsageSummary]:
        """What applications ask for that is no flag, or went on asking for after it was deleted; the newest first."""
        self._require_project(project)
        found = [each for each in self._storage.usage_summary(project) if self._is_unknown(each)]
        return sorted(found, key=lambda each: (each.last, each.flag, each.environment), reverse=True)

    def _is_unknown(self, asked: UsageSummary) -> bool:
        held = self.state.held(flag_subject(asked.project, asked.flag))
        return held is None or (held.document is None and asked.last > held.effective)

    def checkpoint(self) -> str:
        """The newest signed checkpoint."""
        return self._signer.checkpoint()

    def _require_project(self, project: str) -> None:
        require_project(self.state, project)

    def _refuse_unheard(
        self, project: str, flag: str | None = None, environment: str | None = None, segment: str | None = None
    ) -> None:
        refuse_unheard(self.state, project, flag=flag, environment=environment, segment=segment)

    def _everything_about(self, project: str, environment: str, flag: str) -> list[Entry]:
        """All entries of the flag and of whatever it ever depended on; raises NotFound for a flag never heard of."""
        self._refuse_unheard(project, flag, environment)
        return dependencies.gather(self._storage.history, project, environment, flag)


def read_at(text: str | None) -> At | None:
    """`at` as people write it: a seq (digits) or a time; None stays None (now)."""
    if text is None or text.strip() in {"", "now"}:
        return None
    if text.strip().isascii() and text.strip().isdigit():
        return At(seq=int(text))
    return At(time=read_time(text))


def _refuse_inverted(begin: str, end: str) -> None:
    if begin >= end:
        raise InvalidQuery(f"the period from {begin} to {end} is empty", since=begin, until=end)


def _time(text: str | None) -> str | None:
    return None if text is None else read_time(text)


__all__ = ["Ask", "At", "Page", "read_at"]
