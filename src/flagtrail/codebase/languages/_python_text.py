"""What Python's literals denote, read from the tree: the running interpreter's grammar may be older than the user's."""

from __future__ import annotations

import re

from tree_sitter import Node

from flagtrail.codebase.shapes import Scalar

_ESCAPE = re.compile(r"\\(\r?\n|[0-7]{1,3}|x[0-9a-fA-F]{2}|u[0-9a-fA-F]{4}|U[0-9a-fA-F]{8}|N\{[^}]*\}|.)", re.DOTALL)
_SIMPLE = {
    "\n": "",
    "\r\n": "",
    "\\": "\\",
    "'": "'",
    '"': '"',
    "a": "\a",
    "b": "\b",
    "f": "\f",
    "n": "\n",
    "r": "\r",
    "t": "\t",
    "v": "\v",
}


def constant(node: Node) -> tuple[Scalar] | None:
    """What a literal denotes; None for bytes, f-strings and what is no literal."""
    match node.type:
        case "true" | "false":
            return (node.type == "true",)
        case "none":
            return (None,)
        case "string":
            text = _text(node)
            return None if text is None else (text,)
        case "concatenated_string":
            parts = [_text(part) for part in node.named_children if part.type == "string"]
            return None if None in parts else ("".join(part for part in parts if part is not None),)
        case "integer" | "float":
            return _number(node)
        case "unary_operator":
            return _negative(node)
        case _:
            return None


def text(node: Node) -> str:
    """A node's own text."""
    return (node.text or b"").decode()


def _negative(node: Node) -> tuple[Scalar] | None:
    operand = node.child_by_field_name("argument")
    if operand is None or text(node)[:1] != "-" or operand.type not in {"integer", "float"}:
        return None
    found = _number(operand)
    return None if found is None else (-found[0],)


def _number(node: Node) -> tuple[int | float] | None:
    written = text(node)
    try:
        return (int(written, 0),) if node.type == "integer" else (float(written),)
    except ValueError:  # 1j, or Python 2's 0777 and 1L
        return None


def _text(string: Node) -> str | None:
    start, content, end = string.children[0], string.children[1:-1], string.children[-1]
    prefix = text(start).rstrip("\"'").lower()
    if "b" in prefix or "f" in prefix or "t" in prefix or any(part.type != "string_content" for part in content):
        return None
    written = (string.text or b"").decode()[len(text(start)) : -len(text(end))]
    if "r" in prefix:
        return written
    if "\\N{" in written:
        return None
    return _ESCAPE.sub(lambda found: _escaped(found[1]), written)


def _escaped(code: str) -> str:
    if code in _SIMPLE:
        return _SIMPLE[code]
    if code[0] in "xuU" and len(code) > 1:
        return chr(int(code[1:], 16))
    if code[0] in "01234567":
        return chr(int(code, 8))
    return f"\\{code}"
