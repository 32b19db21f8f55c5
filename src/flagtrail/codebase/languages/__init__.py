"""The door to languages: how one language's syntax tree is read.

A new file in this folder is a new language. It holds `LANGUAGE`, an instance of a subclass of `Language`, and
passes the corpus in `tests/corpus/<name>` and `tests/contract/languages`. It never edits: it says what a node is, by
the shapes of `flagtrail.codebase.shapes`, and the rewriter does the rest. Files whose name starts with `_` are
parts of languages.
"""
# ruff: noqa: ARG002 - what is not of a shape is said without a look

from __future__ import annotations

import importlib
import pkgutil
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import PurePosixPath
from typing import ClassVar, Literal

import msgspec
from tree_sitter import Node, Tree

from flagtrail.codebase.languages._relations import Relations
from flagtrail.codebase.languages._tests import Tests
from flagtrail.codebase.shapes import (
    Binding,
    Call,
    Case,
    Chain,
    Clash,
    Conditional,
    Definition,
    Equality,
    Function,
    Lifetime,
    Logical,
    Loop,
    Mend,
    Role,
    Scalar,
    Settled,
    Switch,
    TakenApart,
    Texts,
)
from flagtrail.codebase.source import Edit, Source, ancestors


class Language(Relations, Tests, ABC):
    """One language. Every reader takes any node and answers None where the node is not of its shape."""

    NAME: ClassVar[str]
    SUFFIXES: ClassVar[tuple[str, ...]]
    BOOLEAN_TYPED: ClassVar[bool] = False
    """`a && b` takes booleans only, so that `a && true` is `a` everywhere."""
    ELSE: ClassVar[bytes] = b""
    """What stands for the head of an arm that becomes the last one (see `Arm`)."""
    EMPTY: ClassVar[bytes] = b"{}"
    """A statement that does nothing, where one must stand."""
    TRUE: ClassVar[bytes] = b"true"
    FALSE: ClassVar[bytes] = b"false"
    NULL: ClassVar[bytes] = b"null"
    COMMENTS: ClassVar[frozenset[str]] = frozenset({"comment"})
    NAMES: ClassVar[frozenset[str]] = frozenset({"identifier"})
    """Node types of names, whatever they name."""
    VERBATIM: ClassVar[frozenset[str]] = frozenset({"string"})
    """Node types whose inner lines must never be re-indented."""
    DEFAULT_CASE: ClassVar[bytes] = b"default"
    """What stands for the head of a case that becomes the one for everything else, up to its colon or arrow."""
    BLOCK_NEEDS_STATEMENT: ClassVar[bool] = False
    """A block without a statement is no block: EMPTY stands in it."""
    PRIVATE_BY_CONVENTION: ClassVar[bool] = False
    """Names are private by how they are spelled, so that a class in another file can have a method of that name."""
    BLOCKS: ClassVar[frozenset[str]] = frozenset()
    """Node types whose children are statements."""

    # ---------------------------------------------------------------- bytes and literals
    @abstractmethod
    def parse(self, data: bytes, path: str, old: Tree | None = None) -> Tree:
        """The syntax tree; `path` where the dialect hangs on the suffix. `old` is an older one, told of the edits."""

    def source(self, path: str, data: bytes) -> Source:
        """A file of this language."""
        return Source.read(path, data, lambda data, old: self.parse(data, path, old))

    def literal(self, value: Scalar) -> bytes:
        """How a value is written. Text is quoted as JSON does, which is right in all but few languages."""
        if value is None or isinstance(value, bool):
            return self.NULL if value is None else self.TRUE if value else self.FALSE
        return msgspec.json.encode(value)

    @abstractmethod
    def constant(self, node: Node) -> tuple[Scalar] | None:
        """What a literal denotes, in a tuple since None is a value. Text with substitutions in it is none."""

    def composed(self, source: Source, key: str, span: tuple[int, int] | None = None) -> Iterable[Node]:
        """The expressions that put a flag's key together of constants of the same file; those that end in a span."""
        return ()

    # ---------------------------------------------------------------- expressions
    def inner(self, node: Node) -> Node | None:
        """What stands in parentheses that group and do nothing else; not those of an `if (..)`, call or tuple."""
        return None

    def negated(self, node: Node) -> Node | None:
        """What `not x` negates."""
        return None

    def logical(self, node: Node) -> Logical | None:
        """`and`, `or`."""
        return None

    def conditional(self, node: Node) -> Conditional | None:
        """An expression that chooses. Not one whose branches are blocks of more than one expression."""
        return None

    def equality(self, node: Node) -> Equality | None:
        """A comparison for being equal, or for being among constants."""
        return None

    def fallback(self, node: Node) -> tuple[Node, Node] | None:
        """`left ?? right`, `left ?: right`."""
        return None

    def transparent(self, node: Node) -> Node | None:
        """The operand of what leaves a constant as it is: `await x`, `Boolean(x)`, `bool(x)`, `x!!`, `x as boolean`."""
        return None

    @abstractmethod
    def call(self, node: Node) -> Call | None:
        """A call of a function or method."""

    def span(self, call: Call) -> tuple[int, int]:
        """The bytes of a call, where its node has more or less than it."""
        return call.node.start_byte, call.node.end_byte

    def typed(self, call: Call, placeholder: bytes, value: object) -> bytes | None:
        """How the value of an evaluation stands where its literal would be of another type; None if that is unknown."""
        return placeholder

    def promised(self, source: Source, call: Call, texts: Texts) -> bool:
        """Whether a call answers a promise, which is used as one; `texts` are those of the files with a name."""
        return False

    def streamed(self, source: Source, call: Call, placeholder: bytes) -> tuple[Mend, ...] | None:
        """How one value stands in the place of a call that answers a flow of values; None where it is not sure."""
        return None

    def imported(self, source: Source) -> Source:
        """With what must be imported for that."""
        return source

    def takes_several(self, call: Node) -> bool:
        """Whether two values, with a comma between, can stand in place of this call that answers two."""
        return False

    def member(self, node: Node) -> tuple[Node, Node] | None:
        """`object.name`: the object, and the node of the name."""
        return None

    def spelled(self, member: Node) -> tuple[int, int]:
        """The bytes of what looks something up, or calls it, where its node has more than it."""
        return member.start_byte, member.end_byte

    def lookup(self, node: Node) -> tuple[Node, Node] | None:
        """`object[key]`: the object, and the expression by which something is looked up in it."""
        return None

    @abstractmethod
    def pure(self, node: Node) -> bool:
        """Whether evaluating it does nothing but yield a value: names, constants, members, operators on such."""

    def reads(self, call: Call) -> bool:
        """Whether a call does no more than read, by what such calls are named in this language: `order.getId()`."""
        return False

    def boolean(self, node: Node) -> bool:
        """Whether an expression yields true or false and nothing else, so that `x && true` is `x`."""
        return self.BOOLEAN_TYPED

    def settled(self, source: Source, place: Node, kept: Node, value: tuple[Scalar] | None) -> Settled | None:
        """How what is kept stands where something around it is superfluous now, as `...[a]` in an array is.

        `kept` is to stand in place of `place`, which holds it. Both are a placeholder where nothing else folds it;
        `value` is what it stands for.
        """
        return None

    def in_condition(self, node: Node) -> bool:
        """Whether only the truth of this expression matters: a condition, or in a chain of not, and, or that is one."""
        return False

    def needs_parentheses(self, node: Node, place: Node) -> bool:
        """Whether `node` put in place of `place` would bind otherwise without parentheses around it."""
        return False

    # ---------------------------------------------------------------- statements
    @abstractmethod
    def chain(self, node: Node) -> Chain | None:
        """An `if` with all its arms; not a later arm of another one, and none that is a `Conditional`."""

    def switch(self, node: Node) -> Switch | None:
        """A choice among cases."""
        return None

    def without_head(self, chain: Chain, *, truth: bool, always: bytes) -> tuple[Mend, ...] | None:
        """For an `if` with a statement in front of its first condition, which is decided: how that one is still done.

        `always` stands for what is always true. None where it is not sure.
        """
        return None

    def breaks(self, case: Case) -> bool:
        """Whether a `break` deeper within a case leaves the switch, so that it means another thing without it."""
        return False

    def loop(self, node: Node) -> Loop | None:
        """A loop with its condition in front."""
        return None

    def statement(self, node: Node) -> Node | None:
        """The whole statement that consists of just this expression (`probe();`), else None."""
        return None

    def interior(self, source: Source, body: Node) -> tuple[int, int]:
        """The bytes of a body's statements and comments, without braces and without the blanks around them."""
        start, end = body.start_byte, body.end_byte
        if source.data[start : start + 1] == b"{":
            start, end = start + 1, end - 1
        inside = source.data[start:end]
        start += len(inside) - len(inside.lstrip())
        return start, max(start, end - (len(inside) - len(inside.rstrip())))

    @abstractmethod
    def jumps(self, node: Node) -> bool:
        """Whether control never goes past this statement: return, throw, break, or an `if` whose arms all do."""

    def idle(self, statement: Node) -> bool:
        """Whether a jump goes where control goes anyway: a `return` without a value at the end of a function."""
        return False

    def objection(self, before: Source, made: Source, at: int, texts: Texts) -> str:
        """Why the compiler would refuse what an edit at byte `at` made, though it parses; empty if it would not."""
        return ""

    def must_stay(self, statement: Node) -> bool:
        """Whether a statement means something though it is never reached: hoisted functions, labels."""
        return False

    def plain_functions(self, source: Source) -> frozenset[int]:
        """The bytes at which functions begin that are no generators, where a `yield` makes one."""
        return frozenset()

    def holder(self, body: Node) -> Node | None:
        """What is there only for what stands in a block: `describe('..', () => {..})`, Python's `else:`."""
        return None

    def bare_block(self, source: Source, body: Node) -> bytes | None:
        """A body as a statement with a scope of its own (`{ .. }`), where the language has that."""
        return None

    def scoped_names(self, body: Node) -> Iterable[Node]:
        """The names that belong to this block alone, so that they could clash if its statements left it."""
        return ()

    def clash(self, statement: Node, body: Node, gone: Iterable[Node]) -> Clash | None:
        """Whether a name of a block alone hinders that the block's statements stand in place of `statement`.

        Statements that are `gone` by then are not looked at.
        """
        mine = {name.text: name for name in self.scoped_names(body)}
        if not mine:
            return None
        skipped = {statement.id, *(each.id for each in gone)}
        place = next((each for each in ancestors(statement) if self.function(each) or each.parent is None), statement)
        stack = [place]
        while stack:
            node = stack.pop()
            if node.id in skipped:
                continue
            name = self.called(node)
            if name in mine and self.role(node) != "member":
                return Clash(mine[name])
            stack.extend(node.children)
        return None

    # ---------------------------------------------------------------- names
    def called(self, node: Node) -> bytes | None:
        """The name that a node is; also where the grammar has no node for it alone, as in Kotlin's `"$name"`."""
        return node.text if node.type in self.NAMES else None

    @abstractmethod
    def role(self, node: Node) -> Role:
        """What a name (one of NAMES) stands for."""

    @abstractmethod
    def bindings(self, node: Node) -> Iterable[Binding]:
        """The variables that a statement binds or assigns to, each with its value."""

    def taken_apart(self, node: Node) -> Iterable[TakenApart]:
        """The names that a declaration takes out of one value: `const { a, b: c } = value`."""
        return ()

    def parted(self, value: Node) -> bool:
        """Whether a value is taken apart, or gone through, as only a list or an object can be."""
        return False

    def refused(self, value: Node, *, truth: bool) -> bool:
        """Whether the compiler refuses a constant in this place, since something could not be reached then."""
        return False

    def chooses(self, value: Node, constant: Scalar, texts: Texts) -> bool:
        """Whether by a constant code could call or reach something else; `texts` are of the files with a name."""
        return False

    def rendered(self, call: Call, *, truth: bool) -> Settled | None:
        """What is left of an element that shows its children where a flag is on (`<Feature name="k">..</Feature>`)."""
        return None

    def reach(self, binding: Binding) -> Literal["local", "file", "repository"]:
        """Who can name the variable. One of a module or class, where others may import it: the repository."""
        return "repository" if binding.scope.parent is None else "local"

    def means(self, binding: Binding, name: Node) -> bool:
        """Whether a name in the scope, with the variable's text, is the variable: inner scopes can hide it."""
        return True

    def lifetime(self, binding: Binding) -> Lifetime | None:
        """For a variable that is given several values, how far this one reaches; None where that is not sure."""
        return None

    def written(self, node: Node, value: Scalar) -> Mend:
        """How a value is written where its placeholder is left."""
        return node.start_byte, node.end_byte, self.literal(value)

    def role_as(self, binding: Binding, node: Node) -> Role:
        """What a name stands for where the variable of this binding is looked for; `member` where it is another one."""
        return self.role(node)

    def tidied(self, before: Source, after: Source) -> Source:
        """The file after all edits, with the columns aligned that they left ragged, where the language has such."""
        return after

    def documentation(self, source: Source) -> Iterable[Node]:
        """The statements that are texts and mean something only since they stand first, as Python's docstrings do."""
        return ()

    def substituted(self, source: Source, read: Node, text: bytes) -> tuple[int, int, bytes]:
        """How other text stands where a name is read: which bytes [start, end) become what."""
        if self.role(read) == "shorthand":
            text = source.text(read) + b": " + text
        return read.start_byte, read.end_byte, text

    def reflowed(self, source: Source, start: int, end: int) -> tuple[Edit, ...]:
        """What makes an expression around edited bytes read as a formatter would write it, where it is short now."""
        return ()

    def joined(self, source: Source, statement: Node) -> tuple[Edit, ...]:
        """What makes one statement of `int n;` and, right behind it, `n = 1;`: nothing where that cannot be."""
        return ()

    @abstractmethod
    def function(self, node: Node) -> Function | None:
        """A named function or method; also `const f = () => x`."""

    def is_member(self, function: Node) -> bool:
        """Whether a function is one of a class or object, called on a value."""
        return False

    @abstractmethod
    def definitions(self, source: Source) -> Iterable[Definition]:
        """Every name that this file binds and that could be removed."""


def load() -> tuple[Language, ...]:
    """Every language behind this door."""
    return tuple(_languages())


def names() -> tuple[str, ...]:
    """The languages' names."""
    return tuple(language.NAME for language in load())


def of_path(path: str) -> Language | None:
    """The language of a file, by its suffix."""
    return _by_suffix().get(PurePosixPath(path).suffix)


@cache
def _by_suffix() -> dict[str, Language]:
    return {suffix: language for language in load() for suffix in language.SUFFIXES}


def _languages() -> Iterator[Language]:
    for info in pkgutil.iter_modules(__path__):
        if not info.name.startswith("_"):
            language: Language = importlib.import_module(f"{__name__}.{info.name}").LANGUAGE
            yield language
