"""How Python is laid out where an edit made an expression short: as the formatters that break it in parentheses do."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import pairwise

from tree_sitter import Node

from flagtrail.codebase.languages._python_grammar import nodes
from flagtrail.codebase.source import Edit, Source, ancestors, descendants

_WRAPPED = {"if_statement", "elif_clause", "while_statement", "return_statement", "assignment", "assert_statement"}
"""Where parentheses around the whole only allow that lines end."""
_BYTES = re.compile(rb"\w*[bft]\w*[\"']", re.IGNORECASE)
"""What begins a text that documents nothing."""
_WIDTHS = (79, 88, 100, 120)
_MOST_BEYOND = 0.005
"""The share of a file's lines that may be longer than its width: texts and addresses."""


def reflowed(source: Source, start: int, end: int) -> tuple[Edit, ...]:
    """An expression in parentheses, over several lines, on one line without them where it fits."""
    wrapped = _around(source, start, end)
    if wrapped is None or not _can_join(wrapped):
        return ()
    lines = source.data[wrapped.start_byte + 1 : wrapped.end_byte - 1].decode().split("\n")
    if lines[0].strip() or lines[-1].strip():
        return ()
    joined = _joined([line.strip() for line in lines[1:-1]]).encode()
    before = source.data[source.line_start(wrapped.start_byte) : wrapped.start_byte]
    after = source.data[wrapped.end_byte : source.line_end(wrapped.end_byte)].rstrip()
    if len((before + joined + after).decode()) > _width(source):
        return ()
    return (Edit(wrapped.start_byte, wrapped.end_byte, joined),)


def _around(source: Source, start: int, end: int) -> Node | None:
    inner = source.tree.root_node.descendant_for_byte_range(start, end)
    for node in (inner, *ancestors(inner)) if inner is not None else ():
        above = node.parent
        if above is None or node.type == "block":
            return None
        if node.type == "parenthesized_expression" and above.type in _WRAPPED:
            return node if node.start_point.row < node.end_point.row else None
    return None


def _can_join(wrapped: Node) -> bool:
    """Not where a comment, a text over lines or a comma at a line's end would be lost or means that lines stay."""
    for node in descendants(wrapped):
        following = node.next_sibling
        if node.type in {"comment", "yield", "named_expression", "line_continuation"}:
            return False
        if node.type == "string" and node.start_point.row != node.end_point.row:
            return False
        if node.type == "," and following is not None and following.type in {")", "]", "}"}:
            return False
    return True


def _joined(lines: list[str]) -> str:
    text = ""
    for line in lines:
        glued = not text or text[-1] in "([{" or line[:1] in ")]}."
        text += line if glued else f" {line}"
    return text


def _width(source: Source) -> int:
    lengths = [len(line) for line in source.data.decode("utf-8", "replace").splitlines()]
    allowed = len(lengths) * _MOST_BEYOND
    return next((width for width in _WIDTHS if sum(length > width for length in lengths) <= allowed), _WIDTHS[-1])


def documentation(source: Source) -> Iterator[Node]:
    """The statements by which modules, classes and functions are documented."""
    for body in nodes(source.tree.root_node, "module", "block"):
        first = next((each for each in body.named_children if each.type != "comment"), None)
        holds = body.parent is None or body.parent.type in {"function_definition", "class_definition"}
        if holds and first is not None and first.type == "expression_statement" and _is_text(first.children[0]):
            yield first


def _is_text(node: Node) -> bool:
    parts = node.children if node.type == "concatenated_string" else [node]
    plain = all(part.type == "string" and not _BYTES.match(part.text or b"") for part in parts)
    return plain and node.next_sibling is None


def spaced(before: Source, after: Source) -> Source:
    """Functions and classes that came to the top of a module, with two blank lines around, where others have them."""
    were = {_called(node) for node in before.tree.root_node.named_children}
    statements = after.tree.root_node.named_children
    gaps: dict[int, Edit] = {}
    for at, node in enumerate(statements):
        name = _called(node)
        if not name or name in were:
            continue
        first = at
        while first and statements[first - 1].type == "comment" and _adjacent(statements[first - 1], statements[first]):
            first -= 1
        for above, below in ((first - 1, first), (at, at + 1)):
            if above >= 0 and below < len(statements):
                gap = _gap(after, statements[above], statements[below])
                gaps |= {gap.start: gap} if gap is not None else {}
    return after.edited(gaps.values()) if gaps and _apart(before) else after


def _called(node: Node) -> str:
    definition = node.child_by_field_name("definition") if node.type == "decorated_definition" else node
    if definition is None or definition.type not in {"function_definition", "class_definition"}:
        return ""
    name = definition.child_by_field_name("name")
    return "" if name is None else (name.text or b"").decode()


def _adjacent(above: Node, below: Node) -> bool:
    return above.start_point.row == below.start_point.row - 1


def _gap(source: Source, above: Node, below: Node) -> Edit | None:
    blank = source.data[above.end_byte : below.start_byte]
    if blank.strip() or not 0 < blank.count(b"\n") < len("\n\n\n"):
        return None
    line = b"\r\n" if b"\r\n" in blank else b"\n"
    return Edit(above.end_byte, below.start_byte, line * 3)


def _apart(source: Source) -> bool:
    """Whether most functions of a module have two blank lines above."""
    statements = source.tree.root_node.named_children
    rows = [
        below.start_point.row - above.end_point.row
        for above, below in pairwise(statements)
        if _called(below) and above.type != "comment"
    ]
    return sum(row > len("\n\n") for row in rows) > len(rows) / 2
