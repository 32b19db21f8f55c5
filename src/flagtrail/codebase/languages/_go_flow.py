"""How far a value of a Go variable reaches, and whether a block's names would be others' outside of it.

`err` is declared once and given a value by every second statement: what a value is read by is what stands between
its statement and the next one of the same block that gives another. Whatever could read it elsewhere (a closure, a
jump, a named result) makes this unsure, and then nothing is said.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import msgspec
from tree_sitter import Node

from flagtrail.codebase.languages import _go_fields as fields
from flagtrail.codebase.languages import _go_names as names
from flagtrail.codebase.languages import _go_scopes as scopes
from flagtrail.codebase.shapes import Binding, Clash, Lifetime, Mend
from flagtrail.codebase.source import descendants

_GIVES = frozenset({"short_var_declaration", "assignment_statement"})
_LEAVES = frozenset({"break_statement", "continue_statement", "goto_statement"})


class _Reach(msgspec.Struct, frozen=True):
    """The reads of a value, and the statement that gives the next one (None: the block ends); it may be in a head."""

    reads: tuple[Node, ...]
    next: Node | None
    between: tuple[Node, ...]


# ------------------------------------------------------------ one value of several
def lifetime(binding: Binding) -> Lifetime | None:
    """How far the binding's value reaches, where the variable has other values, too."""
    statement, name = binding.statement, binding.name
    if binding.everywhere:
        return fields.lifetime(binding)
    place = _place(statement)
    if statement.type not in _GIVES or not _in_list(place):
        return None
    mentions = [each for each in _named(binding.scope, name) if scopes.variable_scope(each) == binding.scope]
    others = [each for each in mentions if each != name and names.role(each) in ("bind", "write")]
    if _is_nil_already(binding, mentions):
        mentions = [each for each in mentions if each.start_byte >= statement.start_byte]
    if not others or not _is_plain(binding.scope, name, mentions):
        return None
    reach = _reach(place, mentions, statement)
    if reach is None or not _ends(binding, reach):
        return None
    mends = _mends(binding, reach, mentions)
    return None if mends is None else Lifetime(reach.reads, mends)


def _is_nil_already(binding: Binding, mentions: list[Node]) -> bool:
    """Whether a named result is given the nil that it has from the beginning: nothing but closures has read it."""
    block, results = _block_of(binding), binding.scope.child_by_field_name("result")
    if binding.value.text != names.NIL or results is None or block is None or block.parent != binding.scope:
        return False
    before = [each for each in mentions if each.start_byte < binding.statement.start_byte]
    own = [each for each in before if _within(each, results)]
    return bool(own) and all(
        each in own or (names.role(each) == "read" and _function_of(each) != binding.scope) for each in before
    )


def _block_of(binding: Binding) -> Node | None:
    listed = _place(binding.statement).parent
    return listed.parent if listed is not None else None


def _place(statement: Node) -> Node:
    """The `if` that a statement is in the head of, which is done there; else the statement."""
    head = statement.parent
    if head is None or head.type != "if_statement" or statement.type != "assignment_statement":
        return statement
    return head if head.child_by_field_name("initializer") == statement else statement


def _in_list(statement: Node) -> bool:
    return statement.parent is not None and statement.parent.type == "statement_list"


def _named(top: Node, name: Node) -> Iterator[Node]:
    for node in descendants(top):
        if node.type == "identifier" and node.text == name.text and names.role(node) != "member":
            yield node


def _is_plain(scope: Node, name: Node, mentions: list[Node]) -> bool:
    """A variable that only its own function reads, in the order of the text: no closure, result, `goto` or `&`."""
    function = _function_of(name)
    results = function.child_by_field_name("result")
    if scope.type == "source_file" or any(node.type == "goto_statement" for node in descendants(function)):
        return False
    if results is not None and any(results.start_byte <= each.start_byte < results.end_byte for each in mentions):
        return False
    return all(_function_of(each) == function and not _is_address(each) for each in mentions)


def _function_of(node: Node) -> Node:
    at = node
    while at.parent is not None and at.type not in scopes.FUNCTIONS:
        at = at.parent
    return at


def _is_address(name: Node) -> bool:
    return name.parent is not None and name.parent.type != "expression_list" and names.role(name) == "write"


def _reach(statement: Node, mentions: list[Node], head: Node | None = None) -> _Reach | None:
    """What reads a value that a statement gives, maybe in its `head`."""
    reads = [each for each in mentions if head is not None and head.end_byte <= each.start_byte < statement.end_byte]
    if any(names.role(each) != "read" for each in reads):
        return None
    between = [statement] if reads else []
    for later in _later(statement):
        inside = [each for each in mentions if later.start_byte <= each.start_byte < later.end_byte]
        giving = _giving(later)
        targets = [] if giving is None else scopes.elements(giving.child_by_field_name("left"))
        if giving is not None and any(each in targets for each in inside):
            value = [each for each in inside if _within(each, giving) and each not in targets]
            return _Reach((*reads, *value), giving, tuple(between))
        if any(names.role(each) != "read" for each in inside):
            return None
        reads += inside
        between.append(later)
    return _Reach(tuple(reads), None, tuple(between))


def _later(statement: Node) -> Iterator[Node]:
    at = statement.next_named_sibling
    while at is not None:
        if at.type != "comment":
            yield at
        at = at.next_named_sibling


