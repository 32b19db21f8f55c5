"""Small documents for tests that speak HTTP: plain JSON values, as a client would send them."""

from __future__ import annotations

from typing import Any

Json = Any


def boolean_flag(key: str, **details: Json) -> Json:
    """A boolean flag's document."""
    return {"key": key, "type": "boolean", "variants": {"on": True, "off": False}, **details}


def enabled(**parts: Json) -> Json:
    """An enabled targeting that gives everybody `on`."""
    return {"enabled": True, "off_variant": "off", "fallthrough": {"variant": "on"}, **parts}


def split(on: int, off: int) -> Json:
    """A split of two variants, weights in 1/100,000."""
    return {"split": [{"variant": "on", "weight": on}, {"variant": "off", "weight": off}]}


def rule(when: Json, *, key: str = "r1", variant: str = "on") -> Json:
    """A rule that serves one variant."""
    return {"id": key, "when": when, "serve": {"variant": variant}}


def attribute_test(attribute: str, operator: str, *values: Json) -> Json:
    """A condition on one attribute."""
    return {"attribute": attribute, "operator": operator, "values": list(values)}
