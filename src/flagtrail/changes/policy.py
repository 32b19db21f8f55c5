"""What a project demands of a change before it is made."""

from __future__ import annotations

from collections.abc import Collection

from flagtrail.model.entry import Touch
from flagtrail.model.errors import WhyRequired
from flagtrail.model.state import State
from flagtrail.model.subject import Subject


def require_why(before: State, after: State, subject: Subject, touched: Collection[Touch], why: str) -> None:
    """Raise WhyRequired where the project's policy, as it stood before the change, demands a reason and `why` is none.

    Under `production` (the default) a reason is demanded of every change that
    reaches customers: of a document of a production environment, and of a flag
    or segment that an enabled flag in such an environment resolves by.
    """
    if subject.project is None:
        return
    policy = before.policy(subject.project)
    if policy.why_required == "never" or len(why.strip()) >= policy.why_min_length:
        return
    if policy.why_required == "always":
        raise WhyRequired(f"project {subject.project} requires a reason for every change", subject=subject.path)
    production = [env.key for env in before.environments(subject.project).values() if env.production]
    reached = _reached(subject, touched, production, before, after)
    if reached is not None:
        raise WhyRequired(f"{reached} is a production environment: say why", subject=subject.path, environment=reached)


def _reached(
    subject: Subject, touched: Collection[Touch], production: list[str], before: State, after: State
) -> str | None:
    """The first of the production environments that a change of the subject reaches, if any."""
    if subject.environment in production:
        return subject.environment
    if subject.kind not in {"flag", "segment"}:
        return None
    for touch in sorted(touched):
        for environment in [touch.environment] if touch.environment else production:
            served = [state.targeting(touch.project, touch.flag, environment) for state in (before, after)]
            if environment in production and any(targeting is not None and targeting.enabled for targeting in served):
                return environment
    return None
