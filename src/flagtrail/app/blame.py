"""The blame flow: gather the entries of a window and how things stood before it, hand them to the pure question."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import timedelta

import msgspec

from flagtrail.analysis import dependencies
from flagtrail.analysis.blame import Asked, Blame, blame
from flagtrail.analysis.suspects import Incident, Suspects, suspects
from flagtrail.app.clock import Clock, stamp
from flagtrail.app.heard import refuse_unheard, require_project
from flagtrail.app.moments import as_datetime, earlier, just_after
from flagtrail.app.window import MAX_ENTRIES, Window, uncollected
from flagtrail.model.entry import Entry
from flagtrail.model.errors import BeforeRecord, InvalidQuery
from flagtrail.model.state import State
from flagtrail.model.subject import environment_subject, project_subject
from flagtrail.storage import EntryQuery, Storage

MAX_SUSPECTS = 2_000
"""Changes that an incident is looked for among."""
MOST_WITHIN = timedelta(days=90)
SAMPLED = 1_000
"""Sampled contexts that suspects are tried on, the newest."""


class Blames:
    """Answers which entries altered what a context got; changes nothing."""

    def __init__(self, storage: Storage, state: Callable[[], State], clock: Clock) -> None:
        self._storage = storage
        self._state = state
        self._clock = clock

    def blame(self, asked: Asked) -> Blame:
        """What a context got over time, and who made it so: of one flag, or of all.

        Raises NotFound for a flag or environment never heard of, InvalidQuery for a window that is empty or has not
        begun, BeforeRecord for one that is over before the record begins, TooLarge for one with too many changes.
        """
        state = self._state()
        require_project(state, asked.project)
        refuse_unheard(state, asked.project, flag=asked.flag, environment=asked.environment)
        asked = self._bounded(asked)
        with uncollected():
            entries = self.entries(asked, MAX_ENTRIES)
            return blame(entries, asked, self._record(asked, entries))

    def suspects(self, project: str, environment: str, at: str, within: timedelta) -> Suspects:
        """Which changes of the time before a moment altered what most people get.

        People are the contexts that applications sampled, where there are some. Raises as `blame` does.
        """
        require_project(self._state(), project)
        refuse_unheard(self._state(), project, environment=environment)
        moment = min(at, stamp(self._clock()))
        if not self._knows(project, moment):
            raise BeforeRecord(f"nothing is known of project {project!r} at {moment}", project=project)
        if not timedelta(0) < within <= MOST_WITHIN:
            raise InvalidQuery(
                f"within must be more than nothing and at most {MOST_WITHIN.days} days", parameter="within"
            )
        since = earlier(moment, within)
        asked = Asked(project=project, environment=environment, context={}, since=since, until=moment)
        contexts = [each.context for each in self._storage.sampled_contexts(project, environment, limit=SAMPLED)]
        incident = Incident(project=project, environment=environment, at=moment, since=since)
        return suspects(self.entries(asked, MAX_SUSPECTS), incident, contexts)

    def _bounded(self, asked: Asked) -> Asked:
        """The window, open at its end where that is not over yet: nobody knows the future."""
        now = stamp(self._clock())
        until = None if asked.until is None or asked.until > now else asked.until
        if asked.since is not None and asked.since >= (until or now):
            raise InvalidQuery(f"the window from {asked.since} to {until or 'now'} is empty", since=asked.since)
        return msgspec.structs.replace(asked, until=until)

    def entries(self, asked: Asked, most: int) -> list[Entry]:
        """How every document that matters stood before the window, and its entries in it."""
        window = Window(self._storage, since=asked.since, until=asked.until, limit=most)
        if asked.flag is not None:
            return dependencies.gather(window.history, asked.project, asked.environment, asked.flag)
        return window.deciding(self._state(), asked.project, asked.environment)

    def _record(self, asked: Asked, entries: Sequence[Entry]) -> str | None:
        """Where the record begins, if the window begins before that; raises BeforeRecord if it also ends."""
        begins = max(self._of_project(asked, entries) or "", self._of_environment(asked, entries) or "")
        if begins and asked.until is not None and begins >= asked.until:
            detail = f"nothing is known of project {asked.project!r} in {asked.environment!r} before {begins}"
            raise BeforeRecord(detail, project=asked.project, begins=begins)
        return begins or None

    def _of_project(self, asked: Asked, entries: Sequence[Entry]) -> str | None:
        """The project's first entry, where there is none at `since` or before it."""
        if asked.since is None or self._knows(asked.project, asked.since):
            return None
        own = self._storage.history([project_subject(asked.project).path], limit=1)
        low, high = as_datetime(asked.since), as_datetime(min(entry.effective for entry in (*own, *entries)))
        while high - low > timedelta(microseconds=1):
            middle = low + (high - low) / 2
            low, high = (low, middle) if self._knows(asked.project, stamp(middle)) else (middle, high)
        return stamp(high)

    def _of_environment(self, asked: Asked, entries: Sequence[Entry]) -> str | None:
        """The environment's first entry, unless older history was imported into it."""
        (first,) = self._storage.history([environment_subject(asked.project, asked.environment).path], limit=1)
        served = (entry.effective for entry in entries if entry.subject.kind == "targeting")
        return None if any(time < first.effective for time in served) else first.effective

    def _knows(self, project: str, moment: str) -> bool:
        """Whether there is an entry of the project at a moment or before it."""
        return bool(self._storage.entries(EntryQuery(project=project, until=just_after(moment), limit=1)))
