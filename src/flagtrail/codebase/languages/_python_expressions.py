"""How Python's expressions bind, and what evaluating them does."""

from __future__ import annotations

import re
from collections.abc import Callable

from tree_sitter import Node

from flagtrail.codebase.languages._python_text import text
from flagtrail.codebase.shapes import Scalar, Settled
from flagtrail.codebase.source import ancestors

_PRIMARY = 16
_PRECEDENCE = {
    "yield": 0,
    "expression_list": 0,
    "named_expression": 0,
    "lambda": 1,
    "conditional_expression": 2,
    "not_operator": 5,
    "comparison_operator": 6,
    "unary_operator": 13,
    "await": 15,
}
_BINARY = {"|": 7, "^": 8, "&": 9, "<<": 10, ">>": 10, "+": 11, "-": 11, "*": 12, "/": 12, "//": 12, "%": 12, "@": 12}
_POWER = 14
_ANYTHING = {  # what takes any expression but an assignment, a yield or a bare tuple
    "argument_list",
    "assert_statement",
    "assignment",
    "augmented_assignment",
    "case_clause",
    "decorator",
    "default_parameter",
    "dictionary",
    "elif_clause",
    "except_clause",
    "expression_list",
    "expression_statement",
    "for_statement",
    "format_expression",
    "if_statement",
    "interpolation",
    "keyword_argument",
    "lambda",
    "list",
    "list_comprehension",
    "generator_expression",
    "set_comprehension",
    "match_statement",
    "named_expression",
    "pair",
    "parenthesized_expression",
    "raise_statement",
    "return_statement",
    "set",
    "slice",
    "subscript",
    "tuple",
    "typed_default_parameter",
    "while_statement",
    "with_item",
    "yield",
}
_TAKES_WALRUS = {"parenthesized_expression", "if_statement", "elif_clause", "while_statement", "argument_list", "list"}
_BRACKETS = {
    "argument_list",
    "dictionary",
    "dictionary_comprehension",
    "generator_expression",
    "interpolation",
    "list",
    "list_comprehension",
    "parameters",
    "parenthesized_expression",
    "set",
    "set_comprehension",
    "string",
    "tuple",
}
_CALLS_FOR_TIME = ("datetime.now", "datetime.utcnow", "timezone.now", "timedelta", "time.time", "time.monotonic")
_METHODS_OF_TEXTS = {"startswith", "endswith", "lower", "upper", "strip"}
_MAPPING = re.compile(
    r"(?:attrs|body|config|context|cookies|data|defaults|dict|environ|extra|features|form|headers|kwargs|map|metadata|options"
    r"|params|payload|properties|result|settings|values|COOKIES|GET|META|POST)$"
)
"""What is a mapping by its name, so that `get` only looks a key up."""
_CALLS_THAT_MAKE = {"dict", "frozenset", "list", "object", "set", "tuple"}
_CALLS_THAT_ONLY_LOOK = {
    *(
        "bool",
        "callable",
        "getattr",
        "hasattr",
        "isinstance",
        "issubclass",
        "len",
        "repr",
        "str",
        "super",
        "type",
    )
}
_CALLS_FOR_TRUTH = {"all", "any", "bool", "callable", "hasattr", "isinstance", "issubclass"}
_UNPACKED = {  # what can be written out where it is unpacked
    ("list_splat", "list"): {"list", "tuple"},
    ("list_splat", "set"): {"list", "tuple", "set"},
    ("list_splat", "argument_list"): {"list", "tuple"},
    ("dictionary_splat", "dictionary"): {"dictionary"},
}
_PURE = {
    "attribute",
    "binary_operator",
    "boolean_operator",
    "comparison_operator",
    "concatenated_string",
    "conditional_expression",
    "dictionary",
    "dictionary_splat",
    "expression_list",
    "interpolation",
    "keyword_argument",
    "list",
    "not_operator",
    "pair",
    "parenthesized_expression",
    "set",
    "slice",
    "string",
    "subscript",
    "tuple",
    "unary_operator",
}
_PURE_LEAVES = {"ellipsis", "false", "float", "identifier", "integer", "lambda", "none", "true", "comment"}
_PARTS_OF_STRINGS = {"string_content", "string_start", "string_end", "type_conversion"}
_CONDITIONS = {"if_statement", "elif_clause", "while_statement"}


