"""How JavaScript's expressions stand in a place: parentheses where they bind otherwise, and how texts are written."""

from __future__ import annotations

import re
from collections.abc import Iterator

from tree_sitter import Node

from flagtrail.codebase.languages._javascript_values import bare, constant, field, operator, text
from flagtrail.codebase.shapes import Scalar, Settled

_TIGHTNESS = {
    b"??": 4,
    b"||": 4,
    b"&&": 5,
    b"|": 6,
    b"^": 7,
    b"&": 8,
    b"==": 9,
    b"!=": 9,
    b"===": 9,
    b"!==": 9,
    b"<": 10,
    b">": 10,
    b"<=": 10,
    b">=": 10,
    b"in": 10,
    b"instanceof": 10,
    b"<<": 11,
    b">>": 11,
    b">>>": 11,
    b"+": 12,
    b"-": 12,
    b"*": 13,
    b"/": 13,
    b"%": 13,
    b"**": 14,
}
_LOOSE = {
    "sequence_expression": 1,
    "assignment_expression": 2,
    "augmented_assignment_expression": 2,
    "arrow_function": 2,
    "yield_expression": 2,
    "ternary_expression": 3,
    "as_expression": 10,
    "satisfies_expression": 10,
    "unary_expression": 15,
    "await_expression": 15,
    "type_assertion": 15,
    "update_expression": 16,
}
_PRIMARY = 18
_POSTFIX = 17


def tightness(node: Node) -> int:
    """How tightly an expression is bound: the higher, the fewer places ask for parentheses around it."""
    if node.type == "binary_expression":
        return _TIGHTNESS.get(operator(node), 4)
    return _LOOSE.get(node.type, _PRIMARY)


_DEMANDS = {
    "as_expression": 10,
    "await_expression": 15,
    "call_expression": _POSTFIX,
    "class_heritage": _POSTFIX,
    "decorator": _POSTFIX,
    "expression_statement": 1,
    "extends_clause": _POSTFIX,
    "member_expression": _POSTFIX,
    "new_expression": _POSTFIX,
    "non_null_expression": _POSTFIX,
    "parenthesized_expression": 1,
    "return_statement": 1,
    "satisfies_expression": 10,
    "subscript_expression": _POSTFIX,
    "template_substitution": 1,
    "unary_expression": 15,
    "update_expression": _POSTFIX,
}
_ARGUMENT = 2


def demanded(place: Node) -> int:
    """How tightly an expression must be bound at least to stand in that place."""
    parent = place.parent
    if parent is None or field(parent, "index") == place:
        return _ARGUMENT
    if parent.type == "binary_expression":
        tight, left = _TIGHTNESS.get(operator(parent), 4), parent.children[0] == place
        if operator(parent) == b"**":  # no sign may stand in front of it
            return 16 if left else tight
        return tight if left else tight + 1
    if parent.type == "ternary_expression":
        return 4 if field(parent, "condition") == place else _ARGUMENT
    return _DEMANDS.get(parent.type, _ARGUMENT)


def leads_with_brace(node: Node) -> bool:
    """Whether an expression's first token is `{`, `function` or `class`, which a statement must not begin with."""
    while True:
        if node.type in {"object", "object_pattern", "function_expression", "generator_function", "class"}:
            return True
        left = node.children[0] if node.children and node.type in _LEFT_FIRST else None
        if left is None:
            return False
        node = left


_LEFT_FIRST = frozenset(
    {
        "as_expression",
        "assignment_expression",
        "augmented_assignment_expression",
        "binary_expression",
        "call_expression",
        "member_expression",
        "non_null_expression",
        "satisfies_expression",
        "sequence_expression",
        "subscript_expression",
        "ternary_expression",
    }
)


def needs_parentheses(node: Node, place: Node) -> bool:
    """Whether `node` in place of `place` would bind otherwise, or read as a block, without parentheses around it."""
    if node.type == "parenthesized_expression":
        return False
    if node.type == "ternary_expression" and _is_whole_answer(place):
        return True
    if tightness(node) < demanded(place) or _mixes(node, place) or _ends_early(node, place):
        return True
    return leads_with_brace(node) and _leads(place)


