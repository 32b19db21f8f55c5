"""What each place in one file of a known language is that names a flag: read from the syntax tree.

A key counts as a literal of its own, in a text or in a comment; as a name only where it is looked up in something
(`flags.new_ui`, `set(new_ui=True)`): a variable that is called like a flag is none. A key that is a plain word
(`search`) counts in texts and comments only in quotes.
"""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator
from functools import cache, cached_property

import msgspec
from tree_sitter import Node

from flagtrail.codebase import renamed, sites
from flagtrail.codebase.keys import Hit
from flagtrail.codebase.languages import Language
from flagtrail.codebase.naming import COMMON, Alias, naming
from flagtrail.codebase.patterns import Pattern, Patterns
from flagtrail.codebase.places import in_test, is_plain, quoted, reference
from flagtrail.codebase.shapes import Definition
from flagtrail.codebase.sites import Site
from flagtrail.codebase.source import Source, ancestors
from flagtrail.model.reference import CodeReference, ReferenceKind

_NEAR = 4
"""How far above the bytes of a key the literal or comment is that they belong to."""
_FAR = 8
_SMALL = 1_000
"""Bytes of a definition that are soon looked through."""
_NAME = re.compile(rb"[A-Za-z_$][\w$]*")
_TEXTS = ("string", "text", "char", "heredoc", "template")


class Nickname(msgspec.Struct, frozen=True):
    """A name in code that stands for a flag: a constant with its key, or a function that answers it (`wrapper`)."""

    flag: str
    alias: Alias
    wrapper: bool = False
    member: bool = False


class Found(msgspec.Struct):
    """What one file told: its references, the names that it gives to flags, and the calls by which it asks for them."""

    references: list[CodeReference] = msgspec.field(default_factory=list)
    nicknames: list[Nickname] = msgspec.field(default_factory=list)
    asked_by: set[Pattern] = msgspec.field(default_factory=set)
    unknown: list[tuple[CodeReference, Pattern]] = msgspec.field(default_factory=list)
    """Evaluations of keys that are no known ones."""


