"""From what a test writes down to documents: plain values, and definitions with rules."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias, cast

import msgspec

from flagtrail.engine.attributes import plain
from flagtrail.model.document import decode
from flagtrail.model.errors import InvalidDocument
from flagtrail.model.flag import Flag, FlagType, Json
from flagtrail.model.segment import Segment
from flagtrail.model.subject import flag_subject, segment_subject, targeting_subject
from flagtrail.model.targeting import Targeting

PROJECT, ENVIRONMENT = "test", "test"
_TYPES: dict[type, FlagType] = {bool: "boolean", int: "integer", float: "float", str: "string"}


class Definition(msgspec.Struct, frozen=True):
    """A flag with rules: its document and its targeting's, as `flagtrail flags show --json` prints them.

    What decides nothing may be left out; so may the flag's own key.
    """

    flag: Mapping[str, Json]
    targeting: Mapping[str, Json]


Flags: TypeAlias = Mapping[str, object]
"""Flags by key: the plain value that everybody gets, or a `Definition`."""
Segments: TypeAlias = Mapping[str, Mapping[str, Json]]
"""Conditions by the key of the segment."""


def defined(key: str, value: object) -> tuple[Flag, Targeting]:
    """The documents of a flag that serves this. Raises TypeError for what no flag can serve, ValueError for defects."""
    if isinstance(value, Definition):
        return _documents(key, value)
    value = plain(value)
    flag_type = _TYPES.get(type(value))
    if flag_type == "boolean":
        name, variants = ("on" if value else "off"), {"on": True, "off": False}
    elif flag_type is not None:
        name, variants = "pinned", {"pinned": cast("Any", value)}
    elif isinstance(value, (Mapping, Sequence)):
        flag_type, name, variants = "object", "pinned", {"pinned": _json(key, value)}
    else:
        told = "a flag is a bool, str, int, float, dict or list, or a flagtrail.sdk.testing.Definition"
        raise TypeError(f"{key!r} cannot be pinned to {value!r}: {told}")
    return _documents(
        key,
        Definition(
            {"type": flag_type, "variants": variants},
            {"enabled": True, "off_variant": name, "fallthrough": {"variant": name}},
        ),
    )


def _documents(key: str, defined: Definition) -> tuple[Flag, Targeting]:
    try:
        flag = decode(flag_subject(PROJECT, key), {"key": key, **defined.flag})
        targeting = decode(targeting_subject(PROJECT, key, ENVIRONMENT), {**defined.targeting})
    except InvalidDocument as error:
        raise ValueError(f"{key!r} cannot be pinned: {error.detail}") from None
    return cast("Flag", flag), cast("Targeting", targeting)


def segment(key: str, when: Mapping[str, Json]) -> Segment:
    """The segment of a condition. Raises ValueError for defects."""
    try:
        return cast("Segment", decode(segment_subject(PROJECT, key), {"key": key, "when": {**when}}))
    except InvalidDocument as error:
        raise ValueError(f"the segment {key!r} cannot be served: {error.detail}") from None


def _json(key: str, value: object) -> Json:
    """A copy as plain JSON values; raises TypeError for what JSON does not have."""
    match value:
        case None | bool() | int() | float() | str():
            return value
        case Mapping() if all(isinstance(name, str) for name in value):
            return {name: _json(key, part) for name, part in value.items()}
        case list() | tuple():
            return [_json(key, part) for part in value]
        case _:
            raise TypeError(f"{key!r} cannot be pinned to what holds {value!r}: JSON has no such value")


def of_same_type(before: Flag | None, flag: Flag) -> Flag:
    """The flag as it may follow `before`: an integer is a float where a float was. Raises TypeError for other types."""
    if before is None or before.type == flag.type:
        return flag
    if before.type == "float" and flag.type == "integer":
        variants = {name: float(value) for name, value in flag.variants.items()}
        return msgspec.structs.replace(flag, type="float", variants=variants)
    told = f"it is pinned as {a_type(before.type)}, and would become {a_type(flag.type)}"
    raise TypeError(f"{flag.key!r} cannot change its type: {told}; remove it first if that is meant")


def a_type(flag_type: FlagType) -> str:
    """The type with its article."""
    return f"an {flag_type}" if flag_type[0] in "io" else f"a {flag_type}"
