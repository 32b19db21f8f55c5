"""Kotlin: what a name stands for, and the variables and functions that it is declared by."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

from tree_sitter import Node

from flagtrail.codebase.languages._kotlin_syntax import (
    COMMENTS,
    FUNCTIONS,
    child,
    head,
    name_in_text,
    named,
    operator,
    text,
)
from flagtrail.codebase.shapes import Binding, Function, Role
from flagtrail.codebase.source import Edit, Source, ancestors, descendants

CLASSES = frozenset({"class_declaration", "object_declaration", "companion_object", "object_literal"})
_BINDERS = frozenset(
    {
        "variable_declaration",
        "parameter",
        "class_parameter",
        "function_declaration",
        "class_declaration",
        "object_declaration",
        "companion_object",
        "enum_entry",
        "type_parameter",
        "type_alias",
        "catch_block",
        "setter",
    }
)
_LABELLED = frozenset({"labeled_expression", "return_expression", "this_expression", "super_expression", "label"})


def modifiers(node: Node) -> frozenset[bytes]:
    """The words in front of a declaration (`private`, `override`), without annotations."""
    found = child(node, "modifiers")
    parts = found.children if found is not None else []
    return frozenset(text(part) for part in parts if part.type != "annotation")


def annotated_with(node: Node) -> frozenset[bytes]:
    """The names of a declaration's annotations, their last part."""
    found = child(node, "modifiers")
    marks = [part for part in found.children if part.type == "annotation"] if found is not None else []
    return frozenset(text(mark).lstrip(b"@").split(b"(")[0].rsplit(b".", 1)[-1].rsplit(b":", 1)[-1] for mark in marks)


def name_of(node: Node) -> Node | None:
    """The name that a declaration binds."""
    if node.type == "property_declaration":
        declared = child(node, "variable_declaration")
        return child(declared, "identifier") if declared is not None else None
    return node.child_by_field_name("name") or child(node, "identifier", "type_identifier")


# ------------------------------------------------------------------------------------------------ roles
def role(node: Node) -> Role:
    """What a name stands for where it stands."""
    parent = node.parent
    if parent is None or name_in_text(node) is not None:
        return "read"
    if parent.type == "qualified_identifier":
        return _in_path(node, parent)
    if parent.type == "import":
        return "bind"
    if parent.type in _LABELLED and node.prev_sibling is not None and parent.type != "return_expression":
        return "member"
    if parent.type == "return_expression":
        return "member" if parent.child_by_field_name("label") == node else "read"
    if parent.type in _BINDERS and name_of(parent) == node:
        return "bind"
    if parent.type in ("value_argument", "user_type", "callable_reference"):
        return _in_list(node, parent)
    if parent.type == "navigation_expression" and node.prev_sibling is not None:
        return _of_this(parent)
    return _written(node, parent)


def _in_path(node: Node, path: Node) -> Role:
    above = path.parent
    if above is None or above.type != "import" or node.next_sibling is not None:
        return "member"
    return "member" if any(each.type in ("as", "*") for each in above.children) else "bind"


def _in_list(node: Node, parent: Node) -> Role:
    """Names of arguments; the later parts of a type's path; what a reference is of."""
    if parent.type == "value_argument":
        following = node.next_sibling
        return "member" if following is not None and following.type == "=" else "read"
    first = node.prev_sibling is None or (parent.type == "callable_reference" and len(named(parent)) == 1)
    return "read" if first else "member"


def _of_this(access: Node) -> Role:
    """`this.enabled` is the variable `enabled` of this class."""
    if text(head(access)) != b"this" or len(named(access)) != 2 or access.parent is None:  # noqa: PLR2004 - this, a name
        return "member"
    return _written(access, access.parent)


def _written(node: Node, parent: Node) -> Role:
    if parent.type == "unary_expression" and operator(parent) in (b"++", b"--"):
        return "write"
    return "write" if parent.type == "assignment" and parent.child_by_field_name("left") == node else "read"


# ------------------------------------------------------------------------------------------------ variables
def scope_of(node: Node) -> Node:
    """The function, lambda, body of a class or file that a declaration belongs to."""
    above = node
    for above in ancestors(node):
        if above.type in FUNCTIONS or above.type in ("lambda_literal", "class_body", "enum_class_body"):
            return above
    return above


