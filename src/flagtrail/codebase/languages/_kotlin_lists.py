"""Kotlin: lists of flags, and choices among them, by the place where one stands that goes."""

from __future__ import annotations

from tree_sitter import Node

from flagtrail.codebase.languages._jvm import OF_ALL
from flagtrail.codebase.languages._kotlin_names import is_local, name_of
from flagtrail.codebase.languages._kotlin_syntax import callee_name, child, named, text
from flagtrail.codebase.source import ancestors, descendants

_LISTS = frozenset(b"listOf setOf mutableListOf mutableSetOf arrayOf persistentListOf persistentSetOf mapOf of".split())


def entry(key: Node) -> tuple[int, int] | None:
    """The bytes of what names a flag in a list, a choice or an import: all that must go with it."""
    for above in ancestors(key):
        if above.type == "import":
            return above.start_byte, above.end_byte
        if above.type == "when_entry":
            return _case(above, key)
        if above.type == "value_argument":
            return _argument(above)
        if above.type in ("block", "lambda_literal", "call_expression", "function_body", "source_file"):
            return None
    return None


def is_value(declaration: Node) -> bool:
    """Whether an object in a class holds nothing but values: `data object NewUi : Flag() { override val .. }`,
    `object NewUi : Flag("new-ui")`.
    """
    around, body = declaration.parent, child(declaration, "class_body")
    if around is None or around.type != "class_body":
        return False
    if body is None:
        return any(each.type == "string_literal" and _is_given(each) for each in descendants(declaration))
    values = [each for each in named(body) if each.type == "property_declaration"]
    return bool(values) and len(values) == len(named(body)) and all(_is_literal(each) for each in values)


def _is_given(value: Node) -> bool:
    """Whether the class that an object extends is made with a value."""
    listed = value.parent.parent if value.parent is not None else None
    return listed is not None and listed.parent is not None and listed.parent.type == "constructor_invocation"


def _is_literal(declaration: Node) -> bool:
    return not any(each.type in ("getter", "setter", "property_delegate") for each in declaration.children)


def listing(key: Node) -> tuple[int, int] | None:
    """The element that a flag is of nothing but flags: `listOf(Flag.A, Flag.B)`, `mapOf(Flag.A to 1, Flag.B to 2)`."""
    for above in ancestors(key):
        if above.type == "value_argument":
            listed = above.parent
            call = listed.parent if listed is not None else None
            if listed is None or call is None or callee_name(call) not in _LISTS:
                return None
            alone = len(named(listed)) == 1
            owners = {_owner(each) for each in named(listed)}
            if len(owners) > 1 or None in owners or (alone and setting(key) is None):
                return None
            return (listed.start_byte + 1, listed.end_byte - 1) if alone else _with_comma(above)
        if above.type not in ("navigation_expression", "infix_expression"):
            return None
    return None


def setting(key: Node) -> tuple[tuple[int, int], Node] | None:
    """For a flag in a map by which a test sets flags (`mapOf(Flag.A.key to true)`), its entry, and the value."""
    entry = key.parent
    while entry is not None and entry.type == "navigation_expression":
        entry = entry.parent
    if entry is None or entry.type != "infix_expression" or text(named(entry)[1]) != b"to" or entry.parent is None:
        return None
    value = named(entry)[2]
    is_key = key.end_byte <= named(entry)[0].end_byte and text(value) in (b"true", b"false")
    return ((entry.start_byte, entry.end_byte), value) if is_key and entry.parent.type == "value_argument" else None


def _owner(argument: Node) -> bytes | None:
    """What a member is looked up in that is an element of a list, or the key of a map's entry."""
    value = named(argument)[-1]
    if value.type == "infix_expression" and text(named(value)[1]) == b"to":
        value = named(value)[0]
    if value.type == "navigation_expression" and value.children[0].type == "navigation_expression":
        value = value.children[0]
    plain = value.type == "navigation_expression" and len(named(value)) == 2  # noqa: PLR2004 - an owner and a name
    return text(value.children[0]) if plain else None


def _argument(argument: Node) -> tuple[int, int] | None:
    listed = argument.parent
    call = listed.parent if listed is not None else None
    if call is None or call.type != "call_expression" or callee_name(call) not in _LISTS or not _is_of_all(call):
        return None
    return _with_comma(argument)


def _is_of_all(call: Node) -> bool:
    """Whether a list is all that a property of a class or file is given, whose name says that it is of all flags."""
    for above in ancestors(call):
        if above.type == "property_declaration":
            name = name_of(above)
            return not is_local(above) and name is not None and OF_ALL.search(text(name)) is not None
        if above.type not in ("property_delegate", "lambda_literal", "annotated_lambda", "call_expression"):
            return False
        if above.type == "call_expression" and callee_name(above) != b"lazy":
            return False
    return False


def _case(case: Node, key: Node) -> tuple[int, int] | None:
    conditions = case.children_by_field_name("condition")
    mine = [each for each in conditions if each.start_byte <= key.start_byte and key.end_byte <= each.end_byte]
    if not mine:
        return None
    return (case.start_byte, case.end_byte) if len(conditions) == 1 else _with_comma(mine[0])


def _with_comma(node: Node) -> tuple[int, int]:
    """One of several with the comma behind it, or the one in front of the last."""
    after, before = node.next_sibling, node.prev_sibling
    if after is not None and after.type == ",":
        other = after.next_sibling
        beside = other is not None and other.is_named and other.start_point.row == after.end_point.row
        return node.start_byte, other.start_byte if other is not None and beside else after.end_byte
    return (before.start_byte if before is not None and before.type == "," else node.start_byte), node.end_byte
