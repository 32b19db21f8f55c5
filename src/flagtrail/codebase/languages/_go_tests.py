"""Go's tests: where one begins and ends, and what a mock is told to answer."""

from __future__ import annotations

from tree_sitter import Node

from flagtrail.codebase.languages import _go_scopes as scopes
from flagtrail.codebase.shapes import Argument, Call, Stub, Wrapping

_TEST = (b"Test", b"Benchmark", b"Fuzz", b"Example")


def test_case(node: Node) -> tuple[int, int] | None:
    """The nearest `t.Run(..)` around a node, else its `func TestX(..)` with the comment above.

    One in a loop over a table is a part of the whole test.
    """
    at: Node | None = node
    while at is not None:
        if at.type == "expression_statement" and _is_subtest(at.named_children[0]) and not _in_loop(at):
            return at.start_byte, at.end_byte
        if at.type == "function_declaration":
            return _of_function(at)
        at = at.parent
    return None


def _is_subtest(node: Node) -> bool:
    function = node.child_by_field_name("function") if node.type == "call_expression" else None
    field = function.child_by_field_name("field") if function is not None else None
    arguments = scopes.elements(node.child_by_field_name("arguments"))
    return field is not None and field.text == b"Run" and len(arguments) == 2 and arguments[1].type == "func_literal"  # noqa: PLR2004 - a name and a function


def _in_loop(statement: Node) -> bool:
    at = statement.parent
    while at is not None and at.type != "function_declaration":
        if at.type == "for_statement":
            return True
        at = at.parent
    return False


def _of_function(node: Node) -> tuple[int, int] | None:
    name, parameters = node.child_by_field_name("name"), node.child_by_field_name("parameters")
    if (
        name is None
        or parameters is None
        or not (name.text or b"").startswith(_TEST)
        or b"*testing." not in (parameters.text or b"")
    ):
        return None
    return with_comments(node), node.end_byte


def with_comments(node: Node) -> int:
    """Where the comments begin that stand right above a node, without a blank line between."""
    start, row = node.start_byte, node.start_point[0]
    at = node.prev_sibling
    while at is not None and at.type in {"comment", "\n"}:
        if at.type == "comment":
            if at.end_point[0] != row - 1 or at.start_point[1] != node.start_point[1]:
                break
            start, row = at.start_byte, at.start_point[0]
        at = at.prev_sibling
    return start


def described(node: Node) -> Call | None:
    """`mock.On("IsEnabled", "new-ui")` with an answer, read as the call that it describes."""
    function = node.child_by_field_name("function")
    field = function.child_by_field_name("field") if function is not None else None
    arguments = scopes.elements(node.child_by_field_name("arguments"))
    if field is None or field.text != b"On" or not arguments or arguments[0].type != "interpreted_string_literal":
        return None
    name = arguments[0].named_children
    if len(name) != 1 or _answered(node) is None:
        return None
    operand = function.child_by_field_name("operand") if function is not None else None
    return Call(node, name[0], operand, tuple(Argument(argument) for argument in arguments[1:]))


def stub(node: Node) -> Stub | None:
    """`mock.On("IsEnabled", "new-ui").Return(true)`, `mock.EXPECT().IsEnabled("new-ui").Return(true)`."""
    if described(node) is None and not _expected(node):
        return None
    return _answered(node)


def _expected(node: Node) -> bool:
    function = node.child_by_field_name("function") if node.type == "call_expression" else None
    receiver = function.child_by_field_name("operand") if function is not None else None
    called = receiver.child_by_field_name("function") if receiver is not None else None
    field = called.child_by_field_name("field") if called is not None else None
    return field is not None and field.text == b"EXPECT"


def _answered(node: Node) -> Stub | None:
    """The statement `<node>.Return(value)`, also with `.Once()`, `.AnyTimes()` and such around."""
    answers: list[Node] = []
    at = node
    while at.parent is not None and at.parent.type == "selector_expression" and at.parent.parent is not None:
        call = at.parent.parent
        field = at.parent.child_by_field_name("field")
        if call.type != "call_expression" or field is None:
            return None
        if field.text == b"Return":
            answers = scopes.elements(call.child_by_field_name("arguments")) or answers
        at = call
    statement = at.parent
    if not answers or statement is None or statement.type != "expression_statement":
        return None
    fails = len(answers) > 1 and answers[1].text != b"nil"
    known = fails and _is_error(answers[1])
    return Stub(statement, answers[1] if fails and not known else answers[0], fails=known)


def _is_error(value: Node) -> bool:
    """Whether a value is surely an error: `errors.New("down")`, `&net.DNSError{}`, `io.EOF`; not `row.err`."""
    operand, field = value.child_by_field_name("operand"), value.child_by_field_name("field")
    if value.type != "selector_expression" or operand is None or field is None:
        return value.type in {"call_expression", "unary_expression", "composite_literal"}
    return (field.text or b"")[:1].isupper() and scopes.variable_scope(operand).type == "source_file"


def wrapping(call: Node) -> Wrapping | None:
    """`defer set(t, gate, NewUI, true)()`, `t.Cleanup(set(..))`: what sets the flag and answers how it is set back."""
    undone = call.parent
    deferred = undone.parent if undone is not None else None
    if undone is not None and undone.type == "call_expression" and deferred is not None:
        if deferred.type == "defer_statement" and undone.child_by_field_name("function") == call:
            return Wrapping(deferred, (deferred.start_byte, deferred.end_byte))
        return None
    if undone is None or undone.type != "argument_list" or deferred is None or len(scopes.elements(undone)) != 1:
        return None
    function, statement = deferred.child_by_field_name("function"), deferred.parent
    field = function.child_by_field_name("field") if function is not None else None
    if field is None or field.text != b"Cleanup" or statement is None or statement.type != "expression_statement":
        return None
    return Wrapping(statement, (statement.start_byte, statement.end_byte))