def operands(node: Node) -> list[Node]:
    """The named children that are no comments."""
    return [child for child in node.named_children if child.type != "comment"]


def pure(node: Node) -> bool:
    """Whether evaluating it only yields a value. An attribute or key that is missing is a defect, no effect."""
    if node.type in _PURE_LEAVES or node.type in _PARTS_OF_STRINGS:
        return True
    if node.type == "call":
        called, given = node.child_by_field_name("function"), node.child_by_field_name("arguments")
        if called is None or given is None or given.type != "argument_list":
            return False
        return _only_looks(called, given.named_children)
    return node.type in _PURE and all(pure(child) for child in node.named_children)


def _only_looks(called: Node, arguments: list[Node]) -> bool:
    """Whether a call yields a value and does nothing, by its name: `len(x)`, `data.get("k")`, `datetime.now()`."""
    name = text(called)
    if name in _CALLS_THAT_MAKE:
        return not arguments
    if not all(pure(each) for each in arguments):
        return False
    owner, _, last = name.rpartition(".")
    if name in _CALLS_THAT_ONLY_LOOK or name.endswith(_CALLS_FOR_TIME):
        return True
    if last == "get":
        return _MAPPING.search(owner) is not None and pure(called)
    return bool(owner) and last in _METHODS_OF_TEXTS and pure(called)


def boolean(node: Node, named: Callable[[Node], bool]) -> bool:
    """Whether an expression is of type bool: a comparison, or a call that asks; `named` tells it of a name."""
    if node.type == "identifier":
        return named(node)
    if node.type == "call":
        called = node.child_by_field_name("function")
        return called is not None and text(called) in _CALLS_FOR_TRUTH
    if node.type in {"boolean_operator", "parenthesized_expression"}:
        return all(boolean(operand, named) for operand in operands(node))
    return node.type in {"comparison_operator", "not_operator", "true", "false"}


def settled(place: Node, kept: Node, value: tuple[Scalar] | None) -> Settled | None:
    """What goes around a condition that always holds, and around what is unpacked where it could stand itself."""
    above = place.parent
    if value is not None:
        found = _calm(above) if above is not None else None
        return _held(above, place) if found is None and above is not None and value[0] else found
    while above is not None and above.type == "parenthesized_expression":
        above = above.parent
    while kept.type == "parenthesized_expression" and operands(kept):
        kept = operands(kept)[0]
    if above is not None and above.type == "assignment":
        return _itself(above, kept)
    if above is None or above.parent is None or kept.type not in _UNPACKED.get((above.type, above.parent.type), ()):
        return None
    inside = kept.named_children
    if not inside:
        return Settled(*_element(above))
    if inside[-1].type == "comment":
        return None
    return Settled(above.start_byte, above.end_byte, (inside[0].start_byte, inside[-1].end_byte))


def _itself(assignment: Node, value: Node) -> Settled | None:
    """A statement `x = x` of a function."""
    left, statement = assignment.child_by_field_name("left"), assignment.parent
    if left is None or statement is None or statement.type != "expression_statement" or left.type != "identifier":
        return None
    scopes = (each.type for each in ancestors(statement))
    local = next(each for each in scopes if each in {"function_definition", "class_definition", "module"})
    if text(left) != text(value) or local != "function_definition" or assignment.child_by_field_name("type"):
        return None
    block = statement.parent.named_children if statement.parent is not None else []
    alone = all(each == statement or each.type == "comment" for each in block)
    return Settled(statement.start_byte, statement.end_byte, text=b"pass" if alone else b"")


def _calm(above: Node) -> Settled | None:
    """A `try` of which all that is left is to return a constant, or to give it to a variable, which never fails."""
    statement = above.parent if above.type == "assignment" else above
    block = statement.parent if statement is not None else None
    tried = block.parent if block is not None else None
    if statement is None or statement.type not in {"return_statement", "expression_statement"} or block is None:
        return None
    if tried is None or tried.type != "try_statement" or len(block.named_children) > 1 or above.type == "call":
        return None
    if any(child != block and child.type != "except_clause" for child in tried.named_children):
        return None
    return Settled(tried.start_byte, tried.end_byte, (statement.start_byte, statement.end_byte))


