"""Where a name stands in a file, and what for: the ground for saying that nothing uses it any more.

Names are told by their text. Whatever could be a use counts as one: `$name` within a text, a type in a comment.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from operator import attrgetter
from typing import Literal, TypeVar

from tree_sitter import Node

from flagtrail.codebase.languages import Language
from flagtrail.codebase.shapes import Definition, Role
from flagtrail.codebase.source import Source, ancestors

WORD = re.compile(rb"[A-Za-z_$\x80-\xff][\w$\x80-\xff]*")
_IN_TEMPLATE = re.compile(rb"\$([A-Za-z_][\w]*)")
"""`$name` in a text, which is a word with its dollar in a language where names can have one."""
_TYPED = re.compile(rb"^#\s*type:|@\w+\s*\{")
"""A comment that names types."""

MEMBERS = frozenset({"field", "member"})
HOLDERS = frozenset({"function", "class"})

_T = TypeVar("_T")
Stands = Role | Literal["text"]


@dataclass(frozen=True, slots=True)
class Mention:
    """A name where it stands."""

    node: Node
    at: int
    stands: Stands


Span = tuple[int, int]


class Names:
    """The names of one file as it is."""

    def __init__(self, source: Source, language: Language) -> None:
        self.source, self.language = source, language
        self._mentions: dict[bytes, tuple[Mention, ...]] = {}
        self._inner: dict[bytes, list[tuple[Span, Definition]]] = {}

    @cached_property
    def words(self) -> dict[bytes, list[int]]:
        """Where each word begins, comments and texts included."""
        found: dict[bytes, list[int]] = {}
        for match in WORD.finditer(self.source.data):
            found.setdefault(match.group(), []).append(match.start())
        for match in _IN_TEMPLATE.finditer(self.source.data):
            found.setdefault(match.group(1), []).append(match.start(1))
        return found

    @cached_property
    def definitions(self) -> tuple[Definition, ...]:
        """What the file binds, in the order of the text."""
        found = self.language.definitions(self.source)
        return tuple(sorted(found, key=lambda each: (each.removal[0], -each.removal[1])))

    @cached_property
    def by_name(self) -> dict[bytes, list[Definition]]:
        """The definitions of each name."""
        found: dict[bytes, list[Definition]] = {}
        for definition in self.definitions:
            found.setdefault(self.called(definition), []).append(definition)
        return found

    def called(self, definition: Definition) -> bytes:
        """How code calls what is defined."""
        return definition.spelled.encode() or self.source.text(definition.name).lstrip(b"#")

    @cached_property
    def around(self) -> dict[Definition, tuple[Definition, ...]]:
        """For each definition, the functions and classes that it stands in, the outermost first."""
        found: dict[Definition, tuple[Definition, ...]] = {}
        around: list[Definition] = []
        for definition in self.definitions:
            while around and around[-1].removal[1] < definition.removal[1]:
                around.pop()
            found[definition] = tuple(around)
            if definition.kind in HOLDERS:
                around.append(definition)
        return found

    def key(self, definition: Definition) -> tuple[object, ...]:
        """What tells a definition from the others, before and after an edit elsewhere."""
        return (definition.kind, self.called(definition), *(self.called(each) for each in self.around[definition]))

    @cached_property
    def by_key(self) -> dict[tuple[object, ...], list[Definition]]:
        """The definitions by what tells them apart."""
        found: dict[tuple[object, ...], list[Definition]] = {}
        for definition in self.definitions:
            found.setdefault(self.key(definition), []).append(definition)
        return found

    def mentions(self, name: bytes) -> tuple[Mention, ...]:
        """Every place where a name stands for something, or could."""
        if name not in self._mentions:
            found = (self._mention(at, name) for at in self.words.get(name, ()))
            self._mentions[name] = tuple(sorted((each for each in found if each is not None), key=attrgetter("at")))
        return self._mentions[name]

    def _mention(self, at: int, name: bytes) -> Mention | None:
        if self.source.unread:
            return Mention(self.source.tree.root_node, at, "text")
        node = self.source.tree.root_node.descendant_for_byte_range(at, at + len(name))
        while node is not None and node.type not in self.language.NAMES and node.child_count == 1:
            node = node.children[0]
        if node is None:
            return None
        if node.type in self.language.NAMES and self.source.text(node) in (name, b"#" + name):
            return Mention(node, at, self.language.role(node))
        return Mention(node, at, "text") if self._means(node, at) else None

    def _means(self, node: Node, at: int) -> bool:
        """Whether a word in a text or comment could name something."""
        for place in (node, *ancestors(node)):
            if place.type in self.language.COMMENTS:
                return bool(_TYPED.search(self.source.text(place)))
            if place.type in self.language.VERBATIM or self.language.constant(place):
                return self.source.data[at - 1 : at] == b"$"
            if place.type in self.language.BLOCKS:
                return False
        return False

    def in_text(self, at: int, name: bytes, reads: Callable[[bytes, int, bytes], bool]) -> bool:
        """Whether a word that is no name here stands in a text that could name it, by how such texts read."""
        if self.source.unread:
            return True
        node = self.source.tree.root_node.descendant_for_byte_range(at, at + len(name))
        if node is None or any(each.type in self.language.COMMENTS for each in (node, *ancestors(node))):
            return False
        return reads(self.source.data, at, name)

    def by_text(self, at: int, name: bytes) -> bool:
        """Whether a word is all of a text by which something is looked up, or a type is made: `shop['old']`."""
        node = self.source.tree.root_node.descendant_for_byte_range(at, at + len(name))
        return node is not None and self.language.looks_up(node)

    def uses(self, definition: Definition) -> Iterator[Mention]:
        """What could use a definition in this file, outside of itself.

        Of what is looked up in a value, every mention could: also a pattern that takes a value apart, and a field of
        the same name that another type demands; but for what is private where types are told apart by their names.
        """
        name = self.called(definition)
        looked_up = definition.kind in MEMBERS or (definition.kind != "parameter" and self.in_class(definition))
        private = self.language.NOMINAL and definition.reach == "file"
        if definition.kind == "field" and not private:
            yield from self._uses_of_field(definition, name)
            return
        if looked_up and not private:
            yield from (each for each in self.mentions(name) if not _holds(definition.removal, each.at))
            return
        looked_up |= definition.kind == "import" and self.language.EXTENSIONS
        begin, end = self._scope(definition)
        hidden = self._hiding(definition, name, (begin, end))
        for mention in _between(self.mentions(name), begin, end, key=attrgetter("at")):
            at = mention.at
            asked = mention.stands not in ("bind", "write") or self._is_address(mention)
            if any(_holds(span, at) for span in definition.spans) or not asked:
                continue
            if mention.stands == "member" and not looked_up:
                continue
            declaring = self.language.declaring(mention.node) if mention.stands == "read" else None
            if declaring is not None and definition.scope is not None and declaring != definition.scope:
                continue
            if mention.stands == "member" or not any(_holds(span, at) for span in hidden):
                yield mention

    def _is_address(self, mention: Mention) -> bool:
        """Whether it is `&x`, through which others may write to it, and which the compiler takes for a use."""
        return mention.stands == "write" and self.source.data[mention.at - 1 : mention.at] == b"&"

    def is_used(self, name: bytes) -> bool:
        """Whether the file uses a name, and not only within what it calls so itself, as one overload calls another."""
        own = [each.removal for each in self.by_name.get(name, ())]
        return any(
            mention.stands != "bind" and not any(_holds(span, mention.at) for span in own)
            for mention in self.mentions(name)
        )

    def _uses_of_field(self, definition: Definition, name: bytes) -> Iterator[Mention]:
        """Where a field is looked up in its object, or named alone where the language allows that."""
        hidden = self._hiding(definition, name, (0, len(self.source.data)))
        for mention in self.mentions(name):
            alone = mention.stands in ("read", "shorthand")
            if _holds(definition.removal, mention.at):
                continue
            if alone and definition.scope is not None and self.language.read_in_class(mention.node) == definition.scope:
                yield mention
                continue
            of_this = self.source.data[mention.at - 5 : mention.at] == b"this."
            if alone and not self.language.SHARES_FOLDER:
                continue
            if alone and not of_this and any(_holds(span, mention.at) for span in hidden):
                continue
            if self.language.is_set(mention.node) or not self._could_be(definition, mention):
                continue
            if mention.stands in ("read", "shorthand", "member", "text") or "pattern" in mention.node.type:
                yield mention

    def _could_be(self, field: Definition, mention: Mention) -> bool:
        return field.reach != "file" or self.language.could_be(field, mention.node)

    def _scope(self, definition: Definition) -> Span:
        scope = definition.scope
        return (scope.start_byte, scope.end_byte) if scope is not None else (0, len(self.source.data))

    def writes(self, definition: Definition) -> Iterator[Mention]:
        """The assignments to what a definition declares."""
        begin, end = self._scope(definition)
        for mention in _between(self.mentions(self.called(definition)), begin, end, key=attrgetter("at")):
            outside = not _holds(definition.removal, mention.at)
            field = definition.kind == "field" and self.language.is_set(mention.node)
            written = mention.stands == "write" or (field and self._could_be(definition, mention))
            if written and outside:
                yield mention

    def in_class(self, definition: Definition) -> bool:
        """Whether it is looked up in a class: one stands around it, and no function between."""
        around = self.around[definition]
        return bool(around) and around[-1].kind == "class"

    def _hiding(self, definition: Definition, name: bytes, scope: Span) -> list[Span]:
        """Where another definition of the name, further in, is meant: from behind it to the end of its scope."""
        if name not in self._inner:
            others = (each for each in self.by_name.get(name, ()) if each.kind not in MEMBERS)
            scoped = ((self._scope(each), each) for each in others if each.scope is not None)
            self._inner[name] = sorted(scoped, key=lambda each: each[0])
        return [
            (other.since or other.removal[1], inner[1])
            for inner, other in _between(self._inner[name], *scope, key=lambda each: each[0][0])
            if other is not definition and inner != scope and inner[1] <= scope[1]
        ]


def _between(ordered: Sequence[_T], begin: int, end: int, key: Callable[[_T], int]) -> Sequence[_T]:
    """Those whose key is in [begin, end), of many that are in its order."""
    return ordered[bisect_left(ordered, begin, key=key) : bisect_left(ordered, end, key=key)]


def _holds(span: Span, at: int) -> bool:
    return span[0] <= at < span[1]
