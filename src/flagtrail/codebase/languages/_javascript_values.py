"""JavaScript's expressions: what literals denote, what is pure, what yields a boolean, how tightly operators bind."""

from __future__ import annotations

import re

from tree_sitter import Node

from flagtrail.codebase.shapes import Scalar
from flagtrail.codebase.source import descendants

FUNCTIONS = frozenset(
    {
        "arrow_function",
        "function_declaration",
        "function_expression",
        "generator_function",
        "generator_function_declaration",
        "method_definition",
    }
)
JSX = frozenset({"jsx_element", "jsx_self_closing_element"})
CASTS = frozenset({"as_expression", "satisfies_expression", "non_null_expression", "type_assertion"})
_PURE = frozenset(
    {
        "arrow_function",
        "false",
        "function_expression",
        "generator_function",
        "identifier",
        "jsx_text",
        "meta_property",
        "null",
        "number",
        "predefined_type",
        "private_property_identifier",
        "property_identifier",
        "regex",
        "shorthand_property_identifier",
        "string",
        "super",
        "this",
        "true",
        "undefined",
    }
)
_PURE_OF_PURE = JSX | {
    "array",
    "binary_expression",
    "computed_property_name",
    "jsx_attribute",
    "jsx_closing_element",
    "jsx_expression",
    "jsx_opening_element",
    "member_expression",
    "object",
    "pair",
    "parenthesized_expression",
    "sequence_expression",
    "spread_element",
    "subscript_expression",
    "template_string",
    "template_substitution",
    "ternary_expression",
}
_LOOKS = re.compile(
    rb"(?:starts|ends)With|includes|(?:lastI|i)ndexOf|charAt|slice|substring|to(?:Lower|Upper)Case|trim|has|hasOwnProperty"
)
"""Methods of texts and lists that only look at them."""
_GOES_THROUGH = re.compile(rb"filter|map|flatMap|some|every|find|findIndex")
"""Methods of lists that only call what they are given."""
_CONVERTS = re.compile(
    rb"Boolean|String|Number|parseInt|parseFloat|isNaN|Array\.isArray|Object\.(?:keys|values|entries)|Number\.is\w+"
)
_ASKS = re.compile(rb"(?:\A|[.?])(?:is|has|can|should|show)[A-Z]\w*\Z")
_COMPARES = frozenset({"===", "!==", "==", "!=", "<", ">", "<=", ">=", "in", "instanceof"})
_ESCAPE = re.compile(r"\\(?:u\{([0-9a-fA-F]+)\}|u([0-9a-fA-F]{4})|x([0-9a-fA-F]{2})|(\r\n|[\s\S]))")
_ESCAPED = {"n": "\n", "t": "\t", "r": "\r", "b": "\b", "f": "\f", "v": "\v", "0": "\0", "\n": "", "\r\n": ""}
_NUMBER = re.compile(rb"(?:0[xob][0-9a-f_]+|[0-9][0-9_]*)\Z", re.IGNORECASE)


def text(node: Node) -> bytes:
    """What a node was parsed from."""
    return node.text or b""


def field(node: Node, name: str) -> Node | None:
    """A child by its field, past comments."""
    return node.child_by_field_name(name)


def operator(node: Node) -> bytes:
    """The operator of a unary or binary expression."""
    found = node.child_by_field_name("operator")
    return text(found) if found is not None else b""


def parts(node: Node) -> list[Node]:
    """Its named children without comments."""
    return [child for child in node.named_children if child.type != "comment"]


def bare(node: Node) -> Node:
    """An expression without the parentheses around it."""
    while node.type == "parenthesized_expression" and len(inside := parts(node)) == 1:
        node = inside[0]
    return node


def uncast(node: Node) -> Node:
    """An expression without the parentheses and casts around it."""
    while (node := bare(node)).type in CASTS and (inside := parts(node)):
        node = inside[-1 if node.type == "type_assertion" else 0]
    return node


def casts_to_boolean(cast: Node) -> bool:
    """`x as boolean`, `x as unknown as boolean | undefined`, `<boolean>x`."""
    inside = parts(cast)
    told = text(inside[0 if cast.type == "type_assertion" else -1]).strip(b"<>")
    types = {each.strip() for each in told.split(b"|")}
    return b"boolean" in types and types <= {b"boolean", b"null", b"undefined"}


