"""Parameters that a body uses no more because of us: they go, with the arguments of every call.

Only where every call in the repository is known and plain: the function has one definition by its name, nothing passes
it on as a value, exports it from a package or demands its form, no argument spreads, and what is given for the
parameter does nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import pairwise

from tree_sitter import Node

from flagtrail.codebase.languages import Language
from flagtrail.codebase.rewrite import called, conventions, texts
from flagtrail.codebase.rewrite.exports import PASSING, Exports
from flagtrail.codebase.rewrite.forest import Forest
from flagtrail.codebase.rewrite.importing import imported, stem
from flagtrail.codebase.rewrite.names import Mention, Names
from flagtrail.codebase.rewrite.refused import Left
from flagtrail.codebase.rewrite.removal import element
from flagtrail.codebase.shapes import Call, Definition, Signature
from flagtrail.codebase.source import Edit, ancestors

MOST_FILES = 100
"""A function whose name stands in more files than that is left alone."""
_WORD = re.compile(rb"\w+")
_RUN_AGAIN = re.compile(rb"@(?:ParameterizedTest|(?:\w+\.)*parametrize)\b")
_PROVIDES = re.compile(rb"@(?:Provides|Bean|Produces)\b")
"""What a container makes, which looks at the types of parameters."""


def overlap(edits: Iterable[Edit]) -> bool:
    """Whether two calls cannot be told apart, in code that cannot be parsed."""
    ordered = sorted(edits)
    return any(one.end > other.start for one, other in pairwise(ordered))


_EXPORTS = re.compile(rb"\bexport\s+default\s+\Z")
MOST_BLANK = 40
"""Bytes that may stand between two words."""
_BY_DEFAULT = rb"\bexport\s+default\s+(?:(?:async|abstract|function|class|[*])\s*)*%s\b|\b%s\s+as\s+default\b"


class UnknownError(Exception):
    """A use that may be a call which is not understood; or why it must be left, where that is to be told."""


@dataclass(slots=True)
class Parameters:
    """The parameters that fall, one at a time."""

    forest: Forest
    exports: Exports
    refused: set[tuple[str, bytes, bytes]] = field(default_factory=set)

    def round(self) -> bool:
        """One round: whether a parameter went."""
        for path in self.forest.parsed():
            if self.forest.gone(path):
                continue
            for definition, signature in self._unused(path):
                edits = self._edits(path, definition, signature)
                if edits is None or any(map(overlap, edits.values())):
                    continue
                for each, made in edits.items():
                    self.forest.put(each, self.forest.now(each).source.edited(sorted(made)))
                self.exports.swept(sorted(edits))
                return True
        return False

    # ---------------------------------------------------------------- which
    def _unused(self, path: str) -> Iterator[tuple[Definition, Signature]]:
        then, now = self.forest.then(path), self.forest.now(path)
        if then.source.data == now.source.data:
            return
        for definition in now.definitions:
            if definition.kind != "parameter" or not definition.pure:
                continue
            name = now.called(definition)
            if len(now.words.get(name, ())) >= len(then.words.get(name, ())):
                continue
            signature = now.language.signature(definition.name)
            if signature is None or (path, now.source.text(signature.called), name) in self.refused:
                continue
            if self._is_free(path, now, definition, signature) and self._was_used(then, now, definition):
                yield definition, signature

    def _is_free(self, path: str, names: Names, definition: Definition, signature: Signature) -> bool:
        """Whether nothing uses the parameter or gives it a value, nor the field that it is."""
        if any(True for found in (names.uses(definition), names.writes(definition)) for _ in found):
            return False
        if not names.language.NOMINAL and texts.evaluated(names.source.text(signature.node), module=False):
            return False
        if not signature.property:
            return True
        name = names.called(definition)
        private = b"private" in names.source.text(signature.element)
        if private and self.exports.lookups.may_show(names, name, names.source.text(signature.called)):
            return False
        files = [path] if private else list(self.forest.search([name])[name])
        owner = definition.scope if private and names.language.NOMINAL else None
        return not any(
            _may_mean(mention, signature, names.language)
            for each in files
            if self.forest.akin(each, path)
            for mention in self.forest.now(each).mentions(name)
            if owner is None or owner.start_byte <= mention.at < owner.end_byte
        )

    def _was_used(self, then: Names, now: Names, definition: Definition) -> bool:
        for before in then.by_key.get(now.key(definition), ()):
            old = then.language.signature(before.name)
            if old is not None and not self._is_free_then(then, before, old):
                return True
        return False

    def _is_free_then(self, then: Names, definition: Definition, signature: Signature) -> bool:
        if any(True for _ in then.uses(definition)):
            return False
        name = then.called(definition)
        return not signature.property or not any(
            mention.stands == "member" or _is_bare(signature, mention) for mention in then.mentions(name)
        )

    # ---------------------------------------------------------------- how
    def _edits(self, path: str, definition: Definition, signature: Signature) -> dict[str, set[Edit]] | None:
        """The edits of every file, or None where a call is not known."""
        names = self.forest.now(path)
        called, name = names.source.text(signature.called), names.called(definition)
        try:
            edits = self._every_call(path, definition, signature)
        except UnknownError as unknown:
            self.refused.add((path, called, name))
            if unknown.args:
                self.exports.kept[path, called] = Left(signature.called.start_byte, "still_used", str(unknown))
            return None
        edits.setdefault(path, set()).add(Edit(*definition.removal))
        return edits

    def _every_call(self, path: str, definition: Definition, signature: Signature) -> dict[str, set[Edit]]:
        names = self.forest.now(path)
        edits: dict[str, set[Edit]] = {}
        shown = conventions.is_test(path)
        for other, call in self.calls(path, signature):
            shown = shown or not conventions.is_test(other)
            made = set(_without(self.forest.now(other), call, definition, names, signature))
            if made:
                edits.setdefault(other, set()).update(made)
        provides = names.language.function(signature.node) is not None and _provides(names, signature)
        if not (edits and shown) and not (provides or (signature.constructs and _is_injected(names, signature))):
            raise UnknownError  # what tests alone call, a framework may call, too
        return edits

    def calls(self, path: str, signature: Signature) -> Iterator[tuple[str, Call]]:
        """Every call of a function, with the file that it stands in. Raises UnknownError where that is not sure."""
        names = self.forest.now(path)
        name = names.source.text(signature.called)
        function = names.language.function(signature.node)
        provides = function is not None and _provides(names, signature)
        if function is not None and function.overrides and not (signature.constructs or provides):
            raise UnknownError
        places = self.forest.search([name])[name]
        if len(places) > MOST_FILES or self._is_found(names, signature) or self._has_other_names(path, name):
            raise UnknownError
        for other, positions in places.items():
            if self.forest.of_path(other) is None:
                self._check_file(other, positions, name)
            if not self.forest.akin(other, path):
                continue
            found = self.forest.now(other)
            mentions = {mention.at: mention for mention in found.mentions(name)}
            for at in positions:
                if at not in mentions:
                    self._check_text(found, at, name)
                    continue
                call = self._call_of(found, mentions[at], signature, path)
                if call is None:
                    continue
                if conventions.is_generated(found.source.data) or not self._is_known(found, call, path, signature):
                    raise UnknownError
                yield other, call

    def _is_known(self, user: Names, call: Call, path: str, signature: Signature) -> bool:
        """Whether a call is surely one of the function, and understood."""
        may_call = user.language.may_call(user.source, call, path, signature, self.forest.data)
        return may_call and called.surely(self.exports, user, call, path, signature)

    def _is_found(self, names: Names, signature: Signature) -> bool:
        """Whether something may call the function by a name that is put together."""
        own = [each for each in names.definitions if each.name == signature.called and not signature.constructs]
        if names.language.SHARES_FOLDER:  # where no package is a value
            own = [each for each in own if names.in_class(each)]
        return any(self.exports.lookups.may_find(names, each) for each in own)

    def _has_other_names(self, path: str, called: bytes) -> bool:
        """Whether a file exports it by default, and one that imports that file may call it what it likes."""
        data, form = self.forest.data(path), _BY_DEFAULT % (re.escape(called), re.escape(called))
        default = b"default" in data and re.search(form, data)
        users = self.forest.search([stem(path)])[stem(path)] if default else ()
        return any(
            other != path
            and self.forest.akin(other, path)
            and not self.forest.now(other).mentions(called)
            and path in set(imported(self.forest, other, self.forest.now(other)))
            for other in users
        )

    def _check_file(self, path: str, positions: Iterable[int], called: bytes) -> None:
        """Raise where a file that is not parsed, as a template is, may call the function."""
        data = self.forest.data(path)
        if any(texts.in_file(path, data, at, called) for at in positions):
            raise UnknownError

    def _check_text(self, names: Names, at: int, called: bytes) -> None:
        if names.language.NAMES_IN_TEXTS and names.in_text(at, called, texts.component):
            raise UnknownError

    def _call_of(self, names: Names, mention: Mention, signature: Signature, path: str) -> Call | None:
        """The call that a name is the name of; None where it is no use of a value."""
        passing = [each for each in names.definitions if each.kind in PASSING and _within(mention.at, each)]
        renamed = any(names.called(each) != names.source.text(mention.node) for each in passing)
        if renamed or any(each.reach == "repository" for each in passing):
            raise UnknownError
        if passing:
            return None
        if mention.stands == "bind":
            own = names.source.path == path and mention.node == signature.called
            constructor = signature.constructs and names.source.path == path and mention.node.parent == signature.node
            if own or constructor:
                return None
            raise UnknownError
        call = call_of(names.language, mention.node)
        if call is not None:
            return call
        if signature.constructs and _is_type(names.language, mention.node):
            return None
        by_default = _EXPORTS.search(names.source.data, max(0, mention.at - MOST_BLANK), mention.at)
        if names.language.closes(mention.node) or (by_default and names.source.path == path):
            return None  # see _has_other_names
        raise UnknownError


def call_of(language: Language, name: Node) -> Call | None:
    """The call that a name is the name of."""
    for place, _ in zip(ancestors(name), range(4), strict=False):
        for found in (language.call(place), language.construction(place)):
            if found is not None and found.name == name:
                return found
    return None


def _is_type(language: Language, node: Node) -> bool:
    """Whether a class is named as the type of something, and not as what another class is made of."""
    for above in ancestors(node):
        if above.type in language.HERITAGE:
            return False
        if above.type in language.TYPES:
            return True
        if above.type in language.BLOCKS:
            break
    return node.type in language.TYPES


def _without(found: Names, call: Call, definition: Definition, names: Names, signature: Signature) -> Iterator[Edit]:
    """What takes the argument out of a call."""
    if any(argument.spread for argument in call.arguments):
        raise UnknownError
    name = names.called(definition).decode()
    plain = [argument for argument in call.arguments if argument.name is None]
    by_name = [argument for argument in call.arguments if argument.name == name]
    given = by_name[0] if by_name else None
    if given is None and signature.place is not None and signature.place < len(plain):
        given = plain[signature.place]
    if given is None:
        return
    if not does_nothing(found.language, given.value):
        raise UnknownError
    if _varies(found, given.value):
        raise UnknownError(f"{name} is what a test is run with again and again, once perhaps for what never is again")
    yield Edit(*element(found.source, given.value))


def _varies(found: Names, value: Node) -> bool:
    """Whether a test of JUnit or pytest is run for several values of what is given."""
    functions = (found.language.function(above) for above in ancestors(value))
    function = next((each for each in functions if each is not None), None)
    if function is None or not _RUN_AGAIN.search(found.source.data[function.node.start_byte : value.start_byte]):
        return False
    words = {word for each in function.parameters for word in _WORD.findall(found.source.text(each))}
    return not words.isdisjoint(_WORD.findall(found.source.text(value)))


def does_nothing(language: Language, value: Node) -> bool:
    """Whether making a value is no more than looking it up, and no row of a test's table says it."""
    if language.of_table(value):
        return False
    member = language.member(value)
    if member is not None and language.call(value) is None:
        return does_nothing(language, member[0])
    return language.pure(value)


