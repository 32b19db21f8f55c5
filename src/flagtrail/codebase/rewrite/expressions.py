"""A placeholder within an expression: what the expression becomes.

Each rule takes a placeholder's node and either answers the file after one edit, or None where it has nothing to say.
What is left of a logical operator was evaluated first, so it is dropped only where it is pure; the value of `n && true`
is `n` only where no more than its truth matters.
"""

from __future__ import annotations

from collections.abc import Callable

from tree_sitter import Node

from flagtrail.codebase import sites
from flagtrail.codebase.languages import Language
from flagtrail.codebase.patterns import Pattern
from flagtrail.codebase.rewrite import members, variables
from flagtrail.codebase.rewrite import placeholders as named
from flagtrail.codebase.rewrite.placeholders import Answer
from flagtrail.codebase.rewrite.refused import Refused
from flagtrail.codebase.rewrite.splice import moved, put, settled_in
from flagtrail.codebase.shapes import Call, Equality, Logical, Scalar
from flagtrail.codebase.source import Source, ancestors

Rule = Callable[[Source, Language, Answer, Node], Source | None]


def folded(source: Source, language: Language, answer: Answer, node: Node) -> Source | None:
    """One step towards the expression without the flag."""
    for rule in (_parentheses, _seen_through, _details, _not, _logical, _conditional, _equality, _fallback, _settled):
        made = rule(source, language, answer, node)
        if made is not None:
            return made
    return None


def replaced(source: Source, language: Language, place: Node, kept: Node) -> Source:
    """`kept` in the place of an expression that holds it, in parentheses only where it would bind otherwise.

    Parentheses around either go where they are not needed. Those that hold several lines together stay. A truth value
    that is kept is the flag's answer from now on, and folded like it.
    """
    if (truth := _truth(source, language, kept)) is not None:
        return source.edited([put(source, place.start_byte, place.end_byte, named.of(truth))])
    settled = None if named.is_one(source.text(kept)) else language.settled(source, place, kept, None)
    if settled is not None:
        return settled_in(source, language, settled)
    core, outer = kept, place
    while (inner := language.inner(core)) is not None:
        core = inner
    while outer.parent is not None and language.inner(outer.parent) == outer:
        outer = outer.parent
    text = source.text(core)
    if b"\n" in text:
        chosen = core if outer != place or _is_enclosed(source, place) else kept
        text = moved(source, language, (chosen.start_byte, chosen.end_byte), source.indent(place.start_byte))
        if outer != place or core != kept:
            return source.edited([put(source, place.start_byte, place.end_byte, text)])
    if language.needs_parentheses(core, outer) or _joins_a_sign(source, outer, text):
        text = b"(" + text + b")"
    return source.edited([put(source, outer.start_byte, outer.end_byte, text)])


def _truth(source: Source, language: Language, kept: Node) -> bool | None:
    """What a literal that is a truth value denotes."""
    while (inner := language.inner(kept)) is not None:
        kept = inner
    found = None if named.is_one(source.text(kept)) else language.constant(kept)
    return found[0] if found is not None and isinstance(found[0], bool) else None


def _joins_a_sign(source: Source, place: Node, text: bytes) -> bool:
    """Whether a sign would stand right behind the same one: `-(-x)` is no `--x`."""
    return text[:1] in (b"-", b"+") and source.data[place.start_byte - 1 : place.start_byte] == text[:1]


def _is_enclosed(source: Source, place: Node) -> bool:
    """Whether parentheses that are not its own stand right around an expression, as those of `if (..)` do."""
    return (
        source.data[place.start_byte - 1 : place.start_byte] + source.data[place.end_byte : place.end_byte + 1] == b"()"
    )


def _settled(source: Source, language: Language, answer: Answer, node: Node) -> Source | None:
    """What the language itself makes of a constant where it stands."""
    name = source.text(node)
    if name == named.DETAILS or (name == named.VALUE and not answer.scalar):
        return None
    settled = language.settled(source, node, node, (answer.meaning(name),))
    return settled_in(source, language, settled) if settled is not None else None


def _known(source: Source, language: Language, answer: Answer, node: Node) -> tuple[Scalar] | None:
    if named.is_one(source.text(node)):
        return (answer.meaning(source.text(node)),)
    return language.constant(node)


def _parentheses(source: Source, language: Language, _: Answer, node: Node) -> Source | None:
    parent = node.parent
    if parent is None or language.inner(parent) != node:
        return None
    return source.edited([put(source, parent.start_byte, parent.end_byte, source.text(node))])


