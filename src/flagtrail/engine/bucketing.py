"""Bucketing strategies: how a salt and a key become a place among a split's ranges.

A strategy is a row of `STRATEGIES`. `point` hashes, `within` says whether a
point lies before the end of the range that cumulative weights (in 1/100,000)
give, and `limit` is that end as a number, so that compiled code compares
integers. A split as stored names its strategy, so a new row moves nobody.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable

import mmh3
import msgspec

from flagtrail.model.targeting import WHOLE

NATIVE = "murmur3"
_SIGNED_MAX = 2**31 - 1


class Strategy(msgspec.Struct, frozen=True):
    """One way to bucket; see the module.

    `point(salt, key)` is a number from 0 on; UnicodeEncodeError where either
    text is not Unicode. `bucket(point)` is its place as 0..99,999, for people.
    """

    name: str
    description: str
    point: Callable[[str, str], int]
    bucket: Callable[[int], int]
    within: Callable[[int, int], bool]
    limit: Callable[[int], int]


def murmur3_32(text: str, seed: int = 0) -> int:
    """MurmurHash3_x86_32 of the text's UTF-8, unsigned; UnicodeEncodeError where it has none."""
    # Encoded here, because mmh3 crashes the process on a str with a lone surrogate.
    return mmh3.hash(text.encode(), seed, signed=False)


def seed_of(salt: str) -> int:
    """The native strategy's seed: independent salts give independent splits."""
    return murmur3_32(salt)


def _scaled(point: int) -> int:
    return point * WHOLE >> 32


def _scaled_limit(cumulative: int) -> int:
    """The least 32-bit hash whose bucket is not below `cumulative`."""
    return -(-(cumulative << 32) // WHOLE)


def _signed_magnitude(salt: str, key: str) -> int:
    unsigned = murmur3_32(salt + key)
    return abs(unsigned - 2**32 if unsigned > _SIGNED_MAX else unsigned)


def _within_percent(point: int, cumulative: int) -> bool:
    """In the very floating-point steps of flagd's first generation, so that its edges are hit exactly."""
    return point / _SIGNED_MAX * 100 < cumulative / 1000


def _percent_limit(cumulative: int) -> int:
    return bisect_left(range(2**31 + 1), True, key=lambda point: not _within_percent(point, cumulative))


def _percent_bucket(point: int) -> int:
    return min(int(point / _SIGNED_MAX * WHOLE), WHOLE - 1)


STRATEGIES: dict[str, Strategy] = {
    strategy.name: strategy
    for strategy in (
        Strategy(
            name=NATIVE,
            description="murmur3_32(key, seed = murmur3_32(salt)) * 100000 >> 32",
            point=lambda salt, key: murmur3_32(key, seed_of(salt)),
            bucket=_scaled,
            within=lambda point, cumulative: _scaled(point) < cumulative,
            limit=_scaled_limit,
        ),
        Strategy(
            name="flagd_v1",
            description="abs(int32 murmur3_32(salt + key)) / (2^31 - 1) * 100, compared as percent in floating point",
            point=_signed_magnitude,
            bucket=_percent_bucket,
            within=_within_percent,
            limit=_percent_limit,
        ),
        Strategy(
            name="flagd_v2",
            description="murmur3_32(salt + key) * 100000 >> 32",
            point=lambda salt, key: murmur3_32(salt + key),
            bucket=_scaled,
            within=lambda point, cumulative: _scaled(point) < cumulative,
            limit=_scaled_limit,
        ),
    )
}