def is_local(declaration: Node) -> bool:
    """Whether a declaration is within a function."""
    return scope_of(declaration).type not in ("class_body", "enum_class_body", "source_file")


def value_of(declaration: Node) -> Node | None:
    """What a property or variable is given where it is declared."""
    marks = [index for index, each in enumerate(declaration.children) if each.type == "="]
    return declaration.children[marks[0] + 1] if marks else None


def bindings(node: Node) -> Iterator[Binding]:
    """The variables that a statement declares or assigns to, each with its value."""
    if node.type == "property_declaration":
        value = value_of(node) or _got(node)
        yield from _declared(node, value)
    elif node.type == "lambda_literal":
        delegate = next((each for each in ancestors(node) if each.type == "property_delegate"), None)
        inside = named(node)
        lazy = delegate is not None and text(delegate).split(b"{")[0].split() == [b"by", b"lazy"] and len(inside) == 1
        if delegate is not None and lazy and delegate.parent is not None:
            yield from _declared(delegate.parent, inside[0])
    elif node.type == "assignment" and operator(node) == b"=":
        yield from _assigned(node)


def _got(declaration: Node) -> Node | None:
    """`get() = value`."""
    getter = child(declaration, "getter")
    body = child(getter, "function_body") if getter is not None else None
    return named(body)[0] if body is not None and body.children[0].type == "=" else None


def _declared(statement: Node, value: Node | None) -> Iterator[Binding]:
    name, words = name_of(statement), modifiers(statement)
    if name is None or value is None or words & {b"open", b"abstract"} or child(statement, "setter") is not None:
        return
    member = not is_local(statement)
    if (member and _is_reached_from_outside(name)) or _chooses_by_its_type(statement, name):
        return
    whole = (statement.start_byte, statement.end_byte)
    yield Binding(statement, name, value, scope_of(statement), whole, everywhere=member)


_WIDE = frozenset({b"Any", b"Number", b"CharSequence", b"Comparable<*>"})


def _chooses_by_its_type(statement: Node, name: Node) -> bool:
    """Whether a variable has a wider type than its value (`Any`, `Boolean?`), and is given to what may choose by it."""
    if not _is_wide(child(name.parent, "user_type", "nullable_type") if name.parent is not None else None):
        return False
    reads = (
        each for each in descendants(scope_of(statement)) if each.type == "identifier" and text(each) == text(name)
    )
    return any(
        each.parent is not None and each.parent.type in ("value_argument", "property_declaration") for each in reads
    )


def _is_wide(kind: Node | None) -> bool:
    return kind is not None and (kind.type == "nullable_type" or text(kind) in _WIDE)


def _is_reached_from_outside(name: Node) -> bool:
    """Whether a member is also named through another object than `this`, within its own file."""
    top = name
    while top.parent is not None:
        top = top.parent
    return any(
        each.type == "identifier" and text(each) == text(name) and role(each) == "member" and _is_looked_up(each)
        for each in descendants(top)
    )


def _is_looked_up(name: Node) -> bool:
    return name.parent is not None and name.parent.type == "navigation_expression"


def _assigned(statement: Node) -> Iterator[Binding]:
    left, value = statement.child_by_field_name("left"), statement.child_by_field_name("right")
    if left is None or value is None or left.type != "identifier":
        return
    scope = scope_of(statement)
    for node in descendants(scope):
        if node.type == "property_declaration" and is_local(node):
            name = name_of(node)
            if name is not None and text(name) == text(left):
                bare = value_of(node) is None and child(node, "property_delegate") is None
                whole = (statement.start_byte, statement.end_byte)
                yield Binding(statement, left, value, scope, whole, declaration=name if bare else None)
                return


def reach(binding: Binding) -> Literal["local", "file", "repository"]:
    """Who can name a variable."""
    if not binding.everywhere:
        return "local"
    return "file" if b"private" in modifiers(binding.statement) else "repository"


