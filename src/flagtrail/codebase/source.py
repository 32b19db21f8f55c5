"""One file's bytes with their syntax tree, and edits of it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import cache
from typing import TYPE_CHECKING

import msgspec
from tree_sitter import Node, Parser, Tree

if TYPE_CHECKING:
    import difflib

MOST_BYTES = 1_000_000
"""Larger files are written by machines."""
MOST_DEPTH = 200
"""Nodes around a node. What people write has up to 90, and long sums and unions of generated files more."""
MOST_LOOSE = 2_000
"""Parts of code that cannot be parsed."""

Parse = Callable[[bytes, Tree | None], Tree]
"""Makes the tree of bytes; from an older tree, which was told the edits, it takes what did not change."""
Parted = Callable[["Source", Iterable["Edit"]], Iterable["Edit"]]


class Edit(msgspec.Struct, frozen=True, order=True):
    """Bytes [start, end) become `text`."""

    start: int
    end: int
    text: bytes = b""


class Source(msgspec.Struct, frozen=True):
    """A file as it stands, parsed."""

    path: str
    data: bytes
    parse: Parse
    tree: Tree
    parted: Parted | None = None
    """What a language does to edits so that neighbours do not run together."""
    unread: str = ""
    """Why no tree was made of the file, in words: the tree is empty then. Nothing is known of what stands in it."""

    @classmethod
    def read(cls, path: str, data: bytes, parse: Parse, parted: Parted | None = None) -> Source:
        """Parsed, but for what could take very long, or could not be read at all."""
        why = _unread(data)
        tree = parse(b"" if why else data, None)
        why = why or _unfollowed(tree.root_node)
        tree = parse(b"", None) if why else tree
        return cls(path, data, parse, tree, parted, why)

    @classmethod
    def of(cls, path: str, data: bytes, parse: Parse, parted: Parted | None = None) -> Source:
        """Parsed."""
        return cls(path, data, parse, parse(data, None), parted)

    def edited(self, edits: Iterable[Edit]) -> Source:
        """After edits, which must not overlap, parsed anew."""
        pieces, at = [], 0
        ordered = sorted(edits if self.parted is None else self.parted(self, edits))
        for edit in ordered:
            if edit.start < at:
                raise ValueError(f"{self.path}: edits overlap at byte {edit.start}")
            pieces += [self.data[at : edit.start], edit.text]
            at = edit.end
        data = b"".join([*pieces, self.data[at:]])
        return Source(self.path, data, self.parse, self._parsed(data, ordered), self.parted)

    def _parsed(self, data: bytes, edits: list[Edit]) -> Tree:
        """The tree of the bytes that edits made: what they left of this one is taken from it, where that is sure."""
        root = self.tree.root_node
        if not edits or root.has_error:  # around a defect the parser guesses, and how hangs on where it begins
            return self.parse(data, None)
        begin, end = around(root, self.data, edits[0].start, edits[-1].end)
        if (end - begin) * 2 > len(self.data):
            return self.parse(data, None)
        old, grown = self.tree.copy(), len(data) - len(self.data)
        first, last = _told(root, self.data, edits[0].start, edits[-1].end)
        points = _point(self.data, first), _point(self.data, last), _point(data, last + grown)
        old.edit(first, last, last + grown, *points)
        made = self.parse(data, old)
        return made if self._is_same(made, data, begin, end + grown) else self.parse(data, None)

    def _is_same(self, made: Tree, data: bytes, begin: int, end: int) -> bool:
        """Whether the statements of a file in some of its bytes are what they are when they are read alone.

        Where a grammar allows two readings (`await (a)`), a parser that was told what stood there before may choose
        the other one.
        """
        if made.root_node.has_error:
            return False
        alone = self.parse(data[begin:end], None).root_node
        return not alone.has_error and [
            (node.start_byte - begin, node.end_byte - begin, str(node)) for node in within(made.root_node, begin, end)
        ] == [(node.start_byte, node.end_byte, str(node)) for node in alone.children]

    def text(self, node: Node) -> bytes:
        """What a node was parsed from."""
        return self.data[node.start_byte : node.end_byte]

    def line_start(self, at: int) -> int:
        """The first byte of the line that byte `at` is in."""
        return self.data.rfind(b"\n", 0, at) + 1

    def line_end(self, at: int) -> int:
        """One past the last byte of that line, its newline included."""
        end = self.data.find(b"\n", at)
        return len(self.data) if end < 0 else end + 1

    def indent(self, at: int) -> bytes:
        """The blanks that the line of byte `at` begins with."""
        line = self.data[self.line_start(at) : self.line_end(at)]
        return line[: len(line) - len(line.lstrip(b" \t"))]

    def line(self, at: int) -> int:
        """The number of the line that byte `at` is in, from 1."""
        return self.data.count(b"\n", 0, at) + 1

    def line_at(self, number: int) -> int:
        """The byte at which the code of a line begins, by its number from 1."""
        at = 0
        for _ in range(number - 1):
            at = self.line_end(at)
        return at + len(self.indent(at))

    @property
    def again(self) -> int:
        """About how many bytes an edit costs: of the statements that are read again, and a tenth of what is copied."""
        root = self.tree.root_node
        largest = max((node.end_byte - node.start_byte for node in root.children), default=0)
        whole = len(self.data)
        return whole if root.has_error else min(whole, 3 * largest + whole // 10)

    @property
    def defects(self) -> int:
        """How many ERROR and MISSING nodes the tree has. Valid files have some too: what counts is that none come."""
        root = self.tree.root_node
        return sum(node.is_error or node.is_missing for node in descendants(root)) if root.has_error else 0


def _unread(data: bytes) -> str:
    if len(data) > MOST_BYTES:
        return "the file is larger than people write them"
    try:
        data.decode()
    except UnicodeDecodeError:
        return "the file is no UTF-8"
    return "the file holds bytes that no text has" if b"\0" in data else ""


def _unfollowed(root: Node) -> str:
    """Why a tree is not looked at, in words. Parts that are too small to be nested too deep are not looked into."""
    around = [(root, 0)]
    while around:
        node, depth = around.pop()
        if depth > MOST_DEPTH:
            return "the file is nested too deep to be followed"
        if node.is_error and node.child_count > MOST_LOOSE:
            return "the file cannot be parsed"
        if depth + node.descendant_count > MOST_DEPTH:
            around += [(each, depth + 1) for each in node.children]
    return ""


def _point(data: bytes, at: int) -> tuple[int, int]:
    return data.count(b"\n", 0, at), at - data.rfind(b"\n", 0, at) - 1


def descendants(node: Node) -> Iterator[Node]:
    """A node and all below it, in the order of the text."""
    cursor = node.walk()
    while True:
        yield cursor.node  # type: ignore[misc] # None only for a tree that is gone
        if cursor.goto_first_child() or cursor.goto_next_sibling():
            continue
        while cursor.goto_parent():
            if cursor.goto_next_sibling():
                break
        else:
            return


def parsed(parser: Parser, data: bytes, old: Tree | None) -> Tree:
    """The tree of bytes, by a parser that may have one from before."""
    return parser.parse(data) if old is None else parser.parse(data, old)


def around(root: Node, data: bytes, start: int, end: int) -> tuple[int, int]:
    """The bytes of a file's statements that hold some of [start, end), with the one before and the one behind."""
    first = next(within(root, start, len(data)), None)
    before = data[: min(start, first.start_byte) if first is not None else start].rstrip()
    begin = next(within(root, len(before) - 1, len(data)), None) if before else None
    behind = next((node for node in within(root, end, len(data)) if node.start_byte > end), None)
    return begin.start_byte if begin is not None else 0, behind.end_byte if behind is not None else len(data)


