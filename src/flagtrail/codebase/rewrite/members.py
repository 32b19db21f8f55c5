"""Flags that are members of one answer: `useFlags().newUi`, `const { newUi } = useFlags()`, `config.flags.newUi`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from tree_sitter import Node

from flagtrail.codebase.languages import Language
from flagtrail.codebase.patterns import Pattern, Patterns
from flagtrail.codebase.rewrite.refused import Refused
from flagtrail.codebase.rewrite.splice import put
from flagtrail.codebase.shapes import Binding, TakenApart
from flagtrail.codebase.sites import is_called
from flagtrail.codebase.source import Edit, Source, ancestors, descendants

NEAR = 6
"""How far above a name the statement begins that takes it out of a value."""


def spellings(patterns: Patterns, key: str) -> frozenset[bytes]:
    """The names of the members that hold the flag's answer."""
    return frozenset(pattern.spelled(key).encode() for pattern in patterns.members)


@dataclass(frozen=True, slots=True)
class Member:
    """A place where the flag is a member: what it is read by, or the declaration that takes it out."""

    pattern: Pattern
    read: Node | None = None
    part: TakenApart | None = None

    def replaced(self, source: Source, language: Language, text: bytes) -> Source:
        """The file with `text` in its place."""
        if self.part is not None:
            return source.edited(apart(source, self.part, text))
        assert self.read is not None  # noqa: S101 - it is one of both
        return source.edited([put(source, *language.spelled(self.read), text)])


def found(source: Source, language: Language, patterns: Patterns, key: str, node: Node) -> Member | None:
    """The member that a name or text is, where it is one of what a pattern names."""
    constant = language.constant(node)
    name = str(constant[0]).encode() if constant is not None else source.text(node)
    wanted = [pattern for pattern in patterns.members if pattern.spelled(key).encode() == name]
    if not wanted or node.parent is None:
        return None
    member = language.member(node.parent)
    if member is not None and member[1] == node:
        pattern = _answering(source, language, wanted, member[0])
        return Member(pattern, read=_read(language, node, node.parent)) if pattern is not None else None
    part = taken(language, node)
    pattern = _answering(source, language, wanted, part.value) if part is not None else None
    return Member(pattern, part=part) if pattern is not None else None


def _read(language: Language, name: Node, member: Node) -> Node:
    """All that reads a member: where it is a method, the call."""
    calls = (language.call(place) for place in (member, member.parent) if place is not None)
    call = next((each for each in calls if each is not None and each.name == name), None)
    if call is not None and call.arguments:
        raise Refused("unsupported", "what is asked of the flag with arguments is not understood")
    return call.node if call is not None else member


def looked_up(source: Source, language: Language, patterns: Patterns, key: Node) -> Member | None:
    """`flags[Keys.NEW_UI]`: the place where a flag is looked up by what names its key."""
    entry = language.lookup(key.parent) if key.parent is not None else None
    if entry is None or entry[1] != key:
        return None
    pattern = _answering(source, language, patterns.members, entry[0])
    return Member(pattern, read=key.parent) if pattern is not None else None


def taken(language: Language, node: Node) -> TakenApart | None:
    """The declaration that takes this name out of a value."""
    for place, _ in zip(ancestors(node), range(NEAR), strict=False):
        for part in language.taken_apart(place):
            if part.key == node:
                return part
        if place.type in language.BLOCKS:
            return None
    return None


def apart(source: Source, part: TakenApart, text: bytes) -> list[Edit]:
    """The name bound to `text` in a statement of its own."""
    own = part.head + text + part.tail
    if part.sole:
        return [Edit(*part.removal, own)]
    line = (b"\r\n" if source.data[: part.after].count(b"\r\n") else b"\n") + source.indent(part.removal[0])
    first = source.indent(part.after - 1)
    return [Edit(*part.removal), Edit(part.after, part.after, line.rstrip(b" \t") + first + own)]


def _answering(
    source: Source, language: Language, patterns: Iterable[Pattern], node: Node, *, followed: bool = True
) -> Pattern | None:
    """The pattern that names an expression: a call, a path of names, or a variable that holds one of them."""
    call = language.call(node)
    for pattern in patterns:
        if call is not None and is_called(source, call, pattern):
            return pattern if all(language.pure(each.value) for each in call.arguments) else None
        if call is None and _is_path(source, language, node, pattern):
            return pattern if language.pure(node) else None
    if not followed or node.type not in language.NAMES:
        return None
    values = [binding.value for binding in bindings_around(source, language, node)]
    return _answering(source, language, patterns, values[0], followed=False) if len(values) == 1 else None


def bindings_around(source: Source, language: Language, name: Node) -> Iterator[Binding]:
    """What is bound to a name where it stands."""
    for place in descendants(source.tree.root_node):
        for binding in language.bindings(place):
            around = binding.scope
            same = source.text(binding.name) == source.text(name)
            if same and around.start_byte <= name.start_byte < around.end_byte:
                yield binding


def _is_path(source: Source, language: Language, node: Node, pattern: Pattern) -> bool:
    """Whether an expression ends with a pattern's names, as `this.config.flags` does with `config.flags`."""
    wanted = pattern.call.split(".")
    at: Node | None = node
    for name in reversed(wanted):
        member = language.member(at) if at is not None else None
        if at is None or source.text(member[1] if member is not None else at) != name.encode():
            return False
        at = member[0] if member is not None else None
    return True
