"""Arms of Python's `if` and cases of its `match`."""

from __future__ import annotations

from tree_sitter import Node

from flagtrail.codebase.languages._python_expressions import operands, pure
from flagtrail.codebase.languages._python_text import text
from flagtrail.codebase.shapes import Arm, Case

_CONSTANT_PATTERNS = {"string", "concatenated_string", "integer", "float", "true", "false", "none", "dotted_name"}


def arm(node: Node) -> Arm | None:
    condition, body = node.child_by_field_name("condition"), node.child_by_field_name("consequence")
    colon = next((child for child in node.children if child.type == ":"), None)
    if condition is None or body is None or colon is None:
        return None
    return Arm(node.children[0], condition, body, colon.end_byte)


def case(clause: Node) -> Case | None:
    body, guard = clause.child_by_field_name("consequence"), clause.child_by_field_name("guard")
    patterns = [child for child in clause.named_children if child.type == "case_pattern"]
    if body is None or len(patterns) != 1:
        return None
    where = first(body).start_byte, body.end_byte
    if guard is not None:
        return Case(clause, (guard,), default=False, body=where)
    if text(patterns[0]) == "_":
        return Case(clause, (), default=True, body=where)
    inside = operands(patterns[0])
    values = operands(inside[0]) if len(inside) == 1 and inside[0].type == "union_pattern" else inside
    if not values or not all(_compares(value) for value in values) or text(patterns[0]).startswith("-"):
        values = patterns
    return Case(clause, tuple(values), default=False, body=where)


def first(body: Node) -> Node:
    """A block, or the first of the comments in front of it that stand on lines of their own."""
    first, before = body, body.prev_sibling
    while before is not None and before.type == "comment":
        head = before.prev_sibling
        if head is not None and head.end_point.row < before.start_point.row:
            first = before
        before = head
    return first


def _compares(pattern: Node) -> bool:
    """Whether a pattern compares with a constant; a lone name takes anything, and binds it."""
    if pattern.type == "dotted_name":
        return pattern.named_child_count > 1
    return pattern.type in _CONSTANT_PATTERNS


def holder(body: Node) -> Node | None:
    """The `else` of a block, the last `elif` if it only looks, the `finally` where something else is left of `try`."""
    clause = body.parent
    if clause is None or clause.parent is None:
        return None
    if clause.type == "elif_clause":
        condition = clause.child_by_field_name("condition")
        last = operands(clause.parent)[-1] == clause
        return clause if last and condition is not None and pure(condition) else None
    caught = any(each.type == "except_clause" for each in clause.parent.children)
    return clause if clause.type == "else_clause" or (clause.type == "finally_clause" and caught) else None