class Reading:
    """One file, parsed, while its places are told apart.

    `whole` are the file's bytes, where `source` has only what stands there from some byte on, and that byte.
    """

    def __init__(self, source: Source, language: Language, patterns: Patterns, whole: tuple[bytes, int]) -> None:
        self.source = source
        self._whole, self._base = whole
        self.language = language
        self.patterns = patterns
        self.found = Found()

    # ---------------------------------------------------------------- rounds
    def keys(self, hits: Iterable[Hit]) -> None:
        """Tell what each place of a key is, and note the names that this file gives to them."""
        for hit in self._here(hits):
            kind = self._kind(hit)
            if kind is not None:
                self._add(hit.word, kind, hit.start)

    def asked(self, places: Iterable[Hit]) -> None:
        """Add evaluations of literals that are no known keys."""
        for hit in self._here(places):
            literal = self._literal_at(hit)
            site = self._site(literal) if literal is not None else None
            if site is not None and site.pattern.kind == "call" and self._stubbed(site) is None:
                self.found.unknown.append((self._reference(hit.word, "evaluation", hit.start), site.pattern))

    def nicknames(self, known: dict[str, list[Nickname]], hits: Iterable[Hit]) -> None:
        """Add the uses of names that stand for flags, where they mean them in this file."""
        places: dict[str, list[Node]] = {}
        for hit in self._here(hits):
            node = self._node(hit.start, hit.end) if hit.word in known else None
            if node is not None and node.type in self.language.NAMES:
                places.setdefault(hit.word, []).append(node)
        for word, nodes in places.items():
            imported = any(self._is_import(node) for node in nodes)
            for node in nodes:
                meant = [each for each in known[word] if self._means(node, each, imported=imported)]
                if len({each.flag for each in meant}) == 1 and not self._is_told_by_its_object(node, meant[0], known):
                    self._use(node, meant[0])

    def _is_told_by_its_object(self, node: Node, name: Nickname, known: dict[str, list[Nickname]]) -> bool:
        """Whether it is the key in an object that stands for the flag itself: `NEW_UI.key` is one place."""
        held = self._held(node)
        return held is not None and any(
            each.flag == name.flag for each in known.get(held.decode("utf-8", "replace"), ())
        )

    def _held(self, node: Node) -> bytes | None:
        """The last part of what a name is looked up in."""
        member = self.language.member(node.parent) if node.parent is not None else None
        if member is None or member[1] != node:
            return None
        return self.source.text(member[0]).rpartition(b".")[2]

    def members(self, spelled: dict[bytes, str]) -> None:
        """Add `useFlags().newUi` and `const {newUi} = useFlags()`: names as `spelled`, with their keys."""
        calls = [each.call.encode() for each in self.patterns if each.kind == "members"]
        for match in _NAME.finditer(self.source.data):
            flag = spelled.get(match.group())
            node = self._node(match.start(), match.end()) if flag is not None else None
            if flag is not None and node is not None and self._is_of(node, calls):
                self._add(flag, "evaluation", match.start())

    def _here(self, hits: Iterable[Hit]) -> Iterator[Hit]:
        """Places of the file as places of what was parsed."""
        return (Hit(hit.start - self._base, hit.end - self._base, hit.word) for hit in hits)

    # ---------------------------------------------------------------- what a place is
    def _kind(self, hit: Hit) -> ReferenceKind | None:
        node = self._node(hit.start, hit.end)
        for place in _with_few_above(node):
            if place.type in self.language.COMMENTS:
                return "comment" if self._is_told(hit) else None
            value = self.language.constant(place)
            if value is not None and isinstance(value[0], str):
                return self._literal(place) if value[0] == hit.word else self._text(hit)
        if node is None:
            return None
        if node.type in self.language.NAMES:
            return self._name(node, hit)
        return self._text(hit) if any(word in node.type for word in _TEXTS) else None

    def _name(self, node: Node, hit: Hit) -> ReferenceKind | None:
        if is_plain(hit.word) or self.language.role(node) != "member":
            return None
        return "test_stub" if self._tests(node) else "unknown"

    def _text(self, hit: Hit) -> ReferenceKind | None:
        if any(self.source.data.endswith(address, 0, hit.start) for address in self.patterns.addresses):
            return "evaluation"
        return "comment" if self._is_told(hit) else None

    def _is_told(self, hit: Hit) -> bool:
        return not is_plain(hit.word) or quoted(self.source.data, hit)

    def _literal(self, literal: Node) -> ReferenceKind:
        site = self._site(literal)
        if site is not None:
            return self._called(site, literal)
        if self._define(literal, literal):
            return "definition"
        above = literal.parent
        if above is not None and above.child_by_field_name("key") == literal:
            return "test_stub" if self._tests(literal) else "definition"
        return "test_stub" if self._tests(literal) else "unknown"

    def _called(self, site: Site, literal: Node) -> ReferenceKind:
        if site.pattern.kind in ("override", "combinations"):
            return "test_stub"
        if site.pattern.kind == "definition":
            self._define(site.call.node, literal)
            return "definition"
        self.found.asked_by.add(site.pattern)
        if self._stubbed(site) is not None:
            return "test_stub"
        if site.pattern.kind == "call":
            self._wrap(site.call.node, literal)
        return "evaluation"

    def _use(self, node: Node, name: Nickname) -> None:
        if name.wrapper:
            call = next((call for at in _with_few_above(node) if (call := self.language.call(at)) is not None), None)
            asks = call is not None and call.name == node
            if asks or not name.member:
                self._add(name.flag, "evaluation" if asks else "unknown", node.start_byte)
            return
        whole = sites.whole(self.language, node)
        site = self._site(whole)
        kind = self._called(site, whole) if site is not None else "test_stub" if self._tests(node) else "unknown"
        self._add(name.flag, kind, node.start_byte)

    def _means(self, node: Node, name: Nickname, *, imported: bool) -> bool:
        """Whether a name means the flag where it stands: qualified by what holds it, imported, or of the same file."""
        if self.language.role(node) in ("bind", "write") or self._is_import(node):
            return False
        alias = name.alias
        held = self._held(node)
        if held is not None:
            if name.member or held == alias.container or renamed.is_renamed(self._whole, alias.container, held):
                return True
            known = held.decode("utf-8", "replace") in modules(alias.path)
            return not alias.container and (known or renamed.is_module(self._whole, held, alias.path))
        if alias.path == self.source.path:
            return not alias.container or name.wrapper or self._is_in(node, alias.container)
        together = alias.path.rpartition("/")[0] == self.source.path.rpartition("/")[0]
        near = self.language.SHARES_FOLDER and not alias.container and together
        if (imported or near) and not name.member:
            return True
        every = re.escape(alias.container or modules(alias.path)[0].encode())
        return re.search(every + rb"(?:\.\*|\s+import\s+\*)", self._whole) is not None

    def _is_in(self, node: Node, container: bytes) -> bool:
        """Whether a name stands within what holds it, where that needs no more than the name (Java, Kotlin)."""
        names = (above.child_by_field_name("name") for above in ancestors(node))
        return self.language.SHARES_FOLDER and container in {
            self.source.text(name) for name in names if name is not None
        }

    def _is_import(self, node: Node) -> bool:
        """Whether a name stands in an import."""
        return any("import" in at.type for at, _ in zip(ancestors(node), range(_NEAR), strict=False))

    # ---------------------------------------------------------------- names that the file gives
    def _define(self, value: Node, literal: Node) -> bool:
        key = self.language.constant(literal)
        alias = naming(self.source, self._around(value), value) if self._may_define(value) else None
        alias = alias or self._entry(value)
        if alias is None or key is None:
            return False
        known = self._holder(value) if alias.name in COMMON and not alias.local else alias
        if known is not None:
            self.found.nicknames.append(Nickname(str(key[0]), known))
        return True

    def _entry(self, value: Node) -> Alias | None:
        """The name of a member of an enum, or of a constant object, that nothing could remove by itself."""
        entry = value.parent
        if entry is None or entry.child_by_field_name("value") != value:
            return None
        name = entry.child_by_field_name("name") or entry.child_by_field_name("key")
        holders = self._holders(entry)
        if name is None or name.type not in self.language.NAMES or not holders:
            return None
        return Alias(self.source.text(name), self.source.path, holders[0], local=False)

    def _holder(self, value: Node) -> Alias | None:
        """The name of the constant object or class that has the key in it."""
        holders = self._holders(value.parent) if value.parent is not None else []
        if not holders:
            return None
        return Alias(holders[0], self.source.path, holders[1] if len(holders) > 1 else b"", local=False)

    def _holders(self, entry: Node) -> list[bytes]:
        """The names of classes, enums and variables around an entry, the nearest first; none beyond a function."""
        found: list[bytes] = []
        for above in ancestors(entry):
            if "function" in above.type or "method" in above.type:
                break
            name = above.child_by_field_name("name")
            if name is not None and name.type in self.language.NAMES:
                found.append(self.source.text(name))
        return found

    def _may_define(self, value: Node) -> bool:
        """Whether a name could stand before a value: asked first, since all definitions of a file take time."""
        before = self.source.data[: value.start_byte].rstrip()[-1:]
        if before in (b"=", b":"):
            return True
        above = zip(ancestors(value), range(_NEAR), strict=False)
        return any(word in at.type for at, _ in above for word in ("enum", "const", "declarat", "spec"))

    def _wrap(self, call: Node, literal: Node) -> None:
        """Note the function whose only result is this evaluation."""
        key = self.language.constant(literal)
        for at, _ in zip(ancestors(call), range(_FAR), strict=False):
            function = self.language.function(at) if _may_be_function(at.type) else None
            if function is None:
                continue
            if key is not None and function.result is not None and self._bare(function.result) == call:
                member = self.language.is_member(function.node)
                name = self.source.text(function.name)
                if not member or function.private or _names(name, str(key[0])):
                    alias = Alias(name, self.source.path, b"", local=function.private)
                    self.found.nicknames.append(Nickname(str(key[0]), alias, wrapper=True, member=member))
            return

    def _bare(self, node: Node) -> Node:
        """What is left of an expression without `not`, `await` and parentheses."""
        language = self.language
        while (inner := language.inner(node) or language.transparent(node) or language.negated(node)) is not None:
            node = inner
        return node

    def _around(self, value: Node) -> list[Definition]:
        """The definitions that hold a value, found without a look at all the others of a long list."""
        small, starts, large = self._definitions
        at = value.start_byte
        near = small[bisect_left(starts, at - _SMALL) : bisect_right(starts, at)]
        return [each for each in (*near, *large) if each.removal[0] <= at < each.removal[1]]

    @cached_property
    def _definitions(self) -> tuple[list[Definition], list[int], list[Definition]]:
        every = sorted(self.language.definitions(self.source), key=lambda each: each.removal[0])
        small = [each for each in every if each.removal[1] - each.removal[0] <= _SMALL]
        large = [each for each in every if each.removal[1] - each.removal[0] > _SMALL]
        return small, [each.removal[0] for each in small], large

    # ---------------------------------------------------------------- helpers
    def _add(self, flag: str, kind: ReferenceKind, at: int) -> None:
        self.found.references.append(self._reference(flag, kind, at))

    def _reference(self, flag: str, kind: ReferenceKind, at: int) -> CodeReference:
        place = self.source.path, self._whole, at + self._base
        return reference(flag, kind, *place, symbol=self._symbol(at), language=self.language.NAME)

    def _symbol(self, at: int) -> str:
        """The functions and classes around a place, the outermost first."""
        names: list[str] = []
        node = self._node(at, at + 1)
        for above in ancestors(node) if node is not None else ():
            name = None
            if _is_class(above.type):
                name = above.child_by_field_name("name")
            if name is None and _may_be_function(above.type):
                function = self.language.function(above)
                name = function.name if function is not None else None
            told = self.source.text(name).decode("utf-8", "replace") if name is not None else ""
            if told and (not names or names[-1] != told):
                names.append(told)
        return ".".join(reversed(names))

    def _node(self, start: int, end: int) -> Node | None:
        return self.source.tree.root_node.descendant_for_byte_range(start, end)

    def _literal_at(self, hit: Hit) -> Node | None:
        places = _with_few_above(self._node(hit.start, hit.end))
        return next((place for place in places if self.language.constant(place) == (hit.word,)), None)

    def _site(self, key: Node) -> Site | None:
        return sites.site(self.source, self.language, key, self.patterns)

    def _stubbed(self, site: Site) -> object:
        return self.language.stub(site.call.node)

    def _tests(self, node: Node) -> bool:
        return in_test(self.source.path) or self.language.test_case(node) is not None

    def _is_of(self, node: Node, calls: list[bytes]) -> bool:
        """Whether a name is a member of what one of the calls answers."""
        data = self.source.data
        member = self.language.member(node.parent) if node.parent is not None else None
        if member is not None and member[1] == node:
            held = self.source.text(member[0])
            bound = rb"(?<![\w$])" + re.escape(held) + rb"\s*=\s*(?:await\s+)?"
            return any(call + b"(" in held or re.search(bound + re.escape(call) + rb"\s*\(", data) for call in calls)
        if self.language.role(node) not in ("bind", "shorthand", "member"):
            return False
        around = [
            at for at, _ in zip(ancestors(node), range(_NEAR), strict=False) if at.type not in self.language.BLOCKS
        ]
        return any(call + b"(" in data[at.start_byte : at.end_byte] for at in around for call in calls)


@cache
def _may_be_function(kind: str) -> bool:
    """By the type of a node: asked first, since to read each as a function takes time."""
    return any(word in kind for word in ("func", "method", "declarat", "definition", "constructor"))


@cache
def _is_class(kind: str) -> bool:
    return any(word in kind for word in ("class", "interface", "object_declaration"))


def _with_few_above(node: Node | None) -> Iterator[Node]:
    if node is not None:
        yield node
        for place, _ in zip(ancestors(node), range(_NEAR), strict=False):
            yield place


def modules(path: str) -> tuple[str, str]:
    """What a file is called where it is imported: by its own name, or by its folder's."""
    folder, _, name = path.rpartition("/")
    stem, dot, _ = name.rpartition(".")
    return stem if stem and dot else name, folder.rpartition("/")[2]


def _names(name: bytes, key: str) -> bool:
    """Whether a method's name tells which flag it answers: others of this name could answer something else."""
    plain = re.sub(r"[^a-z0-9]", "", key.lower())
    return plain in re.sub(r"[^a-z0-9]", "", name.decode("utf-8", "replace").lower())
