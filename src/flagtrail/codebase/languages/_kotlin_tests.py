"""Kotlin: cases of tests, and what they tell mocks of a flag."""

from __future__ import annotations

from tree_sitter import Node

from flagtrail.codebase.languages._kotlin_names import annotated_with, documented, name_of, value_of
from flagtrail.codebase.languages._kotlin_syntax import callee_name, child, named, text
from flagtrail.codebase.shapes import Stub
from flagtrail.codebase.source import ancestors, descendants

TESTS = frozenset({b"Test", b"ParameterizedTest", b"RepeatedTest", b"TestFactory", b"TestTemplate"})
_SPECIFICATIONS = frozenset({b"test", b"it", b"should", b"scenario", b"expect", b"xtest", b"xit"})


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


_TOLD = frozenset({b"every", b"coEvery", b"on"})
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
    """What is said behind `every { .. }`: in infix form, or as a call; once and for all."""
    told = asked.parent
    if told is not None and told.type == "infix_expression":
        parts = named(told)
        if parts[0] == asked and text(parts[1]) in _ANSWERS | {b"answers"} and not _goes_on(told):
            return _of_flow(told, asked, parts[2])
    if told is not None and told.type == "navigation_expression" and told.parent is not None:
        arguments = child(told.parent, "value_arguments")
        values = named(arguments) if arguments is not None else []
        answers = told.parent.type == "call_expression" and text(told.children[-1]) in _ANSWERS
        if answers and len(values) == 1 and not _goes_on(told.parent):
            return _of_flow(told.parent, asked, named(values[0])[-1])
    return Stub(asked, asked)


def _goes_on(told: Node) -> bool:
    """Whether more is said than one answer: `returns true andThen false`."""
    return told.parent is not None and told.parent.type in ("infix_expression", "navigation_expression")


# ------------------------------------------------------------------------------------------------ flows of answers
_FLOWS = frozenset({b"flowOf", b"MutableStateFlow"})
_EMITS = frozenset({b"update", b"emit", b"tryEmit"})


def _of_flow(told: Node, asked: Node, value: Node) -> Stub:
    """What is answered, also by a flow: `returns flowOf(true)`, `returns onFlow`, `answers { onFlow.value }`."""
    if value.type == "lambda_literal" and len(named(value)) == 1:
        value = named(value)[0]
    if value.type == "navigation_expression" and text(value.children[-1]) == b"value":
        value = value.children[0]
    value = _emitted(value) or value
    if value.type != "identifier" or text(value) in (b"true", b"false", b"null"):
        return Stub(told, value)
    top = next(each for each in ancestors(told) if each.parent is None)
    mentions = [each for each in descendants(top) if each.type == "identifier" and text(each) == text(value)]
    declared = [each for each in map(_declaration, mentions) if each is not None]
    first = value_of(declared[0]) if len(declared) == 1 else None
    first = _emitted(first) if first is not None else None
    others = [each for each in mentions if _declaration(each) is None and not _is_told(each, asked)]
    later = [_later(each) for each in others]
    known = tuple(each for each in later if each is not None and each[0].start_byte > told.end_byte)
    if first is None or len(known) != len(others):
        return Stub(told, value)
    return Stub(told, first, known)


def _emitted(made: Node) -> Node | None:
    """The one value of `flowOf(value)`, `MutableStateFlow(value)`."""
    values = child(made, "value_arguments") if made.type == "call_expression" and callee_name(made) in _FLOWS else None
    return named(named(values)[0])[-1] if values is not None and len(named(values)) == 1 else None


def _declaration(name: Node) -> Node | None:
    above = name.parent.parent if name.parent is not None else None
    return above if above is not None and above.type == "property_declaration" and name_of(above) == name else None


def _is_told(name: Node, asked: Node) -> bool:
    """Whether a flow is what another stub of the same flag answers."""
    key = text(asked).rpartition(b"(")[2]
    for above in ancestors(name):
        if above.type == "infix_expression":
            return text(named(above)[0]).rpartition(b"(")[2] == key and callee_name(named(above)[0]) in _TOLD
    return False


def _later(name: Node) -> tuple[Node, Node] | None:
    """The statement that gives a flow another value: `flow.value = on`, `flow.update { on }`, `flow.tryEmit(on)`."""
    access = name.parent
    whole = access.parent if access is not None and access.type == "navigation_expression" else None
    if access is None or whole is None or access.children[0] != name:
        return None
    if whole.type == "assignment" and text(access.children[-1]) == b"value":
        value = whole.child_by_field_name("right")
        return (whole, value) if value is not None else None
    if whole.type != "call_expression" or text(access.children[-1]) not in _EMITS:
        return None
    block, listed = child(whole, "annotated_lambda"), child(whole, "value_arguments")
    literal = child(block, "lambda_literal") if block is not None else None
    values = named(literal) if literal is not None else named(named(listed)[0]) if listed is not None else []
    return (whole, values[0]) if len(values) == 1 else None
