"""A place that is left alone, told by whoever sees that it must be."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Why = Literal[
    "impure_argument",
    "impure_operand",
    "value_context",
    "name_clash",
    "reassigned",
    "captured",
    "falls_through",
    "last_yield",
    "mock",
    "unclassified",
    "unsupported",
    "still_used",
    "new_defects",
]
"""Why a place was left alone."""


class Refused(Exception):
    """This edit is not made, and why. Others at the same place may be."""

    def __init__(self, why: Why, detail: str) -> None:
        super().__init__(detail)
        self.why, self.detail = why, detail


@dataclass(frozen=True, slots=True)
class Left:
    """A place that was left alone: the byte it begins at, and why."""

    at: int
    why: Why
    detail: str
