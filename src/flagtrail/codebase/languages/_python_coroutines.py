"""Evaluations of Python that answer a coroutine, and where that is used itself."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from tree_sitter import Node

from flagtrail.codebase.languages._python_names import assigned, scope_of
from flagtrail.codebase.languages._python_text import text
from flagtrail.codebase.shapes import Call
from flagtrail.codebase.source import Source, descendants

_TAKING = {
    *("gather", "create_task", "ensure_future", "wait_for", "shield", "wait", "as_completed", "start_soon", "run"),
    *("run_until_complete", "run_coroutine_threadsafe"),
}
"""Functions of event loops that take what can be awaited."""


def is_used(source: Source, call: Call, texts: Callable[[bytes], Iterable[bytes]]) -> bool:  # noqa: ARG001 - the door's
    """Whether a call answers a coroutine, by its name or by what takes it, that is not awaited there.

    Nor by every use of the variable that it is given to.
    """
    place = call.node
    while place.parent is not None and place.parent.type == "parenthesized_expression":
        place = place.parent
    above = place.parent
    if above is None or above.type == "await":
        return False
    taker = above.parent.child_by_field_name("function") if above.parent is not None else None
    if above.type == "argument_list" and taker is not None and text(taker).rpartition(".")[2] in _TAKING:
        return True
    return text(call.name).endswith("_async") and not _is_awaited_later(above)


def _is_awaited_later(assignment: Node) -> bool:
    given = assigned(assignment.parent) if assignment.parent is not None else None
    if given is None:
        return False
    every = [
        each for each in descendants(scope_of(assignment)) if each.text == given[0].text and each.type == "identifier"
    ]
    return all(each.parent is not None and each.parent.type == "await" for each in every if each != given[0])
