"""What an object or type of JavaScript says of a flag by its name, and what cannot be of a flag."""

from __future__ import annotations

import re

from tree_sitter import Node

from flagtrail.codebase.languages._javascript_names import listed, parameter_names, role
from flagtrail.codebase.languages._javascript_values import CASTS, FUNCTIONS, field, operator, parts, text
from flagtrail.codebase.languages._signatures import JAVASCRIPT, signature
from flagtrail.codebase.shapes import Signature, Stub
from flagtrail.codebase.source import ancestors, descendants

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
_TARGETS = frozenset({"array_pattern", "assignment_pattern", "pair_pattern", "rest_pattern"})
"""What gives values to several things."""
_SETS_BACK = re.compile(rb"(?:after(?:Each|All)?|(?:suite)?[tT]eardown)\Z")
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
    """An entry of an object that is the value of `flags`, `features` and the like, and what it is given."""
    pair = name.parent
    if pair is None or pair.type != "pair" or field(pair, "key") != name:
        return None
    value, above = field(pair, "value"), pair.parent and pair.parent.parent
    key = (field(above, "key") or field(above, "left")) if above is not None else None
    if value is None or key is None or not _OF_FLAGS.search(text(key)):
        return None
    return listed(pair), value


def helper(value: Node) -> Signature | None:
    """The parameter that a name is, of a function that only this file can call, and that gives it no other value."""
    for function in ancestors(value) if value.type == "identifier" else ():
        parameter = next((each for each in parameter_names(function) if text(each) == text(value)), None)
        if function.type not in FUNCTIONS or parameter is None:
            continue
        written = any(text(each) == text(value) and role(each) == "write" for each in descendants(function))
        exported = any(above.type == "export_statement" for above in ancestors(function))
        return None if written or exported else signature(parameter, JAVASCRIPT)
    return None


def set_to(member: Node) -> Stub | None:
    """`config.flags.newUi = true`; after each test, or by `delete`, it is only set back."""
    while member.parent is not None and member.parent.type in CASTS | {"parenthesized_expression"}:
        member = member.parent
    around = member.parent
    if around is not None and (around.type in _TARGETS or _goes_through(around, member)):
        return Stub(around, around)
    if around is None or field(around, "left") != member or not around.type.endswith("assignment_expression"):
        changed = around is not None and (around.type == "update_expression" or operator(around) == b"delete")
        return Stub(around.parent, None) if around is not None and around.parent is not None and changed else None
    statement, value = around.parent, field(around, "right")
    if statement is None or statement.type != "expression_statement" or value is None:
        return Stub(around, around)
    calls = (field(above, "function") for above in ancestors(statement) if above.type == "call_expression")
    back = any(called is not None and _SETS_BACK.match(text(called)) for called in calls)
    return Stub(statement, None if back else value if around.type == "assignment_expression" else around)


def _goes_through(loop: Node, member: Node) -> bool:
    return loop.type == "for_in_statement" and field(loop, "left") == member
