"""The evaluation flow: one compiled ruleset per environment, swapped whole when the ledger moved."""

from __future__ import annotations

import threading
from collections.abc import Callable

import msgspec

from flagtrail.app.usage import UsageCounter
from flagtrail.engine.ruleset import Ruleset
from flagtrail.model.context import Context
from flagtrail.model.errors import NotFound
from flagtrail.model.resolution import Resolution
from flagtrail.model.state import State


class Served(msgspec.Struct, frozen=True):
    """A ruleset, and the size and root of the ledger from which it was made."""

    ruleset: Ruleset
    size: int
    root: bytes


class Evaluation:
    """Evaluates flags as they stand now; counts what it serves. Never touches the database."""

    def __init__(self, state: Callable[[], State], usage: UsageCounter) -> None:
        self._state = state
        self._usage = usage
        self._served: dict[tuple[str, str], Served] = {}
        self._building = threading.Lock()

    def served(self, project: str, environment: str) -> Served:
        """The present ruleset of an environment; raises NotFound where there is no such environment."""
        state = self._state()
        served = self._served.get((project, environment))
        if served is not None and (served.size, served.root) == (state.size, state.root):
            return served
        with self._building:
            return self._rebuilt(self._state(), project, environment)

    def _rebuilt(self, state: State, project: str, environment: str) -> Served:
        if state.environment(project, environment) is None:
            self._served.pop((project, environment), None)
            raise NotFound(f"there is no environment {environment!r} in project {project!r}", kind="environment")
        before = self._served.get((project, environment))
        if before is not None and (before.size, before.root) == (state.size, state.root):
            return before
        ruleset = Ruleset(
            state.flags(project),
            state.targetings(project, environment),
            state.segments(project),
            previous=None if before is None else before.ruleset,
        )
        served = Served(ruleset, state.size, state.root)
        self._served[project, environment] = served
        return served

    def evaluate(self, project: str, environment: str, flag: str, context: Context) -> Resolution:
        """One flag for one context, counted."""
        resolution = self.served(project, environment).ruleset.evaluate(flag, context)
        self._usage.count(project, environment, resolution, "ofrep")
        return resolution

    def evaluate_all(self, project: str, environment: str, context: Context) -> dict[str, Resolution]:
        """Every flag that is not archived, for one context, counted as a bulk evaluation."""
        resolutions = self.served(project, environment).ruleset.evaluate_all(context)
        self._usage.count_all(project, environment, resolutions.values(), "ofrep-bulk")
        return resolutions
