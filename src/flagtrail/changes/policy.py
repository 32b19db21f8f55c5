"""What a project demands of a change before it is made."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from flagtrail.changes.diff import same
from flagtrail.model.document import MAX_WHY_DEMANDED, Document
from flagtrail.model.entry import Touch
from flagtrail.model.errors import WhyRequired
from flagtrail.model.flag import Flag, Json
from flagtrail.model.segment import Segment
from flagtrail.model.state import State
from flagtrail.model.subject import Subject, project_subject

ANY_WHY = "-" * MAX_WHY_DEMANDED
"""Long enough for every policy: for what nobody has to give a reason of that length for."""


def require_why(before: State, after: State, subject: Subject, touched: Collection[Touch], why: str) -> None:
    """Raise WhyRequired where the project's policy, as it stood before the change, demands a reason and `why` is none.

    Under `production` (the default) a reason is demanded of every change that
    reaches customers: of a document of a production environment, of what makes
    an environment production or ends it, of what a flag can serve, of whom a
    segment holds by which an enabled flag there resolves, and of the policy itself.
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
    production = sorted({key for state in (before, after) for key in _production(state, subject.project)})
    reached = reaches(before, after, subject, touched, production)
    if reached is not None:
        raise WhyRequired(f"{reached} is a production environment: say why", subject=subject.path, environment=reached)


def reaches(
    before: State, after: State, subject: Subject, touched: Collection[Touch], production: Sequence[str]
) -> str | None:
    """The first of the production environments in which customers can notice the change of the subject, if any."""
    if subject.environment in production:
        return subject.environment
    if not production or not _serves_otherwise(before.get(subject), after.get(subject)):
        return None
    if subject.kind == "flag":
        return production[0]
    for touch in sorted(touched):
        served = [state.targeting(touch.project, touch.flag, touch.environment) for state in (before, after)]
        if touch.environment in production and any(targeting is not None and targeting.enabled for targeting in served):
            return touch.environment
    return None


def _production(state: State, project: str) -> list[str]:
    return [env.key for env in state.environments(project).values() if env.production]


def _serves_otherwise(was: Document | None, becomes: Document | None) -> bool:
    """Whether what an existing flag can serve, or whom a segment holds, changes; how they are described does not count.

    Also a disabled flag serves its off variant's value. A new document serves nobody yet.
    """
    match was, becomes:
        case Flag(), Flag():
            return not same(_served(was), _served(becomes))
        case Segment(), Segment():
            return was.when != becomes.when
        case _:
            return isinstance(was, Flag | Segment)


def _served(flag: Flag) -> list[Json]:
    return [flag.variants, flag.type, flag.archived]
