"""Which flags could go: what is gathered for the question from the state, the ledger, usage and scanned code."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from datetime import datetime

from flagtrail.analysis.stages import Board, board
from flagtrail.analysis.stale_references import Scanned
from flagtrail.analysis.staleness import CONFIGURING, Asking, Lives, StaleReport, lives_of, staleness
from flagtrail.model.entry import Entry
from flagtrail.model.reference import ReferenceKind, ScanHead, ScannedFlag, ScannedQuery
from flagtrail.model.state import State
from flagtrail.storage import EntryQuery, Storage, UsageQuery

MANY = 10_000
LOOKED_AT = 50
"""Entries among which one that enabled the flag itself is looked for: others' entries touch it, too."""


class Gathered:
    """The evidence on the flags of one project, read once."""

    def __init__(self, storage: Storage, state: State, project: str, now: datetime) -> None:
        self._storage, self._state, self._project, self._now = storage, state, project, now
        self._lives = _lives(storage, project)
        self._scanned = _scanned(storage, project)

    def report(self, environment: str | None = None) -> StaleReport:
        """The verdict on every flag of the project that is not archived."""
        return staleness(
            self._state,
            self._project,
            lives=self._lives,
            usage=self._storage.usage_summary(self._project),
            reporters=self._storage.usage_reporters(self._project),
            now=self._now,
            environment=environment,
            asking=self._asking(),
        )

    def board(self) -> Board:
        """Where every flag stands."""
        return board(self._state, self.report(), self._scanned, self._lives.created)

    def _asking(self) -> Asking:
        """What is looked up of single flags."""
        storage, project = self._storage, self._project

        def enabled(flag: str) -> bool:
            """Whether it ever was; where more entries touched it than are looked at, it is taken for granted."""
            query = EntryQuery(project=project, flag=flag, kind="targeting", action="enabled", limit=LOOKED_AT)
            found = storage.entries(query)
            return len(found) == LOOKED_AT or any(entry.subject.flag == flag for entry in found)

        return Asking(
            clients=lambda flag: storage.usage_clients(project, flag),
            counts=lambda flag, since: storage.usage_counts(
                UsageQuery(project=project, flag=flag, since=since, by="day")
            ),
            scanned=self._scanned.get,
            enabled=enabled,
        )


def _lives(storage: Storage, project: str) -> Lives:
    """When each flag came to be, and when its definition last changed what it serves."""
    found: dict[int, Entry] = {}
    for action in sorted(CONFIGURING):
        query = EntryQuery(project=project, kind="flag", action=action, limit=MANY)
        found.update((entry.seq, entry) for entry in storage.entries(query))
    return lives_of(found.values())


def _scanned(storage: Storage, project: str) -> Mapping[str, Scanned]:
    """What the newest scans of default branches found of each flag that they looked for."""
    heads = {head.place: head for head in storage.scans(project) if head.default}
    if not heads:
        return {}
    found: dict[str, list[ScannedFlag]] = {}
    for each in storage.scanned_flags(ScannedQuery(project=project)):
        found.setdefault(each.flag, []).append(each)
    joined = {flag: _joined(each, heads) for flag, each in found.items()}
    return {flag: each for flag, each in joined.items() if each is not None}


def _joined(scanned: list[ScannedFlag], heads: Mapping[tuple[str, str], ScanHead]) -> Scanned | None:
    """One flag in the scans of all default branches; None where none of them looked for it."""
    decisive = [each for each in scanned if (each.repository, each.branch) in heads]
    if not decisive:
        return None
    counts: Counter[ReferenceKind] = Counter()
    for each in decisive:
        counts.update(each.counts)
    removals = [each.removal.at for each in decisive if each.removal is not None]
    return Scanned(
        counts=dict(counts),
        repositories=tuple(sorted({each.repository for each in decisive})),
        oldest=min(heads[each.repository, each.branch].at for each in decisive),
        elsewhere=sum(each.total for each in scanned) - counts.total(),
        had=bool(removals) or any(point.count for each in decisive for point in each.history),
        removed=max(removals, default=None),
        part=len(decisive) < len(heads),
    )
