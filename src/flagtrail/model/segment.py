"""A segment: a named condition, used by the targeting of many flags."""

from __future__ import annotations

import msgspec

from flagtrail.model.condition import Condition


class Segment(msgspec.Struct, frozen=True, forbid_unknown_fields=True, weakref=True):
    """The contexts for which `when` holds; shared by all environments of a project."""

    key: str
    when: Condition
    description: str = ""
