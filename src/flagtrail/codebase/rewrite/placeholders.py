"""Names that stand for the flag's answer while a file is folded, so that only what the flag decided is touched."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from tree_sitter import Node

from flagtrail.codebase.languages import Language
from flagtrail.codebase.patterns import Patterns
from flagtrail.codebase.rewrite.refused import Refused
from flagtrail.codebase.shapes import Scalar, Texts
from flagtrail.codebase.sites import Site
from flagtrail.codebase.source import Edit, Source

TRUE, FALSE, NULL = b"__FF_T__", b"__FF_F__", b"__FF_NIL__"
TRUTHS = frozenset({TRUE, FALSE})
VALUE, VARIANT, DETAILS = b"__FF_V__", b"__FF_N__", b"__FF_D__"
_NEGATIVE = re.compile(rb"-[\w.]+")
_BEFORE, _AFTER = re.compile(rb"(?:[(,=:\[{]|\breturn)\s*$"), re.compile(rb"[ \t]*(?:[),;:\]}\r\n#]|/[/*]|$)")
_NEAR = 200
_ANY = re.compile(rb"__FF_(?:T|F|NIL|V|N|D)__")


@dataclass(frozen=True, slots=True)
class Answer:
    """What the flag answers: its variant's name and value. An object is no `scalar`.

    `patterns` tell what else evaluates a flag, and does nothing by it that the program is about. `elsewhere` tells
    whether another file than the one that is folded has a name in it, `set_elsewhere` whether one assigns to it,
    `declares` whether a file or folder of a name has some text in its code, `is_namesake` whether what is asked is
    only called as a client is, and `texts` are those of all files that have a name in them.
    """

    variant: str
    value: object
    patterns: Patterns = field(default_factory=Patterns)
    elsewhere: Callable[[bytes], bool] = field(default=lambda _: False, compare=False)
    set_elsewhere: Callable[[bytes], bool] = field(default=lambda _: False, compare=False)
    declares: Callable[[str, bytes], bool] = field(default=lambda _, __: False, compare=False)
    is_namesake: Callable[[Source, Site], bool] = field(default=lambda _, __: False, compare=False)
    texts: Texts = field(default=lambda _: (), compare=False)

    @property
    def scalar(self) -> bool:
        """Whether the value can be written as a literal in any language."""
        return self.value is None or isinstance(self.value, bool | int | float | str)

    @property
    def on(self) -> bool:
        """Whether the flag is on: where its value is no truth value, by its variant's name."""
        return self.value if isinstance(self.value, bool) else self.variant not in ("off", "disabled")

    @property
    def placeholder(self) -> bytes:
        """The name that stands for the value."""
        return {True: TRUE, False: FALSE}[self.value] if isinstance(self.value, bool) else VALUE

    def meaning(self, name: bytes) -> Scalar:
        """What a placeholder stands for. Raises Refused for one that stands for more than a scalar."""
        if name == VALUE and self.scalar:
            return self.value  # type: ignore[return-value] # a scalar, see above
        if name in (VALUE, DETAILS):
            raise Refused("unsupported", "what is done with the answer is not understood here")
        known: dict[bytes, Scalar] = {TRUE: True, FALSE: False, NULL: None, VARIANT: self.variant}
        return known[name]


def of(value: bool) -> bytes:
    """The placeholder of a truth value."""
    return TRUE if value else FALSE


def found(source: Source, language: Language, start: int = 0) -> Iterator[Node]:
    """The nodes of all placeholders from some byte on, in the order of the text."""
    for match in _ANY.finditer(source.data, start):
        node = source.tree.root_node.descendant_for_byte_range(match.start(), match.end())
        while node is not None and node.type not in language.NAMES and node.child_count == 1:
            node = node.children[0]
        if node is not None and is_one(source.text(node)):
            yield node


def is_hidden(source: Source, language: Language) -> bool:
    """Whether a placeholder stands where no name can be read: in code that cannot be parsed."""
    return len(_ANY.findall(source.data)) > sum(1 for _ in found(source, language))


def is_one(data: bytes) -> bool:
    """Whether the bytes are just a placeholder."""
    return _ANY.fullmatch(data) is not None


def written(source: Source, language: Language, answer: Answer) -> Source:
    """Every placeholder that is left, as a literal."""
    if not _ANY.search(source.data):
        return source
    edits = [Edit(*language.written(node, answer.meaning(source.text(node)))) for node in found(source, language)]
    return source.edited(_enclosed(source, edit) for edit in edits)


def _enclosed(source: Source, edit: Edit) -> Edit:
    """A negative number in parentheses, where its sign could be taken for what binds less: `-3 ** 2`, `n --3`."""
    apart = _BEFORE.search(source.data[: edit.start][-_NEAR:]) and _AFTER.match(source.data, edit.end)
    return edit if apart or not _NEGATIVE.fullmatch(edit.text) else Edit(edit.start, edit.end, b"(%s)" % edit.text)
