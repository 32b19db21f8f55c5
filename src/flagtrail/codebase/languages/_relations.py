"""How the files of a language name what is in each other, list flags, and call what with what: a part of the door."""
# ruff: noqa: ARG002 - what is not of a shape is said without a look

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import ClassVar

from tree_sitter import Node

from flagtrail.codebase.shapes import Call, Definition, Given, Read, Signature, Taken
from flagtrail.codebase.source import Source

Find = Callable[[str, str], tuple[Source, ...]]
"""What an import leads to."""


class Relations:
    """What the removal of names across files asks of a language."""

    FAMILY: ClassVar[str] = ""
    """What languages have in common that see each other's names; the language alone where it is empty."""
    SHARES_FOLDER: ClassVar[bool] = False
    """Files of one folder see each other's names without an import."""
    NOMINAL: ClassVar[bool] = False
    """A type is told by its name, never by its members: nobody else can need a private one."""
    NAMES_IN_TEXTS: ClassVar[bool] = False
    """A text can name what a module defines: `__all__`, `getattr(module, "name")`, `patch("module.name")`."""
    FOUND_BY_TEXTS: ClassVar[bool] = True
    """A text can lead to what a module defines, if it tells the module, too: `Class.forName("shop.Cart")`."""
    EXTENSIONS: ClassVar[bool] = False
    """A function that is imported by its name can be looked up in a value, as if it were its member."""
    TYPES: ClassVar[frozenset[str]] = frozenset({"type", "type_annotation", "type_arguments", "type_identifier"})
    """Node types of what names a type, and of names in it."""
    HERITAGE: ClassVar[frozenset[str]] = frozenset()
    """Node types of what a class is made of: classes that it extends."""

    def unassigned(self, name: Node) -> tuple[int, int, bytes] | None:
        """Which bytes [start, end) become what, so that nothing is assigned to this name; what the value does stays."""
        return None

    def unlike_a_flag(self, name: Node) -> bool:
        """Whether a member of this name is declared here, and is no truth value: a method, a text, an object."""
        return False

    def looks_up(self, name: Node) -> bool:
        """Whether what is looked up in something is named by this text, as it stands there."""
        return False

    def is_set(self, name: Node) -> bool:
        """Whether a field is given a value where it is looked up: `this.name = value`."""
        return False

    def could_be(self, definition: Definition, name: Node) -> bool:
        """Whether a name that is looked up in an object can be this private field."""
        return True

    def read_in_class(self, name: Node) -> Node | None:
        """The class in whose body a name alone reads a field when the class is made; None where no class could be."""
        return None

    def declaring(self, name: Node) -> Node | None:
        """The scope (a Definition's) that declares what a name means where it is read; None where that is not known."""
        return None

    def is_field(self, name: Node, *, apart: bool) -> bool:
        """Whether a name is a field's or method's, and not one that a package defines, here or `apart` from here."""
        return False

    def signature(self, parameter: Node) -> Signature | None:
        """What the parameter of this name belongs to; None where its calls cannot be told by a name."""
        return None

    def taken(self, source: Source) -> Iterable[Taken]:
        """What functions take out of their arguments by name."""
        return ()

    def given(self, call: Call, place: int, key: bytes) -> Given | None:
        """What a call gives for one property of an argument, where the argument is written out there."""
        return None

    def acts(self, source: Source, statement: Node, find: Find) -> bool:
        """Whether a statement of a module does something when it is loaded, by what it calls.

        `find` reads the files of the repository that an import of a file, by its path and the import's text, can mean.
        """
        return False

    def tells_by_fields(self, source: Source, name: Node, find: Find) -> bool:
        """Whether a class of this name makes something known to others by what it gives its fields: see `acts`."""
        return False

    def tells_its_own(self, statement: Node) -> bool:
        """Whether a statement of a module does something, but to nothing that others have who do not import it."""
        return False

    def closes(self, name: Node) -> bool:
        """Whether a name only ends what it was called to begin, as `</Page>` does."""
        return False

    def may_call(self, source: Source, call: Call, path: str, signature: Signature, read: Read) -> bool:
        """Whether a call by a function's name is surely of the one that file `path` defines, and is understood."""
        return True

    def may_name(self, source: Source, path: str, name: bytes) -> bool:
        """Whether a name that stands in a file without being defined there can be one of what file `path` defines."""
        return True

    def construction(self, node: Node) -> Call | None:
        """`new X(..)`, where that is no call."""
        return None

    def modules(self, path: str, origin: str, name: str) -> Iterable[str]:
        """The files an import could mean: `/path` from the root, or how the path ends; `/*` for all of a folder."""
        return ()

    def gives_member(self, source: Source, name: Node) -> Node | None:
        """The statement that gives a member of this name a value, and does nothing else: `self.name = False`."""
        return None

    def entry(self, source: Source, key: Node) -> tuple[int, int] | None:
        """For a flag's key in a list of flags (`FEATURES = {"new-ui": False}`), the bytes of its entry."""
        return None

    def listing(self, key: Node) -> tuple[int, int] | None:
        """For a flag's member among nothing but members of one enumeration, in a test, the bytes of its element."""
        return None
