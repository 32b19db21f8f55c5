"""Kotlin: how its grammar's trees are read, and whether the value of an expression is used.

The grammar binds `!a.b()` as `(!a).b()`: what follows a prefix operator begins behind it (`head`), and the operator
belongs to all of it. Names in `"$name"` are no nodes of their own but in texts of several lines.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

from tree_sitter import Node

from flagtrail.codebase.shapes import Scalar
from flagtrail.codebase.source import ancestors

COMMENTS = frozenset({"line_comment", "block_comment"})
BLOCKS = frozenset({"block", "lambda_literal", "source_file", "class_body", "enum_class_body"})
POSTFIX = frozenset({"navigation_expression", "call_expression", "index_expression"})
LOOPS = frozenset({"while_statement", "do_while_statement", "for_statement"})
FUNCTIONS = frozenset(
    {
        "function_declaration",
        "anonymous_function",
        "secondary_constructor",
        "anonymous_initializer",
        "getter",
        "setter",
    }
)
_NUMBER = re.compile(rb"(\d[\d_]*)[uU]?L?")
_NAME = re.compile(rb"[A-Za-z_]\w*")
_WORDS: dict[bytes, Scalar] = {b"true": True, b"false": False, b"null": None}


def text(node: Node) -> bytes:
    """What a node was parsed from."""
    return node.text or b""


def named(node: Node) -> list[Node]:
    """The children that are no comments and no marks."""
    return [child for child in node.named_children if child.type not in COMMENTS]


def child(node: Node, *types: str) -> Node | None:
    """The first child of one of these types."""
    return next((each for each in node.children if each.type in types), None)


# ------------------------------------------------------------------------------------------------ operators
def is_prefixed(node: Node) -> bool:
    """Whether a node is `!x`, `-x`: an operator and its operand, as the grammar sees it."""
    return node.type == "unary_expression" and node.children[0] == node.child_by_field_name("operator")


def head(node: Node) -> Node:
    """The leftmost operand of a chain of members and calls, without prefix operators in front of it."""
    at = node
    while at.type in POSTFIX or (at.type == "unary_expression" and not is_prefixed(at)):
        at = at.children[0]
    while at != node and is_prefixed(at):
        at = at.children[-1]
    return at if at != node else node


def swallows(node: Node) -> bool:
    """Whether a node's bytes begin with a prefix operator that belongs to all of it."""
    return not is_prefixed(node) and head(node).start_byte != node.start_byte


def operator(node: Node) -> bytes:
    """The operator of a unary or binary expression."""
    found = node.child_by_field_name("operator")
    return text(found) if found is not None else b""


# ------------------------------------------------------------------------------------------------ literals
def constant(node: Node) -> tuple[Scalar] | None:
    """What a literal denotes."""
    if node.type == "identifier":
        return (_WORDS[text(node)],) if text(node) in _WORDS else None
    if node.type == "number_literal":
        found = _NUMBER.fullmatch(text(node))
        return (int(found.group(1).replace(b"_", b"")),) if found is not None else None
    if node.type == "float_literal":
        return (float(text(node).rstrip(b"fF").replace(b"_", b"")),)
    if node.type in ("string_literal", "multiline_string_literal"):
        return _string(node)
    return None


def _string(node: Node) -> tuple[str] | None:
    written = text(node)
    if any(part.type == "interpolation" or text(part) == b"$" for part in node.children):
        return None
    if node.type == "multiline_string_literal":
        return None if b"\n" in written or b"$" in written else (written[3:-3].decode(),)
    try:
        return (str(json.loads(written.replace(rb"\$", b"$").replace(rb"\'", b"'"))),)
    except ValueError:
        return None


def name_in_text(node: Node) -> bytes | None:
    """`enabled` of `"$enabled .."`, for the node of what comes after the dollar."""
    before = node.prev_sibling
    if node.type != "string_content" or before is None or text(before) != b"$" or before.end_byte != node.start_byte:
        return None
    found = _NAME.match(text(node))
    return found.group() if found is not None else None


# ------------------------------------------------------------------------------------------------ branches
def branches(node: Node) -> tuple[Node | None, Node | None]:
    """The body of an `if`, and what stands after its `else`."""
    parts = [each for each in node.children if each.type not in COMMENTS]
    at = next((index for index, each in enumerate(parts) if each.type == ")"), len(parts))
    after = [each for each in parts[at + 1 :] if each.type != ";"]
    if not after or after[0].type == "else":
        return None, after[1] if len(after) > 1 else None
    behind = next((after[index + 1] for index, each in enumerate(after[:-1]) if each.type == "else"), None)
    return after[0], behind


