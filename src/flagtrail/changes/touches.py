"""In whose history an entry stands: the flags that a change of a document can alter."""

from __future__ import annotations

from typing import cast

from flagtrail.model.entry import Touch
from flagtrail.model.state import Mention, State
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
        return tuple(sorted({own, *_dependents(state, project, {("flag", flag)}, subject.environment)}))
    if subject.kind == "segment":
        return tuple(sorted(_dependents(state, project, _with_outer_segments(state, project, subject.name), None)))
    return ()


def _with_outer_segments(state: State, project: str, segment: str) -> set[Mention]:
    """The segment and every segment that names it, directly or through others."""
    found: set[Mention] = {("segment", segment)}
    grew = True
    while grew:
        outer: set[Mention] = {
            ("segment", held.subject.name) for held in state.of_kind("segment", project) if held.mentions & found
        }
        grew = not outer <= found
        found |= outer
    return found


def _dependents(state: State, project: str, roots: set[Mention], environment: str | None) -> set[Touch]:
    """Targetings that name one of the roots, and those that depend on the flags so found, per environment."""
    found: set[Touch] = set()
    wanted: dict[str, set[Mention]] = {}
    grew = True
    while grew:
        grew = False
        for held in state.of_kind("targeting", project):
            flag, where = cast("str", held.subject.flag), cast("str", held.subject.environment)
            touch = Touch(project, flag, where)
            if touch in found or environment not in {None, where}:
                continue
            if held.mentions and held.mentions & (roots | wanted.get(where, set())):
                found.add(touch)
                wanted.setdefault(where, set()).add(("flag", flag))
                grew = True
    return found
