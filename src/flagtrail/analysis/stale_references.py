"""What scanned source code says of whether a flag could go. A flag that no scan looked for is not "not referenced"."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta

import msgspec

from flagtrail.analysis.stale_reason import Code, Confidence, StaleReason, listed, moment
from flagtrail.model.reference import ReferenceKind
from flagtrail.model.thresholds import Limits

ASKING: frozenset[ReferenceKind] = frozenset({"evaluation", "unknown"})
"""What asks for the flag, or may: beside it nothing is concluded."""

_NAMES: dict[ReferenceKind, str] = {
    "definition": "definitions",
    "comment": "comments",
    "configuration": "configuration",
}


class Scanned(msgspec.Struct, frozen=True, kw_only=True):
    """A flag in the newest scans of the default branches that looked for it: how many references of each kind.

    `oldest` is when the oldest of these scans was made. `elsewhere` counts references on other branches; `had`: there
    were references once, `removed` is when the last of them went, where the scan told. `part`: the newest scan of
    another default branch did not look for it, so that nothing is known of that one.
    """

    counts: Mapping[ReferenceKind, int]
    repositories: tuple[str, ...]
    oldest: str
    elsewhere: int = 0
    had: bool = False
    removed: str | None = None
    part: bool = False

    @property
    def total(self) -> int:
        """References of all kinds."""
        return sum(self.counts.values())

    def is_fresh(self, limits: Limits, now: datetime) -> bool:
        """Whether the scans are of all that is known, and young enough to be believed."""
        return not self.part and now - moment(self.oldest) <= timedelta(days=limits.scan)


class Seen(msgspec.Struct, frozen=True):
    """What else is known of the flag: when it was made, whether it is evaluated, whether that would be known."""

    born: datetime
    evaluated: bool
    known: bool


def reasons(scanned: Scanned | None, seen: Seen, limits: Limits, now: datetime) -> Iterator[StaleReason]:
    """`no_references`, `only_in_tests` or `only_dead_branches`, by scans that are young enough."""
    if scanned is None or not scanned.repositories or not scanned.is_fresh(limits, now):
        return
    kinds = {kind for kind, count in scanned.counts.items() if count}
    where = listed(scanned.repositories)
    if kinds & ASKING:
        return
    since = scanned.oldest
    code: Code
    if not kinds:
        if not scanned.had and now - seen.born < timedelta(days=limits.never_evaluated):
            return  # its code may not be written yet
        code, since = "no_references", scanned.removed or scanned.oldest
        told = f"no reference in {where}, scanned {scanned.oldest[:10]}"
        told += f"; {scanned.elsewhere} on other branches" if scanned.elsewhere else ""
    elif "test_stub" in kinds:
        code, told = "only_in_tests", f"only tests of {where} name it: nothing asks for it there"
    else:
        stands = " and ".join(_NAMES[kind] for kind in sorted(kinds))
        code, told = "only_dead_branches", f"code of {where} does not ask for it: it stands in {stands} only"
    evidence = f"{told}; but it is still evaluated" if seen.evaluated else told
    yield StaleReason(code, evidence, since, _confidence(code, scanned, seen))


def _confidence(code: Code, scanned: Scanned, seen: Seen) -> Confidence:
    """While it is evaluated, code that was not scanned asks for it; other branches may bring it back."""
    if seen.evaluated or (scanned.elsewhere and not scanned.total):
        return "low"
    return "high" if code == "no_references" and (seen.known or scanned.had) else "medium"
