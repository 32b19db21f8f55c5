"""Java: literals, and when one branch of `a ? b : c` alone has the type that both had together.

The type of a conditional expression hangs on both branches: `flag ? 1 : 2.0` is 1.0, and `flag ? 0 : price` is of
the type of `price`. So a number is put in its place only where the branches are alike, or a primitive type is wanted.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from tree_sitter import Node

from flagtrail.codebase.languages._java_names import role
from flagtrail.codebase.languages._java_statements import named, text
from flagtrail.codebase.shapes import Scalar, Texts
from flagtrail.codebase.source import Source, ancestors, descendants

_PRIMITIVE = frozenset({"integral_type", "floating_point_type", "boolean_type"})
_INTEGERS = frozenset(
    {"decimal_integer_literal", "hex_integer_literal", "octal_integer_literal", "binary_integer_literal"}
)
_NO_NUMBERS = frozenset(
    {
        "string_literal",
        "true",
        "false",
        "null_literal",
        "lambda_expression",
        "method_reference",
        "object_creation_expression",
        "array_creation_expression",
        "class_literal",
        "instanceof_expression",
        "this",
    }
)
_ARITHMETIC = frozenset({b"+", b"-", b"*", b"/", b"%", b"&", b"|", b"^", b"<<", b">>", b">>>"})
_BOXES = {b"Integer": "int", b"Long": "long", b"Double": "double", b"Float": "float", b"Character": "char"}
_NUMBERS = frozenset(_BOXES.values())
_WORDS = {b"TRUE": True, b"FALSE": False}


def constant(node: Node) -> tuple[Scalar] | None:
    """What a literal denotes."""
    if node.type in ("true", "false", "null_literal"):
        return ({"true": True, "false": False}.get(node.type),)
    if node.type == "string_literal":
        return _string(text(node))
    if node.type in _INTEGERS:
        return (int(text(node).rstrip(b"lL").replace(b"_", b""), 0),) if node.type != "octal_integer_literal" else None
    if node.type == "decimal_floating_point_literal":
        return (float(text(node).rstrip(b"fFdD").replace(b"_", b"")),)
    if node.type == "field_access" and text(node) in (b"Boolean.TRUE", b"Boolean.FALSE"):
        return (text(node) == b"Boolean.TRUE",)
    return None


def _string(written: bytes) -> tuple[str] | None:
    if written.startswith(b'"""'):
        return None
    try:
        import json

        return (str(json.loads(written)),)
    except ValueError:
        return None


def is_given(value: Node) -> bool:
    """Whether a value is an argument, or what a variable has its type from, so that it may count how it is boxed."""
    parent = value.parent
    declared = parent.parent.child_by_field_name("type") if parent is not None and parent.parent is not None else None
    if parent is not None and parent.type == "variable_declarator" and declared is not None:
        return text(declared) == b"var"
    return parent is not None and parent.type == "argument_list"


def chooses(value: Node, constant: Scalar, texts: Texts) -> bool:
    """Whether a literal in this place could be given to another method than what stood there: `list.remove(1)`.

    `texts` are those of the files with a name. Two methods, or constructors, of a name can both take it: one just what
    it is, the other one also what it is boxed in, or any object.
    """
    listed = value.parent
    call = listed.parent if listed is not None and listed.type == "argument_list" else None
    called = call.child_by_field_name("type" if call.type == "object_creation_expression" else "name") if call else None
    takers = next((_TAKERS[kind] for kind in _TAKERS if isinstance(constant, kind)), frozenset[bytes]())
    if called is None or listed is None or not takers:
        return False
    name, place, count = text(called).split(b"<")[0], named(listed).index(value), len(named(listed))
    if name == b"remove" and _TAKERS[int] == takers:
        return True
    kinds = {_ANY_TYPE.sub(b"", kind, 1) for data in texts(name) for kind in _taken(data, name, place, count)}
    return len(kinds & {*takers, b""}) > 1


def overloaded(before: Source, at: int, texts: Texts) -> str:
    """Why a branch that took the place of a choice at a byte might be given to another method than the choice was."""
    inner = before.tree.root_node.descendant_for_byte_range(at, at)
    place = next((each for each in ancestors(inner) if each.type == "ternary_expression"), None) if inner else None
    sorts = {_sort(each) for each in named(place)[1:]} if place is not None else set()
    if place is None or at > named(place)[0].end_byte or (len(sorts) == 1 and b"" not in sorts):
        return ""
    while place.parent is not None and place.parent.type == "parenthesized_expression":
        place = place.parent
    listed = place.parent
    call = listed.parent if listed is not None and listed.type == "argument_list" else None
    called = call.child_by_field_name("type" if call.type == "object_creation_expression" else "name") if call else None
    if called is None or listed is None:
        return ""
    name, index, count = text(called).split(b"<")[0], named(listed).index(place), len(named(listed))
    several = any(len(set(_taken(data, name, index, count))) > 1 for data in texts(name))
    return "another method of that name may take it, now that its type is that of one branch" if several else ""


