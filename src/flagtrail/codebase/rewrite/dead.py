"""Names of one file that nothing uses any more because of us: their definitions go, to a fixpoint.

A name that nobody used before stays: a user's own dead code is his. What a value does when it is evaluated is kept:
`x = start()` becomes `start()`.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass, field

from tree_sitter import Node

from flagtrail.codebase.rewrite.names import WORD, Names, Span
from flagtrail.codebase.rewrite.refused import Left, Why
from flagtrail.codebase.rewrite.removal import without
from flagtrail.codebase.shapes import Binding, Definition
from flagtrail.codebase.source import Edit, Source, ancestors

MOST_ROUNDS = 500
"""More than any file needs: each takes out at least one name."""
NEAR = 6
"""How far above a name the statement that binds it begins."""

VALUED = frozenset({"variable", "constant"})
"""What is given a value, which can be evaluated without it."""

Kept = Callable[[Definition], bool]
Found = Callable[[Names, Definition], bool]
Key = tuple[object, ...]


def exported(definition: Definition) -> bool:
    """What other files can use, too, so that this file alone does not tell."""
    return definition.reach == "repository"


def swept(
    then: Names,
    now: Names,
    kept: Kept = exported,
    lost: Collection[bytes] = (),
    registering: Collection[bytes] = (),
    found: Found = lambda _names, _definition: False,
) -> tuple[Source, tuple[Left, ...]]:
    """The file without the names whose last use went between `then` and `now`; `kept` says which to leave alone.

    `lost` are names whose last use in other files went, which nothing keeps; `registering` those whose value does
    nothing but make the flag known. What is `found` by a name that no code says stays. Also the names that nothing uses
    any more and that stay all the same, by their place in the file as it became.
    """
    for _ in range(MOST_ROUNDS):
        sweep = _Sweep(then, now, kept, found, frozenset(lost), frozenset(registering))
        made = sweep.made()
        if made is None:
            return now.source, tuple(sorted(sweep.held.values(), key=lambda each: each.at))
        now = Names(made, now.language)
    return now.source, ()


@dataclass(frozen=True, slots=True)
class _Edits:
    """What takes one definition out."""

    spans: tuple[Span, ...] = ()
    edits: tuple[Edit, ...] = ()


@dataclass(slots=True)
class _Sweep:
    """One round: the names that are dead now, and the file without them."""

    then: Names
    now: Names
    kept: Kept
    found: Found
    lost: frozenset[bytes]
    registering: frozenset[bytes] = frozenset()
    held: dict[Key, Left] = field(default_factory=dict)
    groups: dict[Key, list[Definition]] = field(default_factory=dict)

    def made(self) -> Source | None:
        """The file after this round; None where nothing is dead any more."""
        source, language = self.now.source, self.now.language
        if source.data == self.then.source.data and not self.lost:
            return None
        while dead := self.dead():
            chosen = list(self._one_of_each_statement(dead))
            takes = {key: take for key in chosen if (take := self._take(key)) is not None}
            if not takes:
                continue
            spans = [span for take in takes.values() for span in take.spans]
            made = without(source, language, spans, [edit for take in takes.values() for edit in take.edits])
            if made.defects <= source.defects and made.data != source.data:
                return made
            for key, take in takes.items():  # one of them hinders the others
                made = without(source, language, take.spans, take.edits)
                if len(takes) > 1 and made.defects <= source.defects and made.data != source.data:
                    return made
                self._hold(key, "new_defects", "could not be taken out without breaking the file")
        return None

    def _hold(self, key: Key, why: Why, what: str) -> None:
        definition = self.groups[key][0]
        name = self.now.called(definition).decode()
        self.held[key] = Left(definition.name.start_byte, why, f"nothing uses {name} any more, but it {what}")

    # ---------------------------------------------------------------- which
    def dead(self) -> list[Key]:
        """What nothing uses any more because of us, but for what only dead definitions use."""
        self.groups = {}
        for definition in self.now.definitions:
            if definition.kind != "parameter" and self._can_go(definition):
                scope = definition.scope.start_byte if definition.scope is not None else 0
                self.groups.setdefault((scope, *self.now.key(definition)), []).append(definition)
        for key in self.held:
            self.groups.pop(key, None)
        words, before = self.now.words, self.then.words
        work = [
            key
            for key in self.groups
            if _name(key) in self.lost or len(words.get(_name(key), ())) < len(before.get(_name(key), ()))
        ]
        named: dict[bytes, list[Key]] = {}
        for key in self.groups:
            named.setdefault(_name(key), []).append(key)
        dead: dict[Key, None] = {}
        while work:
            key = work.pop()
            if key in dead or not self._used_before(key) or self._is_found(key):
                continue
            dead[key] = None
            for definition in self.groups[key]:
                inside = [word for span in definition.spans for word in WORD.findall(self.now.source.data, *span)]
                work += [other for name in set(inside) for other in named.get(name, ())]
        return self._unused(list(dead))

    def _can_go(self, definition: Definition) -> bool:
        """Whether it could; what other files could use only whole, since what is left of it would be their effect."""
        if self.kept(definition):
            return self._goes_whole(definition) and self.now.called(definition) in self.lost
        return definition.pure or definition.kind in VALUED

    def _is_found(self, key: Key) -> bool:
        return _name(key) not in self.lost and any(self.found(self.now, each) for each in self.groups[key])

    def _goes_whole(self, definition: Definition) -> bool:
        return definition.pure or self.now.called(definition) in self.registering

    def _used_before(self, key: Key) -> bool:
        if _name(key) in self.lost:
            return True
        before = self._formerly(key)
        return bool(before) and all(
            any(self._is_other(use.at, each, before) for use in self.then.uses(each)) for each in before
        )

    @staticmethod
    def _is_other(at: int, definition: Definition, same: Iterable[Definition]) -> bool:
        """Whether a use is none of what is called so in the same scope; `x := x + 1` further in uses the outer one."""
        return not _in_any(at, [each.removal for each in same if each.scope == definition.scope])

    def _formerly(self, key: Key) -> list[Definition]:
        """What a definition was; of a local whose function went into another one, by its name alone."""
        same = list(self.then.by_key.get(key[1:], ()))
        if same or any(each.reach != "local" for each in self.groups[key]):
            return same
        every = self.then.by_name.get(_name(key), ())
        stayed = {self.now.key(each) for each in self.now.by_name.get(_name(key), ())}
        return [each for each in every if each.kind == key[1] and self.then.key(each) not in stayed]

    def _unused(self, keys: list[Key]) -> list[Key]:
        """Those of them that nothing but themselves uses."""
        uses = {key: [use.at for each in self.groups[key] for use in self.now.uses(each)] for key in keys}
        while True:
            spans = [span for key in keys for each in self.groups[key] for span in self._gone(each)]
            alive = {key for key in keys if any(not _in_any(at, spans) for at in uses[key])}
            if not alive:
                return keys
            keys = [key for key in keys if key not in alive]

    def _gone(self, definition: Definition) -> list[Span]:
        """The bytes of which nothing is left when a definition is taken out."""
        start, end = definition.removal
        if definition.pure and not definition.remainder:
            return list(definition.spans)
        if definition.remainder:
            at = self.now.source.data.find(definition.remainder, start, end)
            return [(start, at), (at + len(definition.remainder), end)] if at >= 0 else []
        binding = self._binding(definition.name)
        return [] if binding is None else [(start, binding.value.start_byte), (binding.value.end_byte, end)]

    # ---------------------------------------------------------------- how
    def _one_of_each_statement(self, keys: list[Key]) -> Iterator[Key]:
        """One name of each statement that binds several: what takes out the others is told after it."""
        taken: set[int] = set()
        for key in sorted(keys, key=lambda key: self.groups[key][0].removal):
            statements = {self._statement(each).id for each in self._written(key)}
            if not statements & taken:
                yield key
            taken |= statements

    def _written(self, key: Key) -> Iterator[Node]:
        """Where a name is declared, and where it is assigned to."""
        for definition in self.groups[key]:
            yield definition.name
            yield from (write.node for write in self.now.writes(definition))

    def _statement(self, node: Node) -> Node:
        blocks = self.now.language.BLOCKS
        for above in ancestors(node):
            if above.type in blocks or above.parent is None:
                return node
            node = above
        return node

    def _take(self, key: Key) -> _Edits | None:
        takes = []
        for definition in self.groups[key]:
            take = self._assignments_out(key, definition)
            own = self._definition_out(key, definition) if take is not None else None
            if take is None or own is None:
                return None
            takes += [take, own]
        spans = tuple(span for each in takes for span in each.spans)
        return _Edits(spans, tuple(dict.fromkeys(edit for each in takes for edit in each.edits)))

    def _definition_out(self, key: Key, definition: Definition) -> _Edits | None:
        if definition.pure and definition.remainder:
            return _Edits((), (Edit(*definition.removal, definition.remainder),))
        if self._goes_whole(definition):
            return _Edits(definition.spans)
        binding = self._binding(definition.name)
        return self._value_kept(key, binding)

    def _assignments_out(self, key: Key, definition: Definition) -> _Edits | None:
        """Without what is later assigned to the name, which would be unknown otherwise."""
        found = _Edits()
        own = {each.name.id for each in self.groups[key]}
        for write in self.now.writes(definition):
            if write.node.id in own:
                continue
            binding = self._binding(write.node)
            if binding is None or not (self.now.language.pure(binding.value) or self._is_statement(binding.value)):
                instead = self.now.language.unassigned(write.node)
                if instead is not None:
                    start, end, text = instead
                    spans = () if text else ((start, end),)
                    found = _Edits((*found.spans, *spans), (*found.edits, *([Edit(start, end, text)] if text else [])))
                    continue
            if binding is None:
                self._hold(key, "reassigned", "is still assigned to")
                return None
            if self.now.language.pure(binding.value):
                span = (binding.statement.start_byte, binding.statement.end_byte) if binding.sole else binding.removal
                found = _Edits((*found.spans, span), found.edits)
                continue
            kept = self._value_kept(key, binding)
            if kept is None:
                return None
            found = _Edits((*found.spans, *kept.spans), (*found.edits, *kept.edits))
        return found

    def _value_kept(self, key: Key, binding: Binding | None) -> _Edits | None:
        """`x = start()` -> `start()`."""
        if binding is None or not binding.sole or binding.everywhere or not self._is_statement(binding.value):
            self._hold(key, "impure_operand", "is given a value that does something when it is evaluated")
            return None
        return _Edits((), (Edit(binding.statement.start_byte, binding.value.start_byte),))

    def _is_statement(self, value: Node) -> bool:
        """Whether a value can stand as a statement, in every language and after any line: a call, awaited or not."""
        called: Node | None = value
        while called is not None and self.now.language.call(called) is None:
            called = self.now.language.transparent(called)
        return called is not None and self.now.source.text(value)[:1].isalpha()

    def _binding(self, name: Node) -> Binding | None:
        for place, _ in zip(ancestors(name), range(NEAR), strict=False):
            for binding in self.now.language.bindings(place):
                if binding.name == name:
                    return binding
            if place.type in self.now.language.BLOCKS:
                return None
        return None


def _name(key: Key) -> bytes:
    name = key[2]
    assert isinstance(name, bytes)  # noqa: S101 - see _Sweep.dead
    return name


def _in_any(at: int, spans: Iterable[Span]) -> bool:
    return any(start <= at < end for start, end in spans)
