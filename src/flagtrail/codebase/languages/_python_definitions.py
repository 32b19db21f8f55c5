"""Every name that a Python file binds and that could go when nothing uses it any more."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Literal

from tree_sitter import Node

from flagtrail.codebase.languages._python_expressions import needs_parentheses, operands, pure
from flagtrail.codebase.languages._python_grammar import nodes
from flagtrail.codebase.languages._python_loading import class_acts
from flagtrail.codebase.languages._python_names import (
    KEEPING,
    assigned,
    bases,
    decorators,
    impure_defaults,
    plain_class,
    scope_of,
    set_in_init,
    whole,
    words_of_types,
)
from flagtrail.codebase.languages._python_names import function as read_function
from flagtrail.codebase.languages._python_text import text
from flagtrail.codebase.shapes import Definition
from flagtrail.codebase.source import Source

_ENUMS = ("Enum", "Flag", "Choices")
_DEFINING = (
    "import_statement",
    "import_from_statement",
    "expression_statement",
    "function_definition",
    "class_definition",
    "named_expression",
    "as_pattern",
)
_NEVER = {"self", "cls", "_"}


def definitions(source: Source) -> Iterator[Definition]:
    """Every name that could be removed. Not one that a string names, nor one bound where code tries to bind it."""
    root = source.tree.root_node
    kept = words_of_types(root) | _NEVER
    exports = list(_exported(source, root))
    yield from exports
    listed = {export.spelled for export in exports}
    for node in nodes(root, *_DEFINING):
        for found in _defined(source, node):
            name = text(found.name)
            if found.kind == "import" and name in kept:
                yield replace(found, pure=False)  # it stays, and so must what it is imported from
            elif name not in kept and not (name.startswith("__") and name.endswith("__")):
                yield replace(found, reach="repository") if name in listed and found.kind == "import" else found


def _exported(source: Source, root: Node) -> Iterator[Definition]:
    """What `__all__` lists."""
    for statement in root.named_children:
        assignment = statement.named_children[0] if statement.type == "expression_statement" else None
        if assignment is None or assignment.type not in {"assignment", "augmented_assignment"}:
            continue
        left, right = assignment.child_by_field_name("left"), assignment.child_by_field_name("right")
        if left is None or right is None or text(left) != "__all__" or right.type not in {"list", "tuple"}:
            continue
        elements = operands(right)
        short = right.type == "tuple" and bool(elements) and not elements[2:]
        pair = short and _comma(elements[-1].next_sibling) is None
        for element in elements[pair:]:  # `("x", "y")` without the first would be `("y")`, a text
            content = next((child for child in element.named_children if child.type == "string_content"), None)
            if element.type == "string" and content is not None:
                before = _comma(element.prev_sibling) if pair else None
                removal = of_list(source, element) if before is None else (before.end_byte, element.end_byte)
                yield Definition("export", content, removal, "repository", spelled=text(content), scope=root)


def _defined(source: Source, node: Node) -> Iterator[Definition]:
    match node.type:
        case "import_statement" | "import_from_statement":
            yield from imported(source, node)
        case "expression_statement":
            yield from _variable(node)
        case "function_definition":
            yield from _function(source, node)
        case "class_definition":
            name, body = node.child_by_field_name("name"), node.child_by_field_name("body")
            if name is not None and body is not None:
                plain = plain_class(node) and not class_acts(body)
                yield Definition("class", name, _bytes(whole(node)), _reach(node), pure=plain, scope=scope_of(node))
        case "named_expression":
            yield from _walrus(node)
        case "as_pattern":
            yield from _caught(node)
        case _:
            return


def _walrus(node: Node) -> Iterator[Definition]:
    """`(name := value)`, of which the value stays."""
    name, value = node.child_by_field_name("name"), node.child_by_field_name("value")
    scope, above = scope_of(node), node.parent
    if name is None or value is None or above is None or scope.type != "function_definition":
        return
    place = above if above.type == "parenthesized_expression" else node
    if place != node and needs_parentheses(value, place):
        place = node
    yield Definition("variable", name, _bytes(place), "local", remainder=value.text or b"", scope=scope)


def _caught(node: Node) -> Iterator[Definition]:
    """`except Error as name`, `with f() as name`, without the name."""
    alias, scope = node.child_by_field_name("alias"), scope_of(node)
    names = [] if alias is None else operands(alias)
    if len(names) == 1 and names[0].type == "identifier" and scope.type == "function_definition":
        yield Definition("variable", names[0], (operands(node)[0].end_byte, node.end_byte), "local", scope=scope)


def imported(source: Source, statement: Node) -> Iterator[Definition]:
    """The names that an import binds."""
    module = statement.child_by_field_name("module_name")
    names = statement.children_by_field_name("name")
    exports = source.path.endswith(("__init__.py", ".pyi")) and _reach(statement) != "local"
    loose = _is_marked(source, statement) or _tried(statement)
    for node in names:
        bound = node.child_by_field_name("alias") or operands(node)[0]
        if node.type == "aliased_import":
            original = node.child_by_field_name("name")
            origin = "" if original is None else text(original)
            reexported = origin == text(bound)
        else:
            origin, reexported = text(node), False
        where = origin if module is None else text(module)
        removal = _bytes(statement) if len(names) == 1 else of_list(source, node)
        reach: Literal["file", "repository"] = "repository" if exports or reexported else "file"
        yield Definition("import", bound, removal, reach, pure=not loose, origin=where, scope=scope_of(statement))


def _tried(statement: Node) -> bool:
    """Whether an import stands where its failure is caught: taking it out would change what is tried."""
    block = statement.parent
    return block is not None and block.parent is not None and block.parent.type in {"try_statement", "except_clause"}


def _is_marked(source: Source, statement: Node) -> bool:
    """Whether an import is marked `noqa`, on the line where it begins or where it ends."""
    first = source.data[statement.start_byte : source.line_end(statement.start_byte)]
    return b"noqa" in first or b"noqa" in source.data[statement.end_byte : source.line_end(statement.end_byte)]


def _variable(statement: Node) -> Iterator[Definition]:
    attribute = set_in_init(statement)
    if attribute is not None:
        yield Definition("field", attribute[0], _bytes(statement), "repository", pure=pure(attribute[1]))
    found = assigned(statement)
    if found is None:
        return
    name, value = found
    scope, harmless = scope_of(statement), pure(value)
    kind: Literal["variable", "constant", "field", "member"] = "variable"
    if scope.type == "class_definition":
        kind = "member" if any(base.endswith(_ENUMS) for base in bases(scope)) else "field"
        harmless = harmless and (kind == "member" or (not bases(scope) and not decorators(scope)))
    elif scope.type == "module":
        kind = "constant" if text(name).isupper() else "variable"
    yield Definition(kind, name, _bytes(statement), _reach(statement), pure=harmless, scope=scope)


def _function(source: Source, node: Node) -> Iterator[Definition]:
    found = read_function(node)
    parameters = node.child_by_field_name("parameters")
    if found is None or parameters is None:
        return
    harmless = decorators(node) <= KEEPING and not impure_defaults(parameters) and not found.overrides
    reach = _reach(node)
    yield Definition("function", found.name, _bytes(found.node), reach, pure=harmless, scope=scope_of(node))
    constructs = text(found.name) == "__init__" and not decorators(node)
    if not constructs and (found.overrides or not harmless):
        return
    for parameter in found.parameters:
        name = parameter if parameter.type == "identifier" else parameter.child_by_field_name("name")
        if parameter.type == "typed_parameter":
            name = operands(parameter)[0]
        if name is not None and name.type == "identifier" and not _holds_marker(parameter):
            removal = of_list(source, parameter)
            outside: Literal["file", "repository"] = "repository" if reach == "repository" else "file"
            yield Definition("parameter", name, removal, outside, scope=node)


def _holds_marker(parameter: Node) -> bool:
    """Whether it is all that stands behind a `*`, or before a `/`, which cannot stand without."""
    before, after = parameter.prev_named_sibling, parameter.next_named_sibling
    behind = before is not None and before.type == "keyword_separator"
    alone = after is None or after.type in {"dictionary_splat_pattern", "comment"}
    first = before is None and after is not None and after.type == "positional_separator"
    return first or (behind and alone)


def _reach(node: Node) -> Literal["local", "repository"]:
    return "local" if scope_of(node).type in {"function_definition", "lambda"} else "repository"


def _bytes(node: Node) -> tuple[int, int]:
    return node.start_byte, node.end_byte


def of_list(source: Source, element: Node) -> tuple[int, int]:
    """An element of a list with commas: with one comma and its blanks, or the lines that it fills."""
    before, after = _comma(element.prev_sibling), _comma(element.next_sibling)
    start, end = element.start_byte, element.end_byte if after is None else after.end_byte
    line, line_end = source.line_start(start), source.line_end(end)
    rest = source.data[end:line_end].strip()
    if after is not None and not source.data[line:start].strip() and (not rest or rest.startswith(b"#")):
        return line, line_end
    if before is not None and (after is None or not rest):
        return (before.start_byte, end) if after is None else (before.end_byte, end)
    following = None if after is None else after.next_sibling
    return (
        start,
        end if following is None or following.start_point.row != element.end_point.row else following.start_byte,
    )


def _comma(node: Node | None) -> Node | None:
    return node if node is not None and node.type == "," else None
