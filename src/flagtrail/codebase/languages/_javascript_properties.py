"""What a function of JavaScript takes out of its arguments by name, what its type says of it, and what calls give."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from tree_sitter import Node

from flagtrail.codebase.languages import _signatures
from flagtrail.codebase.languages._javascript_definitions import properties, union_members
from flagtrail.codebase.languages._javascript_names import listed
from flagtrail.codebase.languages._javascript_values import constant, field, parts, text, uncast
from flagtrail.codebase.shapes import Call, Given, Taken
from flagtrail.codebase.source import Source, descendants

_ELEMENTS = frozenset({"jsx_element", "jsx_self_closing_element"})
_OF_COMPONENTS = frozenset({b"FC", b"VFC", b"React.FC", b"React.VFC", b"FunctionComponent", b"React.FunctionComponent"})
Types = Mapping[bytes, tuple[int, int]]


def taken(source: Source) -> Iterator[Taken]:
    """Every parameter that is taken apart without a rest."""
    for pattern in descendants(source.tree.root_node):
        if pattern.type != "object_pattern" or pattern.parent is None:
            continue
        if pattern.parent.type not in {"required_parameter", "formal_parameters"}:
            continue
        keys = [_key(element) for element in parts(pattern)]
        signature = _signatures.signature(pattern, _signatures.JAVASCRIPT)
        if signature is None or not all(keys):
            continue
        types, shared = _described(source, pattern, signature.node)
        known = types is not None
        extended = shared is not None and any("extends" in child.type for child in (shared.parent or shared).children)
        yield Taken(signature, frozenset(text(key) for key in keys if key), types or {}, shared, extended, known)


def given(call: Call, place: int, key: bytes) -> Given | None:
    """The attribute of an element, or the entry of an object that is written out as an argument."""
    if call.node.type in _ELEMENTS:
        return _attribute(field(call.node, "open_tag") or call.node, key)
    if place >= len(call.arguments):
        return None
    written = uncast(call.arguments[place].value)
    for entry in parts(written) if written.type == "object" else ():
        if entry.type == "shorthand_property_identifier" and text(entry) == key:
            return Given(listed(entry), entry)
        name = field(entry, "key")
        if entry.type == "pair" and name is not None and text(name) == key:
            return Given(listed(entry), field(entry, "value"))
    return None


def _attribute(opening: Node, key: bytes) -> Given | None:
    attributes = opening.children_by_field_name("attribute")
    for attribute in attributes:
        if attribute.type != "jsx_attribute" or text(parts(attribute)[0]) != key:
            continue
        value = next(iter(parts(attribute)[1:]), None)
        if value is not None and value.type == "jsx_expression":
            value = next(iter(parts(value)), None)
        before = attribute.prev_sibling or attribute
        if len(attributes) > 1:
            return Given((before.end_byte, attribute.end_byte), value)
        end = opening.children[-1] if opening.children[-1].type == "/>" else None
        last = opening.children[-2] if opening.children[-1].type == ">" and opening.children[-2].type == "/" else end
        closing = last or opening.children[-1]
        return Given((before.end_byte, closing.start_byte), value, b" " if closing.type != ">" else b"")
    return None


def _key(element: Node) -> Node | None:
    if element.type == "pair_pattern":
        key = field(element, "key")
        return key if key is not None and key.type == "property_identifier" else None
    name = field(element, "left") if element.type == "object_assignment_pattern" else element
    return name if name is not None and name.type == "shorthand_property_identifier_pattern" else None


def _described(source: Source, pattern: Node, function: Node) -> tuple[Types | None, Node | None]:
    """The bytes that a type has for each property, and its name where it stands apart; None where it is not known."""
    annotation = field(pattern.parent, "type") if pattern.parent is not None else None
    holder = function.parent
    outer = field(holder, "type") if holder is not None and holder.type == "variable_declarator" else None
    if annotation is None and outer is None:
        return ({}, None) if pattern.parent is not None and pattern.parent.type == "formal_parameters" else (None, None)
    if annotation is not None and outer is not None:
        return None, None
    written = parts(annotation or outer or pattern)[0]
    if outer is not None:
        inside = _arguments(written)
        if text(field(written, "name") or written) not in _OF_COMPONENTS or len(inside) != 1:
            return None, None
        written = inside[0]
    return _of_type(source, written)


def _of_type(source: Source, written: Node) -> tuple[Types | None, Node | None]:
    if written.type == "object_type":
        return _members(written), None
    inside = _arguments(written)
    if written.type == "generic_type" and text(field(written, "name") or written) == b"Pick" and len(inside) == 2:  # noqa: PLR2004 - a type and keys
        return _picked(inside[1]), None
    if written.type != "type_identifier":
        return None, None
    for node in source.tree.root_node.named_children:
        declared = field(node, "declaration") or node
        name, body = field(declared, "name"), field(declared, "body") or field(declared, "value")
        if name is not None and text(name) == text(written) and body is not None and _is_plain(declared, body):
            return _members(body), name
    return None, None


def _is_plain(declared: Node, body: Node) -> bool:
    """`interface Props { .. }`, `type Props = { .. }`."""
    described = declared.type in {"interface_declaration", "type_alias_declaration"}
    return described and body.type in {"interface_body", "object_type"} and field(declared, "type_parameters") is None


def _arguments(written: Node) -> list[Node]:
    given = field(written, "type_arguments") if written.type == "generic_type" else None
    return parts(given) if given is not None else []


def _members(body: Node) -> Types:
    found = {}
    for member in parts(body):
        for each in properties(member) if member.type == "property_signature" else ():
            found[text(each.name)] = each.removal
    return found


def _picked(keys: Node) -> Types:
    """What `'a' | 'b'` of `Pick<T, 'a' | 'b'>` names, where more than one does."""
    found: dict[bytes, tuple[int, int]] = {}
    for literal in descendants(keys):
        for each in union_members(literal) if literal.type == "literal_type" else ():
            named = constant(each.name)
            if named is not None:
                found[str(named[0]).encode()] = each.removal
    return found
