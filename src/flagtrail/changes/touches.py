"""In whose history an entry stands: the flags that a change of a document can alter."""

from __future__ import annotations

from typing import TypeAlias, cast

from flagtrail.model.entry import Touch
from flagtrail.model.state import Mention, State
from flagtrail.model.subject import LEAVING, Subject

_Node: TypeAlias = tuple[Mention, str | None]
"""A flag or segment that is reached, and the environment in which it is; None for all of them."""


def touches(state: State, subject: Subject) -> tuple[Touch, ...]:
    """The flags, by environment, whose resolution a change of `subject` can alter; sorted.

    A flag and its targeting touch themselves and the flags that depend on them;
    a segment touches every flag whose targeting names it, through other
    segments too. A guard, and what tells of a flag's way out, alter nothing, but
    stand in its history. Other kinds touch none.
    """
    project = subject.project or ""
    if subject.kind in {"flag", "targeting"}:
        flag = cast("str", subject.flag)
        own = Touch(project, flag, subject.environment or "")
        return tuple(sorted({own, *_dependents(state, project, ("flag", flag), subject.environment)}))
    if subject.kind == "guard" or subject.kind in LEAVING:
        return (Touch(project, cast("str", subject.flag), subject.environment or ""),)
    if subject.kind == "segment":
        return tuple(sorted(_dependents(state, project, ("segment", subject.name), None)))
    return ()


def _dependents(state: State, project: str, root: Mention, environment: str | None) -> set[Touch]:
    """The targetings, per environment, that resolve by the root: directly, through segments, through other flags."""
    waiting: list[_Node] = [(root, environment)]
    seen = set(waiting)
    while waiting:
        mention, where = waiting.pop()
        for user in state.users_of(project, mention):
            node = _node(user, where)
            if node is not None and node not in seen:
                seen.add(node)
                waiting.append(node)
    return {Touch(project, key, where or "") for (kind, key), where in seen if kind == "flag" and (kind, key) != root}


def _node(user: Subject, where: str | None) -> _Node | None:
    """The user as what others may name in turn. A targeting counts in its environment alone, a segment in any."""
    if user.kind == "segment":
        return ("segment", user.name), where
    return (("flag", cast("str", user.flag)), user.environment) if where in {None, user.environment} else None
