"""JavaScript's statements: chains, switches, where control ends, and what a test is."""

from __future__ import annotations

import re
from collections.abc import Iterator

from tree_sitter import Node

from flagtrail.codebase.languages._javascript_names import names_in, parameter_names
from flagtrail.codebase.languages._javascript_values import FUNCTIONS, bare, field, parts, text, uncast
from flagtrail.codebase.shapes import Case, Loop, Stub, Switch
from flagtrail.codebase.source import Source, ancestors, descendants

_TYPE_OF = re.compile(rb"typeof\s+__FF_\w+")
_IS_NOTHING = re.compile(rb"const\s+([\w$]+)\s*=\s*(?:null|undefined)\s*(?:;|\n)")
_VARIABLE = re.compile(rb"\bvar\s+([\w$]+)")
_LOOPS = frozenset({"do_statement", "for_in_statement", "for_statement", "while_statement"})
_TESTS = re.compile(rb"(?:it|test|specify|fit|xit|xtest)(?:\.(?:only|skip|concurrent|failing|fails|todo|each|for))*\Z")
_ANSWERS = frozenset(
    {
        b"mockImplementation",
        b"mockReturnValue",
        b"mockResolvedValue",
        b"mockReturnValueOnce",
        b"mockResolvedValueOnce",
        b"resolves",
        b"returns",
        b"thenResolve",
        b"thenReturn",
    }
)
_GROUPS = re.compile(rb"(?:describe|context|suite)\b")
_FOR_EACH = re.compile(rb"\.(?:each|forEach)\b")
_DECLARES = frozenset({"lexical_declaration", "variable_declaration", "function_declaration"})
_HOLDS = re.compile(
    rb"(?:describe|context|suite)(?:\.\w+)*\Z|(?:after|before)(?:All|Each)?\Z|(?:setup|teardown)\Z"
    rb"|(?:React\.)?use(?:Layout|Insertion)?Effect\Z"
)


def switch(node: Node) -> Switch | None:
    """A `switch` with its cases. One that a `break` leaves from within a statement falls through, for all we know."""
    if node.type != "switch_statement":
        return None
    value, body = field(node, "value"), field(node, "body")
    if value is None or body is None or not (inside := parts(value)):
        return None
    members = parts(body)
    cases, labels = [], []
    for member in members:
        labels.append(member)
        if member == members[-1] or any(child.type != "comment" for child in member.children_by_field_name("body")):
            cases.append(_case(member, labels, last=member == members[-1]))
            labels = []
    return Switch(node, uncast(inside[0]), tuple(cases))


def _case(node: Node, labels: list[Node], *, last: bool) -> Case:
    """One case, with the labels right above it that share its statements."""
    values = tuple(value for label in labels if (value := field(label, "value")) is not None)
    statements = [child for child in node.children_by_field_name("body") if child.type != "comment"]
    start = next((child.end_byte for child in node.children if child.type == ":"), node.end_byte)
    end = node.end_byte
    if len(statements) == 1 and statements[0].type == "statement_block":
        block = statements[0]
        start, end = block.start_byte + 1, block.end_byte - 1
        statements = parts(block)
    ends = bool(statements) and jumps(statements[-1])
    if statements and _plain_break(statements[-1]):
        end = statements[-1].start_byte
        statements = statements[:-1]
    inner = any(_leaves(statement) for statement in statements)
    written = text(node)[start - node.start_byte : end - node.start_byte]
    start += len(written) - len(written.lstrip())
    end -= len(written) - len(written.rstrip())
    return Case(
        node=node,
        values=values,
        default=any(label.type == "switch_default" for label in labels),
        body=(start, max(start, end)),
        falls_through=inner or (not ends and not last),
    )


def _plain_break(node: Node) -> bool:
    return node.type == "break_statement" and field(node, "label") is None


def _leaves(node: Node) -> bool:
    """Whether a `break` without a label in it leaves what this statement stands in."""
    stack = [node]
    while stack:
        at = stack.pop()
        if _plain_break(at):
            return True
        if at.type not in FUNCTIONS and at.type not in _LOOPS and at.type != "switch_statement":
            stack.extend(at.named_children)
    return False