def _seen_through(source: Source, language: Language, _: Answer, node: Node) -> Source | None:
    """`await x`, `Boolean(x)`, `!!x`."""
    for parent in (node.parent, node.parent.parent if node.parent else None):
        if parent is not None and parent.start_byte <= node.start_byte and language.transparent(parent) == node:
            return source.edited([put(source, parent.start_byte, parent.end_byte, source.text(node))])
    return None


def _details(source: Source, language: Language, answer: Answer, node: Node) -> Source | None:
    """`details.value`, `details.variant`."""
    if source.text(node) != named.DETAILS or node.parent is None:
        return None
    member = language.member(node.parent)
    if member is None or member[0] != node:
        return _details_apart(source, language, answer, node)
    meaning = _of_details(source, answer, member[1])
    place = node.parent
    call = language.call(place.parent) if place.parent is not None else None
    if call is not None and not call.arguments and call.name == member[1]:
        place = call.node
    return source.edited([put(source, place.start_byte, place.end_byte, meaning)])


def _of_details(source: Source, answer: Answer, member: Node) -> bytes:
    name = source.text(member).lower()
    meaning = {
        b"value": answer.placeholder,
        b"getvalue": answer.placeholder,
        b"variant": named.VARIANT,
        b"getvariant": named.VARIANT,
    }.get(name, _of_field(answer, name))
    if meaning is None:
        raise Refused("unsupported", f"{source.text(member).decode()} of the details of an evaluation is used")
    return meaning


def _of_field(answer: Answer, name: bytes) -> bytes | None:
    """What a member means that a pattern calls the one with the value, if all that have it agree."""
    details = [each for each in answer.patterns if each.returns.startswith("details")]
    yields = {each.yields for each in details if each.field.lower().encode() == name}
    meanings = {"value": answer.placeholder, "enabled": named.of(answer.on), "variant": named.VARIANT}
    return meanings[yields.pop()] if len(yields) == 1 else None


def _details_apart(source: Source, language: Language, answer: Answer, node: Node) -> Source | None:
    """`const { value } = details`."""
    for place, _ in zip(ancestors(node), range(members.NEAR), strict=False):
        for part in language.taken_apart(place):
            if part.value == node:
                return source.edited(members.apart(source, part, _of_details(source, answer, part.key)))
    return None


def _not(source: Source, language: Language, answer: Answer, node: Node) -> Source | None:
    parent = node.parent
    if parent is None or language.negated(parent) != node:
        return None
    opposite = named.of(not answer.meaning(source.text(node)))
    return source.edited([put(source, parent.start_byte, parent.end_byte, opposite)])


def _logical(source: Source, language: Language, answer: Answer, node: Node) -> Source | None:
    parent = node.parent
    logical = language.logical(parent) if parent is not None else None
    if logical is None or parent is None:
        return None
    value = answer.meaning(source.text(node))
    decides = bool(value) == (logical.operator == "or")
    if logical.left == node:
        return replaced(source, language, parent, logical.left if decides else logical.right)
    if decides and _decided_before(source, language, answer, logical, truth=bool(value)):
        return replaced(source, language, parent, logical.left)
    if decides:
        return _decided_on_the_right(source, language, answer, parent, logical)
    if not (
        isinstance(value, bool)
        and (_only_truth_matters(source, language, answer, parent, logical) or _goes_on(language, logical, parent))
    ):
        raise Refused("value_context", "the left operand's value is used, not its truth")
    return replaced(source, language, parent, logical.left)


def _decided_before(source: Source, language: Language, answer: Answer, logical: Logical, *, truth: bool) -> bool:
    """Whether the left side is decided already, so that the right one is never looked at: `(f() || true) || true`."""
    left: Node | None = logical.left
    while left is not None and (inner := language.inner(left)) is not None:
        left = inner
    before = language.logical(left) if left is not None else None
    if before is None or before.operator != logical.operator or not named.is_one(source.text(before.right)):
        return False
    return bool(answer.meaning(source.text(before.right))) == truth


def _decided_on_the_right(source: Source, language: Language, answer: Answer, parent: Node, logical: Logical) -> Source:
    if not _only_asks(source, language, answer, logical.left):
        raise Refused("impure_operand", "what stands on the left does something when it is evaluated")
    if not _only_truth_matters(source, language, answer, parent, logical):
        raise Refused("value_context", "the left operand's value is used, not its truth")
    return replaced(source, language, parent, logical.right)


