"""What people write shorter in Go once a branch went, where the change made it so and the types stay as they were.

`var x T` right in front of its first assignment, and a function that is called where it stands and only returns.
"""

from __future__ import annotations

from collections.abc import Iterator

from tree_sitter import Node

from flagtrail.codebase.languages import _go_scopes as scopes
from flagtrail.codebase.source import Edit, Source, ancestors, descendants

_LITERALS = {
    "interpreted_string_literal": b"string", "raw_string_literal": b"string", "int_literal": b"int", "true": b"bool",
    "false": b"bool", "float_literal": b"float64",
}  # fmt: skip
"""The types of constants that have none of their own, where a variable is declared by them."""
_FUNCTIONS = frozenset({"function_declaration", "method_declaration"})


def tidied(before: Source, after: Source) -> Source:
    """The file after its change, with what the change left longer than people write it."""
    if before.data == after.data:
        return after
    known, edits, end = b"".join(before.data.split()), list[Edit](), 0
    for node in descendants(after.tree.root_node):
        if node.start_byte < end:  # within what moves as a whole
            continue
        if node.type == "statement_list":
            edits += _declared(after, node, known)
        elif node.type == "call_expression":
            moved = list(_called(after, node, known))
            end = max([end, *(edit.end for edit in moved)])
            edits += moved
    made = after.edited(edits) if edits else after
    return made if made.defects <= after.defects else after


# -------------------------------------------------------------------- var x T; x = f()
def _declared(source: Source, block: Node, known: bytes) -> Iterator[Edit]:
    """`x, err := f()` instead of `var x T` right in front of `x, err = f()`."""
    waiting: dict[bytes, Node] = {}
    function = block.parent.parent if block.parent is not None else None
    is_body = function is not None and function.type in scopes.FUNCTIONS
    before = {name.text for name in scopes.names_of(function)} if function is not None and is_body else set()
    for statement in scopes.elements(block):
        declared = _plain(statement)
        if declared is not None:
            waiting[declared] = statement
            continue
        if waiting and statement.type == "assignment_statement":
            yield from _merged(source, statement, waiting, before, known)
        before |= {name.text for name in scopes.declared_by(statement)} | waiting.keys()
        waiting = {}


def _plain(statement: Node) -> bytes | None:
    """The name of `var x T`."""
    spec = statement.named_children[0] if statement.type == "var_declaration" else None
    if spec is None or spec.type != "var_spec" or spec.child_by_field_name("value") is not None:
        return None
    names = [name for name in spec.children_by_field_name("name") if name.is_named]
    return names[0].text if len(names) == 1 else None


def _merged(
    source: Source, statement: Node, waiting: dict[bytes, Node], before: set[bytes | None], known: bytes
) -> Iterator[Edit]:
    left, right = (scopes.elements(statement.child_by_field_name(side)) for side in ("left", "right"))
    operator, names = statement.child_by_field_name("operator"), [name.text or b"" for name in left]
    declared = {name: waiting[name] for name in names if name in waiting}
    others = set(names) - declared.keys() - before - {b"_"}
    if operator is None or operator.type != "=" or not declared or others:
        return
    first = min(each.start_byte for each in declared.values())
    read = {node.text for value in right for node in descendants(value) if node.type == "identifier"}
    if b"".join(source.data[first : statement.end_byte].split()) in known or read & declared.keys():
        return
    types = _types(source, right, len(left))
    wanted = {name: _text(each.named_children[0].child_by_field_name("type")) for name, each in declared.items()}
    if types is None or any(wanted.get(name, kind) != kind for name, kind in zip(names, types, strict=True)):
        return
    if all(_is_alone(source, each) for each in declared.values()):
        yield from (Edit(source.line_start(each.start_byte), _behind(source, each)) for each in declared.values())
        yield Edit(operator.start_byte, operator.end_byte, b":=")


def _is_alone(source: Source, node: Node) -> bool:
    """Whether nothing else stands on its line."""
    start, end = source.line_start(node.start_byte), source.line_end(node.end_byte)
    return source.data[start:end].strip() == source.text(node)


def _behind(source: Source, declaration: Node) -> int:
    """The end of a declaration's line, with the blank ones below it."""
    end = source.line_end(declaration.end_byte)
    while end < len(source.data) and not source.data[end : source.line_end(end)].strip():
        end = source.line_end(end)
    return end


def _types(source: Source, values: list[Node], count: int) -> list[bytes] | None:
    """The types of what is assigned, as far as the file tells them."""
    if len(values) == count:
        found = [_of_value(source, value) for value in values]
        return found if all(found) else None
    return _of_call(source, values[0]) if len(values) == 1 else None


