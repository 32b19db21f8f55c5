"""Targeting: how one flag is served in one environment."""

from __future__ import annotations

import msgspec

from flagtrail.model.condition import Condition
from flagtrail.model.flag import Flag

WHOLE = 100_000
"""The sum of a split's weights: one unit is 1/100,000 of all targeting keys."""


class Share(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One variant's part of a split; `weight` in 1/100,000."""

    variant: str
    weight: int


class Serve(msgspec.Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """What is served: one `variant`, or a `split` over several.

    The order of a split is its layout: the first share owns the first range of
    buckets. `by` is the attribute that is hashed, `salt` separates one split
    from another, `bucketing` names the strategy (see `engine/bucketing.py`).
    A split as stored always names all three.
    """

    variant: str | None = None
    split: tuple[Share, ...] | None = None
    by: str | None = None
    salt: str | None = None
    bucketing: str | None = None


class Prerequisite(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Another flag that must resolve to one of `variants` for this one to be served."""

    flag: str
    variants: tuple[str, ...]


class Rule(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The first rule whose `when` holds decides what is served."""

    id: str
    when: Condition
    serve: Serve
    description: str = ""


class Targeting(msgspec.Struct, frozen=True, forbid_unknown_fields=True, weakref=True):
    """How one flag is served in one environment.

    Disabled, or with a prerequisite that does not hold: `off_variant`.
    Otherwise the first matching rule, else `fallthrough`.
    """

    off_variant: str
    fallthrough: Serve
    enabled: bool = False
    prerequisites: tuple[Prerequisite, ...] = ()
    rules: tuple[Rule, ...] = ()


def default_targeting(flag: Flag) -> Targeting:
    """How a flag is served where nobody has said anything yet: disabled.

    The off variant is the one called `off`, else the one that is false, else
    the last by name; the fallthrough the first of the others by name. A new
    flag is therefore off everywhere until it is enabled. The order in which
    variants were written means nothing: canonical JSON does not keep it.
    """
    keys = sorted(flag.variants)
    false = [key for key in keys if flag.variants[key] is False]
    off = "off" if "off" in flag.variants else (false or keys)[-1]
    others = [key for key in keys if key != off]
    return Targeting(off_variant=off, fallthrough=Serve(variant=others[0] if others else off))
