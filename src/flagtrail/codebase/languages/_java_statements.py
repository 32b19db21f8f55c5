"""Java: which statements complete normally, as the language's specification has it (JLS 14.22), and cases of switches.

The compiler refuses a statement that cannot be reached, and a method that ends without a `return` where its end can be:
so what is said here must be neither less nor more than what the compiler sees.
"""

from __future__ import annotations

from collections.abc import Iterator

from tree_sitter import Node

from flagtrail.codebase.shapes import Case, Switch

COMMENTS = frozenset({"line_comment", "block_comment"})
BLOCKS = frozenset({"block", "constructor_body", "switch_block_statement_group"})
_JUMPS = frozenset({"return_statement", "throw_statement", "break_statement", "continue_statement", "yield_statement"})
_LOOPS = frozenset({"while_statement", "do_statement", "for_statement", "enhanced_for_statement"})
_OPAQUE = frozenset({"lambda_expression", "class_body", "class_declaration", "record_declaration", "enum_declaration"})
_APART = frozenset({*_LOOPS, *_OPAQUE, "switch_expression"})
_DOING = frozenset(
    b"when verify assertThrows assertThrowsExactly assertThatThrownBy assertThatCode assertAll execute forEach "
    b"forEachOrdered ifPresent ifPresentOrElse peek run thenRun thenAccept whenComplete".split()
)
"""What takes a lambda that answers nothing: a literal is no statement, as its body must be."""
_OF_DOING = frozenset(b"Runnable Consumer BiConsumer Executable ThrowingRunnable".split())
_FOREVER = frozenset({b"true", b"__FF_T__"})


def text(node: Node) -> bytes:
    """What a node was parsed from."""
    return node.text or b""


def named(node: Node) -> list[Node]:
    """The children that are no comments and no marks."""
    return [child for child in node.named_children if child.type not in COMMENTS]


def unwrapped(node: Node) -> Node:
    """What stands in parentheses, however many."""
    while node.type == "parenthesized_expression" and named(node):
        node = named(node)[0]
    return node


def jumps(node: Node) -> bool:
    """Whether a statement cannot complete normally."""
    if node.type in _JUMPS:
        return True
    if node.parent is not None and node.parent.type == "class_body":
        return False
    if node.type in ("block", "constructor_body"):
        return any(jumps(child) for child in named(node))
    if node.type == "if_statement":
        then, otherwise = node.child_by_field_name("consequence"), node.child_by_field_name("alternative")
        return then is not None and otherwise is not None and jumps(then) and jumps(otherwise)
    if node.type in _LOOPS:
        return _loops_for_ever(node)
    if node.type == "labeled_statement":
        label, body = named(node)[0], named(node)[-1]
        return jumps(body) and not any(text(named(each)[0]) == text(label) for each in _labelled_breaks(body))
    if node.type == "synchronized_statement":
        return jumps(named(node)[-1])
    if node.type in ("try_statement", "try_with_resources_statement"):
        return _try_jumps(node)
    return node.type == "switch_expression" and _switch_jumps(node)


def idle(node: Node) -> bool:
    """Whether a jump goes where control goes anyway."""
    block = node.parent
    if block is None or named(node) or named(block)[-1] != node:
        return False
    if node.type == "return_statement":
        owner = block.parent.type if block.parent is not None else ""
        return block.type == "constructor_body" or owner in ("method_declaration", "lambda_expression")
    return node.type == "continue_statement" and block.parent is not None and block.parent.type in _LOOPS


def _loops_for_ever(node: Node) -> bool:
    if node.type == "enhanced_for_statement":
        return False
    condition, body = node.child_by_field_name("condition"), node.child_by_field_name("body")
    if body is None or any(True for _ in leaving(body)):
        return False
    if condition is None:
        return node.type == "for_statement"
    if node.type == "do_statement" and jumps(body) and not _continues(body):
        return True
    return text(unwrapped(condition)) in _FOREVER


def _continues(body: Node) -> bool:
    return any(node.type == "continue_statement" for node in _within(body))


def _try_jumps(node: Node) -> bool:
    body = node.child_by_field_name("body")
    catches = [child for child in node.children if child.type == "catch_clause"]
    final = [block for child in node.children if child.type == "finally_clause" for block in named(child)]
    if any(jumps(block) for block in final):
        return True
    handlers = [catch.child_by_field_name("body") for catch in catches]
    return body is not None and all(each is not None and jumps(each) for each in (body, *handlers))


def _switch_jumps(node: Node) -> bool:
    body = node.child_by_field_name("body")
    groups = named(body) if body is not None else []
    if not groups or any(True for _ in leaving(node)):
        return False
    if not any(is_default(group) for group in groups):
        return False
    if groups[0].type == "switch_rule":
        return all(jumps(named(group)[-1]) for group in groups)
    return any(jumps(child) for child in _statements(groups[-1]))


def is_default(group: Node) -> bool:
    """Whether one of a group's labels is the default's."""
    labels = [child for child in group.children if child.type == "switch_label"]
    return any(part.type == "default" for label in labels for part in label.children)


