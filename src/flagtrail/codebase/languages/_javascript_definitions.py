"""What a file of JavaScript or TypeScript defines, and the bytes that go with each name."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Literal

from tree_sitter import Node

from flagtrail.codebase.languages._javascript_fields import DOES, hands_itself_on, is_decorated, is_of_package, is_own
from flagtrail.codebase.languages._javascript_names import DECLARATIONS, listed, scope
from flagtrail.codebase.languages._javascript_patterns import Reach, destructured, parameters
from flagtrail.codebase.languages._javascript_values import FUNCTIONS, constant, field, parts, pure, text, uncast
from flagtrail.codebase.shapes import Binding, Definition
from flagtrail.codebase.source import Source, descendants

Kind = Literal["import", "variable", "constant", "function", "class", "parameter", "field", "member"]

_DIRECTIVE = re.compile(rb"eslint-|@ts-|prettier-|biome-|istanbul |c8 |v8 ", re.IGNORECASE)
_LICENSE = re.compile(rb"copyright|licen[sc]e|@file|@overview|#!", re.IGNORECASE)
_TYPES = frozenset(
    {
        "abstract_class_declaration",
        "class_declaration",
        "enum_declaration",
        "interface_declaration",
        "type_alias_declaration",
    }
)
_QUIET_HOOK = re.compile(
    rb"use(?:Callback|Context|Id|Location|MediaQuery|Memo|Navigate|Params|Reducer|Ref|State|Theme|Translation"
    rb"|FlagMap|GrowthBook|LDClient|OpenFeatureClient|PostHog|UnleashClient|UnleashContext)"
)
"""Hooks of React, its router, Material UI and clients of flags that only keep, look up or compute something."""
_LOADED = re.compile(rb"""(?:\brequire|\bimport)\(\s*['"]([^'"]+)['"]\s*\)""")
_READS = re.compile(rb"(?:parse|read|get|to|as|is|env|bool|num|str)", re.IGNORECASE)
_ASKS = re.compile(rb"use\w*(?:Flags?|Config)\Z")


def definitions(source: Source) -> Iterator[Definition]:
    """Every name that could be removed from a file."""
    module = is_module(source.tree.root_node)
    for node in descendants(source.tree.root_node):
        read = _READERS.get(node.type)
        if read is not None:
            for found in read(node):
                shared = found.reach == "file" and not module and found.kind != "import" and _top(node)
                yield _of_script(found) if shared else found


def _of_script(found: Definition) -> Definition:
    """A file that is no module shares its names with every other script of a page."""
    return replace(found, reach="repository")


def _top(node: Node) -> bool:
    return statement_of(node).parent is None or (statement_of(node).parent or node).type == "program"


def statement_of(node: Node) -> Node:
    """A declaration with the `export` in front of it."""
    parent = node.parent
    return parent if parent is not None and parent.type in {"export_statement", "ambient_declaration"} else node


def reach(node: Node) -> Reach:
    """Who can name what this statement declares."""
    outer = statement_of(node)
    if outer.type == "export_statement":
        return "repository"
    return "file" if outer.parent is None or outer.parent.type == "program" else "local"


def reach_of_variable(binding: Binding) -> Reach:
    """Who can name a variable: other files where it is exported, or where the file is no module."""
    top = binding.scope
    if top.parent is not None:
        return "local"
    if binding.statement.type == "export_statement" or not is_module(top):
        return "repository"
    name = text(binding.name)
    exported = any(
        text(found) == name and found.parent is not None and found.parent.type == "export_specifier"
        for child in top.children
        if child.type == "export_statement" and field(child, "source") is None
        for found in descendants(child)
        if found.type == "identifier"
    )
    return "repository" if exported else "file"


def is_module(program: Node) -> bool:
    """Whether a file keeps its names to itself, instead of sharing them with every script of a page."""
    return any(child.type in {"import_statement", "export_statement"} for child in program.children) or any(
        sign in text(program) for sign in (b"require(", b"module.exports", b"exports.")
    )


def whole(node: Node, *, comments: bool = True) -> tuple[int, int]:
    """The bytes of a statement, with the comments right above it that tell of it alone."""
    outer = statement_of(node)
    first, before = outer, outer.prev_sibling
    while before is not None and before.type == "comment" and before.end_point.row + 1 == first.start_point.row:
        above = before.prev_sibling
        beside = above is not None and above.end_point.row == before.start_point.row
        if beside or not (comments or _DIRECTIVE.search(text(before))) or _LICENSE.search(text(before)):
            break
        first, before = before, above
    if first is not outer and _heads_a_group(first, outer):
        first = outer
    return first.start_byte, outer.end_byte


def _heads_a_group(comment: Node, statement: Node) -> bool:
    """A line comment above several statements of one kind, without a blank line between, tells of all of them."""
    follower = statement.next_named_sibling
    return (
        text(comment).startswith(b"//")
        and not _DIRECTIVE.search(text(comment))
        and follower is not None
        and follower.type == statement.type
        and follower.start_point.row == statement.end_point.row + 1
        and statement.start_point.row == statement.end_point.row
    )


def _imports(node: Node) -> Iterator[Definition]:
    origin = field(node, "source")
    clause = next((child for child in node.named_children if child.type.startswith("import_")), None)
    if clause is None:
        return
    origin = origin or field(clause, "source")
    module = str(((origin is not None and constant(origin)) or ("",))[0])
    groups = parts(clause)
    named = next((group for group in groups if group.type == "named_imports"), None)
    specifiers = parts(named) if named is not None else []
    everything = whole(node, comments=False)
    for group in groups:
        if group.type in {"identifier", "namespace_import"}:
            name = group if group.type == "identifier" else parts(group)[0]
            taken = everything if clause.type == "import_require_clause" or len(groups) == 1 else listed(group)
            yield Definition("import", name, taken, "file", origin=module)
    for specifier in specifiers:
        local = field(specifier, "alias") or field(specifier, "name")
        if local is not None:
            alone = everything if len(groups) == 1 else listed(named or specifier)
            yield Definition(
                "import", local, listed(specifier) if len(specifiers) > 1 else alone, "file", origin=module
            )


def _reexports(node: Node) -> Iterator[Definition]:
    """`export { a, b as c } from './x'`: names that pass through a file."""
    origin = field(node, "source")
    clause = next((child for child in node.named_children if child.type == "export_clause"), None)
    if origin is None or clause is None:
        return
    module = str((constant(origin) or ("",))[0])
    specifiers = parts(clause)
    for specifier in specifiers:
        name = field(specifier, "alias") or field(specifier, "name")
        if name is not None and text(name) != b"default":
            taken = listed(specifier) if len(specifiers) > 1 else whole(node, comments=False)
            yield Definition("import", name, taken, "repository", origin=module)


def _variables(node: Node) -> Iterator[Definition]:
    if node.parent is None or node.parent.type in {"for_statement", "for_in_statement"}:
        return
    declarators = [child for child in node.named_children if child.type == "variable_declarator"]
    around = scope(node, hoisted=node.type == "variable_declaration")
    who = reach(node)
    for declarator in declarators:
        name, value = field(declarator, "name"), field(declarator, "value")
        taken = whole(node) if len(declarators) == 1 else listed(declarator)
        quiet = value is None or harmless(value)
        if name is None:
            continue
        if name.type == "identifier":
            yield Definition(_variable_kind(who, value), name, taken, who, quiet, _required(value), scope=around)
        else:
            yield from destructured(name, taken, who, quiet, around, _required(value))


def _variable_kind(who: Reach, value: Node | None) -> Kind:
    if value is not None and value.type in FUNCTIONS:
        return "function"
    return "variable" if who == "local" else "constant"


def _required(value: Node | None) -> str:
    """The module that `require('./x')`, `await import('./x')` or `lazy(() => import('./x'))` loads."""
    found = _LOADED.search(text(value)) if value is not None else None
    return found[1].decode() if found is not None else ""


def harmless(value: Node) -> bool:
    """Whether making this value drops no effect: it is pure, or a hook that only keeps or computes something."""
    value = uncast(value)
    if value.type == "call_expression":
        called, arguments = field(value, "function"), field(value, "arguments")
        last = text(called).rpartition(b".")[2] if called is not None else b""
        known = (
            (_QUIET_HOOK.fullmatch(last) is not None and not is_own(called or value))
            or (_ASKS.match(last) is not None and not DOES.match(last))
            or text(called or value) == b"require"
            or _lazy(last)
        )
        if known and arguments is not None:
            return all(pure(argument) for argument in parts(arguments))
    return pure(value)


def _lazy(name: bytes) -> bool:
    return name in {b"lazy", b"memo", b"forwardRef", b"createContext"}


def _functions(node: Node) -> Iterator[Definition]:
    name = field(node, "name")
    outer = statement_of(node)
    if name is None or (outer is not node and any(child.type == "default" for child in outer.children)):
        return
    start, end = whole(node)
    before = outer.prev_named_sibling
    while before is not None and _signature_of(before) == text(name):
        start, before = whole(before)[0], before.prev_named_sibling
    around = scope(node)
    yield Definition("function", name, (start, end), reach(node), scope=around)


def _signature_of(node: Node) -> bytes:
    signature = field(node, "declaration") or node
    name = field(signature, "name") if signature.type == "function_signature" else None
    return text(name) if name is not None else b""


def _classes(node: Node) -> Iterator[Definition]:
    name, outer = field(node, "name"), statement_of(node)
    if name is None or any(child.type in {"default", "decorator"} for child in (*outer.children, *node.children)):
        return
    yield Definition("class", name, whole(node), reach(node), not _acts(node), scope=scope(node))
    if node.type == "enum_declaration" and (body := field(node, "body")) is not None:
        members = parts(body)
        counted = [at for at, member in enumerate(members) if member.type != "enum_assignment"]
        for at, member in enumerate(members) if len(members) > 1 else ():
            if any(other >= at for other in counted):
                continue  # what stands behind it would be counted anew
            key = field(member, "name") or member
            yield Definition("member", key, listed(member), reach(node), scope=body)


def _acts(declared: Node) -> bool:
    """Whether declaring a class does something: `static all = register()`, `static { .. }`, `@noted shown() {}`."""
    for member in parts(field(declared, "body") or declared):
        if any(each.type == "decorator" and not is_of_package(each) for each in (member, *member.children)):
            return True
        static = any(child.type == "static" for child in member.children)
        value = field(member, "value") if static else None
        if member.type == "class_static_block" or (value is not None and not harmless(value)):
            return True
    return False


def hidden_members(node: Node) -> Iterator[Definition]:
    """Fields and methods that nobody outside the class can name."""
    name = field(node, "name") or field(node, "property")
    hidden = name is not None and (
        name.type == "private_property_identifier"
        or any(child.type == "accessibility_modifier" and text(child) == b"private" for child in node.children)
    )
    if name is None or not hidden or text(name) == b"constructor":
        return
    value = field(node, "value")
    kind: Kind = "function" if node.type == "method_definition" else "field"
    end = (
        node.next_sibling.end_byte if node.next_sibling is not None and node.next_sibling.type == ";" else node.end_byte
    )
    quiet = not is_decorated(node) and (value is None or pure(value))
    if kind == "field" and node.parent is not None and hands_itself_on(node.parent):
        return
    called = text(name).removeprefix(b"#").decode()
    yield Definition(kind, name, (whole(node)[0], end), "file", quiet, spelled=called, scope=node.parent)


def _pairs(node: Node) -> Iterator[Definition]:
    """A key of an object that a constant names, or that a type describes."""
    key, value = field(node, "key"), field(node, "value")
    if key is None or value is None or (owner := _owner(node.parent)) is None:
        return
    if key.type in {"property_identifier", "string"}:
        quiet = pure(value) or _reads_setting(value)
        yield Definition("member", key, listed(node), reach(owner), quiet, scope=node.parent)


def _reads_setting(value: Node) -> bool:
    """`parseEnvVarBoolean(process.env.NEW_UI, false)`: what only reads, by its name and what it is given."""
    called, arguments = field(value, "function"), field(value, "arguments")
    if value.type != "call_expression" or called is None or arguments is None:
        return False
    name = text(called).rpartition(b".")[2]
    return _READS.match(name) is not None and all(pure(each) for each in parts(arguments))


def _owner(value: Node | None) -> Node | None:
    """The statement `const NAME = ..` whose value this is."""
    at = value
    while at is not None and at.type not in DECLARATIONS:
        frozen = at.type == "arguments" and at.parent is not None and _freezes(at.parent)
        if at.type in {"statement_block", "class_body", "array"} or at.type in FUNCTIONS:
            return None
        if at.type == "arguments" and not frozen:
            return None
        at = at.parent
    return at


def _freezes(call: Node) -> bool:
    return text(field(call, "function") or call) == b"Object.freeze"


def properties(node: Node) -> Iterator[Definition]:
    """A property that a type describes."""
    name = field(node, "name")
    if name is None or name.type not in {"property_identifier", "string"} or _of_whole_parameter(node.parent):
        return
    before, end = node.prev_sibling, node.end_byte
    follower = node.next_sibling
    if follower is not None and follower.type in {";", ","}:
        end = follower.end_byte
        after = follower.next_sibling
        if after is not None and after.start_point.row == follower.end_point.row and after.type != "}":
            end = after.start_byte
    first = node
    while before is not None and before.type == "comment" and before.end_point.row + 1 == first.start_point.row:
        if before.prev_sibling is not None and before.prev_sibling.end_point.row == before.start_point.row:
            break
        first, before = before, before.prev_sibling
    yield Definition("member", name, (first.start_byte, end), "repository", scope=node.parent)


def _of_whole_parameter(described: Node | None) -> bool:
    """Whether a type is written out for a parameter that is not taken apart: callers may hand over what is in it."""
    annotation = described.parent if described is not None and described.type == "object_type" else None
    parameter = annotation.parent if annotation is not None and annotation.type == "type_annotation" else None
    pattern = field(parameter, "pattern") if parameter is not None else None
    return pattern is not None and pattern.type == "identifier"


def union_members(node: Node) -> Iterator[Definition]:
    """`'a' | 'b'`: texts that a type lists."""
    above = node.parent
    if above is None or above.type != "union_type" or not node.named_children:
        return
    if above.named_children[-1] == node and len(above.named_children) > 1:
        taken = (above.named_children[0].end_byte, node.end_byte)
    else:
        top = above if len(above.named_children) > 1 else above.parent
        if top is None or top.type != "union_type":
            return
        taken = (node.start_byte, top.named_children[-1].start_byte)
    yield Definition("member", node.named_children[0], taken, "repository", scope=above)


def _texts(node: Node) -> Iterator[Definition]:
    """Texts that an array of a constant lists."""
    if (owner := _owner(node.parent)) is None:
        return
    for element in parts(node):
        if element.type == "string":
            yield Definition("member", element, listed(element), reach(owner), scope=node)


_READERS: dict[str, Callable[[Node], Iterator[Definition]]] = {
    "import_statement": _imports,
    "export_statement": _reexports,
    "lexical_declaration": _variables,
    "variable_declaration": _variables,
    "function_declaration": _functions,
    "generator_function_declaration": _functions,
    "method_definition": hidden_members,
    "public_field_definition": hidden_members,
    "field_definition": hidden_members,
    "pair": _pairs,
    "property_signature": properties,
    "literal_type": union_members,
    "array": _texts,
    "formal_parameters": parameters,
    **dict.fromkeys(_TYPES, _classes),
}
