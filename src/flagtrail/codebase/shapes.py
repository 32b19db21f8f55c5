"""What the rewriter sees of a syntax tree, the same for all languages.

A language reads its own nodes as these shapes; the rewriter folds shapes and
never asks for a node's type. Every shape names nodes of the tree, whose bytes
are then edited: what is not edited stays as it is, byte for byte.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Literal

import msgspec
from tree_sitter import Node

Scalar = bool | int | float | str | None
"""What a literal denotes."""

Read = Callable[[str], bytes]
"""A file's bytes by its path; none where there is no such file."""

Texts = Callable[[bytes], Iterable[bytes]]
"""What the files hold that have a name in them."""

Role = Literal["read", "write", "bind", "shorthand", "member"]
"""What a name stands for where it stands.

- `read`: a use of a variable, function or type.
- `write`: an assignment to it, also `+=`, `++`, `del`, `nonlocal` and `&x`.
- `bind`: its declaration (variable, parameter, import, function, class).
- `shorthand`: a read that is also the name of a field (`{enabled}`).
- `member`: a name that is looked up in something else (`a.enabled`, a key of an object, a keyword argument's, a label).
"""


class Logical(msgspec.Struct, frozen=True):
    """`left and right`, `left or right`."""

    operator: Literal["and", "or"]
    left: Node
    right: Node


class Conditional(msgspec.Struct, frozen=True):
    """An expression that is one of two others: `a ? b : c`, `b if a else c`, Kotlin's `if (a) b else c` as a value.

    Not `alike` where the type of the whole may be another one than that of a branch (Java's `a ? 1 : 2.0` is a double).
    A branch is None where it cannot stand alone, as several statements cannot within an expression. `end` is where it
    ends, if the grammar takes what follows for a part of the last branch: `with a if b else c as d`.
    """

    condition: Node
    then: Node | None
    otherwise: Node | None
    alike: bool = True
    end: int | None = None


class Equality(msgspec.Struct, frozen=True):
    """`left == right`, or `!=` where negated; also `is`, `===`, `.equals()`. Exact for constants on both sides.

    `one_of` holds instead of `right` what `left in (..)` compares with. `exact`: what differs in kind is never equal.
    """

    negated: bool
    left: Node
    right: Node | None = None
    one_of: tuple[Node, ...] = ()
    exact: bool = False


class Settled(msgspec.Struct, frozen=True):
    """Bytes [start, end) become the bytes `span` of the file, moved to the indentation there, or else `text`."""

    start: int
    end: int
    span: tuple[int, int] | None = None
    text: bytes = b""


class Call(msgspec.Struct, frozen=True):
    """A call: `name` is the last part of what is called (`isEnabled` of `client.flags.isEnabled(..)`)."""

    node: Node
    name: Node
    receiver: Node | None
    arguments: tuple[Argument, ...]


class Argument(msgspec.Struct, frozen=True):
    """One argument of a call; `name` where it is passed by name; `spread` where it stands for several."""

    value: Node
    name: str | None = None
    spread: bool = False


class Arm(msgspec.Struct, frozen=True):
    """`if condition: body`, the first of a chain or a later one.

    `keyword` is its `if` or `elif`. `body` is a block or a single statement. Bytes from `keyword` up to
    `head_end` are replaced by the language's `ELSE` where the arm becomes the last one, without a condition.
    """

    keyword: Node
    condition: Node
    body: Node
    head_end: int


class Chain(msgspec.Struct, frozen=True):
    """A whole `if`, `else if`, `else` as a statement. `initializer` is Go's `if x := f(); ..`."""

    node: Node
    arms: tuple[Arm, ...]
    otherwise: Node | None = None
    initializer: Node | None = None


class Case(msgspec.Struct, frozen=True):
    """One case of a switch: its constants, its statements, and whether control can fall into the next one.

    `node` is the whole case, `values` nodes of what is compared, `body` the bytes of its statements [start, end)
    without a `break` that only leaves the switch.
    """

    node: Node
    values: tuple[Node, ...]
    default: bool
    body: tuple[int, int]
    falls_through: bool = False


