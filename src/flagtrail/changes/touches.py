"""In whose history an entry stands: the flags that a change of a document can alter."""

from __future__ import annotations

from typing import cast

from flagtrail.model.entry import Touch
from flagtrail.model.state import Mention, State, Versioned
from flagtrail.model.subject import Subject


def touches(state: State, subject: Subject) -> tuple[Touch, ...]:
    """The flags, by environment, whose resolution a change of `subject` can alter; sorted.

    A flag and its targeting touch themselves and the flags that depend on them;
    a segment touches every flag whose targeting names it, through other
    segments too. Other kinds touch none.
    """
    project = subject.project or ""
    if subject.kind in {"flag", "targeting"}:
        flag = cast("str", subject.flag)
        own = Touch(project, flag, subject.environment or "")
        return tuple(sorted({own, *_dependents(state, project, ("flag", flag), subject.environment)}))
    if subject.kind == "segment":
        return tuple(sorted(_dependents(state, project, ("segment", subject.name), None)))
    return ()


def _dependents(state: State, project: str, root: Mention, environment: str | None) -> set[Touch]:
    """The targetings, per environment, that resolve by the root: directly, through segments, through other flags."""
    segments = [held for held in state.of_kind("segment", project) if held.mentions]
    targetings: dict[str, list[Versioned]] = {}
    for held in state.of_kind("targeting", project):
        where = cast("str", held.subject.environment)
        if held.mentions and environment in {None, where}:
            targetings.setdefault(where, []).append(held)
    found: set[Touch] = set()
    for where, inside in targetings.items():
        reached = _reached([*segments, *inside], root)
        found |= {Touch(project, key, where) for kind, key in reached if kind == "flag" and (kind, key) != root}
    return found


def _reached(documents: list[Versioned], root: Mention) -> set[Mention]:
    """The root, and what mentions it directly or through others: segments, and flags by their targeting."""
    found = {root}
    grew = True
    while grew:
        outer: set[Mention] = {_as_mention(held.subject) for held in documents if held.mentions & found}
        grew = not outer <= found
        found |= outer
    return found


def _as_mention(subject: Subject) -> Mention:
    return ("segment", subject.name) if subject.kind == "segment" else ("flag", cast("str", subject.flag))
