"""Functions of which nothing is left because of us: `this.assertEnabled();` goes where that does nothing any more.

The function itself falls with its last call, as any other does.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from tree_sitter import Node

from flagtrail.codebase.languages import Language
from flagtrail.codebase.rewrite import texts
from flagtrail.codebase.rewrite.exports import Exports
from flagtrail.codebase.rewrite.forest import Forest
from flagtrail.codebase.rewrite.importing import imported
from flagtrail.codebase.rewrite.names import Mention, Names
from flagtrail.codebase.rewrite.parameters import call_of
from flagtrail.codebase.rewrite.removal import Span, without
from flagtrail.codebase.shapes import Call, Definition, Function
from flagtrail.codebase.source import ancestors

MOST_FILES = 60
"""A name in more files than that is taken for one that something overrides."""
NEAR = 3
"""How far above its name a function begins."""
_OWN = frozenset({b"this", b"self"})
_NOTHING = frozenset({"pass_statement"})


@dataclass(slots=True)
class Idle:
    """The calls that fall, function by function."""

    forest: Forest
    exports: Exports
    done: set[tuple[str, tuple[object, ...]]] = field(default_factory=set)

    def round(self) -> bool:
        """One round: whether calls of a function went."""
        for path in self.forest.parsed():
            for definition in self._emptied(path):
                self.done.add((path, self.forest.now(path).key(definition)))
                spans = self._calls(path, definition)
                for other, found in spans.items():
                    source = self.forest.now(other).source
                    made = without(source, self.forest.language(other), found)
                    self.forest.put(other, made if made.defects <= source.defects else source)
                if spans:
                    self.exports.swept(sorted(spans))
                    return True
        return False

    def _emptied(self, path: str) -> Iterator[Definition]:
        if self.forest.gone(path):
            return
        then, now = self.forest.then(path), self.forest.now(path)
        if then.source.data == now.source.data:
            return
        for definition in now.definitions:
            key = now.key(definition)
            if definition.kind == "function" and (path, key) not in self.done and _is_empty(now, definition):
                before = [each for each in then.by_name.get(now.called(definition), ()) if then.key(each) == key]
                if len(before) == 1 and not _is_empty(then, before[0]):
                    yield definition

    def _calls(self, path: str, definition: Definition) -> dict[str, list[Span]]:
        names = self.forest.now(path)
        name, of_class = names.called(definition), names.in_class(definition)
        if self._may_do_more(path, name):
            return {}
        found = {path: [*_alone(names, names.uses(definition), of_class=of_class)]}
        if definition.reach == "repository" and not of_class:
            for other in self.forest.search([name])[name]:
                if other != path and self.forest.akin(other, path):
                    found[other] = [*_alone(self.forest.now(other), self._imported(other, path, name), of_class=False)]
        return {each: spans for each, spans in found.items() if spans}

    def _may_do_more(self, path: str, name: bytes) -> bool:
        """Whether a subclass may override it, or a test put something else in its place."""
        places = self.forest.search([name])[name]
        return len(places) > MOST_FILES or any(
            self._is_replaced(other, name, own=other == path) for other in places if self.forest.akin(other, path)
        )

    def _is_replaced(self, path: str, name: bytes, *, own: bool) -> bool:
        names = self.forest.now(path)
        mentions = {mention.at: mention for mention in names.mentions(name)}
        if any(names.in_text(at, name, texts.component) for at in names.words.get(name, ()) if at not in mentions):
            return True
        bound = sum(mention.stands == "bind" for mention in mentions.values())
        taken = sum(each.kind == "import" for each in names.by_name.get(name, ()))
        return bound > (1 if own else taken) or any(
            mention.stands in ("write", "text")
            or (mention.stands == "member" and call_of(names.language, mention.node) is None)
            for mention in mentions.values()
        )

    def _imported(self, user: str, path: str, name: bytes) -> Iterator[Mention]:
        """The uses of a name that a file imports from the one that defines it."""
        names = self.forest.now(user)
        own = [each for each in names.by_name.get(name, ()) if each.kind == "import"]
        if len(own) == 1 and path in set(imported(self.forest, user, names)):
            yield from names.uses(own[0])


def _alone(names: Names, uses: Iterator[Mention], *, of_class: bool) -> Iterator[Span]:
    """The calls among uses that are statements of their own, and do nothing but call."""
    language = names.language
    for mention in uses:
        call = call_of(language, mention.node)
        if call is None or not all(language.pure(each.value) for each in call.arguments):
            continue
        if not _is_meant(names, call, mention, of_class=of_class):
            continue
        above = call.node.parent
        awaited = above is not None and language.transparent(above) == call.node
        statement = language.statement(above if awaited and above is not None else call.node)
        if statement is not None and statement.parent is not None and statement.parent.type in language.BLOCKS:
            yield statement.start_byte, statement.end_byte


def _is_meant(names: Names, call: Call, mention: Mention, *, of_class: bool) -> bool:
    """Whether what is called can be nothing else of that name: a method of `this`, a function by its bare name."""
    if call.receiver is not None:
        return of_class and names.source.text(call.receiver) in _OWN
    return mention.stands == "read" and (names.language.SHARES_FOLDER or not of_class)


def _is_empty(names: Names, definition: Definition) -> bool:
    function = _function(names.language, definition.name)
    if function is None or function.overrides or function.accessor:
        return False
    head = names.source.data[function.node.start_byte : function.body.start_byte]
    inside = [each for each in function.body.named_children if each.type not in _NOTHING]
    marked = b"@" in head or re.search(rb"\bthrows\b", head)  # what catches what it throws could not be compiled
    return function.body.type in names.language.BLOCKS and not inside and not marked


def _function(language: Language, name: Node) -> Function | None:
    for place, _ in zip(ancestors(name), range(NEAR), strict=False):
        function = language.function(place)
        if function is not None:
            return function if function.name == name else None
    return None