def _sort(node: Node) -> bytes:
    """What tells the type of an expression, where something does."""
    if node.type in ("string_literal", "true", "false"):
        return node.type.replace("false", "true").encode()
    if node.type == "object_creation_expression":
        made = node.child_by_field_name("type")
        return text(made) if made is not None else b""
    called = node.child_by_field_name("name") if node.type == "method_invocation" else None
    kinds = {text(each) for each in _types(node) if each is not None} if node.type == "identifier" else set()
    return text(called) if called is not None else kinds.pop() if len(kinds) == 1 else kind(node).encode()


def leads(value: Node, texts: Texts) -> bool:
    """Whether a variable is a constant for javac with this value, and leads a loop: what is behind is not reached."""
    declarator = value.parent
    name = declarator.child_by_field_name("name") if declarator and declarator.type == "variable_declarator" else None
    declared = declarator.parent if declarator is not None else None
    if name is None or declared is None or declared.parent is None:
        return False
    if b"final" not in text(declared) and declared.parent.type != "interface_body":
        return False
    form = re.compile(rb"\b(?:while|for)\s*\([^{}]*?\b%s\b" % re.escape(text(name)))
    return any(form.search(data) for data in texts(text(name)))


def _taken(data: bytes, name: bytes, place: int, count: int) -> Iterator[bytes]:
    """What type the methods of a name that are declared in a text have for the parameter in some place, of so many."""
    declaration = (
        rb"[\w>\]](?<!\bnew)(?<!\breturn)(?<!\bthrow)(?<!\belse)\s+%s\s*\(([^()]*(?:\([^()]*\)[^()]*)*)\)\s*(?:throws[\s\w.,]+)?[{;]"
        % re.escape(name)
    )
    for match in re.finditer(declaration, data):
        parameters = _GENERIC.sub(b"", _GENERIC.sub(b"", match[1])).split(b",")
        several = b"..." in parameters[-1]
        if match[1].strip() and (len(parameters) == count or (several and count >= len(parameters) - 1)):
            words = parameters[min(place, len(parameters) - 1)].replace(b"...", b" ").split()
            yield words[-2].rpartition(b".")[2] if len(words) > 1 else b""


_GENERIC = re.compile(rb"<[^<>]*>")
_ANY_TYPE = re.compile(rb"(?:Object|Serializable|Comparable|[A-Z]\d?)\Z")
_TAKERS: Mapping[type, frozenset[bytes]] = {
    bool: frozenset({b"boolean", b"Boolean"}),
    int: frozenset(b"int long double float short byte Integer Long Double Float Short Byte Number".split()),
    float: frozenset(b"double float Double Float Number".split()),
}
"""What a literal of some type can be given to, but for any object; a text is of the type that the answer was."""


def untyped(made: Source, at: int) -> str:
    """Why a `null` that an edit left alone at a byte would be without the type that the other branch gave it."""
    node = made.tree.root_node.descendant_for_byte_range(at, at + len(b"null"))
    around = node.parent if node is not None and node.type == "null_literal" else None
    while node is not None and around is not None and around.type == "parenthesized_expression":
        node, around = around, around.parent
    if node is None or around is None:
        return ""
    declared = around.parent.child_by_field_name("type") if around.parent is not None else None
    operator = around.child_by_field_name("operator")
    alone = (
        around.type in ("argument_list", "lambda_expression", "array_access")
        or around.child_by_field_name("object") == node
        or (around.type == "variable_declarator" and declared is not None and text(declared) == b"var")
        or (around.type == "binary_expression" and operator is not None and text(operator) == b"+")
    )
    return "`null` alone has not the type that both branches had together" if alone else ""


def clashing(made: Source, at: int) -> str:
    """Why a pattern's variable would be known further than before, where something else is called so.

    `if (flag && !(shown instanceof Page page)) return;` does not make `page` known behind it, without the flag it does.
    """
    inner = made.tree.root_node.descendant_for_byte_range(at, at)
    for each in ancestors(inner) if inner is not None else ():
        condition = each.child_by_field_name("condition") if each.type in ("if_statement", "while_statement") else None
        if condition is None or each.parent is None or b"!" not in text(condition):
            continue
        names = set(_bound(condition))
        behind = (other for other in named(each.parent) if other.start_byte >= each.end_byte)
        if names and any(not names.isdisjoint(_bound(other)) for other in behind):
            return "a pattern's variable would be known where something else is called so"
    return ""


