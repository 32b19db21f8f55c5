"""A field of a Go structure that holds the flag's answer wherever it can be read: one place makes such objects."""

from __future__ import annotations

import re
from collections.abc import Iterator

from tree_sitter import Node

from flagtrail.codebase.languages import _go_scopes as scopes
from flagtrail.codebase.languages._go_tests import with_comments
from flagtrail.codebase.shapes import Binding, Lifetime, Mend
from flagtrail.codebase.source import ancestors, descendants

_ANSWER = b"__FF_"
_TYPES = frozenset({b"bool", b"string"})
_HOLDING = frozenset({"slice_type", "array_type", "implicit_length_array_type", "map_type"})
_FUNCTIONS = scopes.FUNCTIONS | {"function_type", "method_elem"}
_LOOKED_INTO = re.compile(rb"\breflect\.|\bunsafe\.|\bspew\.|%[+#]v")
_PRINTS = re.compile(rb"print|log|dump|format|error|debug|info|warn|fatal|panic|diff|equal", re.IGNORECASE)
_NAMING = scopes.FUNCTIONS | {
    "parameter_declaration", "variadic_parameter_declaration", "short_var_declaration", "assignment_statement",
    "var_spec", "field_declaration", "range_clause", "type_switch_statement",
}  # fmt: skip
_OF_ERRORS = re.compile(rb"err|^ok$|^_$", re.IGNORECASE)
_MADE = (
    rb"(?ms)\A(?!.*^\s*(?:type\s+)?%(kind)s\s+struct\b).*(?:\b%(kind)s\{|[&=(,:]\s*(?:\w+\.)?%(kind)s\s*\{"
    rb"|\bnew\(\s*(?:\w+\.)?%(kind)s\b|\]\s*(?:\w+\.)?%(kind)s\b|\bvar\s+[\w, ]+\s(?:\w+\.)?%(kind)s\b"
    rb"|\w[ \t]+(?:\w+\.)?%(kind)s[ \t]*(?:$|[,)`\"/;}])|[{;]\s*(?:\w+\.)?%(kind)s\s*[;}`\"]"
    rb"|^\s*(?:\w+\.)?%(kind)s[ \t]*$|\[[^\]\n]*\b%(kind)s\b[^\]\n]*\]|\.\(\s*(?:\w+\.)?%(kind)s\s*\)"
    rb"|\btype\s+(?:\w+\s*=|\([^)]*=)\s*(?:\w+\.)?%(kind)s\b|%%[+#]v|\breflect\.|\bspew\.)"
)
"""How a file could make an object of a type that it does not declare, have one that nobody made, or look into one."""


def of_entry(entry: Node) -> Iterator[Binding]:
    """`on: enabled` in the only literal of its type."""
    key, value = (_held(entry.child_by_field_name(side)) for side in ("key", "value"))
    body = entry.parent
    literal = body.parent if body is not None else None
    if key is None or value is None or literal is None or literal.type != "composite_literal":
        return
    yield from _of(entry, key, value, literal, _with_comma(entry))


def of_assignment(statement: Node) -> Iterator[Binding]:
    """`s.on = enabled`, where nothing has named `s` since `s := &T{..}` in the same block."""
    left, right = (scopes.elements(statement.child_by_field_name(side)) for side in ("left", "right"))
    if len(left) != 1 or len(right) != 1 or left[0].type != "selector_expression":
        return
    made, name = left[0].child_by_field_name("operand"), left[0].child_by_field_name("field")
    literal = _made_before(statement, made) if made is not None and made.type == "identifier" else None
    if literal is not None and name is not None:
        yield from _of(statement, name, right[0], literal, (statement.start_byte, statement.end_byte))


def lifetime(binding: Binding) -> Lifetime:
    """All that reads such a field, and its declaration, which goes with its value."""
    declared = binding.declaration
    spec = declared.parent if declared is not None else None
    reads = tuple(each for each in _selected(binding.scope, binding.name) if _held_by(binding.statement) != each)
    return Lifetime(reads, () if spec is None or declared is None else (_undeclared(spec, declared),))


