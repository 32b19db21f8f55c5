"""JavaScript without semicolons: a line that begins with `(`, `[` or a sign goes on with an open one above it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from tree_sitter import Node

from flagtrail.codebase.source import Edit, Source

_GOES_ON = re.compile(rb"[(\[`/<]|\+(?!\+)|-(?!-)")
_BLANK = re.compile(rb"(?:\s|//[^\n]*|/\*(?s:.*?)\*/)*")
"""What stands between statements."""
_OPEN_ENDED = frozenset(
    {
        "export_statement",
        "expression_statement",
        "lexical_declaration",
        "return_statement",
        "throw_statement",
        "variable_declaration",
    }
)
_END_WITH_ANOTHER = frozenset(
    {"else_clause", "for_in_statement", "for_statement", "if_statement", "labeled_statement", "while_statement"}
)
_BLOCKS = frozenset({"program", "statement_block", "switch_case", "switch_default"})


def separated(source: Source, edits: Iterable[Edit]) -> list[Edit]:
    """The edits, with a semicolon wherever a statement would come to stand behind one that it would go on with."""
    return [each for edit in edits for each in _parted(source, edit)]


def _parted(source: Source, edit: Edit) -> Iterator[Edit]:
    lead, begin = _after_blank(edit.text, 0), _after_blank(source.data, edit.end)
    text = edit.text[lead:]
    first = text[:2] or source.data[begin : begin + 2]
    before = _statement_before(source, edit.start) if _GOES_ON.match(first) else None
    if before is None or before.type not in _OPEN_ENDED or source.text(before).endswith(b";"):
        yield edit
    elif text:
        yield Edit(edit.start, edit.end, edit.text[:lead] + b";" + text)
    else:
        yield edit
        if _begins_statement(source, begin):
            yield Edit(begin, begin, b";")


def _after_blank(data: bytes, at: int) -> int:
    blank = _BLANK.match(data, at)
    return blank.end() if blank is not None else at


def _statement_before(source: Source, at: int) -> Node | None:
    """The statement that ends before a byte, if the byte stands between statements; of `if (a) b()` it is `b()`."""
    end = len(source.data[:at].rstrip())
    node = source.tree.root_node.descendant_for_byte_range(max(end - 1, 0), end)
    while node is not None and node.parent is not None and node.parent.type not in _BLOCKS:
        node = node.parent
    while node is not None and node.type == "comment":
        node = node.prev_named_sibling
    if node is None or node.parent is None or node.end_byte > at:
        return None
    while node.type in _END_WITH_ANOTHER:
        node = node.named_children[-1]
    return node


def _begins_statement(source: Source, at: int) -> bool:
    node = source.tree.root_node.descendant_for_byte_range(at, at + 1)
    while node is not None and node.start_byte == at:
        if node.parent is not None and node.parent.type in _BLOCKS:
            return True
        node = node.parent
    return False
