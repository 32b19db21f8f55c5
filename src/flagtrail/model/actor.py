"""Who did it."""

from __future__ import annotations

from typing import Literal

import msgspec

ActorKind = Literal["person", "token", "schedule", "import", "system"]
Via = Literal["web", "api", "cli", "import", "schedule", "system", "demo"]


class Author(msgspec.Struct, frozen=True):
    """The person on whose behalf an import acts: the author of a commit, say."""

    name: str
    email: str = ""


class Actor(msgspec.Struct, frozen=True, kw_only=True):
    """Who did it, taken from the credential and never from the request.

    `id` is a pseudonym (`act_...`) that stays in the ledger for ever; `name`
    and `email` can be erased. `auth` says how the actor was authenticated.
    """

    kind: ActorKind
    id: str
    name: str = ""
    email: str = ""
    auth: Literal["session", "token", "os", "none"] = "none"
    via: Via = "system"
    for_: Author | None = msgspec.field(name="for", default=None)


SYSTEM = Actor(kind="system", id="act_system", name="flagtrail")
"""Flagtrail itself: first start, aggregated sign-in failures."""
