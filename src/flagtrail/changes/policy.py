"""What a project demands of a change before it is made."""

from __future__ import annotations

from collections.abc import Collection

from flagtrail.model.entry import Touch
from flagtrail.model.environment import Environment
from flagtrail.model.errors import WhyRequired
from flagtrail.model.flag import Flag
from flagtrail.model.state import State
from flagtrail.model.subject import Subject, project_subject


def require_why(before: State, after: State, subject: Subject, touched: Collection[Touch], why: str) -> None:
    """Raise WhyRequired where the project's policy, as it stood before the change, demands a reason and `why` is none.

    Under `production` (the default) a reason is demanded of every change that
    reaches customers: of a document of a production environment, of what makes
    an environment production or ends it, of what a flag can serve there, of a
    flag or segment that an enabled flag there resolves by, and of the policy itself.
    A project that the change itself creates has no customers yet.
    """
    if subject.project is None or before.get(project_subject(subject.project)) is None:
        return
    policy = before.policy(subject.project)
    told = why.strip()
    if policy.why_required == "never" or (told and len(told) >= policy.why_min_length):
        return
    if policy.why_required == "always" or subject.kind == "policy":
        raise WhyRequired(f"project {subject.project} requires a reason for this change", subject=subject.path)
    reached = _reached(before, after, subject, touched)
    if reached is not None:
        raise WhyRequired(f"{reached} is a production environment: say why", subject=subject.path, environment=reached)


def _reached(before: State, after: State, subject: Subject, touched: Collection[Touch]) -> str | None:
    """The first production environment that the change of the subject reaches, if any."""
    project = subject.project or ""
    production = sorted({env.key for state in (before, after) for env in _production(state, project)})
    if subject.environment in production:
        return subject.environment
    if not production or subject.kind not in {"flag", "segment"}:
        return None
    if subject.kind == "flag" and _serves_otherwise(before, after, subject):
        return production[0]
    for touch in sorted(touched):
        for environment in [touch.environment] if touch.environment else production:
            served = [state.targeting(touch.project, touch.flag, environment) for state in (before, after)]
            if environment in production and any(targeting is not None and targeting.enabled for targeting in served):
                return environment
    return None


def _production(state: State, project: str) -> list[Environment]:
    return [env for env in state.environments(project).values() if env.production]


def _serves_otherwise(before: State, after: State, subject: Subject) -> bool:
    """Whether what an existing flag can serve changes: also a disabled flag serves its off variant's value."""
    was, becomes = before.get(subject), after.get(subject)
    if not isinstance(was, Flag):
        return False
    if not isinstance(becomes, Flag):
        return True
    return (was.variants, was.type, was.archived) != (becomes.variants, becomes.type, becomes.archived)
