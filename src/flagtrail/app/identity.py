"""An identity: the actor behind a request, and what its roles allow."""

from __future__ import annotations

import msgspec

from flagtrail.model.access import RANK, Grant, Role
from flagtrail.model.actor import SYSTEM, Actor
from flagtrail.model.errors import Forbidden


class Identity(msgspec.Struct, frozen=True):
    """Who asks. `role` holds everywhere; each grant adds a role in a project or one environment of it.

    A token's `scope` is (project, environment): outside of it nothing is allowed. Its key is `token`.
    What `evaluates_only` is given answers and no documents, unless it is also one that `reads_ruleset`.
    """

    actor: Actor
    role: Role | None = None
    grants: tuple[Grant, ...] = ()
    scope: tuple[str | None, str | None] = (None, None)
    evaluates_only: bool = False
    reads_ruleset: bool = False
    token: str | None = None

    def may(self, needed: Role, project: str | None = None, environment: str | None = None) -> bool:
        """Whether the identity has at least the role there. An auditor counts as a viewer, and never as more."""
        if self.evaluates_only or not self._in_scope(project, environment):
            return False
        held = [RANK[self.role]] if self.role is not None else []
        held.extend(
            RANK[grant.role]
            for grant in self.grants
            if grant.project == project and grant.environment in {None, environment}
        )
        return max(held, default=0) >= RANK[needed]

    def _in_scope(self, project: str | None, environment: str | None) -> bool:
        scoped_project, scoped_environment = self.scope
        if scoped_project is not None and project != scoped_project:
            return False
        return scoped_environment is None or environment == scoped_environment

    def require_evaluation(self, project: str, environment: str) -> None:
        """Raise Forbidden unless the identity may evaluate there: an SDK token of that environment, or any viewer."""
        if not (self.evaluates_only and self._in_scope(project, environment)):
            self.require("viewer", project, environment)

    def require_ruleset(self, project: str, environment: str) -> None:
        """Raise Forbidden unless the identity may read what decides there: a server token, or any viewer."""
        if self.evaluates_only and not self.reads_ruleset:
            raise Forbidden("a client token may stand in a browser and reads no ruleset: this needs a server token")
        self.require_evaluation(project, environment)

    def require(self, needed: Role, project: str | None = None, environment: str | None = None) -> None:
        """Raise Forbidden unless the identity has the role there."""
        if not self.may(needed, project, environment):
            where = "/".join(part for part in (project, environment) if part) or "this installation"
            whose = "server and client tokens only read and evaluate flags; " if self.evaluates_only else ""
            raise Forbidden(f"{whose}this needs the role {needed} in {where}", role=needed, project=project)


SYSTEM_IDENTITY = Identity(SYSTEM, role="admin")