def _is_whole_answer(place: Node) -> bool:
    """`() => (a ? b : c)`: whoever wrote these parentheses wants them."""
    answers = place.parent is not None and place.parent.type == "arrow_function"
    return answers and place.type == "parenthesized_expression"


def _ends_early(node: Node, place: Node) -> bool:
    """`new (a.b())()` makes what `a.b()` answers; `(a?.b).c` fails where `a?.b.c` does not."""
    while place.parent is not None and place.parent.type == "non_null_expression":
        place = place.parent
    parent = place.parent
    if parent is None or (parent.type in _POSTFIXES and parent.children[0] != place):
        return False
    spine = list(_left_spine(node))
    if parent.type == "new_expression":
        return field(parent, "constructor") == place and any(each.type == "call_expression" for each in spine)
    return parent.type in _POSTFIXES and any(field(each, "optional_chain") is not None or _asks(each) for each in spine)


_POSTFIXES = frozenset({"call_expression", "member_expression", "subscript_expression"})


def _asks(node: Node) -> bool:
    return any(child.type in {"optional_chain", "?."} for child in node.children)


def _left_spine(node: Node) -> Iterator[Node]:
    """An expression, and what it is a member or call of, down to the first name."""
    while node.type in _POSTFIXES or node.type == "non_null_expression":
        yield node
        node = node.children[0]


def _mixes(node: Node, place: Node) -> bool:
    """`a ?? (b || c)`: neither may stand in the other without parentheses."""
    parent = place.parent
    if parent is None or parent.type != "binary_expression" or node.type != "binary_expression":
        return False
    signs = {operator(parent), operator(node)}
    return b"??" in signs and bool(signs & {b"&&", b"||"})


def _leads(place: Node) -> bool:
    """Whether a place is where a statement, or a body of an arrow function, begins."""
    at = place
    while (parent := at.parent) is not None:
        if parent.type == "arrow_function":
            return field(parent, "body") == at
        if parent.type == "expression_statement":
            return True
        if parent.type == "export_statement":
            return bare(at).type != "object"
        if parent.type not in _LEFT_FIRST or parent.children[0] != at:
            return False
        at = parent
    return False


def of_literal(place: Node, kept: Node, value: Scalar) -> Settled | None:
    """What is left around a literal for the checker: `null ?? b` is b, `'a' || b` is 'a', `null?.a` undefined."""
    at, around = place, place.parent
    while value is None and around is not None and around.type in _POSTFIXES and around.children[0] == at:
        if at == place and not _asks(around):
            return None
        at, around = around, around.parent
    sign = operator(around) if around is not None and field(around, "left") == at else b""
    if around is not None and operator(around) == b"delete":
        return None
    if around is None or sign not in {b"??", b"||", b"&&"}:
        return Settled(at.start_byte, at.end_byte, text=b"undefined") if at != place else None
    passed = value is None if sign == b"??" else bool(value) == (sign == b"&&")
    left = field(around, "right") if passed else kept if at == place else None
    span = (left.start_byte, left.end_byte) if left is not None else None
    return Settled(around.start_byte, around.end_byte, span, b"undefined")


def of_compared(place: Node, kept: Node, value: Scalar, *, typed: bool) -> Settled | None:
    """What becomes of a text or a number that is compared: the outcome, or a wider type, so that it may be compared."""
    while place.parent is not None and place.parent.type == "parenthesized_expression":
        place = place.parent
    around = place.parent
    sign = operator(around) if around is not None else b""
    if around is None or value is None or isinstance(value, bool):
        return None
    if sign in {b"===", b"!=="}:
        left = field(around, "left")
        other = bare(field(around, "right" if left == place else "left") or around)
        beside = constant(other)
        if beside is not None and not isinstance(beside[0], bool):
            same = type(beside[0]) is type(value) and beside[0] == value
            outcome = b"__FF_T__" if same == (sign == b"===") else b"__FF_F__"
            return Settled(around.start_byte, around.end_byte, text=outcome)
    told = b"string" if isinstance(value, str) else b"number"
    if typed and sign[:2] in {b"==", b"!="}:
        return Settled(place.start_byte, place.end_byte, text=b"(" + text(kept) + b" as " + told + b")")
    if typed and around.type == "switch_statement":
        return Settled(place.start_byte, place.end_byte, text=b"(" + text(kept) + b" as " + told + b")")
    name, wide = field(around, "name"), _declared(around, place) if typed else b""
    if name is None or not wide or not _is_compared(name):
        return None
    return Settled(place.start_byte, place.end_byte, text=text(kept) + b" as " + wide)


