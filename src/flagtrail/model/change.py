"""A change: a request to alter documents, all of them or none."""

from __future__ import annotations

from typing import Literal

import msgspec

from flagtrail.model.flag import Json
from flagtrail.model.subject import Subject


class Operation(msgspec.Struct, frozen=True, kw_only=True):
    """One document's part of a change.

    `create` and `put` carry the whole new document in `value` (`create` refuses
    one that exists), `patch` a JSON Merge Patch (RFC 7396), `delete` nothing,
    `rollout` `{"percent": 0..100, "variant": key or null}`.
    `version` is the version the caller has seen; None means "whatever it is now".
    """

    action: Literal["create", "put", "patch", "delete", "rollout"]
    subject: Subject
    value: Json = None
    version: int | None = None


class Change(msgspec.Struct, frozen=True, kw_only=True):
    """A request to alter documents: what, why, and for which ticket.

    `occurred_at` (RFC 3339) is set by imports only; `reverts` is the seq of the
    entry that this change takes back.
    """

    operations: tuple[Operation, ...]
    why: str = ""
    ticket: str = ""
    occurred_at: str | None = None
    reverts: int | None = None