def constant(node: Node) -> tuple[Scalar] | None:
    """What a literal denotes. `undefined` is None, as `null` is."""
    if node.type in {"true", "false"}:
        return (node.type == "true",)
    if node.type in {"null", "undefined"}:
        return (None,)
    if node.type == "number":
        return _number(text(node))
    if node.type == "string" or (node.type == "template_string" and not _substitutes(node)):
        return (_unescaped(text(node)[1:-1].decode()),)
    negative = field(node, "argument") if node.type == "unary_expression" and operator(node) == b"-" else None
    if negative is not None and negative.type == "number":
        found = _number(text(negative))
        return (-found[0],) if found is not None else None
    return None


def _substitutes(node: Node) -> bool:
    return any(child.type == "template_substitution" for child in node.named_children)


def _number(written: bytes) -> tuple[int | float] | None:
    if _NUMBER.match(written):
        digits = written.replace(b"_", b"")
        return None if len(digits) > 1 and digits.isdigit() and digits[:1] == b"0" else (int(digits, 0),)
    try:
        return (float(written),)
    except ValueError:
        return None


def _unescaped(written: str) -> str:
    def one(found: re.Match[str]) -> str:
        code = found[1] or found[2] or found[3]
        return chr(int(code, 16)) if code else _ESCAPED.get(found[4], found[4])

    return _ESCAPE.sub(one, written) if "\\" in written else written


_SPELLING = frozenset({"escape_sequence", "html_character_reference", "optional_chain", "string_fragment"})
"""Parts of literals and operators."""


def pure(node: Node) -> bool:
    """Whether evaluating it does nothing but yield a value. Getters and proxies are taken to be honest."""
    stack = [node]
    while stack:
        at = stack.pop()
        if at.type in _PURE or at.type in _SPELLING:
            continue
        inside = parts(at)
        if at.type == "unary_expression" and operator(at) != b"delete":
            stack += inside[-1:]
        elif at.type in CASTS:
            stack += inside[-1:] if at.type == "type_assertion" else inside[:1]
        elif at.type in _PURE_OF_PURE:
            stack += inside
        elif at.type == "call_expression" and (given := _looked_at(at)) is not None:
            stack += given
        else:
            return False
    return True


def _looked_at(call: Node) -> list[Node] | None:
    """What a call looks at that does nothing else: `path.startsWith('/api')`, `rows.filter((row) => row.on)`.

    Of a function that it is given, what that evaluates. None where the call may do something.
    """
    called, arguments = field(call, "function"), field(call, "arguments")
    if called is None or arguments is None or arguments.type != "arguments":
        return None
    if _CONVERTS.fullmatch(text(called)):
        return parts(arguments)
    held, name = field(called, "object"), text(field(called, "property") or called)
    if called.type != "member_expression" or held is None:
        return None
    if _LOOKS.fullmatch(name):
        return [held, *parts(arguments)]
    given = [field(each, "body") if _is_plain(each) else None for each in parts(arguments)]
    bodies = [each for each in given if each is not None]
    goes = _GOES_THROUGH.fullmatch(name) is not None and (
        text(arguments) == b"(Boolean)" or len(bodies) == len(given) == 1
    )
    return [held, *bodies] if goes else None


def _is_plain(arrow: Node) -> bool:
    """Whether it is an arrow function whose parameters are names alone: a default may do something."""
    several = field(arrow, "parameters")
    given = parts(several) if several is not None else []
    return arrow.type == "arrow_function" and not any(
        each.type == "assignment_pattern" or field(each, "value") is not None
        for outer in given
        for each in descendants(outer)
    )


MOST_STEPS = 20
"""From one variable to the next one that its truth hangs on: more than a person follows, and no circle."""


