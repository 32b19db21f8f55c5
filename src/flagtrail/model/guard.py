"""Guards: a change names metrics and limits, and is taken back (or only told of) when one is passed."""

from __future__ import annotations

import re
from collections.abc import Iterator
from math import floor, isclose, isfinite, log10
from typing import Literal, TypeAlias

import msgspec

from flagtrail.model.errors import Defect, InvalidQuery

GuardAction: TypeAlias = Literal["revert", "alert"]
GuardState: TypeAlias = Literal["watching", "breached", "passed", "unjudged"]

MAX_LIMITS = 5
LEAST_MINUTES, MOST_MINUTES = 5, 24 * 60
LEAST_OVER, MOST_OVER = 1, 60
_ROUNDED = 1e-9
_LIMIT = re.compile(r"\s*(?P<metric>[^\s<>]+)\s*(?P<sign>[<>])\s*(?P<value>[+-]?[0-9]*\.?[0-9]+)\s*(?P<percent>%?)\s*")
_KEY = re.compile(r"[A-Za-z0-9._-]{1,256}")


class Limit(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A metric, and what its mean must not be `above` or `below`: one of both is set."""

    metric: str
    above: float | None = None
    below: float | None = None

    def passed_by(self, mean: float) -> bool:
        """Whether a mean is beyond the limit, and by more than adding up rounds: what lies at the limit keeps it."""
        if any(isclose(mean, limit, rel_tol=_ROUNDED) for limit in (self.above, self.below) if limit is not None):
            return False
        return (self.above is not None and mean > self.above) or (self.below is not None and mean < self.below)

    @property
    def words(self) -> str:
        """`errors above 0.02`."""
        sign, value = ("below", self.below) if self.above is None else ("above", self.above)
        return f"{self.metric} {sign} {plain(value or 0.0)}"


class Guard(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What watches over one change of a targeting, in the same group of entries as that change.

    For `minutes` from then on, whenever a metric's mean over `over` minutes is beyond its limit, the guard is breached:
    with the action `revert` the whole group is taken back. `version` is the targeting's that it guards (set when the
    change is decided); `state` and `outcome` (in words) are the server's to write.
    """

    limits: tuple[Limit, ...]
    minutes: int
    over: int = 5
    action: GuardAction = "revert"
    version: int = 0
    state: GuardState = "watching"
    outcome: str = ""

    @property
    def words(self) -> tuple[str, ...]:
        """What it does, or what came of it."""
        if self.state != "watching":
            return (f"guard {self.state}: {self.outcome}",)
        then = "takes the change back" if self.action == "revert" else "tells of it"
        limits = " or ".join(limit.words for limit in self.limits)
        return (f"guarded for {self.minutes} min: {then} if {limits} (mean of {self.over} min)",)


def guard_defects(guard: Guard) -> Iterator[Defect]:
    """What is wrong with a guard by itself."""
    if not 1 <= len(guard.limits) <= MAX_LIMITS:
        yield Defect("/limits", f"must be from 1 to {MAX_LIMITS}")
    for index, limit in enumerate(guard.limits):
        path = f"/limits/{index}"
        if _KEY.fullmatch(limit.metric) is None:
            yield Defect(f"{path}/metric", f"{limit.metric!r} is no metric's name")
        if (limit.above is None) == (limit.below is None):
            yield Defect(path, "must be above or below something, not both")
        if not all(isfinite(value) for value in (limit.above, limit.below) if value is not None):
            yield Defect(path, "must be a finite number")
    if not LEAST_MINUTES <= guard.minutes <= MOST_MINUTES:
        yield Defect("/minutes", f"must be from {LEAST_MINUTES} to {MOST_MINUTES}")
    elif not LEAST_OVER <= guard.over <= min(MOST_OVER, guard.minutes):
        yield Defect("/over", f"must be from {LEAST_OVER} to {MOST_OVER}, and no longer than the guard lasts")


def read_limit(text: str) -> Limit:
    """A limit as people write it; `%` is a hundredth. Raises InvalidQuery.

    >>> read_limit("errors>2%").words, read_limit("orders < 10").words
    ('errors above 0.02', 'orders below 10')
    """
    found = _LIMIT.fullmatch(text)
    if found is None:
        raise InvalidQuery(f"{text!r} is no limit: write errors>2%, or orders<10", parameter="guard")
    value = float(found["value"]) / (100 if found["percent"] else 1)
    if found["sign"] == ">":
        return Limit(found["metric"], above=value)
    return Limit(found["metric"], below=value)


def plain(value: float) -> str:
    """A number with at most six digits that count, never with an exponent.

    >>> plain(0.02), plain(1234567.0), plain(0.000012345678), plain(0.0), plain(-3.5)
    ('0.02', '1234567', '0.0000123457', '0', '-3.5')
    """
    if value == 0:
        return "0"
    shown = f"{value:.{max(0, 5 - floor(log10(abs(value))))}f}"
    return shown.rstrip("0").rstrip(".") if "." in shown else shown
