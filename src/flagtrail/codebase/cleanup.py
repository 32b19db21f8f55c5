"""The removal of one flag from a repository, planned: what each file becomes, and what was left alone, and why.

Nothing is written here. A plan is a pure function of the files, the flag's key and its winning value.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from flagtrail.codebase.rewrite.refused import Why


@dataclass(frozen=True, slots=True, order=True)
class Refusal:
    """A place that was left alone, or is less tidy than a person would leave it. `line` is from 1."""

    path: str
    line: int
    why: Why
    detail: str


@dataclass(frozen=True, slots=True)
class Change:
    """What one file becomes; None where it goes."""

    path: str
    before: bytes
    after: bytes | None


@dataclass(frozen=True, slots=True)
class Winner:
    """What the flag answers from now on: the variant's name and its value."""

    variant: str
    value: object


@dataclass(frozen=True, slots=True)
class Plan:
    """All that a clean-up does, by path, and all that it refused, by path and line."""

    flag: str
    winner: Winner
    changes: tuple[Change, ...] = ()
    refusals: tuple[Refusal, ...] = ()
    notes: tuple[str, ...] = field(default=())
