"""An entry: the ledger's record of one change to one document."""

from __future__ import annotations

from typing import Literal, get_args

import msgspec

from flagtrail.model.actor import Actor
from flagtrail.model.flag import Json
from flagtrail.model.subject import Subject

Action = Literal[
    "created",
    "deleted",
    "enabled",
    "disabled",
    "targeting_changed",
    "rollout_changed",
    "off_variant_changed",
    "prerequisites_changed",
    "variants_changed",
    "type_changed",
    "details_changed",
    "lifecycle_changed",
    "archived",
    "restored",
    "access_changed",
    "revoked",
    "policy_changed",
    "signin_failed",
    "guarded",
    "guard_breached",
    "guard_passed",
    "guard_unjudged",
    "stage_changed",
    "snoozed",
    "unsnoozed",
    "thresholds_changed",
]
ACTIONS: tuple[str, ...] = get_args(Action)
"""The closed list. A type lives for ever: new meaning is a new word, never a new sense of an old one."""


class Group(msgspec.Struct, frozen=True):
    """The request an entry belongs to: all entries of one group were applied together or not at all."""

    id: str
    index: int = 0
    count: int = 1


class Source(msgspec.Struct, frozen=True):
    """Where the change came from: surface, request id, version of the software."""

    via: str
    request: str = ""
    build: str = ""


class Touch(msgspec.Struct, frozen=True, order=True):
    """A flag in whose history an entry stands. `environment` is empty where the entry concerns all of them."""

    project: str
    flag: str
    environment: str = ""


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """What people and the API see of an entry: the leaf joined with its disclosures.

    `seq` counts from 0 without gaps. `time` is when the ledger learned it (UTC,
    microseconds, never earlier than the entry before); `occurred_at` is when it
    happened where that was earlier (imported history). `version` counts the
    document's own entries from 1. `before` is None for a creation, `after` for a deletion.
    `erased` names the disclosures that were erased by law.
    """

    v: int = 1
    seq: int
    id: str
    time: str
    occurred_at: str | None = None
    actor: Actor
    subject: Subject
    version: int
    previous: int = -1
    actions: tuple[Action, ...]
    paths: tuple[str, ...]
    before: Json = None
    after: Json = None
    why: str = ""
    ticket: str = ""
    group: Group
    approval: str | None = None
    reverts: int | None = None
    source: Source
    erased: tuple[str, ...] = ()

    @property
    def effective(self) -> str:
        """The instant from which the change held: `occurred_at` where set, else `time`."""
        return self.occurred_at or self.time
