"""JavaScript's names: what one stands for, and where it is known."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from tree_sitter import Node

from flagtrail.codebase.languages._javascript_values import FUNCTIONS, field, operator, text
from flagtrail.codebase.shapes import Binding, Role

VALUE = b"__FF_V__"
"""The placeholder of an answer that is no boolean: what a cast says of it stays said, if it is not folded."""

NAMES = frozenset(
    {
        "identifier",
        "private_property_identifier",
        "property_identifier",
        "shorthand_property_identifier",
        "shorthand_property_identifier_pattern",
        "statement_identifier",
        "type_identifier",
    }
)
PATTERNS = frozenset(
    {
        "array_pattern",
        "assignment_pattern",
        "object_assignment_pattern",
        "object_pattern",
        "pair_pattern",
        "rest_pattern",
    }
)
_DECLARES_ITS_NAME = frozenset(
    {
        "abstract_class_declaration",
        "abstract_method_signature",
        "class",
        "class_declaration",
        "enum_assignment",
        "enum_declaration",
        "field_definition",
        "function_declaration",
        "function_expression",
        "function_signature",
        "generator_function",
        "generator_function_declaration",
        "index_signature",
        "interface_declaration",
        "internal_module",
        "method_definition",
        "method_signature",
        "module",
        "property_signature",
        "public_field_definition",
        "type_alias_declaration",
        "type_parameter",
        "variable_declarator",
    }
)
_BINDS_ANYTHING_IN_IT = frozenset(
    {
        "formal_parameters",
        "import_clause",
        "import_require_clause",
        "namespace_import",
        "optional_parameter",
        "required_parameter",
    }
)
BLOCK_SCOPES = frozenset({"for_in_statement", "for_statement", "program", "statement_block", "switch_body"})
DECLARATIONS = frozenset({"lexical_declaration", "variable_declaration"})


def role(node: Node) -> Role:
    """What a name stands for."""
    if node.type == "shorthand_property_identifier":
        return "shorthand"
    if node.type == "statement_identifier":
        return "member"
    if node.type in {"property_identifier", "private_property_identifier"}:
        return "bind" if _declares(node) else "member"
    parent = node.parent
    if parent is None:
        return "read"
    if _declares(node):
        return "bind"
    if parent.type in _BINDS_ANYTHING_IN_IT:
        return "read" if field(parent, "value") == node else "bind"
    if parent.type in PATTERNS:
        return _of_pattern(node)
    return _BY_PARENT[parent.type](node, parent) if parent.type in _BY_PARENT else "read"


def _declares(node: Node) -> bool:
    parent = node.parent
    if parent is None:
        return False
    if parent.type == "enum_body":
        return True
    if parent.type == "method_definition" and parent.parent is not None and parent.parent.type == "object":
        return False
    return parent.type in _DECLARES_ITS_NAME and node in (field(parent, "name"), field(parent, "property"))


def _specifier(node: Node, parent: Node) -> Role:
    return "bind" if field(parent, "alias") in (None, node) else "member"


def _exported(node: Node, parent: Node) -> Role:
    clause = parent.parent and parent.parent.parent
    outside = clause is not None and field(clause, "source") is not None
    return "member" if outside or field(parent, "alias") == node else "read"


def _assigned(node: Node, parent: Node) -> Role:
    return "write" if field(parent, "left") == node else "read"


def _looped(node: Node, parent: Node) -> Role:
    if field(parent, "left") != node:
        return "read"
    return "bind" if field(parent, "kind") is not None else "write"


def _parameter(node: Node, parent: Node) -> Role:
    return "bind" if field(parent, "parameter") == node else "read"


def _qualified(node: Node, parent: Node) -> Role:
    return "member" if field(parent, "name") == node else "read"


def _tag(node: Node, parent: Node) -> Role:
    """`<div>` is no variable, `<Div>` is."""
    return "member" if field(parent, "name") == node and text(node)[:1].islower() else "read"


_BY_PARENT: dict[str, Callable[[Node, Node], Role]] = {
    "arrow_function": _parameter,
    "assignment_expression": _assigned,
    "augmented_assignment_expression": _assigned,
    "catch_clause": _parameter,
    "export_specifier": _exported,
    "for_in_statement": _looped,
    "import_specifier": _specifier,
    "infer_type": lambda *_: "bind",
    "jsx_closing_element": _tag,
    "jsx_namespace_name": lambda *_: "member",
    "jsx_opening_element": _tag,
    "jsx_self_closing_element": _tag,
    "nested_type_identifier": _qualified,
    "update_expression": lambda *_: "write",
}


def _of_pattern(node: Node) -> Role:
    """Whether a name in a pattern is bound, or written to, or a default value of one."""
    at, parent = node, node.parent
    while parent is not None and parent.type in PATTERNS:
        if parent.type in {"assignment_pattern", "object_assignment_pattern"} and field(parent, "right") == at:
            return "read"
        at, parent = parent, parent.parent
    if parent is None:
        return "bind"
    if parent.type in {"assignment_expression", "augmented_assignment_expression"}:
        return "write"
    if parent.type == "for_in_statement":
        return "bind" if field(parent, "kind") is not None else "write"
    return "bind"


def names_in(pattern: Node | None) -> Iterator[Node]:
    """The names that a pattern binds."""
    if pattern is None:
        return
    if pattern.type in {"identifier", "shorthand_property_identifier_pattern", "type_identifier"}:
        yield pattern
    elif pattern.type in {"assignment_pattern", "object_assignment_pattern"}:
        yield from names_in(field(pattern, "left"))
    elif pattern.type == "pair_pattern":
        yield from names_in(field(pattern, "value"))
    elif pattern.type in PATTERNS:
        for child in pattern.named_children:
            yield from names_in(child)


def looks_up(name: Node) -> bool:
    """Whether a text names a member: `shop['old']`, `'old' in shop`, `spyOn(shop, 'old')`, `Pick<Shop, 'old'>`."""
    whole = name.parent if name.type == "string_fragment" else name
    if whole is None or whole.type != "string" or whole.end_byte - whole.start_byte != len(text(name)) + 2:
        return False
    around = whole.parent
    if around is None or around.type in {"literal_type", "subscript_expression"}:
        return around is not None
    if around.type == "arguments":
        return next((each for each in around.named_children if each.type != "comment"), whole) != whole
    return around.type == "binary_expression" and field(around, "left") == whole and operator(around) == b"in"


def declared(statement: Node) -> Iterator[Node]:
    """The names that a statement declares in the block that it stands in."""
    if statement.type == "export_statement":
        statement = field(statement, "declaration") or statement
    if statement.type in DECLARATIONS:
        for declarator in statement.named_children:
            yield from names_in(field(declarator, "name"))
    elif statement.type in _DECLARES_ITS_NAME and (name := field(statement, "name")) is not None:
        yield name


def scope(node: Node, *, hoisted: bool = False) -> Node:
    """The node within which a name means what is declared here; `hoisted` for `var`."""
    at = node
    while (parent := at.parent) is not None:
        at = parent
        if at.type == "program":
            break
        if at.type in FUNCTIONS if hoisted else at.type in BLOCK_SCOPES:
            break
    return at


def declaring_scope(name: Node) -> Node:
    """The scope of the declaration that a written name refers to; the whole file where none is found."""
    wanted, at = text(name), name
    while (parent := at.parent) is not None:
        at = parent
        if at.type in FUNCTIONS:
            if wanted in map(text, parameter_names(at)):
                return at
        elif at.type in BLOCK_SCOPES and any(
            text(found) == wanted for child in at.named_children for found in declared(child)
        ):
            return at
    return at


def parameter_names(function: Node) -> Iterator[Node]:
    """The names that a function gives to its parameters, and to what it takes out of them."""
    parameters = field(function, "parameters") or field(function, "parameter")
    if parameters is not None and parameters.type == "identifier":
        yield parameters
    for parameter in parameters.named_children if parameters is not None else ():
        yield from names_in(field(parameter, "pattern") or parameter)


def means(binding: Binding, name: Node) -> bool:
    """Whether a name within the scope of a variable is this variable: what an inner scope declares hides it."""
    at, wanted = name, text(name)
    while (parent := at.parent) is not None and at != binding.scope:
        at = parent
        if at == binding.scope:
            return True
        if at.type in FUNCTIONS and wanted in _known_to(at):
            return False
        if at.type in BLOCK_SCOPES and any(text(found) == wanted for found in _lexical(at)):
            return False
    return True


def _known_to(function: Node) -> set[bytes]:
    """The names of a function's parameters and of its `var`s, and its own where it is an expression."""
    names = {text(found) for found in parameter_names(function)}
    own = field(function, "name") if function.type in {"function_expression", "generator_function"} else None
    return names | ({text(own)} if own is not None else set()) | {text(found) for found in _vars(function)}


