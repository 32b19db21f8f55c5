"""Thresholds: after how many days something that a flag does, or does not, makes it stale; what is nearest decides."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from flagtrail.model.errors import Defect
from flagtrail.model.flag import EXPECTED_LIFETIME_DAYS

MOST_DAYS = 3_650
PERMANENTLY = frozenset({"never_enabled", "off_everywhere", "one_variant", "one_variant_served", "lifetime"})
"""What does not hold of a permanent flag."""


class Days(msgspec.Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """Days until each reason holds; what is left out is as a level further out says.

    `lifetime` is how long a flag is expected to live, `scan` how old a scan of the code may be and still be believed.
    `permanent`: the flag is meant to stay, so that neither its age nor what it serves makes it stale; that nobody
    asks for it still does.
    """

    never_enabled: int | None = None
    off_everywhere: int | None = None
    one_variant: int | None = None
    never_evaluated: int | None = None
    not_evaluated: int | None = None
    one_variant_served: int | None = None
    lifetime: int | None = None
    scan: int | None = None
    permanent: bool | None = None


class Lifespan(Days, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """One flag's own days, where they are not those of its kind."""


class Kinds(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The days of each lifecycle kind in a project."""

    release: Days = Days()
    experiment: Days = Days()
    operational: Days = Days()
    permission: Days = Days()
    kill_switch: Days = Days()


class Thresholds(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A project's days, for all its flags and by lifecycle kind; what is left out is as Flagtrail comes."""

    days: Days = Days()
    kinds: Kinds = Kinds()


BUILT_IN = Thresholds()


class Limits(msgspec.Struct, frozen=True):
    """What holds for one flag, with nothing left out."""

    never_enabled: int = 30
    off_everywhere: int = 30
    one_variant: int = 30
    never_evaluated: int = 30
    not_evaluated: int = 60
    one_variant_served: int = 30
    lifetime: int = 40
    scan: int = 30
    permanent: bool = False


def limits(kind: str, thresholds: Thresholds = BUILT_IN, lifespan: Days | None = None) -> Limits:
    """What holds for a flag of a lifecycle kind: its own days, else the kind's in the project, the project's, ours.

    >>> limits("operational").lifetime, limits("kill_switch").permanent
    (7, True)
    """
    expected = EXPECTED_LIFETIME_DAYS.get(kind)
    ours = Days(permanent=True) if expected is None else Days(lifetime=expected)
    own: Days = getattr(thresholds.kinds, kind, Days())
    found = Limits()
    for level in (ours, thresholds.days, own, lifespan or Days()):
        said = {name: value for name, value in msgspec.structs.asdict(level).items() if value is not None}
        found = msgspec.structs.replace(found, **said)
    return found


def thresholds_defects(thresholds: Thresholds) -> Iterator[Defect]:
    """What is wrong with a project's thresholds that their structure does not tell."""
    yield from days_defects(thresholds.days, "/days")
    for name in ("lifetime", "permanent"):
        if getattr(thresholds.days, name) is not None:
            yield Defect(f"/days/{name}", f"belongs to a lifecycle kind: /kinds/release/{name}, say")
    for kind, days in msgspec.structs.asdict(thresholds.kinds).items():
        yield from days_defects(days, f"/kinds/{kind}")


def days_defects(days: Days, path: str = "") -> Iterator[Defect]:
    """What is wrong with some days."""
    for name, value in msgspec.structs.asdict(days).items():
        if value is not None and not isinstance(value, bool) and not 1 <= value <= MOST_DAYS:
            yield Defect(f"{path}/{name}", f"must be from 1 to {MOST_DAYS:,} days")
