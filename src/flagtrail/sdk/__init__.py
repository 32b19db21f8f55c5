"""What an application installs: evaluation in process that never fails, kept in step with the server.

Its names are loaded when they are first used, so that importing the package costs next to nothing.
"""

from __future__ import annotations

from importlib import import_module

TYPE_CHECKING = False  # type checkers know the name, and importing it from `typing` would be all that this file costs
if TYPE_CHECKING:
    from flagtrail.model.resolution import ErrorCode as ErrorCode
    from flagtrail.model.resolution import Reason as Reason
    from flagtrail.model.resolution import Resolution as Resolution
    from flagtrail.sdk.client import Client as Client
    from flagtrail.sdk.events import Event as Event
    from flagtrail.sdk.events import EventKind as EventKind
    from flagtrail.sdk.options import Options as Options
    from flagtrail.sdk.options import from_environment as from_environment
    from flagtrail.sdk.provider import FlagtrailProvider as FlagtrailProvider

_WHERE = {
    "Client": "flagtrail.sdk.client",
    "ErrorCode": "flagtrail.model.resolution",
    "Event": "flagtrail.sdk.events",
    "EventKind": "flagtrail.sdk.events",
    "FlagtrailProvider": "flagtrail.sdk.provider",
    "Options": "flagtrail.sdk.options",
    "Reason": "flagtrail.model.resolution",
    "Resolution": "flagtrail.model.resolution",
    "from_environment": "flagtrail.sdk.options",
}
__all__ = [
    "Client",
    "ErrorCode",
    "Event",
    "EventKind",
    "FlagtrailProvider",
    "Options",
    "Reason",
    "Resolution",
    "from_environment",
]


if not TYPE_CHECKING:  # so that type checkers know of no other names

    def __getattr__(name: str) -> object:
        if name not in _WHERE:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        value = globals()[name] = getattr(import_module(_WHERE[name]), name)
        return value


def __dir__() -> list[str]:
    return sorted({*globals(), *_WHERE})
