"""What cases of the corpus use: a condition, a trace of side effects, and a client for flags."""
# ruff: noqa: ANN401, ARG002 - the signatures are the SDKs' own, and a variant is any value

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

traced: list[str] = []
conditions: dict[str, bool] = {}
served: dict[str, Any] = {}
listeners: list[Callable[[str], None]] = []


def begin(flag: str, variant: str, value: object, assignment: Mapping[str, bool]) -> None:
    """Forget what was, and answer so from now on."""
    traced.clear()
    conditions.clear()
    conditions.update(assignment)
    served.clear()
    served.update(flag=flag, variant=variant, value=value)


def cond(name: str) -> bool:
    """A condition whose outcomes are both tried."""
    return conditions[name]


def trace(text: object) -> None:
    """A side effect."""
    traced.append(str(text))


@dataclass
class Details:
    """What an evaluation with details answers."""

    flag_key: str
    value: Any
    variant: str
    reason: str = "STATIC"


class Client:
    """Answers the flag's winning value, and for every other key a condition of that name."""

    def get_boolean_value(self, key: str, default: bool = False, context: object = None) -> Any:
        """OpenFeature."""
        return served["value"] if key == served["flag"] else conditions[key]

    def get_string_value(self, key: str, default: str = "", context: object = None) -> Any:
        """OpenFeature."""
        return served["value"] if key == served["flag"] else str(conditions[key])

    get_integer_value = get_float_value = get_string_value

    def get_boolean_details(self, key: str, default: bool = False, context: object = None) -> Details:
        """OpenFeature."""
        value = self.get_boolean_value(key)
        return Details(key, value, served["variant"] if key == served["flag"] else str(value))

    async def get_boolean_value_async(self, key: str, default: bool = False, context: object = None) -> Any:
        """OpenFeature."""
        return self.get_boolean_value(key)

    def is_enabled(self, key: str, context: object = None) -> bool:
        """Unleash."""
        if key != served["flag"]:
            return conditions[key]
        return served["value"] if isinstance(served["value"], bool) else served["variant"] != "off"


flags = Client()