def jumps(node: Node) -> bool:
    """Whether control never goes past this statement."""
    while node.type == "if_statement":
        body, other = field(node, "consequence"), field(node, "alternative")
        if body is None or other is None or not parts(other) or not jumps(body):
            return False
        node = parts(other)[0]
    if node.type in {"return_statement", "throw_statement", "break_statement", "continue_statement"}:
        return True
    if node.type == "statement_block":
        return any(jumps(child) for child in node.named_children)
    if node.type == "try_statement":
        return _tried(node)
    found = switch(node)
    return found is not None and _exhausts(found)


def _tried(node: Node) -> bool:
    body, handler, final = (field(node, name) for name in ("body", "handler", "finalizer"))
    inner, last = handler and field(handler, "body"), final and field(final, "body")
    guarded = body is not None and jumps(body) and (handler is None or (inner is not None and jumps(inner)))
    return guarded or (last is not None and jumps(last))


def _exhausts(found: Switch) -> bool:
    """Whether every way through a switch ends with a jump out of more than the switch."""
    if not any(case.default for case in found.cases):
        return False
    for case in found.cases:
        statements = [child for child in case.node.children_by_field_name("body") if child.type != "comment"]
        if any(_leaves(statement) for statement in statements):
            return False
        if statements and not jumps(statements[-1]):
            return False
    return bool(found.cases[-1].node.children_by_field_name("body"))


def loop(node: Node) -> Loop | None:
    """`while`."""
    condition, body = field(node, "condition"), field(node, "body")
    if node.type != "while_statement" or condition is None or body is None or not parts(condition):
        return None
    return Loop(node, parts(condition)[0], body)


def must_stay(statement: Node) -> bool:
    """Whether a statement means something though it is never reached: what is hoisted, and types."""
    if statement.type in {
        "enum_declaration",
        "function_declaration",
        "function_signature",
        "generator_function_declaration",
        "interface_declaration",
        "type_alias_declaration",
    }:
        return True
    return any(_hoists(node) and _own(node, statement) for node in descendants(statement))


def _hoists(node: Node) -> bool:
    kind = field(node, "kind") if node.type == "for_in_statement" else None
    return node.type == "variable_declaration" or (kind is not None and kind.type == "var")


def _own(node: Node, statement: Node) -> bool:
    at: Node | None = node
    while at is not None and at != statement:
        if at.type in FUNCTIONS:
            return False
        at = at.parent
    return True


def test_case(node: Node) -> tuple[int, int] | None:
    """The statement `it('..', () => {..})` around a node; none around a row of `it.each([..])`, which is of more."""
    at: Node | None = node
    while at is not None:
        if at.type == "call_expression" and at.parent is not None and at.parent.type == "expression_statement":
            called = field(at, "function")
            while called is not None and called.type == "call_expression":
                called = field(called, "function")
            if called is not None and _TESTS.match(text(called)):
                listed = field(at, "function")
                of_several = (
                    node != at and listed is not None and listed.start_byte <= node.start_byte < listed.end_byte
                )
                return None if of_several else (at.parent.start_byte, at.parent.end_byte)
        at = at.parent
    return None


def is_title(written: Node) -> bool:
    """Whether a text is what `describe('..', () => {..})` or `it('..', () => {..})` is called."""
    call = written.parent.parent if written.parent is not None and written.parent.type == "arguments" else None
    called = field(call, "function") if call is not None else None
    arguments = parts(written.parent) if written.parent is not None else []
    tests = called is not None and (_TESTS.match(text(called)) or _GROUPS.match(text(called)))
    return bool(tests) and len(arguments) > 1 and arguments[0] == written and arguments[-1].type in FUNCTIONS


def of_table(value: Node) -> bool:
    """Whether a value in a test has a name that each row of a table gives: `it.each([..])('..', (on) => pay(on))`."""
    if test_case(value) is None:
        return False
    read = {text(each) for each in descendants(value) if each.type.endswith("identifier")}
    return any(read & set(map(text, _given_by_rows(above))) for above in ancestors(value))


def _given_by_rows(node: Node) -> Iterator[Node]:
    """The names that a loop, or a function that is called for each row, gives to what it takes out of a row."""
    call = node.parent.parent if node.parent is not None and node.parent.type == "arguments" else None
    if node.type == "for_in_statement":
        yield from names_in(field(node, "left") or node)
    elif node.type in FUNCTIONS and call is not None and _FOR_EACH.search(text(field(call, "function") or call)):
        yield from parameter_names(node)