def _vars(function: Node) -> Iterator[Node]:
    stack = list(function.named_children)
    while stack:
        node = stack.pop()
        if node.type == "variable_declaration":
            yield from declared(node)
        if node.type not in FUNCTIONS:
            stack.extend(node.named_children)


def _lexical(block: Node) -> Iterator[Node]:
    """What a block declares but for `var`; what the head of a loop declares."""
    for child in block.named_children:
        if child.type in {"switch_case", "switch_default"}:
            yield from _lexical(child)
        elif child.type != "variable_declaration":
            yield from declared(child)
    if block.type == "for_in_statement" and field(block, "kind") is not None:
        yield from names_in(field(block, "left"))


def listed(node: Node) -> tuple[int, int]:
    """The bytes of one element of a list with commas between, with what belongs to it: a comma, and comments."""
    start = _with_comments_above(node)
    after = node.next_sibling
    if after is None or after.type != ",":
        return _last_of_list(node, start)
    end, follower = after, after.next_sibling
    while follower is not None and follower.type == "comment" and _same_line(end, follower):
        end, follower = follower, follower.next_sibling
    if follower is not None and follower.is_named:
        return start.start_byte, _with_comments_above(follower).start_byte
    return _to_the_left(start), end.end_byte


def _last_of_list(node: Node, start: Node) -> tuple[int, int]:
    """The last element, without a comma after it: the one before it goes with it, unless a comment stands between."""
    before = start.prev_sibling
    if before is not None and before.type == ",":
        return before.start_byte if before.prev_sibling is None else before.prev_sibling.end_byte, node.end_byte
    return _to_the_left(start), node.end_byte


def _to_the_left(node: Node) -> int:
    """The end of what stands before, so that the blanks between go too; the node itself where it is the first."""
    before = node.prev_sibling
    if before is None or before.type in {"{", "[", "("}:
        return node.start_byte
    return before.end_byte


def _same_line(left: Node, right: Node) -> bool:
    return left.end_point.row == right.start_point.row


def _with_comments_above(node: Node) -> Node:
    """The first of the comments on lines of their own that stand right above a node, or the node."""
    first, before = node, node.prev_sibling
    while before is not None and before.type == "comment" and before.end_point.row + 1 >= first.start_point.row:
        above = before.prev_sibling
        if above is not None and _same_line(above, before):
            break
        first, before = before, above
    return first
