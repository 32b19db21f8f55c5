"""Kotlin."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar, Literal

import tree_sitter_kotlin
from tree_sitter import Language as Grammar
from tree_sitter import Node, Parser, Tree

from flagtrail.codebase.languages import (
    _kotlin_choices,
    _kotlin_definitions,
    _kotlin_flows,
    _kotlin_lists,
    _kotlin_names,
    _kotlin_strength,
    _kotlin_syntax,
    _kotlin_tests,
    _signatures,
)
from flagtrail.codebase.languages._jvm import Jvm
from flagtrail.codebase.languages._kotlin_syntax import (
    BLOCKS,
    COMMENTS,
    branches,
    child,
    head,
    is_body,
    is_prefixed,
    is_used,
    named,
    operator,
    single,
    swallows,
    text,
)
from flagtrail.codebase.shapes import (
    Argument,
    Arm,
    Binding,
    Call,
    Chain,
    Conditional,
    Definition,
    Equality,
    Function,
    Logical,
    Loop,
    Mend,
    Role,
    Scalar,
    Settled,
    Signature,
    Stub,
    Switch,
    Texts,
)
from flagtrail.codebase.source import Edit, Source, parsed

_GRAMMAR = Grammar(tree_sitter_kotlin.language())

_PURE = frozenset(
    {
        "identifier",
        "this_expression",
        "number_literal",
        "float_literal",
        "character_literal",
        "string_content",
        "escape_sequence",
        "callable_reference",
        "annotated_lambda",
        "lambda_literal",
        "anonymous_function",
        "user_type",
    }
)
_OPERATORS = frozenset(
    {
        "binary_expression",
        "unary_expression",
        "parenthesized_expression",
        "navigation_expression",
        "is_expression",
        "in_expression",
        "string_literal",
        "multiline_string_literal",
        "interpolation",
        "range_expression",
    }
)
_IMPURE = frozenset({b"/", b"%", b"++", b"--", b"!!"})
_LISTS = frozenset({b"listOf", b"setOf", b"arrayOf"})


class Kotlin(Jvm):
    """Kotlin 2."""

    NAME: ClassVar[str] = "kotlin"
    SUFFIXES: ClassVar[tuple[str, ...]] = (".kt", ".kts")
    BOOLEAN_TYPED: ClassVar[bool] = True
    COMMENTS: ClassVar[frozenset[str]] = COMMENTS
    VERBATIM: ClassVar[frozenset[str]] = frozenset({"multiline_string_literal"})
    BLOCKS: ClassVar[frozenset[str]] = BLOCKS
    TYPES: ClassVar[frozenset[str]] = frozenset({"user_type"})
    EXTENSIONS: ClassVar[bool] = True
    HERITAGE: ClassVar[frozenset[str]] = frozenset({"delegation_specifiers", "delegation_specifier"})
    DEFAULT_CASE: ClassVar[bytes] = b"else"

    def parse(self, data: bytes, path: str, old: Tree | None = None) -> Tree:  # noqa: ARG002 - there is one dialect
        return parsed(Parser(_GRAMMAR), data, old)

    def literal(self, value: Scalar) -> bytes:
        written = super().literal(value)
        if isinstance(value, str):
            return written.replace(b"$", rb"\$").replace(rb"\f", rb"\u000c")
        return written

    def constant(self, node: Node) -> tuple[Scalar] | None:
        return _kotlin_syntax.constant(node)

    # ---------------------------------------------------------------- expressions
    def inner(self, node: Node) -> Node | None:
        inside = named(node) if node.type == "parenthesized_expression" else []
        return inside[0] if len(inside) == 1 else None

    def negated(self, node: Node) -> Node | None:
        if is_prefixed(node) and operator(node) == b"!":
            parent = node.parent
            whole = parent is None or head(parent) == parent or parent.children[0] != node
            return node.children[-1] if whole else None
        call = self.call(node)
        return call.receiver if call is not None and text(call.name) == b"not" and not call.arguments else None

    def logical(self, node: Node) -> Logical | None:
        left, right = node.child_by_field_name("left"), node.child_by_field_name("right")
        if node.type != "binary_expression" or left is None or right is None or operator(node) not in (b"&&", b"||"):
            return None
        return Logical("and" if operator(node) == b"&&" else "or", left, right)

    def conditional(self, node: Node) -> Conditional | None:
        condition = node.child_by_field_name("condition")
        if node.type != "if_expression" or condition is None or not is_used(node):
            return None
        then, otherwise = branches(node)
        if then is None or otherwise is None:
            return None
        if is_body(node):
            return Conditional(condition, then, otherwise)
        if (single(then) is None or single(otherwise) is None) and _can_hold_statements(node):
            return None
        standing = _kotlin_choices.standing
        return Conditional(condition, standing(node, then), standing(node, otherwise))

    def equality(self, node: Node) -> Equality | None:
        left, right = node.child_by_field_name("left"), node.child_by_field_name("right")
        if node.type == "binary_expression" and operator(node) in (b"==", b"!=", b"===", b"!=="):
            return Equality(operator(node)[:1] == b"!", left, right) if left is not None and right is not None else None
        if node.type == "in_expression" and left is not None and right is not None:
            listed = self.call(right)
            if listed is None or text(listed.name) not in _LISTS or listed.receiver is not None:
                return None
            negated = any(each.type == "!in" for each in node.children)
            return Equality(negated, left, one_of=tuple(each.value for each in listed.arguments))
        call = self.call(node)
        if call is None or text(call.name) != b"equals" or call.receiver is None or len(call.arguments) != 1:
            return None
        return None if swallows(node) else Equality(negated=False, left=call.receiver, right=call.arguments[0].value)

    def fallback(self, node: Node) -> tuple[Node, Node] | None:
        left, right = node.child_by_field_name("left"), node.child_by_field_name("right")
        elvis = node.type == "binary_expression" and operator(node) == b"?:"
        return (left, right) if elvis and left is not None and right is not None else None

    def transparent(self, node: Node) -> Node | None:
        if node.type == "unary_expression" and operator(node) == b"!!" and not swallows(node):
            return node.children[0]
        if node.type == "as_expression":
            kind = named(node)[-1]
            return named(node)[0] if text(kind).rstrip(b"?") in (b"Boolean", b"String") else None
        call = self.call(node)
        return self.matched(call) if call is not None else None

    def call(self, node: Node) -> Call | None:
        if node.type != "call_expression":
            return None
        callee, arguments = node.children[0], list(_arguments(node))
        if callee.type == "call_expression":
            if any(child.type == "value_arguments" for child in node.children):  # `checks.getValue(name)(user)`
                return None
            callee, arguments = callee.children[0], [*_arguments(callee), *arguments]
        while is_prefixed(callee):
            callee = callee.children[-1]
        if callee.type == "identifier":
            return Call(node, callee, None, tuple(arguments))
        if callee.type != "navigation_expression":
            return None
        receiver = callee.children[0]
        while is_prefixed(receiver):
            receiver = receiver.children[-1]
        return Call(node, callee.children[-1], receiver, tuple(arguments))

    def span(self, call: Call) -> tuple[int, int]:
        return head(call.node).start_byte, call.node.end_byte

    def streamed(self, source: Source, call: Call, placeholder: bytes) -> tuple[Mend, ...] | None:
        return _kotlin_flows.streamed(source, call.node, placeholder)

    def imported(self, source: Source) -> Source:
        return _kotlin_flows.imported(source)

    def member(self, node: Node) -> tuple[Node, Node] | None:
        if node.type != "navigation_expression" or len(named(node)) < 2:  # noqa: PLR2004 - of what, and what
            return None
        owner = node.children[0]
        while is_prefixed(owner):
            owner = owner.children[-1]
        return owner, node.children[-1]

    def spelled(self, member: Node) -> tuple[int, int]:
        return head(member).start_byte, member.end_byte

    def pure(self, node: Node) -> bool:
        if node.type in _PURE:
            return True
        if node.type in ("binary_expression", "unary_expression") and operator(node) in _IMPURE:
            return False
        if operator(node) == b">" and operator(node.children[0]) == b"<":  # `check<Int>(user)` is read as comparisons
            return False
        return node.type in _OPERATORS and all(self.pure(each) for each in named(node))

    def settled(self, source: Source, place: Node, kept: Node, value: tuple[Scalar] | None) -> Settled | None:
        if value is None:
            return _kotlin_choices.in_text(place, kept) or _kotlin_choices.lifted(source, place, kept)
        return (
            _kotlin_choices.delegated(place)
            or _kotlin_choices.never(place, value)
            or _kotlin_choices.taken(place, value)
            or _kotlin_choices.remembered(place)
            or _kotlin_flows.settled(place, value)
        )

    def reads(self, call: Call) -> bool:
        """Also what a container is asked for by its type: `get<Flags>()`."""
        typed = text(call.name) == b"get" and not call.arguments and child(call.node, "type_arguments") is not None
        return typed or super().reads(call)

    def strength(self, node: Node) -> int:
        return _kotlin_strength.strength(node)

    def wanted(self, parent: Node, place: Node) -> int:
        return _kotlin_strength.wanted(parent, place)

    # ---------------------------------------------------------------- statements
    def chain(self, node: Node) -> Chain | None:
        if node.type != "if_expression" or _is_later_arm(node):
            return None
        arms: list[Arm] = []
        at: Node | None = node
        while at is not None and at.type == "if_expression":
            condition, (body, behind) = at.child_by_field_name("condition"), branches(at)
            if condition is None or body is None:
                return None
            arms.append(Arm(at.children[0], condition, body, body.start_byte))
            at = behind
        if is_used(node) and (at is None or not _can_hold_statements(node)):
            return None
        return Chain(node, tuple(arms), at)

    def switch(self, node: Node) -> Switch | None:
        return _kotlin_choices.switch(node)

    def loop(self, node: Node) -> Loop | None:
        condition = node.child_by_field_name("condition")
        return (
            Loop(node, condition, named(node)[-1]) if node.type == "while_statement" and condition is not None else None
        )

    def statement(self, node: Node) -> Node | None:
        return node if node.parent is not None and node.parent.type in BLOCKS and not is_used(node) else None

    def objection(self, before: Source, made: Source, at: int, texts: Texts) -> str:
        return _kotlin_choices.untyped(made, at) or _kotlin_choices.overloaded(before, at, texts)

    def jumps(self, node: Node) -> bool:
        return _kotlin_syntax.jumps(node)

    def idle(self, statement: Node) -> bool:
        return _kotlin_syntax.idle(statement)

    def bare_block(self, source: Source, body: Node) -> bytes | None:
        return b"run " + source.text(body) if body.type == "block" else None

    def scoped_names(self, body: Node) -> Iterable[Node]:
        return _kotlin_names.scoped_names(body)

    # ---------------------------------------------------------------- names
    def called(self, node: Node) -> bytes | None:
        return super().called(node) or _kotlin_syntax.name_in_text(node)

    def role(self, node: Node) -> Role:
        return _kotlin_names.role(node)

    def bindings(self, node: Node) -> Iterable[Binding]:
        return _kotlin_names.bindings(node)

    def reach(self, binding: Binding) -> Literal["local", "file", "repository"]:
        return _kotlin_names.reach(binding)

    def written(self, node: Node, value: Scalar) -> Mend:
        return _kotlin_choices.written(node, value, self.literal(value))

    def substituted(self, source: Source, read: Node, text: bytes) -> Mend:  # noqa: ARG002 - the door's
        return _kotlin_names.read_of(read, text)

    def joined(self, source: Source, statement: Node) -> tuple[Edit, ...]:
        return _kotlin_names.joined(source, statement)

    def function(self, node: Node) -> Function | None:
        return _kotlin_names.function(node)

    def is_member(self, function: Node) -> bool:
        return function.parent is not None and function.parent.type == "class_body"

    def definitions(self, source: Source) -> Iterable[Definition]:
        return _kotlin_definitions.definitions(source)

    def signature(self, parameter: Node) -> Signature | None:
        return _signatures.signature(parameter, _signatures.KOTLIN)

    def entry(self, source: Source, key: Node) -> tuple[int, int] | None:  # noqa: ARG002 - the door's
        return _kotlin_lists.entry(key)

    def setting(self, name: Node) -> tuple[tuple[int, int], Node] | None:
        return _kotlin_lists.setting(name)

    def listing(self, key: Node) -> tuple[int, int] | None:
        return _kotlin_lists.listing(key)

    def test_case(self, node: Node) -> tuple[int, int] | None:
        return _kotlin_tests.test_case(node)

    def stub(self, node: Node) -> Stub | None:
        return _kotlin_tests.stub(node)


def _arguments(call: Node) -> Iterable[Argument]:
    """One without a name behind one with a name is told as one that may stand for any."""
    listed, block, mixed = child(call, "value_arguments"), child(call, "annotated_lambda"), False
    for each in named(listed) if listed is not None else ():
        parts = named(each)
        if each.type != "value_argument" or not parts:
            continue
        by_name = any(part.type == "=" for part in each.children)
        name = text(parts[0]).decode("utf-8", "replace") if by_name else None
        yield Argument(parts[-1], name, spread=parts[-1].type == "spread_expression" or (mixed and not by_name))
        mixed = mixed or by_name
    if block is not None:
        yield Argument(block)


def _is_later_arm(node: Node) -> bool:
    parent = node.parent
    return parent is not None and parent.type == "if_expression" and branches(parent)[1] == node


def _can_hold_statements(node: Node) -> bool:
    """Whether several statements can stand in place of an expression, the last of which is its value."""
    return is_body(node) or (node.parent is not None and node.parent.type in ("block", "lambda_literal"))


LANGUAGE = Kotlin()
