"""Elements of JSX that decide what is shown: `<Feature name="k">`, `<Show condition={..} show={..} />`."""

from __future__ import annotations

import re

from tree_sitter import Node

from flagtrail.codebase.languages._javascript_values import FUNCTIONS, JSX, bare, field, parts, text
from flagtrail.codebase.shapes import Argument, Call, Settled

_CHOOSES = frozenset({b"condition", b"show", b"elseShow"})
_OTHERWISE = re.compile(rb"render|else|not|off|disabled|inactive", re.IGNORECASE)


def as_call(element: Node) -> Call | None:
    """An element as the call that it is, with its attributes as arguments."""
    opening = field(element, "open_tag") or element
    name = field(opening, "name")
    if name is None or name.type != "identifier":
        return None
    found = []
    for attribute in opening.children_by_field_name("attribute"):
        value = _value(attribute)
        inside = parts(attribute)
        if attribute.type == "jsx_expression" and inside and inside[0].type == "spread_element":
            found.append(Argument(inside[0], spread=True))
        elif value is not None:
            found.append(Argument(value, name=text(parts(attribute)[0]).decode()))
    return Call(element, name, None, tuple(found))


def _value(attribute: Node) -> Node | None:
    """What an attribute is given, without the braces."""
    if attribute.type != "jsx_attribute" or len(parts(attribute)) != 2:  # noqa: PLR2004 - a name and a value
        return None
    value = parts(attribute)[1]
    return parts(value)[0] if value.type == "jsx_expression" and parts(value) else value


def rendered(element: Node, *, truth: bool) -> Settled | None:
    """What stands in place of an element that shows its children where a flag is on, else its `fallback`."""
    opening, closing = field(element, "open_tag"), field(element, "close_tag")
    attributes = (opening or element).children_by_field_name("attribute")
    given = {text(parts(each)[0]): _value(each) for each in attributes if each.type == "jsx_attribute"}
    if len(given) < len(attributes) or any(_decides_otherwise(*each, truth=truth) for each in given.items()):
        return None
    if not truth:
        return in_place(element, given.get(b"fallback"))
    if opening is None or closing is None:
        return in_place(element, None)
    inside = [child for child in element.named_children[1:-1] if child.type != "jsx_text" or text(child).strip()]
    if any(part.type in FUNCTIONS for child in inside if child.type == "jsx_expression" for part in parts(child)):
        return None
    if len(inside) == 1 and inside[0].type in JSX:
        return in_place(element, inside[0])
    if _is_child(element) and inside:
        return Settled(element.start_byte, element.end_byte, span=(inside[0].start_byte, inside[-1].end_byte))
    return None if inside else in_place(element, None)


def _decides_otherwise(name: bytes, value: Node | None, *, truth: bool) -> bool:
    """Whether an attribute says what else is shown where the flag is off, or of which value it must be."""
    if name in {b"match", b"matchValue"}:
        return value is not None and value.type != "true"
    return not truth and _OTHERWISE.match(name) is not None


def chosen(attribute: Node, *, truth: bool) -> Settled | None:
    """What stands in place of an element that is given its condition and what to show: nothing else it is given."""
    element = attribute.parent
    if element is None or element.type != "jsx_self_closing_element" or text(parts(attribute)[0]) != b"condition":
        return None
    given = {text(parts(each)[0]): _value(each) for each in parts(element)[1:] if each.type == "jsx_attribute"}
    if len(given) != len(parts(element)) - 1 or not given.keys() <= _CHOOSES or b"show" not in given:
        return None
    return in_place(element, given.get(b"show" if truth else b"elseShow"))


def _is_child(element: Node) -> bool:
    return element.parent is not None and element.parent.type in JSX


def in_place(element: Node, kept: Node | None) -> Settled | None:
    """An expression in place of an element: a child of another one, or a value."""
    if kept is not None:
        kept = bare(_called(bare(kept)))
    if not _is_child(element):
        if kept is None:
            return Settled(element.start_byte, element.end_byte, text=b"null")
        return Settled(element.start_byte, element.end_byte, span=(kept.start_byte, kept.end_byte))
    if kept is None or kept.type == "null":
        return Settled(element.start_byte, element.end_byte)
    if kept.type in JSX:
        return Settled(element.start_byte, element.end_byte, span=(kept.start_byte, kept.end_byte))
    return Settled(element.start_byte, element.end_byte, text=b"{" + text(kept) + b"}")


def _called(kept: Node) -> Node:
    """What `() => <A />` answers."""
    body = field(kept, "body") if kept.type == "arrow_function" else None
    parameters = field(kept, "parameters")
    plain = body is not None and body.type != "statement_block" and parameters is not None and not parts(parameters)
    return body if body is not None and plain else kept
