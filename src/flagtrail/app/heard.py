"""What a project ever had: questions about anything else are refused, for no entry would be a false answer."""

from __future__ import annotations

from flagtrail.model.errors import NotFound
from flagtrail.model.state import State
from flagtrail.model.subject import environment_subject, flag_subject, segment_subject


def require_project(state: State, project: str) -> None:
    """Raise NotFound where there is no such project."""
    if project not in state.projects():
        raise NotFound(f"there is no project {project!r}", kind="project", key=project)


def refuse_unheard(
    state: State, project: str, *, flag: str | None = None, environment: str | None = None, segment: str | None = None
) -> None:
    """Raise NotFound for what never was in the project; what was deleted can still be asked about."""
    named = (
        (flag, flag_subject(project, flag or "")),
        (environment, environment_subject(project, environment or "")),
        (segment, segment_subject(project, segment or "")),
    )
    for key, subject in named:
        if key is not None and state.held(subject) is None:
            article = "an" if subject.kind == "environment" else "a"
            detail = f"there never was {article} {subject.kind} {key!r} in project {project!r}"
            raise NotFound(detail, kind=subject.kind, key=key)
