"""Whether the promise of an answer is used itself, and not what it is awaited for: no literal can stand there."""

from __future__ import annotations

import re

from tree_sitter import Node

from flagtrail.codebase.languages._javascript_values import field, text
from flagtrail.codebase.shapes import Call, Texts
from flagtrail.codebase.source import Source, ancestors

_FUNCTIONS = frozenset(
    {
        "arrow_function", "function_declaration", "function_expression", "generator_function_declaration",
        "generator_function", "method_definition",
    }
)  # fmt: skip
_THROUGH = frozenset({"parenthesized_expression", "as_expression", "satisfies_expression", "non_null_expression"})
_KEPT = frozenset({"pair", "array", "public_field_definition", "field_definition"})
_USED = _KEPT | {"return_statement", "arrow_function", "variable_declarator", "assignment_expression", "arguments"}
_PROMISED = re.compile(rb"\bPromise(?:Like)?\s*<")
_AWAITED = (
    rb"\bawait\s+(?:__FF_\w+|(?:[\w$]+\s*[.!?]+\s*)*%s\s*[(<])"
    rb"|\b%s\s*\((?:[^()]|\([^()]*\))*\)\s*\??\.\s*(?:then|catch|finally)\b"
)


def _awaits(data: bytes, name: bytes) -> bool:
    """Whether code awaits what a function of this name answers, or says what is done then.

    An answer that was awaited further down has its placeholder by now: the last place is replaced first.
    """
    word = re.escape(name)
    return re.search(_AWAITED % (word, word), data) is not None


def is_used(source: Source, call: Call, texts: Texts) -> bool:
    """Whether a call answers a promise, by what is written of it, and that promise is returned, kept or passed on."""
    at = call.node
    while at.parent is not None and at.parent.type in _THROUGH:
        at = at.parent
    around = at.parent
    if around is None or around.type not in _USED:
        return False
    here = _awaits(source.data, text(call.name))
    if around.type == "return_statement" or (around.type == "arrow_function" and field(around, "body") == at):
        return _is_returned(around, texts, here=here)
    if around.type == "variable_declarator":
        name = text(field(around, "name") or around)
        return _is_promised(around) or (here and not _is_only_awaited(source, name))
    if around.type == "assignment_expression" and (left := field(around, "left")) is not None:
        name = text(field(left, "property") or left)
        declared = re.search(rb"\b%s\s*[?!]?\s*:\s*Promise\b" % re.escape(name), source.data)
        return declared is not None or here
    if around.type == "arguments" or (around.type == "array" and _is_gathered(around)):
        return here and not _is_gathered(around)
    return around.type in _KEPT and (here or _is_promised(around))


def _is_returned(place: Node, texts: Texts, *, here: bool) -> bool:
    made = next((each for each in (place, *ancestors(place)) if each.type in _FUNCTIONS), None)
    if made is None or any(child.type == "async" for child in made.children):
        return False
    holder = made.parent
    name = field(made, "name") or (field(holder, "name") or field(holder, "property") if holder is not None else None)
    kind = field(made, "return_type")
    if here or (kind is not None and _PROMISED.search(text(kind)) is not None):
        return True
    return name is not None and any(_awaits(data, text(name)) for data in texts(text(name)))


def _is_promised(declared: Node) -> bool:
    kind = field(declared, "type")
    return kind is not None and _PROMISED.search(text(kind)) is not None


def _is_only_awaited(source: Source, name: bytes) -> bool:
    word = re.escape(name)
    every = re.findall(rb"(?<![\w$])%s(?![\w$])" % word, source.data)
    return len(every) == 1 + len(re.findall(rb"\bawait\s+%s(?![\w$.?])" % word, source.data))


def _is_gathered(node: Node) -> bool:
    """`Promise.all([..])`, `Promise.resolve(..)`."""
    call = next((each for each in (node, *ancestors(node)) if each.type == "call_expression"), None)
    return call is not None and text(field(call, "function") or call).startswith(b"Promise.")