def stub(node: Node) -> Stub | None:
    """`when(flags.isEnabled(K)).thenReturn(true)`, for the call in it."""
    described = _describing(node)
    answer = described and described.parent
    call = answer and answer.parent
    if answer is None or call is None or answer.type != "member_expression" or call.type != "call_expression":
        return None
    name, arguments = field(answer, "property"), field(call, "arguments")
    statement = call.parent
    if name is None or text(name) not in _ANSWERS or arguments is None or len(parts(arguments)) != 1:
        return None
    if statement is None or statement.type != "expression_statement":
        return None
    return Stub(statement, _answered(parts(arguments)[0]))


def holder(body: Node) -> Node | None:
    """`describe('..', () => {..})`, `beforeEach(() => {..})`: the statement around the body of their function."""
    function = body.parent
    arguments = function and function.parent
    call = arguments and arguments.parent
    if function is None or call is None or call.type != "call_expression" or call.parent is None:
        return None
    called = field(call, "function")
    if function.type not in {"arrow_function", "function_expression"} or called is None:
        return None
    return call.parent if _HOLDS.match(text(called)) and call.parent.type == "expression_statement" else None


def prepares(statement: Node) -> bool:
    """Whether a statement of `describe('..', () => {..})` is there for its tests alone."""
    body = statement.parent
    group = holder(body) if body is not None else None
    if group is None or not _GROUPS.match(text(group)):
        return False
    called = text(field(parts(statement)[0], "function") or statement)
    hook = statement.type == "expression_statement" and _HOLDS.match(called) and not _GROUPS.match(called)
    return statement.type in _DECLARES or bool(hook)


def idle(statement: Node) -> bool:
    """Whether it is a `return` without a value, as the last statement of a function."""
    body = statement.parent
    if statement.type != "return_statement" or parts(statement) or body is None or body.parent is None:
        return False
    return body.type == "statement_block" and body.parent.type in FUNCTIONS and parts(body)[-1] == statement


def _answered(value: Node) -> Node:
    """What a function without parameters answers, or the value itself."""
    body = field(value, "body") if value.type == "arrow_function" else None
    return bare(body if body is not None and body.type != "statement_block" else value)


def _describing(node: Node) -> Node | None:
    arguments = node.parent
    call = arguments and arguments.parent
    if arguments is None or arguments.type != "arguments" or call is None or call.type != "call_expression":
        return None
    return call if _last_name(call) == b"when" else None


def _last_name(call: Node) -> bytes:
    called = field(call, "function")
    if called is None:
        return b""
    return text(field(called, "property") or called)


def typed_by(made: Source) -> str:
    """Why an edit must not be made: a type is that of the variable, `typeof on`, and no value has one. Empty if not."""
    for found in _TYPE_OF.finditer(made.data):
        node = made.tree.root_node.descendant_for_byte_range(*found.span())
        if node is not None and any(each.type == "type_query" for each in (node, *ancestors(node))):
            return "its type is asked for"
    return ""


def of_nothing(before: Source, made: Source) -> str:
    """Why an edit must not be made: `const page = undefined;` is of a type in which nothing can be looked up."""
    for found in _IS_NOTHING.finditer(made.data):
        looked_up = re.search(rb"(?<![\w$.])%s\s*(?:!?\.|\?\.|\[)" % re.escape(found[1]), made.data)
        if looked_up and found[0] not in before.data:
            return f"something is looked up in {found[1].decode()}, which is nothing now"
    return ""


def lost_variable(before: Source, made: Source) -> str:
    """Why an edit must not be made: it takes out the only `var` of a name that is still used. Empty if it does not."""
    declared = set(_VARIABLE.findall(before.data)) if b"var" in before.data else set[bytes]()
    lost = declared - set(_VARIABLE.findall(made.data)) if declared else declared
    for name in sorted(lost):
        if re.search(rb"(?<![\w$.])" + re.escape(name) + rb"(?![\w$])", made.data):
            return f"{name.decode()} is declared where it goes, by var, and used elsewhere"
    return ""