def read_of(read: Node, value: bytes) -> tuple[int, int, bytes]:
    """The bytes of a read that a value takes the place of: `this.enabled`, `$enabled`."""
    name = name_in_text(read)
    if name is not None:
        return read.start_byte - 1, read.start_byte + len(name), b"${" + value + b"}"
    parent = read.parent
    if parent is not None and parent.type == "interpolation" and parent.children[0].type == "$":
        return parent.start_byte, parent.end_byte, b"${" + value + b"}"
    if parent is not None and parent.type == "navigation_expression" and read.prev_sibling is not None:
        return head(parent).start_byte, read.end_byte, value
    return read.start_byte, read.end_byte, value


def joined(source: Source, statement: Node) -> tuple[Edit, ...]:
    """`val n: Int`, then `n = 1`, as `val n: Int = 1`."""
    above, binding = statement.prev_sibling, next(bindings(statement), None)
    if above is None or binding is None or binding.declaration is None or above.type != "property_declaration":
        return ()
    written = [each for each in descendants(binding.scope) if each.type == "identifier" and role(each) == "write"]
    if b"lateinit" in modifiers(above) or name_of(above) != binding.declaration:
        return ()
    if sum(text(each) == text(binding.name) for each in written) != 1:
        return ()
    value = source.data[binding.value.start_byte : statement.end_byte]
    words = [each for each in above.children if each.type in ("var", "val")]
    return (
        Edit(words[0].start_byte, words[0].end_byte, b"val"),
        Edit(above.end_byte, statement.end_byte, b" = " + value),
    )


# ------------------------------------------------------------------------------------------------ functions
def function(node: Node) -> Function | None:
    """A function with a body."""
    name, body = node.child_by_field_name("name"), child(node, "function_body")
    if node.type != "function_declaration" or name is None or body is None:
        return None
    parameters = child(node, "function_value_parameters")
    words = modifiers(node)
    return Function(
        node,
        name,
        body,
        _result(body) if parameters is None or not _is_wide(_type_behind(parameters)) else None,
        tuple(each for each in named(parameters) if each.type == "parameter") if parameters is not None else (),
        private=b"private" in words or is_local(node),
        overrides=overrides(node),
    )


def _type_behind(parameters: Node) -> Node | None:
    """What a function says that it answers."""
    mark = parameters.next_sibling
    return mark.next_sibling if mark is not None and mark.type == ":" else None


def _result(body: Node) -> Node | None:
    if body.children[0].type == "=":
        return named(body)[0]
    block = body.children[0]
    inside = named(block)
    if len(inside) != 1 or len(block.named_children) != 1 or inside[0].type != "return_expression":
        return None
    values = named(inside[0])
    return values[0] if len(values) == 1 and inside[0].child_by_field_name("label") is None else None


HARMLESS = frozenset(
    {b"Composable", b"Suppress", b"OptIn", b"VisibleForTesting", b"JvmStatic", b"Deprecated", b"SuppressLint"}
)
"""Annotations by which no framework finds what it calls."""


def overrides(node: Node) -> bool:
    """Whether a supertype, a subtype, or a framework that reads annotations may need a function."""
    words = modifiers(node)
    if (
        words & {b"override", b"open", b"abstract", b"operator", b"expect", b"actual"}
        or annotated_with(node) - HARMLESS
    ):
        return True
    owner = node.parent.parent if node.parent is not None and node.parent.type == "class_body" else None
    return owner is not None and any(each.type == "interface" for each in owner.children)


def documented(node: Node) -> tuple[int, int]:
    """The bytes of a declaration with the comments right above it."""
    start, row, above = node.start_byte, node.start_point.row, node.prev_sibling
    while above is not None and above.type in COMMENTS and above.end_point.row + 1 >= row:
        before = above.prev_sibling
        if before is not None and before.end_point.row == above.start_point.row:
            break
        start, row, above = above.start_byte, above.start_point.row, before
    return start, node.end_byte


def scoped_names(body: Node) -> Iterator[Node]:
    """The names that a block declares for itself."""
    for statement in named(body):
        if statement.type in ("property_declaration", "function_declaration", "class_declaration"):
            several = child(statement, "multi_variable_declaration")
            parts = named(several) if several is not None else [statement]
            yield from (name for part in parts if (name := name_of(part)) is not None)
