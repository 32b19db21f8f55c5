"""What Go's literals denote, and which functions do nothing but answer."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from tree_sitter import Node

from flagtrail.codebase.languages import _go_scopes as scopes
from flagtrail.codebase.shapes import Call, Scalar

_PURE_CALLS = frozenset(
    {b"len", b"cap", b"make", b"new", b"bool", b"string", b"int", b"int64", b"float64", b"real", b"imag"}
)
_PURE_PACKAGES = frozenset({b"strings", b"strconv", b"math", b"unicode", b"utf8", b"path"})
_PURE_FUNCTIONS = {
    b"context": {b"Background", b"TODO"},
    b"errors": {b"New"},
    b"filepath": {b"Base", b"Clean", b"Dir", b"Ext", b"FromSlash", b"IsAbs", b"Join", b"Split", b"ToSlash"},
    b"fmt": {b"Sprintf", b"Sprint", b"Sprintln", b"Errorf"},
    b"time": {b"Now", b"Duration", b"Since"},
    b"openfeature": {b"NewEvaluationContext", b"NewTargetlessEvaluationContext"},
}


_PATHS = {b"utf8": b"unicode/utf8", b"filepath": b"path/filepath"}
_OF_MANY_PATHS = frozenset({b"context", b"errors", b"openfeature"})
"""Packages whose namesakes of other paths answer alike."""


def only_answers(call: Call) -> bool:
    """Whether a function of the language or its library does nothing but answer."""
    name = call.name.text or b""
    if call.receiver is None:
        return name in _PURE_CALLS and scopes.variable_scope(call.name).type == "source_file"
    package = call.receiver.text or b""
    known = package in _PURE_PACKAGES or name in _PURE_FUNCTIONS.get(package, ())
    return known and _is_of_library(call.receiver, package)


def _is_of_library(receiver: Node, package: bytes) -> bool:
    """Whether a name is a package of the library here, not a variable or another package that is called so."""
    root = scopes.variable_scope(receiver) if receiver.type == "identifier" else receiver
    if root.type != "source_file":
        return False
    paths = [path for name, path in _imported(root) if name == package]
    return bool(paths) and (package in _OF_MANY_PATHS or paths[0] == _PATHS.get(package, package))


def _imported(root: Node) -> Iterator[tuple[bytes, bytes]]:
    """The names and paths of what a file imports."""
    at: Node | None = root.named_child(0)
    while at is not None and at.type in {"package_clause", "comment", "import_declaration"}:
        for spec in scopes.specs(at) if at.type == "import_declaration" else ():
            named, written = spec.child_by_field_name("name"), spec.child_by_field_name("path")
            path = (written.text or b"")[1:-1] if written is not None else b""
            yield (named.text or b"") if named is not None else path.rpartition(b"/")[2], path
        at = at.next_named_sibling


def number(text: str) -> tuple[Scalar] | None:
    """What a literal of a number denotes."""
    plain = text.replace("_", "").lower()
    try:
        if plain.startswith("0") and plain.isdigit():
            return (int(plain, 8),)
        return (int(plain, 0),)
    except ValueError:
        pass
    try:
        return (float(plain),)
    except ValueError:
        return None


def text(literal: str) -> tuple[Scalar] | None:
    """The text of a literal; Go's escapes are among Python's, but for those of bytes, which may be no text."""
    if "\\" not in literal:
        return (literal[1:-1],)
    if "\\x" in literal or any(f"\\{digit}" in literal for digit in "01234567"):
        return None
    try:
        return (str(ast.literal_eval(literal)),)
    except (SyntaxError, ValueError):
        return None
