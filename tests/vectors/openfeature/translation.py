"""From the specification's test flags to documents of ours, for the in-memory provider."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import msgspec

from flagtrail.sdk.testing import Definition

_FLAGS = Path(__file__).with_name("test-flags.json")
_TYPES: dict[type, str] = {bool: "boolean", str: "string", int: "integer", float: "float", dict: "object"}
_TERM = re.compile(r"(?P<no>!)?(?P<name>\w+)(?: (?P<operator>==|>) (?P<value>'[^']*'|\d+))?")

# The deprecated feature's one flag with targeting is not in the file any more; this is what its scenario tells of it.
_CONTEXT_AWARE = {
    "variants": {"internal": "INTERNAL", "external": "EXTERNAL"},
    "defaultVariant": "external",
    "contextEvaluator": "fn == 'Sulisław' && ln == 'Świętopełk' && age == 29 && !customer ? 'internal' : ''",
}


def spec_flags() -> dict[str, Definition]:
    """Every flag that has a default variant: a flag of ours always serves one of its variants."""
    given: dict[str, Any] = {**msgspec.json.decode(_FLAGS.read_bytes()), "context-aware": _CONTEXT_AWARE}
    return {key: _translated(flag) for key, flag in given.items() if flag.get("defaultVariant") is not None}


def _translated(flag: dict[str, Any]) -> Definition:
    default = flag["defaultVariant"]
    others = [name for name in flag["variants"] if name != default]
    targeting: dict[str, Any] = {
        "enabled": not flag.get("disabled", False),
        "off_variant": others[0],
        "fallthrough": {"variant": default},
    }
    if "contextEvaluator" in flag:
        targeting["rules"] = [_rule(flag["contextEvaluator"])]
    return Definition({"type": _TYPES[type(flag["variants"][default])], "variants": flag["variants"]}, targeting)


def _rule(expression: str) -> dict[str, Any]:
    """`a == 'b' && !c ? 'variant' : ''`: an expression of the file's own small language."""
    found = re.fullmatch(r"(.+) \? '(.+)' : ''", expression)
    assert found is not None, expression
    return {
        "id": "r1",
        "when": {"all": [_condition(term) for term in found[1].split(" && ")]},
        "serve": {"variant": found[2]},
    }


def _condition(term: str) -> dict[str, Any]:
    found = _TERM.fullmatch(term)
    assert found is not None, term
    if found["no"]:
        return {"attribute": found["name"], "operator": "equals", "values": [False]}
    value: str | int = found["value"][1:-1] if found["value"].startswith("'") else int(found["value"])
    return {"attribute": found["name"], "operator": {"==": "equals", ">": "gt"}[found["operator"]], "values": [value]}