def _declared(declarator: Node, choice: Node) -> bytes:
    """The type of a variable that is given a literal which was chosen; a variable that may change is of a wide one."""
    types, sides = field(declarator, "type"), (field(choice, "consequence"), field(choice, "alternative"))
    if declarator.type != "variable_declarator" or types is not None:
        return text(types).lstrip(b":").strip() if types is not None else b""
    chosen = [bare(each) for each in sides if each is not None and constant(bare(each)) not in (None, (None,))]
    fixed = declarator.parent is not None and text(declarator.parent).startswith(b"const")
    return b" | ".join(map(text, chosen)) if fixed and len(chosen) == len(sides) else b""


def _is_compared(name: Node) -> bool:
    """Whether a variable of that name is compared somewhere in the file, for which its type must be wide enough."""
    top = name
    while top.parent is not None:
        top = top.parent
    word = re.escape(text(name))
    compared = rb"(?<![\w.$])%s\s*[!=]==?|[!=]==?\s*%s(?![\w$])|\bswitch\s*\(\s*%s\s*\)" % (word, word, word)
    return re.search(compared, text(top)) is not None


def decides(place: Node) -> bool:
    """Whether an expression only chooses what stands behind it: the left side of `&&`, `||` or `??`."""
    parent = place.parent
    while parent is not None and parent.type == "parenthesized_expression":
        place, parent = parent, parent.parent
    left = parent is not None and parent.type == "binary_expression" and parent.children[0] == place
    return left and operator(parent or place) in {b"&&", b"||", b"??"}


_PARTS = frozenset({"parenthesized_expression", "ternary_expression", "unary_expression", "binary_expression"})


def compared(node: Node) -> bool:
    """Whether what an expression is a part of is compared for being equal, also by a `switch`."""
    at = node.parent
    if at is not None and at.type == "switch_case" and field(at, "value") == node:
        return True
    while at is not None and at.type in _PARTS:
        if at.type == "binary_expression" and operator(at)[:2] in {b"==", b"!="}:
            return True
        at = at.parent
    return False


def narrows(node: Node) -> bool:
    """Whether a variable that is given this truth value is compared with one: the checker would know the outcome."""
    at = node.parent
    while at is not None and at.type in _PARTS:
        at = at.parent
    name = field(at, "left") or field(at, "name") if at is not None else None
    if at is None or name is None or at.type not in {"assignment_expression", "variable_declarator"}:
        return False
    top = at
    while top.parent is not None:
        top = top.parent
    return re.search(rb"\b" + re.escape(text(name)) + rb"\s*[!=]==?\s*(?:true|false)\b", text(top)) is not None


def quoted(node: Node, literal: bytes, *, typed: bool) -> bytes:
    """A text where its placeholder is left: in the file's quotes; in TypeScript as a string where it is compared."""
    top = node
    while top.parent is not None:
        top = top.parent
    whole = text(top)
    if whole.count(b"'") > whole.count(b'"') and b"'" not in literal and b'\\"' not in literal:
        literal = b"'" + literal[1:-1] + b"'"
    around = node.parent
    compared = around is not None and around.type == "binary_expression" and operator(around)[:2] in {b"==", b"!="}
    if typed and (compared or switched(node)):
        return literal + b" as string" if switched(node) else b"(" + literal + b" as string)"
    return literal


def switched(node: Node) -> bool:
    """Whether a `switch` is made over an expression."""
    around = node.parent
    head = around.parent if around is not None and around.type == "parenthesized_expression" else None
    return head is not None and head.type == "switch_statement"
