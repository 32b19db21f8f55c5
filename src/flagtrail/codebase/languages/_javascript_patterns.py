"""Names that JavaScript takes out of a value or an argument: `const { a, b } = value`, `function f({ a }, b) {}`."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Literal

from tree_sitter import Node

from flagtrail.codebase.languages._javascript_names import listed, names_in
from flagtrail.codebase.languages._javascript_values import field, parts, pure, text
from flagtrail.codebase.shapes import Definition

Reach = Literal["local", "file", "repository"]
_HOOK = re.compile(rb"(?:\A|\.)use[A-Z]\w*\Z")


def destructured(
    pattern: Node, taken: tuple[int, int], who: Reach, quiet: bool, around: Node, origin: str
) -> Iterator[Definition]:
    elements = parts(pattern)
    if len(elements) == 1 and elements[0].type != "rest_pattern":
        for name in names_in(elements[0]):
            if not _holds_more(elements[0]):
                yield Definition("variable", name, taken, who, quiet, origin, scope=around)
        return
    if pattern.type == "object_pattern":
        yield from _elements(pattern, who, around)
    elif quiet:
        yield from _places(pattern, who, around)


def _places(pattern: Node, who: Reach, around: Node) -> Iterator[Definition]:
    """Names of the list that a hook answers: `const [open, setOpen] = useState()`, of which `[open]` or `[, setOpen]`
    may be left. What is no list may notice how many are taken of it.
    """
    value = field(pattern.parent, "value") if pattern.parent is not None else None
    called = field(value, "function") if value is not None else None
    elements = parts(pattern)
    if called is None or not _HOOK.search(text(called)) or any(each.type != "identifier" for each in elements):
        return
    for element in elements:
        removal = listed(element) if element == elements[-1] else (element.start_byte, element.end_byte)
        yield Definition("variable", element, removal, who, scope=around)


def _elements(pattern: Node, who: Reach, around: Node) -> Iterator[Definition]:
    """Names of an object's pattern. A rest takes what no name takes."""
    elements = parts(pattern)
    if any(element.type == "rest_pattern" for element in elements):
        return
    for element in elements:
        default = field(element, "right") or field(field(element, "value") or element, "right")
        if not _holds_more(element):
            for name in names_in(element):
                yield Definition("variable", name, listed(element), who, default is None or pure(default), scope=around)


def _holds_more(element: Node) -> bool:
    """Whether what an element takes is taken apart again, other than for one name: `{ a: { b } }`."""
    inner = field(element, "value") if element.type == "pair_pattern" else element
    if inner is not None and inner.type == "assignment_pattern":
        inner = field(inner, "left")
    if inner is None or inner.type not in {"object_pattern", "array_pattern"}:
        return False
    taken = parts(inner)
    plain = {"pair_pattern", "shorthand_property_identifier_pattern"}
    return inner.type == "array_pattern" or len(taken) != 1 or taken[0].type not in plain or _holds_more(taken[0])


def parameters(node: Node) -> Iterator[Definition]:
    """What a function takes. The names of an object that is taken apart can go; others where all calls are known."""
    for parameter in parts(node):
        pattern = field(parameter, "pattern") or parameter
        if parameter.type == "assignment_pattern":
            pattern = field(parameter, "left") or parameter
        if pattern.type == "object_pattern":
            yield from _elements(pattern, "local", node.parent or node)
        elif pattern.type == "identifier" and text(pattern) != b"this":
            default = field(parameter, "value") or field(parameter, "right")
            quiet = default is None or pure(default)
            yield Definition("parameter", pattern, listed(parameter), "local", quiet, scope=node.parent)