def _with_comma(entry: Node) -> tuple[int, int]:
    """The entry with the comma behind it, or the one in front of the last."""
    comma, before = entry.next_sibling, entry.prev_named_sibling
    if comma is None or comma.type != ",":
        return (before.end_byte if before is not None else entry.start_byte), entry.end_byte
    behind = comma.next_sibling
    near = behind is not None and behind.start_point.row == entry.end_point.row and behind.is_named
    return entry.start_byte, behind.start_byte if behind is not None and near else comma.end_byte


def _held(element: Node | None) -> Node | None:
    inside = element.named_children if element is not None and element.type == "literal_element" else []
    return inside[0] if len(inside) == 1 else None


def _held_by(statement: Node) -> Node | None:
    left = scopes.elements(statement.child_by_field_name("left"))
    return left[0] if left else None


def _of(statement: Node, name: Node, value: Node, literal: Node, removal: tuple[int, int]) -> Iterator[Binding]:
    kind = literal.child_by_field_name("type")
    private = not (name.text or b"")[:1].isupper()
    if kind is None or kind.type != "type_identifier" or not private or not (value.text or b"").startswith(_ANSWER):
        return
    root = next((each for each in ancestors(literal) if each.parent is None), literal)
    declared = _declaration(root, name, kind)
    if declared is None or not _is_made_here(root, kind, literal) or not _is_only_read(root, statement, name, kind):
        return
    unless = (kind.text or b"", _MADE % {b"kind": re.escape(kind.text or b"")})
    whole = statement.type == "assignment_statement"
    yield Binding(statement, name, value, root, removal, whole, declaration=declared, everywhere=True, unless=unless)


def _declaration(root: Node, name: Node, kind: Node) -> Node | None:
    """Where the only structure of the file that has a field of this name declares it."""
    found = [each for each in descendants(root) if each.type == "field_identifier" and each.text == name.text]
    declared = [each for each in found if each.parent is not None and each.parent.type != "selector_expression"]
    spec = declared[0].parent if len(declared) == 1 else None
    its = spec.child_by_field_name("type") if spec is not None and spec.type == "field_declaration" else None
    above = list(ancestors(declared[0]))[:4] if its is not None and its.text in _TYPES else []
    owner = above[3] if len(above) > 3 and above[3].type == "type_spec" else None  # noqa: PLR2004 - field, list, struct, type
    named = owner.child_by_field_name("name") if owner is not None else None
    generic = owner is None or owner.child_by_field_name("type_parameters") is not None
    return declared[0] if named is not None and named.text == kind.text and not generic else None


def _is_made_here(root: Node, kind: Node, literal: Node) -> bool:
    """Whether one literal is all that makes an object of the type, and nothing holds one that nobody made."""
    return not any(
        _may_make(node, node.parent)
        for node in descendants(root)
        if node.text == kind.text and node.parent is not None and node.parent != literal
    )


def _may_make(name: Node, around: Node) -> bool:
    """Whether a type's name stands where an object comes to be, and not for one that there is: `new(T)`, `[]T`."""
    if name.type == "identifier":  # `new(T)`, `zero[T]()`, `T(x)`
        return scopes.variable_scope(name).type == "source_file"
    if name.type != "type_identifier" or around.child_by_field_name("name") == name:
        return False
    if around.type == "pointer_type":
        holder = around.parent
        held = holder.parent if holder is not None and holder.type in _HOLDING else None
        return held is not None and held.type == "composite_literal"
    if around.type == "parameter_declaration" and around.parent is not None:
        function, named = around.parent.parent, around.child_by_field_name("name") is not None
        return named and function is not None and function.child_by_field_name("result") == around.parent
    return around.type not in _FUNCTIONS


def _is_only_read(root: Node, statement: Node, name: Node, kind: Node) -> bool:
    """Whether the field is read alone: nobody else sets it, takes its address, or shows a whole object."""
    if _LOOKED_INTO.search(root.text or b""):
        return False
    for node in descendants(root):
        if node.type == "keyed_element" and node != statement:
            key = _held(node.child_by_field_name("key"))
            if key is not None and key.text == name.text:
                return False
    for place in _selected(root, name):
        operand = place.child_by_field_name("operand")
        given = scopes.is_given(place) and place != _held_by(statement)
        if given or operand is None or any(each.type == "call_expression" for each in descendants(operand)):
            return False
    return not _is_shown(root, kind)


