"""The names that a Go file declares: imports, constants, variables, functions, types, labels."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Literal

from tree_sitter import Node

from flagtrail.codebase.languages import _go_interfaces as interfaces
from flagtrail.codebase.languages import _go_names as names
from flagtrail.codebase.languages import _go_parameters as parameters
from flagtrail.codebase.languages import _go_scopes as scopes
from flagtrail.codebase.languages._go_tests import with_comments
from flagtrail.codebase.shapes import Definition, Function
from flagtrail.codebase.source import Source, descendants

_NEVER = frozenset({b"main", b"init", b"_"})
_DIRECTIVE = re.compile(rb"^//(go:|export |line |nolint)", re.MULTILINE)
_RUN_BY_TOOLS = (b"Test", b"Benchmark", b"Fuzz", b"Example")
_VERSION = re.compile(r"^v\d+$")
_DECORATED = re.compile(r"^go-|[-.]go$|\.v\d+$")
_PACKAGES = {
    "github.com/launchdarkly/go-server-sdk": "ldclient",
    "github.com/Unleash/unleash-client-go": "unleash",
    "github.com/open-feature/go-sdk": "openfeature",
    "github.com/Flagsmith/flagsmith-go-client": "flagsmith",
    "github.com/configcat/go-sdk": "configcat",
    "github.com/growthbook/growthbook-golang": "growthbook",
}
_ASSERTED = rb"var _ [\w.]+ = (?:\(\*%s\)\(nil\)|&?%s\{\}|new\(%s\))"
_CALLED = frozenset({"identifier", "selector_expression", "func_literal", "call_expression", "index_expression"})
_BUILT_IN = frozenset(
    b"append cap complex imag len make max min new real bool byte complex64 complex128 error float32 float64 int int8"
    b" int16 int32 int64 rune string uint uint8 uint16 uint32 uint64 uintptr any".split()
)
"""What Go does not let stand as a statement, though it looks like a call."""
Pure = Callable[[Node], bool]


def function(node: Node) -> Function | None:
    """A function or method with a body. A method that its type's interfaces could demand is known by its capital."""
    name, body = node.child_by_field_name("name"), node.child_by_field_name("body")
    if node.type not in {"function_declaration", "method_declaration"} or name is None or body is None:
        return None
    inside = scopes.statements(body)
    result: Node | None = None
    faultless = False
    if len(inside) == 1 and inside[0].type == "return_statement":
        values = scopes.elements(inside[0].named_children[0]) if inside[0].named_children else []
        faultless = len(values) == 2 and values[1].text in (b"nil", names.NIL) and _is_with_error(node)  # noqa: PLR2004 - a value and its error
        result = values[0] if len(values) == 1 or faultless else None
    parameters = tuple(
        found
        for declaration in scopes.elements(node.child_by_field_name("parameters"))
        for found in declaration.children_by_field_name("name")
        if found.is_named
    )
    return Function(node, name, body, result, parameters, faultless=faultless)


def _is_with_error(function: Node) -> bool:
    """Whether a function answers a truth value or text, and an error."""
    results = scopes.elements(function.child_by_field_name("result"))
    kinds = [each.child_by_field_name("type") for each in results if each.child_by_field_name("name") is None]
    told = [each.text for each in kinds if each is not None]
    return len(told) == len(results) and told in ([b"bool", b"error"], [b"string", b"error"])


def definitions(source: Source, pure: Pure) -> Iterator[Definition]:
    """Every name that the file declares and that could be removed."""
    root = source.tree.root_node
    for node in root.named_children:
        match node.type:
            case "import_declaration":
                yield from _imports(source, node, root)
            case "const_declaration" | "var_declaration" | "type_declaration":
                yield from _package_level(source, node, pure)
            case "function_declaration" | "method_declaration":
                yield from _functions(source, node)
                called = not _directed(node) and not _is_run_by_tools(source, node)
                yield from parameters.definitions(source, node) if called else ()
                yield from _locals(source, node, pure)
            case _:
                pass


