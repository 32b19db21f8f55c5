"""Who may do what: members, tokens and roles."""

from __future__ import annotations

from typing import Literal

import msgspec

from flagtrail.model.subject import LEAVING, Kind, Subject
from flagtrail.model.subscription import CRITICAL

Role = Literal["viewer", "auditor", "editor", "approver", "admin"]
RANK: dict[str, int] = {"viewer": 1, "auditor": 1, "editor": 2, "approver": 3, "admin": 4}
"""viewer < editor < approver < admin; an auditor reads everything and changes nothing."""

EDITED: frozenset[Kind] = frozenset(
    {"flag", "targeting", "segment", "guard", "subscription", "thresholds", "nudge", *LEAVING}
)
"""Kinds of documents that an editor may change; the others are an admin's."""

TokenKind = Literal["server", "client", "admin"]


class Grant(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A role in one project and, where `environment` is set, in one environment of it only."""

    project: str
    role: Role
    environment: str | None = None


class Member(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A person with an account. `role` holds everywhere; `grants` add to it."""

    key: str
    name: str
    email: str
    role: Role = "viewer"
    grants: tuple[Grant, ...] = ()
    active: bool = True


class Token(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A credential of a machine; its secret is never part of the document.

    `server` reads the ruleset and evaluates in one environment, `client` only
    evaluates there, `admin` calls the API with `role`. `expires_at` is RFC 3339.
    """

    key: str
    kind: TokenKind
    name: str = ""
    project: str | None = None
    environment: str | None = None
    role: Role = "editor"
    expires_at: str | None = None
    revoked: bool = False


class SigninFailures(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Failed sign-ins and bad tokens of one kind within one minute (`minute`: its start, RFC 3339, UTC)."""

    credential: str
    minute: str
    attempts: int


def role_needed(subject: Subject) -> Role:
    """The role that changing a document needs. The subscription `critical` watches the editors, so it is not theirs.

    >>> role_needed(Subject("subscription", "shop", key="critical"))
    'admin'
    """
    watches = subject.kind == "subscription" and subject.name == CRITICAL
    return "editor" if subject.kind in EDITED and not watches else "admin"
