"""Java: what a name stands for, and what declares it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

from tree_sitter import Node

from flagtrail.codebase.languages._java_statements import COMMENTS, named, text
from flagtrail.codebase.shapes import Binding, Function, Role
from flagtrail.codebase.source import ancestors, descendants

TYPES = frozenset(
    {
        "class_declaration",
        "interface_declaration",
        "enum_declaration",
        "record_declaration",
        "annotation_type_declaration",
    }
)
METHODS = frozenset({"method_declaration", "constructor_declaration", "compact_constructor_declaration"})
_BINDERS = frozenset(
    {
        *TYPES,
        *METHODS,
        "variable_declarator",
        "formal_parameter",
        "catch_formal_parameter",
        "enhanced_for_statement",
        "resource",
        "enum_constant",
        "instanceof_expression",
        "annotation_type_element_declaration",
    }
)
_MEMBERS = {
    "scoped_identifier": "name",
    "method_invocation": "name",
    "element_value_pair": "key",
}
_LABELS = frozenset({"labeled_statement", "break_statement", "continue_statement"})


def modifiers(node: Node) -> frozenset[bytes]:
    """The words in front of a declaration (`private`, `static`), without annotations."""
    found = next((child for child in node.children if child.type == "modifiers"), None)
    return (
        frozenset(text(child) for child in found.children if not child.is_named) if found is not None else frozenset()
    )


def annotated_with(node: Node) -> frozenset[bytes]:
    """The names of a declaration's annotations, their last part."""
    found = next((child for child in node.children if child.type == "modifiers"), None)
    names = (each.child_by_field_name("name") for each in (named(found) if found is not None else ()))
    return frozenset(text(name).rsplit(b".", 1)[-1] for name in names if name is not None)


def role(node: Node) -> Role:
    """What a name stands for where it stands."""
    parent = node.parent
    if parent is None:
        return "read"
    if node.type == "type_identifier":
        if parent.type == "type_parameter":
            return "bind"
        return "member" if parent.type == "scoped_type_identifier" and node.prev_sibling is not None else "read"
    if parent.type == "field_access" and parent.child_by_field_name("field") == node:
        return _field_role(parent)
    if _is_member(node, parent):
        return "member"
    if _is_bound(node, parent):
        return "bind"
    return _written(node, parent)


def _field_role(access: Node) -> Role:
    """`this.enabled` is the variable `enabled` of this class."""
    owner = access.child_by_field_name("object")
    if owner is None or owner.type != "this" or access.parent is None:
        return "member"
    return _written(access, access.parent)


def _written(node: Node, parent: Node) -> Role:
    if parent.type == "update_expression":
        return "write"
    return "write" if parent.type == "assignment_expression" and parent.child_by_field_name("left") == node else "read"


def _is_member(node: Node, parent: Node) -> bool:
    if parent.type in _LABELS:
        return parent.type != "labeled_statement" or named(parent)[0] == node
    if parent.type == "method_reference":
        return node.prev_sibling is not None
    if parent.type == "switch_label":
        return True
    if parent.type == "scoped_identifier" and _in_import(parent):
        return not is_imported_name(node)
    if parent.type in ("package_declaration", "import_declaration"):
        return True
    field = _MEMBERS.get(parent.type)
    if field is None or parent.child_by_field_name(field) != node:
        return False
    return parent.type != "method_invocation" or parent.child_by_field_name("object") is not None


def _in_import(node: Node) -> bool:
    return any(above.type in ("import_declaration", "package_declaration") for above in ancestors(node))


def is_imported_name(node: Node) -> bool:
    """Whether this is the name that an import binds."""
    path = node.parent
    return (
        path is not None
        and path.child_by_field_name("name") == node
        and path.parent is not None
        and path.parent.type == "import_declaration"
        and not any(child.type == "asterisk" for child in path.parent.children)
    )


def _is_bound(node: Node, parent: Node) -> bool:
    if parent.type in _BINDERS and parent.child_by_field_name("name") == node:
        return True
    if parent.type == "lambda_expression" and parent.child_by_field_name("parameters") == node:
        return True
    return parent.type in ("inferred_parameters", "type_pattern", "record_pattern_component") or is_imported_name(node)


# ------------------------------------------------------------------------------------------------ variables
def bindings(node: Node) -> Iterator[Binding]:
    """The variables that a statement declares or assigns to, each with its value."""
    if node.type in ("local_variable_declaration", "field_declaration"):
        yield from _declared(node)
    elif node.type == "expression_statement" and named(node)[0].type == "assignment_expression":
        assignment = named(node)[0]
        left, right = assignment.child_by_field_name("left"), assignment.child_by_field_name("right")
        operator = assignment.child_by_field_name("operator")
        if left is None or right is None or operator is None or text(operator) != b"=" or left.type != "identifier":
            return
        scope = scope_of(node)
        if scope is not None:
            yield Binding(node, left, right, scope, (node.start_byte, node.end_byte))