def _told(root: Node, data: bytes, start: int, end: int) -> tuple[int, int]:
    """What a parser is told of an edit of [start, end): that it goes on until the next statement of the file begins,
    and began within the one it is in. Told of an edge of a block alone, Python's reads the rest of the file again.
    """
    own = next(within(root, start, len(data)), None)
    behind = next((node for node in within(root, end, len(data)) if node.start_byte >= end), None)
    first = start if own is None else min(start, own.start_byte + 1)
    return first, behind.start_byte if behind is not None else len(data)


def within(root: Node, begin: int, end: int) -> Iterator[Node]:
    """The statements of a file in some of its bytes."""
    cursor = root.walk()
    more = cursor.goto_first_child_for_byte(begin) is not None
    while more and (node := cursor.node) is not None and node.start_byte < end:
        yield node
        more = cursor.goto_next_sibling()


def ancestors(node: Node) -> Iterator[Node]:
    """The nodes above a node, the nearest first."""
    at = node.parent
    while at is not None:
        yield at
        at = at.parent


def common(before: bytes, after: bytes) -> int:
    """How many bytes both begin with."""
    low, high = 0, min(len(before), len(after))
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if before[low:middle] == after[low:middle] else (low, middle - 1)
    return low


def lines_before(after: bytes, before: bytes) -> Callable[[int], int]:
    """From a line of the file as it became to the line it was."""
    old, new = before.splitlines(), after.splitlines()
    pairs = enumerate(zip(old, new, strict=False))
    same = next((at for at, (one, other) in pairs if one != other), min(len(old), len(new)))

    @cache
    def blocks() -> list[difflib.Match]:
        import difflib

        return difflib.SequenceMatcher(None, old[same:], new[same:]).get_matching_blocks()

    def was(line: int) -> int:
        if line <= same:
            return line
        last = max((block for block in blocks() if block.b < line - same), key=lambda block: block.b, default=None)
        return line if last is None else same + last.a + min(line - same - last.b, max(last.size, 1))

    return was
