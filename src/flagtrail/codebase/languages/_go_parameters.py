"""Go's parameters: which function one belongs to, and whether a call can be of that function."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from pathlib import PurePosixPath

from tree_sitter import Node

from flagtrail.codebase.languages import _go_names as names
from flagtrail.codebase.languages import _go_scopes as scopes
from flagtrail.codebase.languages._go_lists import taken
from flagtrail.codebase.shapes import Call, Definition, Read, Signature
from flagtrail.codebase.source import Source, descendants

_MODULE = re.compile(rb"^module\s+\"?([^\s\"]+)", re.MULTILINE)


def definitions(source: Source, function: Node) -> Iterator[Definition]:
    """The parameters of a function that could go; of methods those that no interface of another package can demand.

    One that is given another value stays, as all of a generic function's do, whose types the arguments may tell. So
    does a context: people keep it, since what is called next may need it again.
    """
    name, listed = function.child_by_field_name("name"), function.child_by_field_name("parameters")
    method = function.type == "method_declaration"
    generic = function.child_by_field_name("type_parameters") is not None
    if name is None or listed is None or generic or (method and _is_exported(name)):
        return
    for declaration in scopes.elements(listed):
        kind = declaration.child_by_field_name("type")
        if declaration.type == "parameter_declaration" and kind is not None and kind.text != b"context.Context":
            for parameter in _names(declaration):
                written = any(_is_write(node, parameter) for node in descendants(function))
                removal = _removal(source, listed, declaration, parameter)
                yield Definition("parameter", parameter, removal, "repository", pure=not written, scope=function)


def signature(parameter: Node) -> Signature | None:
    """The function of a parameter."""
    declaration = parameter.parent
    listed = declaration.parent if declaration is not None else None
    function = listed.parent if listed is not None else None
    if declaration is None or function is None or function.child_by_field_name("parameters") != listed:
        return None
    called = function.child_by_field_name("name")
    if called is None or function.type not in {"function_declaration", "method_declaration"}:
        return None
    place = [each.start_byte for each in _every(function)].index(parameter.start_byte)
    return Signature(function, called, place, constructs=False, property=False, element=declaration)


def may_call(source: Source, call: Call, path: str, of: Signature, imports: Iterable[Definition], read: Read) -> bool:
    """Whether a call is of the function that a file defines, with an argument for each of its parameters."""
    near = PurePosixPath(source.path).parent == PurePosixPath(path).parent
    if of.node.type == "method_declaration":
        mine = near and call.receiver is not None
    elif call.receiver is None:
        mine = near
    else:
        package = source.text(call.receiver).decode()
        named = call.receiver.type == "identifier" and scopes.variable_scope(call.receiver).type == "source_file"
        mine = named and any(each.spelled == package and _leads_to(each.origin, path, read) for each in imports)
    return mine and _fits(call, of.node)


def _leads_to(origin: str, path: str, read: Read) -> bool:
    """Whether an import is of the package that a file belongs to: by its `go.mod`, else by the whole of its folder."""
    folder = PurePosixPath(path).parent
    for root in (folder, *folder.parents):
        module = _MODULE.search(read(str(root / "go.mod")))
        if module is not None:
            return PurePosixPath(origin) == PurePosixPath(module[1].decode()) / folder.relative_to(root)
    return origin.endswith(f"/{folder}")


def _fits(call: Call, function: Node) -> bool:
    """Whether each parameter has an argument of its own, as it has not in `f(g())` where g answers several."""
    listed = scopes.elements(function.child_by_field_name("parameters"))
    several = any(each.type == "variadic_parameter_declaration" for each in listed)
    wanted, given = len(_every(function)), len(call.arguments)
    if several:
        return given >= wanted and not (given == 1 and call.arguments[0].value.type == "call_expression")
    return given == wanted


def _every(function: Node) -> list[Node]:
    """The names of all parameters but a last one that stands for several."""
    listed = scopes.elements(function.child_by_field_name("parameters"))
    return [name for each in listed if each.type == "parameter_declaration" for name in _named(each)]


def _named(declaration: Node) -> list[Node]:
    return [name for name in declaration.children_by_field_name("name") if name.is_named]


def _names(declaration: Node) -> list[Node]:
    return [name for name in _named(declaration) if name.text != b"_"]


def _is_exported(name: Node) -> bool:
    return (name.text or b"")[:1].isupper()


def _is_write(node: Node, parameter: Node) -> bool:
    return node.type == "identifier" and node.text == parameter.text and names.role(node) == "write"


def _removal(source: Source, listed: Node, declaration: Node, parameter: Node) -> tuple[int, int]:
    """A parameter with its comma; the type, too, where it is the only one of that."""
    same = _named(declaration)
    if len(same) == 1:
        start, end = taken(source, listed, declaration)
        first, last = source.line_start(start), source.line_end(end)
        alone = not (source.data[first:start] + source.data[end:last]).strip()
        return (first, last) if alone else (start, end)
    at = same.index(parameter)
    if at + 1 < len(same):
        return parameter.start_byte, same[at + 1].start_byte
    return same[at - 1].end_byte, parameter.end_byte
