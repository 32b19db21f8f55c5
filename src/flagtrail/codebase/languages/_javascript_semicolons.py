"""JavaScript without semicolons: a line that begins with `(` or `[` goes on with an open one above it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from tree_sitter import Node

from flagtrail.codebase.source import Edit, Source

_GOES_ON = (b"(", b"[", b"`")
_BLANK = re.compile(rb"(?:\s|//[^\n]*|/\*(?s:.*?)\*/)*")
"""What stands between statements."""
_OPEN_ENDED = frozenset({"export_statement", "expression_statement", "lexical_declaration", "variable_declaration"})
_BLOCKS = frozenset({"program", "statement_block", "switch_case", "switch_default"})


def separated(source: Source, edits: Iterable[Edit]) -> list[Edit]:
    """The edits, with a semicolon wherever a statement would come to stand behind one that it would go on with."""
    return [each for edit in edits for each in _parted(source, edit)]


def _parted(source: Source, edit: Edit) -> Iterator[Edit]:
    lead, begin = _after_blank(edit.text, 0), _after_blank(source.data, edit.end)
    text = edit.text[lead:]
    first = text[:1] or source.data[begin : begin + 1]
    before = _statement_before(source, edit.start) if first in _GOES_ON else None
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
    """The statement that ends before a byte, if the byte stands between statements."""
    end = len(source.data[:at].rstrip())
    node = source.tree.root_node.descendant_for_byte_range(max(end - 1, 0), end)
    while node is not None and node.parent is not None and node.parent.type not in _BLOCKS:
        node = node.parent
    while node is not None and node.type == "comment":
        node = node.prev_named_sibling
    return node if node is not None and node.parent is not None and node.end_byte <= at else None


def _begins_statement(source: Source, at: int) -> bool:
    node = source.tree.root_node.descendant_for_byte_range(at, at + 1)
    while node is not None and node.start_byte == at:
        if node.parent is not None and node.parent.type in _BLOCKS:
            return True
        node = node.parent
    return False
