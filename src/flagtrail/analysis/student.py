"""Student's t distribution: how often chance alone would move something that far."""

from __future__ import annotations

from functools import lru_cache
from math import copysign, exp, lgamma, log, log1p

_PRECISION = 1e-14
_HALVINGS = 100
_WIDEST = 1e9
_TINY = 1e-300


def two_sided(t: float, df: float) -> float:
    """The probability of a value at least as far from 0 as `t`, with `df` degrees of freedom.

    >>> round(two_sided(2.228, 10), 4)
    0.05
    """
    return _incomplete_beta(df / 2, 0.5, df / (df + t * t))


@lru_cache(maxsize=256)  # degrees of freedom are few: days
def quantile(probability: float, df: float) -> float:
    """The value below which a part of `probability` (0 to 1, both excluded) lies.

    >>> round(quantile(0.975, 10), 3)
    2.228
    """
    tail = 2 * min(probability, 1 - probability)
    low, high = 0.0, _WIDEST
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        if two_sided(middle, df) > tail:
            low = middle
        else:
            high = middle
    return copysign(high, probability - 0.5)


def _incomplete_beta(a: float, b: float, x: float) -> float:
    """The regularised incomplete beta function I_x(a, b), by Lentz's continued fraction (DLMF 8.17.22)."""
    if x <= 0 or x >= 1:
        return 0.0 if x <= 0 else 1.0
    if x > (a + 1) / (a + b + 2):  # the fraction converges fast on the other side alone
        return 1 - _incomplete_beta(b, a, 1 - x)
    front = exp(lgamma(a + b) - lgamma(a) - lgamma(b) + a * log(x) + b * log1p(-x)) / a
    c, d = 1.0, 1 / _away(1 - (a + b) * x / (a + 1))
    found, m, last = d, 0, 0.0
    while abs(last - 1) > _PRECISION:
        m += 1
        for part in (
            m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m)),
            -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1)),
        ):
            d = 1 / _away(1 + part * d)
            c = _away(1 + part / c)
            last = c * d
            found *= last
    return front * found


def _away(value: float) -> float:
    """A divisor that is not zero."""
    return value if abs(value) > _TINY else _TINY
