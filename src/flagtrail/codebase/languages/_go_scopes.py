"""Go's scopes: which names a statement declares, and whether `:=` declares a name or assigns to it."""

from __future__ import annotations

from collections.abc import Iterator

from tree_sitter import Node

FUNCTIONS = frozenset({"function_declaration", "method_declaration", "func_literal"})
LISTS = frozenset({"block", "expression_case", "default_case", "type_case", "communication_case"})
HEADED = frozenset({"if_statement", "for_statement", "expression_switch_statement", "type_switch_statement"})
SCOPES = FUNCTIONS | LISTS | HEADED | {"source_file"}
PARAMETERS = ("parameter_declaration", "variadic_parameter_declaration", "type_parameter_declaration")
_DECLARE = frozenset(
    {"short_var_declaration", "var_spec", "const_spec", "range_clause", "receive_statement", "type_switch_statement"}
)
_PACKAGE_LEVEL = ("function_declaration", "var_declaration", "const_declaration", "type_declaration")


def elements(node: Node | None) -> list[Node]:
    """The expressions of a list, or nothing."""
    return [] if node is None else [child for child in node.named_children if child.type != "comment"]


def statements(node: Node) -> list[Node]:
    """The statements of a block or case; the grammar puts them in a list of their own."""
    lists = (child for child in node.children if child.type == "statement_list")
    return [child for found in lists for child in found.named_children if child.type != "comment"]


def specs(declaration: Node) -> list[Node]:
    """The single declarations of `var`, `const`, `type` and `import`, with or without parentheses."""
    inside = elements(declaration)
    if len(inside) == 1 and inside[0].type.endswith("_list"):
        inside = elements(inside[0])
    return [child for child in inside if child.type.endswith(("_spec", "_alias"))]


def scope_of(node: Node) -> Node:
    """The nearest scope that a node stands in."""
    at = node.parent
    while at is not None and at.type not in SCOPES:
        at = at.parent
    return at if at is not None else node


def declared_by(statement: Node) -> Iterator[Node]:
    """The names that a statement declares, also those that its `:=` may only assign to."""
    match statement.type:
        case "short_var_declaration":
            yield from identifiers(statement.child_by_field_name("left"))
        case "var_declaration" | "const_declaration" | "type_declaration":
            for spec in specs(statement):
                yield from spec.children_by_field_name("name")
        case "labeled_statement":
            for inside in statement.named_children[1:]:
                yield from declared_by(inside)
        case "function_declaration":
            yield from statement.children_by_field_name("name")
        case _:
            pass


def identifiers(node: Node | None) -> list[Node]:
    """The plain names in a list of expressions."""
    return [child for child in elements(node) if child.type == "identifier" and child.text != b"_"]


def names_of(scope: Node) -> Iterator[Node]:
    """The names that belong to a scope, in the order of the text."""
    if scope.type in FUNCTIONS:
        for field in ("receiver", "type_parameters", "parameters", "result"):
            found = scope.child_by_field_name(field)
            for declaration in elements(found) if found is not None and found.type.endswith("_list") else ():
                yield from declaration.children_by_field_name("name")
    elif scope.type in HEADED:
        yield from _of_head(scope)
    elif scope.type == "source_file":
        for statement in scope.named_children:
            if statement.type in _PACKAGE_LEVEL:
                yield from declared_by(statement)
    else:
        received = scope.child_by_field_name("communication")
        if received is not None and any(child.type == ":=" for child in received.children):
            yield from identifiers(received.child_by_field_name("left"))
        for statement in statements(scope):
            yield from declared_by(statement)


def _of_head(scope: Node) -> Iterator[Node]:
    initializer = scope.child_by_field_name("initializer")
    if initializer is not None:
        yield from declared_by(initializer)
    yield from identifiers(scope.child_by_field_name("alias"))
    for clause in scope.children if scope.type == "for_statement" else ():
        if clause.type == "for_clause":
            inside = clause.child_by_field_name("initializer")
            yield from declared_by(inside) if inside is not None else ()
        elif clause.type == "range_clause" and any(child.type == ":=" for child in clause.children):
            yield from identifiers(clause.child_by_field_name("left"))


def declared_before(name: Node, scope: Node) -> bool:
    """Whether a scope (with a function's parameters, for its body) declares this name before this place."""
    outer = scope.parent
    places = [scope, outer] if scope.type == "block" and outer is not None and outer.type in FUNCTIONS else [scope]
    return any(
        other.text == name.text and other.start_byte < name.start_byte for place in places for other in names_of(place)
    )


def variable_scope(name: Node) -> Node:
    """The scope that declares what a name means where it stands; the file where nothing in it does."""
    at = scope_of(name)
    while at.type != "source_file" and at.parent is not None:
        for other in names_of(at):
            if other == name or (other.text == name.text and (at.type in FUNCTIONS or _end(other) <= name.start_byte)):
                return _with_parameters(at, name)
        at = scope_of(at)
    return at


def _with_parameters(scope: Node, name: Node) -> Node:
    """A function instead of its body, where the name is one of its parameters or results: they are one scope."""
    outer = scope.parent
    if outer is None or outer.type not in FUNCTIONS:
        return scope
    return outer if any(other.text == name.text for other in names_of(outer)) else scope


def _end(name: Node) -> int:
    """Where the statement that declares a name ends, from where on the name means it."""
    at = name
    while at.parent is not None and at.type not in _DECLARE:
        at = at.parent
    value = at.child_by_field_name("value") if at.type == "type_switch_statement" else at
    return value.end_byte if at.parent is not None and value is not None else name.end_byte


def is_given(node: Node) -> bool:
    """Whether a name is given a value, or its address taken; also as a field of that name."""
    around = node.parent
    if around is not None and around.type == "parenthesized_expression":
        return is_given(around)
    if around is None or around.type in {"inc_statement", "dec_statement", "keyed_element"}:
        return True
    if around.type == "literal_element" and around.parent is not None and around.parent.type == "keyed_element":
        return around.parent.child_by_field_name("key") == around
    if around.type == "unary_expression":
        return (around.text or b"").startswith(b"&")
    statement = around.parent
    return (
        around.type == "expression_list" and statement is not None and statement.child_by_field_name("left") == around
    )
