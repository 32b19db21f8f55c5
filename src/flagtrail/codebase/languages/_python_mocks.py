"""Where a Python test replaces a function that it names in a text, and what is answered then."""

from __future__ import annotations

from collections.abc import Iterator

from tree_sitter import Node

from flagtrail.codebase.languages._python_definitions import of_list
from flagtrail.codebase.languages._python_expressions import operands
from flagtrail.codebase.languages._python_grammar import nodes
from flagtrail.codebase.languages._python_text import text
from flagtrail.codebase.shapes import Mock
from flagtrail.codebase.source import Source, ancestors

_MOCKS = {"Mock", "MagicMock", "AsyncMock", "NonCallableMock"}
_FIXTURES = {"monkeypatch", "mocker"}
_PASSES_NOTHING = ("patch.dict", "override_settings", "modify_settings")
Span = tuple[int, int]


def mock(named: Node) -> Mock | None:
    """`mock.patch("shop.views.is_new", return_value=True)`, however `patch` is reached; `monkeypatch.setattr(..)`."""
    given = named.parent
    call = given.parent if given is not None and given.type == "argument_list" else None
    function = call.child_by_field_name("function") if call is not None and call.type == "call" else None
    if call is None or given is None or function is None or operands(given)[0] != named:
        return None
    if text(function).rpartition(".")[2] != "patch" and not text(function).endswith("monkeypatch.setattr"):
        return None
    value = _answer(given) or _told_later(call)
    return None if value is None else Mock(call, value)


def _answer(given: Node) -> Node | None:
    """What the arguments of `patch` say that the replacement answers."""
    for position, each in enumerate(operands(given)):
        name, value = each.child_by_field_name("name"), each.child_by_field_name("value")
        if each.type != "keyword_argument" or name is None or value is None:
            found = _constant_of(each) if position == 1 else None
        elif text(name) == "return_value":
            found = value
        else:
            found = _constant_of(value) if text(name) in {"new", "side_effect"} else None
        if found is not None:
            return found
    return None


def _constant_of(replacement: Node) -> Node | None:
    """What `lambda *_: True` and `Mock(return_value=True)` answer."""
    if replacement.type == "lambda":
        return replacement.child_by_field_name("body")
    function, given = replacement.child_by_field_name("function"), replacement.child_by_field_name("arguments")
    made = replacement.type == "call" and function is not None and text(function).rpartition(".")[2] in _MOCKS
    return _answer(given) if made and given is not None else None


def _told_later(call: Node) -> Node | None:
    """`fake.return_value = True`, where that is all that the test does with what the decorator passes to it."""
    found = _passed(call)
    statement = _only_told(*found) if found is not None else None
    assignment = operands(statement)[0] if statement is not None else None
    return assignment.child_by_field_name("right") if assignment is not None else None


def passed(source: Source, call: Node) -> tuple[Span, ...] | None:
    """What goes with a decorator that replaces something: the parameter that it fills, and what it is told there.

    None where that is not known, or more is done with the parameter.
    """
    if call.parent is None or call.parent.type != "decorator":
        return _fixture(source, call)
    if _of_class(call):
        return None
    if not _passes(call):
        return ()
    found = _passed(call)
    if found is None:
        return None
    function, parameter = found
    spans = [of_list(source, parameter)]
    if any(True for _ in _uses(function, parameter)):
        told = _only_told(function, parameter)
        if told is None:
            return None
        spans.append((told.start_byte, told.end_byte))
    return tuple(spans)


def _fixture(source: Source, call: Node) -> tuple[Span, ...]:
    """The parameter `monkeypatch` or `mocker` of a test that does nothing else with it."""
    called = call.child_by_field_name("function")
    root = text(called).partition(".")[0] if called is not None else ""
    function = next((each for each in ancestors(call) if each.type == "function_definition"), None)
    if root not in _FIXTURES or function is None:
        return ()
    given = function.child_by_field_name("parameters")
    found = [] if given is None else [each for each in operands(given) if text(each).partition(":")[0] == root]
    uses = [each for each in nodes(function, "identifier") if text(each) == root]
    return tuple(of_list(source, each) for each in found) if len(uses) == 1 + len(found) else ()


def _passes(call: Node) -> bool:
    """Whether a decorator passes a mock to its function: `patch` does where it is not told what to put in the place."""
    function, given = call.child_by_field_name("function"), call.child_by_field_name("arguments")
    names = [] if given is None else [each.child_by_field_name("name") for each in operands(given)]
    plain = [name for name in names if name is None]
    told = any(name is not None and text(name) == "new" for name in names)
    return not told and len(plain) == (2 if function is not None and text(function).endswith("patch.object") else 1)


def _of_class(call: Node) -> bool:
    decorated = call.parent.parent if call.parent is not None else None
    definition = decorated.child_by_field_name("definition") if decorated is not None else None
    return definition is None or definition.type != "function_definition"


def _passed(call: Node) -> tuple[Node, Node] | None:
    """The function that a decorator stands above, and its parameter that the decorator fills: the nearest the first."""
    decorated = call.parent.parent if call.parent is not None and call.parent.type == "decorator" else None
    function = decorated.child_by_field_name("definition") if decorated is not None else None
    if decorated is None or function is None or function.type != "function_definition" or not _passes(call):
        return None
    filling: list[Node] = []
    for decorator in (each for each in decorated.named_children if each.type == "decorator"):
        made = operands(decorator)[0]
        callee = text(made.child_by_field_name("function") or made)
        if callee.rpartition(".")[2] == "patch" or callee.endswith("patch.object"):
            filling += [made] if _passes(made) else []
        elif not callee.endswith(_PASSES_NOTHING) and not callee.startswith("pytest."):
            return None
    parameters = function.child_by_field_name("parameters")
    every = [] if parameters is None else operands(parameters)
    every = every[1:] if every and text(every[0]) in {"self", "cls"} else every
    place = len(filling) - 1 - filling.index(call)
    return (function, every[place]) if place < len(every) and every[place].type == "identifier" else None


def _uses(function: Node, parameter: Node) -> Iterator[Node]:
    body = function.child_by_field_name("body")
    for node in nodes(body, "identifier") if body is not None else ():
        if node.text == parameter.text:
            yield node


def _only_told(function: Node, parameter: Node) -> Node | None:
    """The statement `fake.return_value = ..`, where it is the only use and nothing was done before it."""
    body = function.child_by_field_name("body")
    uses = list(_uses(function, parameter))
    for statement in [] if body is None else operands(body):
        inner = operands(statement)[0] if statement.type == "expression_statement" else None
        left = inner.child_by_field_name("left") if inner is not None and inner.type == "assignment" else None
        if left is None and not (inner is not None and inner.type == "string"):
            return None
        if left is not None and text(left) == f"{text(parameter)}.return_value":
            return statement if len(uses) == 1 else None
        if left is not None and not text(left).endswith((".return_value", ".side_effect")):
            return None
    return None
