"""Go's tests whose table says, row by row, what a flag is set to."""

from __future__ import annotations

from collections.abc import Iterator

from tree_sitter import Node

from flagtrail.codebase.languages import _go_scopes as scopes
from flagtrail.codebase.languages._go_lists import taken
from flagtrail.codebase.shapes import Row, Table
from flagtrail.codebase.source import Source, ancestors, descendants

_SLICES = frozenset({"slice_type", "implicit_length_array_type"})
_CHOICES = frozenset(
    {"if_statement", "expression_switch_statement", "type_switch_statement", "select_statement", "binary_expression"}
)


def table(source: Source, value: Node) -> Table | None:
    """The rows that a value comes from: `row.on` in a loop over structs, `on` in one over `[]bool{true, false}`.

    None where it is not used in every round of the loop.
    """
    if value.type == "identifier":
        loop = _every_round(value, value)
        literal = _literal(loop, value) if loop is not None else None
        return _of_values(source, loop, literal, value) if loop is not None and literal is not None else None
    operand, field = value.child_by_field_name("operand"), value.child_by_field_name("field")
    if value.type != "selector_expression" or operand is None or operand.type != "identifier" or field is None:
        return None
    loop = _every_round(operand, value)
    literal = _literal(loop, operand) if loop is not None else None
    return _of_structs(source, loop, literal, operand, field) if loop is not None and literal is not None else None


def _every_round(name: Node, value: Node) -> Node | None:
    """The loop whose second variable a name means, if a value is used in each of its rounds."""
    loop = _loop(name)
    inside = [at for at in ancestors(value) if loop is not None and at.start_byte > loop.start_byte]
    return loop if not any(at.type in _CHOICES for at in inside) else None


def _is_sole(loop: Node) -> bool:
    """Whether a function has no other loop beside this one, and runs no test of its own there."""
    function = next((at for at in ancestors(loop) if at.type == "function_declaration"), loop)
    others = (each for each in descendants(function) if not loop.start_byte <= each.start_byte < loop.end_byte)
    return not any(
        each.type == "for_statement" or (each.type == "field_identifier" and each.text == b"Run") for each in others
    )


def _loop(name: Node) -> Node | None:
    """The loop whose second variable a name means, also by `row := row`."""
    scope = scopes.variable_scope(name)
    if scope.type == "for_statement":
        return scope
    for statement in scopes.statements(scope):
        left, right = (scopes.elements(statement.child_by_field_name(side)) for side in ("left", "right"))
        if statement.type == "short_var_declaration" and [each.text for each in left] == [name.text]:
            return _loop(right[0]) if len(right) == 1 and right[0].text == name.text else None
    return None


def _literal(loop: Node, name: Node) -> Node | None:
    """What the loop goes through, if that is written there, or bound once for it right before.

    None where the loop counts its rounds, or there must be so many.
    """
    clause = next((child for child in loop.named_children if child.type == "range_clause"), None)
    left = scopes.elements(clause.child_by_field_name("left")) if clause is not None else []
    over = clause.child_by_field_name("right") if clause is not None else None
    if over is None or len(left) != 2 or left[1].text != name.text:  # noqa: PLR2004 - a key and a value
        return None
    literal = over if over.type == "composite_literal" else _bound(over) if over.type == "identifier" else None
    kind = literal.child_by_field_name("type") if literal is not None else None
    counted = kind is not None and kind.type != "map_type" and left[0].text != b"_"
    return literal if kind is not None and kind.type in {"map_type", *_SLICES} and not counted else None


def _bound(name: Node) -> Node | None:
    scope = scopes.variable_scope(name)
    if scope.type not in {"block", *scopes.FUNCTIONS}:
        return None
    uses = [node for node in descendants(scope) if node.type == "identifier" and node.text == name.text]
    values = [
        right[0]
        for statement in (at for use in uses for at in ancestors(use) if at.type == "short_var_declaration")
        if [each.text for each in scopes.elements(statement.child_by_field_name("left"))] == [name.text]
        and len(right := scopes.elements(statement.child_by_field_name("right"))) == 1
    ]
    return values[0] if len(uses) == 2 and len(values) == 1 and values[0].type == "composite_literal" else None  # noqa: PLR2004 - its declaration, and the loop


