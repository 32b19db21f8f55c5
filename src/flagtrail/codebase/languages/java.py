"""Java."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import ClassVar, Literal

import tree_sitter_java
from tree_sitter import Language as Grammar
from tree_sitter import Node, Parser, Tree

from flagtrail.codebase.languages import (
    _java_definitions,
    _java_exceptions,
    _java_lists,
    _java_names,
    _java_statements,
    _java_types,
    _signatures,
)
from flagtrail.codebase.languages._braces import Braces
from flagtrail.codebase.languages._java_statements import BLOCKS, COMMENTS, named, text
from flagtrail.codebase.languages._jvm import Jvm
from flagtrail.codebase.shapes import (
    Argument,
    Binding,
    Call,
    Conditional,
    Definition,
    Equality,
    Function,
    Loop,
    Role,
    Scalar,
    Signature,
    Stub,
    Switch,
    Texts,
    Wrapping,
)
from flagtrail.codebase.source import Edit, Source, parsed

_GRAMMAR = Grammar(tree_sitter_java.language())

_PURE = frozenset(
    {
        "identifier",
        "this",
        "super",
        "lambda_expression",
        "method_reference",
        "class_literal",
        "string_literal",
        "character_literal",
        "true",
        "false",
        "null_literal",
        "decimal_integer_literal",
        "hex_integer_literal",
        "octal_integer_literal",
        "binary_integer_literal",
        "decimal_floating_point_literal",
        "hex_floating_point_literal",
    }
)
_OPERATORS = frozenset({"parenthesized_expression", "unary_expression", "ternary_expression", "field_access"})
_LISTS = frozenset({b"List.of", b"Set.of", b"Arrays.asList", b"EnumSet.of"})


class Java(Jvm, Braces):
    """Java, to version 21."""

    NAME: ClassVar[str] = "java"
    SUFFIXES: ClassVar[tuple[str, ...]] = (".java",)
    BOOLEAN_TYPED: ClassVar[bool] = True
    COMMENTS: ClassVar[frozenset[str]] = COMMENTS
    NAMES: ClassVar[frozenset[str]] = frozenset({"identifier", "type_identifier"})
    VERBATIM: ClassVar[frozenset[str]] = frozenset({"string_literal"})
    BLOCKS: ClassVar[frozenset[str]] = BLOCKS | {"class_body", "interface_body", "enum_body_declarations"}
    HEADS: ClassVar[frozenset[str]] = frozenset(
        {"if_statement", "while_statement", "do_statement", "switch_expression", "synchronized_statement"}
    )
    HERITAGE: ClassVar[frozenset[str]] = frozenset({"superclass", "super_interfaces", "extends_interfaces"})

    def parse(self, data: bytes, path: str, old: Tree | None = None) -> Tree:  # noqa: ARG002 - there is one dialect
        return parsed(Parser(_GRAMMAR), data, old)

    def literal(self, value: Scalar) -> bytes:
        written = super().literal(value)
        large = isinstance(value, int) and not -(2**31) <= value < 2**31
        return written + b"L" if large else written

    def constant(self, node: Node) -> tuple[Scalar] | None:
        return _java_types.constant(node)

    # ---------------------------------------------------------------- expressions
    def conditional(self, node: Node) -> Conditional | None:
        if node.type != "ternary_expression":
            return None
        parts = [node.child_by_field_name(field) for field in ("condition", "consequence", "alternative")]
        condition, then, otherwise = parts
        if condition is None or then is None or otherwise is None:
            return None
        alike, kept = _java_types.alike(node, then, otherwise), _java_types.kept
        return Conditional(condition, kept(node, then, otherwise), kept(node, otherwise, then), alike)

    def equality(self, node: Node) -> Equality | None:
        if node.type == "binary_expression":
            left, right = node.child_by_field_name("left"), node.child_by_field_name("right")
            operator = _operator(node)
            if operator not in (b"==", b"!=") or left is None or right is None:
                return None
            texts = any(side.type == "string_literal" for side in (left, right))
            return None if texts else Equality(operator == b"!=", left, right)
        call = self.call(node)
        if call is None or call.receiver is None:
            return None
        values = tuple(argument.value for argument in call.arguments)
        return _compared(text(call.name), call.receiver, values)

    def transparent(self, node: Node) -> Node | None:
        if node.type == "cast_expression":
            kind, value = node.child_by_field_name("type"), node.child_by_field_name("value")
            return value if kind is not None and text(kind) in (b"boolean", b"Boolean", b"String") else None
        call = self.call(node)
        if call is None or call.receiver is None or text(call.name) == b"eq":
            return self.matched(call) if call is not None else None
        if text(call.name) == b"booleanValue" and not call.arguments:
            return call.receiver
        boxing = text(call.receiver) == b"Boolean" and text(call.name) == b"valueOf" and len(call.arguments) == 1
        return call.arguments[0].value if boxing and not _java_types.is_given(node) else None

    def call(self, node: Node) -> Call | None:
        name, arguments = node.child_by_field_name("name"), node.child_by_field_name("arguments")
        if node.type == "annotation" and name is not None and arguments is not None:
            return _java_lists.annotated(node, name, arguments)
        if node.type != "method_invocation" or name is None or arguments is None:
            return None
        values = tuple(Argument(value) for value in named(arguments))
        return Call(node, name, node.child_by_field_name("object"), values)

    def member(self, node: Node) -> tuple[Node, Node] | None:
        field = {"field_access": "field", "method_invocation": "name"}.get(node.type, "")
        owner, name = node.child_by_field_name("object"), node.child_by_field_name(field) if field else None
        return (owner, name) if owner is not None and name is not None else None

    def pure(self, node: Node) -> bool:
        if node.type in _PURE:
            return True
        if node.type == "binary_expression":
            return _operator(node) not in (b"/", b"%") and all(self.pure(child) for child in named(node))
        if node.type == "instanceof_expression":
            left = node.child_by_field_name("left")
            return left is not None and self.pure(left)
        if node.type in _OPERATORS:
            return all(self.pure(child) for child in named(node))
        equality = self.equality(node) if node.type == "method_invocation" else None
        return equality is not None and all(
            self.constant(side) is not None or side.type in _PURE for side in (equality.left, equality.right) if side
        )

    def strength(self, node: Node) -> int:
        if node.type == "binary_expression":
            return self.PRECEDENCE.get(_operator(node).decode(), 0)
        return _STRONG.get(node.type, _STRONGEST)

    def wanted(self, parent: Node, place: Node) -> int:
        if parent.type in _OPERANDS:
            return _STRONGEST if parent.child_by_field_name(_OPERANDS[parent.type]) == place else -2
        if parent.type == "method_reference":
            return _STRONGEST
        if parent.type == "binary_expression":
            strong = self.PRECEDENCE.get(_operator(parent).decode(), 0)
            same = parent.child_by_field_name("left") == place or _operator(parent) in (b"&&", b"||")
            return strong if same else strong + 1
        if parent.type == "ternary_expression":
            return 0 if parent.child_by_field_name("condition") == place else -1
        tight = ("unary_expression", "cast_expression", "instanceof_expression")
        return _STRONG[parent.type] if parent.type in tight else -2

    def needs_parentheses(self, node: Node, place: Node) -> bool:
        joined = _is_sum(node) and place.parent is not None and _is_sum(place.parent) and _begins_with_text(node)
        return super().needs_parentheses(node, place) and not joined

    # ---------------------------------------------------------------- statements
    def switch(self, node: Node) -> Switch | None:
        return _java_statements.switch(node)

    def loop(self, node: Node) -> Loop | None:
        condition, body = node.child_by_field_name("condition"), node.child_by_field_name("body")
        if node.type != "while_statement" or condition is None or body is None or not named(condition):
            return None
        return Loop(node, named(condition)[0], body)

    def statement(self, node: Node) -> Node | None:
        return node.parent if node.parent is not None and node.parent.type == "expression_statement" else None

    def jumps(self, node: Node) -> bool:
        return _java_statements.jumps(node)

    def idle(self, statement: Node) -> bool:
        return _java_statements.idle(statement)

    def objection(self, before: Source, made: Source, at: int, texts: Texts) -> str:
        return (
            _java_exceptions.objection(before, made, at, texts)
            or _java_types.untyped(made, at)
            or _java_types.overloaded(before, at, texts)
            or _java_types.clashing(made, at)
        )

    def scoped_names(self, body: Node) -> Iterable[Node]:
        return _java_names.scoped_names(body)

    # ---------------------------------------------------------------- names
    def role(self, node: Node) -> Role:
        return _java_names.role(node)

    def chooses(self, value: Node, constant: Scalar, texts: Texts) -> bool:
        return _java_types.chooses(value, constant, texts) or _java_types.leads(value, texts)

    def refused(self, value: Node, *, truth: bool) -> bool:
        """As the condition of a `for`, or of a `do` that goes on: what stands in it, or behind it, is never reached."""
        return _java_statements.refused(value, truth=truth)

    def bindings(self, node: Node) -> Iterable[Binding]:
        return _java_names.bindings(node)

    def reach(self, binding: Binding) -> Literal["local", "file", "repository"]:
        return _java_names.reach(binding)

    def substituted(self, source: Source, read: Node, text: bytes) -> tuple[int, int, bytes]:  # noqa: ARG002 - the door's
        place = _java_names.whole(read)
        return place.start_byte, place.end_byte, text

    def joined(self, source: Source, statement: Node) -> tuple[Edit, ...]:
        return _java_names.joined(source, statement)

    def function(self, node: Node) -> Function | None:
        return _java_names.function(node)

    def is_member(self, function: Node) -> bool:
        return _java_names.is_member(function)

    def definitions(self, source: Source) -> Iterable[Definition]:
        return _java_definitions.definitions(source)

    def signature(self, parameter: Node) -> Signature | None:
        return _signatures.signature(parameter, _signatures.JAVA)

    def construction(self, node: Node) -> Call | None:
        made = _signatures.creation(node)
        return Call(node, made[0], None, tuple(Argument(each) for each in made[1])) if made is not None else None

    def entry(self, source: Source, key: Node) -> tuple[int, int] | None:  # noqa: ARG002 - the door's
        return _java_lists.entry(key)

    def wrapping(self, call: Node) -> Wrapping | None:
        return Wrapping(call, (call.start_byte, call.end_byte)) if call.type == "annotation" else None

    def listing(self, key: Node) -> tuple[int, int] | None:
        return _java_lists.listing(key)

    def test_case(self, node: Node) -> tuple[int, int] | None:
        return _java_names.test_case(node)

    def stub(self, node: Node) -> Stub | None:
        return _stub(self, node)


def _operator(node: Node) -> bytes:
    operator = node.child_by_field_name("operator")
    return text(operator) if operator is not None else b""


def _is_sum(node: Node) -> bool:
    return node.type == "binary_expression" and _operator(node) == b"+"


def _begins_with_text(node: Node) -> bool:
    """Whether a sum joins texts from its first operand on: it means the same as the end of a longer one."""
    while _is_sum(node):
        node = node.children[0]
    return node.type == "string_literal"


def _compared(name: bytes, receiver: Node, values: tuple[Node, ...]) -> Equality | None:
    """`a.equals(b)`, `Objects.equals(a, b)`, `List.of(a, b).contains(c)`."""
    if name == b"equals" and len(values) == 1:
        return Equality(negated=False, left=receiver, right=values[0])
    if name == b"equals" and text(receiver) == b"Objects" and len(values) == 2:  # noqa: PLR2004 - what is compared
        return Equality(negated=False, left=values[0], right=values[1])
    listed = receiver.child_by_field_name("arguments")
    if name == b"contains" and len(values) == 1 and receiver.type == "method_invocation" and listed is not None:
        owner, maker = receiver.child_by_field_name("object"), receiver.child_by_field_name("name")
        if owner is not None and maker is not None and text(owner) + b"." + text(maker) in _LISTS:
            return Equality(negated=False, left=values[0], one_of=tuple(named(listed)))
    return None


_STRONG: Mapping[str, int] = {
    "assignment_expression": -2,
    "lambda_expression": -2,
    "ternary_expression": -1,
    "instanceof_expression": Braces.PRECEDENCE["<"],
    "unary_expression": 11,
    "update_expression": 11,
    "cast_expression": 11,
    "switch_expression": 11,
}
_STRONGEST = 12
_OPERANDS = {"method_invocation": "object", "field_access": "object", "array_access": "array"}


_ANSWERS = frozenset({b"thenReturn", b"willReturn"})
_ASKING = frozenset({b"when", b"given"})


def _stub(language: Java, node: Node) -> Stub | None:
    """`when(flags.isEnabled(K)).thenReturn(true)`, `doReturn(true).when(flags).isEnabled(K)`, `verify(flags)..`."""
    call = language.call(node)
    top = node
    while top.parent is not None and top.parent.type in ("method_invocation", "argument_list"):
        top = top.parent
    statement = top.parent
    if call is None or statement is None or statement.type != "expression_statement":
        return None
    asked = node.parent.parent if node.parent is not None and node.parent.type == "argument_list" else None
    if asked is not None and (outer := language.call(asked)) is not None and text(outer.name) in _ASKING:
        answers = language.call(asked.parent) if asked.parent is not None else None
        if (
            answers is not None
            and answers.node == top
            and text(answers.name) in _ANSWERS
            and len(answers.arguments) == 1
        ):
            return Stub(statement, answers.arguments[0].value)
        return Stub(statement, asked)
    return _described(language, call, statement)


def _described(language: Java, call: Call, statement: Node) -> Stub | None:
    """A call of a mock that is told, or asked, about it."""
    mock = language.call(call.receiver) if call.receiver is not None else None
    if mock is None:
        return None
    if text(mock.name) == b"verify":
        return Stub(statement, None)
    told = language.call(mock.receiver) if mock.receiver is not None else None
    if text(mock.name) in _ASKING and told is not None and text(told.name) in (b"doReturn", b"willReturn"):
        return Stub(statement, told.arguments[0].value if len(told.arguments) == 1 else told.node)
    return None


LANGUAGE = Java()
