"""A reason for which a flag could go: its code, its evidence, and how sure that is."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Literal, TypeAlias, get_args

import msgspec

Code: TypeAlias = Literal[
    "never_enabled",
    "off_everywhere",
    "one_variant",
    "past_remove_by",
    "past_expected_lifetime",
    "never_evaluated",
    "not_evaluated",
    "one_variant_served",
    "no_references",
    "only_in_tests",
    "only_dead_branches",
]
CODES: tuple[str, ...] = get_args(Code)
NAMED = 10
"""So many are named in a sentence."""
Confidence: TypeAlias = Literal["high", "medium", "low"]
BlockerCode: TypeAlias = Literal["dependents", "old_version_asking", "guard"]


class StaleReason(msgspec.Struct, frozen=True):
    """One rule that holds, its evidence in a sentence, the stamp since when what it tells of has lasted, and how sure
    it is that the flag could go because of it.
    """

    code: Code
    evidence: str
    since: str
    confidence: Confidence = "medium"


class Blocker(msgspec.Struct, frozen=True):
    """What has to be settled before the flag can go, in a sentence; `named` are the flags or versions it is about."""

    code: BlockerCode
    evidence: str
    named: tuple[str, ...] = ()


def lasting(days: float, limit: int) -> Confidence:
    """How sure a reason is by the time for which it has held: twice as long as it takes is high.

    >>> lasting(59.9, 30), lasting(60, 30)
    ('medium', 'high')
    """
    return "high" if days >= 2 * limit else "medium"


def moment(text: str) -> datetime:
    """A stamp as a moment."""
    return datetime.fromisoformat(text)


def stamp(at: datetime) -> str:
    """A moment as the ledger writes it."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def listed(names: Sequence[str]) -> str:
    """Names in a sentence, the first of them where they are many.

    >>> listed(["a", "b"]), listed([str(number) for number in range(12)])
    ('a, b', '0, 1, 2, 3, 4, 5, 6, 7, 8, 9 and 2 more')
    """
    shown = ", ".join(names[:NAMED])
    return shown if len(names) <= NAMED else f"{shown} and {len(names) - NAMED} more"