def is_body(node: Node) -> bool:
    """Whether a node is a branch of an `if`, a case of a `when`, or the body of a loop: a block may stand there."""
    parent = node.parent
    if parent is None:
        return False
    if parent.type == "if_expression":
        return node in branches(parent)
    if parent.type == "when_entry":
        return node == named(parent)[-1]
    return parent.type in LOOPS and node == named(parent)[-1] and node != parent.child_by_field_name("condition")


def single(node: Node) -> Node | None:
    """The one expression that a branch is, in a block or not."""
    if node.type != "block":
        return node
    inside = named(node)
    if len(inside) != 1 or len(node.named_children) != 1 or inside[0].type in _NO_VALUES:
        return None
    return inside[0]


_NO_VALUES = frozenset({"property_declaration", "assignment", "function_declaration", "class_declaration", *LOOPS})


# ------------------------------------------------------------------------------------------------ use
_IGNORING = frozenset(
    b"also apply forEach forEachIndexed onEach launch LaunchedEffect SideEffect DisposableEffect repeat onSuccess "
    b"onFailure setContent onClick setOnClickListener observe collect collectLatest test it describe item items".split()
)
"""Functions that make nothing of what their lambda yields."""


_BUILDS = re.compile(rb"build[A-Z]")


def is_used(node: Node) -> bool:
    """Whether the value of an expression is used, rather than what it does alone."""
    parent = node.parent
    if parent is None or parent.type == "source_file":
        return False
    if parent.type == "annotated_expression":
        return is_used(parent)
    if parent.type == "lambda_literal":
        return named(parent)[-1] == node and not _is_ignored(parent)
    if parent.type == "block":
        return named(parent)[-1] == node and _is_block_used(parent)
    if is_body(node):
        return parent.type in ("if_expression", "when_expression", "when_entry") and is_used(_choice(parent))
    return True


def _choice(node: Node) -> Node:
    return node.parent if node.type == "when_entry" and node.parent is not None else node


def _is_block_used(block: Node) -> bool:
    parent = block.parent
    if parent is None or parent.type in FUNCTIONS or parent.type in LOOPS or parent.type == "function_body":
        return False
    if parent.type in ("catch_block", "finally_block"):
        return parent.type == "catch_block" and parent.parent is not None and is_used(parent.parent)
    return is_used(_choice(parent))


def _is_ignored(literal: Node) -> bool:
    """Whether nobody asks what a lambda yields: its function makes nothing of it, or nobody asks for what that made."""
    for above in ancestors(literal):
        if above.type == "call_expression":
            return (
                callee_name(above) in _IGNORING or _BUILDS.match(callee_name(above)) is not None or not is_used(above)
            )
        if above.type == "value_argument" and text(above)[:2] == b"on" and text(above)[2:3].isupper():
            return True
        if above.type not in ("annotated_lambda", "value_argument", "value_arguments"):
            return False
    return False


def callee_name(call: Node) -> bytes:
    """The last part of what is called."""
    at = call
    while at.type == "call_expression":
        at = at.children[0]
    return text(at.children[-1]) if at.type in ("navigation_expression", "unary_expression") else text(at)


# ------------------------------------------------------------------------------------------------ jumps
def jumps(node: Node) -> bool:
    """Whether control never goes past a statement."""
    if node.type in ("return_expression", "throw_expression"):
        return True
    if node.type == "identifier":
        return text(node) in (b"break", b"continue")
    if node.type == "labeled_expression":
        return text(node.children[0]) in (b"break@", b"continue@")
    if node.type == "block":
        return any(jumps(each) for each in named(node))
    if node.type == "if_expression":
        then, otherwise = branches(node)
        return then is not None and otherwise is not None and jumps(then) and jumps(otherwise)
    if node.type == "when_expression":
        entries = [each for each in node.children if each.type == "when_entry"]
        return any(is_default(each) for each in entries) and all(jumps(named(each)[-1]) for each in entries)
    if node.type == "try_expression":
        blocks = list(_blocks_of_try(node))
        return all(jumps(each) for each in blocks)
    return False


def _blocks_of_try(node: Node) -> Iterator[Node]:
    for each in node.children:
        if each.type == "block":
            yield each
        elif each.type == "catch_block":
            yield named(each)[-1]


def is_default(entry: Node) -> bool:
    """Whether a case of a `when` is its `else`."""
    return entry.children[0].type == "else"


def idle(node: Node) -> bool:
    """Whether a jump goes where control goes anyway."""
    block = node.parent
    if block is None or block.type not in ("block", "lambda_literal") or named(block)[-1] != node:
        return False
    if node.type == "identifier" and text(node) == b"continue":
        return block.parent is not None and block.parent.type in LOOPS
    if node.type != "return_expression":
        return False
    label = node.child_by_field_name("label")
    if block.type == "lambda_literal":
        return label is not None and len(named(node)) == 1
    return not named(node) and block.parent is not None and block.parent.type == "function_body"
