"""Operations that take looking at what stands: shared by the API and the pages."""

from __future__ import annotations

from flagtrail.app.ask import Ask
from flagtrail.model.change import Operation
from flagtrail.model.errors import NotFound
from flagtrail.model.subject import Subject, flag_subject


def restoring(ask: Ask, project: str, flag: str) -> list[Operation]:
    """What brings a flag back: unarchived where it lives; made anew with its targetings where it was deleted.

    A deleted flag returns as the entries of its deletion last saw it, but for environments that are gone.
    """
    state, subject = ask.state, flag_subject(project, flag)
    held = state.held(subject)
    if held is None:
        raise NotFound(f"there never was a flag {flag!r}", kind="flag", key=flag)
    if held.document is not None:
        return [Operation(action="patch", subject=subject, value={"archived": False})]
    deletion = ask.group(ask.entry(held.seq))
    environments = state.environments(project)
    lost = [entry for entry in deletion if entry.after is None and _is_of(entry.subject, project, flag)]
    lost.sort(key=lambda entry: entry.subject != subject)
    return [
        Operation(action="create", subject=entry.subject, value=entry.before)
        for entry in lost
        if entry.subject.environment is None or entry.subject.environment in environments
    ]


def _is_of(subject: Subject, project: str, flag: str) -> bool:
    return subject.kind in {"flag", "targeting"} and (subject.project, subject.flag) == (project, flag)
