"""What an edit changes around it: statements that are never reached any more, and jumps to where control goes anyway.

Java, Kotlin and Go's vet refuse or warn of code that cannot be reached, and an edit deep inside can be why: the last
`break` of a loop without end went, or the last way past an `if` whose other arms all return.
"""

from __future__ import annotations

from tree_sitter import Node

from flagtrail.codebase.languages import Language
from flagtrail.codebase.rewrite.splice import dropped, following, statement_out
from flagtrail.codebase.source import Edit, Source, ancestors, common


def settled(before: Source, made: Source, language: Language) -> Source:
    """A file after an edit, without what the edit left over. May raise Refused."""
    start = common(before.data, made.data)
    end = len(made.data) - common(before.data[:start:-1], made.data[:start:-1])
    shorter = reached(made, language, start, end)
    return _without_idle_jump(shorter, language, start, min(end, len(shorter.data)))


def reached(source: Source, language: Language, start: int, end: int) -> Source:
    """Without the statements behind one that holds some of bytes [start, end) and always jumps; else the same."""
    inner = source.tree.root_node.descendant_for_byte_range(start, start)
    edits: list[Edit] = []
    for block in (inner, *ancestors(inner)) if inner is not None else ():
        for node in block.named_children if block.type in language.BLOCKS else ():
            if start < node.end_byte and node.start_byte < max(end, start + 1) and language.jumps(node):
                edits += dropped(source, language, following(node))
                break
    return source.edited(edits) if edits else source


def _without_idle_jump(source: Source, language: Language, start: int, end: int) -> Source:
    """A `return` that came to stand at the end of its function says nothing there."""
    inner = source.tree.root_node.descendant_for_byte_range(start, start)
    block = next((each for each in (inner, *ancestors(inner)) if each.type in language.BLOCKS), None) if inner else None
    last = _last(language, block) if block is not None else None
    if last is None or not start <= last.start_byte < end or not language.idle(last):
        return source
    return statement_out(source, language, last)


def _last(language: Language, block: Node) -> Node | None:
    return next((each for each in reversed(block.named_children) if each.type not in language.COMMENTS), None)
