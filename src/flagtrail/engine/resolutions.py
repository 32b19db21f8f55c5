"""The answers an evaluation can give, made in one place and shared: a resolution never changes."""

from __future__ import annotations

from flagtrail.model.context import TARGETING_KEY
from flagtrail.model.flag import Flag, Json
from flagtrail.model.resolution import ErrorCode, Reason, Resolution
from flagtrail.model.targeting import Targeting, default_targeting

_EXACT = 1 << 53
"""Up to here a float holds every integer."""


def served(flag: Flag, variant: str, reason: Reason, rule: str | None = None) -> Resolution:
    """The variant and its value; PARSE_ERROR where the flag has no such variant."""
    if variant not in flag.variants:
        return refused(flag.key, ErrorCode.PARSE_ERROR, f"the flag has no variant {variant!r}", rule)
    return Resolution(flag.key, variant, _value(flag, variant), reason, rule)


def _value(flag: Flag, variant: str) -> Json:
    """The variant's value; a float also where JSON wrote 2.0 as `2`: who reads integers apart would refuse that."""
    value = flag.variants[variant]
    if flag.type == "float" and value.__class__ is int and abs(value) <= _EXACT:
        return float(value)
    return value


def off(flag: Flag, targeting: Targeting | None) -> Resolution:
    """What a flag that is not served gives: its off variant, without a targeting that of the default one."""
    if targeting is None and flag.variants:
        targeting = default_targeting(flag)
    return served(flag, "off" if targeting is None else targeting.off_variant, Reason.DISABLED)


def fallthrough_reason(targeting: Targeting) -> Reason:
    """STATIC where nothing but the fallthrough could ever be served while enabled, else DEFAULT."""
    return Reason.DEFAULT if targeting.rules or targeting.prerequisites else Reason.STATIC


def refused(flag: str, error: ErrorCode, message: str, rule: str | None = None) -> Resolution:
    """An evaluation that cannot answer, and why."""
    return Resolution(flag, None, None, Reason.ERROR, rule, error, message)


def not_found(flag: object) -> Resolution:
    """No such flag, or it is archived."""
    key = flag if isinstance(flag, str) else ""
    return refused(key, ErrorCode.FLAG_NOT_FOUND, "there is no such flag")


def cyclic(flag: str) -> Resolution:
    """The flag depends on itself. The change flow refuses such documents; evaluating them must still end."""
    return refused(flag, ErrorCode.GENERAL, "the flag depends on itself")


def unusable_split(flag: str, rule: str | None) -> Resolution:
    """A split that names no variant with a weight, or an unknown strategy."""
    return refused(flag, ErrorCode.PARSE_ERROR, "the split serves nothing", rule)


def key_missing(flag: str, by: str, rule: str | None) -> Resolution:
    """A split whose attribute is absent."""
    code = ErrorCode.TARGETING_KEY_MISSING if by == TARGETING_KEY else ErrorCode.INVALID_CONTEXT
    return refused(flag, code, f"the split is by {by!r}, which the context does not have", rule)


def key_invalid(flag: str, by: str, rule: str | None) -> Resolution:
    """A split whose attribute is neither a text nor an integer."""
    return refused(flag, ErrorCode.INVALID_CONTEXT, f"the split is by {by!r}, which must be a text or an integer", rule)


def context_unreadable(flag: str, problem: str) -> Resolution:
    """A context that is no mapping, or that raises when it is read."""
    return refused(flag, ErrorCode.INVALID_CONTEXT, f"the context cannot be read ({problem})")
