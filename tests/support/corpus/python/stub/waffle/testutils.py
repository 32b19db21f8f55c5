"""What tests set flags with."""

from __future__ import annotations

from contextlib import ContextDecorator

from waffle import overridden  # type: ignore[import-not-found] # beside this folder, when a case runs


class override_flag(ContextDecorator):  # noqa: N801 - waffle's own name
    """A flag is on, or off, within it."""

    def __init__(self, name: str, active: bool | None = None) -> None:
        self.name, self.active = name, bool(active)

    def __enter__(self) -> None:
        """Set it."""
        overridden[self.name] = self.active

    def __exit__(self, *_: object) -> None:
        """As it was."""
        del overridden[self.name]


override_switch = override_flag
