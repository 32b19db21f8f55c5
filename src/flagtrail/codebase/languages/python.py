"""Python."""

from __future__ import annotations

from collections.abc import Iterable

from tree_sitter import Node, Tree

from flagtrail.codebase.languages import (
    Language,
    _origins,
    _python_choices,
    _python_composed,
    _python_coroutines,
    _python_definitions,
    _python_expressions,
    _python_layout,
    _python_lists,
    _python_loading,
    _python_making,
    _python_mocks,
    _python_names,
    _python_objections,
    _python_scopes,
    _python_tests,
    _python_text,
    _signatures,
)
from flagtrail.codebase.languages._python_expressions import operands
from flagtrail.codebase.languages._python_grammar import PARSER
from flagtrail.codebase.languages._python_text import text
from flagtrail.codebase.languages._relations import Find
from flagtrail.codebase.shapes import (
    Argument,
    Binding,
    Call,
    Chain,
    Conditional,
    Definition,
    Equality,
    Function,
    Listed,
    Logical,
    Loop,
    Mock,
    Role,
    Scalar,
    Settled,
    Signature,
    Stub,
    Switch,
    Texts,
    Wrapping,
)
from flagtrail.codebase.source import Edit, Source, parsed

_JUMPS = {"return_statement", "raise_statement", "break_statement", "continue_statement"}
_LASTS = {
    "return_statement": frozenset({"function_definition"}),
    "continue_statement": frozenset({"for_statement", "while_statement"}),
}
_EQUALITY = {"==": False, "is": False, "in": False, "!=": True, "is not": True, "not in": True}


