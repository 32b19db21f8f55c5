"""The statement in front of an `if`'s condition, when the condition is decided: it must still be done."""

from __future__ import annotations

from collections.abc import Callable

from tree_sitter import Node

from flagtrail.codebase.languages import _go_scopes as scopes
from flagtrail.codebase.shapes import Chain, Mend

Pure = Callable[[Node], bool]
_ASKED_WHETHER = frozenset({"index_expression", "type_assertion_expression"})


def without_head(chain: Chain, pure: Pure, *, truth: bool, always: bytes) -> tuple[Mend, ...] | None:
    """The mends by which it stands where it is still done; None where they are not sure.

    It goes into the block that is always run (`always` is what such an `if` asks), or in front of the next condition.
    """
    head, first = chain.initializer, chain.arms[0]
    if head is None:
        return ()
    if truth:
        moved = _moved(head, first.body)
        return None if moved is None else ((head.start_byte, first.condition.start_byte, b""), moved)
    if len(chain.arms) > 1:
        return ((first.condition.start_byte, chain.arms[1].condition.start_byte, b""),)
    if chain.otherwise is not None and chain.otherwise.type == "block":
        moved = _moved(head, chain.otherwise)
        return None if moved is None else ((head.start_byte, chain.otherwise.start_byte, always + b" "), moved)
    if chain.otherwise is not None:
        return None
    if head.type == "short_var_declaration" and _only_looks(head, pure):
        return ((head.start_byte, first.condition.start_byte, b""),)
    done = _alone(head)
    return None if done is None else ((chain.node.start_byte, chain.node.end_byte, done),)


def _moved(head: Node, body: Node) -> Mend | None:
    """The statement as the first one of a block; not where the block declares one of its names again."""
    lines = scopes.elements(body)
    names = {name.text for name in scopes.declared_by(head)}
    again = any(name.text in names for name in scopes.names_of(body))
    if again or not lines or body.start_point.row == body.end_point.row:
        return None
    first = body.named_children[0]
    if first.start_point.row == body.start_point.row:
        return None
    indent = b"\t" * first.start_point.column
    return first.start_byte, first.start_byte, (head.text or b"") + b"\n" + indent


def _only_looks(head: Node, pure: Pure) -> bool:
    """Whether its values do nothing; `v, ok := m[key]` and `v, ok := x.(T)` cannot fail."""
    left, right = (scopes.elements(head.child_by_field_name(side)) for side in ("left", "right"))
    if len(left) > len(right) and right[0].type in _ASKED_WHETHER:
        right = [each for side in ("operand", "index") for each in right[0].children_by_field_name(side)]
    return all(map(pure, right))


def _alone(head: Node) -> bytes | None:
    """What it still does, where nothing reads what it declares."""
    if head.type != "short_var_declaration":
        return head.text
    values = scopes.elements(head.child_by_field_name("right"))
    return values[0].text if len(values) == 1 and values[0].type == "call_expression" else None
