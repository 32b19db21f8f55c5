"""What statements of JavaScript bind names to: variables, and what is taken apart."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from tree_sitter import Node

from flagtrail.codebase.languages._javascript_names import (
    BLOCK_SCOPES,
    DECLARATIONS,
    VALUE,
    declaring_scope,
    listed,
    scope,
)
from flagtrail.codebase.languages._javascript_values import field, parts, text, uncast
from flagtrail.codebase.shapes import Binding, TakenApart


def bindings(node: Node) -> Iterator[Binding]:
    """The variables that a statement binds or assigns to."""
    if node.type == "expression_statement":
        yield from _assignment(node)
    if (
        node.type not in DECLARATIONS
        or node.parent is None
        or node.parent.type in {"for_statement", "ambient_declaration"}
    ):
        return
    statement = node.parent if node.parent.type == "export_statement" else node
    declarators = [child for child in node.named_children if child.type == "variable_declarator"]
    around = scope(node, hoisted=node.type == "variable_declaration")
    for declarator in declarators:
        name, value = field(declarator, "name"), field(declarator, "value")
        if name is not None and value is not None and name.type == "identifier":
            sole = len(declarators) == 1
            taken = (statement.start_byte, statement.end_byte) if sole else listed(declarator)
            bound = uncast(value)
            yield Binding(statement, name, bound if text(bound) == VALUE else value, around, taken, sole)


def taken_apart(node: Node) -> Iterator[TakenApart]:
    """The names of `const { a, b: c = 1 } = value`. With a rest among them, what it holds would change."""
    if node.type not in DECLARATIONS or node.parent is None:
        return
    declarators = [child for child in node.named_children if child.type == "variable_declarator"]
    pattern, value = (
        (field(declarators[0], name) for name in ("name", "value")) if len(declarators) == 1 else (None, None)
    )
    if pattern is None or value is None or pattern.type != "object_pattern":
        return
    elements = parts(pattern)
    if any(element.type == "rest_pattern" for element in elements):
        return
    statement = node.parent if node.parent.type == "export_statement" else node
    written, sole = text(statement), len(elements) == 1
    kind = written[: pattern.start_byte - statement.start_byte]
    tail = b";" if written.endswith(b";") else b""
    for element in elements:
        key, name = _key_and_name(element)
        if key is not None and name is not None:
            taken = (statement.start_byte, statement.end_byte) if sole else listed(element)
            yield TakenApart(key, value, taken, sole, kind + text(name) + b" = ", tail, statement.end_byte)


def parted(value: Node) -> bool:
    """Whether a value is taken apart, or gone through, as only a list or an object can be."""
    at, around = value, value.parent
    while around is not None and around.type == "parenthesized_expression":
        at, around = around, around.parent
    if around is None:
        return False
    if around.type == "spread_element":
        return around.parent is not None and around.parent.type != "object"
    if around.type == "for_in_statement":
        return field(around, "right") == at
    left = field(around, "name") or field(around, "left")
    apart = {"array_pattern", "object_pattern"}
    return around.type in {"variable_declarator", "assignment_expression"} and left is not None and left.type in apart


def _key_and_name(element: Node) -> tuple[Node | None, Node | None]:
    """`a`, `a = 1`, `a: b`, `a: b = 1`."""
    if element.type == "pair_pattern":
        bound = field(element, "value")
        name = field(bound, "left") if bound is not None and bound.type == "assignment_pattern" else bound
        return field(element, "key"), name if name is not None and name.type == "identifier" else None
    name = field(element, "left") if element.type == "object_assignment_pattern" else element
    return name, name


def _assignment(node: Node) -> Iterable[Binding]:
    assigned = node.named_children[0] if node.named_children else None
    if assigned is None or assigned.type != "assignment_expression":
        return
    name, value = field(assigned, "left"), field(assigned, "right")
    if name is not None and value is not None and name.type == "identifier":
        around = declaring_scope(name)
        taken = (node.start_byte, node.end_byte)
        yield Binding(node, name, value, around, taken, declaration=_declared_empty(around, text(name)))


def _declared_empty(block: Node, wanted: bytes) -> Node | None:
    """The name in `let name;`."""
    for statement in block.named_children if block.type in BLOCK_SCOPES else ():
        for declarator in statement.named_children if statement.type in DECLARATIONS else ():
            name = field(declarator, "name")
            if name is not None and text(name) == wanted:
                return name if field(declarator, "value") is None else None
    return None
