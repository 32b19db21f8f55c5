"""How much a count in a sample says of the whole that the sample was drawn from."""

from __future__ import annotations

from math import sqrt

import msgspec

Z95 = 1.959963984540054
"""The 97.5 % quantile of the standard normal distribution."""


class Estimate(msgspec.Struct, frozen=True):
    """So many of the contexts that were looked at, their share (0 to 1), and its 95 % interval from `low` to `high`."""

    count: int
    share: float
    low: float
    high: float


def estimate(count: int, of: int) -> Estimate:
    """The share `count / of` (`of` at least 1) with its Wilson score interval.

    Wilson's, since the textbook interval (Wald's) is empty at 0 and at all, leaves
    0..1, and covers far less than 95 % for rare things, which are what a preview
    is asked about. It takes the contexts as drawn at random from many more.

    >>> estimate(0, 100)
    Estimate(count=0, share=0.0, low=0.0, high=0.036993)
    >>> estimate(620, 2000)
    Estimate(count=620, share=0.31, low=0.290111, high=0.330617)
    """
    share, z2 = count / of, Z95 * Z95
    middle = (share + z2 / (2 * of)) / (1 + z2 / of)
    half = Z95 / (1 + z2 / of) * sqrt(share * (1 - share) / of + z2 / (4 * of * of))
    low = 0.0 if count == 0 else max(0.0, round(middle - half, 6))
    high = 1.0 if count == of else min(1.0, round(middle + half, 6))
    return Estimate(count, share, low, high)


def about(share: float) -> str:
    """A share (0 to 1) as people say it: to the per cent, below 10 to a tenth; never 0 or 100 unless it is.

    >>> [about(share) for share in (0.0, 0.00001, 0.012, 0.31, 0.9999, 1.0)]
    ['0 %', 'under 0.1 %', '1.2 %', '31 %', 'over 99 %', '100 %']
    """
    percent = share * 100
    if 0 < percent < 0.1:  # noqa: PLR2004 - a tenth is what is told
        return "under 0.1 %"
    if 99 < percent < 100:  # noqa: PLR2004 - per cent
        return "over 99 %"
    shown = f"{percent:.1f}" if percent < 10 else f"{percent:.0f}"  # noqa: PLR2004 - see above
    return f"{shown.removesuffix('.0')} %"
