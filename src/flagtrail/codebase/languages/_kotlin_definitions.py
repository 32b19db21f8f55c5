"""Kotlin: what a file declares and could do without."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

from tree_sitter import Node

from flagtrail.codebase.languages._jvm import CONTEXTS, GETTER, PROVIDERS
from flagtrail.codebase.languages._kotlin_lists import is_value
from flagtrail.codebase.languages._kotlin_names import (
    HARMLESS,
    annotated_with,
    documented,
    is_local,
    modifiers,
    name_of,
    overrides,
    scope_of,
    value_of,
)
from flagtrail.codebase.languages._kotlin_syntax import callee_name, child, named, text
from flagtrail.codebase.shapes import Definition
from flagtrail.codebase.source import Source, descendants

_MAKERS = frozenset(
    b"listOf setOf mapOf arrayOf emptyList emptySet emptyMap mutableListOf mutableSetOf mutableMapOf Regex toRegex "
    b"trimIndent trimMargin lazy mutableStateOf MutableStateFlow MutableSharedFlow flowOf Pair mockk mock".split()
)
"""Functions that make a value and do nothing else."""
_FORMED = frozenset({b"override", b"data", b"value"})
"""Words in front of what must have its parameters: the compiler makes more of them, or a supertype demands them."""
_DOING = frozenset({"call_expression", "assignment", "throw_expression", "return_expression", "object_literal"})


def definitions(source: Source) -> Iterator[Definition]:
    """Every name that a file binds and that could be removed."""
    for node in descendants(source.tree.root_node):
        if node.type == "import":
            yield from _imported(node)
        elif node.type == "property_declaration":
            yield from _property(node)
        elif node.type in ("function_declaration", "class_declaration", "object_declaration"):
            yield from _declaration(node)
        elif node.type == "enum_entry":
            yield from _enum_entry(node)
        elif node.type in ("parameter", "class_parameter"):
            yield from _parameter(node)


def _imported(node: Node) -> Iterator[Definition]:
    path = child(node, "qualified_identifier")
    if path is None or any(each.type == "*" for each in node.children):
        return
    alias = named(node)[-1] if any(each.type == "as" for each in node.children) else named(path)[-1]
    yield Definition("import", alias, (node.start_byte, node.end_byte), "file", origin=text(path).decode())


def _property(node: Node) -> Iterator[Definition]:
    name, words = name_of(node), modifiers(node)
    if name is None or words & {b"override", b"open", b"abstract"} or annotated_with(node) - HARMLESS:
        return
    local = is_local(node)
    value = value_of(node)
    delegate = child(node, "property_delegate")
    top = node.parent is not None and node.parent.type == "source_file"
    yield Definition(
        "variable" if local else "constant" if b"const" in words or top else "field",
        name,
        documented(node),
        "local" if local else "file" if b"private" in words else "repository",
        pure=(value is None or is_plain(value)) and (delegate is None or text(delegate).split()[1][:4] == b"lazy"),
        scope=scope_of(node) if local else None,
    )


def is_plain(value: Node) -> bool:
    """Whether taking a value out drops nothing: no call is made for it but of what only makes a value."""
    calls = [each for each in descendants(value) if each.type in _DOING and callee_name(each) not in _MAKERS]
    context = _is_of_context(value)
    return all(context and (_is_of_context(each) or _is_getter(each)) for each in calls)


def _is_of_context(node: Node) -> bool:
    """Whether a call makes what an evaluation is given: `LDContext.builder(user.getId()).build()`."""
    while node.type in ("call_expression", "navigation_expression"):
        node = node.children[0]
    return text(node) in CONTEXTS


def _is_getter(node: Node) -> bool:
    return node.type == "call_expression" and text(node).endswith(b"()") and bool(GETTER.fullmatch(callee_name(node)))


def _declaration(node: Node) -> Iterator[Definition]:
    name = node.child_by_field_name("name")
    if name is None or text(name) == b"main":
        return
    private = b"private" in modifiers(node)
    reach: Literal["local", "file", "repository"] = "local" if is_local(node) else "file" if private else "repository"
    if node.type == "function_declaration":
        if not overrides(node):
            yield Definition("function", name, documented(node), reach)
    elif node.type == "object_declaration" and is_value(node):
        yield Definition("member", name, documented(node), reach)
    else:
        yield Definition("class", name, documented(node), reach, pure=not annotated_with(node) - HARMLESS)


def _enum_entry(node: Node) -> Iterator[Definition]:
    name, body = name_of(node), node.parent
    if name is None or body is None or body.parent is None:
        return
    entries = [each for each in body.children if each.type == "enum_entry"]
    if len(entries) < 2:  # noqa: PLR2004 - an enumeration without entries is no use to anybody
        return
    start, end = documented(node)
    index, comma = entries.index(node), node.next_sibling
    if comma is not None and comma.type == ",":
        end = comma.end_byte
    elif index:
        start = entries[index - 1].end_byte
    yield Definition("member", name, (start, end), "file" if b"private" in modifiers(body.parent) else "repository")


def _has_more_constructors(owner: Node) -> bool:
    """Whether a class has constructors beside the first, which call that one as `this(..)`."""
    body = child(owner, "class_body")
    return body is not None and child(body, "secondary_constructor") is not None


def _parameter(node: Node) -> Iterator[Definition]:
    around, name = node.parent, name_of(node)
    owner = around.parent if around is not None else None
    if owner is not None and b"JvmOverloads" in annotated_with(owner):  # what Java gives it cannot be told by its place
        return
    if owner is not None and owner.type == "primary_constructor":
        owner = owner.parent
    if (
        around is None
        or owner is None
        or name is None
        or owner.type not in ("function_declaration", "class_declaration")
    ):
        return
    words = modifiers(owner) | modifiers(node)
    called = owner.type == "function_declaration" and overrides(owner) and not annotated_with(owner) & PROVIDERS
    if words & _FORMED or called or _has_more_constructors(owner):
        return
    start, end = _one_of_parameters(around, node)
    marks = [
        index for index, each in enumerate(around.children) if each.start_byte >= node.start_byte and each.type == "="
    ]
    given = (
        around.children[marks[0] + 1] if marks and around.children[marks[0]].prev_sibling == node else value_of(node)
    )
    yield Definition(
        "parameter",
        name,
        (start, end),
        "file" if b"private" in words else "repository",
        pure=given is None or is_plain(given),
        scope=owner,
    )


def _one_of_parameters(listed: Node, node: Node) -> tuple[int, int]:
    """The bytes of one parameter with one comma; all between the parentheses where it is alone, and a class's own."""
    parts = listed.children[1:-1]
    commas = [each for each in parts if each.type == ","]
    before = next((each for each in reversed(commas) if each.end_byte <= node.start_byte), None)
    after = next((each for each in commas if each.start_byte >= node.end_byte), None)
    last = after is None or not any(each.is_named and each.start_byte > after.end_byte for each in parts)
    if before is None and last:
        holder = listed.parent
        plain = holder is not None and holder.type == "primary_constructor" and len(holder.children) == 1
        inner = listed.children[0].end_byte, listed.children[-1].start_byte
        return (listed.start_byte, listed.end_byte) if plain else inner
    if before is not None and last:
        return (before.start_byte, parts[-1].end_byte) if after is None else (before.end_byte, after.end_byte)
    following = after.next_sibling if after is not None else None
    marks = (
        node.prev_sibling if node.prev_sibling is not None and node.prev_sibling.type == "parameter_modifiers" else node
    )
    return marks.start_byte, following.start_byte if following is not None else node.end_byte
