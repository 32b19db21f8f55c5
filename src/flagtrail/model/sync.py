"""What an SDK is sent: the documents that decide, and no others.

A description, an owner or a tag decides nothing and is not sent. So a key that
an SDK does not know has a meaning that it does not know, and it must refuse
the ruleset rather than evaluate it in another way than the server does.
"""

from __future__ import annotations

import msgspec

from flagtrail.model.flag import Flag, FlagType, Json
from flagtrail.model.segment import Segment
from flagtrail.model.targeting import Targeting

RULESET_EVENT = "ruleset"
"""The server-sent event whose data is a whole `RulesetData`."""
DELTA_EVENT = "delta"
"""The server-sent event whose data is a `RulesetDelta`."""
HEARTBEAT_SECONDS = 10.0
"""A stream is never silent for longer: where nothing moves a comment is sent."""


class SyncedFlag(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A flag that is not archived: its type and its variants."""

    type: FlagType
    variants: dict[str, Json]

    def flag(self, key: str) -> Flag:
        """The flag as the engine takes it."""
        return Flag(key, self.type, self.variants)


class RulesetData(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """All that decides in one environment; flags, targetings (by flag) and segments by key.

    `id` names these documents in this installation: it is the ETag of
    `/sdk/v1/ruleset` (in quotes) and the id of the events of `/sdk/v1/stream`.
    It starts with the ledger's size just after the newest entry that touched them.
    """

    id: str
    project: str
    environment: str
    flags: dict[str, SyncedFlag]
    targetings: dict[str, Targeting]
    segments: dict[str, Segment]


class RulesetDelta(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What turns the ruleset `base` into the ruleset `id`: new documents by key; null where there is none any more."""

    base: str
    id: str
    flags: dict[str, SyncedFlag | None]
    targetings: dict[str, Targeting | None]
    segments: dict[str, Segment | None]
