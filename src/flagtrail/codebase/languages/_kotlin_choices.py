"""Kotlin: `when`, and what a value that comes from a block of several statements becomes."""

from __future__ import annotations

import re
from collections.abc import Iterator

from tree_sitter import Node

from flagtrail.codebase.languages._kotlin_syntax import (
    branches,
    callee_name,
    child,
    is_body,
    is_default,
    is_used,
    named,
    single,
    swallows,
    text,
)
from flagtrail.codebase.shapes import Case, Mend, Scalar, Settled, Switch, Texts
from flagtrail.codebase.source import Source, ancestors, descendants

_UNTYPED = re.compile(
    rb"null(?!\w)|(?:empty|mutable|hash|linked|array|list|set|map|sequence)\w*(?:Of|List|Set|Map|Sequence|Flow)\(\)"
    rb"|(?:list|set|map|sequence|array|flow)Of\(\)"
)


def switch(node: Node) -> Switch | None:
    """`when`, with or without a subject, as a statement or as an expression."""
    if node.type != "when_expression":
        return None
    about = child(node, "when_subject")
    subject = named(about)[-1] if about is not None else None
    if about is not None and child(about, "variable_declaration") is not None:
        return None
    expression = is_used(node) or not (node.parent is not None and node.parent.type in ("block", "source_file"))
    cases = tuple(_cases(node, expression=expression))
    return Switch(node, subject, cases, expression)


def untyped(made: Source, at: int) -> str:
    """Why `null`, or an empty list, that an edit left alone at a byte would be without the other branch's type."""
    found = _UNTYPED.match(made.data, at)
    node = made.tree.root_node.descendant_for_byte_range(at, found.end()) if found is not None else None
    around = node.parent if node is not None and found is not None and text(node) == found.group() else None
    while node is not None and around is not None and around.type == "parenthesized_expression":
        node, around = around, around.parent
    if node is None or around is None:
        return ""
    variable = child(around, "variable_declaration") if around.type == "property_declaration" else None
    alone = (
        (variable is not None and len(named(variable)) == 1)
        or (around.type == "navigation_expression" and named(around)[0] == node)
        or (around.type == "function_body" and around.parent is not None and not _tells_type(around.parent))
    )
    return "alone it has not the type that both branches had together" if alone else ""


def _tells_type(function: Node) -> bool:
    """Whether a function says what it answers."""
    parts = function.children
    listed = next((index for index, each in enumerate(parts) if each.type == "function_value_parameters"), len(parts))
    return any(each.type == ":" for each in parts[listed:])


def _cases(node: Node, *, expression: bool) -> Iterator[Case]:
    for entry in node.children:
        if entry.type != "when_entry":
            continue
        body = named(entry)[-1]
        kept = standing(node, body) if expression and not is_body(node) else body
        span = kept if kept is not None else body
        values = tuple(entry.children_by_field_name("condition"))
        yield Case(entry, values, is_default(entry), (span.start_byte, span.end_byte), kept is None)


def standing(place: Node, branch: Node) -> Node | None:
    """What of a branch can stand in place of an expression: its one value, or a block that can be taken apart."""
    value = single(branch)
    if value is None:
        return branch if is_liftable(place, branch) else None
    return None if _has_no_value(value) and _needs_type(place) else value


def _has_no_value(node: Node) -> bool:
    """Whether control never goes past an expression, so that its type is Nothing."""
    called = callee_name(node) if node.type == "call_expression" else b""
    return node.type in ("throw_expression", "return_expression") or called in (b"error", b"TODO")


def _needs_type(place: Node) -> bool:
    """Whether something takes its type from an expression: all but a `return`, an assignment, what has a type, and
    what stands behind `?:` or is the value of a `catch`, where another value gives the type.
    """
    parent = place.parent
    if parent is None or parent.type in ("return_expression", "assignment"):
        return False
    if parent.type == "block" and parent.parent is not None and parent.parent.type == "catch_block":
        return False
    if parent.type == "binary_expression" and text(parent.children[1]) == b"?:" and parent.children[-1] == place:
        return False
    declared = child(parent, "variable_declaration") if parent.type == "property_declaration" else None
    return declared is None or child(declared, "user_type", "nullable_type") is None


def is_liftable(place: Node, kept: Node) -> bool:
    """Whether the statements of a block can be made in front of what takes the block's value.

    That is so for a value that is all that a variable, an assignment or a `return` is given.
    """
    statement, inside = place.parent, named(kept)
    if kept.type != "block" or statement is None or not _takes_all(statement, place) or len(inside) < 2:  # noqa: PLR2004
        return False
    if statement.parent is None or statement.parent.type not in ("block", "lambda_literal"):
        return False
    return not _declares(inside) and not any(each.type == "multiline_string_literal" for each in descendants(kept))


def lifted(source: Source, place: Node, kept: Node) -> Settled | None:
    """`val n = if (flag) { f(); 1 } else { .. }` is `f()`, and then `val n = 1`."""
    statement = place.parent
    if statement is None or not is_liftable(place, kept):
        return None
    last = named(kept)[-1]
    old, new = source.indent(named(kept)[0].start_byte), source.indent(statement.start_byte)
    first = source.data[kept.start_byte + 1 : last.start_byte].strip()
    value = source.data[last.start_byte : kept.end_byte - 1].rstrip()
    head = source.data[statement.start_byte : place.start_byte]
    moved = (first + b"\n" + old + head + value).replace(b"\n" + old, b"\n" + new)
    return Settled(statement.start_byte, statement.end_byte, None, moved)


