"""What Go's literals denote, and which functions do nothing but answer."""

from __future__ import annotations

import ast

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


def only_answers(call: Call) -> bool:
    """Whether a function of the language or its library does nothing but answer."""
    name = call.name.text or b""
    if call.receiver is None:
        return name in _PURE_CALLS
    package = call.receiver.text or b""
    known = package in _PURE_PACKAGES or name in _PURE_FUNCTIONS.get(package, ())
    return known and not _is_variable(call.receiver)


def _is_variable(name: Node) -> bool:
    """Whether a function declares a name that packages of the library have, too: `path.Close()`."""
    return name.type == "identifier" and scopes.variable_scope(name).type != "source_file"


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
