"""What Java and Kotlin have in common: packages that are folders, whose files see each other's names."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Iterable
from typing import ClassVar

from tree_sitter import Node

from flagtrail.codebase.languages import Language, _origins
from flagtrail.codebase.shapes import Call
from flagtrail.codebase.source import Source, ancestors

GETTER = re.compile(rb"(?:get|is|has)(?!And|Next|Or)[A-Z]\w*")
_CLASS = re.compile(rb"[A-Z]\w*[a-z]\w*")
_SINGLE = frozenset({b"get", b"instance", b"current", b"shared", b"client"})
"""By what the one object of a class is asked for: `Flags.get()`."""
CONTEXTS = frozenset(b"LDContext LDUser UnleashContext EvaluationContext MutableContext ImmutableContext".split())
"""Classes of what an evaluation is given, which only hold values."""
_WHOLE_PACKAGES = re.compile(rb"^\s*(?:package\s+([\w.]+)|import\s+(?:static\s+)?([\w.]+)\.\*)", re.MULTILINE)
"""The packages whose names a file has without an import of each."""
MOST_INT = 2**31
"""What an `int` does not hold any more."""
PROVIDERS = frozenset({b"Provides", b"Bean", b"Produces"})
"""Annotations of functions that a container calls with whatever they ask for."""
OF_ALL = re.compile(rb"(?i)all|active|known|every|flags|features|keys|toggles|entries|values")
"""What a list is called that is of all flags."""


class Jvm(Language, ABC):
    """Both languages."""

    FAMILY: ClassVar[str] = "jvm"
    SHARES_FOLDER: ClassVar[bool] = True
    NOMINAL: ClassVar[bool] = True

    def modules(self, path: str, origin: str, name: str) -> Iterable[str]:  # noqa: ARG002 - by the package alone
        """The file of a class, or any file of its package."""
        return _origins.of_jvm(origin, name)

    def may_name(self, source: Source, path: str, name: bytes) -> bool:
        """Whether a name that a file imports, or takes from its package, can be one of a file."""
        imports = [each for each in self.definitions(source) if each.kind == "import"]
        origins = [each.origin for each in imports if source.text(each.name) == name]
        if not origins:
            every = _WHOLE_PACKAGES.finditer(source.data)
            origins = [f"{(found[1] or found[2]).decode()}.{name.decode()}" for found in every]
        return any(_origins.is_of_package(path, each) for each in origins)

    def reads(self, call: Call) -> bool:
        """By the convention of JavaBeans: `order.getId()`, `Flags.get()`; not `getAndSet`, `getNext`."""
        name, owner = call.name.text or b"", (call.receiver.text if call.receiver is not None else None) or b""
        single = name in _SINGLE and _CLASS.fullmatch(owner) is not None
        return not call.arguments and (single or GETTER.fullmatch(name) is not None)

    def typed(self, call: Call, placeholder: bytes, value: object) -> bytes | None:
        """A number where its literal is of the type that the evaluation has: an `int`, or a `double` with a point."""
        if isinstance(value, bool) or not isinstance(value, int | float):
            return placeholder
        kind = b"Int" if isinstance(value, int) and abs(value) < MOST_INT else b"Double"
        fits = kind in (call.name.text or b"") and isinstance(value, float) == (kind == b"Double")
        return placeholder if fits else None

    def in_condition(self, node: Node) -> bool:
        below = node
        for above in ancestors(node):
            if above.child_by_field_name("condition") == below:
                return True
            if above.type not in ("parenthesized_expression", "unary_expression") and self.logical(above) is None:
                return False
            below = above
        return False

    def needs_parentheses(self, node: Node, place: Node) -> bool:
        parent = place.parent
        return parent is not None and self.strength(node) < self.wanted(parent, place)

    @abstractmethod
    def strength(self, node: Node) -> int:
        """How strongly an expression holds together: a primary most, an assignment least."""

    @abstractmethod
    def wanted(self, parent: Node, place: Node) -> int:
        """How strongly what stands at a place must hold together."""

    def matched(self, call: Call) -> Node | None:
        """The key of `eq(KEY)`, by which a mock's stub names it; not an answer of the flag, which is no key."""
        if call.name.text not in (b"eq", b"same") or len(call.arguments) != 1:
            return None
        value = call.arguments[0].value
        return value if not (value.text or b"").startswith(b"__FF_") else None
