"""What Python's literals denote, read from the tree: the running interpreter's grammar may be older than the user's."""

from __future__ import annotations

import re

import msgspec
from tree_sitter import Node

from flagtrail.codebase.shapes import Scalar
from flagtrail.codebase.source import ancestors

MOST_INDENTS = 250
"""The grammar's scanner writes past its end at about 500; Python itself takes 100."""
_FAR_IN = re.compile(rb"^[ \t]{%d,}\S" % MOST_INDENTS, re.MULTILINE)
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


def written(node: Node, value: str) -> tuple[int, int, bytes]:
    """How a text is written in place of a node: in the file's own quotes, and in an f-string as a part of it."""
    around = next((above for above in ancestors(node) if above.type == "string"), None)
    plain = not set("\\\n'\"") & set(value)
    if around is None:
        root = next((above for above in ancestors(node) if above.parent is None), node)
        source = root.text or b""
        quote = "'" if source.count(b"'") > source.count(b'"') else '"'
        return node.start_byte, node.end_byte, _quoted(value, quote)
    outer, place = text(around.children[-1])[0], node.parent
    kind = text(around.children[0]).lower()
    if place is not None and _is_all(place) and "t" not in kind and (plain or "r" not in kind):
        inner = msgspec.json.encode(value)[1:-1].replace(b"{", b"{{").replace(b"}", b"}}")
        return place.start_byte, place.end_byte, inner.replace(b"'", b"\\'") if outer == "'" else inner
    return node.start_byte, node.end_byte, _quoted(value, "'" if outer == '"' else '"')


def _quoted(value: str, quote: str) -> bytes:
    json = msgspec.json.encode(value)
    if quote == '"' or "'" in value or '"' in value or "\\" in value:
        return json
    return b"'" + json[1:-1] + b"'"


def _is_all(interpolation: Node) -> bool:
    """Whether an interpolation is `{x}` and nothing else."""
    return interpolation.type == "interpolation" and len(interpolation.children) == len("{x}")


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


def is_too_deep(data: bytes) -> bool:
    """Whether lines are indented deeper than the grammar bears: no tree is made of such a file."""
    return len(data) > MOST_INDENTS**2 and len(_FAR_IN.findall(data)) >= MOST_INDENTS
