"""What an edit changes around it: statements that are never reached any more, and jumps to where control goes anyway.

Java, Kotlin and Go's vet refuse or warn of code that cannot be reached, and an edit deep inside can be why: the last
`break` of a loop without end went, or the last way past an `if` whose other arms all return.
"""

from __future__ import annotations

from tree_sitter import Node

from flagtrail.codebase.languages import Language
from flagtrail.codebase.rewrite.removal import without
from flagtrail.codebase.rewrite.splice import dropped, following
from flagtrail.codebase.source import Edit, Source, ancestors, common


def settled(before: Source, made: Source, language: Language) -> Source:
    """A file after an edit, without what the edit left over. May raise Refused."""
    start = common(before.data, made.data)
    end = len(made.data) - common(before.data[:start:-1], made.data[:start:-1])
    shorter = reached(made, language, start, end)
    joined = _joined(_without_idle_jump(shorter, language, start, end), language, start, end)
    edits = language.reflowed(joined, start, min(end, len(joined.data)))
    return joined.edited(edits) if edits else joined


def reached(source: Source, language: Language, start: int, end: int) -> Source:
    """Without the statements behind one that holds some of bytes [start, end) and always jumps; else the same."""
    inner = source.tree.root_node.descendant_for_byte_range(start, start)
    edits: list[Edit] = []
    for block in (inner, *ancestors(inner)) if inner is not None else ():
        for node in block.named_children if block.type in language.BLOCKS else ():
            if start < node.end_byte and node.start_byte < max(end, start + 1) and language.jumps(node):
                edits += _behind(source, language, node)
                break
    return source.edited(edits) if edits else source


def _behind(source: Source, language: Language, jump: Node) -> list[Edit]:
    """The edits that take out what stands behind a jump, but for a comment beside it, or comments alone."""
    row = jump.end_point.row
    later = [each for each in following(jump) if each.type not in language.COMMENTS or each.start_point.row > row]
    only_comments = all(each.type in language.COMMENTS for each in later)
    return [] if only_comments else dropped(source, language, later)


def _without_idle_jump(source: Source, language: Language, start: int, end: int) -> Source:
    """A `return` that came to stand at the end of its function says nothing there."""
    last = next(iter(reversed(_statements(source, language, start))), None)
    if last is None or not start <= last.start_byte < end or not language.idle(last):
        return source
    return without(source, language, [(last.start_byte, last.end_byte)])


def _joined(source: Source, language: Language, start: int, end: int) -> Source:
    """`int n; if (flag) { n = 1; } else { n = 2; }` is `int n = 1;` in the end."""
    for statement in _statements(source, language, start):
        if start <= statement.start_byte < end:
            edits = language.joined(source, statement)
            return source.edited(edits) if edits else source
    return source


def _statements(source: Source, language: Language, at: int) -> list[Node]:
    """The statements of the innermost block around a byte."""
    inner = source.tree.root_node.descendant_for_byte_range(at, at)
    for node in (inner, *ancestors(inner)) if inner is not None else ():
        if node.type in language.BLOCKS:
            return [each for each in node.named_children if each.type not in language.COMMENTS]
    return []
