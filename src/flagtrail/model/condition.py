"""Conditions: boolean expressions over an evaluation context's attributes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal, TypeAlias, get_args

import msgspec

Scalar: TypeAlias = str | int | float | bool

Operator = Literal[
    "equals",
    "not_equals",
    "in",
    "not_in",
    "contains",
    "starts_with",
    "ends_with",
    "matches",
    "gt",
    "gte",
    "lt",
    "lte",
    "before",
    "after",
    "semver_eq",
    "semver_gt",
    "semver_gte",
    "semver_lt",
    "semver_lte",
    "exists",
    "not_exists",
    "cidr",
    "modulo",
]
OPERATORS: tuple[str, ...] = get_args(Operator)
"""Every operator, in the order in which the documentation lists them."""


class Condition(msgspec.Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """One of six forms; exactly one of the groups is set.

    `all`, `any`: every or at least one part holds (an empty `all` holds, an empty `any` does not).
    `not`: the part does not hold. `segment`: the named segment holds.
    `flag` with `variants`: the other flag resolves to one of the variants.
    `attribute`, `operator`, `values`: a test of one attribute; it holds if it
    holds for any of `values` (for the negated operators: for none of them).
    """

    all: tuple[Condition, ...] | None = None
    any: tuple[Condition, ...] | None = None
    not_: Condition | None = msgspec.field(name="not", default=None)
    segment: str | None = None
    flag: str | None = None
    variants: tuple[str, ...] | None = None
    attribute: str | None = None
    operator: Operator | None = None
    values: tuple[Scalar, ...] | None = None
    case_sensitive: bool = True

    def form(self) -> Literal["all", "any", "not", "segment", "flag", "attribute"] | None:
        """Which form this is, or None where it is none or several of them."""
        present: list[Literal["all", "any", "not", "segment", "flag", "attribute"]] = []
        if self.all is not None:
            present.append("all")
        if self.any is not None:
            present.append("any")
        if self.not_ is not None:
            present.append("not")
        if self.segment is not None:
            present.append("segment")
        if self.flag is not None or self.variants is not None:
            present.append("flag")
        if self.attribute is not None or self.operator is not None or self.values is not None:
            present.append("attribute")
        return present[0] if len(present) == 1 else None

    def parts(self) -> tuple[Condition, ...]:
        """The conditions directly inside this one."""
        if self.all is not None:
            return self.all
        if self.any is not None:
            return self.any
        return () if self.not_ is None else (self.not_,)

    def walk(self) -> Iterator[Condition]:
        """This condition and every one inside it, outermost first."""
        yield self
        for part in self.parts():
            yield from part.walk()
