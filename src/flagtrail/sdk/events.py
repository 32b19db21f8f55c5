"""What a client tells its application: it is ready, its answers may be old, something is wrong, flags changed."""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum
from typing import TypeAlias

import msgspec


class EventKind(StrEnum):
    """The provider events of the OpenFeature specification (section 5.1)."""

    READY = "READY"
    STALE = "STALE"
    ERROR = "ERROR"
    CONFIGURATION_CHANGED = "CONFIGURATION_CHANGED"


class Event(msgspec.Struct, frozen=True):
    """One event. `changed` are the keys of flags that may answer otherwise than before, sorted.

    `fatal` on an ERROR: the server refused the credential, and asking again with it is of little use.
    """

    kind: EventKind
    message: str = ""
    changed: tuple[str, ...] = ()
    fatal: bool = False


Handler: TypeAlias = Callable[[Event], None]