def _giving(statement: Node) -> Node | None:
    """What a statement surely does first and that may give a value: itself, or what stands in its head."""
    if statement.type in scopes.HEADED:
        found = statement.child_by_field_name("initializer")
        return found if found is not None and found.type == "assignment_statement" else None
    return statement if statement.type in _GIVES and names.operator(statement) in (":=", "=") else None


def _within(node: Node, around: Node) -> bool:
    return around.start_byte <= node.start_byte and node.end_byte <= around.end_byte


def _ends(binding: Binding, reach: _Reach) -> bool:
    """Whether nothing reads the value but what is known: the variable ends with the block, or gets a value in it."""
    own = _block_of(binding)
    if own == binding.scope or (
        own is not None and own.parent == binding.scope and binding.scope.type in scopes.FUNCTIONS
    ):
        return True
    if reach.next is None:
        return False
    return not any(node.type in _LEAVES for each in reach.between for node in descendants(each))


def _mends(binding: Binding, reach: _Reach, mentions: list[Node]) -> tuple[Mend, ...] | None:
    """The next statement declares what this one declared; None where it cannot."""
    declares = binding.statement.type == "short_var_declaration" and not names.assigns(binding.name)
    if not declares or reach.next is None or reach.next.type == "short_var_declaration":
        return ()
    targets = scopes.elements(reach.next.child_by_field_name("left"))
    if any(each.text not in (b"_", binding.name.text) for each in targets) or names.operator(reach.next) != "=":
        return None
    head = reach.next.parent
    if head is not None and head.type in scopes.HEADED and any(each.start_byte >= head.end_byte for each in mentions):
        return None
    operator = next(child for child in reach.next.children if child.type == "=")
    return ((operator.start_byte, operator.end_byte, b":="),)


# ------------------------------------------------------------ names of a block
def clash(statement: Node, body: Node, gone: Iterable[Node]) -> Clash | None:
    """What hinders a block, or a case, from standing in place of a statement. `goto` must not jump over a name."""
    block = body.parent if body.type == "statement_list" else body
    outer = scopes.scope_of(statement)
    if block is None or block.type not in scopes.LISTS:
        return None
    declared = _declared(block)
    if declared and any(node.type == "goto_statement" for node in descendants(_function_of(statement))):
        return Clash(declared[0])
    skipped = [statement, *gone]
    inside: list[Mend] = []
    outside: list[Mend] = []
    for name in declared:
        around = [each for each in _named(_function_of(statement), name) if not any(_within(each, s) for s in skipped)]
        before, after = _meant_outside(around, statement, outer)
        if not before and not after:
            continue
        if not _is_error(name) or not _is_plain(outer, name, [each for each in around if each in before + after]):
            return Clash(name)
        found = _joined(name, statement, before, after)
        if found is None:
            return Clash(name)
        inside += found.inside
        outside += found.outside
    return Clash(None, tuple(inside), tuple(outside)) if inside or outside else None


def _declared(block: Node) -> list[Node]:
    """The first place of each name that a block declares."""
    first: dict[bytes, Node] = {}
    for name in scopes.names_of(block):
        first.setdefault(name.text or b"", name)
    return list(first.values())


def _is_error(name: Node) -> bool:
    """An error by its name, so that two variables of the name have one type."""
    return (name.text or b"").lower().endswith(b"err")


def _meant_outside(around: list[Node], statement: Node, outer: Node) -> tuple[list[Node], list[Node]]:
    """Where the name would be the block's, or the block's name would be another's: declared in the same scope before
    the statement, and meant by what follows it there.
    """
    places = {outer, outer.parent} if outer.parent is not None and outer.parent.type in scopes.FUNCTIONS else {outer}
    before = [
        each for each in around if each.end_byte <= statement.start_byte and scopes.variable_scope(each) in places
    ]
    after = [each for each in around if each.start_byte >= statement.end_byte and each.end_byte <= outer.end_byte]
    return before, [each for each in after if not _further_in(scopes.variable_scope(each), outer)]


def _further_in(scope: Node, outer: Node) -> bool:
    return scope != outer and _within(scope, outer)


def _joined(name: Node, statement: Node, before: list[Node], after: list[Node]) -> Clash | None:
    """What makes one error variable of two, where the outer one's value is not read any more after the block."""
    declaration = name.parent.parent if name.parent is not None else None
    if declaration is None or declaration.type != "short_var_declaration":
        return None
    inside, outside = [], []
    if before:
        others = [each for each in scopes.identifiers(declaration.child_by_field_name("left")) if each != name]
        if not others:
            inside.append(_operator_of(declaration, b"="))
    reach = _reach(statement, after)
    if after and (reach is None or reach.reads or reach.next is None):
        return None
    if after and not before and reach is not None and reach.next is not None:
        if reach.next.type != "short_var_declaration":
            return None
        new = [each for each in scopes.identifiers(reach.next.child_by_field_name("left")) if each.text != name.text]
        if not any(not names.assigns(each) for each in new):
            outside.append(_operator_of(reach.next, b"="))
    return Clash(None, tuple(inside), tuple(outside))


def _operator_of(declaration: Node, operator: bytes) -> Mend:
    found = next(child for child in declaration.children if child.type == ":=")
    return found.start_byte, found.end_byte, operator
