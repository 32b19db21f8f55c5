"""Rulesets as a server sends them, for tests of the SDK."""

from __future__ import annotations

from typing import Any

import msgspec

from flagtrail.model.segment import Segment
from flagtrail.model.sync import RulesetData, SyncedFlag
from flagtrail.model.targeting import Targeting

BOOLEAN = SyncedFlag("boolean", {"on": True, "off": False})


def targeting(**fields: Any) -> Targeting:  # noqa: ANN401 - JSON
    """An enabled targeting that gives everybody `on`, but for `fields`."""
    served = {"off_variant": "off", "enabled": True, "fallthrough": {"variant": "on"}}
    return msgspec.convert({**served, **fields}, Targeting)


def plain(value: Any) -> tuple[SyncedFlag, Targeting]:  # noqa: ANN401 - JSON
    """A flag that serves this value to everybody, as its variant `on`."""
    names = {bool: "boolean", str: "string", int: "integer", float: "float"}
    kind: Any = names.get(type(value), "object")
    return SyncedFlag(kind, {"on": value}), targeting(off_variant="on")


def ruleset(
    flags: dict[str, tuple[SyncedFlag, Targeting]],
    *,
    id: str = "1-a",  # noqa: A002 - the field's name
    segments: dict[str, Any] | None = None,
) -> RulesetData:
    """These flags in production of the default project; `segments` as JSON conditions by key."""
    documents = {key: msgspec.convert({"key": key, "when": when}, Segment) for key, when in (segments or {}).items()}
    return RulesetData(
        id=id,
        project="default",
        environment="production",
        flags={key: flag for key, (flag, _) in flags.items()},
        targetings={key: targeting for key, (_, targeting) in flags.items()},
        segments=documents,
    )