def imports(source: Source) -> Iterator[Definition]:
    """What the file imports."""
    root = source.tree.root_node
    for node in root.named_children:
        if node.type == "import_declaration":
            yield from _imports(source, node, root)


def _imports(source: Source, node: Node, root: Node) -> Iterator[Definition]:
    inside = scopes.specs(node)
    for spec in inside:
        path, alias = spec.child_by_field_name("path"), spec.child_by_field_name("name")
        if path is None or (alias is not None and alias.type != "package_identifier") or path.text == b'"C"':
            continue
        origin = (path.text or b"").decode()[1:-1]
        removal = _lines(source, node, node) if len(inside) == 1 else _lines(source, spec, node)
        spelled = (alias.text or b"").decode() if alias is not None else package_of(origin)
        yield Definition("import", alias or path, removal, "file", origin=origin, spelled=spelled, scope=root)


def package_of(path: str) -> str:
    """The name by which code calls an imported package, as far as its path tells.

    >>> package_of("gopkg.in/yaml.v3"), package_of("example.org/go-flags/v2"), package_of("net/http")
    ('yaml', 'flags', 'http')
    """
    parts = path.split("/")
    if len(parts) > 1 and _VERSION.match(parts[-1]):
        parts.pop()
    known = _PACKAGES.get("/".join(parts))
    return known or re.sub(r"\W", "_", _DECORATED.sub("", parts[-1]))


# -------------------------------------------------------------------- package level
def _package_level(source: Source, node: Node, pure: Pure) -> Iterator[Definition]:
    inside = scopes.specs(node)
    kind = (
        "class" if node.type == "type_declaration" else "constant" if node.type == "const_declaration" else "variable"
    )
    for at, spec in enumerate(inside):
        found = [name for name in spec.children_by_field_name("name") if name.is_named]
        if len(found) != 1 or found[0].text == b"_" or _directed(node) or not _removable(inside, at):
            continue
        removal = _lines(source, node, node) if len(inside) == 1 else _lines(source, spec, node)
        value = spec.child_by_field_name("value") if kind != "class" else None
        is_pure = all(map(pure, scopes.elements(value)))
        root = source.tree.root_node
        parts = tuple(_lines(source, each, each) for each in _of_type(root, found[0])) if kind == "class" else ()
        yield Definition(kind, found[0], removal, "repository", is_pure, scope=root, parts=parts)  # type: ignore[arg-type] # see kind


def _of_type(root: Node, name: Node) -> Iterator[Node]:
    """The methods of a type, and what says that it satisfies an interface: `var _ io.Closer = (*disk)(nil)`."""
    for node in root.named_children:
        if node.type == "method_declaration":
            receiver = node.child_by_field_name("receiver")
            kind = (
                next((each for each in descendants(receiver) if each.type == "type_identifier"), None)
                if receiver
                else None
            )
            if kind is not None and kind.text == name.text and not _directed(node):
                yield node
        elif node.type == "var_declaration" and re.fullmatch(
            _ASSERTED % ((re.escape(name.text or b""),) * 3), node.text or b""
        ):
            yield node


def _removable(inside: list[Node], at: int) -> bool:
    """Whether the constants after this one keep their values without it: those of an `iota` count their lines."""
    if at == len(inside) - 1 or inside[at].type != "const_spec":
        return True
    if inside[at + 1].child_by_field_name("value") is None:
        return False
    return not any(node.type == "iota" for spec in inside[at + 1 :] for node in descendants(spec))


def _directed(node: Node) -> bool:
    """Whether a comment right above speaks to the compiler or a tool (`//go:embed`, `//export`)."""
    above = node.prev_named_sibling
    return above is not None and above.type == "comment" and bool(_DIRECTIVE.match(above.text or b""))


def _is_run_by_tools(source: Source, node: Node) -> bool:
    """Whether a function is found by its name: a test."""
    name = node.child_by_field_name("name")
    named = name is not None and (name.text or b"").startswith(_RUN_BY_TOOLS)
    return named and node.type == "function_declaration" and source.path.endswith("_test.go")


