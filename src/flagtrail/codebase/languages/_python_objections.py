"""What Python would refuse, or read otherwise, though it can be parsed: told of an edit before it is taken."""

from __future__ import annotations

import re

from tree_sitter import Node

from flagtrail.codebase.languages._python_expressions import operands
from flagtrail.codebase.languages._python_grammar import nodes
from flagtrail.codebase.languages._python_names import role, scope_of
from flagtrail.codebase.languages._python_text import text
from flagtrail.codebase.source import Source, ancestors

_MATCHES = re.compile(rb"^[ \t]*match\b.*:", re.MULTILINE)
_DECLARES = re.compile(rb"^[ \t]*(?:global|nonlocal)\b|[;:][ \t]*(?:global|nonlocal)\b", re.MULTILINE)
_READ_OTHERWISE = re.compile(rb"\{(?:\{|\s*lambda\b)")


def objection(before: Source, made: Source, at: int) -> str:
    """Why an edit at byte `at` must not be; empty if it may."""
    if _in_text(before, made, at):
        return "within a text it would be read as something else"
    if _declares(before.data) > _declares(made.data) and _lost(before, made):
        return "a name would be another one without its `global` or `nonlocal`"
    if b"match" in made.data and _MATCHES.search(made.data) and _takes_all(made) > _takes_all(before):
        return "a case that takes all would stand before others"
    return ""


def _declares(data: bytes) -> int:
    """How often names are declared to be of outside; asked of each edit, and few files do it at all."""
    return len(_DECLARES.findall(data)) if b"global" in data or b"nonlocal" in data else 0


def _in_text(before: Source, made: Source, at: int) -> bool:
    """Whether braces or a colon of an expression in an f-string would be the text's own."""
    inner = before.tree.root_node.descendant_for_byte_range(at, at)
    around = (each for each in (inner, *ancestors(inner)) if each.type == "interpolation") if inner is not None else ()
    return any(
        _tells_itself(each)
        or (
            _READ_OTHERWISE.match(made.data, each.start_byte)
            and not _READ_OTHERWISE.match(before.data, each.start_byte)
        )
        for each in around
    )


def is_told(value: Node) -> bool:
    """Whether a text shows how a value is written, as `f"{enabled()=}"` does."""
    return any(_tells_itself(each) for each in ancestors(value))


def _tells_itself(node: Node) -> bool:
    return node.type == "interpolation" and any(child.type == "=" for child in node.children)


def _lost(before: Source, made: Source) -> bool:
    """Whether a function that binds a name does not say any more that it is an outer one."""
    declared = _declared(made)
    for start, name in _declared(before) - declared:
        scope = next(
            (each for each in nodes(made.tree.root_node, "function_definition") if each.start_byte == start), None
        )
        bound = nodes(scope, "identifier") if scope is not None else []
        if any(text(each) == name and role(each) in {"bind", "write"} for each in bound):
            return True
    return False


def _declared(source: Source) -> set[tuple[int, str]]:
    found = nodes(source.tree.root_node, "global_statement", "nonlocal_statement")
    return {(scope_of(each).start_byte, text(name)) for each in found for name in operands(each)}


def _takes_all(source: Source) -> int:
    """How many cases that take whatever comes have others behind them, which Python refuses."""
    return sum(
        any(map(_is_whole, operands(each.parent)[operands(each.parent).index(each) : -1]))
        for each in nodes(source.tree.root_node, "case_clause")
        if each.parent is not None
    )


def _is_whole(clause: Node) -> bool:
    if clause.type != "case_clause" or clause.child_by_field_name("guard") is not None:
        return False
    patterns = [child for child in clause.named_children if child.type == "case_pattern"]
    taken = text(patterns[0]).strip("() ") if len(patterns) == 1 else ""
    return taken.isidentifier() and taken not in {"None", "True", "False"}
