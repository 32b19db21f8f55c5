"""A placeholder that decides which statements run: what is left of them."""

from __future__ import annotations

from tree_sitter import Node

from flagtrail.codebase.languages import Language
from flagtrail.codebase.rewrite.expressions import replaced
from flagtrail.codebase.rewrite.placeholders import TRUE, Answer
from flagtrail.codebase.rewrite.placeholders import is_one as is_placeholder
from flagtrail.codebase.rewrite.reached import reached
from flagtrail.codebase.rewrite.refused import Refused
from flagtrail.codebase.rewrite.removal import start_with_comments, without
from flagtrail.codebase.rewrite.splice import out, reindented, statement_out, unwrapped
from flagtrail.codebase.shapes import Arm, Case, Chain, Loop, Switch
from flagtrail.codebase.source import Edit, Source, ancestors

NEAR = 4
"""How far above a placeholder a statement can begin that it alone decides (parentheses, clauses)."""


def folded(source: Source, language: Language, answer: Answer, node: Node) -> Source | None:
    """One step towards the statements without the flag."""
    alone = language.statement(node)
    if alone is not None:
        return _gone(source, language, alone)
    for place, _ in zip(ancestors(node), range(NEAR), strict=False):
        chain = _chain(language, place)
        for index, arm in enumerate(chain.arms if chain else ()):
            if arm.condition == node:
                assert chain is not None  # noqa: S101 - it has arms
                return _decided(source, language, chain, index, truth=bool(answer.meaning(source.text(node))))
        loop = language.loop(place)
        if loop is not None and loop.condition == node:
            return _looped(source, language, loop, truth=bool(answer.meaning(source.text(node))))
        switch = language.switch(place)
        if switch is not None and switch.subject == node:
            return _chosen(source, language, answer, switch)
        if switch is not None and switch.subject is None:
            return _case(source, language, switch, node, truth=bool(answer.meaning(source.text(node))))
    if language.in_condition(node):
        raise Refused("unsupported", "what this decides cannot be taken apart here")
    return None


def _looped(source: Source, language: Language, loop: Loop, *, truth: bool) -> Source | None:
    if not truth:
        return _gone(source, language, loop.node)
    made = reached(source, language, loop.node.start_byte, loop.node.end_byte)
    return made if made is not source else None


def _chain(language: Language, node: Node) -> Chain | None:
    """The chain that an `if` begins or goes on with."""
    chain = language.chain(node)
    if chain is not None:
        return chain
    for above in ancestors(node):
        outer = language.chain(above)
        if outer is not None:
            return outer if any(arm.condition.parent in (node, node.parent) for arm in outer.arms) else None
        if above.type in language.BLOCKS:
            return None
    return None


def _decided(source: Source, language: Language, chain: Chain, index: int, *, truth: bool) -> Source:
    if chain.initializer is not None and index == 0:
        mends = language.without_head(chain, truth=truth, always=TRUE)
        if mends is None:
            raise Refused("unsupported", "the `if` has a statement of its own in front of its condition")
        return source.edited(Edit(*mend) for mend in mends)
    arm = chain.arms[index]
    if truth and index == 0:
        return unwrapped(source, language, chain.node, arm.body)
    if truth:
        return _last(source, language, chain, arm)
    if index > 0:
        return _without(source, chain, index)
    if len(chain.arms) > 1:
        return _promoted(source, chain)
    if chain.otherwise is not None:
        return unwrapped(source, language, chain.node, chain.otherwise)
    return _gone(source, language, chain.node)


def _gone(source: Source, language: Language, statement: Node) -> Source:
    """Without a statement that never does anything, and the comment that is about it."""
    if statement.parent is None or statement.parent.type not in language.BLOCKS:
        return statement_out(source, language, statement)
    return without(source, language, [(statement.start_byte, statement.end_byte)])


def _last(source: Source, language: Language, chain: Chain, arm: Arm) -> Source:
    """`else if (true) { body } ...` -> `else { body }`."""
    return source.edited(
        [
            Edit(arm.keyword.start_byte, arm.head_end, language.ELSE),
            Edit(arm.body.end_byte, chain.node.end_byte),
        ]
    )


