"""What Go's compiler refuses of constants, which a variable of the same value may be."""

from __future__ import annotations

import re

from tree_sitter import Node

from flagtrail.codebase.languages import _go_scopes as scopes
from flagtrail.codebase.source import Source

_ANSWER = re.compile(rb"__FF_\w+__")
_VALUES = frozenset({b"__FF_V__", b"__FF_N__"})
_TOLD = frozenset({"interpreted_string_literal", "raw_string_literal", "int_literal", "true", "false", "identifier"})


def objection(before: Source, made: Source) -> str:
    """Why an answer cannot take a variable's place: a case or key may be there twice, a number divide by zero."""
    return "the compiler may refuse a constant here" if _refused(made) > _refused(before) else ""


def _refused(source: Source) -> int:
    root = source.tree.root_node
    found = (root.descendant_for_byte_range(*each.span()) for each in _ANSWER.finditer(source.data))
    return sum(each is not None and _is_refused(each) for each in found)


def _is_refused(answer: Node) -> bool:
    around = answer.parent
    if around is None or around.parent is None:
        return False
    if around.type == "literal_element" and around.parent.child_by_field_name("key") == around:
        keys = [each.child_by_field_name("key") for each in scopes.elements(around.parent.parent)]
        return any(each is not None and each != around and _is_told(each) for each in keys)
    if answer.text not in _VALUES:
        return False
    if around.type == "expression_list" and around.parent.type == "expression_case":
        cases = scopes.elements(around.parent.parent)
        values = (
            scopes.elements(each.child_by_field_name("value")) for each in cases if each.type == "expression_case"
        )
        return any(_is_told(each) for found in values for each in found if each != answer)
    if around.type == "binary_expression":
        divided = around.child_by_field_name("operator")
        return divided is not None and divided.type in {"/", "%", "<<", ">>"} and around.named_children[-1] == answer
    return around.type in {"index_expression", "slice_expression"}


def _is_told(value: Node) -> bool:
    inside = value.named_children[0] if value.type == "literal_element" and value.named_children else value
    return inside.type in _TOLD
