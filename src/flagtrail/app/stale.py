"""Which flags could go: what is gathered for the question from the state, the ledger and reported usage."""

from __future__ import annotations

from datetime import datetime

from flagtrail.analysis.staleness import CONFIGURING, Asking, Lives, StaleReport, lives_of, staleness
from flagtrail.model.entry import Entry
from flagtrail.model.state import State
from flagtrail.storage import EntryQuery, Storage, UsageQuery

MANY = 10_000
LOOKED_AT = 50
"""Entries among which one that enabled the flag itself is looked for: others' entries touch it, too."""


def stale_report(
    storage: Storage, state: State, project: str, *, now: datetime, environment: str | None = None
) -> StaleReport:
    """The verdict on every flag of a project that is not archived."""
    return staleness(
        state,
        project,
        lives=_lives(storage, project),
        usage=storage.usage_summary(project),
        reporters=storage.usage_reporters(project),
        now=now,
        environment=environment,
        asking=_asking(storage, project),
    )


def _lives(storage: Storage, project: str) -> Lives:
    """When each flag came to be, and when its definition last changed what it serves."""
    found: dict[int, Entry] = {}
    for action in sorted(CONFIGURING):
        query = EntryQuery(project=project, kind="flag", action=action, limit=MANY)
        found.update((entry.seq, entry) for entry in storage.entries(query))
    return lives_of(found.values())


def _asking(storage: Storage, project: str) -> Asking:
    """What is looked up of single flags."""

    def enabled(flag: str) -> bool:
        """Whether it ever was; where more entries touched it than are looked at, it is taken for granted."""
        query = EntryQuery(project=project, flag=flag, kind="targeting", action="enabled", limit=LOOKED_AT)
        found = storage.entries(query)
        return len(found) == LOOKED_AT or any(entry.subject.flag == flag for entry in found)

    return Asking(
        clients=lambda flag: storage.usage_clients(project, flag),
        counts=lambda flag, since: storage.usage_counts(UsageQuery(project=project, flag=flag, since=since, by="day")),
        enabled=enabled,
    )
