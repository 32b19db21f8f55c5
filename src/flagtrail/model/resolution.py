"""What an evaluation answers, in the words of the OpenFeature specification (section 2.2, types)."""

from __future__ import annotations

from enum import StrEnum
from typing import Any

import msgspec


class Reason(StrEnum):
    """Why a variant was served (OpenFeature, resolution reasons)."""

    STATIC = "STATIC"
    DEFAULT = "DEFAULT"
    TARGETING_MATCH = "TARGETING_MATCH"
    SPLIT = "SPLIT"
    DISABLED = "DISABLED"
    CACHED = "CACHED"
    STALE = "STALE"
    ERROR = "ERROR"
    UNKNOWN = "UNKNOWN"


class ErrorCode(StrEnum):
    """Why an evaluation could not answer (OpenFeature, error codes)."""

    FLAG_NOT_FOUND = "FLAG_NOT_FOUND"
    PARSE_ERROR = "PARSE_ERROR"
    TYPE_MISMATCH = "TYPE_MISMATCH"
    TARGETING_KEY_MISSING = "TARGETING_KEY_MISSING"
    INVALID_CONTEXT = "INVALID_CONTEXT"
    PROVIDER_NOT_READY = "PROVIDER_NOT_READY"
    GENERAL = "GENERAL"


class Resolution(msgspec.Struct, frozen=True, gc=False):
    """The answer for one flag and one context.

    `rule` is the id of the rule that decided, or None where none did.
    On an error `variant` and `value` are None and `error` says why.
    """

    flag: str
    variant: str | None
    value: Any
    reason: Reason
    rule: str | None = None
    error: ErrorCode | None = None
    message: str | None = None


class Settled(msgspec.Struct, frozen=True, eq=False):
    """Resolutions that many contexts get together: one object for all of them, known by its identity."""

    resolutions: tuple[Resolution, ...]


class Answers(msgspec.Struct, frozen=True):
    """Every flag's resolution for one context: those shared as they are, and those drawn for it."""

    settled: tuple[Settled, ...]
    drawn: tuple[Resolution, ...]

    def all(self) -> list[Resolution]:
        """The resolutions, in no order that means anything; the same for equal contexts."""
        return [one for settled in self.settled for one in settled.resolutions] + list(self.drawn)

    def whole(self) -> Answers:
        """The same answers as one shared object, for a context that is asked for again and again."""
        return Answers((Settled(tuple(self.all())),), ())
