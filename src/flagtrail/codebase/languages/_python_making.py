"""What a function or class of the repository, that is called to make a value, tells others while it does.

`registry.append(self)` in a constructor is noticed by whoever reads the registry, `self.names = []` by nobody else.
"""

from __future__ import annotations

from collections.abc import Iterator

from tree_sitter import Node

from flagtrail.codebase.languages._python_definitions import imported
from flagtrail.codebase.languages._python_expressions import operands, pure
from flagtrail.codebase.languages._python_grammar import nodes
from flagtrail.codebase.languages._python_loading import evaluated
from flagtrail.codebase.languages._python_names import TARGETS, bases, scope_of
from flagtrail.codebase.languages._python_text import text
from flagtrail.codebase.languages._relations import Find
from flagtrail.codebase.shapes import Definition
from flagtrail.codebase.source import Source

DEEP = 5
"""How many imports and bases are followed."""
_MAKING = {"__init__", "__new__", "__post_init__", "__set_name__"}
_SILENT = {"super", "log", "logger", "logging", "warnings"}
"""What is called for what it does, and tells nobody of the object."""


def tells_others(source: Source, statement: Node, find: Find) -> bool:
    """Whether a value is given by a call of what is defined in the repository, and does more than make it."""
    calls = (each for each in evaluated(statement) if each.type == "call" and not pure(each))
    called = (text(each.children[0]) for each in calls if statement.type == "expression_statement")
    return any(
        _tells(function)
        for name in called
        for home, found in _meant(source, name, find, DEEP)
        for function in _functions(home, found, find, DEEP)
    )


def tells_by_fields(source: Source, name: Node, find: Find) -> bool:
    """Whether what a class gives its fields makes itself known to others: `name = Tracked()`."""
    body = name.parent.child_by_field_name("body") if name.parent is not None else None
    return body is not None and any(tells_others(source, each, find) for each in operands(body))


def _meant(source: Source, called: str, find: Find, deep: int) -> Iterator[tuple[Source, Node]]:
    """What a name, with what it is looked up in, can mean, with the file that defines it."""
    head = called.partition(".")[0]
    for statement in source.tree.root_node.named_children:
        defined = statement.child_by_field_name("definition") or statement
        name = (
            defined.child_by_field_name("name") if defined.type in {"class_definition", "function_definition"} else None
        )
        if name is not None and text(name) == called:
            yield source, defined
        if statement.type not in {"import_statement", "import_from_statement"} or not deep:
            continue
        for each in imported(source, statement):
            led = _led(each, called) if text(each.name) == head else ()
            for module, sought in sorted(led):
                for home in find(source.path, module) if sought else ():
                    yield from _meant(home, sought, find, deep - 1)


def _led(each: Definition, called: str) -> set[tuple[str, str]]:
    """The modules that an import can lead to, and what is meant there, by each of its forms."""
    origin, rest, around = each.origin, called.partition(".")[2], each.name.parent
    aliased = around is not None and around.type == "aliased_import"
    original = around.child_by_field_name("name") if around is not None and aliased else each.name
    name = text(original) if original is not None else ""
    inner = f"{origin}{name}" if origin.endswith(".") else f"{origin}.{name}"
    return {
        (origin, f"{name}.{rest}".rstrip(".")),
        (inner, rest),
        (origin, rest),
        (origin, called.removeprefix(f"{origin}.")),
    }


def _functions(source: Source, defined: Node, find: Find, deep: int) -> Iterator[Node]:
    """A function; of a class what makes its objects, also in its bases."""
    if defined.type == "function_definition":
        yield defined
        return
    for function in nodes(defined, "function_definition"):
        name = function.child_by_field_name("name")
        if name is not None and text(name) in _MAKING and scope_of(function) == defined:
            yield function
    for base in bases(defined) if deep else ():
        for home, found in _meant(source, base, find, deep - 1):
            yield from _functions(home, found, find, deep - 1)


def _tells(function: Node) -> bool:
    """Whether a function hands on the object that it makes, or changes more than that and its own variables."""
    body, given = function.child_by_field_name("body"), function.child_by_field_name("parameters")
    parameters = operands(given) if given is not None else []
    itself = text(parameters[0]) if parameters and scope_of(function).type == "class_definition" else ""
    if body is None or nodes(body, "global_statement", "nonlocal_statement"):
        return True
    made = {text(name) for each in nodes(body, "assignment") for name in each.children_by_field_name("left")}
    made |= {text(operands(each)[0]) for each in parameters if each.type == "dictionary_splat_pattern"}
    return any(
        not _is_silent(each.named_children[0], made, itself) for each in nodes(body, "expression_statement")
    ) or any(
        text(each) == itself and each.parent is not None and each.parent.type not in {"attribute", "return_statement"}
        for each in nodes(body, "identifier")
    )


def _is_silent(expression: Node, made: set[str], itself: str) -> bool:
    """Whether a statement gives a value to a variable or a field of the object, or calls what a constructor may."""
    if expression.type == "call":
        called = expression.child_by_field_name("function")
        root = text(called).partition("(")[0].partition(".")[0] if called is not None else ""
        return root in _SILENT or (root in made and called is not None and called.type == "attribute")
    if expression.type not in {"assignment", "augmented_assignment"}:
        return expression.type in {"string", "ellipsis"}
    left = expression.child_by_field_name("left")
    parts = operands(left) if left is not None and left.type in TARGETS else [left] if left is not None else []
    return all(each.type == "identifier" or text(each).rpartition(".")[0] == itself for each in parts)
