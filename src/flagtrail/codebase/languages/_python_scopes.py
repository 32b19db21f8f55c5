"""Which variable a name means in Python, where an inner function or comprehension can have one of the same name."""

from __future__ import annotations

from tree_sitter import Node

from flagtrail.codebase.languages import _python_expressions as expressions
from flagtrail.codebase.languages._python_expressions import operands
from flagtrail.codebase.languages._python_grammar import nodes
from flagtrail.codebase.languages._python_names import FUNCTIONS, OF_PARAMETERS, TARGETS, role, scope_of
from flagtrail.codebase.languages._python_text import text
from flagtrail.codebase.shapes import Binding
from flagtrail.codebase.source import ancestors

_COMPREHENSIONS = frozenset(
    {"list_comprehension", "set_comprehension", "dictionary_comprehension", "generator_expression"}
)
TRUTHS = ("__FF_T__", "__FF_F__")
"""What stands for a truth value of the flag while a file is folded; see `rewrite.placeholders`."""
_HIDING = FUNCTIONS | _COMPREHENSIONS


def means(binding: Binding, name: Node) -> bool:
    """Whether a name is the variable, and not one of an inner function, lambda or comprehension that hides it."""
    wanted, inner, outside = text(name), name, False
    for above in ancestors(name):
        if above == binding.scope:
            break
        if above.type in _HIDING:
            decorated = above.type == "function_definition" and inner.type not in {"block", "parameters"}
            if not outside and not decorated and wanted in _own_names(above):
                return False
            outside = False
        elif above.type in OF_PARAMETERS:  # defaults and types are evaluated where the function is defined
            outside = inner != above.child_by_field_name("name") and inner.type not in TARGETS
        inner = above
    return True


def boolean(name: Node) -> bool:
    """Whether each value that a name is given in its function is a bool by its type or form."""
    function = scope_of(name)
    if function.type != "function_definition":
        return False
    bound = [
        node for node in nodes(function, "identifier") if text(node) == text(name) and role(node) in {"bind", "write"}
    ]
    return bool(bound) and all(each.parent is not None and _is_bool(each.parent, text(name)) for each in bound)


def _is_bool(binding: Node, name: str) -> bool:
    kind, value = binding.child_by_field_name("type"), binding.child_by_field_name("value")
    if binding.type in OF_PARAMETERS:
        known = value is None or value.type in {"true", "false"}
        return known and kind is not None and text(kind) == "bool"
    given = binding.child_by_field_name("right") if binding.type == "assignment" else None
    return given is not None and expressions.boolean(given, lambda other: text(other) in {name, *TRUTHS})


def _own_names(scope: Node) -> set[str]:
    """The names that are variables of a function or comprehension alone; `:=` in the latter binds outside of it."""
    comprehends = scope.type in _COMPREHENSIONS
    own: set[str] = set()
    outer: set[str] = set()
    stack = list(scope.children)
    while stack:
        node = stack.pop()
        if node.type in {"global_statement", "nonlocal_statement"}:
            outer |= {text(name) for name in operands(node)}
        elif node.type == "identifier" and role(node) == "bind" and not (comprehends and _by_walrus(node)):
            own.add(text(node))
        if node.type in _COMPREHENSIONS and not comprehends:
            own |= {text(each.children[0]) for each in nodes(node, "named_expression")}
        elif node.type in _HIDING or node.type == "class_definition":
            name = node.child_by_field_name("name")
            own |= {text(name)} if name is not None else set()
        else:
            stack += node.children
    return own - outer


def _by_walrus(name: Node) -> bool:
    above = name.parent
    return above is not None and above.type == "named_expression" and above.child_by_field_name("name") == name