def _is_bare(signature: Signature, mention: Mention) -> bool:
    """A read of a property by its name alone, as Kotlin has it, other than in its own declaration."""
    inside = signature.element.start_byte <= mention.at < signature.element.end_byte
    return mention.stands in ("read", "shorthand") and not inside


def _may_mean(mention: Mention, signature: Signature, language: Language) -> bool:
    """Whether a name can be a use of the field that a parameter is."""
    if mention.stands in ("member", "text") or _takes_apart(mention):
        return not _is_label(language, mention)
    return language.SHARES_FOLDER and _is_bare(signature, mention)


def _is_label(language: Language, mention: Mention) -> bool:
    """Whether a name only says which argument of a call is given: `Page(flags = flags)`."""
    calls = (language.call(place) for place, _ in zip(ancestors(mention.node), range(3), strict=False))
    given = (each for call in calls if call is not None for each in call.arguments if each.name is not None)
    return any(each.value.parent == mention.node.parent and each.value != mention.node for each in given)


def _takes_apart(mention: Mention) -> bool:
    return "pattern" in mention.node.type


def _is_injected(names: Names, signature: Signature) -> bool:
    owner = signature.called.parent
    text = names.source.text(owner) if owner is not None else b""
    head = names.source.data[max(0, signature.called.start_byte - 600) : signature.called.start_byte]
    return conventions.is_injected(head) or conventions.is_injected(text)


def _provides(names: Names, signature: Signature) -> bool:
    """Whether a container calls a function, for what it makes, with whatever the function asks for."""
    head = names.source.data[signature.node.start_byte : signature.called.start_byte]
    return bool(_PROVIDES.search(head)) and not re.search(rb"(?i)\boverride\b", head)


def _within(at: int, definition: Definition) -> bool:
    return definition.removal[0] <= at < definition.removal[1]
