"""Several stretches of a file taken out at once, with what belonged to them and what would be left empty."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable, Iterator

from tree_sitter import Node

from flagtrail.codebase.languages import Language
from flagtrail.codebase.rewrite.splice import out
from flagtrail.codebase.shapes import Chain
from flagtrail.codebase.source import Edit, Source, ancestors

Span = tuple[int, int]

_FOR_NEXT_LINE = re.compile(
    rb"eslint-disable-next-line|@ts-(?:ignore|expect-error)|prettier-ignore|biome-ignore|noinspection|nolint|^//go:"
    rb"|(?:istanbul|v8|c8) ignore next|^#\s*(?:noqa|type:|pylint:|pragma:|fmt:)"
)
"""A comment that is an instruction about the statement below it."""
_CLOSE_A_CASE = (b"case ", b"default:")
_DOCUMENTS = (b"/**", b"///")


def without(source: Source, language: Language, spans: Iterable[Span], edits: Iterable[Edit] = ()) -> Source:
    """The file without these bytes, and with these edits elsewhere.

    A comment goes with the statement it stands above or beside; a block that must not be empty gets a statement that
    does nothing; an `if` that decides nothing any more goes where its condition does nothing else.
    """
    gone = _joined(source, spans)
    gone = _joined(source, [_grown(source, language, span, gone) for span in gone])
    gone = _joined(source, [_with_comments(source, language, span) for span in gone])
    return source.edited(_apart([*edits, *(_edit(source, language, span) for span in gone)]))


def undocumented(before: Source, after: Source, language: Language) -> Source:
    """The file without texts that came to stand where they would document what they stand in, and said nothing."""
    known = {before.text(each) for each in language.documentation(before)}
    found = [each for each in language.documentation(after) if after.text(each) not in known]
    return without(after, language, [(each.start_byte, each.end_byte) for each in found]) if found else after


def _joined(source: Source, spans: Iterable[Span]) -> list[Span]:
    """In order, and one where there is nothing between two."""
    joined: list[Span] = []
    for start, end in sorted(spans):
        if joined and (start <= joined[-1][1] or not source.data[joined[-1][1] : start].strip()):
            joined[-1] = (joined[-1][0], max(end, joined[-1][1]))
        else:
            joined.append((start, end))
    return joined


def _apart(edits: Iterable[Edit]) -> Iterator[Edit]:
    """Those that do not overlap one in front of them."""
    at = 0
    for edit in sorted(edits):
        if edit.start >= at:
            yield edit
            at = edit.end


def _edit(source: Source, language: Language, span: Span) -> Edit:
    statement = _statement(source, language, span)
    if statement is None or statement.parent is None:
        return out(source, *span)
    block = statement.parent
    if not _is_block(language, block):
        return Edit(*span, language.EMPTY)
    if block.parent is not None and language.BLOCK_NEEDS_STATEMENT and _emptied(language, block, [span]):
        return Edit(*span, language.EMPTY)
    return out(source, *span)


def _grown(source: Source, language: Language, span: Span, gone: list[Span]) -> Span:
    """The span, grown to the `if`, or the group of tests, of which nothing is left."""
    while True:
        statement = _statement(source, language, span)
        block = statement.parent if statement is not None else None
        if statement is None or block is None:
            return span
        body = _whole(language, block) if _is_block(language, block) else statement
        chain, holder = _chain(language, body), language.holder(body)
        if chain is not None and _decides_nothing(language, chain, body, [span, *gone]):
            span = chain.node.start_byte, chain.node.end_byte
        elif holder is not None and (
            _emptied(language, body, [span, *gone]) or _untested(language, body, [span, *gone])
        ):
            span = holder.start_byte, holder.end_byte
        else:
            return span


def _decides_nothing(language: Language, chain: Chain, body: Node, gone: list[Span]) -> bool:
    """Whether nothing is left of an `if` that a body is of, whose conditions do nothing."""
    bodies = [*(arm.body for arm in chain.arms), *([chain.otherwise] if chain.otherwise is not None else [])]
    silent = chain.initializer is None and all(language.pure(arm.condition) for arm in chain.arms)
    return silent and body in bodies and all(_emptied(language, each, gone) for each in bodies)


def _chain(language: Language, body: Node) -> Chain | None:
    """The `if` that a body is a part of."""
    around = itertools.takewhile(lambda above: not _is_block(language, above), ancestors(body))
    return next((chain for above in around if (chain := language.chain(above)) is not None), None)


def _whole(language: Language, block: Node) -> Node:
    """A block with its braces, where the grammar puts its statements in a list of their own."""
    around = block.parent
    return (
        around if around is not None and _is_block(language, around) and _solid(language, around) == [block] else block
    )


def _solid(language: Language, block: Node) -> list[Node]:
    return [each for each in block.named_children if each.type not in language.COMMENTS]


def _emptied(language: Language, body: Node, gone: list[Span]) -> bool:
    """Whether all statements of a body are within what goes."""
    if any(start <= body.start_byte and body.end_byte <= end for start, end in gone):
        return True
    return _is_block(language, body) and all(_emptied(language, each, gone) for each in _solid(language, body))


def _untested(language: Language, body: Node, gone: list[Span]) -> bool:
    """Whether the tests of a group are within what goes, and what is left in it is there for them alone."""
    inner = _solid(language, body)
    going = [each for each in inner if any(start <= each.start_byte and each.end_byte <= end for start, end in gone)]
    tests = (language.test_case(part) for each in going for part in each.named_children)
    return any(tests) and all(each in going or language.prepares(each) for each in inner)


def _is_block(language: Language, node: Node) -> bool:
    return node.type in language.BLOCKS or node.parent is None


def _statement(source: Source, language: Language, span: Span) -> Node | None:
    """The first statement that a span holds all of; None where it is a part of one."""
    node = source.tree.root_node.descendant_for_byte_range(span[0], span[0] + 1)
    while node is not None and node.parent is not None and node.end_byte <= span[1]:
        if node.start_byte != span[0]:
            return None
        parent = node.parent
        if _is_block(language, parent) or _sole_body(language, parent, node):
            return node
        node = parent
    return None


def _sole_body(language: Language, parent: Node, node: Node) -> bool:
    """Whether a statement is the body of something, without a block."""
    chain = language.chain(parent)
    if chain is not None and (node == chain.otherwise or any(node == arm.body for arm in chain.arms)):
        return True
    loop = language.loop(parent)
    return loop is not None and loop.body == node


def _with_comments(source: Source, language: Language, span: Span) -> Span:
    start, end = span
    if source.data[source.line_start(start) : start].strip():
        return span
    beside = _beside(source, language, end)
    end = beside.end_byte if beside is not None else end
    statement = _statement(source, language, span)
    if statement is None:
        return start, end
    above = list(_comments_above(source, language, statement))
    if above and above[-1].start_byte > 0 and (_alone_below(source, language, end) or _owned(source, statement, above)):
        return above[-1].start_byte, end
    instructions = [each.start_byte for each in above if _FOR_NEXT_LINE.search(source.text(each))]
    return min([start, *instructions]), end


def _beside(source: Source, language: Language, end: int) -> Node | None:
    """The comment that ends a line of which everything else goes."""
    line = source.data[end : source.line_end(end)].rstrip()
    if source.data[end - 1 : end] == b"\n" or not line:
        return None
    at = end + len(line) - len(line.lstrip(b" \t,;"))
    node = source.tree.root_node.descendant_for_byte_range(at, at + 1)
    return node if node is not None and node.type in language.COMMENTS and node.end_byte == end + len(line) else None


def _comments_above(source: Source, language: Language, statement: Node) -> Iterator[Node]:
    """The comments directly above, each on lines of its own, the nearest first."""
    at, row = statement.prev_sibling, statement.start_point.row
    while at is not None and at.type in language.COMMENTS:
        last = at.end_point.row - (at.end_point.column == 0)
        if last != row - 1 or source.data[source.line_start(at.start_byte) : at.start_byte].strip():
            return
        yield at
        row = at.start_point.row
        at = at.prev_sibling


def start_with_comments(language: Language, node: Node) -> int:
    """Where the comments begin that stand right above a node, as far in as it."""
    start, row = node.start_byte, node.start_point.row
    at = node.prev_sibling
    while at is not None and at.type in language.COMMENTS:
        if at.end_point.row != row - 1 or at.start_point.column != node.start_point.column:
            break
        start, row = at.start_byte, at.start_point.row
        at = at.prev_sibling
    return start


def _alone_below(source: Source, language: Language, end: int) -> bool:
    """Whether the lines above were about what goes alone: no further statement follows on the next line."""
    following = source.line_end(max(end - 1, 0))
    line = source.data[following : source.line_end(following)].strip()
    if not line or line[:1] in (b"}", b")", b"]") or line.startswith(_CLOSE_A_CASE):
        return True
    at = following + len(source.indent(following))
    node = source.tree.root_node.descendant_for_byte_range(at, at + 1)
    return node is not None and node.type in language.COMMENTS


def _owned(source: Source, statement: Node, above: list[Node]) -> bool:
    """Whether comments document just this statement: by their form, or since they begin with the name it defines."""
    first = source.text(above[-1])
    if first.startswith(_DOCUMENTS):
        return True
    words = first.lstrip(b"/#*! \t").split(None, 1)
    return bool(words) and words[0] in source.text(statement).split(b"(", 1)[0].split()


def element(source: Source, node: Node) -> Span:
    """One of several with commas between, with one comma: its whole lines, where it stands on lines of its own."""
    while node.parent is not None and not _is_listed(node):
        node = node.parent
    before, after = node.prev_sibling, node.next_sibling
    if before is not None and before.type == "(" and after is not None and after.type == ",":
        closing = after.next_sibling
        if closing is not None and closing.type == ")":
            return before.end_byte, closing.start_byte
    if after is not None and after.type == ",":
        line, end = source.line_start(node.start_byte), source.line_end(after.end_byte)
        if not source.data[line : node.start_byte].strip() and not source.data[after.end_byte : end].strip():
            return line, end
        following = after.next_sibling
        last = following.start_byte if following is not None and following.is_named else after.end_byte
        return node.start_byte, last
    if before is not None and before.type == ",":
        return before.start_byte, node.end_byte
    return node.start_byte, node.end_byte


def _is_listed(node: Node) -> bool:
    before, after = node.prev_sibling, node.next_sibling
    return before is not None and after is not None and before.type in ("(", ",") and after.type in (")", ",")