def _functions(source: Source, node: Node) -> Iterator[Definition]:
    name = node.child_by_field_name("name")
    if name is None or name.text in _NEVER or _directed(node) or _is_run_by_tools(source, node):
        return
    if interfaces.demanded(source, node):
        return
    kind: Literal["function", "member"] = "function" if node.type == "function_declaration" else "member"
    yield Definition(kind, name, _lines(source, node, node), "repository", scope=source.tree.root_node)


# -------------------------------------------------------------------- locals
def _locals(source: Source, function: Node, pure: Pure) -> Iterator[Definition]:
    for node in descendants(function):
        match node.type:
            case "short_var_declaration":
                yield from _variables(source, node, node, pure)
            case "var_declaration" | "const_declaration" | "type_declaration":
                for spec in scopes.specs(node):
                    whole = node if len(scopes.specs(node)) == 1 else spec
                    yield from _variables(source, whole, spec, pure)
            case "range_clause" | "receive_statement":
                yield from _of_range(node)
            case "type_switch_statement":
                yield from _of_type_switch(node)
            case "labeled_statement":
                label, colon = node.named_children[0], node.children[1]
                removal = (node.start_byte, colon.end_byte)
                yield Definition("variable", label, removal, "local", scope=_function_of(node))
            case _:
                pass


def _function_of(node: Node) -> Node:
    """The function that a node stands in."""
    at = node
    while at.parent is not None and at.type not in scopes.FUNCTIONS:
        at = at.parent
    return at


def _variables(source: Source, statement: Node, declaration: Node, pure: Pure) -> Iterator[Definition]:
    """The names of one statement; one of several becomes `_`, and a call that alone is left keeps being made."""
    if declaration.type == "short_var_declaration":
        left, value = scopes.elements(declaration.child_by_field_name("left")), declaration.child_by_field_name("right")
    else:
        left = [name for name in declaration.children_by_field_name("name") if name.is_named]
        value = declaration.child_by_field_name("value")
    values, since = scopes.elements(value), declaration.end_byte
    in_head = statement.parent is not None and statement.parent.type in {*scopes.HEADED, "for_clause"}
    for name in left:
        if name.type not in {"identifier", "type_identifier"} or name.text == b"_" or names.assigns(name):
            continue
        kind = "constant" if declaration.type == "const_spec" else "class" if "type" in declaration.type else "variable"
        scope = scopes.variable_scope(name)
        others = [other for other in left if other != name and other.text != b"_"]
        if in_head and not others and all(map(pure, values)) and declaration.type == "short_var_declaration":
            yield Definition(kind, name, names.with_semicolon(declaration), "local", scope=scope, since=since)  # type: ignore[arg-type] # see kind
        elif others or in_head:
            removal, text = _as_blank(declaration, name, others)
            yield Definition(kind, name, removal, "local", scope=scope, remainder=text, since=since)  # type: ignore[arg-type] # see kind
        elif all(map(pure, values)):
            yield Definition(kind, name, _lines(source, statement, statement), "local", scope=scope)  # type: ignore[arg-type] # see kind
        else:
            text = _still_done(source, statement, left, values, pure)
            removal = (statement.start_byte, statement.end_byte)
            yield Definition(kind, name, removal, "local", scope=scope, remainder=text)  # type: ignore[arg-type] # see kind


def _still_done(source: Source, statement: Node, left: list[Node], values: list[Node], pure: Pure) -> bytes:
    """What is left of a declaration whose names nothing uses: its calls, else `_` in place of each name."""
    done = [each for each in values if not pure(each)]
    if not statement.type.endswith("_spec") and all(map(_is_call, done)):
        before = source.data[source.line_start(statement.start_byte) : statement.start_byte]
        return (b"; " if before.strip() else b"\n" + before).join(map(source.text, done))
    return b", ".join([b"_"] * len(left)) + b" = " + b", ".join(map(source.text, values))