def _declared(statement: Node) -> Iterator[Binding]:
    scope = scope_of(statement)
    declarators = statement.children_by_field_name("declarator")
    if scope is None or (statement.type == "field_declaration" and not _is_fixed(statement)):
        return
    for index, declarator in enumerate(declarators):
        name, value = declarator.child_by_field_name("name"), declarator.child_by_field_name("value")
        if name is None or value is None:
            continue
        if statement.type == "field_declaration" and is_reached_from_outside(name, scope):
            continue
        yield Binding(statement, name, value, scope, one_of(declarators, index, statement), len(declarators) == 1)


def _is_fixed(field: Node) -> bool:
    """A private field, or one that is final and static: what else can write it is seen in this file."""
    words = modifiers(field)
    return b"private" in words or {b"static", b"final"} <= words


def is_reached_from_outside(name: Node, body: Node) -> bool:
    """Whether a field is also named through another object than `this`, or by its class."""
    wanted = text(name)
    top = body
    while top.parent is not None:
        top = top.parent
    for node in descendants(top):
        if node.type == "field_access":
            field, owner = node.child_by_field_name("field"), node.child_by_field_name("object")
            if field is not None and text(field) == wanted and owner is not None and owner.type != "this":
                return True
    return False


def reach(binding: Binding) -> Literal["local", "file", "repository"]:
    """Who can name a variable."""
    if binding.statement.type != "field_declaration":
        return "local"
    return "file" if b"private" in modifiers(binding.statement) else "repository"


def whole(read: Node) -> Node:
    """`this.enabled` of `enabled`."""
    return read.parent if read.parent is not None and read.parent.type == "field_access" else read


def is_member(function: Node) -> bool:
    """Whether a method is called on an object."""
    return b"static" not in modifiers(function)


def one_of(nodes: list[Node], index: int, whole: Node) -> tuple[int, int]:
    """The bytes of one of several with commas between, with one comma; or of the whole, where it is alone."""
    if len(nodes) == 1:
        return whole.start_byte, whole.end_byte
    if index + 1 < len(nodes):
        return nodes[index].start_byte, nodes[index + 1].start_byte
    return nodes[index - 1].end_byte, nodes[index].end_byte


def scope_of(node: Node) -> Node | None:
    """The method, lambda, initializer or body of a class that a statement belongs to."""
    for above in ancestors(node):
        if above.type in METHODS or above.type in ("lambda_expression", "static_initializer"):
            return above
        if above.type in ("class_body", "interface_body", "enum_body", "annotation_type_body"):
            return above
    return None


# ------------------------------------------------------------------------------------------------ functions
def function(node: Node) -> Function | None:
    """A method with a body."""
    if node.type != "method_declaration":
        return None
    name, body = node.child_by_field_name("name"), node.child_by_field_name("body")
    parameters = node.child_by_field_name("parameters")
    if name is None or body is None:
        return None
    words = modifiers(node)
    return Function(
        node,
        name,
        body,
        _result(body),
        tuple(named(parameters)) if parameters is not None else (),
        private=b"private" in words,
        overrides=overrides(node, words),
    )


def _result(body: Node) -> Node | None:
    statements = named(body)
    if len(statements) != 1 or statements[0].type != "return_statement" or len(body.named_children) != 1:
        return None
    values = named(statements[0])
    return values[0] if values else None


def overrides(node: Node, words: frozenset[bytes]) -> bool:
    """Whether a supertype, or a framework that reads annotations, may ask for a method."""
    if words & {b"private", b"static"}:
        return False
    if node.parent is None or node.parent.type == "interface_body" or annotated_with(node):
        return True
    owner = node.parent.parent
    if owner is None or owner.type not in TYPES:
        return True
    return any(owner.child_by_field_name(field) is not None for field in ("superclass", "interfaces"))


def documented(node: Node) -> tuple[int, int]:
    """The bytes of a declaration with the comment right above it."""
    above = node.prev_sibling
    start = node.start_byte
    while (
        above is not None
        and above.type in COMMENTS
        and _is_alone(above)
        and above.end_point.row + 1 >= _row(node, start)
    ):
        start = above.start_byte
        above = above.prev_sibling
    return start, node.end_byte


def _row(node: Node, start: int) -> int:
    at = node
    while at.start_byte > start and at.prev_sibling is not None:
        at = at.prev_sibling
    return at.start_point.row


def _is_alone(comment: Node) -> bool:
    before = comment.prev_sibling
    return before is None or before.end_point.row < comment.start_point.row


def test_case(node: Node) -> tuple[int, int] | None:
    """The bytes of the JUnit test that a node stands in."""
    for above in ancestors(node):
        if above.type == "method_declaration" and annotated_with(above) & TESTS:
            return documented(above)
    return None


TESTS = frozenset({b"Test", b"ParameterizedTest", b"RepeatedTest", b"TestFactory", b"TestTemplate"})


def scoped_names(body: Node) -> Iterator[Node]:
    """The names that a block declares for itself."""
    for statement in named(body):
        declarators = statement.children_by_field_name("declarator")
        for each in declarators if statement.type == "local_variable_declaration" else (statement,):
            name = each.child_by_field_name("name") if each != statement or statement.type in TYPES else None
            if name is not None:
                yield name
