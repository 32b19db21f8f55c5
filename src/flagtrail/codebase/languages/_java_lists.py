"""Java: lists of flags, and choices among them, by the place where one stands that goes."""

from __future__ import annotations

from tree_sitter import Node

from flagtrail.codebase.languages._java_names import modifiers, one_of
from flagtrail.codebase.languages._java_statements import named, text
from flagtrail.codebase.languages._jvm import OF_ALL
from flagtrail.codebase.shapes import Argument, Call
from flagtrail.codebase.source import ancestors

_LISTS = frozenset(b"List.of Set.of Arrays.asList EnumSet.of Stream.of ImmutableList.of ImmutableSet.of".split())


def entry(key: Node) -> tuple[int, int] | None:
    """The bytes of what names a flag's member in an import, or as the one label of a new case, and must go with it."""
    for above in (key, *ancestors(key)):
        if above.type == "import_declaration":
            return above.start_byte, above.end_byte
        if above.type == "switch_rule":
            labels = named(above.children[0]) if above.children[0].type == "switch_label" else []
            if not any(each.start_byte <= key.start_byte < each.end_byte for each in labels):
                return None
            place = next(
                index for index, each in enumerate(labels) if each.start_byte <= key.start_byte < each.end_byte
            )
            return one_of(labels, place, above)
        if above.parent is not None and _is_list(above.parent):
            return _element(above) if _is_of_all(above.parent) else None
        if above.type not in ("identifier", "field_access", "scoped_identifier", "switch_label"):
            return None
    return None


def listing(key: Node) -> tuple[int, int] | None:
    """The element that a flag is of nothing but flags: `List.of(Flag.A, Flag.B)`."""
    element = key.parent
    listed = element.parent if element is not None and element.type == "field_access" else None
    if element is None or listed is None or not _is_list(listed) or len(named(listed)) == 1:
        return None
    owners = {text(each).rpartition(b".")[0] if each.type == "field_access" else b"" for each in named(listed)}
    return _element(element) if len(owners) == 1 and owners != {b""} else None


def _is_list(listed: Node) -> bool:
    """Whether nodes are the elements of a list that is made of them."""
    call = listed.parent
    if listed.type == "array_initializer":
        return True
    if listed.type != "argument_list" or call is None or call.type != "method_invocation":
        return False
    owner, name = call.child_by_field_name("object"), call.child_by_field_name("name")
    return owner is not None and name is not None and text(owner) + b"." + text(name) in _LISTS


def _is_of_all(listed: Node) -> bool:
    """Whether a list is all that a constant is given whose name says that it is of all flags."""
    made = listed.parent if listed.type == "argument_list" else listed
    declarator = made.parent if made is not None else None
    field = declarator.parent if declarator is not None and declarator.type == "variable_declarator" else None
    name = declarator.child_by_field_name("name") if declarator is not None else None
    fixed = field is not None and field.type == "field_declaration" and {b"static", b"final"} <= modifiers(field)
    return fixed and name is not None and OF_ALL.search(text(name)) is not None and len(named(listed)) > 1


def _element(element: Node) -> tuple[int, int]:
    """One of several with a comma."""
    listed = element.parent
    elements = named(listed) if listed is not None else [element]
    return one_of(elements, elements.index(element), element)


def annotated(node: Node, name: Node, listed: Node) -> Call | None:
    """An annotation as a call of it; not where a prefix makes another key of its names."""
    arguments = []
    for each in named(listed):
        label, value = each.child_by_field_name("key"), each.child_by_field_name("value")
        arguments.append(Argument(value, text(label).decode()) if label and value else Argument(each))
    return None if any(each.name == "prefix" for each in arguments) else Call(node, name, None, tuple(arguments))
