"""What Go's names stand for, and the variables that a statement binds."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from tree_sitter import Node

from flagtrail.codebase.languages import _go_fields as fields
from flagtrail.codebase.languages import _go_scopes as scopes
from flagtrail.codebase.shapes import Binding, Mend, Role

NIL = b"__FF_NIL__"
"""What stands for the error of an answer, which is none."""

_BIND_AS_NAME = frozenset(
    {*scopes.PARAMETERS, "var_spec", "const_spec", "type_spec", "type_alias", "function_declaration",
     "method_declaration", "field_declaration", "method_elem", "import_spec"}
)  # fmt: skip
_STEPS = frozenset({"inc_statement", "dec_statement"})
_PATH = frozenset({"selector_expression", "index_expression", "parenthesized_expression"})
_ASK_FOR_TYPE = frozenset({"type_assertion_expression", "type_switch_statement"})
_WITHOUT_TYPES = frozenset({b"fmt", b"log", b"slog", b"errors", b"t", b"b", b"require", b"assert", b"status"})
_BUILT_IN = frozenset({b"append", b"panic", b"print", b"println"})
_PLAIN_TYPES = frozenset({b"bool", b"string", b"error", b"int", b"int64", b"float64"})
_KEYED_BY_VALUES = frozenset({"map_type", "slice_type", "array_type", "implicit_length_array_type"})


def role(node: Node) -> Role:
    """What a name stands for."""
    around = node.parent
    if around is None or node.text == b"_":
        return "member"
    if around.type in _BIND_AS_NAME and node in around.children_by_field_name("name"):
        return "bind"
    match node.type:
        case "label_name":
            return "bind" if around.type == "labeled_statement" else "read"
        case "field_identifier":
            return "member"
        case "package_identifier":
            return "member" if around.type == "package_clause" else "read"
        case "identifier":
            return _of_identifier(node, around)
        case _:
            return "read"


def _of_identifier(node: Node, around: Node) -> Role:
    if around.type in _STEPS or (around.type == "unary_expression" and operator(around) == "&"):
        return "write"
    if around.type in _PATH and around.named_children[0] == node and _has_address_taken(around):
        return "write"
    if around.type == "literal_element":
        return _of_element(around)
    if around.type != "expression_list" or around.parent is None:
        return "read"
    statement = around.parent
    if statement.child_by_field_name("alias") == around:
        return "bind"
    if statement.child_by_field_name("left") != around:
        return "read"
    declares = any(child.type == ":=" for child in statement.children)
    return "bind" if declares and not assigns(node) else "write"


def operator(node: Node) -> str:
    """The operator of an expression or assignment."""
    found = node.child_by_field_name("operator")
    return ":=" if node.type == "short_var_declaration" else "" if found is None else found.type


def _has_address_taken(path: Node) -> bool:
    """Whether `&` stands before `x.y[z]`: what it points to can be written through x."""
    at = path
    while at.parent is not None and at.parent.type in _PATH and at.parent.named_children[0] == at:
        at = at.parent
    return at.parent is not None and at.parent.type == "unary_expression" and operator(at.parent) == "&"


def _of_element(element: Node) -> Role:
    """`a` of `T{a: 1}`: a field, or a value that is a key, where the type says so."""
    pair = element.parent
    if pair is None or pair.type != "keyed_element" or pair.child_by_field_name("key") != element:
        return "read"
    kind = _type_of(pair.parent)
    return "read" if kind is not None and kind.type in _KEYED_BY_VALUES else "member"


def _type_of(body: Node | None) -> Node | None:
    """The type of a literal, also of one in another that need not name it: `map[string]map[bool]int{"a": {on: 1}}`."""
    element = body.parent if body is not None else None
    if element is None or element.type != "literal_element":
        return element.child_by_field_name("type") if element is not None else None
    pair = element.parent
    keyed = pair is not None and pair.type == "keyed_element"
    outer = _type_of(pair.parent if keyed and pair is not None else pair)
    if outer is None or outer.type not in _KEYED_BY_VALUES:
        return None
    its_key = keyed and pair is not None and pair.child_by_field_name("key") == element
    return outer.child_by_field_name("element" if outer.type != "map_type" else "key" if its_key else "value")


def assigns(name: Node) -> bool:
    """Whether `:=` only assigns to this name, since its scope declares it before."""
    statement = name.parent.parent if name.parent is not None else None
    if statement is None or statement.type != "short_var_declaration":
        return False
    return scopes.declared_before(name, scopes.scope_of(statement))


def bindings(node: Node, pure: Callable[[Node], bool]) -> Iterator[Binding]:
    """Each `name = value` of a statement that has as many values as names."""
    match node.type:
        case "short_var_declaration" | "assignment_statement":
            if operator(node) in (":=", "="):
                yield from _of_assignment(node, pure)
                yield from fields.of_assignment(node)
        case "keyed_element":
            yield from fields.of_entry(node)
        case "var_declaration":
            inside = scopes.specs(node)
            if len(inside) == 1:
                yield from _of_spec(node, inside[0], pure)
        case "var_spec":
            declaration = declaration_of(node)
            if len(scopes.specs(declaration)) > 1:
                yield from _of_spec(declaration, node, pure)
        case _:
            pass


def declaration_of(spec: Node) -> Node:
    """The declaration that a spec is part of."""
    around = spec.parent
    if around is not None and around.type.endswith("_list"):
        around = around.parent
    return around if around is not None else spec


def _of_assignment(node: Node, pure: Callable[[Node], bool]) -> Iterator[Binding]:
    head = node.parent
    if head is not None and head.type == "for_clause":
        return
    left, right = (scopes.elements(node.child_by_field_name(side)) for side in ("left", "right"))
    if len(left) != len(right):
        return
    declares = node.type == "short_var_declaration"
    for at, (name, value) in enumerate(zip(left, right, strict=True)):
        if name.type != "identifier" or (name.text == b"_" and value.text != NIL):
            continue
        rest = _rest(left, right, at, pure)
        new = declares and any(other.text != b"_" and not assigns(other) for other, _ in rest)
        text = _assignment(rest, b":=" if new else b"=")
        if name.text == b"_" and not text:
            continue
        in_head = head is not None and head.type in scopes.HEADED
        removal = with_semicolon(node) if in_head and not rest else (node.start_byte, node.end_byte)
        scope = scopes.scope_of(node) if name.text == b"_" else scopes.variable_scope(name)
        yield Binding(node, name, value, scope, removal, not rest and not in_head, text)


def _rest(left: list[Node], right: list[Node], at: int, pure: Callable[[Node], bool]) -> list[tuple[Node, Node]]:
    """What a statement still binds without one of its names; `_` with a value that does nothing is nothing."""
    pairs = [pair for index, pair in enumerate(zip(left, right, strict=True)) if index != at]
    return pairs if any(name.text != b"_" or not pure(value) for name, value in pairs) else []


def _assignment(pairs: list[tuple[Node, Node]], sign: bytes) -> bytes:
    if not pairs:
        return b""
    names, values = (b", ".join(node.text or b"" for node in side) for side in zip(*pairs, strict=True))
    return b" ".join((names, sign, values))


def with_semicolon(initializer: Node) -> tuple[int, int]:
    """An `if x := f(); ..` initializer with its semicolon and the blank after it."""
    follows = initializer.next_sibling
    if follows is not None and follows.type == ";":
        after = follows.next_sibling
        return initializer.start_byte, after.start_byte if after is not None else follows.end_byte
    return initializer.start_byte, initializer.end_byte


def error_written(node: Node) -> Mend:
    """`err := nil` has no type: it is `var err error`, beside others and where its type is asked for `error(nil)`."""
    values = node.parent
    if values is not None and (
        values.type in _ASK_FOR_TYPE or (values.type == "argument_list" and _infers(values, node))
    ):
        return node.start_byte, node.end_byte, b"error(nil)"
    statement = values.parent if values is not None and values.type == "expression_list" else None
    if statement is not None and statement.type == "var_spec" and statement.child_by_field_name("type") is None:
        return node.start_byte, node.end_byte, b"error(nil)"
    if statement is None or statement.type != "short_var_declaration":
        given = scopes.elements(statement.child_by_field_name("left")) if statement is not None else []
        ignored = len(given) > 1 and values is not None and given[scopes.elements(values).index(node)].text == b"_"
        return node.start_byte, node.end_byte, b"error(nil)" if ignored else b"nil"
    left = scopes.elements(statement.child_by_field_name("left"))
    head = statement.parent
    if len(left) > 1 or (head is not None and head.type in {*scopes.HEADED, "for_clause"}):
        return node.start_byte, node.end_byte, b"error(nil)"
    return statement.start_byte, statement.end_byte, b"var " + (left[0].text or b"") + b" error"


def _infers(arguments: Node, error: Node) -> bool:
    """Whether a call may tell a type of its own by an error that it is given alone."""
    call, before = arguments.parent, error.prev_named_sibling
    called = call.child_by_field_name("function") if call is not None else None
    if called is None or (before is not None and (before.text or b"").startswith(b"__FF_")):
        return False
    if called.type == "selector_expression":
        package = called.child_by_field_name("operand")
        return package is not None and package.type == "identifier" and package.text not in _WITHOUT_TYPES
    root = scopes.variable_scope(called)
    declared = [each for each in root.named_children if each.type == "function_declaration"]
    own = (each for each in declared if _is_called(each, called))
    return called.text not in _BUILT_IN and not any(each.child_by_field_name("type_parameters") is None for each in own)


def _is_called(function: Node, name: Node) -> bool:
    own = function.child_by_field_name("name")
    return own is not None and own.text == name.text


def _of_spec(statement: Node, spec: Node, pure: Callable[[Node], bool]) -> Iterator[Binding]:
    left, right = spec.children_by_field_name("name"), scopes.elements(spec.child_by_field_name("value"))
    left = [name for name in left if name.is_named]
    kind = spec.child_by_field_name("type")
    if len(left) != len(right) or (kind is not None and kind.text not in _PLAIN_TYPES):
        return
    for at, (name, value) in enumerate(zip(left, right, strict=True)):
        if name.text == b"_":
            continue
        rest = _rest(left, right, at, pure)
        typed = b"=" if kind is None else (kind.text or b"") + b" ="
        text = _assignment(rest, typed)
        alone = not rest and len(scopes.specs(statement)) == 1
        whole = statement if alone else spec
        removal = whole.start_byte, whole.end_byte
        yield Binding(statement, name, value, scopes.variable_scope(name), removal, alone, text)


def unassigned(name: Node, pure: Callable[[Node], bool]) -> tuple[int, int, bytes] | None:
    """What takes an assignment to a name away: `_` in its place, or nothing in place of `x++` and `x += 1`."""
    around = name.parent
    if around is None:
        return None
    statement = around if around.type in _STEPS else around.parent
    holder = statement.parent.type if statement is not None and statement.parent is not None else ""
    in_head = holder == "if_statement" and statement is not None and operator(statement) == "="
    if (
        statement is None
        or not (in_head or holder == "statement_list")
        or around.type not in {*_STEPS, "expression_list"}
    ):
        return None
    if statement.type in _STEPS:
        return *with_semicolon(statement), b""
    if statement.type not in {"assignment_statement", "short_var_declaration"}:
        return None
    right = statement.child_by_field_name("right")
    if operator(statement) not in ("=", ":=") and right is not None:
        harmless = all(map(pure, scopes.elements(right)))
        end, text = (statement.end_byte, b"") if harmless else (right.start_byte, b"_ = ")
        return statement.start_byte, end, text
    return name.start_byte, name.end_byte, b"_"