def _selected(root: Node, name: Node) -> Iterator[Node]:
    for node in descendants(root):
        field = node.child_by_field_name("field") if node.type == "selector_expression" else None
        if field is not None and field.text == name.text:
            yield node


def _is_shown(root: Node, kind: Node) -> bool:
    """Whether what prints or compares all of an object may be given one: by the names that such objects have."""
    word = re.compile(rb"\b%s\b" % re.escape(kind.text or b""))
    nodes = [each for each in descendants(root) if each.type in (*_NAMING, "call_expression")]
    holding: set[bytes] = set()
    found = -1
    while len(holding) > found:
        found = len(holding)
        for node in nodes:
            holding.update(_named_after(node, word, holding) if node.type in _NAMING else ())
    for node in nodes:
        if node.type == "call_expression" and _PRINTS.search((node.text or b"").split(b"(", 1)[0]):
            given = scopes.elements(node.child_by_field_name("arguments"))
            inside = (each for whole in given if whole.type == "composite_literal" for each in descendants(whole))
            if any(_last(each) in holding or word.search(each.text or b"") for each in (*given, *inside)):
                return True
    return False


def _named_after(node: Node, word: re.Pattern[bytes], holding: set[bytes]) -> Iterator[bytes]:
    """The names that a declaration gives to objects of a type: its text has the type's word, or a name of such one."""
    if node.type in scopes.FUNCTIONS:
        result = node.child_by_field_name("result")
        name = node.child_by_field_name("name")
        if result is not None and name is not None and word.search(result.text or b""):
            yield name.text or b""
        return
    names = (
        *node.children_by_field_name("name"),
        *scopes.identifiers(node.child_by_field_name("left")),
        *scopes.identifiers(node.child_by_field_name("alias")),
    )
    sides = filter(None, map(node.child_by_field_name, ("right", "value")))
    values = [last for each in sides for last in (each.named_children if each.type == "expression_list" else [each])]
    if word.search(node.text or b"") or any(_last(each) in holding for each in values):
        yield from (each.text or b"" for each in names if not _OF_ERRORS.search(each.text or b""))


def _last(value: Node) -> bytes:
    """The name that says what a value is: `s` of `*s` and `s[0]`, `opts` of `a.opts`, `newOpts` of `newOpts(1)`."""
    at: Node | None = value
    while at is not None and at.type not in ("identifier", "field_identifier"):
        sides = ("field", "function", "operand")
        inner = (each for each in map(at.child_by_field_name, sides) if each is not None)
        at = next(inner, at.named_children[0] if at.type == "parenthesized_expression" else None)
    return at.text or b"" if at is not None else b""


def _made_before(statement: Node, made: Node) -> Node | None:
    at = statement.prev_named_sibling
    while at is not None and at.type == "comment":
        at = at.prev_named_sibling
    while at is not None and not any(each.type == "identifier" and each.text == made.text for each in descendants(at)):
        at = at.prev_named_sibling
    if at is None or at.type != "short_var_declaration":
        return None
    left, right = (scopes.elements(at.child_by_field_name(side)) for side in ("left", "right"))
    if len(right) != 1 or [each.text for each in left] != [made.text]:
        return None
    literal = right[0].child_by_field_name("operand") if right[0].type == "unary_expression" else right[0]
    return literal if literal is not None and literal.type == "composite_literal" else None


def _undeclared(spec: Node, declared: Node) -> Mend:
    names = [each for each in spec.children_by_field_name("name") if each.is_named]
    if len(names) > 1:
        at = names.index(declared)
        span = (declared.start_byte, names[1].start_byte) if at == 0 else (names[at - 1].end_byte, declared.end_byte)
        return *span, b""
    start, end, before, follows = with_comments(spec), spec.end_byte, spec.prev_sibling, spec.next_sibling
    if before is not None and follows is not None and (before.type, follows.type) == ("{", "}"):
        return before.end_byte, follows.start_byte, b""
    if before is not None and before.type == ";" and before.start_point.row == spec.start_point.row:
        start = before.start_byte
    while (
        follows is not None and follows.type in {"\n", ";", "comment"} and follows.start_point.row == spec.end_point.row
    ):
        end = follows.end_byte if follows.type != "\n" else end
        follows = follows.next_sibling
    return start, end, b""
