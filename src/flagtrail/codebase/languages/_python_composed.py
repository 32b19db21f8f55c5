"""Texts that Python puts together of constants of the same file: `f"{NAMESPACE}.new_ui"`, `NAMESPACE + ".new_ui"`."""

from __future__ import annotations

import re
from collections.abc import Iterator

from tree_sitter import Node

from flagtrail.codebase.languages._python_expressions import operands
from flagtrail.codebase.languages._python_text import constant, text
from flagtrail.codebase.source import Source, ancestors

_LAST = re.compile(r"(?<=.)[.:/][\w-]+\Z")
"""The part of a key behind its namespace."""


def composed(source: Source, key: str, span: tuple[int, int] | None = None) -> Iterator[Node]:
    """The expressions that denote just this key, though it is written nowhere in them as a whole."""
    last = _LAST.search(key)
    if last is None:
        return
    for match in re.compile(re.escape(last[0].encode()) + rb"[\"']").finditer(source.data, *(span or ())):
        node = source.tree.root_node.descendant_for_byte_range(match.start(), match.start() + 1)
        string = next((each for each in (node, *ancestors(node)) if each.type == "string"), None) if node else None
        place = string.parent if string is not None and _is_sum(string.parent) else string
        if place is not None and _value(source, place) == key:
            yield place


def _is_sum(node: Node | None) -> bool:
    return node is not None and node.type == "binary_operator" and any(each.type == "+" for each in node.children)


def _value(source: Source, node: Node) -> str | None:
    if _is_sum(node):
        parts = [_constant(source, each) if each.type == "identifier" else _plain(each) for each in operands(node)]
    elif text(node.children[0]).lower().startswith("f"):
        parts = [_part(source, each) for each in node.children[1:-1]]
    else:
        return None
    return None if None in parts else "".join(part for part in parts if part is not None)


def _part(source: Source, node: Node) -> str | None:
    """What a part of an f-string denotes: a name in braces, or text without escapes."""
    if node.type == "interpolation" and len(node.children) == len("{x}"):
        return _constant(source, node.children[1]) if node.children[1].type == "identifier" else None
    plain = node.type == "string_content" and not set(text(node)) & set("\\{}")
    return text(node) if plain else None


def _plain(node: Node) -> str | None:
    value = constant(node)
    return value[0] if value is not None and isinstance(value[0], str) else None


def _constant(source: Source, name: Node) -> str | None:
    """The text that a name of the module is given, once and nowhere else in the file."""
    given = re.compile(rb"(?<![\w.])%s\s*(?::[^=\n]+)?(?:[-+*/|&]?=(?!=)|:=)" % re.escape(name.text or b""))
    if len(given.findall(source.data)) != 1:
        return None
    for statement in source.tree.root_node.named_children:
        assignment = operands(statement)[0] if statement.type == "expression_statement" else None
        left = assignment.child_by_field_name("left") if assignment is not None else None
        right = assignment.child_by_field_name("right") if assignment is not None else None
        if left is not None and right is not None and left.text == name.text:
            return _plain(right)
    return None