def leaving(node: Node) -> Iterator[Node]:
    """The unlabelled `break`s of a loop's body or of a switch that leave it."""
    if node.type == "break_statement" and not named(node):
        yield node
    for child in node.children:
        if child.type not in _APART:
            yield from leaving(child)


def _labelled_breaks(node: Node) -> Iterator[Node]:
    return (each for each in _within(node) if each.type == "break_statement" and named(each))


def _within(node: Node) -> Iterator[Node]:
    yield node
    for child in node.children:
        if child.type not in _OPAQUE:
            yield from _within(child)


def _statements(group: Node) -> list[Node]:
    return [child for child in named(group) if child.type != "switch_label"]


def switch(node: Node) -> Switch | None:
    """A `switch`, old or new, as a statement or as an expression."""
    condition, body = node.child_by_field_name("condition"), node.child_by_field_name("body")
    if node.type != "switch_expression" or condition is None or body is None:
        return None
    expression = node.parent is not None and node.parent.type not in (*BLOCKS, "labeled_statement", "lambda_expression")
    if node.parent is not None and node.parent.type in ("if_statement", *_LOOPS):
        expression = False
    groups = named(body)
    read = _rules(groups, expression=expression) if _is_new(groups) else _groups(groups, expression=expression)
    return Switch(node, unwrapped(condition), tuple(read), expression)


def _is_new(groups: list[Node]) -> bool:
    return bool(groups) and groups[0].type == "switch_rule"


def _values(group: Node) -> tuple[Node, ...]:
    labels = [child for child in group.children if child.type == "switch_label"]
    return tuple(value for label in labels for value in named(label))


def _rules(groups: list[Node], *, expression: bool) -> Iterator[Case]:
    for group in groups:
        body = named(group)[-1]
        span: tuple[int, int] | None = (body.start_byte, body.end_byte)
        if expression:
            span = _yielded([body])
        elif body.type == "block" and any(True for _ in leaving(body)):
            span = None
        stuck = span is None
        yield Case(group, _values(group), is_default(group), span or (body.start_byte, body.end_byte), stuck)


def _yielded(statements: list[Node]) -> tuple[int, int] | None:
    """The bytes of the one value that a case of a switch expression yields."""
    if len(statements) != 1:
        return None
    only = statements[0]
    if only.type == "block":
        return _yielded(named(only))
    value = named(only)[0] if only.type in ("expression_statement", "yield_statement") and named(only) else None
    return (value.start_byte, value.end_byte) if value is not None else None


def _groups(groups: list[Node], *, expression: bool) -> Iterator[Case]:
    """Old cases. One without statements has those of the next one that has some."""
    for index, group in enumerate(groups):
        filled = next((each for each in groups[index:] if _statements(each)), group)
        statements = _statements(filled)
        if expression:
            span = _yielded(statements)
            stuck = span is None
        else:
            span, stuck = _without_break(statements, last=filled == groups[-1])
        at = filled.end_byte
        yield Case(group, _values(group), is_default(group), span or (at, at), stuck)


def _without_break(statements: list[Node], *, last: bool) -> tuple[tuple[int, int] | None, bool]:
    """The bytes of a case's statements, and whether control can leave them in another way than at their end."""
    if len(statements) == 1 and statements[0].type == "block":
        block = statements[0]
        span, stuck = _without_break(named(block), last=last)
        if span is not None and named(block)[-1].type != "break_statement":
            span = (block.start_byte, block.end_byte)
        return span, stuck
    ended = bool(statements) and statements[-1].type == "break_statement" and not named(statements[-1])
    kept = statements[:-1] if ended else statements
    falls = not (ended or last or any(jumps(each) for each in kept))
    leaves = any(True for each in kept if each.type not in _APART for _ in leaving(each))
    return ((_first(kept[0]), kept[-1].end_byte) if kept else None), falls or leaves


def _first(statement: Node) -> int:
    """Where a case's statements begin: with the comments above the first one."""
    first, at = statement, statement.prev_sibling
    while at is not None and at.type in COMMENTS and at.prev_sibling is not None:
        if at.start_point.row == at.prev_sibling.end_point.row:
            break
        first, at = at, at.prev_sibling
    return first.start_byte


def _answers_nothing(function: Node) -> bool:
    """Whether a lambda is given to what has it do something, or is of such a type: `when(() -> Flags.newUi())`."""
    holder = function.parent
    around = holder.parent if holder is not None else None
    if holder is None or around is None:
        return False
    if around.type == "method_invocation":
        name = around.child_by_field_name("name")
        return name is not None and text(name) in _DOING
    kind = (around if holder.type == "variable_declarator" else holder).child_by_field_name("type")
    return kind is not None and text(kind).partition(b"<")[0] in _OF_DOING


def refused(condition: Node, *, truth: bool) -> bool:
    """Whether a loop or case may not have this constant as its condition, or a lambda without an answer as its body."""
    around = condition.parent
    if around is not None and around.type == "lambda_expression":
        return _answers_nothing(around)
    while around is not None and around.type == "parenthesized_expression":
        condition, around = around, around.parent
    if around is not None and around.type == "guard":
        return True
    if around is None or around.child_by_field_name("condition") != condition:
        return False
    return around.type == "for_statement" or (around.type == "do_statement" and truth)
