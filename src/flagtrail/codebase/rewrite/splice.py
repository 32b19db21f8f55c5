"""Taking statements out of a file and putting a kept block in another's place, so that it reads as if written so."""

from __future__ import annotations

from tree_sitter import Node

from flagtrail.codebase.languages import Language
from flagtrail.codebase.rewrite.refused import Refused
from flagtrail.codebase.shapes import Settled
from flagtrail.codebase.source import Edit, Source, descendants


def put(source: Source, start: int, end: int, text: bytes) -> Edit:
    """Bytes in place of others, with a blank between where two words would run together."""
    before, after = source.data[start - 1 : start], source.data[end : end + 1]
    if text and _word(before) and _word(text[:1]):
        text = b" " + text
    if text and _word(text[-1:]) and _word(after):
        text += b" "
    return Edit(start, end, text)


def out(source: Source, start: int, end: int) -> Edit:
    """Bytes taken out: whole lines where nothing else stands on them, and no blank lines piled up where they stood."""
    data = source.data
    first, last = source.line_start(start), source.line_end(max(end - 1, start))
    before, after = data[first:start], data[end:last]
    if before.strip() and after.strip():
        between = before.rstrip()[-1:] == b"{" and after.lstrip()[:1] == b"}"
        return Edit(start, end + (len(after) - len(after.lstrip(b" \t")) if between else 0))
    if before.strip():
        return Edit(start - (len(before) - len(before.rstrip(b" \t"))), end)
    if after.strip():
        return Edit(start, end + len(after) - len(after.lstrip(b" \t")))
    return _lines_out(source, first, last)


def _lines_out(source: Source, first: int, last: int) -> Edit:
    """Whole lines [first, last), and of the blank lines around them as many as belong there."""
    data, begin, end = source.data, first, last
    while begin > 0 and not data[source.line_start(begin - 1) : begin].strip():
        begin = source.line_start(begin - 1)
    while end < len(data) and not data[end : source.line_end(end)].strip():
        end = source.line_end(end)
    above, below = data[begin:first], data[last:end]
    previous = data[source.line_start(begin - 1) : begin].rstrip() if begin else b""
    following = data[end : source.line_end(end)]
    depth = len(source.indent(end)) if following else 0
    opens = not previous or previous.endswith((b"{", b"(", b"[", b":", b"=>"))
    closes = not following or following.lstrip()[:1] in (b"}", b")", b"]")
    ends = not below and depth < len(source.indent(first))
    if (opens and begin) or closes or not begin or ends:
        kept = b""
    else:
        kept = max(above, below, key=lambda blank: blank.count(b"\n"))
    if closes and following and not opens and not above and below:
        kept = b""
    return Edit(begin, end, kept)


def settled_in(source: Source, language: Language, settled: Settled) -> Source:
    """The file with what a language made of a place and what stands around it."""
    if settled.span is not None:
        text = moved(source, language, settled.span, source.indent(settled.start))
        return source.edited([Edit(settled.start, settled.end, text)])
    if settled.text:
        return source.edited([Edit(settled.start, settled.end, settled.text)])
    return source.edited([out(source, settled.start, settled.end)])


def statement_out(source: Source, language: Language, node: Node) -> Source:
    """A statement taken out, with what must then stand in its place for the rest to be valid."""
    parent = node.parent
    if parent is None or parent.type not in language.BLOCKS:
        return source.edited([Edit(node.start_byte, node.end_byte, language.EMPTY)])
    alone = all(each.id == node.id or each.type in language.COMMENTS for each in parent.named_children)
    if alone and language.BLOCK_NEEDS_STATEMENT and parent.parent is not None:
        holder = language.holder(parent)
        if holder is not None:
            return source.edited([out(source, holder.start_byte, holder.end_byte)])
        return source.edited([Edit(node.start_byte, node.end_byte, language.EMPTY)])
    return source.edited([out(source, node.start_byte, node.end_byte)])


def reindented(source: Source, language: Language, span: tuple[int, int], indent: bytes) -> bytes:
    """Bytes of whole statements as they read at another indentation. Inner lines of texts stay as they are."""
    start, end = span
    if source.data[source.line_start(start) : start].strip():
        return source.data[start:end]
    return _shifted(source, language, span, source.indent(start), indent)


