"""How does a project fare with its flags, month by month? How many are stale, how old they are, how many go."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from statistics import median

import msgspec

from flagtrail.analysis.stale_reason import moment, stamp
from flagtrail.analysis.world import in_order
from flagtrail.model.entry import Action, Entry

COMING_AND_GOING: tuple[Action, ...] = ("created", "archived", "restored", "deleted")
"""What tells, of a flag's own entries, whether it was there."""
STALE = frozenset({"stale", "ready_to_remove", "code_removed"})
MONTHS = 12
YEAR = 12


class Month(msgspec.Struct, frozen=True, kw_only=True):
    """A month (`2026-11`, UTC), told at its end; the present one as it stands now.

    `flags` are not archived. `stale` of them are stale or further on their way out, `share` in percent: both are null
    before the first stage was ever written down. `removed` were there in the month and are not at its end.
    """

    month: str
    flags: int
    created: int
    removed: int
    stale: int | None
    share: float | None
    median_age_days: int | None


class ProjectHealth(msgspec.Struct, frozen=True):
    """The months, oldest first."""

    project: str
    now: str
    months: tuple[Month, ...]


def project_health(entries: Iterable[Entry], project: str, *, now: datetime, months: int = MONTHS) -> ProjectHealth:
    """The newest `months` months. `entries` are those of flags that came or went, and of stages, in any order."""
    flags = _Flags()
    waiting = iter(in_order(entries))
    following = next(waiting, None)
    found: list[Month] = []
    for begin, end in _months(now, months):
        while following is not None and following.effective < begin:
            flags.take(following)
            following = next(waiting, None)
        seen, created = set(flags.born), 0
        while following is not None and following.effective < end:
            flags.take(following)
            if following.subject.kind == "flag" and "created" in following.actions:
                created += following.subject.flag in flags.born
            seen |= flags.born.keys()
            following = next(waiting, None)
        told = min(moment(end), now)
        found.append(flags.month(begin[: len("2026-11")], told, created=created, removed=len(seen - flags.born.keys())))
    return ProjectHealth(project, stamp(now), tuple(found))


class _Flags:
    """The flags as they stand while entries are taken: since when each is there, and its stage."""

    def __init__(self) -> None:
        self.born: dict[str, str] = {}
        self._away: dict[str, str] = {}
        self._stages: dict[str, str] = {}
        self._known = False

    def take(self, entry: Entry) -> None:
        """One more entry, in the order of time."""
        flag = entry.subject.flag or ""
        if entry.subject.kind == "stage":
            self._known = True
            self._stages[flag] = "active" if entry.after is None else entry.after["stage"]
        elif "created" in entry.actions and (entry.after or {}).get("archived"):
            self._away[flag] = entry.effective  # brought from elsewhere: it was not there
        elif "created" in entry.actions:
            self.born[flag] = entry.effective
        elif "archived" in entry.actions and flag in self.born:
            self._away[flag] = self.born.pop(flag)
        elif "restored" in entry.actions:
            self.born[flag] = self._away.pop(flag, entry.effective)
        elif "deleted" in entry.actions:
            self.born.pop(flag, None)
            self._stages.pop(flag, None)

    def month(self, name: str, told: datetime, *, created: int, removed: int) -> Month:
        """How they stand at the end of a month."""
        ages = [(told - moment(born)).days for born in self.born.values()]
        stale = sum(self._stages.get(flag) in STALE for flag in self.born) if self._known else None
        return Month(
            month=name,
            flags=len(self.born),
            created=created,
            removed=removed,
            stale=stale,
            share=None if stale is None or not self.born else round(100 * stale / len(self.born), 1),
            median_age_days=int(median(ages)) if ages else None,
        )


def _months(now: datetime, count: int) -> Iterator[tuple[str, str]]:
    """The stamps at which each of the newest months begins and ends, oldest first."""
    last = now.astimezone(UTC).year * YEAR + now.astimezone(UTC).month - 1
    edges = [datetime(place // YEAR, place % YEAR + 1, 1, tzinfo=UTC) for place in range(last - count + 1, last + 2)]
    return zip(map(stamp, edges[:-1]), map(stamp, edges[1:]), strict=True)
