"""Kotlin: how strongly expressions hold together."""

from __future__ import annotations

from tree_sitter import Node

from flagtrail.codebase.languages._kotlin_syntax import head, is_prefixed, operator, swallows

_STRENGTH = {
    operator: strength
    for strength, operators in (
        (13, b"* / %"),
        (12, b"+ -"),
        (9, b"?:"),
        (7, b"< > <= >="),
        (6, b"== != === !=="),
        (5, b"&&"),
        (4, b"||"),
    )
    for operator in operators.split()
}
_STRENGTHS = {
    "as_expression": 14,
    "range_expression": 11,
    "infix_expression": 10,
    "in_expression": 8,
    "is_expression": 8,
    "if_expression": 1,
    "return_expression": 0,
    "throw_expression": 0,
    "assignment": 0,
    "labeled_expression": 0,
    "annotated_expression": 0,
}
_PREFIX, _STRONGEST = 15, 16


def strength(node: Node) -> int:
    """How strongly an expression holds together."""
    if node.type == "binary_expression":
        return _STRENGTH.get(operator(node), 0)
    if is_prefixed(node) or swallows(node):
        return _PREFIX
    return _STRENGTHS.get(node.type, _STRONGEST)


def wanted(parent: Node, place: Node) -> int:
    """How strongly what stands at a place must hold together."""
    first = parent.children[0] == place
    if parent.type in ("navigation_expression", "call_expression", "index_expression"):
        return _STRONGEST if first else 0
    if parent.type == "unary_expression":
        around = parent.parent
        behind = around is not None and around.children[0] == parent and head(around) == place
        return _PREFIX if is_prefixed(parent) and not behind else _STRONGEST
    if parent.type == "binary_expression":
        strong = _STRENGTH.get(operator(parent), 0)
        return strong if first or operator(parent) in (b"&&", b"||") else strong + 1
    if parent.type in ("infix_expression", "in_expression", "range_expression"):
        return _STRENGTHS[parent.type] + (not first)
    return _STRENGTHS[parent.type] if parent.type in ("as_expression", "is_expression") else 0
