"""Projects, environments and the policy that governs changes."""

from __future__ import annotations

from typing import Literal

import msgspec


class Project(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A product."""

    key: str
    name: str = ""
    description: str = ""


class Environment(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where a product runs. `production` marks the ones that customers see; `position` orders lists."""

    key: str
    name: str = ""
    production: bool = False
    position: int = 0


class Policy(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a project demands of a change.

    `why_required`: `production` demands a reason of every change that reaches
    an environment marked production, `always` of every change, `never` of none.
    `why_min_length` counts characters after trimming.
    """

    why_required: Literal["production", "always", "never"] = "production"
    why_min_length: int = 1