def _bound(node: Node) -> Iterator[bytes]:
    return (text(each) for each in descendants(node) if each.type == "identifier" and role(each) == "bind")


def alike(node: Node, then: Node, otherwise: Node) -> bool:
    """Whether either branch of a conditional expression is what the whole one was."""
    kinds = {kind(then), kind(otherwise)}
    if len(kinds) == 1 or not kinds & _NUMBERS or "object" in kinds:
        return True
    return _wants_primitive(node)


def kept(node: Node, branch: Node, other: Node) -> Node | None:
    """A branch of a conditional expression; None where the other one had it taken out of its box, which fails for null.

    `Integer size = flag ? 1 : limit` fails where `limit` is null, `Integer size = limit` does not.
    """
    plain = other.type in ("true", "false") or (kind(other) in _NUMBERS and not _is_boxed(other))
    return None if plain and _is_boxed(branch) and not _wants_primitive(node) else branch


def _is_boxed(name: Node) -> bool:
    kinds = {text(each) for each in _types(name) if each is not None} if name.type == "identifier" else set()
    return bool(kinds) and kinds <= _BOXES.keys() | {b"Boolean"}


def kind(node: Node) -> str:
    """`int`, `double` and so on for numbers, `object` for what surely is none, else nothing."""
    if node.type in _NO_NUMBERS:
        return "object"
    if node.type in _INTEGERS:
        return "long" if text(node)[-1:] in b"lL" else "int"
    if node.type in ("decimal_floating_point_literal", "hex_floating_point_literal"):
        return "float" if text(node)[-1:] in b"fF" else "double"
    if node.type == "character_literal":
        return "char"
    if node.type == "parenthesized_expression" and named(node):
        return kind(named(node)[0])
    if node.type == "unary_expression":
        operand = node.child_by_field_name("operand")
        return kind(operand) if operand is not None else ""
    if node.type == "binary_expression":
        return _kind_of_operation(node)
    return _declared(node) if node.type == "identifier" else ""


def _kind_of_operation(node: Node) -> str:
    operator, left, right = (node.child_by_field_name(field) for field in ("operator", "left", "right"))
    if operator is None or left is None or right is None:
        return ""
    if text(operator) not in _ARITHMETIC:
        return "object"
    kinds = {kind(left), kind(right)}
    return kinds.pop() if len(kinds) == 1 else ""


def _declared(name: Node) -> str:
    """The type that a name is declared with, where all declarations of that name agree."""
    kinds = {_of_type(each) for each in _types(name)}
    return kinds.pop() if len(kinds) == 1 else ""


def _types(name: Node) -> list[Node | None]:
    """What the method around a name declares it to be; where it does not, what the file does."""
    holders = [each for each in ancestors(name) if each.type == "method_declaration" or each.parent is None]
    return next((found for holder in holders if (found := list(_declared_in(holder, text(name))))), [])


def _declared_in(holder: Node, name: bytes) -> Iterator[Node | None]:
    for node in descendants(holder):
        bound = node.type in ("variable_declarator", "formal_parameter")
        declared = node.child_by_field_name("name") if bound else None
        if declared is not None and text(declared) == name:
            owner = node if node.type == "formal_parameter" else node.parent
            yield owner.child_by_field_name("type") if owner is not None else None


def _of_type(node: Node | None) -> str:
    if node is None or text(node) in (b"var", b"Object", b"Number"):
        return ""
    if node.type in _PRIMITIVE:
        return text(node).decode()
    return _BOXES.get(text(node), "object")


def _wants_primitive(node: Node) -> bool:
    """Whether a conditional expression stands where a value of a primitive type is wanted."""
    place = node
    while place.parent is not None and place.parent.type == "parenthesized_expression":
        place = place.parent
    parent = place.parent
    if parent is None:
        return False
    if parent.type == "variable_declarator" and parent.parent is not None:
        return _is_primitive(parent.parent)
    if parent.type == "return_statement":
        owner = next(
            (each for each in ancestors(parent) if each.type in ("method_declaration", "lambda_expression")), None
        )
        return owner is not None and owner.type == "method_declaration" and _is_primitive(owner)
    return False


def _is_primitive(declaration: Node) -> bool:
    declared = declaration.child_by_field_name("type")
    return declared is not None and declared.type in _PRIMITIVE