class Python(Language):
    """Python, from its syntax tree alone: never by the running interpreter, whose grammar may be older."""

    NAME = "python"
    SUFFIXES = (".py", ".pyi")
    ELSE = b"else:"
    EMPTY = b"pass"
    TRUE = b"True"
    FALSE = b"False"
    NULL = b"None"
    VERBATIM = frozenset({"string"})
    BLOCK_NEEDS_STATEMENT = True
    PRIVATE_BY_CONVENTION = True
    BLOCKS = _python_names.BLOCKS
    NAMES_IN_TEXTS = True

    def parse(self, data: bytes, path: str, old: Tree | None = None) -> Tree:  # noqa: ARG002 - one dialect
        """The syntax tree."""
        return PARSER.parse(b"$" * len(data)) if _python_text.is_too_deep(data) else parsed(PARSER, data, old)

    def constant(self, node: Node) -> tuple[Scalar] | None:
        """What a literal denotes."""
        return _python_text.constant(node)

    def composed(self, source: Source, key: str, span: tuple[int, int] | None = None) -> Iterable[Node]:
        """An f-string, or a sum."""
        return _python_composed.composed(source, key, span)

    # ---------------------------------------------------------------- expressions
    def inner(self, node: Node) -> Node | None:
        """`(x)`; not where a comment stands in the parentheses too, which would be lost with them."""
        return (
            node.named_children[0] if node.type == "parenthesized_expression" and node.named_child_count == 1 else None
        )

    def negated(self, node: Node) -> Node | None:
        """`not x`."""
        return node.child_by_field_name("argument") if node.type == "not_operator" else None

    def logical(self, node: Node) -> Logical | None:
        """`and`, `or`."""
        if node.type != "boolean_operator":
            return None
        left, right = node.child_by_field_name("left"), node.child_by_field_name("right")
        operator = node.child_by_field_name("operator")
        if left is None or right is None or operator is None:
            return None
        return Logical("and" if operator.type == "and" else "or", left, right)

    def conditional(self, node: Node) -> Conditional | None:
        """`then if condition else otherwise`, whose parts have no field names."""
        if node.type != "conditional_expression":
            return None
        parts = operands(node)
        if len(parts) != 3:  # noqa: PLR2004 - its three parts
            return None
        return Conditional(parts[1], parts[0], parts[2], end=_python_expressions.end_of_last(parts[2]))

    def equality(self, node: Node) -> Equality | None:
        """`==`, `!=`, `is`, `is not`, `in` and `not in` a tuple, list or set; not of `a == b == c`."""
        if node.type != "comparison_operator":
            return None
        sides, operators = operands(node), node.children_by_field_name("operators")
        if len(sides) != 2 or len(operators) != 1 or operators[0].type not in _EQUALITY:  # noqa: PLR2004 - two sides
            return None
        operator, (left, right) = operators[0].type, sides
        if not operator.endswith("in"):
            return Equality(_EQUALITY[operator], left, right)
        if right.type not in {"tuple", "list", "set"} or any(part.type == "list_splat" for part in operands(right)):
            return None
        return Equality(_EQUALITY[operator], left, one_of=tuple(operands(right)))

    def transparent(self, node: Node) -> Node | None:
        """`await x`, `bool(x)`, `cast(bool, x)`."""
        if node.type == "await" and node.is_named:
            return operands(node)[0]
        found = self.call(node)
        if found is None or any(argument.name or argument.spread for argument in found.arguments):
            return None
        name, values = text(found.name), [argument.value for argument in found.arguments]
        if name == "bool" and found.receiver is None and len(values) == 1:
            return values[0]
        return values[1] if name == "cast" and len(values) == 2 else None  # noqa: PLR2004 - a type and a value

    def call(self, node: Node) -> Call | None:
        """A call with its arguments; a generator in place of them is none."""
        if node.type != "call":
            return None
        called, given = node.child_by_field_name("function"), node.child_by_field_name("arguments")
        if called is None or given is None or given.type != "argument_list":
            return None
        member = self.member(called)
        if member is None and called.type != "identifier":
            return None
        receiver, name = member or (None, called)
        return Call(node, name, receiver, tuple(_argument(argument) for argument in operands(given)))

    def member(self, node: Node) -> tuple[Node, Node] | None:
        """`object.name`."""
        if node.type != "attribute":
            return None
        owner, name = node.child_by_field_name("object"), node.child_by_field_name("attribute")
        return None if owner is None or name is None else (owner, name)

    def pure(self, node: Node) -> bool:
        """Names, constants, attributes, operators on such, and calls that only look (`isinstance`)."""
        return _python_expressions.pure(node)

    def boolean(self, node: Node) -> bool:
        """Comparisons, `not`, calls that ask (`isinstance`), names of such or of type `bool`; `and`, `or` of them."""
        return _python_expressions.boolean(node, _python_scopes.boolean)

    def settled(self, source: Source, place: Node, kept: Node, value: tuple[Scalar] | None) -> Settled | None:  # noqa: ARG002 - see the door
        """`assert True` and a filter that always holds go; `*[a]` in a list or call is `a`."""
        return _python_expressions.settled(place, kept, value)

    def in_condition(self, node: Node) -> bool:
        """Conditions, `assert`, filters of comprehensions and what `bool` takes."""
        return _python_expressions.in_condition(node)

    def needs_parentheses(self, node: Node, place: Node) -> bool:
        """By precedence, and where a line would end outside of brackets."""
        return _python_expressions.needs_parentheses(node, place)

    promised = staticmethod(_python_coroutines.is_used)

    # ---------------------------------------------------------------- statements
    def chain(self, node: Node) -> Chain | None:
        """`if`, `elif`, `else`."""
        if node.type != "if_statement":
            return None
        clauses = node.children_by_field_name("alternative")
        arms = [_python_choices.arm(part) for part in (node, *clauses) if part.type != "else_clause"]
        if any(arm is None for arm in arms):
            return None
        last = clauses[-1] if clauses and clauses[-1].type == "else_clause" else None
        otherwise = None if last is None else last.child_by_field_name("body")
        return Chain(node, tuple(arm for arm in arms if arm is not None), otherwise)

    def switch(self, node: Node) -> Switch | None:
        """`match`; what a case has besides constants is a value that is no constant."""
        if node.type != "match_statement":
            return None
        subjects, body = node.children_by_field_name("subject"), node.child_by_field_name("body")
        if body is None or len(subjects) != 1:
            return None
        cases = [_python_choices.case(clause) for clause in operands(body)]
        if any(case is None for case in cases):
            return None
        return Switch(node, subjects[0], tuple(case for case in cases if case is not None))

    def loop(self, node: Node) -> Loop | None:
        """`while`; not with an `else`, which runs when the condition fails."""
        if node.type != "while_statement" or node.child_by_field_name("alternative") is not None:
            return None
        condition, body = node.child_by_field_name("condition"), node.child_by_field_name("body")
        return None if condition is None or body is None else Loop(node, condition, body)

    def statement(self, node: Node) -> Node | None:
        """The statement of an expression."""
        above = node.parent
        return (
            above if above is not None and above.type == "expression_statement" and len(operands(above)) == 1 else None
        )

    def interior(self, source: Source, body: Node) -> tuple[int, int]:  # noqa: ARG002 - the nodes tell
        """A block, with the comments between the colon's line and its first statement."""
        return _python_choices.first(body).start_byte, body.end_byte

    def jumps(self, node: Node) -> bool:
        """Jumps, `if` whose arms all jump, and `try` of which no way leads past it."""
        if node.type in _JUMPS:
            return True
        if node.type == "if_statement":
            found = self.chain(node)
            return (
                found is not None
                and found.otherwise is not None
                and all(self._ends_in_jump(body) for body in (*(arm.body for arm in found.arms), found.otherwise))
            )
        if node.type == "try_statement":
            parts = [
                part for part in node.named_children if part.type not in {"comment", "finally_clause", "else_clause"}
            ]
            return all(self._ends_in_jump(part if part.type == "block" else part.children[-1]) for part in parts)
        return False

    def _ends_in_jump(self, body: Node) -> bool:
        inside = operands(body)
        return body.type == "block" and bool(inside) and self.jumps(inside[-1])

    holder = staticmethod(_python_choices.holder)

    def idle(self, statement: Node) -> bool:
        """A `return` without a value at the end of a function, a `continue` at the end of a loop."""
        around = _LASTS.get(statement.type, frozenset())
        block = statement.parent
        return (
            block is not None
            and block.parent is not None
            and block.parent.type in around
            and statement.named_child_count == 0
            and operands(block)[-1] == statement
        )

    def tidied(self, before: Source, after: Source) -> Source:
        """Two blank lines around what came to the top of a module."""
        return _python_layout.spaced(before, after)

    def documentation(self, source: Source) -> Iterable[Node]:
        """The docstrings of the module, its classes and functions."""
        return _python_layout.documentation(source)

    def reflowed(self, source: Source, start: int, end: int) -> tuple[Edit, ...]:
        """On one line, without the parentheses that allowed several."""
        return _python_layout.reflowed(source, start, end)

    def joined(self, source: Source, statement: Node) -> tuple[Edit, ...]:
        """`n = 0`, then `n = 1`, as `n = 1`."""
        return _python_names.joined(source, statement)

    def objection(self, before: Source, made: Source, at: int, texts: Texts) -> str:  # noqa: ARG002 - the door's
        return _python_objections.objection(before, made, at)

    def refused(self, value: Node, *, truth: bool) -> bool:  # noqa: ARG002 - the door's
        """Within what a text shows as it is written: `f"{enabled()=}"`."""
        return _python_objections.is_told(value)

    def plain_functions(self, source: Source) -> frozenset[int]:
        """Functions without a `yield` of their own."""
        return _python_names.plain_functions(source.tree.root_node)

    # ---------------------------------------------------------------- names
    def role(self, node: Node) -> Role:
        """What a name stands for."""
        return _python_names.role(node)

    def bindings(self, node: Node) -> Iterable[Binding]:
        """`name = value`, `name: type = value`, `(name := value)`."""
        return _python_names.bindings(node)

    def means(self, binding: Binding, name: Node) -> bool:
        """Not where an inner function, lambda or comprehension has a variable of the same name."""
        return _python_scopes.means(binding, name)

    def written(self, node: Node, value: Scalar) -> tuple[int, int, bytes]:
        """A text in the file's own quotes; in an f-string as a part of it."""
        if isinstance(value, str):
            return _python_text.written(node, value)
        return super().written(node, value)

    def role_as(self, binding: Binding, node: Node) -> Role:
        """Where an attribute is looked for, `x.name`."""
        above = binding.name.parent
        if above is not None and above.type == "attribute":
            return _python_names.role_as_attribute(node)
        return _python_names.role(node)

    def substituted(self, source: Source, read: Node, text: bytes) -> tuple[int, int, bytes]:  # noqa: ARG002 - see the door
        """The name, or all of `x.name`."""
        place = read
        if read.parent is not None and self.member(read.parent) is not None and _python_names.role(read) == "member":
            place = read.parent
        return place.start_byte, place.end_byte, text

    def is_member(self, function: Node) -> bool:
        """Whether a function stands in a class."""
        return _python_names.scope_of(function).type == "class_definition"

    def read_in_class(self, name: Node) -> Node | None:
        """`size` in `pages = size * 2` and in `def page(self, most=size)`."""
        return _python_names.read_in_class(name)

    def function(self, node: Node) -> Function | None:
        """`def`, and a lambda with a name."""
        return _python_names.function(node)

    def definitions(self, source: Source) -> Iterable[Definition]:
        """Imports, variables, functions, classes, parameters, members."""
        return _python_definitions.definitions(source)

    def signature(self, parameter: Node) -> Signature | None:
        """A function with a name; of a class's `__init__` it is the class that is called."""
        return _signatures.signature(parameter, _signatures.PYTHON)

    def acts(self, source: Source, statement: Node, find: Find) -> bool:
        """Whether it gives a value by a call that does not only make one."""
        return _python_loading.acts(statement) or _python_making.tells_others(source, statement, find)

    tells_by_fields = staticmethod(_python_making.tells_by_fields)
    tells_its_own = staticmethod(_python_loading.tells_its_own)

    def modules(self, path: str, origin: str, name: str) -> Iterable[str]:
        """`shop/old.py` and `shop/old/__init__.py` of `shop.old`."""
        return _origins.of_python(path, origin, name)

    entry = staticmethod(_python_lists.entry)
    set_to = staticmethod(_python_tests.set_to)
    setting = staticmethod(_python_tests.setting)
    set_by_name = staticmethod(_python_tests.set_by_name)
    gives_member = staticmethod(_python_lists.gives_member)

    def listed(self, source: Source, key: Node) -> Listed | None:
        """In a list, set or dictionary."""
        return _python_lists.listed(source, key)

    def test_case(self, node: Node) -> tuple[int, int] | None:
        """A function `test..`, or the class of tests that is decorated."""
        return _python_tests.test_case(node)

    def wrapping(self, call: Node) -> Wrapping | None:
        """A decorator, or an item of a `with`."""
        return _python_tests.wrapping(call)

    def mock(self, text: Node) -> Mock | None:
        """`mock.patch("shop.views.is_new", return_value=True)`."""
        return _python_mocks.mock(text)

    def passed(self, source: Source, call: Node) -> tuple[tuple[int, int], ...] | None:
        """The parameter that `@patch(..)` fills."""
        return _python_mocks.passed(source, call)

    def stub(self, node: Node) -> Stub | None:
        """What a mock is told to answer."""
        return _python_tests.stub(node)


def _argument(node: Node) -> Argument:
    if node.type == "keyword_argument":
        name, value = node.child_by_field_name("name"), node.child_by_field_name("value")
        if name is not None and value is not None:
            return Argument(value, text(name))
    return Argument(node, spread=node.type in {"list_splat", "dictionary_splat"})


LANGUAGE = Python()