def in_text(place: Node, kept: Node) -> Settled | None:
    """`"${if (flag) "a" else "b"}"` is `"a"`."""
    around = place.parent
    if around is None or around.type != "interpolation" or kept.type != "string_literal" or around.parent is None:
        return None
    if around.parent.type != "string_literal":
        return None
    return Settled(around.start_byte, around.end_byte, None, text(kept)[1:-1])


def _takes_all(statement: Node, place: Node) -> bool:
    if statement.type in ("property_declaration", "return_expression"):
        return statement.end_byte == place.end_byte
    return statement.type == "assignment" and statement.child_by_field_name("right") == place


def _declares(statements: list[Node]) -> bool:
    """Whether a block has names of its own, which would be names of what is around it."""
    return any(each.type in ("property_declaration", "function_declaration") for each in statements)


def never(place: Node, value: tuple[Scalar]) -> Settled | None:
    """An `if (false) {..}` whose value is used though it has no `else` is Unit."""
    choice = place.parent
    if choice is None or choice.type != "if_expression" or choice.child_by_field_name("condition") != place:
        return None
    if value != (False,) or branches(choice)[1] is not None or not is_used(choice):
        return None
    first = choice.parent
    if first is not None and first.type == "if_expression" and branches(first)[1] == choice:
        body = branches(first)[0]
        return Settled(body.end_byte, choice.end_byte) if body is not None else None
    return Settled(choice.start_byte, choice.end_byte, None, b"Unit")


def taken(place: Node, value: tuple[Scalar]) -> Settled | None:
    """`x.takeIf { true }` is `x`."""
    literal = place.parent
    call = (
        literal.parent.parent if literal is not None and literal.type == "lambda_literal" and literal.parent else None
    )
    if literal is None or call is None or call.type != "call_expression" or len(named(literal)) != 1 or swallows(call):
        return None
    asked = call.children[0]
    if asked.type != "navigation_expression" or text(asked.children[-1]) not in (b"takeIf", b"takeUnless"):
        return None
    if text(asked.children[1]) != b"." or not isinstance(value[0], bool):
        return None
    if value[0] == (text(asked.children[-1]) == b"takeIf"):
        return Settled(call.start_byte, call.end_byte, (asked.start_byte, asked.children[0].end_byte))
    return None


def remembered(place: Node) -> Settled | None:
    """`remember(key) { true }` is `true`."""
    literal = place.parent
    block = literal.parent if literal is not None and literal.type == "lambda_literal" else None
    call = block.parent if block is not None else None
    if literal is None or call is None or call.type != "call_expression" or len(named(literal)) != 1 or swallows(call):
        return None
    given = child(call.children[0], "value_arguments")
    keys = [named(each)[-1].type for each in named(given)] if given is not None else []
    asked = call.children[0] if given is None else call.children[0].children[0]
    if text(asked) != b"remember" or not {"identifier", "navigation_expression"}.issuperset(keys):
        return None
    return Settled(call.start_byte, call.end_byte, None, text(place))


def delegated(place: Node) -> Settled | None:
    """`val on by true` is `val on = true`: what a delegate would have answered."""
    delegate = place.parent
    if delegate is None or delegate.type != "property_delegate":
        return None
    return Settled(delegate.start_byte, delegate.end_byte, None, b"= " + text(place))


_FUNCTION = rb"\bfun\s+(?:<[^>]*>\s*)?(?:[\w.<>?]+\.)?%s\s*\(([^()]*(?:\([^()]*\)[^()]*)*)\)"
_CHOICES = frozenset({"if_expression", "when_expression"})


def overloaded(before: Source, at: int, texts: Texts) -> str:
    """Why a branch that took the place of a choice at a byte might be given to another function than the choice was."""
    inner = before.tree.root_node.descendant_for_byte_range(at, at)
    place = next((each for each in (inner, *ancestors(inner)) if each.type in _CHOICES), None) if inner else None
    argument = place.parent if place is not None else None
    call = argument.parent.parent if argument is not None and argument.parent is not None else None
    if (
        place is None
        or argument is None
        or argument.parent is None
        or argument.type != "value_argument"
        or call is None
    ):
        return ""
    name, index = callee_name(call) if call.type == "call_expression" else b"", named(argument.parent).index(argument)
    if not _is_alike(place) and any(len(_taken(data, name, index)) > 1 for data in texts(name)):
        return "another function of that name may take it, now that its type is that of one branch"
    return ""


def _taken(data: bytes, name: bytes, index: int) -> set[bytes]:
    """What types the functions of a name that a text declares have for the parameter in some place."""
    found = (each[1].split(b",") for each in re.finditer(_FUNCTION % re.escape(name), data))
    return {each[index].partition(b":")[2].partition(b"=")[0].strip() for each in found if index < len(each)}


def _is_alike(choice: Node) -> bool:
    """Whether both branches are texts, or calls of one function."""
    values = (
        [single(each) if each is not None else None for each in branches(choice)]
        if choice.type == "if_expression"
        else []
    )
    sorts = {callee_name(each) if each.type == "call_expression" else each.type.encode() for each in values if each}
    return len(values) > 1 and None not in values and len(sorts) == 1 and b"identifier" not in sorts


def written(node: Node, value: Scalar, literal: bytes) -> Mend:
    """`"${true}"` is `"true"`."""
    parent = node.parent
    if parent is None or parent.type != "interpolation":
        return node.start_byte, node.end_byte, literal
    plain = literal[1:-1] if isinstance(value, str) else literal
    if isinstance(value, str) and not re.fullmatch(r"[\w .,:;/-]*", value):
        return node.start_byte, node.end_byte, literal
    return parent.start_byte, parent.end_byte, plain
