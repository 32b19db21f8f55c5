"""Go."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import cached_property
from typing import ClassVar, Final, Literal

import tree_sitter_go
from tree_sitter import Language as Grammar
from tree_sitter import Node, Parser, Tree

from flagtrail.codebase.languages import _go_combinations as combinations
from flagtrail.codebase.languages import _go_definitions as definitions
from flagtrail.codebase.languages import _go_flow as flow
from flagtrail.codebase.languages import _go_heads as heads
from flagtrail.codebase.languages import _go_lists as lists
from flagtrail.codebase.languages import _go_names as names
from flagtrail.codebase.languages import _go_objections as objections
from flagtrail.codebase.languages import _go_parameters as parameters
from flagtrail.codebase.languages import _go_scopes as scopes
from flagtrail.codebase.languages import _go_tables as tables
from flagtrail.codebase.languages import _go_tests as tests
from flagtrail.codebase.languages import _go_tidy as tidy
from flagtrail.codebase.languages import _go_values as values
from flagtrail.codebase.languages import _origins
from flagtrail.codebase.languages._braces import Braces
from flagtrail.codebase.languages._go_align import aligned
from flagtrail.codebase.shapes import (
    Argument,
    Binding,
    Call,
    Case,
    Chain,
    Clash,
    Definition,
    Function,
    Lifetime,
    Loop,
    Mend,
    Once,
    Read,
    Role,
    Scalar,
    Signature,
    Stub,
    Switch,
    Table,
    Texts,
    Wrapping,
)
from flagtrail.codebase.source import Source, descendants, parsed

_PRIMARY = frozenset(
    {
        "identifier", "call_expression", "selector_expression", "index_expression", "slice_expression",
        "parenthesized_expression", "type_assertion_expression", "type_conversion_expression", "true", "false", "nil",
        "int_literal", "float_literal", "rune_literal", "interpreted_string_literal", "raw_string_literal",
    }
)  # fmt: skip
_PURE_LEAVES = _PRIMARY - {"call_expression", "index_expression", "slice_expression", "type_assertion_expression"}
_PURE_TYPES = frozenset({"type_identifier", "map_type", "slice_type", "pointer_type", "channel_type", "qualified_type"})
_SWITCHES = frozenset({"expression_switch_statement"})
_CONVERSIONS = frozenset({b"bool", b"string"})
_NUMBERS = {
    b"IntValue": b"int64", b"Int": b"int64", b"IntEvaluation": b"int64", b"FloatValue": b"float64",
    b"Float": b"float64", b"FloatEvaluation": b"float64", b"Float64Variation": b"float64", b"IntVariation": b"int",
    b"GetIntValue": b"int", b"GetFloatValue": b"float64",
}  # fmt: skip
"""The types of numbers that SDKs answer; a literal alone would be an `int`, or a `float64` where it has a point."""
_TAKE_SEVERAL = frozenset({"short_var_declaration", "assignment_statement", "var_spec", "return_statement"})


class Go(Braces):
    """Go, statically boolean: `a && true` is `a` everywhere."""

    NAME = "go"
    SUFFIXES = (".go",)
    BOOLEAN_TYPED = True
    NULL = b"nil"
    NAMES = frozenset({"identifier", "field_identifier", "type_identifier", "package_identifier", "label_name"})
    VERBATIM = frozenset({"raw_string_literal"})
    BLOCKS = frozenset({"block", "statement_list", "labeled_statement"})
    PRECEDENCE: ClassVar = {
        "||": 1, "&&": 2, "==": 3, "!=": 3, "<": 3, "<=": 3, ">": 3, ">=": 3,
        "+": 4, "-": 4, "|": 4, "^": 4, "*": 5, "/": 5, "%": 5, "<<": 5, ">>": 5, "&": 5, "&^": 5,
    }  # fmt: skip
    PRIMARY = _PRIMARY
    OPERAND_OF: ClassVar = {
        "selector_expression": "operand", "call_expression": "function", "index_expression": "operand",
        "slice_expression": "operand", "type_assertion_expression": "operand",
    }  # fmt: skip
    SHARES_FOLDER = True
    FOUND_BY_TEXTS = False
    JUMPS = Braces.JUMPS | {"goto_statement", "fallthrough_statement"}

    @cached_property
    def _parser(self) -> Parser:
        return Parser(Grammar(tree_sitter_go.language()))

    # ---------------------------------------------------------------- bytes and literals
    def parse(self, data: bytes, path: str, old: Tree | None = None) -> Tree:  # noqa: ARG002 - Go has one dialect
        return parsed(self._parser, data, old)

    def constant(self, node: Node) -> tuple[Scalar] | None:
        text = (node.text or b"").decode()
        match node.type:
            case "true" | "false":
                return (node.type == "true",)
            case "nil":
                return (None,)
            case "int_literal" | "float_literal":
                return values.number(text)
            case "raw_string_literal":
                return (text[1:-1].replace("\r", ""),)
            case "interpreted_string_literal":
                return values.text(text)
            case _:
                return None

    # ---------------------------------------------------------------- expressions
    def transparent(self, node: Node) -> Node | None:
        call = self.call(node)
        if call is None or call.receiver is not None or len(call.arguments) != 1:
            return None
        return call.arguments[0].value if call.name.text in _CONVERSIONS else None

    def call(self, node: Node) -> Call | None:
        if node.type == "type_conversion_expression":
            return _generic_call(node)
        function = node.child_by_field_name("function") if node.type == "call_expression" else None
        arguments = node.child_by_field_name("arguments")
        if function is None or arguments is None:
            return None
        described = tests.described(node)
        if described is not None:
            return described
        found = tuple(_argument(child) for child in self.solid(arguments))
        index = function.child_by_field_name("index") if function.type == "index_expression" else None
        if index is not None and index.type == "identifier":  # flags.Get[bool](client, key)
            function = function.named_children[0]
        if function.type == "identifier":
            return Call(node, function, None, found)
        member = self.member(function)
        return None if member is None else Call(node, member[1], member[0], found)

    def typed(self, call: Call, placeholder: bytes, value: object) -> bytes | None:
        if isinstance(value, bool) or not isinstance(value, int | float):
            return placeholder
        kind = _NUMBERS.get((call.name.text or b"").removesuffix(b"Details").removesuffix(b"Ctx"))
        return placeholder if kind == b"int" else kind + b"(" + placeholder + b")" if kind else None

    def takes_several(self, call: Node) -> bool:
        around = call.parent
        if around is None or len(scopes.elements(around)) != 1:
            return False
        if around.type == "argument_list":
            return True
        return around.type == "expression_list" and around.parent is not None and around.parent.type in _TAKE_SEVERAL

    def member(self, node: Node) -> tuple[Node, Node] | None:
        if node.type != "selector_expression":
            return None
        operand, field = node.child_by_field_name("operand"), node.child_by_field_name("field")
        return (operand, field) if operand is not None and field is not None else None

    def pure(self, node: Node) -> bool:
        if node.type == "func_literal":
            return True
        if node.type == "call_expression":
            call = self.call(node)
            return (
                call is not None and values.only_answers(call) and all(self.pure(each.value) for each in call.arguments)
            )
        if node.type == "unary_expression":
            operator = node.child_by_field_name("operator")
            return (
                operator is not None and operator.type in {"!", "-", "+", "^", "&"} and self.pure(self.solid(node)[-1])
            )
        if node.type == "binary_expression":
            found = self.binary(node)
            return found is not None and found[1] not in {"/", "%"} and self.pure(found[0]) and self.pure(found[2])
        if node.type == "composite_literal":
            body = node.child_by_field_name("body")
            return body is not None and self.pure(body)
        if node.type in {"literal_value", "literal_element", "keyed_element", "parenthesized_expression"}:
            return all(self.pure(child) for child in self.solid(node))
        if node.type == "type_conversion_expression":  # `handlers[name](job)` is read as one to a generic type
            return _generic_call(node) is None and self.pure(self.solid(node)[-1])
        if node.type == "selector_expression":
            return self.pure(node.named_children[0])
        return node.type in _PURE_LEAVES or node.type in _PURE_TYPES

    # ---------------------------------------------------------------- statements
    def is_later_arm(self, node: Node) -> bool:
        return super().is_later_arm(node) and node.child_by_field_name("initializer") is None

    def without_head(self, chain: Chain, *, truth: bool, always: bytes) -> tuple[Mend, ...] | None:
        return heads.without_head(chain, self.pure, truth=truth, always=always)

    def statements(self, body: Node) -> list[Node]:
        return scopes.statements(body) if body.type == "block" else super().statements(body)

    def switch(self, node: Node) -> Switch | None:
        if node.type not in _SWITCHES or node.child_by_field_name("initializer") is not None:
            return None
        cases = tuple(self._case(child) for child in node.named_children if child.type in scopes.LISTS)
        return Switch(node, node.child_by_field_name("value"), cases)

    def _case(self, node: Node) -> Case:
        inside = scopes.statements(node)
        falls = bool(inside) and inside[-1].type == "fallthrough_statement"
        leaves = bool(inside) and inside[-1].type == "break_statement" and not inside[-1].named_children
        colon = next(child for child in node.children if child.type == ":")
        end = inside[-1].start_byte if leaves or falls else node.end_byte
        text = (node.text or b"")[colon.end_byte - node.start_byte : end - node.start_byte]
        start = colon.end_byte + len(text) - len(text.lstrip())
        values = tuple(scopes.elements(node.child_by_field_name("value")))
        return Case(
            node, values, node.type == "default_case", (start, max(start, end - len(text) + len(text.rstrip()))), falls
        )

    def loop(self, node: Node) -> Loop | None:
        body = node.child_by_field_name("body") if node.type == "for_statement" else None
        head = [child for child in self.solid(node) if child != body] if body is not None else []
        if body is None or len(head) != 1 or head[0].type in {"for_clause", "range_clause"}:
            return None
        return Loop(node, head[0], body)

    def statement(self, node: Node) -> Node | None:
        around = node.parent
        if around is None:
            return None
        if around.type == "expression_statement":
            return around
        statement = around.parent
        if around.type != "expression_list" or statement is None or statement.type != "assignment_statement":
            return None
        sides = [scopes.elements(statement.child_by_field_name(side)) for side in ("left", "right")]
        idle = all(each == node or (each.text or b"").startswith(b"__FF_") for each in sides[1])
        ignored = all(name.text == b"_" for name in sides[0]) and idle
        return statement if ignored else None

    def jumps(self, node: Node) -> bool:
        if node.type == "expression_statement":
            call = self.call(node.named_children[0])
            return call is not None and call.receiver is None and call.name.text == b"panic"
        if node.type == "labeled_statement":
            return self.jumps(node.named_children[-1])
        if node.type == "for_statement":
            return not self.solid(node)[:-1] and not _breaks(node)
        found = self.switch(node)
        if found is not None:
            whole = any(case.default for case in found.cases) and not _breaks(node)
            return whole and all(any(map(self.jumps, scopes.statements(case.node))) for case in found.cases)
        return super().jumps(node)

    def idle(self, statement: Node) -> bool:
        block = statement.parent.parent if statement.parent is not None else None
        function = block.parent if block is not None else None
        if statement.type != "return_statement" or statement.named_children or function is None:
            return False
        return function.type in scopes.FUNCTIONS and function.child_by_field_name("result") is None

    def objection(self, before: Source, made: Source, at: int, texts: Texts) -> str:  # noqa: ARG002 - the door's
        return objections.objection(before, made)

    def must_stay(self, statement: Node) -> bool:
        return any(inside.type == "labeled_statement" for inside in descendants(statement))

    def scoped_names(self, body: Node) -> Iterable[Node]:
        return [name for name in scopes.names_of(body) if not names.assigns(name)] if body.type in scopes.LISTS else ()

    def clash(self, statement: Node, body: Node, gone: Iterable[Node]) -> Clash | None:
        return flow.clash(statement, body, gone)

    # ---------------------------------------------------------------- names
    def role(self, node: Node) -> Role:
        return names.role(node)

    def bindings(self, node: Node) -> Iterable[Binding]:
        return names.bindings(node, self.pure)

    def means(self, binding: Binding, name: Node) -> bool:
        return scopes.variable_scope(name) == binding.scope

    def reach(self, binding: Binding) -> Literal["local", "file", "repository"]:
        return "file" if binding.everywhere else super().reach(binding)

    def lifetime(self, binding: Binding) -> Lifetime | None:
        return flow.lifetime(binding)

    def written(self, node: Node, value: Scalar) -> Mend:
        if value is None:
            return names.error_written(node)
        return super().written(node, value)

    def tidied(self, before: Source, after: Source) -> Source:
        return aligned(before, tidy.tidied(before, after))

    def function(self, node: Node) -> Function | None:
        return definitions.function(node)

    def is_member(self, function: Node) -> bool:
        return function.type == "method_declaration"

    def definitions(self, source: Source) -> Iterable[Definition]:
        return definitions.definitions(source, self.pure)

    def unassigned(self, name: Node) -> tuple[int, int, bytes] | None:
        return names.unassigned(name, self.pure)

    def declaring(self, name: Node) -> Node | None:
        return scopes.variable_scope(name) if name.type == "identifier" else None

    def is_field(self, name: Node, *, apart: bool) -> bool:
        member = self.member(name.parent) if name.parent is not None else None
        if member is None or member[1] != name:
            return name.type == "field_identifier" or (apart and self.role(name) == "member")
        return member[0].type != "identifier" or scopes.variable_scope(member[0]).type != "source_file"

    def signature(self, parameter: Node) -> Signature | None:
        return parameters.signature(parameter)

    def may_call(self, source: Source, call: Call, path: str, signature: Signature, read: Read) -> bool:
        return parameters.may_call(source, call, path, signature, definitions.imports(source), read)

    def modules(self, path: str, origin: str, name: str) -> Iterable[str]:  # noqa: ARG002 - by the module alone
        return _origins.of_go(origin)

    def entry(self, source: Source, key: Node) -> tuple[int, int] | None:
        return lists.entry(source, key)

    def wrapping(self, call: Node) -> Wrapping | None:
        return tests.wrapping(call)

    def test_case(self, node: Node) -> tuple[int, int] | None:
        return tests.test_case(node)

    def stub(self, node: Node) -> Stub | None:
        return tests.stub(node)

    def table(self, source: Source, value: Node) -> Table | None:
        return tables.table(source, value)

    def once(self, source: Source, call: Call, context: str, elsewhere: Callable[[bytes], bool]) -> Once | None:
        return combinations.once(source, call, context, elsewhere)


def _argument(node: Node) -> Argument:
    if node.type == "variadic_argument":
        return Argument(node.named_children[0], spread=True)
    return Argument(node)


def _generic_call(node: Node) -> Call | None:
    """`flags.Get[bool](key)`, which the grammar takes for a conversion where it has one argument."""
    generic, operand = node.child_by_field_name("type"), node.child_by_field_name("operand")
    named = generic.child_by_field_name("type") if generic is not None and generic.type == "generic_type" else None
    if named is None or operand is None:
        return None
    if named.type == "type_identifier":
        return Call(node, named, None, (Argument(operand),))
    package, name = named.child_by_field_name("package"), named.child_by_field_name("name")
    return Call(node, name, package, (Argument(operand),)) if package is not None and name is not None else None


def _breaks(node: Node) -> bool:
    """Whether a `break` in a loop or switch could leave it; one of an inner loop counts, too."""
    return any(inside.type == "break_statement" for inside in descendants(node))


LANGUAGE: Final = Go()
