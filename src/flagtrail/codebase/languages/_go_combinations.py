"""Go's tests that run for combinations of flags, `NewFeatureSets(NewUI).Run(t, test)`, and how they run once."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import PurePosixPath

from tree_sitter import Node

from flagtrail.codebase.languages import _go_scopes as scopes
from flagtrail.codebase.shapes import Call, Once
from flagtrail.codebase.source import Source, descendants

_RUNS = frozenset({b"Run", b"Bench"})
_PARALLEL = b"Parallel"


def once(source: Source, call: Call, context: str, elsewhere: Callable[[bytes], bool]) -> Once | None:
    """The statement `<call>.Run(t, test)` as one call of the test, or as what the test does."""
    run = _run(call.node)
    statement = run.parent if run is not None else None
    given = scopes.elements(run.child_by_field_name("arguments")) if run is not None else []
    if statement is None or statement.type != "expression_statement" or len(given) != 2:  # noqa: PLR2004 - t, a test
        return None
    package = (call.receiver.text or b"").decode() if call.receiver is not None else ""
    made = f"{package}.{context}".lstrip(".").encode() + b"(" + source.text(given[0]) + b")"
    module = package or PurePosixPath(source.path).parent.name
    needs = f"func {context}(".encode()
    test = given[1] if given[1].type == "func_literal" else _next_function(source, statement, given[1], elsewhere)
    inside = _inside(source, statement, test, source.text(given[0]), made) if test is not None else None
    if test is not None and inside is not None:
        named = test.type == "function_declaration"
        end, tail = (test.end_byte, b"\n}") if named else (statement.end_byte, b"")
        return Once(statement.start_byte, end, inside[0], inside[1], tail, module, needs)
    tail, whole = b"(" + source.text(given[0]) + b", " + made + b")", (given[1].start_byte, given[1].end_byte)
    return Once(statement.start_byte, statement.end_byte, b"", whole, tail, module, needs)


def _run(call: Node) -> Node | None:
    member = call.parent
    run = member.parent if member is not None and member.type == "selector_expression" else None
    field = member.child_by_field_name("field") if member is not None else None
    if run is None or run.type != "call_expression" or run.child_by_field_name("function") != member:
        return None
    return run if field is not None and field.text in _RUNS else None


def _next_function(source: Source, statement: Node, test: Node, elsewhere: Callable[[bytes], bool]) -> Node | None:
    """The function of the file that the statement runs, where that ends the one right in front of it.

    Only where nothing else names it.
    """
    name, body = source.text(test), _block(statement)
    around = body.parent if body is not None else None
    found = around.next_named_sibling if around is not None and around.type == "function_declaration" else None
    if test.type != "identifier" or found is None or found.type != "function_declaration" or elsewhere(name):
        return None
    called = found.child_by_field_name("name")
    uses = sum(node.type == "identifier" and node.text == name for node in descendants(source.tree.root_node))
    own = called is not None and called.text == name
    return found if own and uses == 2 else None  # noqa: PLR2004 - its name, and this use


def _block(statement: Node) -> Node | None:
    """The body of a function that a statement ends."""
    listed = statement.parent
    body = listed.parent if listed is not None and listed.type == "statement_list" else None
    if body is None or body.parent is None or body.parent.type not in scopes.FUNCTIONS:
        return None
    return (
        body if scopes.statements(body)[-1] == statement and body.parent.child_by_field_name("result") is None else None
    )


def _inside(
    source: Source, statement: Node, test: Node, given: bytes, made: bytes
) -> tuple[bytes, tuple[int, int]] | None:
    """What binds the test's context, and the bytes of what the test does; None where names would clash."""
    outer, body = _block(statement), test.child_by_field_name("body")
    names = [name.text or b"" for name in scopes.names_of(test)]
    if outer is None or body is None or len(names) != 2 or names[0] != given:  # noqa: PLR2004 - t and ctx
        return None
    own = {name.text for name in scopes.names_of(body)} | {names[1]}
    before = {name.text for name in scopes.names_of(outer)}
    around = {name.text for name in scopes.names_of(outer.parent)} if outer.parent is not None else set()
    if before & own or names[1] in around or _reads(outer, own):
        return None
    start, gap = _start(source, outer, body, given)
    if start is None:
        return None
    used = any(node.text == names[1] for node in descendants(body) if node.type == "identifier")
    indent = source.indent(statement.start_byte)
    head = names[1] + b" := " + made + gap + indent if used else b""
    end = len(source.data[: body.end_byte - 1].rstrip())
    return head, (start, end)


def _reads(outer: Node, own: set[bytes | None]) -> bool:
    """Whether the statements in front read a name, of outside, that the test declares for itself."""
    return any(
        node.text in own
        for statement in scopes.statements(outer)[:-1]
        for node in descendants(statement)
        if node.type == "identifier"
    )


def _start(source: Source, outer: Node, body: Node, given: bytes) -> tuple[int | None, bytes]:
    """Where the body begins, without a second `t.Parallel()`, and the newlines in front of it."""
    inside = scopes.statements(body)
    text = source.data[body.start_byte + 1 : body.end_byte - 1]
    start = body.start_byte + 1 + len(text) - len(text.lstrip())
    if not inside:
        return None, b""
    parallel = given + b"." + _PARALLEL + b"()"
    if source.text(inside[0]) != parallel or all(source.text(each) != parallel for each in scopes.statements(outer)):
        return start, b"\n"
    if len(inside) == 1 or inside[0].start_byte != start:
        return None, b""
    behind = source.data[inside[0].end_byte : body.end_byte - 1]
    blanks = behind[: len(behind) - len(behind.lstrip())]
    return inside[0].end_byte + len(blanks), b"\n" * max(1, blanks.count(b"\n"))
