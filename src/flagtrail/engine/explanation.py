"""Why a context gets what it gets: everything an evaluation looked at, in order."""

from __future__ import annotations

import msgspec

from flagtrail.model.condition import Operator, Scalar
from flagtrail.model.flag import Json
from flagtrail.model.resolution import Resolution


class ConditionTrace(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One condition and whether it held.

    For an attribute, `actual` is what the context has (None: absent). For a
    segment, `parts` is its condition. For a flag, `actual` is the variant that
    it resolved to and `values` are those that were asked for.
    """

    form: str
    held: bool
    attribute: str | None = None
    operator: Operator | None = None
    values: tuple[Scalar, ...] = ()
    actual: Json = None
    segment: str | None = None
    flag: str | None = None
    parts: tuple[ConditionTrace, ...] = ()


class PrerequisiteTrace(msgspec.Struct, frozen=True):
    """One prerequisite: the variants asked for, the one that the other flag resolved to, and whether it held."""

    flag: str
    variants: tuple[str, ...]
    variant: str | None
    held: bool


class RuleTrace(msgspec.Struct, frozen=True):
    """One rule that was tried, and whether it matched."""

    id: str
    description: str
    held: bool
    condition: ConditionTrace


class Bucket(msgspec.Struct, frozen=True):
    """Where a split put the context: `key` is the hashed text, `bucket` is 0..99,999."""

    by: str
    key: str
    salt: str
    bucketing: str
    bucket: int


class Explanation(msgspec.Struct, frozen=True):
    """A resolution and its trace.

    `enabled` is whether the flag is on in this environment. Rules after the
    one that decided were not tried and are not listed.
    """

    resolution: Resolution
    enabled: bool = False
    prerequisites: tuple[PrerequisiteTrace, ...] = ()
    rules: tuple[RuleTrace, ...] = ()
    bucket: Bucket | None = None
