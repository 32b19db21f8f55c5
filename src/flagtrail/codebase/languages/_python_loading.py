"""What a statement of a Python module or class does when it is loaded, as far as the names of what it calls tell."""

from __future__ import annotations

import re
from collections.abc import Iterator

from tree_sitter import Node

from flagtrail.codebase.languages._python_expressions import pure
from flagtrail.codebase.languages._python_names import FUNCTIONS, KEEPING, assigned, decorators, impure_defaults
from flagtrail.codebase.languages._python_text import text

_MAKES = re.compile(
    r"_*(?:[A-Z]|(?:get|make|create|build|new|load|read|parse|compile|define|from|with|as|to|is|has)(?:_|[A-Z]|\Z))"
    r"|(?:_|n?gettext\w*|dict|list|set|frozenset|tuple|int|str|float|bool|bytes|len|min|max|sum|sorted|range|zip|map|filter"
    r"|enumerate|isinstance|issubclass|getattr|object|type|super|property|slice|iter|namedtuple|partial|cast|keys|values"
    r"|items|copy|join|split|strip|lower|upper|replace|format|itemgetter|attrgetter|defaultdict|deque|field|timedelta"
    r"|datetime|date|abspath|dirname|config|env|getenv|auto|ib|attrib|staticmethod|classmethod|any|all|abs|round|reversed"
    r"|lazy|reverse_lazy|mark_safe|relationship|mapped_column)\Z"
)
"""What makes or looks up a value, which nobody notices once nobody imports the file."""


_DEFINING = {"function_definition", "class_definition"}
_OF_METHODS = KEEPING | {
    *("setter", "getter", "deleter", "overload", "atomic", "retry", "action", "display", "parametrize", "patch"),
    *("validator", "field_validator", "model_validator", "root_validator", "computed_field", "field_serializer"),
}
"""Decorators that tell nobody else of the method that they stand above."""


def acts(statement: Node) -> bool:
    """Whether a value is given by a call that may do more than make it: `OLD = note("old")`."""
    return statement.type == "expression_statement" and any(_does(node) for node in evaluated(statement))


def tells_its_own(statement: Node) -> bool:
    """Whether a function is told to nothing but objects that its own module makes: `@router.get("/old")`."""
    definition = statement.child_by_field_name("definition")
    parameters = definition.child_by_field_name("parameters") if definition is not None else None
    if definition is None or definition.type != "function_definition" or parameters is None or statement.parent is None:
        return False
    given = [found for each in statement.parent.named_children if (found := assigned(each)) is not None]
    names = [text(name) for name, _ in given]
    made = {text(name) for name, value in given if names.count(text(name)) == 1 and _is_made(value)}
    told = [each.named_children[0] for each in statement.children if each.type == "decorator"]
    return not impure_defaults(parameters) and all(
        _root(each) in made and not any(_does(node) for node in evaluated(each) if node != each) for each in told
    )


def _is_made(value: Node) -> bool:
    """`APIRouter()`, `flask.Blueprint("old", __name__)`."""
    function = value.child_by_field_name("function") if value.type == "call" else None
    return function is not None and text(function).rpartition(".")[2][:1].isupper()


def _root(expression: Node) -> str:
    return text(expression).partition("(")[0].partition(".")[0]


def class_acts(body: Node) -> bool:
    """Whether the body of a class may do more, when the class is made, than give it what it has."""
    return any(
        not decorators(node) <= _OF_METHODS if node.type in _DEFINING else _does(node) or _writes_to_others(node)
        for node in evaluated(body)
    )


def evaluated(statement: Node) -> Iterator[Node]:
    """The nodes of a statement that are evaluated with it: none of a function's own, or of its decorators."""
    stack = [statement]
    while stack:
        node = stack.pop()
        yield node
        inner = node.child_by_field_name("body") if node.type in FUNCTIONS else None
        stack += (child for child in node.children if child != inner and child.type != "decorator")


def _does(node: Node) -> bool:
    function = node.child_by_field_name("function") if node.type == "call" else None
    return function is not None and not pure(node) and not _MAKES.match(text(function).rpartition(".")[2])


def _writes_to_others(node: Node) -> bool:
    """Whether it is `REGISTRY["old"] = ..`."""
    left = node.child_by_field_name("left") if node.type in {"assignment", "augmented_assignment"} else None
    return left is not None and left.type in {"subscript", "attribute"}
