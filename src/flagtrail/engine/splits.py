"""A split prepared for compiled flags: ranges as plain integers, and every answer made beforehand."""

from __future__ import annotations

from collections.abc import Callable

import mmh3
import msgspec

from flagtrail.engine import bucketing, resolutions
from flagtrail.engine.attributes import plain
from flagtrail.model.context import TARGETING_KEY
from flagtrail.model.flag import Flag
from flagtrail.model.resolution import Reason, Resolution
from flagtrail.model.targeting import Serve

MISSING = -1
INVALID = -2


class Split(msgspec.Struct, frozen=True):
    """A split over at least two variants.

    `point_of` gives the point of any value of the attribute `by`, MISSING or
    INVALID. `ranges` are the ends of all ranges but the last, in order, with
    their answers. `native_hash` with `seed` does what `point_of` does for ASCII
    texts; None where the strategy is another.
    """

    by: str
    point_of: Callable[[object], int]
    refusal: Callable[[int], Resolution]
    ranges: tuple[tuple[int, Resolution], ...]
    last: Resolution
    seed: int
    native_hash: Callable[[str, int, bool], int] | None

    def answer(self, value: object) -> Resolution:
        """The resolution for a value of the attribute `by`, None where it is absent."""
        point = self.point_of(value)
        if point < 0:
            return self.refusal(point)
        for limit, resolution in self.ranges:
            if point < limit:
                return resolution
        return self.last


def split_of(flag: Flag, serve: Serve, rule: str | None) -> Split | Resolution:
    """Prepare a split; where it answers every context alike, that answer."""
    shares = [share for share in serve.split or () if share.weight > 0]
    strategy = bucketing.STRATEGIES.get(serve.bucketing or bucketing.NATIVE)
    if not shares or strategy is None:
        return resolutions.unusable_split(flag.key, rule)
    answers = [resolutions.served(flag, share.variant, Reason.SPLIT, rule) for share in shares]
    if len(shares) == 1:
        return answers[0]
    ranges: list[tuple[int, Resolution]] = []
    end = 0
    for share, answer in zip(shares[:-1], answers, strict=False):
        end += share.weight
        ranges.append((strategy.limit(end), answer))
    by = serve.by or TARGETING_KEY
    salt = flag.key if serve.salt is None else serve.salt
    native = strategy.name == bucketing.NATIVE
    return Split(
        by=by,
        point_of=_point_of(strategy, salt),
        refusal=_refusal(flag.key, by, rule),
        ranges=tuple(ranges),
        last=answers[-1],
        seed=bucketing.seed_of(salt) if native else 0,
        native_hash=mmh3.hash if native else None,
    )


def _point_of(strategy: bucketing.Strategy, salt: str) -> Callable[[object], int]:
    def point_of(value: object) -> int:
        if value is None:
            return MISSING
        key = plain(value)
        if isinstance(key, bool) or not isinstance(key, (str, int)):
            return INVALID
        try:
            return strategy.point(salt, str(key))
        except UnicodeEncodeError:
            return INVALID

    return point_of


def _refusal(flag: str, by: str, rule: str | None) -> Callable[[int], Resolution]:
    missing = resolutions.key_missing(flag, by, rule)
    invalid = resolutions.key_invalid(flag, by, rule)
    return lambda point: missing if point == MISSING else invalid
