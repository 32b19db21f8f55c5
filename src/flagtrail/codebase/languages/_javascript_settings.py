"""What an object or type of JavaScript says of a flag by its name, and what cannot be of a flag."""

from __future__ import annotations

import re

from tree_sitter import Node

from flagtrail.codebase.languages._javascript_names import listed
from flagtrail.codebase.languages._javascript_values import constant, field, parts, text

_NO_FLAGS = frozenset(
    {
        "array",
        "array_type",
        "arrow_function",
        "function_expression",
        "function_type",
        "new_expression",
        "number",
        "object",
        "object_type",
        "string",
        "template_string",
    }
)
_OF_FLAGS = re.compile(rb"flags?['\"]?\Z|features?['\"]?\Z|toggles?['\"]?\Z|experiments?['\"]?\Z", re.IGNORECASE)


def unlike_a_flag(name: Node) -> bool:
    """Whether a member of this name is declared here, and is no truth value."""
    member = name.parent
    if member is None or name not in (field(member, "name"), field(member, "key"), field(member, "property")):
        return False
    if member.type in {"method_definition", "method_signature", "abstract_method_signature"}:
        return True
    value = field(member, "type") if member.type == "property_signature" else field(member, "value")
    if member.type not in {"pair", "property_signature", "public_field_definition"} or value is None:
        return False
    held = parts(value)[0] if value.type == "type_annotation" and parts(value) else value
    return held.type in _NO_FLAGS or text(held) in {b"string", b"number"}


def setting(name: Node) -> tuple[tuple[int, int], Node] | None:
    """An entry of an object that is the value of `flags`, `features` and the like."""
    pair = name.parent
    if pair is None or pair.type != "pair" or field(pair, "key") != name:
        return None
    value, above = field(pair, "value"), pair.parent and pair.parent.parent
    key = field(above, "key") if above is not None and above.type == "pair" else None
    if value is None or key is None or not _OF_FLAGS.search(text(key)) or constant(value) is None:
        return None
    return listed(pair), value
