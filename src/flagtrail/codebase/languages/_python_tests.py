"""What in Python's tests belongs to a flag: whole tests, and mocks that are told what to answer."""

from __future__ import annotations

from tree_sitter import Node

from flagtrail.codebase.languages._python_expressions import operands
from flagtrail.codebase.languages._python_grammar import nodes
from flagtrail.codebase.languages._python_names import bases, decorators, scope_of, whole
from flagtrail.codebase.languages._python_text import text
from flagtrail.codebase.shapes import Stub, Wrapping
from flagtrail.codebase.source import ancestors

_ANSWERS = {"thenReturn", "then_return", "and_return"}


def test_case(node: Node) -> tuple[int, int] | None:
    """The test function around a node with its decorators, or the class of tests that a node decorates."""
    around = None
    for above in ancestors(node):
        if above.type == "decorated_definition":
            definition = above.child_by_field_name("definition")
            of_class = definition is not None and definition.type == "class_definition"
            if definition is not None and _is_test(definition) and not (of_class and _is_within(node, definition)):
                around = above
                break
        elif above.type == "function_definition" and _is_test(above):
            around = whole(above)
            break
    return None if around is None or _is_called(around) else (around.start_byte, around.end_byte)


def _is_called(test: Node) -> bool:
    """Whether something else in the file names a test."""
    definition = test.child_by_field_name("definition") or test
    name, root = definition.child_by_field_name("name"), list(ancestors(test))[-1]
    same = (each for each in nodes(root, "identifier") if name is not None and each.text == name.text)
    return any(each.parent is not None and each.parent.child_by_field_name("name") != each for each in same)


def _is_within(node: Node, definition: Node) -> bool:
    return definition.start_byte <= node.start_byte < definition.end_byte


def _is_test(definition: Node) -> bool:
    name = definition.child_by_field_name("name")
    if name is None:
        return False
    if definition.type == "class_definition":
        return text(name).startswith("Test") or any(base.endswith(("TestCase", "Test")) for base in bases(definition))
    plain = "fixture" not in decorators(definition) and scope_of(definition).type in {"module", "class_definition"}
    return plain and text(name).startswith("test")


def wrapping(call: Node) -> Wrapping | None:
    """`@call`, and `with call:`; not where what it answers is kept under a name."""
    above = call.parent
    if above is None:
        return None
    if above.type == "decorator":
        return Wrapping(above, (above.start_byte, above.end_byte))
    items, statement = above.parent, above.parent.parent if above.parent is not None else None
    if above.type != "with_item" or items is None or statement is None:
        return None
    every = [item for item in items.named_children if item.type == "with_item"]
    at, body = every.index(above), statement.child_by_field_name("body")
    if len(every) == 1:
        return Wrapping(statement, (above.start_byte, above.end_byte), body)
    last = at == len(every) - 1
    start, end = (every[at - 1].end_byte, above.end_byte) if last else (above.start_byte, every[at + 1].start_byte)
    return Wrapping(statement, (start, end))


def stub(node: Node) -> Stub | None:
    """`when(flags).is_enabled("k").thenReturn(True)`, and other chains whose last call says what is answered."""
    member = node.parent
    if node.type != "call" or member is None or member.type != "attribute":
        return None
    answer, name = member.parent, member.child_by_field_name("attribute")
    if answer is None or answer.type != "call" or name is None or text(name) not in _ANSWERS:
        return None
    given, statement = answer.child_by_field_name("arguments"), answer.parent
    values = [] if given is None else operands(given)
    if statement is None or statement.type != "expression_statement" or len(values) != 1:
        return None
    return Stub(statement, values[0])