class Switch(msgspec.Struct, frozen=True):
    """`switch`, `match`, `when` over a subject. A subject of None is Go's and Kotlin's `switch { case a: }`: a chain.

    `expression` where its value is used.
    """

    node: Node
    subject: Node | None
    cases: tuple[Case, ...]
    expression: bool = False


class Loop(msgspec.Struct, frozen=True):
    """`while (condition) body`. Loops that run at least once are none."""

    node: Node
    condition: Node
    body: Node


class Binding(msgspec.Struct, frozen=True):
    """`name = value` as a statement of its own, or one of several that a statement binds.

    `scope` is the node within which the name means this variable (a function, block or module, as the language has
    it). `removal` is the bytes to take out, so that the name is bound no more and everything else is; `remainder` takes
    their place (`err = nil` of Go's `on, err := true, nil`). `sole` says that this is the whole `statement`.
    `declaration` is the name where it is declared, where that is done apart and without a value. `everywhere`: it has
    this value wherever it can be read, as a field has that every constructor sets; `unless` another file names it, or
    one that has the word `unless[0]` in it matches the expression `unless[1]`.
    """

    statement: Node
    name: Node
    value: Node
    scope: Node
    removal: tuple[int, int]
    sole: bool = True
    remainder: bytes = b""
    declaration: Node | None = None
    everywhere: bool = False
    unless: tuple[bytes, bytes] | None = None


Mend = tuple[int, int, bytes]
"""Bytes [start, end) that become others."""


class Lifetime(msgspec.Struct, frozen=True):
    """How far one of several values of a variable reaches: the reads that see just this one.

    `mends` are what else must change when the value is given no more (Go: the next `=` becomes `:=`).
    """

    reads: tuple[Node, ...]
    mends: tuple[Mend, ...] = ()


class Clash(msgspec.Struct, frozen=True):
    """What hinders a block from being dissolved: a name of it that means something else outside.

    Without a `name` nothing hinders it once the mends are made: `inside` the block before, `outside` at the same time.
    """

    name: Node | None = None
    inside: tuple[Mend, ...] = ()
    outside: tuple[Mend, ...] = ()


class TakenApart(msgspec.Struct, frozen=True):
    """One name of `const { key: name } = value`.

    Without it, bytes `removal` go, or the whole statement where it is the only name (`sole`). A statement of its own,
    which binds it to other text, is `head`, that text, and `tail`; it can stand from byte `after`.
    """

    key: Node
    value: Node
    removal: tuple[int, int]
    sole: bool
    head: bytes
    tail: bytes
    after: int


class Function(msgspec.Struct, frozen=True):
    """A named function or method. `node` is all of it, with decorators, annotations and documentation comments.

    `result` is the expression of the one statement `return result`, where the body is just that, and
    locals with pure values before it. `faultless`: it answers besides that there was no error (Go's `return on, nil`).
    `private`: nobody outside this file can name it. `overrides`: it must stay, since a supertype demands it.
    `accessor`: code reads it as a member, without a call.
    """

    node: Node
    name: Node
    body: Node
    result: Node | None = None
    parameters: tuple[Node, ...] = ()
    private: bool = False
    overrides: bool = False
    accessor: bool = False
    faultless: bool = False


class Signature(msgspec.Struct, frozen=True):
    """What a parameter belongs to: a function `node`, which calls name by `called` (a class, where it constructs one).

    `place` is the position of its argument among those without a name; None where it can only be passed by name.
    `property`: it is a field of the object, too. `element` is all of the parameter.
    """

    node: Node
    called: Node
    place: int | None
    constructs: bool
    property: bool
    element: Node


@dataclass(frozen=True, slots=True)
class Taken:
    """What a function takes out of one of its arguments: `({ a, b }: Props) => ..`.

    `types` are the bytes that describe each property, where the type tells them, and maybe `more` than those; `shared`
    is the name of a type that is declared apart. Not `known` where the type is written in another way.
    """

    signature: Signature
    keys: frozenset[bytes]
    types: Mapping[bytes, tuple[int, int]]
    shared: Node | None = None
    more: bool = False
    known: bool = True


