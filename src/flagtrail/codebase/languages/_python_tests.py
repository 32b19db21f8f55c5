"""What in Python's tests belongs to a flag: whole tests, and mocks that are told what to answer."""

from __future__ import annotations

import re

from tree_sitter import Node

from flagtrail.codebase.languages._python_definitions import of_list
from flagtrail.codebase.languages._python_expressions import operands
from flagtrail.codebase.languages._python_grammar import nodes
from flagtrail.codebase.languages._python_names import bases, decorators, scope_of, whole
from flagtrail.codebase.languages._python_text import text
from flagtrail.codebase.shapes import Listed, Stub, Wrapping
from flagtrail.codebase.source import Source, ancestors

_SET = {"override_settings", "settings"}
"""What sets members by their names while a test runs."""
_FAKES = re.compile(r"(?:.*\.)?_*(?:Fake|Stub|Mock|Dummy)\w*(?:Flag|Feature|Toggle|Switch)\w*")
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


def set_to(member: Node) -> Stub | None:
    """`settings.NEW_UI = True`; of `self.new_ui = True` it is not known whether that is the flag's."""
    owner, above = member.child_by_field_name("object"), member.parent
    if member.type != "attribute" or owner is None or above is None or text(owner) == "self":
        return None
    value = above.child_by_field_name("right")
    if not above.type.endswith("assignment") or above.child_by_field_name("left") != member:
        return Stub(above, above) if above.type == "delete_statement" else None
    plain = value is not None and above.type == "assignment" and above.parent is not None
    return Stub(above.parent if plain and above.parent is not None else above, value if plain else above)


def setting(name: Node) -> tuple[tuple[int, int], Node] | None:
    """`FakeFlags(new_ui=True)`: the argument, and its value."""
    entry = name.parent
    value = entry.child_by_field_name("value") if entry is not None and entry.type == "keyword_argument" else None
    call = entry.parent.parent if value is not None and entry is not None and entry.parent is not None else None
    function = call.child_by_field_name("function") if call is not None else None
    if entry is None or value is None or function is None or entry.children[0] != name:
        return None
    return ((entry.start_byte, entry.end_byte), value) if _FAKES.fullmatch(text(function)) else None


def set_by_name(source: Source, name: Node) -> Listed | None:
    """`override_settings(NEW_UI=True)`, `self.settings(NEW_UI=True)`."""
    entry = name.parent
    given = entry.parent if entry is not None and entry.type == "keyword_argument" else None
    call = given.parent if given is not None and given.type == "argument_list" else None
    function = call.child_by_field_name("function") if call is not None and call.type == "call" else None
    if entry is None or given is None or call is None or function is None or entry.children[0] != name:
        return None
    if text(function).rpartition(".")[2] not in _SET:
        return None
    return Listed(call, of_list(source, entry), entry.child_by_field_name("value"), len(operands(given)) == 1)
