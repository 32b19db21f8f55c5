"""The form of a leaf, version 1: its closed schema and its commitments.

Standard library only. What may be sealed and what the offline verifier accepts
is decided here and nowhere else, so the two cannot differ.
"""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Callable
from hashlib import sha256

VERSION = 1
MAX_LEAF_BYTES = 65_535
"""What a C2SP tlog-tiles entry bundle can carry (its lengths are 16 bits)."""
MAX_INTEGER = 2**53 - 1
SALT_BYTES = 16

NAMES = ("before", "after", "why", "actor_name", "actor_email", "for_name", "for_email")
"""What a leaf only commits to: every value and all personal data of an entry."""

# Sets of keys are made once: a literal inside a function would be built anew for each of a million entries.
_COMMITMENT_KEYS = frozenset(NAMES)
_ACTOR_KEYS = frozenset(("kind", "id", "auth", "via"))
_GROUP_KEYS = frozenset(("id", "index", "count"))
_SOURCE_KEYS = frozenset(("via", "request", "build"))
_TEXTS = frozenset((str,))
_NAMESPACE = b"flagtrail/commit/v1\n"
_SALT_BYTES_REFUSED = f"a salt has {SALT_BYTES} bytes"

ACTIONS = frozenset(
    (
        *("created", "deleted", "enabled", "disabled", "archived", "restored", "revoked", "signin_failed"),
        *("targeting_changed", "rollout_changed", "off_variant_changed", "prerequisites_changed", "variants_changed"),
        *("type_changed", "details_changed", "lifecycle_changed", "access_changed", "policy_changed"),
        *("guarded", "guard_breached", "guard_passed", "guard_unjudged"),
        *("stage_changed", "snoozed", "unsnoozed", "thresholds_changed"),
    )
)
ACTOR_KINDS = frozenset(("person", "token", "schedule", "import", "system"))
AUTHS = frozenset(("session", "token", "os", "none"))
VIAS = frozenset(("web", "api", "cli", "import", "schedule", "system", "demo"))
SUBJECT_PARTS = {
    "project": {"kind", "project"},
    "environment": {"kind", "project", "environment"},
    "flag": {"kind", "project", "flag"},
    "targeting": {"kind", "project", "flag", "environment"},
    "guard": {"kind", "project", "flag", "environment"},
    "segment": {"kind", "project", "key"},
    "policy": {"kind", "project"},
    "subscription": {"kind", "project", "key"},
    "member": {"kind", "key"},
    "token": {"kind", "key"},
    "signin": {"kind", "key"},
    "thresholds": {"kind", "project"},
    "nudge": {"kind", "project"},
    "lifespan": {"kind", "project", "flag"},
    "snooze": {"kind", "project", "flag"},
    "stage": {"kind", "project", "flag"},
}
"""Which parts an address has, by its kind."""

_TIME = re.compile(
    r"[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])T([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]\.[0-9]{6}Z"
).fullmatch
# The last sextet of a 32-byte value has two bits that mean nothing: they must be 0, or two texts would mean one hash.
_HASH = re.compile(r"[A-Za-z0-9+/]{42}[AEIMQUYcgkosw048]=").fullmatch


def commitment(name: str, salt: bytes, value: bytes) -> str:
    """The base64 commitment to one value: SHA-256 over a namespace, the name, 16 bytes of salt and canonical bytes.

    With the salt destroyed the commitment says nothing about the value any more.
    Raises ValueError for a salt of another length.
    """
    if len(salt) != SALT_BYTES:
        raise ValueError(_SALT_BYTES_REFUSED)
    return b64encode(sha256(b"%b%b\n%b%b" % (_NAMESPACE, name.encode(), salt, value)).digest()).decode()


def is_hash(value: object) -> bool:
    """Whether this is the one base64 text of some 32 bytes."""
    return type(value) is str and _HASH(value) is not None


def is_time(value: object) -> bool:
    """Whether this is a time as the ledger writes it: UTC, to the microsecond, so that text order is time order."""
    return type(value) is str and _TIME(value) is not None


def _is_integer(value: object, low: int = 0) -> bool:
    return type(value) is int and low <= value <= MAX_INTEGER


def _is_text(value: object) -> bool:
    return type(value) is str


def _is_name(value: object) -> bool:
    return type(value) is str and value != ""


def _are_texts(value: object) -> bool:
    return type(value) is list and _TEXTS.issuperset(map(type, value))


def _is_actor(value: object) -> bool:
    return (
        type(value) is dict
        and value.keys() == _ACTOR_KEYS
        and set(map(type, value.values())) == _TEXTS
        and value["kind"] in ACTOR_KINDS
        and value["auth"] in AUTHS
        and value["via"] in VIAS
        and value["id"] != ""
    )


def _is_subject(value: object) -> bool:
    return (
        type(value) is dict
        and _is_text(value.get("kind"))
        and value.keys() == SUBJECT_PARTS.get(value["kind"])
        and set(map(type, value.values())) == _TEXTS
        and "" not in value.values()
    )


def _is_group(value: object) -> bool:
    return (
        type(value) is dict
        and value.keys() == _GROUP_KEYS
        and _is_name(value["id"])
        and _is_integer(value["count"], 1)
        and _is_integer(value["index"])
        and value["index"] < value["count"]
    )


def _is_source(value: object) -> bool:
    return type(value) is dict and value.keys() == _SOURCE_KEYS and set(map(type, value.values())) == _TEXTS


def _are_commitments(value: object) -> bool:
    if type(value) is not dict or value.keys() != _COMMITMENT_KEYS:
        return False
    for part in value.values():  # noqa: SIM110 - `all` over a generator costs half as much again
        if part is not None and not (type(part) is str and _HASH(part)):
            return False
    return True


FIELDS: dict[str, Callable[[object], bool]] = {
    "v": lambda value: type(value) is int and value == VERSION,
    "log": _is_name,
    "seq": _is_integer,
    "prev_root": is_hash,
    "time": is_time,
    "occurred_at": lambda value: value is None or is_time(value),
    "id": _is_name,
    "group": _is_group,
    "actor": _is_actor,
    "actions": lambda value: _are_texts(value) and ACTIONS.issuperset(value),  # type: ignore[arg-type]
    "subject": _is_subject,
    "version": lambda value: _is_integer(value, 1),
    "previous": lambda value: _is_integer(value, -1),
    "paths": _are_texts,
    "ticket": _is_text,
    "approval": lambda value: value is None or _is_text(value),
    "reverts": lambda value: value is None or _is_integer(value),
    "source": _is_source,
    "commitments": _are_commitments,
}
"""Every key of a leaf and what its value has to be. No other key may stand in a leaf."""


def defect(leaf: object) -> str | None:
    """What is wrong with the form of a parsed leaf, in words, or None."""
    if type(leaf) is not dict or leaf.keys() != FIELDS.keys():
        return "it does not have exactly the keys of a version 1 entry"
    for key, holds in FIELDS.items():
        if not holds(leaf[key]):
            return f"{key!r} does not have the form that version 1 demands"
    return None
