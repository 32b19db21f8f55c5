"""What a parameter belongs to, and calls that make an object, by tables of each language's node types."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import msgspec
from tree_sitter import Node

from flagtrail.codebase.shapes import Signature

_CLASSES = frozenset(
    {
        "abstract_class_declaration",
        "class",
        "class_declaration",
        "class_definition",
        "enum_declaration",
        "record_declaration",
    }
)


class Table(msgspec.Struct, frozen=True):
    """How a language writes parameters: `lists` holds their lists, `functions` what such a list belongs to.

    `constructors` are the names or node types of what makes an object, `markers` elements of a list that are none.
    """

    lists: frozenset[str]
    functions: frozenset[str]
    constructors: frozenset[str]
    markers: frozenset[str] = frozenset()
    receiver: bool = False
    properties: frozenset[bytes] = frozenset()


PYTHON = Table(
    frozenset({"parameters"}),
    frozenset({"function_definition"}),
    frozenset({"__init__"}),
    frozenset({"keyword_separator", "positional_separator", "comment", "list_splat_pattern"}),
    receiver=True,
)
JAVASCRIPT = Table(
    frozenset({"formal_parameters"}),
    frozenset({"function_declaration", "method_definition", "arrow_function", "function_expression"}),
    frozenset({"constructor"}),
    frozenset({"comment"}),
    properties=frozenset({b"private", b"protected", b"public", b"readonly"}),
)
JAVA = Table(
    frozenset({"formal_parameters"}),
    frozenset({"method_declaration", "constructor_declaration"}),
    frozenset({"constructor_declaration"}),
    frozenset({"line_comment", "block_comment", "receiver_parameter"}),
)
KOTLIN = Table(
    frozenset({"function_value_parameters", "class_parameters"}),
    frozenset({"function_declaration", "primary_constructor"}),
    frozenset({"primary_constructor"}),
    frozenset({"line_comment", "block_comment", "parameter_modifiers"}),
    properties=frozenset({b"val", b"var"}),
)


def signature(name: Node, table: Table) -> Signature | None:
    """What the parameter of this name belongs to."""
    element = name
    while element.parent is not None and element.parent.type not in table.lists:
        element = element.parent
    listed = element.parent
    function = listed.parent if listed is not None else None
    if listed is None or function is None or function.type not in table.functions:
        return None
    called = _called(function)
    constructs = function.type in table.constructors or (called is not None and _text(called) in table.constructors)
    if constructs:
        owner = _class_of(function)
        called = _name(owner) if owner is not None else None
    if called is None:
        return None
    elements = [each for each in listed.named_children if each.type not in table.markers and not _is_default(each)]
    if table.receiver and _class_of(function) is not None and not _is_static(function):
        elements = elements[1:]
    if element not in elements:
        return None
    return Signature(
        node=function,
        called=called,
        place=elements.index(element) if _is_positional(listed, element) else None,
        constructs=constructs,
        property=any(_text(child).encode() in table.properties for child in _words(element)),
        element=element,
    )


def _is_default(node: Node) -> bool:
    """Whether a node is the value of the parameter in front of it, which Kotlin has in the list, too."""
    return node.prev_sibling is not None and node.prev_sibling.type == "="


def _called(function: Node) -> Node | None:
    """What calls a function by: its own name, or that of the variable or field which it is the value of."""
    if function.type not in ("arrow_function", "function_expression"):
        return _name(function)
    holder, own = function.parent, function.child_by_field_name("name")
    held = holder is not None and holder.type in ("variable_declarator", "public_field_definition")
    return _name(holder) if holder is not None and held and own is None else None


def _name(node: Node) -> Node | None:
    found = node.child_by_field_name("name")
    return (
        found if found is not None else next((each for each in node.named_children if each.type == "identifier"), None)
    )


def _class_of(function: Node) -> Node | None:
    at, depth = function.parent, 0
    while at is not None and depth < 3:  # noqa: PLR2004 - a decorator and a body stand between
        if at.type in _CLASSES:
            return at
        at, depth = at.parent, depth + 1
    return None


def _is_static(function: Node) -> bool:
    around = function.parent
    decorators = [child for child in around.children if child.type == "decorator"] if around is not None else []
    return any("staticmethod" in _text(each) for each in decorators)


def _is_positional(listed: Node, element: Node) -> bool:
    """Whether an argument without a name can mean it: not behind Python's `*`."""
    before = [each for each in listed.children if each.end_byte <= element.start_byte]
    return not any(each.type in ("keyword_separator", "list_splat_pattern", "*") for each in before)


def _words(element: Node) -> Iterator[Node]:
    for child in element.children:
        yield child
        if child.type in ("modifiers", "accessibility_modifier"):
            yield from child.children


def _text(node: Node) -> str:
    return (node.text or b"").decode()


CREATIONS: Mapping[str, str] = {"new_expression": "constructor", "object_creation_expression": "type"}


def creation(node: Node) -> tuple[Node, list[Node]] | None:
    """The name and arguments of `new X(..)`."""
    field = CREATIONS.get(node.type)
    called = node.child_by_field_name(field) if field else None
    given = node.child_by_field_name("arguments")
    if called is None:
        return None
    while called.type in ("generic_type", "scoped_type_identifier", "member_expression") and called.named_children:
        called = called.named_children[0] if called.type == "generic_type" else called.named_children[-1]
    values = [] if given is None else [each for each in given.named_children if "comment" not in each.type]
    return called, values
