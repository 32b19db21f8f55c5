"""The prediction that is stored with a change: how far it was to shift what each flag serves."""

from __future__ import annotations

from typing import Literal, TypeAlias

import msgspec

Basis: TypeAlias = Literal["sample", "rules"]
"""What a prediction rests on: sampled contexts, or the rules alone."""

PREVIEWS = "preview"
"""The collection of cells that hold stored previews."""


class PredictedShift(msgspec.Struct, frozen=True, kw_only=True):
    """One flag in one environment: the share of contexts (0 to 1) that each variant had and was to get.

    The key of a share is the variant; the empty one stands for evaluations that
    end with an error, so that the caller gets its own default (as in `Usage`).
    `changed` is the share of contexts that was to get another value, `interval`
    its 95 % confidence interval (Wilson).
    By the rules alone there is no interval, and where the shares differ from
    case to case they have no total: `before` and `after` are then empty, and `changed` is None.
    `sample` counts the contexts, which were sampled from `since` to `until` (stamps; empty by the rules alone).
    """

    flag: str
    environment: str
    before: dict[str, float]
    after: dict[str, float]
    changed: float | None
    interval: tuple[float, float] | None = None
    basis: Basis
    sample: int = 0
    since: str = ""
    until: str = ""


class StoredPreview(msgspec.Struct, frozen=True, kw_only=True):
    """What a group of entries was to do, by the entry that came first in it.

    `time` is when it was predicted (a stamp). `flags` are, by environment, those that were changed themselves and
    those that follow them and were to give some context another value; `unaffected` counts those that follow and were
    not, `left_out` those beyond the bound.
    """

    seq: int
    count: int
    time: str
    flags: tuple[PredictedShift, ...]
    unaffected: int = 0
    left_out: int = 0


def preview_key(seq: int) -> str:
    """The key of the cell of the group whose first entry is `seq`.

    >>> preview_key(41)
    '0000000000000000041'
    """
    return f"{seq:019d}"