def _element(element: Node) -> tuple[int, int]:
    """An element of a list with one comma, and the blanks between."""
    comma, following = element.next_sibling, element.next_named_sibling
    before = element.prev_named_sibling
    if following is not None:
        return element.start_byte, following.start_byte
    if before is not None:
        return before.end_byte, element.end_byte
    return element.start_byte, comma.end_byte if comma is not None and comma.type == "," else element.end_byte


def _held(above: Node, condition: Node) -> Settled | None:
    """`assert x`, `if x` of a comprehension and of a case, where x always holds."""
    if above.type == "if_clause" and above.prev_sibling is not None:
        return Settled(above.prev_sibling.end_byte, above.end_byte)
    if above.type != "assert_statement" or operands(above)[0] != condition or above.parent is None:
        return None
    alone = above.parent.type == "block" and len(operands(above.parent)) == 1
    return Settled(above.start_byte, above.end_byte, text=b"pass" if alone else b"")


def in_condition(node: Node) -> bool:
    """Whether only the truth of an expression matters where it stands."""
    at, above = node, node.parent
    while above is not None:
        if above.type in {"parenthesized_expression", "boolean_operator"}:
            at, above = above, above.parent
        elif above.type == "conditional_expression":
            if at == operands(above)[1]:
                return True
            at, above = above, above.parent
        else:
            return _asks_for_truth(above, at)
    return False


def _asks_for_truth(above: Node, node: Node) -> bool:
    if above.type in _CONDITIONS:
        return above.child_by_field_name("condition") == node
    if above.type in {"not_operator", "if_clause"}:
        return True
    if above.type == "assert_statement":
        return operands(above)[0] == node
    if above.type == "argument_list" and len(above.named_children) == 1 and above.parent is not None:
        called = above.parent.child_by_field_name("function")
        return called is not None and text(called) == "bool"
    return False


def needs_parentheses(node: Node, place: Node) -> bool:
    """Whether `node` put in place of `place` would bind otherwise, or would break over lines, without parentheses."""
    above = place.parent
    if above is None:
        return False
    if node.type == "named_expression":
        return above.type not in _TAKES_WALRUS
    if _precedence(node) < _demanded(above, place):
        return True
    if node.type == "integer" and above.type == "attribute":
        return True
    return breaks_line(node) and not in_brackets(place)


def in_brackets(node: Node) -> bool:
    """Whether a line may end anywhere around this node, since brackets are open."""
    for above in ancestors(node):
        if above.type in _BRACKETS:
            return True
        if above.type in {"block", "module"}:
            return False
    return False


def breaks_line(node: Node) -> bool:
    """Whether a line ends in the middle of an expression, outside of its own brackets."""
    if node.type in _BRACKETS or node.start_point.row == node.end_point.row:
        return False
    row = node.start_point.row
    for child in node.children:
        if child.start_point.row > row or breaks_line(child):
            return True
        row = child.end_point.row
        if node.type == "subscript" and child.type == "[":
            return False
    return False


def _precedence(node: Node) -> int:
    if node.type == "boolean_operator":
        return 4 if _operator(node) == "and" else 3
    if node.type == "binary_operator":
        return _BINARY.get(_operator(node), _POWER)
    return _PRECEDENCE.get(node.type, _PRIMARY)


def _operator(node: Node) -> str:
    operator = node.child_by_field_name("operator")
    return "" if operator is None else text(operator)


def _demanded(above: Node, place: Node) -> int:
    match above.type:
        case "boolean_operator" | "not_operator":
            return _precedence(above)
        case "comparison_operator" | "list_splat" | "dictionary_splat":
            return 7
        case "conditional_expression":
            return 1 if place == operands(above)[-1] else 3
        case "if_clause" | "for_in_clause":
            return 3
        case "binary_operator":
            level, left = _precedence(above), place == above.child_by_field_name("left")
            if level == _POWER:
                return 15 if left else 13
            return level if left else level + 1
        case "unary_operator":
            return 13
        case "subscript" if place != above.child_by_field_name("value"):
            return 1
        case "subscript" | "attribute" | "call" | "await":
            return _PRIMARY
        case _:
            return 1 if above.type in _ANYTHING else _PRIMARY


def end_of_last(branch: Node) -> int | None:
    """Where the last branch of a conditional expression ends if it holds the `as name` behind it, too."""
    while branch.type == "conditional_expression":
        branch = operands(branch)[-1]
    return operands(branch)[0].end_byte if branch.type == "as_pattern" else None