def _without(source: Source, chain: Chain, index: int) -> Source:
    """A later arm that is never taken goes, with the `else` in front of it."""
    return source.edited([Edit(chain.arms[index - 1].body.end_byte, chain.arms[index].body.end_byte)])


def _promoted(source: Source, chain: Chain) -> Source:
    """`if (false) {..} else if (b) {..}` -> `if (b) {..}`."""
    keyword = chain.arms[0].keyword
    second = chain.arms[1].keyword
    return source.edited([Edit(keyword.start_byte, second.end_byte, source.text(keyword))])


def _chosen(source: Source, language: Language, answer: Answer, switch: Switch) -> Source | None:
    """The one case that a switch over the flag's value takes, in the switch's place."""
    assert switch.subject is not None  # noqa: S101 - it is the placeholder
    value = answer.meaning(source.text(switch.subject))
    taken: Case | None = None
    for case in switch.cases:
        known = [language.constant(each) for each in case.values]
        if any(each is not None and type(each[0]) is type(value) and each[0] == value for each in known):
            taken = case
            break
        if any(  # `case 1` takes what is true in one language, and not in another
            each[0] == value if each is not None else not is_placeholder(source.text(node))
            for each, node in zip(known, case.values, strict=True)
        ):
            raise Refused("unsupported", "a case of the switch is no constant")
    taken = taken or next((case for case in switch.cases if case.default), None)
    if taken is None:
        return _gone(source, language, switch.node) if not switch.expression else None
    if taken.falls_through:
        raise Refused("falls_through", "control falls from the chosen case into the next one")
    return _taken(source, language, switch, taken)


def _case(source: Source, language: Language, switch: Switch, node: Node, *, truth: bool) -> Source | None:
    """A case whose condition is decided, of a switch that has conditions and no subject."""
    index = next((at for at, case in enumerate(switch.cases) if node in case.values), None)
    if index is None:
        return None
    case, others = switch.cases[index], switch.cases[:index] + switch.cases[index + 1 :]
    if index and switch.cases[index - 1].falls_through:
        raise Refused("falls_through", "control falls into this case from the one before")
    if truth and (case.falls_through or switch.cases[-1].falls_through):
        raise Refused("falls_through", "control falls from the chosen case into the next one")
    if truth and index == 0:
        return _taken(source, language, switch, case)
    if truth:
        dropped = [out(source, later.node.start_byte, later.node.end_byte) for later in switch.cases[index + 1 :]]
        head = Edit(case.node.start_byte, case.values[-1].end_byte, language.DEFAULT_CASE)
        return source.edited([head, *dropped])
    if len(case.values) > 1:
        raise Refused("unsupported", "the case has other conditions as well")
    if not others:
        return _gone(source, language, switch.node) if not switch.expression else None
    if len(others) == 1 and others[0].default:
        return _taken(source, language, switch, others[0])
    return source.edited([out(source, start_with_comments(language, case.node), case.node.end_byte)])


def _taken(source: Source, language: Language, switch: Switch, case: Case) -> Source:
    if switch.expression:
        value = source.tree.root_node.descendant_for_byte_range(*case.body)
        assert value is not None  # noqa: S101 - a case has a value
        return replaced(source, language, switch.node, value)
    if language.breaks(case):
        raise Refused("unsupported", "a `break` deeper within the chosen case leaves the switch")
    return _in_place_of(source, language, switch.node, case)


def _in_place_of(source: Source, language: Language, statement: Node, case: Case) -> Source:
    start, end = case.body
    if start >= end:
        return _gone(source, language, statement)
    parent = statement.parent
    inside = source.tree.root_node.descendant_for_byte_range(start, end)
    if parent is None or parent.type not in language.BLOCKS or inside is None:
        raise Refused("unsupported", "a switch stands where one statement is wanted")
    if inside.start_byte == start and inside.end_byte == end and inside.type in language.BLOCKS:
        return unwrapped(source, language, statement, inside)
    clash = language.clash(statement, case.node, ())
    if clash is not None:
        raise Refused("name_clash", "a name of the chosen case is a name outside of it as well")
    text = reindented(source, language, case.body, source.indent(statement.start_byte))
    return source.edited([Edit(statement.start_byte, statement.end_byte, text)])