def moved(source: Source, language: Language, span: tuple[int, int], indent: bytes) -> bytes:
    """Bytes of an expression as they read at another indentation: that of its last line, where that only closes it."""
    start, end = span
    last = source.line_start(end - 1)
    closes = last > start and source.data[last:end].lstrip()[:1] in (b")", b"}", b"]", b"<", b"/", b">")
    return _shifted(source, language, span, source.indent(end - 1 if closes else start), indent)


def _shifted(source: Source, language: Language, span: tuple[int, int], old: bytes, indent: bytes) -> bytes:
    start, end = span
    fixed = _verbatim(source, language, start, end)
    lines, at = [], start
    for line in source.data[start:end].splitlines(keepends=True):
        if (
            at != start
            and line.strip()
            and not any(begin < at < stop for begin, stop in fixed)
            and line.startswith(old)
        ):
            lines.append(indent + line[len(old) :])
        else:
            lines.append(line)
        at += len(line)
    return b"".join(lines)


def _verbatim(source: Source, language: Language, start: int, end: int) -> list[tuple[int, int]]:
    top = source.tree.root_node.descendant_for_byte_range(start, end)
    if top is None:
        return []
    return [
        (node.start_byte, node.end_byte)
        for node in descendants(top)
        if node.type in language.VERBATIM and node.start_point.row != node.end_point.row
    ]


def unwrapped(source: Source, language: Language, statement: Node, body: Node) -> Source:
    """The statements of `body` in place of `statement`, which holds it; what follows a jump among them goes."""
    span = language.interior(source, body)
    parent = statement.parent
    if span[0] >= span[1] or source.data[slice(*span)] == language.EMPTY:
        return statement_out(source, language, statement)
    text = reindented(source, language, span, source.indent(statement.start_byte))
    if parent is None or parent.type not in language.BLOCKS:
        return _unwrapped_in_place(source, language, statement, body, text)
    jumps = _jumps(language, body)
    later = following(statement) if jumps else []
    clash = language.clash(statement, body, later)
    if clash is not None and clash.inside:
        return source.edited(Edit(*mend) for mend in clash.inside)
    edits = [put(source, statement.start_byte, statement.end_byte, text)]
    if clash is not None and clash.name is not None:
        edits = [Edit(statement.start_byte, statement.end_byte, _kept_apart(source, language, body, clash.name))]
    elif clash is not None:
        edits += [Edit(*mend) for mend in clash.outside]
    return source.edited([*edits, *dropped(source, language, later)])


def _kept_apart(source: Source, language: Language, body: Node, name: Node) -> bytes:
    block = language.bare_block(source, body)
    if block is None:
        raise Refused("name_clash", f"{source.text(name).decode()} is a name outside of the block as well")
    return block


def _unwrapped_in_place(source: Source, language: Language, statement: Node, body: Node, text: bytes) -> Source:
    """Where the grammar wants one statement: a block stays a block."""
    if source.data[body.start_byte : body.start_byte + 1] == b"{":
        text = reindented(source, language, (body.start_byte, body.end_byte), source.indent(statement.start_byte))
    return source.edited([put(source, statement.start_byte, statement.end_byte, text)])


def dropped(source: Source, language: Language, statements: list[Node]) -> list[Edit]:
    """The edits that take out statements which are never reached, but for those that mean something all the same."""
    edits: list[Edit] = []
    run: list[Node] = []
    for each in [*statements, None]:
        if each is not None and not language.must_stay(each):
            run.append(each)
        elif run:
            edits.append(out(source, run[0].start_byte, run[-1].end_byte))
            run = []
    return edits


def following(statement: Node) -> list[Node]:
    """The statements and comments behind a statement in its block."""
    later, at = [], statement.next_named_sibling
    while at is not None:
        later.append(at)
        at = at.next_named_sibling
    return later


def _jumps(language: Language, body: Node) -> bool:
    if body.type not in language.BLOCKS:
        return language.jumps(body)
    inner = [each for each in body.named_children if each.type not in language.COMMENTS]
    return any(language.jumps(each) for each in inner)


def _word(byte: bytes) -> bool:
    return byte.isalnum() or byte in (b"_", b"$")
