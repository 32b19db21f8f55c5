"""What a new project starts with."""

from __future__ import annotations

from flagtrail.model.change import Operation
from flagtrail.model.document import encode
from flagtrail.model.environment import Environment, Policy, Project
from flagtrail.model.subject import environment_subject, policy_subject, project_subject

DEFAULT_PROJECT = "default"
ENVIRONMENTS = (
    Environment("production", "Production", production=True, position=0),
    Environment("staging", "Staging", position=1),
    Environment("development", "Development", position=2),
)


def project_operations(project: Project) -> list[Operation]:
    """What makes a new project: itself, its policy and the three environments that most teams have."""
    key = project.key
    return [
        Operation(action="create", subject=project_subject(key), value=encode(project)),
        Operation(action="create", subject=policy_subject(key), value=encode(Policy())),
        *(
            Operation(action="create", subject=environment_subject(key, env.key), value=encode(env))
            for env in ENVIRONMENTS
        ),
    ]
