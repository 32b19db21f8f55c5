"""A flag's definition: shared by all environments of a project."""

from __future__ import annotations

from typing import Any, Literal, TypeAlias

import msgspec

FlagType = Literal["boolean", "string", "integer", "float", "object"]
LifecycleKind = Literal["release", "experiment", "operational", "permission", "kill_switch"]
Json: TypeAlias = Any
"""Any JSON value: null, boolean, number, string, list or object."""

EXPECTED_LIFETIME_DAYS: dict[str, int | None] = {
    "release": 40,
    "experiment": 40,
    "operational": 7,
    "permission": None,
    "kill_switch": None,
}
"""Days a flag of each lifecycle kind is expected to live; None is permanent."""


class Lifecycle(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How long the flag is meant to live. `remove_by` is an ISO 8601 date or null."""

    kind: LifecycleKind = "release"
    remove_by: str | None = None


class Flag(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A flag: its type and variants, whose it is, and how long it is meant to live."""

    key: str
    type: FlagType
    variants: dict[str, Json]
    description: str = ""
    owner: str = ""
    tags: tuple[str, ...] = ()
    lifecycle: Lifecycle = Lifecycle()
    archived: bool = False


def boolean_flag(key: str, **details: Any) -> Flag:  # noqa: ANN401 - forwarded to Flag
    """A boolean flag with the variants `on` and `off`."""
    return Flag(key=key, type="boolean", variants={"on": True, "off": False}, **details)
