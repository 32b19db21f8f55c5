"""The blame flow: gather the entries of a window and how things stood before it, hand them to the pure question."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

import msgspec

from flagtrail.analysis import dependencies
from flagtrail.analysis.blame import Asked, Blame, blame
from flagtrail.analysis.exposure import concerns, decides
from flagtrail.app.change import Changes
from flagtrail.app.clock import Clock, stamp
from flagtrail.app.heard import refuse_unheard, require_project
from flagtrail.app.moments import as_datetime, just_after, just_before
from flagtrail.model.entry import Entry
from flagtrail.model.errors import BeforeRecord, InvalidQuery, TooLarge
from flagtrail.model.subject import project_subject
from flagtrail.storage import EntryQuery, Storage

MAX_ENTRIES = 50_000
"""Changes that one question looks at; more would take too much memory at once."""


class Blames:
    """Answers which entries altered what a context got; changes nothing."""

    def __init__(self, storage: Storage, changes: Changes, clock: Clock) -> None:
        self._storage = storage
        self._changes = changes
        self._clock = clock

    def blame(self, asked: Asked) -> Blame:
        """What a context got over time, and who made it so: of one flag, or of all.

        Raises NotFound for a flag or environment never heard of, InvalidQuery for a window that is empty or has not
        begun, BeforeRecord for one that is over before the record begins, TooLarge for one with too many changes.
        """
        state = self._changes.state
        require_project(state, asked.project)
        refuse_unheard(state, asked.project, flag=asked.flag, environment=asked.environment)
        asked = self._bounded(asked)
        entries = self._of_flag(asked, asked.flag) if asked.flag is not None else self._of_all(asked)
        return blame(entries, asked, self._record(asked, entries))

    def _bounded(self, asked: Asked) -> Asked:
        """The window, open at its end where that is not over yet: nobody knows the future."""
        now = stamp(self._clock())
        until = None if asked.until is None or asked.until > now else asked.until
        if asked.since is not None and asked.since >= (until or now):
            raise InvalidQuery(f"the window from {asked.since} to {until or 'now'} is empty", since=asked.since)
        return msgspec.structs.replace(asked, until=until)

    def _of_flag(self, asked: Asked, flag: str) -> list[Entry]:
        """How the flag and all it depended on stood before the window, and their entries in it."""

        def within(paths: Sequence[str]) -> list[Entry]:
            before = None if asked.since is None else just_before(asked.since)
            held = [] if before is None else [self._storage.as_of(path, time=before) for path in paths]
            return [*(entry for entry in held if entry is not None), *self._within(asked, paths)]

        return dependencies.gather(within, asked.project, asked.environment, flag)

    def _of_all(self, asked: Asked) -> list[Entry]:
        """How every document stood before the window, and all entries of documents that can decide there."""
        before = None if asked.since is None else just_before(asked.since)
        prefix = project_subject(asked.project).path
        held = [] if before is None else self._storage.paths_as_of(prefix, time=before)
        known = (each.subject for each in self._changes.state.all())
        paths = [subject.path for subject in known if decides(subject, asked.project, asked.environment)]
        return [
            *(entry for entry in held if concerns(entry, asked.project, asked.environment)),
            *self._within(asked, paths),
        ]

    def _within(self, asked: Asked, paths: Sequence[str]) -> list[Entry]:
        """The entries of the window; raises TooLarge where they are too many."""
        found = self._storage.history(paths, since=asked.since, until=asked.until, limit=MAX_ENTRIES + 1)
        if len(found) > MAX_ENTRIES:
            told = f"there are more than {MAX_ENTRIES:,} changes in the window; ask for a shorter one, or for one flag"
            raise TooLarge(told, limit=MAX_ENTRIES)
        return found

    def _record(self, asked: Asked, entries: Sequence[Entry]) -> str | None:
        """Where the project's record begins, if the window begins before that; raises BeforeRecord if it also ends."""
        if asked.since is None or self._knows(asked.project, asked.since):
            return None
        own = self._storage.history([project_subject(asked.project).path])
        low, high = as_datetime(asked.since), as_datetime(min(entry.effective for entry in (*own, *entries)))
        while high - low > timedelta(microseconds=1):
            middle = low + (high - low) / 2
            low, high = (low, middle) if self._knows(asked.project, stamp(middle)) else (middle, high)
        record = stamp(high)
        if asked.until is not None and record >= asked.until:
            detail = f"nothing is known of project {asked.project!r} before {record}"
            raise BeforeRecord(detail, project=asked.project, begins=record)
        return record

    def _knows(self, project: str, moment: str) -> bool:
        """Whether there is an entry of the project at a moment or before it."""
        return bool(self._storage.entries(EntryQuery(project=project, until=just_after(moment), limit=1)))