def _of_value(source: Source, value: Node) -> bytes:
    if value.type in _LITERALS:
        return _LITERALS[value.type]
    if value.type == "composite_literal":
        return _text(value.child_by_field_name("type"))
    if value.type == "unary_expression" and _text(value.child_by_field_name("operator")) == b"&":
        inner = value.child_by_field_name("operand")
        return b"*" + _text(inner.child_by_field_name("type")) if inner and inner.type == "composite_literal" else b""
    results = _of_call(source, value)
    return results[0] if results is not None and len(results) == 1 else b""


def _of_call(source: Source, call: Node) -> list[bytes] | None:
    """The types that a function of the file answers, or a method of the object whose own method calls it."""
    called = call.child_by_field_name("function") if call.type == "call_expression" else None
    if called is None:
        return None
    name = called.child_by_field_name("field") if called.type == "selector_expression" else called
    found = [
        each
        for each in source.tree.root_node.named_children
        if each.type in _FUNCTIONS
        and name is not None
        and _text(each.child_by_field_name("name")) == name.text
        and _is_meant(called, each.child_by_field_name("receiver"))
    ]
    if len(found) != 1 or found[0].child_by_field_name("type_parameters") is not None:
        return None
    return _results(found[0].child_by_field_name("result"))


def _is_meant(called: Node, of: Node | None) -> bool:
    """Whether what is called is the function, or the method `of` a type by an object whose method calls it."""
    if of is None:
        return called.type == "identifier" and scopes.variable_scope(called).type == "source_file"
    own = called.child_by_field_name("operand")
    around = next((each for each in ancestors(called) if each.type == "method_declaration"), None)
    if own is None or around is None or scopes.variable_scope(own) != around:
        return False
    mine, its = (_receiver(each) for each in (around.child_by_field_name("receiver"), of))
    return own.text == mine[0] and mine[1] == its[1]


def _receiver(declared: Node | None) -> tuple[bytes, bytes]:
    """The name of a method's object, and its type without a star."""
    inside = scopes.elements(declared)
    kind = _text(inside[0].child_by_field_name("type")) if inside else b""
    return (_text(inside[0].child_by_field_name("name")) if inside else b""), kind.lstrip(b"*")


def _results(result: Node | None) -> list[bytes] | None:
    if result is None or result.type != "parameter_list":
        return None if result is None else [_text(result)]
    kinds = []
    for each in scopes.elements(result):
        names = [name for name in each.children_by_field_name("name") if name.is_named]
        kinds += [_text(each.child_by_field_name("type"))] * max(1, len(names))
    return kinds


def _text(node: Node | None) -> bytes:
    return (node.text or b"") if node is not None else b""


# -------------------------------------------------------------------- func() T { return x }()
def _called(source: Source, call: Node, known: bytes) -> Iterator[Edit]:
    """`x` instead of `func() error { return x }()`, as an entry of a literal, which has a type of its own."""
    function, around = call.child_by_field_name("function"), call.parent
    if function is None or function.type != "func_literal" or around is None or around.type != "literal_element":
        return
    given = [
        *scopes.elements(call.child_by_field_name("arguments")),
        *scopes.elements(function.child_by_field_name("parameters")),
    ]
    body, kind = function.child_by_field_name("body"), _text(function.child_by_field_name("result"))
    inside = scopes.statements(body) if body is not None else []
    if given or len(inside) != 1 or inside[0].type != "return_statement" or len(inside[0].named_children) != 1:
        return
    values = scopes.elements(inside[0].named_children[0])
    if len(values) != 1 or b"".join(source.text(call).split()) in known:
        return
    if any(node.type == "comment" for node in descendants(function)):
        return
    if kind == _of_value(source, values[0]) or (kind == b"error" and values[0].type in {"call_expression", "nil"}):
        yield Edit(call.start_byte, call.end_byte, _outdented(source, call, values[0]))


def _outdented(source: Source, call: Node, value: Node) -> bytes:
    """A value as it is written where the call stands; what is within texts of several lines stays as it is."""
    deeper = source.indent(value.start_byte)[len(source.indent(call.start_byte)) :]
    texts = [(each.start_byte, each.end_byte) for each in descendants(value) if each.type == "raw_string_literal"]
    lines, at = list[bytes](), value.start_byte
    for line in source.text(value).splitlines(keepends=True):
        inner = at == value.start_byte or any(start < at < end for start, end in texts)
        lines.append(line if inner else line.replace(deeper, b"", 1) if line.startswith(deeper) else line)
        at += len(line)
    return b"".join(lines)