def _is_call(value: Node) -> bool:
    """Whether a value can stand alone: a call, and not a conversion or one of what Go defines itself."""
    called = value.child_by_field_name("function")
    return (
        value.type == "call_expression"
        and called is not None
        and called.type in _CALLED
        and called.text not in _BUILT_IN
    )


def _of_range(clause: Node) -> Iterator[Definition]:
    """`for i, x := range y`, `case x, ok := <-y`: one of two becomes `_`, the last with its comma, both with `:=`."""
    operator = next((child for child in clause.children if child.type == ":="), None)
    left = scopes.elements(clause.child_by_field_name("left"))
    for at, name in enumerate(left if operator is not None else ()):
        others = [other for other in left if other != name and other.text != b"_"]
        if name.text == b"_" or operator is None:
            continue
        removal, text = (name.start_byte, name.end_byte), b"_"
        if not others and operator.next_sibling is not None:
            removal, text = (left[0].start_byte, operator.next_sibling.start_byte), b""
        elif at and clause.type == "range_clause":
            removal, text = (left[at - 1].end_byte, name.end_byte), b""
        scope = scopes.variable_scope(name)
        yield Definition("variable", name, removal, "local", scope=scope, remainder=text, since=clause.end_byte)


def _of_type_switch(node: Node) -> Iterator[Definition]:
    """`x := ` of `switch x := y.(type)`."""
    alias, value = node.child_by_field_name("alias"), node.child_by_field_name("value")
    if alias is not None and value is not None:
        removal = (alias.start_byte, value.start_byte)
        yield Definition("variable", alias.named_children[0], removal, "local", scope=node, since=value.end_byte)


def _as_blank(declaration: Node, name: Node, others: list[Node]) -> tuple[tuple[int, int], bytes]:
    """`_` in place of a name; `:=` becomes `=` where it declares nothing else."""
    operator = next((child for child in declaration.children if child.type == ":="), None)
    if operator is None or any(not names.assigns(other) for other in others):
        return (name.start_byte, name.end_byte), b"_"
    text = declaration.text or b""
    start, middle = name.end_byte - declaration.start_byte, operator.start_byte - declaration.start_byte
    return (name.start_byte, operator.end_byte), b"_" + text[start:middle] + b"="


# -------------------------------------------------------------------- bytes
def _lines(source: Source, node: Node, declaration: Node) -> tuple[int, int]:
    """A declaration with the comments that are its own: those right above, and the one behind it on its line.

    With the blank lines of one side, where it leaves two of them, or one at the edge of parentheses.
    """
    start, end = with_comments(node) if node is declaration else _own_comment(source, node), node.end_byte
    follows = node.next_sibling
    while (
        follows is not None and follows.type in {"\n", ";", "comment"} and follows.start_point[0] == node.end_point[0]
    ):
        end = max(end, follows.end_byte) if follows.type == "comment" else end
        follows = follows.next_sibling
    first, last = source.line_start(start), source.line_end(end)
    if source.data[first:start].strip() or source.data[end:last].strip():
        return start, max(end, names.with_semicolon(node)[1])
    return _with_blanks(source, first, last)


def _own_comment(source: Source, spec: Node) -> int:
    """Where the comments above a line of a group begin, if they speak of this line alone.

    They begin with its name, or the line stands by itself.
    """
    start = with_comments(spec)
    name = spec.child_by_field_name("name")
    words = source.data[start : spec.start_byte].lstrip(b"/* \t").split(None, 1)
    if name is not None and words and words[0].strip(b".,:") == name.text:
        return start
    behind = source.line_end(spec.end_byte)
    alone = source.data[behind : source.line_end(behind)].strip() in (b"", b")", b"}")
    return start if alone else spec.start_byte


def _with_blanks(source: Source, first: int, last: int) -> tuple[int, int]:
    before = source.data[source.line_start(first - 1) : first].strip() if first else b""
    after = source.data[last : source.line_end(last)]
    if after and not after.strip() and (not before or before.endswith(b"(")):
        return first, source.line_end(last)
    if first and not before and after.strip() in {b")", b""}:
        return source.line_start(first - 1), last
    return first, last
