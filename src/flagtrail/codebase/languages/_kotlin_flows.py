"""Kotlin: what becomes of a flow of a flag's answers, which is one answer for everybody now.

`combine(a, flow) { x, on -> .. }` is `a.map { x -> .. }`, and `flow.first()` the answer; elsewhere, where a `Flow` is
what is wanted, `flowOf(answer)` stands in its place.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from tree_sitter import Node

from flagtrail.codebase.languages._kotlin_names import read_of, role
from flagtrail.codebase.languages._kotlin_syntax import (
    callee_name,
    child,
    head,
    name_in_text,
    named,
    single,
    text,
)
from flagtrail.codebase.shapes import Mend, Scalar, Settled
from flagtrail.codebase.source import Edit, Source, ancestors, descendants

_PACKAGE = b"kotlinx.coroutines.flow."
_OF_EACH = frozenset(
    b"map mapLatest flatMapLatest flatMapConcat flatMapMerge onEach filter filterNot collect collectLatest".split()
)
"""Functions of a flow whose lambda is given each of its values."""
_OF_FLOWS = _OF_EACH | frozenset(
    b"distinctUntilChanged launchIn stateIn shareIn take takeWhile dropWhile zip onStart onCompletion catch flowOn "
    b"firstOrNull combine transform transformLatest asLiveData toList".split()
)
"""Functions of any flow, also of one that has no current value."""
_COLLECTING = frozenset({b"collectAsState", b"collectAsStateWithLifecycle"})
"""Functions by which Compose shows the newest value of a flow."""
_KEEPING = frozenset({b"distinctUntilChanged", b"filter", b"filterNot", b"onEach", b"flowOn"})
"""Functions whose flow has no other values."""
_TAKING = frozenset({b"combine", b"merge", b"zip"})
"""Functions whose arguments are flows."""
_MOST = 5
"""So many flows `combine` takes with a name for the value of each."""
_DOING = frozenset({"call_expression", "assignment", "throw_expression", "return_expression", "object_literal"})


# ------------------------------------------------------------------------------------------------ in its place
def streamed(source: Source, flow: Node, answer: bytes) -> tuple[Mend, ...] | None:
    """The edits that put one answer in the place of a flow of it; None where it is not sure what they are."""
    read = _read(flow)
    if read is not None:
        return ((head(flow).start_byte, read.end_byte, answer),)
    delegate = _collected(flow)
    if delegate is not None:
        return ((delegate.start_byte, delegate.end_byte, b"= " + answer),)
    combined = _combined(source, flow, answer)
    if combined is not None:
        return combined
    if not _can_import(source, b"flowOf") or not _is_wanted(flow):
        return None
    given = (mend for block in _given_each(flow) for mend in _given(block, 0, answer) or ())
    return (head(flow).start_byte, flow.end_byte, _to_import(b"flowOf") + b"(" + answer + b")"), *given


def _given_each(flow: Node) -> Iterator[Node]:
    """The lambdas that are given each value of a flow as it is."""
    applied = _applied(flow)
    while applied is not None:
        called, block = callee_name(applied), _lambda(applied)
        if block is not None and called in _OF_EACH:
            yield block
        applied = _applied(applied) if called in _KEEPING else None


def _read(flow: Node) -> Node | None:
    """The whole of `flow.first()` and `flow.value`."""
    applied = _applied(flow)
    if applied is not None:
        return applied if _is_first(applied) else None
    above = flow.parent
    looked_up = above is not None and above.type == "navigation_expression" and above.children[0] == flow
    return above if above is not None and looked_up and text(above.children[-1]) == b"value" else None


def _collected(flow: Node) -> Node | None:
    """The delegate of `val on by remember { flow }.collectAsState(..)`, which shows the answer once it is there."""
    literal = flow.parent
    alone = literal is not None and literal.type == "lambda_literal" and len(named(literal)) == 1
    made = literal.parent.parent if literal is not None and alone and literal.parent is not None else None
    remembered = made is not None and made.type == "call_expression" and text(made.children[0]) == b"remember"
    applied = _applied(made if made is not None and remembered else flow)
    delegate = applied.parent if applied is not None and callee_name(applied) in _COLLECTING else None
    declared = delegate.parent if delegate is not None and delegate.type == "property_delegate" else None
    return delegate if declared is not None and any(each.type == "val" for each in declared.children) else None


def _is_first(applied: Node) -> bool:
    return callee_name(applied) == b"first" and _lambda(applied) is None and text(applied).endswith(b"()")


def _is_wanted(flow: Node) -> bool:
    """Whether any flow will do where this one stands."""
    above = flow.parent
    if above is None:
        return False
    if above.type == "navigation_expression":
        applied = _applied(flow)
        return applied is not None and callee_name(applied) in _OF_FLOWS and text(above.children[1]) == b"."
    if above.type == "value_argument":
        call = _call_of(above)
        return call is not None and callee_name(call) in _TAKING
    between = ("function_body", "return_expression", "block", "getter")
    declared = next((each for each in ancestors(flow) if each.type not in between), above)
    kind = _type_of(declared)
    return kind is not None and re.match(rb"Flow\s*<", kind) is not None


def _type_of(declaration: Node) -> bytes | None:
    """The type that a property or function says it has."""
    variable = child(declaration, "variable_declaration") if declaration.type == "property_declaration" else declaration
    if variable is None or declaration.type not in ("property_declaration", "function_declaration"):
        return None
    kind = child(variable, "user_type")
    return text(kind) if kind is not None else None


# ------------------------------------------------------------------------------------------------ combine
def _combined(source: Source, flow: Node, answer: bytes) -> tuple[Mend, ...] | None:
    """`combine(.., flow, ..) { .., on, .. -> .. }` and `a.combine(flow) { x, on -> .. }` without the flow."""
    argument = flow.parent
    call = _call_of(argument) if argument is not None and argument.type == "value_argument" else None
    block = _lambda(call) if call is not None else None
    if argument is None or call is None or block is None or callee_name(call) != b"combine" or not _is_ours(source):
        return None
    made, listed = call.children[0], argument.parent
    if made.type != "call_expression" or listed is None:
        return None
    flows, receiver = named(listed), None
    if made.children[0].type == "navigation_expression":
        receiver = made.children[0].children[0]
    at = flows.index(argument) + (receiver is not None)
    parameters = _parameters(block)
    if len(parameters) != len(flows) + (receiver is not None) or not 1 < len(parameters) <= _MOST:
        return None
    given = _given(block, at, answer)
    if given is None or any(each.type == "spread_expression" for each in flows):
        return None
    labelled = any(each.type == "=" for one in flows for each in one.children)
    if len(parameters) > 2 and labelled:  # noqa: PLR2004 - the names of the others say their places
        return None
    if len(parameters) > 2:  # noqa: PLR2004 - two flows at least are combined
        return (_element_out(source, argument), *given) if receiver is None else None
    return _mapped(source, call, receiver or named(next(each for each in flows if each != argument))[-1], block, given)


def _mapped(source: Source, call: Node, other: Node, block: Node, given: tuple[Mend, ...]) -> tuple[Mend, ...] | None:
    """What combines one flow with nothing maps it."""
    inner = [each for each in descendants(block) if each.type == "call_expression" and callee_name(each) == b"combine"]
    if inner or not _can_import(source, b"map"):
        return None
    labels = [each.child_by_field_name("label") for each in descendants(block) if each.type == "return_expression"]
    renamed = [(each.start_byte, each.end_byte, b"map") for each in labels if each and text(each) == b"combine"]
    called = call.children[0].children[0]
    if called.type == "navigation_expression":
        return ((called.children[-1].start_byte, call.children[0].end_byte, _to_import(b"map")), *given, *renamed)
    old, new = source.indent(other.start_byte), source.indent(call.start_byte)
    taken = text(other) if old == new else text(other).replace(b"\n" + old, b"\n" + new)
    if other.type not in _PRIMARY:
        taken = b"(" + taken + b")"
    lines = taken.split(b"\n")
    dot = b"\n" + lines[-1][: len(lines[-1]) - len(lines[-1].lstrip())] + b"." if len(lines) > 1 else b"."
    return ((call.start_byte, call.children[0].end_byte, taken + dot + _to_import(b"map")), *given, *renamed)


def _is_ours(source: Source) -> bool:
    """Whether `combine` is that of the standard library, and nothing else is called so."""
    names = [text(path) for path in _imports(source)]
    found = [each for each in names if each.endswith(b".combine")]
    return found == [_PACKAGE + b"combine"] and b"fun combine" not in source.data


def _element_out(source: Source, argument: Node) -> Mend:
    after, before = argument.next_sibling, argument.prev_sibling
    if after is not None and after.type == ",":
        first, last = source.line_start(argument.start_byte), source.line_end(after.end_byte)
        if not source.data[first : argument.start_byte].strip() and not source.data[after.end_byte : last].strip():
            return first, last, b""
        following = after.next_sibling
        return argument.start_byte, following.start_byte if following is not None else after.end_byte, b""
    return before.start_byte if before is not None else argument.start_byte, argument.end_byte, b""


# ------------------------------------------------------------------------------------------------ its lambda
def _given(block: Node, index: int, answer: bytes) -> tuple[Mend, ...] | None:
    """A lambda with the answer in place of its parameter at a position; None where it is not sure what is it."""
    parameters = _parameters(block)
    if not parameters:
        return _given_it(block, answer) if index == 0 else None
    parameter = parameters[index]
    name = child(parameter, "identifier") if parameter.type == "variable_declaration" else None
    if name is None:
        return None
    reads = [each for each in _named(block, text(name)) if not _holds(parameter, each)]
    if any(role(each) in ("bind", "write") for each in reads):
        return None
    mends = [read_of(each, answer) for each in reads if role(each) == "read"]
    return (_parameter_out(block, parameter, parameters), *mends)


def _given_it(block: Node, answer: bytes) -> tuple[Mend, ...] | None:
    reads = [each for each in _named(block, b"it") if role(each) == "read"]
    lambdas = (next(above for above in ancestors(each) if above.type == "lambda_literal") for each in reads)
    return tuple(read_of(each, answer) for each in reads) if all(each == block for each in lambdas) else None


def _named(block: Node, name: bytes) -> Iterator[Node]:
    for each in descendants(block):
        if (each.type == "identifier" and text(each) == name) or name_in_text(each) == name:
            yield each


def _parameter_out(block: Node, parameter: Node, parameters: list[Node]) -> Mend:
    """One of several with its comma and its line; the only one with the arrow."""
    if len(parameters) == 1:
        if any(text(each) == b"it" for each in _named(block, b"it")):
            return parameter.start_byte, parameter.end_byte, b"_"
        arrow = next(each for each in block.children if each.type == "->")
        following = arrow.next_sibling
        on_line = following is not None and following.start_point.row == arrow.end_point.row
        end = following.start_byte if following is not None and on_line else arrow.end_byte
        start = parameter.start_byte if on_line else parameter.start_byte - 1
        return start, end, b""
    index = parameters.index(parameter)
    if index + 1 < len(parameters):
        return parameter.start_byte, parameters[index + 1].start_byte, b""
    trailing = parameter.next_sibling is not None and parameter.next_sibling.type == ","
    comma = parameters[index - 1].next_sibling
    start = comma.end_byte if trailing and comma is not None else parameters[index - 1].end_byte
    end = parameter.next_sibling.end_byte if trailing and parameter.next_sibling is not None else parameter.end_byte
    return start, end, b""


def _parameters(block: Node) -> list[Node]:
    listed = child(block, "lambda_parameters")
    return named(listed) if listed is not None else []


# ------------------------------------------------------------------------------------------------ afterwards
def settled(place: Node, value: tuple[Scalar]) -> Settled | None:
    """`flowOf(on).map { a }` is `flowOf(a)`, `flowOf(on).flatMapLatest { flow }` is `flow`; idle filters go."""
    argument = place.parent
    made = _call_of(argument) if argument is not None and argument.type == "value_argument" else None
    applied = _applied(made) if made is not None and callee_name(made) == b"flowOf" else None
    if made is None or applied is None:
        return None
    if _is_first(applied):
        return Settled(applied.start_byte, applied.end_byte, (place.start_byte, place.end_byte))
    called, block = callee_name(applied), _lambda(applied)
    if block is None:
        superfluous = called == b"distinctUntilChanged" and text(applied).endswith(b"()")
        return Settled(made.end_byte, applied.end_byte) if superfluous else None
    body = named(block)[0] if len(named(block)) == 1 and single(named(block)[0]) is not None else None
    if body is None or any(True for _ in _named(block, b"it")):
        return None
    if called == b"filter" and value == (True,) and text(body) == text(place):
        return Settled(made.end_byte, applied.end_byte)
    return _mapped_once(place, applied, body)


def _mapped_once(place: Node, applied: Node, body: Node) -> Settled | None:
    called, outer = callee_name(applied), _applied(applied)
    if called == b"map" and _is_value(body):
        return Settled(place.start_byte, applied.end_byte, None, text(body) + b")")
    if called == b"flatMapLatest" and _is_value(body) and body.type in _PRIMARY:
        return Settled(applied.start_byte, applied.end_byte, (body.start_byte, body.end_byte))
    leaves = any(each.type == "return_expression" for each in descendants(body))
    if called == b"map" and outer is not None and _is_first(outer) and body.type in _PRIMARY and not leaves:
        return Settled(outer.start_byte, outer.end_byte, (body.start_byte, body.end_byte))
    return None


_PRIMARY = frozenset({"identifier", "navigation_expression", "call_expression"})


def _is_value(node: Node) -> bool:
    """Whether it does not matter when, and how often, an expression is evaluated."""
    return not any(each.type in _DOING for each in descendants(node))


# ------------------------------------------------------------------------------------------------ nodes
def _applied(flow: Node) -> Node | None:
    """The call of what is looked up in a flow: `flow.map { .. }`, `flow.first()`."""
    above = flow.parent
    if above is None or above.type != "navigation_expression" or above.children[0] != flow:
        return None
    call = above.parent
    if call is None or call.type != "call_expression" or call.children[0] != above:
        return None
    outer = call.parent
    doubled = outer is not None and outer.type == "call_expression" and outer.children[0] == call
    return outer if doubled else call


def _call_of(argument: Node) -> Node | None:
    """The whole call that an argument is given to, with the lambda behind it."""
    listed = argument.parent
    call = listed.parent if listed is not None else None
    outer = call.parent if call is not None else None
    doubled = outer is not None and outer.type == "call_expression" and outer.children[0] == call
    return outer if doubled else call


def _lambda(call: Node) -> Node | None:
    """The lambda behind the parentheses of a call."""
    found = child(call, "annotated_lambda")
    return child(found, "lambda_literal") if found is not None else None


def _holds(node: Node, inner: Node) -> bool:
    return node.start_byte <= inner.start_byte < node.end_byte


def _imports(source: Source) -> Iterator[Node]:
    for each in source.tree.root_node.children:
        path = child(each, "qualified_identifier") if each.type == "import" else None
        if path is not None and not any(part.type == "as" for part in each.children):
            yield path


# ------------------------------------------------------------------------------------------------ what it imports
_TO_IMPORT = re.compile(rb"__FF_USE_(\w+?)__")


def _to_import(name: bytes) -> bytes:
    """What stands for a function of flows until it is imported, which moves all that is below."""
    return b"__FF_USE_" + name + b"__"


def _can_import(source: Source, name: bytes) -> bool:
    """Whether a function of flows is imported, or can be: its name is not another's."""
    paths = [text(each) for each in _imports(source)]
    taken = b" as " + name in source.data or any(each.endswith(b"." + name) for each in paths)
    return _PACKAGE + name in paths or (bool(paths) and not taken)


def imported(source: Source) -> Source:
    """With imports for the functions that were put there, each in its place among the others."""
    for name in sorted({*_TO_IMPORT.findall(source.data)}):
        edits = [Edit(*each.span(), name) for each in re.finditer(re.escape(_to_import(name)), source.data)]
        source = source.edited([*edits, *_import(source, _PACKAGE + name)])
    return source


def _import(source: Source, path: bytes) -> Iterator[Edit]:
    paths = list(_imports(source))
    if path not in map(text, paths) and b"import " + _PACKAGE + b"*" not in source.data:
        following = next((each.parent for each in paths if text(each) > path and each.parent is not None), None)
        at = following.start_byte if following is not None else source.line_end(paths[-1].end_byte)
        yield Edit(at, at, b"import " + path + (b"\r\n" if b"\r\n" in source.data else b"\n"))