def _only_asks(source: Source, language: Language, answer: Answer, node: Node) -> bool:
    """Whether an expression is pure but for evaluations of other flags."""
    if language.pure(node):
        return True
    inner = language.inner(node) or language.negated(node)
    if inner is not None:
        return _only_asks(source, language, answer, inner)
    logical, call = language.logical(node), language.call(node)
    if logical is not None:
        return all(_only_asks(source, language, answer, side) for side in (logical.left, logical.right))
    if call is None or _evaluates(source, answer, call) is None:
        return False
    parts = [each.value for each in call.arguments] + ([call.receiver] if call.receiver is not None else [])
    return all(language.pure(part) for part in parts)


def _evaluates(source: Source, answer: Answer, call: Call) -> Pattern | None:
    """The pattern of an evaluation, of whatever flag."""
    named = answer.patterns.called(source.text(call.name))
    return next((each for each in named if each.kind == "call" and sites.is_called(source, call, each)), None)


def _is_boolean(source: Source, language: Language, answer: Answer, node: Node) -> bool:
    """Whether an expression yields true or false and nothing else, as an evaluation of another flag may."""
    if language.BOOLEAN_TYPED:
        return True
    inner, logical, call = language.inner(node), language.logical(node), language.call(node)
    if inner is not None:
        return _is_boolean(source, language, answer, inner)
    if logical is not None:
        return all(_is_boolean(source, language, answer, side) for side in (logical.left, logical.right))
    pattern = _evaluates(source, answer, call) if call is not None else None
    if pattern is not None and pattern.returns == "value":
        return pattern.yields == "enabled" or "bool" in pattern.last.lower()
    return language.boolean(node)


def _only_truth_matters(source: Source, language: Language, answer: Answer, node: Node, logical: Logical) -> bool:
    if _is_boolean(source, language, answer, logical.left) or language.in_condition(node):
        return True
    reads = variables.reads_of_value(source, language, node)
    return bool(reads) and all(language.in_condition(read) for read in reads)


def _goes_on(language: Language, logical: Logical, node: Node) -> bool:
    """`(n && true) && x` is `n && x`: where `n` is false it is the value of either."""
    outer = language.logical(node.parent) if node.parent is not None else None
    return outer is not None and outer.left == node and outer.operator == logical.operator


def _conditional(source: Source, language: Language, answer: Answer, node: Node) -> Source | None:
    parent = node.parent
    choice = language.conditional(parent) if parent is not None else None
    if choice is None or parent is None or choice.condition != node:
        return None
    if not choice.alike:
        raise Refused("value_context", "the type of the whole hangs on both branches")
    kept = choice.then if answer.meaning(source.text(node)) else choice.otherwise
    if kept is None:
        raise Refused("unsupported", "the branch that is left cannot stand there alone")
    if choice.end is not None and kept == choice.then:
        return source.edited([put(source, parent.start_byte, choice.end, source.text(kept))])
    return replaced(source, language, parent, kept)


def _equality(source: Source, language: Language, answer: Answer, node: Node) -> Source | None:
    parent = node.parent
    for place in (parent, parent.parent if parent is not None else None):
        equality = language.equality(place) if place is not None else None
        if place is None or equality is None:
            continue
        outcome = _compared(source, language, answer, equality)
        if outcome is None:
            return None
        return source.edited([put(source, place.start_byte, place.end_byte, named.of(outcome))])
    return None


def _compared(source: Source, language: Language, answer: Answer, equality: Equality) -> bool | None:
    left = _known(source, language, answer, equality.left)
    options = [
        _known(source, language, answer, each) for each in equality.one_of or (equality.right,) if each is not None
    ]
    if left is None:
        return None
    if not equality.exact and any(each is not None and _differs_in_kind(left[0], each[0]) for each in options):
        return None
    if any(each is not None and _same(left[0], each[0]) for each in options):
        return not equality.negated
    return equality.negated if all(each is not None for each in options) else None


def _differs_in_kind(left: Scalar, right: Scalar) -> bool:
    """Whether it is the language that decides: `True == 1` holds in Python, `true == 1` in JavaScript."""
    return left is not None and right is not None and _kind(left) != _kind(right)


def _kind(value: Scalar) -> str:
    return "truth" if isinstance(value, bool) else "text" if isinstance(value, str) else "number"


def _same(left: Scalar, right: Scalar) -> bool:
    return isinstance(left, bool) == isinstance(right, bool) and left == right


def _fallback(source: Source, language: Language, answer: Answer, node: Node) -> Source | None:
    parent = node.parent
    pair = language.fallback(parent) if parent is not None else None
    if pair is None or parent is None or pair[0] != node:
        return None
    return replaced(source, language, parent, pair[1] if answer.meaning(source.text(node)) is None else node)
