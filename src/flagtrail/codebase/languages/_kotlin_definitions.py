"""Kotlin: what a file declares and could do without, its tests, and what they tell mocks."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

from tree_sitter import Node

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
from flagtrail.codebase.shapes import Definition, Stub
from flagtrail.codebase.source import Source, ancestors, descendants

TESTS = frozenset({b"Test", b"ParameterizedTest", b"RepeatedTest", b"TestFactory", b"TestTemplate"})
_SPECIFICATIONS = frozenset({b"test", b"it", b"should", b"scenario", b"expect", b"xtest", b"xit"})
_MAKERS = frozenset(
    b"listOf setOf mapOf arrayOf emptyList emptySet emptyMap mutableListOf mutableSetOf mutableMapOf Regex toRegex "
    b"trimIndent trimMargin lazy mutableStateOf MutableStateFlow MutableSharedFlow Pair".split()
)
"""Functions that make a value and do nothing else."""
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
    return not any(
        each.type in _DOING and not (each.type == "call_expression" and callee_name(each) in _MAKERS)
        for each in descendants(value)
    )


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
    elif not annotated_with(node) - HARMLESS:
        yield Definition("class", name, documented(node), reach)


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


def _parameter(node: Node) -> Iterator[Definition]:
    around, name = node.parent, name_of(node)
    owner = around.parent if around is not None else None
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
    if b"override" in words or (owner.type == "function_declaration" and overrides(owner)) or b"data" in words:
        return
    siblings = [each for each in around.children if each.type == node.type]
    index, after = siblings.index(node), node.next_sibling
    start, end = node.start_byte, node.end_byte
    if index + 1 < len(siblings):
        end = siblings[index + 1].start_byte
    elif after is not None and after.type == ",":
        end = after.end_byte
    elif index:
        start = siblings[index - 1].end_byte
    yield Definition("parameter", name, (start, end), "file" if b"private" in words else "repository", scope=owner)


# ------------------------------------------------------------------------------------------------ tests
def test_case(node: Node) -> tuple[int, int] | None:
    """The bytes of the test that a node stands in: JUnit's, or Kotest's `test("..") {..}`."""
    for above in ancestors(node):
        if above.type == "function_declaration" and annotated_with(above) & TESTS:
            return documented(above)
        if above.type == "call_expression" and callee_name(above) in _SPECIFICATIONS and _is_lone(above):
            return documented(above)
    return None


def _is_lone(call: Node) -> bool:
    return (
        call.parent is not None
        and call.parent.type in ("lambda_literal", "block")
        and child(call, "annotated_lambda") is not None
    )


_TOLD = frozenset({b"every", b"coEvery"})
_CHECKED = frozenset({b"verify", b"coVerify", b"verifyOrder", b"coVerifyOrder", b"verifySequence", b"verifyAll"})
_ASKING = frozenset({b"when", b"`when`", b"whenever", b"given"})
_ANSWERS = frozenset({b"returns", b"thenReturn", b"willReturn", b"doReturn"})


def stub(node: Node) -> Stub | None:
    """`every { flags.isEnabled(K) } returns true`, `whenever(flags.isEnabled(K)).thenReturn(true)`, `verify { .. }`."""
    for above in ancestors(node):
        if above.type == "lambda_literal":
            return _in_lambda(node, above)
        if above.type == "call_expression" and callee_name(above) in _ASKING and node != above:
            return _answered(above)
        if above.type not in ("value_argument", "value_arguments"):
            return None
    return None


def _in_lambda(node: Node, literal: Node) -> Stub | None:
    call = literal.parent.parent if literal.parent is not None else None
    if call is None or call.type != "call_expression":
        return None
    if callee_name(call) in _TOLD:
        return _answered(call)
    if callee_name(call) in _CHECKED:
        return Stub(call if len(named(literal)) == 1 else node, None)
    return None


def _answered(asked: Node) -> Stub:
    """What is said behind `every { .. }`: in infix form, or as a call."""
    told = asked.parent
    if told is not None and told.type == "infix_expression":
        parts = named(told)
        if parts[0] == asked and text(parts[1]) in _ANSWERS:
            return Stub(told, parts[2])
    if told is not None and told.type == "navigation_expression" and told.parent is not None:
        arguments = child(told.parent, "value_arguments")
        values = named(arguments) if arguments is not None else []
        if told.parent.type == "call_expression" and text(told.children[-1]) in _ANSWERS and len(values) == 1:
            return Stub(told.parent, named(values[0])[-1])
    return Stub(asked, asked)