def _rows(literal: Node) -> tuple[Node, list[tuple[Node, Node]]] | None:
    """The body of a literal, and its rows with what each holds."""
    body = literal.child_by_field_name("body")
    rows = []
    for row in scopes.elements(body):
        held = row.child_by_field_name("value") if row.type == "keyed_element" else row
        if held is None or held.type != "literal_element" or len(held.named_children) != 1:
            return None
        rows.append((row, held.named_children[0]))
    return (body, rows) if body is not None else None


def _of_values(source: Source, loop: Node, literal: Node, value: Node) -> Table | None:
    kind, found = literal.child_by_field_name("type"), _rows(literal)
    if kind is None or kind.type == "map_type" or found is None:
        return None
    rows = [Row(_truth(held), taken(source, found[0], row)) for row, held in found[1]]
    reads = _reads(loop, value)
    return Table(tuple(rows), reads, _is_sole(loop)) if reads and all(row.value is not None for row in rows) else None


def _of_structs(source: Source, loop: Node, literal: Node, operand: Node, field: Node) -> Table | None:
    declared = _field(literal, field.text or b"")
    found = _rows(literal)
    reads = _members(loop, operand, field)
    if declared is None or found is None or reads is None:
        return None
    rows = []
    for row, held in found[1]:
        entry = _entry(held, field.text or b"") if held.type == "literal_value" else None
        if entry is None:
            return None
        at, value = entry
        span = taken(source, held, at) if at is not None else None
        rows.append(Row(_truth(value) if value is not None else False, taken(source, found[0], row), span))
    if any(row.value is None for row in rows):
        return None
    return Table(tuple(rows), reads, _is_sole(loop), (declared.start_byte, declared.end_byte))


def _field(literal: Node, name: bytes) -> Node | None:
    """The declaration of a truth value in the struct that a literal's rows are of, which is written there."""
    kind = literal.child_by_field_name("type")
    element = kind.child_by_field_name("value" if kind.type == "map_type" else "element") if kind is not None else None
    fields = element.named_children[0] if element is not None and element.type == "struct_type" else None
    for declaration in fields.named_children if fields is not None else ():
        names, its = declaration.children_by_field_name("name"), declaration.child_by_field_name("type")
        if [each.text for each in names if each.is_named] == [name] and its is not None and its.text == b"bool":
            return declaration
    return None


def _entry(row: Node, name: bytes) -> tuple[Node | None, Node | None] | None:
    """The entry of a field in a row, and its value; None where the row does not name its fields."""
    for entry in scopes.elements(row):
        key, value = entry.child_by_field_name("key"), entry.child_by_field_name("value")
        if entry.type != "keyed_element" or key is None or value is None:
            return None
        if key.text == name:
            return entry, value.named_children[0] if value.named_children else value
    return None, None


def _truth(node: Node) -> bool | None:
    return {b"true": True, b"false": False}.get(node.text or b"")


def _named(loop: Node, name: Node) -> Iterator[Node]:
    """Where a loop's body names its variable, but for `row := row`."""
    body = loop.child_by_field_name("body")
    for node in descendants(body) if body is not None else ():
        if node.type == "identifier" and node.text == name.text and not _renews(node):
            yield node


def _renews(node: Node) -> bool:
    listed = node.parent
    statement = listed.parent if listed is not None and listed.type == "expression_list" else None
    if statement is None or statement.type != "short_var_declaration":
        return False
    left, right = (scopes.elements(statement.child_by_field_name(side)) for side in ("left", "right"))
    return [each.text for each in left] == [each.text for each in right] == [node.text]


def _reads(loop: Node, value: Node) -> tuple[Node, ...]:
    """Where the variable is read; nothing where that is not sure."""
    found = tuple(_named(loop, value))
    sure = all(_loop(node) == loop and not scopes.is_given(node) for node in found)
    return found if sure else ()


def _members(loop: Node, operand: Node, field: Node) -> tuple[Node, ...] | None:
    """Where the field is read; None where the row is used as a whole, or the field is given a value."""
    found = []
    for node in _named(loop, operand):
        member = node.parent
        if member is None or member.type != "selector_expression" or _loop(node) != loop:
            return None
        name = member.child_by_field_name("field")
        if name is not None and name.text == field.text:
            if scopes.is_given(member):
                return None
            found.append(member)
    return tuple(found)
