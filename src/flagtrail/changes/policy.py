"""What a project demands of a change before it is made."""

from __future__ import annotations

from collections.abc import Collection

from flagtrail.model.entry import Touch
from flagtrail.model.errors import WhyRequired
from flagtrail.model.state import State
from flagtrail.model.subject import Subject


def require_why(state: State, subject: Subject, touched: Collection[Touch], why: str) -> None:
    """Raise WhyRequired where the project's policy demands a reason and `why` is none.

    Under `production` (the default) a reason is demanded of every change that
    reaches customers: of a document of a production environment, and of a flag
    or segment that an enabled flag in such an environment resolves by.
    """
    if subject.project is None:
        return
    policy = state.policy(subject.project)
    if policy.why_required == "never" or len(why.strip()) >= policy.why_min_length:
        return
    reached = _production_reached(state, subject, touched)
    if policy.why_required == "always":
        raise WhyRequired(f"project {subject.project} requires a reason for every change", subject=subject.path)
    if reached is not None:
        raise WhyRequired(f"{reached} is a production environment: say why", subject=subject.path, environment=reached)


def _production_reached(state: State, subject: Subject, touched: Collection[Touch]) -> str | None:
    project = subject.project or ""
    production = [env.key for env in state.environments(project).values() if env.production]
    if subject.environment in production:
        return subject.environment
    if subject.kind not in {"flag", "segment"}:
        return None
    for touch in touched:
        for environment in [touch.environment] if touch.environment else production:
            targeting = state.targeting(project, touch.flag, environment)
            if environment in production and targeting is not None and targeting.enabled:
                return environment
    return None
