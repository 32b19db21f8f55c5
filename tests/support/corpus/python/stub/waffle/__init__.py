"""As much of django-waffle as cases need."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

from stub import flags  # type: ignore[import-not-found] # beside this folder, when a case runs

overridden: dict[str, bool] = {}


def flag_is_active(request: object, flag_name: str) -> bool:  # noqa: ARG001 - waffle's own signature
    """Whether a flag is on for a request."""
    return overridden[flag_name] if flag_name in overridden else bool(flags.is_enabled(flag_name))


def switch_is_active(switch_name: str) -> bool:
    """Whether a switch is on."""
    return flag_is_active(None, switch_name)


def waffle_flag(flag_name: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """A view that is not found where the flag is off."""

    def decorator(view: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(view)
        def guarded(request: object, *args: object) -> object:
            if not flag_is_active(request, flag_name):
                raise LookupError(flag_name)
            return view(request, *args)

        return guarded

    return decorator