@dataclass(frozen=True, slots=True)
class Given:
    """What a call gives for a property: the bytes that go with it, what takes their place, and the value, if told."""

    removal: tuple[int, int]
    value: Node | None
    remainder: bytes = b""


@dataclass(frozen=True, slots=True)
class Definition:
    """A name that a file binds, which can be removed when nothing uses it any more.

    `removal` is the bytes to take out, the whole statement where it is the only name of one. `reach` tells who can
    use it: `local` a function, `file` this file alone, `repository` other files too. `pure`: taking it out drops no
    side effect (an import for its effects, or `x = start()`, is not pure). `remainder` takes the place of `removal`
    (`start()` of `x := start()`, which makes it pure). For an import `origin` is the text of the module it comes from.
    `spelled` is what code calls it, where that is not the text of `name` (Go: `flags` of `import "example.org/flags"`).
    `since` is the byte from which on the name means it, where that is not the end of `removal` (`x, y := f(x)`).
    `parts` are bytes elsewhere that go with it, and are no use of it: the methods of Go's types.
    """

    kind: Literal["import", "export", "variable", "constant", "function", "class", "parameter", "field", "member"]
    name: Node
    removal: tuple[int, int]
    reach: Literal["local", "file", "repository"]
    pure: bool = True
    origin: str = ""
    spelled: str = ""
    remainder: bytes = b""
    scope: Node | None = field(default=None, compare=False)
    since: int = field(default=0, compare=False)
    parts: tuple[tuple[int, int], ...] = field(default=(), compare=False)

    @property
    def spans(self) -> tuple[tuple[int, int], ...]:
        """All bytes that go with it."""
        return self.removal, *self.parts


class Wrapping(msgspec.Struct, frozen=True):
    """What a call puts around something: `with override("k"):` around `body`, `@override("k")` around a definition.

    Where `body` is told it takes the place of all of `node`; else the bytes `removal` are taken out.
    """

    node: Node
    removal: tuple[int, int]
    body: Node | None = None


class Listed(msgspec.Struct, frozen=True):
    """A key among others that are passed at once: `["new-ui", "old-mail"]`, `{"new-ui": True}`.

    `collection` is all of them, `removal` the bytes of this one, `value` what it is given there. `sole`: it is alone.
    """

    collection: Node
    removal: tuple[int, int]
    value: Node | None = None
    sole: bool = False


class Mock(msgspec.Struct, frozen=True):
    """Where a test replaces a function that it names in a text: the call that does, and what is answered then."""

    call: Node
    value: Node


class Stub(msgspec.Struct, frozen=True):
    """Where a test says what an evaluation is to answer: `every { flags.isEnabled(K) } returns true`,
    `when(flags.isEnabled(K)).thenReturn(true)`. `statement` is all of it, `value` what is answered; None where the
    test asks instead whether the evaluation was made, which it never is again. `later` are statements behind it that
    make the answer another one from then on, with that answer. `fails`: an error is answered, which never is again.
    """

    statement: Node
    value: Node | None
    later: tuple[tuple[Node, Node], ...] = ()
    fails: bool = False


@dataclass(frozen=True, slots=True)
class Once:
    """How a test that ran for each of several combinations of flags runs once, where no flag is left of them.

    Bytes [start, end) become `head`, the bytes `span` moved to the indentation there, and `tail`. That is only right
    where the code of `module`, a folder or file by its name, has the bytes `needs`: what the head calls.
    """

    start: int
    end: int
    head: bytes
    span: tuple[int, int]
    tail: bytes
    module: str
    needs: bytes


@dataclass(frozen=True, slots=True)
class Row:
    """A row of a test's table: its bytes, what it sets the flag to, and the bytes that say so, where it has such."""

    value: bool | None
    span: tuple[int, int]
    entry: tuple[int, int] | None = None


@dataclass(frozen=True, slots=True)
class Table:
    """The rows that a test runs for, the `reads` of what they set the flag to, and the bytes that declare it.

    `sole`: the test runs for nothing else.
    """

    rows: tuple[Row, ...]
    reads: tuple[Node, ...]
    sole: bool
    declared: tuple[int, int] | None = None
