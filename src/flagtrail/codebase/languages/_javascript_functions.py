"""JavaScript's functions and methods: what they return, who can call them, and the names of a block."""

from __future__ import annotations

from collections.abc import Iterator

from tree_sitter import Node

from flagtrail.codebase.languages._javascript_definitions import hidden_members, reach, statement_of
from flagtrail.codebase.languages._javascript_names import declared, names_in
from flagtrail.codebase.languages._javascript_values import bare, field, parts
from flagtrail.codebase.shapes import Function


def function(node: Node) -> Function | None:
    """A named function or method; also `const f = () => x` and `f = () => x` as a field of a class."""
    if node.type in {"function_declaration", "generator_function_declaration", "method_definition"}:
        name, made = field(node, "name"), node
    elif node.type in {"variable_declarator", "public_field_definition", "field_definition"}:
        name, made = field(node, "name") or field(node, "property"), field(node, "value") or node
        made = bare(made)
        if made.type not in {"arrow_function", "function_expression"}:
            return None
    else:
        return None
    body = field(made, "body")
    if name is None or body is None or name.type in {"object_pattern", "array_pattern", "computed_property_name"}:
        return None
    return Function(
        node=_whole_node(node),
        name=name,
        body=body,
        result=None if _is_more(made) else _result(body),
        parameters=tuple(_parameter_nodes(made)),
        private=_hidden(node),
        overrides=_demanded(node),
    )


def _is_more(made: Node) -> bool:
    """Whether a call is more than its answer: of a generator, or of what tells a type, `(x): x is string`."""
    told = field(made, "return_type")
    predicate = told is not None and told.type in {"asserts_annotation", "type_predicate_annotation"}
    return predicate or "generator" in made.type or any(child.type == "*" for child in made.children)


def _whole_node(node: Node) -> Node:
    parent = node.parent
    if node.type == "variable_declarator" and parent is not None:
        alone = sum(child.type == "variable_declarator" for child in parent.named_children) == 1
        return statement_of(parent) if alone else node
    return statement_of(node)


def _result(body: Node) -> Node | None:
    if body.type != "statement_block":
        return bare(body)
    statements = parts(body)
    if len(statements) != 1 or len(body.named_children) != 1 or statements[0].type != "return_statement":
        return None
    returned = parts(statements[0])
    return returned[0] if returned else None


def _parameter_nodes(made: Node) -> Iterator[Node]:
    alone = field(made, "parameter")
    if alone is not None:
        yield alone
    for parameter in parts(field(made, "parameters") or made) if field(made, "parameters") is not None else ():
        pattern = field(parameter, "pattern") or field(parameter, "left") or parameter
        yield from names_in(pattern)


def _hidden(node: Node) -> bool:
    parent = node.parent
    if parent is not None and parent.type in {"class_body", "object"}:
        return any(True for _ in hidden_members(node)) if parent.type == "class_body" else False
    declaration = parent if node.type == "variable_declarator" and parent is not None else node
    return reach(declaration) != "repository"


def _demanded(node: Node) -> bool:
    """Whether a supertype may demand this method."""
    body = node.parent
    if body is None or body.type != "class_body" or _hidden(node):
        return False
    owner = body.parent
    inherits = owner is not None and any(child.type == "class_heritage" for child in owner.children)
    return inherits or any(child.type == "override_modifier" for child in node.children)


def scoped_names(body: Node) -> Iterator[Node]:
    """The names that a block alone knows: all that its statements declare, but `var`."""
    for statement in body.named_children:
        if body.type in {"switch_case", "switch_default"} and statement.type == "statement_block":
            yield from scoped_names(statement)
        if statement.type != "variable_declaration":
            yield from declared(statement)