def boolean(node: Node, steps: int = MOST_STEPS) -> bool:
    """Whether an expression yields true or false and nothing else, whatever its operands are."""
    node = uncast(node)
    if steps == 0 or node.has_error:
        return False
    if node.type == "unary_expression":
        return operator(node) in {b"!", b"delete"}
    if node.type == "binary_expression":
        sign = operator(node).decode()
        sides = (node.children[-1], node.children[0]) if sign in {"&&", "||", "??"} else ()
        return sign in _COMPARES or (bool(sides) and all(boolean(side, steps - 1) for side in sides))
    if node.type == "ternary_expression":
        return all(boolean(branch, steps - 1) for branch in parts(node)[1:])
    if node.type == "call_expression":
        called = text(field(node, "function") or node)
        return called == b"Boolean" or (_ASKS.search(called) is not None and _chooses(node))
    if node.type == "identifier" and (text(node) in {b"__FF_T__", b"__FF_F__"} or _declared_boolean(node, steps - 1)):
        return True
    if node.type in {"identifier", "member_expression"} and _ASKS.search(text(node)):
        return _is_shown(node)
    return node.type in {"true", "false"}


def _is_shown(node: Node) -> bool:
    """Whether an expression is among the conditions of what an element shows: all but a number shows nothing."""
    braces = _braces(node)
    return braces is not None and braces.parent is not None and (braces.parent.type in JSX or _chooses(node))


def _chooses(node: Node) -> bool:
    """Whether an expression is a condition by which an element chooses: `<Show condition={..} show={..} />`."""
    braces = _braces(node)
    attribute = braces.parent if braces is not None else None
    if attribute is None or attribute.type != "jsx_attribute" or text(parts(attribute)[0]) != b"condition":
        return False
    beside = attribute.parent.children_by_field_name("attribute") if attribute.parent is not None else []
    return any(each.type == "jsx_attribute" and text(parts(each)[0]) == b"show" for each in beside)


def _braces(node: Node) -> Node | None:
    """The braces of JSX around an expression, where nothing but conditions stands between."""
    at = node.parent
    while at is not None and (
        at.type in {"parenthesized_expression", "unary_expression"} or operator(at) in {b"&&", b"||"}
    ):
        at = at.parent
    return at if at is not None and at.type == "jsx_expression" else None


def _declared_boolean(name: Node, steps: int) -> bool:
    """Whether the nearest thing of this name is declared a boolean: `const x = a === b`, `x: boolean`."""
    wanted, at = text(name), name.parent
    while at is not None:
        found = _declared_in(at, wanted)
        if found is not None:
            return _tells_boolean(found, steps)
        at = at.parent
    return False


def _declared_in(place: Node, wanted: bytes) -> Node | None:
    """What declares the name for all of this node: a declarator, a parameter, a head of a loop."""
    if place.type in {"statement_block", "program", "switch_case", "switch_default"}:
        return next((found for each in place.named_children if (found := _declaration_in(each, wanted))), None)
    if place.type in {"for_statement", "for_in_statement", "catch_clause"}:
        head = field(place, "initializer") or field(place, "left") or field(place, "parameter")
        return head if head is not None and _holds(head, wanted) else None
    if place.type in FUNCTIONS:
        alone, several = field(place, "parameter"), field(place, "parameters")
        given = [alone] if alone is not None else several.named_children if several is not None else []
        return next((each for each in given if _holds(field(each, "pattern") or each, wanted)), None)
    return None


def _holds(node: Node, name: bytes) -> bool:
    return re.search(rb"(?<![\w$])%b(?![\w$])" % re.escape(name), text(node)) is not None


def _declaration_in(statement: Node, wanted: bytes) -> Node | None:
    if statement.type == "export_statement":
        statement = field(statement, "declaration") or statement
    if statement.type not in {"lexical_declaration", "variable_declaration"}:
        named = field(statement, "name")
        return statement if named is not None and text(named) == wanted else None
    every = (each for each in statement.named_children if (name := field(each, "name")) and _holds(name, wanted))
    return next(every, None)


def _tells_boolean(declaration: Node, steps: int) -> bool:
    """Whether a declarator or a parameter binds one name, and that to a boolean."""
    name = field(declaration, "name") or field(declaration, "pattern")
    if name is None or name.type != "identifier":
        return False
    annotation, value = field(declaration, "type"), field(declaration, "value")
    if annotation is not None:
        return declaration.type != "optional_parameter" and text(annotation).lstrip(b":").strip() == b"boolean"
    owner = declaration.parent
    fixed = declaration.type == "variable_declarator" and owner is not None and text(owner).startswith(b"const")
    return fixed and value is not None and boolean(value, steps)
