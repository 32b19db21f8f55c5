"""Properties that a function takes out of an argument no more because of us: `({ label, name }: Props) => ..`.

What its type says of one goes, and what each call gives for it, where all calls are known and plain. A parameter of
which no property is left goes whole where it is the last.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

from flagtrail.codebase.rewrite.exports import Exports
from flagtrail.codebase.rewrite.forest import Forest
from flagtrail.codebase.rewrite.names import Names
from flagtrail.codebase.rewrite.parameters import Parameters, UnknownError, does_nothing, overlap
from flagtrail.codebase.rewrite.removal import element
from flagtrail.codebase.shapes import Call, Taken
from flagtrail.codebase.source import Edit


@dataclass(slots=True)
class Properties:
    """The properties that fall, one at a time."""

    forest: Forest
    exports: Exports
    parameters: Parameters
    done: set[tuple[str, bytes, int, bytes]] = field(default_factory=set)

    def round(self) -> bool:
        """One round: whether a property went."""
        for path in self.forest.parsed():
            for taken, key in self._lost(path):
                try:
                    edits = self._edits(path, taken, key)
                except UnknownError:
                    continue
                for other, made in edits.items():
                    self.forest.put(other, self.forest.now(other).source.edited(sorted(made)))
                self.exports.swept(sorted(edits))
                return True
        return False

    def _lost(self, path: str) -> Iterator[tuple[Taken, bytes]]:
        """What functions took before, and do not any more."""
        if self.forest.gone(path):
            return
        then, now = self.forest.then(path), self.forest.now(path)
        if not _variables(then) - _variables(now):
            return
        before = {_place(then, each): each for each in then.language.taken(then.source)}
        for taken in now.language.taken(now.source):
            called, place = _place(now, taken)
            was = before.get((called, place))
            for key in sorted(was.keys - taken.keys) if was is not None else ():
                if (path, called, place, key) not in self.done:
                    self.done.add((path, called, place, key))
                    yield taken, key

    def _edits(self, path: str, taken: Taken, key: bytes) -> dict[str, set[Edit]]:
        names, place = self.forest.now(path), taken.signature.place
        if place is None or not taken.known or not self._is_own(path, taken):
            raise UnknownError
        calls = list(self.parameters.calls(path, taken.signature))
        whole = _is_all(taken, key) and all(_gives_no_more(call, place, key) for _, call in calls)
        edits: dict[str, set[Edit]] = {}
        for other, call in calls:
            made = self._given(other, call, place, key, whole=whole)
            if made is not None:
                edits.setdefault(other, set()).add(made)
        if not calls or any(map(overlap, edits.values())):
            raise UnknownError
        if whole:
            edits.setdefault(path, set()).add(Edit(*element(names.source, taken.signature.element)))
        elif key in taken.types:
            edits.setdefault(path, set()).add(Edit(*_lines(names, taken.types[key])))
        elif edits and taken.types:
            raise UnknownError  # it is described elsewhere, and may be demanded there
        return edits

    def _given(self, path: str, call: Call, place: int, key: bytes, *, whole: bool) -> Edit | None:
        """What takes the property, or the `whole` argument, out of a call; None where it is not written out there."""
        language, source = self.forest.language(path), self.forest.now(path).source
        others = any(argument.name not in (None, key.decode()) for argument in call.arguments)
        if any(argument.spread for argument in call.arguments) and not others:
            raise UnknownError  # what is spread may hold this property alone
        given = language.given(call, place, key)
        if given is not None and given.value is not None and not does_nothing(language, given.value):
            raise UnknownError
        plain = [argument for argument in call.arguments if argument.name is None]
        if whole and place < len(plain):
            if given is None and not does_nothing(language, plain[place].value):
                raise UnknownError
            return Edit(*element(source, plain[place].value))
        return Edit(*given.removal, given.remainder) if given is not None else None

    def _is_own(self, path: str, taken: Taken) -> bool:
        """Whether nothing else is described by the type."""
        if taken.shared is None:
            return True
        places = self.forest.search([self.forest.now(path).source.text(taken.shared)])
        return [(other, len(at)) for found in places.values() for other, at in found.items()] == [(path, 2)]


def _variables(names: Names) -> Counter[bytes]:
    """How often a file binds each name, what is taken out of arguments among them."""
    return Counter(names.called(each) for each in names.definitions if each.kind == "variable")


def _place(names: Names, taken: Taken) -> tuple[bytes, int]:
    place = taken.signature.place
    return names.source.text(taken.signature.called), -1 if place is None else place


def _lines(names: Names, span: tuple[int, int]) -> tuple[int, int]:
    """With its whole line, where nothing else stands on it."""
    source, (start, end) = names.source, span
    line, last = source.line_start(start), source.line_end(end)
    alone = not source.data[line:start].strip() and not source.data[end:last].strip()
    return (line, last) if alone else span


def _is_all(taken: Taken, key: bytes) -> bool:
    """Whether a parameter, the last one, was there for this property alone."""
    listed = taken.signature.element.parent
    last = listed is not None and listed.named_children[-1] == taken.signature.element
    return last and not taken.keys and not taken.more and taken.types.keys() <= {key}


def _gives_no_more(call: Call, place: int, key: bytes) -> bool:
    """Whether a call that names what it gives names nothing but this property, and one by position ends with it."""
    named = {argument.name for argument in call.arguments if argument.name is not None}
    return named <= {key.decode()} and (bool(named) or len(call.arguments) <= place + 1)
