"""Java: what a name stands for, and what declares it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Literal

from tree_sitter import Node

from flagtrail.codebase.languages._java_statements import COMMENTS, named, text
from flagtrail.codebase.shapes import Binding, Function, Role
from flagtrail.codebase.source import Edit, Source, ancestors, descendants

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
_DECLARING = frozenset({"local_variable_declaration", "field_declaration"})
_WIDENING = frozenset(
    b"double long float short byte char Integer Double Long Float Short Byte Number "
    b"Object CharSequence Serializable".split()
)
"""Types that a value has only since it is declared so: a number alone is an `int` or a `double`, and not boxed."""
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
    """The variables that a statement declares or assigns to, each with its value, but for those that widen a number."""
    found: Iterable[Binding] = ()
    if node.type in _DECLARING:
        found = _declared(node)
    elif node.type == "expression_statement" and named(node)[0].type == "assignment_expression":
        found = _assigned(node, named(node)[0])
    yield from (each for each in found if not _widens(each.declaration or each.name))


def _widens(name: Node) -> bool:
    """Whether a name is declared with a type that its number would not have without it."""
    declared = next((each for each in ancestors(name) if each.type in _DECLARING), None)
    return declared is not None and _is_wide(declared)


def _is_wide(declaration: Node) -> bool:
    kind = declaration.child_by_field_name("type")
    return kind is not None and text(kind) in _WIDENING


def _assigned(statement: Node, assignment: Node) -> Iterator[Binding]:
    left, operator, value = (assignment.child_by_field_name(field) for field in ("left", "operator", "right"))
    scope = scope_of(statement)
    if left is None or operator is None or value is None or text(operator) != b"=" or scope is None:
        return
    whole = (statement.start_byte, statement.end_byte)
    declared = _local(left, scope) if left.type == "identifier" else None
    if declared is not None:
        bare = declared.parent if declared.parent and declared.parent.child_by_field_name("value") is None else None
        yield Binding(statement, left, value, scope, whole, declaration=declared if bare is not None else None)
        return
    name = left.child_by_field_name("field") if left.type == "field_access" else left
    field = _field_set_once(statement, name) if name is not None else None
    body = scope.parent
    if field is not None and name is not None and body is not None:
        yield Binding(statement, name, value, body, whole, declaration=field, everywhere=True)


def _local(name: Node, scope: Node) -> Node | None:
    """Where a local variable or parameter of this name is declared."""
    for node in descendants(scope):
        declared = (
            node.child_by_field_name("name") if node.type in ("variable_declarator", "formal_parameter") else None
        )
        if declared is not None and text(declared) == text(name):
            return declared
    return None


def _field_set_once(statement: Node, name: Node) -> Node | None:
    """The declaration of a private field that nothing but this statement of the only constructor gives a value."""
    block = statement.parent
    body = block.parent.parent if block is not None and block.type == "constructor_body" and block.parent else None
    if body is None or sum(child.type == "constructor_declaration" for child in body.children) != 1:
        return None
    writes = [each for each in descendants(body) if each.type == "identifier" and text(each) == text(name)]
    if sum(role(each) == "write" for each in writes) != 1 or is_reached_from_outside(name, body):
        return None
    for field in body.children:
        declarators = field.children_by_field_name("declarator") if field.type == "field_declaration" else []
        for each in declarators:
            declared = each.child_by_field_name("name")
            if declared is not None and text(declared) == text(name) and each.child_by_field_name("value") is None:
                return declared if b"private" in modifiers(field) else None
    return None


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
        removal, field = one_of(declarators, index, statement), statement.type == "field_declaration"
        yield Binding(statement, name, value, scope, removal, len(declarators) == 1, everywhere=field)


def _is_fixed(field: Node) -> bool:
    """A private field, or one that is final and static: what else can write it is seen in this file.

    A framework could be what an annotation tells to.
    """
    words = modifiers(field)
    return (b"private" in words or {b"static", b"final"} <= words) and not annotated_with(field) - HARMLESS


HARMLESS = frozenset({b"VisibleForTesting", b"SuppressWarnings", b"Deprecated", b"Nullable", b"Nonnull", b"NotNull"})
"""Annotations by which no framework sets what they stand at."""


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
    if not binding.everywhere:
        return "local"
    private = binding.declaration is not None or b"private" in modifiers(binding.statement)
    return "file" if private else "repository"


def whole(read: Node) -> Node:
    """`this.enabled` of `enabled`."""
    return read.parent if read.parent is not None and read.parent.type == "field_access" else read


def is_member(function: Node) -> bool:
    """Whether a method is called on an object."""
    return b"static" not in modifiers(function)


def joined(source: Source, statement: Node) -> tuple[Edit, ...]:
    """`int n;`, then `n = 1;`, as `int n = 1;`."""
    above, binding = statement.prev_sibling, next(bindings(statement), None)
    if above is None or binding is None or binding.declaration is None or binding.everywhere:
        return ()
    declarators = above.children_by_field_name("declarator")
    if len(declarators) != 1 or declarators[0] != binding.declaration.parent:
        return ()
    written = [each for each in descendants(binding.scope) if each.type == "identifier" and role(each) == "write"]
    if sum(text(each) == text(binding.name) for each in written) != 1:
        return ()
    end = declarators[0].end_byte
    return (Edit(end, statement.end_byte, b" = " + source.data[binding.value.start_byte : statement.end_byte]),)


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
        None if _is_wide(node) or any(each.type == "throws" for each in node.children) else _result(body),
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
    """The names that a block declares for itself, also by a pattern: `if (!(shown instanceof Page page)) return;`."""
    for statement in named(body):
        condition = statement.child_by_field_name("condition")
        yield from _matched(condition) if condition is not None and b"!" in text(condition) else ()
        declarators = statement.children_by_field_name("declarator")
        for each in declarators if statement.type == "local_variable_declaration" else (statement,):
            name = each.child_by_field_name("name") if each != statement or statement.type in TYPES else None
            if name is not None:
                yield name


def _matched(condition: Node) -> Iterator[Node]:
    """The variables that patterns of a condition bind."""
    for each in descendants(condition):
        if each.type == "identifier" and each.parent is not None and role(each) == "bind":
            yield each
