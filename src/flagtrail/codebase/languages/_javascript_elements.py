"""Elements of JSX that decide what is shown: `<Feature name="k">`, `<Show condition={..} show={..} />`."""

from __future__ import annotations

import re
from collections.abc import Mapping

from tree_sitter import Node

from flagtrail.codebase.languages._javascript_values import FUNCTIONS, JSX, bare, field, parts, text
from flagtrail.codebase.shapes import Argument, Call, Settled

_CHOOSES = frozenset({b"condition", b"show", b"elseShow"})
_ON_ALWAYS = b"PostHogFeature"
"""What shows its children whatever the flag is, unless it is told what to `match`."""
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
        return _placed(element, given, given.get(b"fallback"))
    if opening is None or closing is None:
        shows = any(each is not None and _is_shown(each) for name, each in given.items() if name != b"fallback")
        return None if shows else in_place(element, None)
    inside = [child for child in element.named_children[1:-1] if child.type != "jsx_text" or _means(child)]
    if any(part.type in FUNCTIONS for child in inside if child.type == "jsx_expression" for part in parts(child)):
        return None
    if b"key" in given and inside:
        return None
    if len(inside) == 1 and inside[0].type in JSX:
        return in_place(element, inside[0])
    if _is_child(element) and inside and _stays_apart(element, inside[0], inside[-1]):
        return Settled(element.start_byte, element.end_byte, span=(inside[0].start_byte, inside[-1].end_byte))
    return None if inside else in_place(element, None)


def _placed(element: Node, given: Mapping[bytes, Node | None], fallback: Node | None) -> Settled | None:
    """What is shown where the flag is off; not by another element than what a list knows by its `key`."""
    if fallback is None:
        unsaid = text(field(field(element, "open_tag") or element, "name") or element) == _ON_ALWAYS
        return None if unsaid and b"match" not in given else in_place(element, None)
    return None if b"key" in given else in_place(element, fallback)


def _is_shown(value: Node) -> bool:
    """Whether an attribute may hold what is shown: an element, a function or a component."""
    value = bare(value)
    return value.type in JSX | FUNCTIONS or (value.type == "identifier" and text(value)[:1].isupper())


def _means(blank: Node) -> bool:
    """Whether text among children is shown: blanks are, but where a line ends."""
    return bool(text(blank).strip()) or b"\n" not in text(blank)


def _runs_on(text_there: bytes, beside: bytes) -> bool:
    """Whether text at the end of an element, from its end on, means another blank where it stands beside other text."""
    blank = text_there[: len(text_there) - len(text_there.lstrip())]
    facing = beside[: len(beside) - len(beside.lstrip())]
    if b"\n" in blank:
        return bool(beside.strip()) or (bool(facing) and b"\n" not in facing)
    return b"\n" in facing and bool(blank or beside.strip())


def _stays_apart(element: Node, first: Node, last: Node) -> bool:
    """Whether the children of an element, from `first` to `last`, look the same in its place."""
    begins = first.type == "jsx_text" and _runs_on(text(first), text_before(element)[::-1])
    ends = last.type == "jsx_text" and _runs_on(text(last)[::-1], text_after(element))
    return not begins and not ends


def _decides_otherwise(name: bytes, value: Node | None, *, truth: bool) -> bool:
    """Whether an attribute says what else is shown where the flag is off, or of which value it must be."""
    if name in {b"match", b"matchValue"}:
        return value is not None and value.type != "true"
    if truth or name == b"fallback":
        return False
    return _OTHERWISE.match(name) is not None or (value is not None and _is_shown(value))


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
        return None if keeps_blanks(element) else Settled(element.start_byte, element.end_byte)
    if kept.type in JSX:
        return Settled(element.start_byte, element.end_byte, span=(kept.start_byte, kept.end_byte))
    return Settled(element.start_byte, element.end_byte, text=b"{" + text(kept) + b"}")


def _called(kept: Node) -> Node:
    """What `() => <A />` answers."""
    body = field(kept, "body") if kept.type == "arrow_function" else None
    parameters = field(kept, "parameters")
    plain = body is not None and body.type != "statement_block" and parameters is not None and not parts(parameters)
    return body if body is not None and plain else kept


def keeps_blanks(child: Node) -> bool:
    """Whether a blank beside a child would come to stand at an end of a line, where it means nothing; or an end of a
    line between two texts, where it means a blank.
    """
    before, after = text_before(child), text_after(child)
    tail, head = before[len(before.rstrip()) :], after[: len(after) - len(after.lstrip())]
    ends = bool(tail) and b"\n" not in tail and b"\n" in head
    starts = bool(head) and b"\n" not in head and b"\n" in tail
    if before.strip() and after.strip():
        return b"\n" in tail + head and not ends and not starts
    return (ends and not _last(child)) or (starts and not _first(child))


def text_before(child: Node) -> bytes:
    """What is written between a child and the one before it."""
    before = child.prev_sibling
    return text(before) if before is not None and before.type == "jsx_text" else _gap(child.parent, before, child)


def text_after(child: Node) -> bytes:
    """What is written between a child and the one behind it."""
    after = child.next_sibling
    return text(after) if after is not None and after.type == "jsx_text" else _gap(child.parent, child, after)


def _gap(parent: Node | None, left: Node | None, right: Node | None) -> bytes:
    if parent is None or left is None or right is None:
        return b""
    return text(parent)[left.end_byte - parent.start_byte : right.start_byte - parent.start_byte]


def _first(child: Node) -> bool:
    at = child.prev_named_sibling
    while at is not None and at.type == "jsx_text" and not text(at).strip():
        at = at.prev_named_sibling
    return at is None or at.type == "jsx_opening_element"


def _last(child: Node) -> bool:
    at = child.next_named_sibling
    while at is not None and at.type == "jsx_text" and not text(at).strip():
        at = at.next_named_sibling
    return at is None or at.type == "jsx_closing_element"
