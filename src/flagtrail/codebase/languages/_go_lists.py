"""Entries of Go's lists of flags: a row of a map, an element of a slice."""

from __future__ import annotations

import re

from tree_sitter import Node

from flagtrail.codebase.languages import _go_scopes as scopes
from flagtrail.codebase.languages._go_tests import with_comments
from flagtrail.codebase.source import Source

_OF_FLAGS = re.compile(rb"flag|feature|toggle|experiment|gate", re.IGNORECASE)
_NAMING = re.compile(rb"name|key|id|flag|feature", re.IGNORECASE)
_LISTS = frozenset({"map_type", "slice_type", "array_type", "implicit_length_array_type"})
_DECLARATIONS = frozenset(
    {"var_spec", "const_spec", "short_var_declaration", "assignment_statement", "return_statement"}
)


def entry(source: Source, key: Node) -> tuple[int, int] | None:
    """The bytes of the entry that a flag's key begins or names, in a list of flags by its name, type or file."""
    element = key.parent
    if element is None or element.type != "literal_element":
        return None
    pair = element.parent
    keyed = pair is not None and pair.type == "keyed_element"
    if keyed and pair is not None and pair.child_by_field_name("value") == element:
        return _named(source, pair)
    if pair is None or (keyed and pair.child_by_field_name("key") != element):
        return None
    row = pair if keyed else element
    body = row.parent
    literal = body.parent if body is not None else None
    kind = literal.child_by_field_name("type") if literal is not None else None
    if body is None or literal is None or literal.type != "composite_literal" or kind is None:
        return None
    listed = kind.type in _LISTS or (kind.type == "type_identifier" and keyed and not _may_be_field(source, key, kind))
    return taken(source, body, row) if listed and _of_flags(source, literal, kind) else None


def _named(source: Source, pair: Node) -> tuple[int, int] | None:
    """The element `{Name: "new-ui", ..}` of a slice of flags."""
    named, at = pair.child_by_field_name("key"), pair.parent
    while at is not None and at.parent is not None and at.parent.type in {"composite_literal", "unary_expression"}:
        at = at.parent
    row = at.parent if at is not None else None
    body = row.parent if row is not None and row.type == "literal_element" else None
    literal = body.parent if body is not None else None
    kind = literal.child_by_field_name("type") if literal is not None else None
    if named is None or row is None or body is None or literal is None or kind is None or kind.type != "slice_type":
        return None
    return (
        taken(source, body, row) if _NAMING.fullmatch(named.text or b"") and _of_flags(source, literal, kind) else None
    )


def _may_be_field(source: Source, key: Node, kind: Node) -> bool:
    """Whether a key may be a field's name, of a structure that is only called as a constant of the flag is."""
    declared = rb"^\s*(?:type\s+)?%s\s*=?\s*(?:map\b|\[)" % re.escape(source.text(kind))
    return key.type == "identifier" and re.search(declared, source.data, re.MULTILINE) is None


def _of_flags(source: Source, literal: Node, kind: Node) -> bool:
    at: Node | None = literal
    while at is not None and at.type not in _DECLARATIONS:
        at = at.parent
    head = source.data[at.start_byte : literal.start_byte] if at is not None else b""
    return any(_OF_FLAGS.search(text) for text in (head, kind.text or b"", source.path.encode()))


def taken(source: Source, body: Node, row: Node) -> tuple[int, int]:
    """The entry with its comma: the one behind it, or the one in front of the last."""
    rows = scopes.elements(body)
    at = rows.index(row)
    follows = row.next_sibling
    if follows is not None and follows.type == ",":
        alone = follows.next_sibling is None or follows.next_sibling.start_point.row > row.end_point.row
        begins = not source.data[source.line_start(row.start_byte) : row.start_byte].strip()
        if begins:
            return with_comments(row) if _is_own(source, row) else row.start_byte, follows.end_byte
        return row.start_byte, follows.end_byte if alone else rows[at + 1].start_byte
    return (rows[at - 1].end_byte, row.end_byte) if at else (row.start_byte, row.end_byte)


def _is_own(source: Source, row: Node) -> bool:
    """Whether the comment above speaks of this entry alone: it is followed by a blank line, the end, or a comment."""
    behind = source.line_end(row.end_byte)
    line = source.data[behind : source.line_end(behind)].strip()
    return line[:2] in (b"", b"}", b"})", b"//")
