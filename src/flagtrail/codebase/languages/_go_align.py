"""Columns of Go, aligned anew where a line of theirs went or changed, as `gofmt` would.

A column is aligned again only where it was aligned before: what nobody formatted stays as it is. Consecutive lines
with the same parts are one column: types, values, tags, bodies of one line, comments behind the code.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

import msgspec
from tree_sitter import Node

from flagtrail.codebase.source import Edit, Source, descendants

_Block = tuple[str, int, int, int, int]
KINDS = ("type", "value", "tag", "keyed", "body", "comment")
_FUNCTIONS = frozenset({"function_declaration", "method_declaration"})
LONG_KEY = 40
"""From here on `gofmt` looks at how much the lengths of two keys differ."""


class _Gap(msgspec.Struct, frozen=True):
    """The blanks in front of one part of a line, in bytes of the file."""

    start: int
    end: int
    before: int
    """The column at which the part in front of it ends, in characters."""

    @property
    def column(self) -> int:
        """The column at which the next part begins."""
        return self.before + self.end - self.start


def aligned(before: Source, after: Source) -> Source:
    """The file after its change, with the columns aligned that the change left ragged."""
    old, new = (each.data.split(b"\n") for each in (before, after))
    if len(old) > MOST_LINES or old == new:
        return after
    blocks = list(_compared(old, new))
    touched = {line for tag, _, _, low, high in blocks if tag != "equal" for line in range(low - 1, high + 1)}
    was = {new_at: low + at for tag, low, _, new_low, new_high in blocks if tag == "equal"
           for at, new_at in enumerate(range(new_low, new_high))}  # fmt: skip
    for kind in KINDS:
        gaps, formerly = _gaps(after, kind), _gaps(before, kind)
        straight = {line for run in _runs(before, formerly) if _is_straight(formerly, run) for line in run}
        edits: list[Edit] = []
        for run in _runs(after, gaps):
            once = [was[line] for line in run if line in was] or [
                line for line in _were(blocks, run) if line in formerly
            ]
            if touched.intersection(run) and once and straight.issuperset(once):
                edits += _straightened(gaps, run)
        after = after.edited(edits) if edits else after
    return after


MOST_LINES = 20_000


def _compared(old: list[bytes], new: list[bytes]) -> Iterator[_Block]:
    """What became of which lines. What stands between two lines that both have once is compared by itself: to compare
    a long file as a whole, where most lines are `}`, takes the square of its length.
    """
    once = _once(old) & _once(new)
    places = {line: number for number, line in enumerate(old) if line in once}
    low = new_low = 0
    for new_high, line in enumerate(new):
        high = places.get(line, -1)
        if high >= low:
            yield from _between(old[low:high], new[new_low:new_high], low, new_low)
            yield "equal", high, high + 1, new_high, new_high + 1
            low, new_low = high + 1, new_high + 1
    yield from _between(old[low:], new[new_low:], low, new_low)


def _between(old: list[bytes], new: list[bytes], low: int, new_low: int) -> Iterator[_Block]:
    from difflib import SequenceMatcher

    blocks = SequenceMatcher(None, old, new, autojunk=False).get_opcodes() if old or new else ()
    for tag, start, end, new_start, new_end in blocks:
        yield tag, low + start, low + end, new_low + new_start, new_low + new_end


def _once(lines: list[bytes]) -> set[bytes]:
    return {line for line, count in Counter(lines).items() if count == 1}


def _were(blocks: Sequence[_Block], run: list[int]) -> Iterator[int]:
    """The lines that those of a run, of which none is as it was, took the place of."""
    for tag, low, high, new_low, new_high in blocks:
        if tag == "replace" and new_low <= run[-1] and run[0] < new_high:
            yield from range(low, high)


def _runs(source: Source, gaps: dict[int, _Gap]) -> Iterator[list[int]]:
    """Consecutive lines that have the part, with the same indentation."""
    run: list[int] = []
    for line in sorted(gaps):
        same = run and line == run[-1] + 1 and source.indent(gaps[line].start) == source.indent(gaps[run[-1]].start)
        if run and not same:
            yield run
            run = []
        run.append(line)
    if run:
        yield run


def _is_straight(gaps: dict[int, _Gap], run: list[int]) -> bool:
    column = max(gaps[line].before for line in run) + 1
    return all(gaps[line].column == column for line in run)


def _straightened(gaps: dict[int, _Gap], run: list[int]) -> Iterator[Edit]:
    column = max(gaps[line].before for line in run) + 1
    for line in run:
        gap = gaps[line]
        if gap.column != column:
            yield Edit(gap.start, gap.end, b" " * (column - gap.before))


def _gaps(source: Source, kind: str) -> dict[int, _Gap]:
    """The gap of this kind of every line that has one."""
    found: dict[int, _Gap] = {}
    for node in descendants(source.tree.root_node):
        place = _gap(node, kind)
        if place is not None:
            start, end = place
            line = source.line_start(start)
            blanks = source.data[start:end]
            if source.line_start(end) == line and not blanks.strip(b" ") and source.data[line:start].strip():
                found[node.start_point.row] = _Gap(start, end, len(source.data[line:start].decode("utf-8", "replace")))
    return found


def _gap(node: Node, kind: str) -> tuple[int, int] | None:
    if kind == "comment":
        return _of_comment(node)
    if kind == "body":
        single = node.type in _FUNCTIONS and node.start_point.row == node.end_point.row
        return _in_front(node.child_by_field_name("body")) if single else None
    around = node.parent
    in_group = around is not None and around.start_point.row < node.start_point.row
    if node.start_point.row != node.end_point.row or not in_group:
        return None
    match node.type, kind:
        case (("const_spec" | "var_spec"), ("type" | "value")):
            part = node.child_by_field_name("type")
            if kind == "value":
                part = next((child for child in node.children if child.type == "="), None)
            return _in_front(part)
        case "field_declaration", ("type" | "tag"):
            part = node.child_by_field_name(kind)
            return _in_front(part) if node.child_by_field_name("name") is not None else None
        case "keyed_element", "keyed":
            return _of_pair(node)
        case _:
            return None


def _in_front(part: Node | None) -> tuple[int, int] | None:
    """The blanks between a part and the one in front of it."""
    previous = part.prev_sibling if part is not None else None
    return (previous.end_byte, part.start_byte) if part is not None and previous is not None else None


def _of_pair(node: Node) -> tuple[int, int] | None:
    key, value = node.child_by_field_name("key"), node.child_by_field_name("value")
    colon = next((child for child in node.children if child.type == ":"), None)
    literal = node.parent
    if key is None or value is None or colon is None or literal is None or key.end_byte - key.start_byte > LONG_KEY:
        return None
    before = node.prev_sibling
    alone = before is not None and before.end_point.row < node.start_point.row
    return (colon.end_byte, value.start_byte) if alone else None


def _of_comment(node: Node) -> tuple[int, int] | None:
    """The blanks before a comment that stands behind code."""
    previous = node.prev_sibling
    if node.type != "comment" or node.start_point.row != node.end_point.row:
        return None
    if previous is None and node.parent is not None:
        previous = node.parent.prev_sibling
    while (
        previous is not None and previous.end_point.row == node.start_point.row and previous.end_byte > node.start_byte
    ):
        previous = previous.prev_sibling
    if previous is None or previous.end_point.row != node.start_point.row:
        return None
    return previous.end_byte, node.start_byte
