"""A stretch of time of the ledger: how documents stood when it began, and what became of them in it."""

from __future__ import annotations

import gc
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from flagtrail.analysis.exposure import decides
from flagtrail.app.moments import just_before
from flagtrail.model.entry import Entry
from flagtrail.model.errors import TooLarge
from flagtrail.model.state import State
from flagtrail.model.subject import project_subject
from flagtrail.storage import Storage

MAX_ENTRIES = 50_000
"""Changes that one question looks at; more would take too much memory at once."""


class Window:
    """From `since` on (None: from the first entry) to `until`, both included, of at most `limit` entries."""

    def __init__(
        self, storage: Storage, *, since: str | None = None, until: str | None = None, limit: int | None = None
    ) -> None:
        self._storage = storage
        self._since = since
        self._until = until
        self._limit = limit
        self._before = None if since is None else just_before(since)

    def history(self, paths: Sequence[str]) -> list[Entry]:
        """The documents' newest entries before the window, and all in it: what `dependencies.gather` reads."""
        held = [] if self._before is None else [self._storage.as_of(path, time=self._before) for path in paths]
        return [*(entry for entry in held if entry is not None), *self.entries(paths)]

    def deciding(self, state: State, project: str, environment: str) -> list[Entry]:
        """The same of every document that an evaluation in the environment can read; `state` knows which there were."""
        prefix = project_subject(project).path
        before = [] if self._before is None else self._storage.paths_as_of(prefix, time=self._before)
        held = [entry for entry in before if decides(entry.subject, project, environment)]
        paths = [each.subject.path for each in state.all() if decides(each.subject, project, environment)]
        return [*held, *self.entries(paths)]

    def entries(self, paths: Sequence[str]) -> list[Entry]:
        """The documents' entries in the window; raises TooLarge where they are too many."""
        most = None if self._limit is None else self._limit + 1
        found = self._storage.history(paths, since=self._since, until=self._until, limit=most)
        if self._limit is not None and len(found) > self._limit:
            told = f"there are more than {self._limit:,} changes in the window; ask for a shorter one"
            raise TooLarge(told, limit=self._limit)
        return found


@contextmanager
def uncollected() -> Iterator[None]:
    """Without Python's search for cycles, of which entries have none: it would take as long as reading them."""
    collects = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if collects:
            gc.enable()
