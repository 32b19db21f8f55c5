"""A stretch of time of the ledger: how documents stood when it began, and what became of them in it."""

from __future__ import annotations

from collections.abc import Sequence

from flagtrail.app.moments import just_before
from flagtrail.model.entry import Entry
from flagtrail.model.errors import TooLarge
from flagtrail.storage import Storage


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

    def below(self, prefix: str) -> list[Entry]:
        """The newest entry before the window of every document whose path starts so."""
        return [] if self._before is None else self._storage.paths_as_of(prefix, time=self._before)

    def entries(self, paths: Sequence[str]) -> list[Entry]:
        """The documents' entries in the window; raises TooLarge where they are too many."""
        most = None if self._limit is None else self._limit + 1
        found = self._storage.history(paths, since=self._since, until=self._until, limit=most)
        if self._limit is not None and len(found) > self._limit:
            told = f"there are more than {self._limit:,} changes in the window; ask for a shorter one, or for one flag"
            raise TooLarge(told, limit=self._limit)
        return found
