"""What reported usage says of whether a flag could go. No data is never "unused": silence alone proves nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime, timedelta

import msgspec

from flagtrail.analysis.stale_reason import StaleReason, lasting, moment, stamp
from flagtrail.model.environment import Environment
from flagtrail.model.thresholds import Limits
from flagtrail.model.usage import UsageCount, UsageReporter, UsageSummary

REPORTING = timedelta(days=1)
"""Usage that is younger than this counts as reported until now."""
PRESENT = timedelta(days=7)
"""Whoever reported within this, before the environment's newest report, is one of those that report there."""
LATELY = timedelta(days=2)
"""What is looked at first for which variants are served."""
MANY, FEW = 1_000, 20
"""Evaluations from which on one variant served is of medium confidence, and below which it is no evidence at all."""
_DAY = timedelta(days=1)

Counts = Callable[[str, "str | None"], Sequence[UsageCount]]
"""How often a flag's variants were served, by day: since a stamp, or ever."""


class Reporting(msgspec.Struct, frozen=True):
    """An SDK and an application, whatever their versions, that report usage in an environment, first and last."""

    environment: str
    client: str
    application: str
    first: str
    last: str


class _Reported(msgspec.Struct, frozen=True):
    """From when to when an environment reported usage of any flag."""

    first: datetime
    last: datetime


class Served(msgspec.Struct, frozen=True):
    """Only one variant was served: the reason, and the variant."""

    reason: StaleReason
    variant: str


class Usages:
    """What the environments of a report tell of usage."""

    def __init__(self, environments: Mapping[str, Environment], usage: Sequence[UsageSummary], now: datetime) -> None:
        self._environments, self._now = environments, now
        self._usage = {(each.environment, each.flag): each for each in usage}
        self.reported: dict[str, _Reported] = {}
        for each in usage:
            first, last = moment(each.first), moment(each.last)
            seen = self.reported.get(each.environment, _Reported(first, last))
            self.reported[each.environment] = _Reported(min(first, seen.first), max(last, seen.last))
        self._since = {key: each.first for key, each in self.reported.items()}

    def hear(self, reporters: Iterable[UsageReporter]) -> tuple[Reporting, ...]:
        """Who reports in these environments at present; each of them must have reported for as long as silence counts.

        What an application evaluated before it began to report nobody knows. A new version of one that reports is no
        new one.
        """
        found: dict[tuple[str, str, str], Reporting] = {}
        for each in reporters:
            if each.environment in self.reported and each.environment in self._environments:
                place = (each.environment, unversioned(each.client), unversioned(each.application))
                held = found.get(place, Reporting(*place, each.first, each.last))
                found[place] = Reporting(*place, min(held.first, each.first), max(held.last, each.last))
        present = [one for one in found.values() if self.is_present(one.environment, one.last)]
        for one in present:
            self._since[one.environment] = max(moment(one.first), self._since[one.environment])
        return tuple(sorted(present, key=lambda one: (one.environment, one.application, one.client)))

    def is_present(self, environment: str, last: str) -> bool:
        """Whether somebody whose newest report of an environment was then is one of those that report there now."""
        return environment in self.reported and self.reported[environment].last - moment(last) <= PRESENT

    def last(self, flag: str) -> str | None:
        """When the flag was last evaluated, in any of the environments."""
        lasts = [self._usage[key, flag].last for key in self._environments if (key, flag) in self._usage]
        return max(lasts, default=None)

    def is_known(self) -> bool:
        """Whether every production environment reports usage: what the others tell proves nothing about it."""
        return bool(self._telling()) and self._production() <= set(self._telling())

    def is_evaluated(self, flag: str, limits: Limits) -> bool:
        """Whether the flag was evaluated within the time after which it would count as not evaluated."""
        last = self.last(flag)
        return last is not None and self._now - moment(last) < timedelta(days=limits.not_evaluated)

    def evaluation(self, flag: str, born: datetime, limits: Limits) -> StaleReason | None:
        """`never_evaluated` or `not_evaluated`."""
        if not self.is_known():
            return None
        telling = self._telling()
        observed = min(map(self._observed, telling))
        heard = max(self._since[key] for key in telling)
        lasts = [moment(self._usage[key, flag].last) for key in telling if (key, flag) in self._usage]
        if lasts:
            last = max(lasts)
            silent = (observed - max(last, heard)) / _DAY
            if silent < limits.not_evaluated:
                return None
            told = f"last evaluated {(observed - last).days} days ago"
            return StaleReason("not_evaluated", told, stamp(last), lasting(silent, limits.not_evaluated))
        since = max(born, heard)
        silent = (observed - since) / _DAY
        if silent < limits.never_evaluated:
            return None
        told = f"never evaluated in {int(silent)} days in which {', '.join(telling)} reported usage"
        return StaleReason("never_evaluated", told, stamp(since), lasting(silent, limits.never_evaluated))

    def one_variant(self, flag: str, born: datetime, limits: Limits, counts: Counts) -> Served | None:
        """`one_variant_served`: what is configured serves several, but for long nobody got but one of them."""
        where = self._production() or set(self._telling())
        if not self.is_known() or not self.is_evaluated(flag, limits):
            return None
        lately = counts(flag, stamp(self._now - LATELY))
        if len({each.variant for each in lately if each.environment in where}) > 1:
            return None
        days = [each for each in counts(flag, None) if each.environment in where]
        if not days:
            return None
        variant = max(days, key=lambda each: each.time).variant
        others = [moment(each.time) + _DAY for each in days if each.variant != variant]
        heard = max(self._since[key] for key in where)
        since = max([*others, min(moment(each.time) for each in days), heard, born])
        served = [each for each in days if each.variant == variant and moment(each.time) + _DAY > since]
        until = max((min(moment(each.time) + _DAY, self._now) for each in served), default=since)
        lasted = (until - since) / _DAY
        count = sum(each.count for each in served)
        if lasted < limits.one_variant_served or count < FEW or not variant:
            return None
        told = f"only {variant} was served in {int(lasted)} days, {count:,} times in {', '.join(sorted(where))}"
        reason = StaleReason("one_variant_served", told, stamp(since), "medium" if count >= MANY else "low")
        return Served(reason, variant)

    def _telling(self) -> list[str]:
        return [key for key in self._environments if key in self.reported]

    def _production(self) -> set[str]:
        return {key for key, each in self._environments.items() if each.production}

    def _observed(self, environment: str) -> datetime:
        """Until when the environment's usage is known: now while it reports."""
        last = self.reported[environment].last
        return self._now if self._now - last < REPORTING else last


def unversioned(name: str) -> str:
    """What is before the version.

    >>> unversioned("shop/1.4.2"), unversioned("ofrep")
    ('shop', 'ofrep')
    """
    return name.rpartition("/")[0] or name
