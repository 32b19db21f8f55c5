"""JavaScript without semicolons: a line that begins with `(`, `[` or a sign goes on with an open one above it."""

from __future__ import annotations

import re
from collections.abc import Iterable

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
_CLOSED = re.compile(rb";\s*(?://[^\n]*)?\Z|\A(?!.*(?:\b(?:function|class)\b|=\s*\{)).*\}\Z", re.DOTALL)
"""What ends without a semicolon, too: a block, if no function or object is among the text, which goes on with `(`."""


def separated(source: Source, edits: Iterable[Edit]) -> list[Edit]:
    """The edits, with a semicolon wherever a statement would come to stand behind one that it would go on with."""
    made = [_opened(source, edit) for edit in edits]
    ends = {at for edit in made if (at := _end(source, edit)) is not None}
    apart = {at for at in ends if not any(each.start <= at < max(each.end, each.start + 1) for each in made)}
    return [*made, *(Edit(at, at, b";") for at in apart)]


def _opened(source: Source, edit: Edit) -> Edit:
    """An edit whose text does not go on with the statement before it."""
    lead = _after_blank(edit.text, 0)
    if not _GOES_ON.match(edit.text, lead) or not _goes_on_behind(source, edit):
        return edit
    return Edit(edit.start, edit.end, edit.text[:lead] + b";" + edit.text[lead:])


def _end(source: Source, edit: Edit) -> int | None:
    """Where the statement begins that would go on with what comes to stand before it; None where none does."""
    at, text = _after_blank(source.data, edit.end), edit.text[_after_blank(edit.text, 0) :].rstrip()
    if not _GOES_ON.match(source.data, at) or not _begins_statement(source, at):
        return None
    opens = not _CLOSED.search(text) if text else _goes_on_behind(source, edit)
    return at if opens else None


def _goes_on_behind(source: Source, edit: Edit) -> bool:
    before = _statement_before(source, edit)
    return before is not None and before.type in _OPEN_ENDED and not source.text(before).endswith(b";")


def _after_blank(data: bytes, at: int) -> int:
    blank = _BLANK.match(data, at)
    return blank.end() if blank is not None else at


def _statement_before(source: Source, edit: Edit) -> Node | None:
    """The statement that ends before an edit between statements; of `if (a) b()` it is `b()`, also where the edit takes
    the `else` behind it.
    """
    end = len(source.data[: edit.start].rstrip())
    last = node = source.tree.root_node.descendant_for_byte_range(max(end - 1, 0), end)
    while node is not None and node.parent is not None and (node.parent.type not in _BLOCKS or not node.is_named):
        node = node.parent
    while node is not None and node.type == "comment":
        node = node.prev_named_sibling
    if node is None or node.parent is None:
        return None
    if node.end_byte > edit.start:
        return _within(last, edit.start) if last is not None and node.end_byte == edit.end else None
    while node.type in _END_WITH_ANOTHER:
        node = node.named_children[-1]
    return node


def _within(node: Node, end: int) -> Node:
    """The largest part of a statement around a node that ends before a byte."""
    while node.parent is not None and node.parent.end_byte <= end:
        node = node.parent
    return node


def _begins_statement(source: Source, at: int) -> bool:
    node = source.tree.root_node.descendant_for_byte_range(at, at + 1)
    while node is not None and node.start_byte == at:
        if node.parent is not None and node.parent.type in _BLOCKS:
            return True
        node = node.parent
    return False
