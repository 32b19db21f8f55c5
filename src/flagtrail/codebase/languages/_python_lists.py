"""A flag's entry in a Python list of flags: `FEATURES = {"new-ui": False}`, `Literal["new-ui", "old-mail"]`."""

from __future__ import annotations

import itertools
import re

from tree_sitter import Node

from flagtrail.codebase.languages._python_definitions import of_list
from flagtrail.codebase.languages._python_expressions import operands, pure
from flagtrail.codebase.languages._python_grammar import nodes
from flagtrail.codebase.languages._python_names import FUNCTIONS, scope_of
from flagtrail.codebase.languages._python_text import constant, text
from flagtrail.codebase.shapes import Listed
from flagtrail.codebase.source import Source, ancestors

_OF_FLAGS = re.compile(r"flag|feature|toggle|switch|experiment|gate|rollout", re.IGNORECASE)
_LOOKS = re.compile(
    r"(?!.*(?:request|http|session|client|api|queue)).*\.(?:get|bool|get_?bool(?:ean)?|getenv)",
    re.IGNORECASE | re.DOTALL,
)
"""Methods that look something up in options, which a name in a text says: none that fetch it."""
_OPTION = re.compile(r"[\w.-]+")
_AS_A_WHOLE = re.compile(rb"\b(?:vars|getattr|asdict|attrgetter)\(|__dict__|__getattr")
"""How a file may come upon a member that it does not name."""
_ALONE = 2
"""Parts of `Literal["new-ui"]`."""
_LEAST = {"list": 1, "set": 2, "tuple": 3}
"""Elements of which one can go, so that what is left is of the same kind: `(a, b)` is no tuple without its comma."""


def gives_member(source: Source, name: Node) -> Node | None:
    """The statement `self.name = options.get("name", False)`, or `NAME = True` of a module, which does nothing else."""
    target = name.parent if name.parent is not None and name.parent.type == "attribute" else name
    assignment = target.parent
    if assignment is None or assignment.type != "assignment" or assignment.child_by_field_name("left") != target:
        return None
    owner, value, statement = (
        target.child_by_field_name("object"),
        assignment.child_by_field_name("right"),
        assignment.parent,
    )
    own = text(owner) == "self" if owner is not None else scope_of(name).type == "module"
    if not own or value is None or statement is None or statement.type != "expression_statement":
        return None
    alone = not _tried(statement) and not _AS_A_WHOLE.search(source.data)
    return statement if alone and _only_looks(value) else None


def _tried(statement: Node) -> bool:
    around = itertools.takewhile(lambda above: above.type not in FUNCTIONS, ancestors(statement))
    return any(above.type == "try_statement" for above in around)


def _only_looks(value: Node) -> bool:
    """Whether all that a value calls is looking something up in options: `not environ.get("NEW_UI")`."""
    return all(pure(each) or _looks_up(each) for each in nodes(value, "call")) and (
        pure(value) or value.type in {"call", "comparison_operator", "not_operator", "boolean_operator"}
    )


def _looks_up(call: Node) -> bool:
    called, given = call.child_by_field_name("function"), call.child_by_field_name("arguments")
    named = called is not None and called.type == "attribute" and _LOOKS.fullmatch(text(called))
    values = [each.child_by_field_name("value") or each for each in operands(given)] if given is not None else []
    option = constant(values[0]) if values else None
    return bool(named) and option is not None and bool(_OPTION.fullmatch(str(option[0]))) and all(map(pure, values))


def entry(source: Source, key: Node) -> tuple[int, int] | None:
    """The bytes of the entry whose key this is, in a list that a module or class keeps of flags."""
    above = key.parent
    if above is None:
        return None
    if above.type == "pair" and above.child_by_field_name("key") == key:
        return _taken(source, above) if _lists_flags(above) else None
    if above.type == "type" and above.parent is not None:
        return _of_literal(source, above, above.parent)
    if above.type == "subscript":
        named = above.child_by_field_name("value")
        literal = named is not None and named != key and text(named).endswith("Literal")
        return _taken(source, key) if literal and len(operands(above)) > _ALONE else None
    enough = len(operands(above)) >= _LEAST.get(above.type, len(operands(above)) + 1)
    return _taken(source, key) if enough and _lists_flags(key) and not _is_counted(source, key) else None


def listed(source: Source, key: Node) -> Listed | None:
    """A key in a list, set, tuple or dictionary, from which it can be taken."""
    element = collection = key.parent
    if element is None or collection is None:
        return None
    value = None
    if element.type == "pair" and element.child_by_field_name("key") == key:
        value, collection = element.child_by_field_name("value"), element.parent
    else:
        element = key
    if collection is None or collection.type not in {"dictionary", *_LEAST}:
        return None
    every = operands(collection)
    sole = len(every) == 1
    if (value is None) == (collection.type == "dictionary") or (collection.type == "tuple" and len(every) == _ALONE):
        return None
    return Listed(collection, of_list(source, element), value, sole)


def _of_literal(source: Source, element: Node, parameters: Node) -> tuple[int, int] | None:
    generic = parameters.parent
    if generic is None or generic.type != "generic_type" or text(operands(generic)[0]) != "Literal":
        return None
    return _taken(source, element) if len(operands(parameters)) > 1 else None


def _lists_flags(node: Node) -> bool:
    for above in ancestors(node):
        if above.type == "assignment":
            name = above.child_by_field_name("left")
            kept = scope_of(above).type in {"module", "class_definition"}
            return kept and name is not None and _OF_FLAGS.search(text(name)) is not None
        if above.type in {"block", "lambda"}:
            return False
    return False


def _is_counted(source: Source, element: Node) -> bool:
    """Whether the file asks for the place of something in the list, or how many there are."""
    assignment = next((each for each in ancestors(element) if each.type == "assignment"), None)
    name = assignment.child_by_field_name("left") if assignment is not None else None
    word = re.escape(source.text(name)) if name is not None else b""
    asks = rb"\b(?:zip|enumerate|len)\([^()\n]*\b%s\b|\b%s(?:\.index\(|\[-?\d)" % (word, word)
    return re.search(asks, source.data) is not None


def _taken(source: Source, element: Node) -> tuple[int, int]:
    """An element with its comma, and with the comments above it that are about it alone."""
    start, end = of_list(source, element)
    first, at = start, element.prev_sibling
    row = element.start_point.row
    while at is not None and at.type == "comment" and at.start_point.row == row - 1:
        line = source.line_start(at.start_byte)
        if source.data[line : at.start_byte].strip():
            break
        first, row, at = line, at.start_point.row, at.prev_sibling
    below = source.data[end : source.line_end(end)].strip()
    alone = start == source.line_start(element.start_byte) and (not below or below[:1] in b"#)]}")
    return (first, end) if alone else (start, end)
