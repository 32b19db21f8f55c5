"""Time travel: what a context gets, of one flag or all, now or at an instant of the past; and the state of then."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from datetime import timedelta

import msgspec

from flagtrail.analysis import dependencies
from flagtrail.analysis.as_of import At, evaluate_at, made_by
from flagtrail.analysis.world import world
from flagtrail.app.clock import Clock, read_time, stamp
from flagtrail.app.heard import require_project
from flagtrail.app.moments import FIRST_MOMENT, as_datetime, just_after
from flagtrail.app.window import MAX_ENTRIES, Window
from flagtrail.engine.explanation import Explanation
from flagtrail.engine.ruleset import Ruleset
from flagtrail.model.context import Context
from flagtrail.model.errors import BeforeRecord, NotFound, TooLarge
from flagtrail.model.resolution import Resolution
from flagtrail.model.state import State, Versioned, fold, held_after
from flagtrail.model.subject import Subject, environment_subject, flag_subject, segment_subject, targeting_subject
from flagtrail.storage import EntryQuery, Storage

_FIRST_LOOK, _FURTHER = timedelta(days=1), 8
"""How far back an answer's entry is looked for at first, and how many times further each time that it is not there."""


class Answer(msgspec.Struct, frozen=True):
    """What one context gets, now or then, and the entry because of which it does (see `Past.evaluate`)."""

    resolution: Resolution
    explanation: Explanation
    at: str
    because: int | None


class Past:
    """Evaluates as things stand, or as they stood; changes and counts nothing.

    Every question raises BeforeRecord for an instant before the project's first entry, and NotFound where there was no
    such project or environment then, or is no such entry.
    """

    def __init__(self, storage: Storage, state: Callable[[], State], clock: Clock) -> None:
        self._storage = storage
        self._state = state
        self._clock = clock

    def state_at(self, project: str, at: At) -> State:
        """Every document of a project as it stood then."""
        self._require_entry(at)
        return state_at(self._storage, project, at)

    def evaluate(
        self, project: str, environment: str, flag: str, context: Context, at: At | None = None, *, trace: bool = False
    ) -> Answer:
        """What the context gets from a flag, with the reasons.

        `because` is the newest entry of all that the answer rests on; with
        `trace` the very entry from which on the context got this, which takes
        reading the flag's history back to it.
        """
        self._require_environment(project, environment, at)
        state = self._depended_on(project, environment, flag, at)
        because = max((held.seq for held in state.all()), default=None)
        if because is None and at is not None:
            self._refuse_before_record(project, at)
        explanation = _ruleset(state, project, environment).explain(flag, context)
        if trace and because is not None:
            because = self._because((project, environment, flag), context, at or At(time=stamp(self._clock())))
        return Answer(explanation.resolution, explanation, self._when(at), because)

    def evaluate_all(
        self, project: str, environment: str, context: Context, at: At | None = None, *, trace: bool = False
    ) -> tuple[Answer, ...]:
        """What the context gets from every flag that is not archived, by key; `because` as in `evaluate`.

        An entry that lies more than `MAX_ENTRIES` changes back is not looked for: then it is the newest one, as
        without `trace`.
        """
        state, ruleset = self._stood(project, environment, at)
        living = [key for key, flag in ruleset.flags.items() if not flag.archived]
        moment, when = at or At(time=stamp(self._clock())), self._when(at)
        made_so = self._made_by((project, environment), living, context, moment) if trace else {}

        def answer(key: str) -> Answer:
            explanation = ruleset.explain(key, context)
            newest = max(world(state, project, environment, key).seqs)
            return Answer(explanation.resolution, explanation, when, made_so.get(key, newest))

        return tuple(map(answer, living))

    def ruleset(self, project: str, environment: str, at: At | None = None) -> Ruleset:
        """All that decided in an environment, for whoever has many contexts to ask for."""
        return self._stood(project, environment, at)[1]

    def _stood(self, project: str, environment: str, at: At | None) -> tuple[State, Ruleset]:
        self._require_environment(project, environment, at)
        state = self._state() if at is None else self.state_at(project, at)
        return state, _ruleset(state, project, environment)

    def _when(self, at: At | None) -> str:
        if at is None or (at.time is None and at.seq is None):
            return stamp(self._clock())
        return f"seq {at.seq}" if at.seq is not None else read_time(at.time or "")

    def _because(self, where: tuple[str, str, str], context: Context, at: At) -> int:
        """The entry from which on the context got what it got then. A seq goes by the order in which the ledger
        learned, which no time bounds; a time is looked back from, further each time.
        """
        sought = (self._since(where, context, at, since) for since in _looking_back(at.time))
        return next(seq for seq in sought if seq is not None)

    def _since(self, where: tuple[str, str, str], context: Context, at: At, since: str | None) -> int | None:
        """That entry, if it is one from `since` on."""
        entries = dependencies.gather(Window(self._storage, since=since, until=at.time).history, *where)
        found = evaluate_at(entries, *where, context, at).because
        lies_within = since is None or any(entry.seq == found and entry.effective >= since for entry in entries)
        return found if lies_within else None

    def _made_by(self, where: tuple[str, str], flags: Collection[str], context: Context, at: At) -> Mapping[str, int]:
        """The same for many flags, as far as it can be found."""
        found: dict[str, int] = {}
        for since in _looking_back(at.time):
            window = Window(self._storage, since=since, until=at.time, limit=MAX_ENTRIES)
            try:
                found = made_by(window.deciding(self._state(), *where), *where, context, at, since)
            except TooLarge:
                break
            if found.keys() >= set(flags):
                break
        return found

    def _depended_on(self, project: str, environment: str, flag: str, at: At | None) -> State:
        """The flag's documents now or at an instant, and those of all it depended on just then."""
        found: dict[Subject, Versioned] = {}
        wanted = [flag_subject(project, flag), targeting_subject(project, flag, environment)]
        while wanted:
            subject = wanted.pop()
            held = None if subject in found else self._held(subject, at)
            if held is None:
                continue
            found[subject] = held
            for kind, key in held.mentions:
                if kind == "segment":
                    wanted.append(segment_subject(project, key))
                else:
                    wanted.extend([flag_subject(project, key), targeting_subject(project, key, environment)])
        return State().having(found.values(), size=max((held.seq + 1 for held in found.values()), default=0))

    def _held(self, subject: Subject, at: At | None) -> Versioned | None:
        if at is None:
            return self._state().held(subject)
        entry = self._storage.as_of(subject.path, time=at.time, seq=at.seq)
        return None if entry is None else held_after(entry)

    def _require_environment(self, project: str, environment: str, at: At | None) -> None:
        """Raise where there was no such environment then: "disabled" would be a guess.

        One that was made later counts where history of that time was brought into it.
        """
        require_project(self._state(), project)
        self._require_entry(at)
        subject = environment_subject(project, environment)
        held = self._held(subject, at)
        if held is not None and held.document is not None:
            return
        if at is not None and held is None:
            self._refuse_before_record(project, at)
            if self._state().held(subject) is not None and self._was_served(project, environment, at):
                return
        then = "" if at is None else " then"
        detail = f"there {'is' if at is None else 'was'} no environment {environment!r} in project {project!r}{then}"
        raise NotFound(detail, kind="environment", key=environment)

    def _require_entry(self, at: At | None) -> None:
        """Raise beyond the ledger's end: a mistyped number would be answered as the present."""
        if at is not None and at.seq is not None and at.seq >= self._storage.head().size:
            raise NotFound(f"there is no entry {at.seq}", kind="entry", key=str(at.seq))

    def _was_served(self, project: str, environment: str, at: At) -> bool:
        """Whether any targeting of the environment is known of that time."""
        entries = self._storage.paths_as_of(f"projects/{project}/flags/", time=at.time, seq=at.seq)
        return any(entry.subject.environment == environment for entry in entries)

    def _refuse_before_record(self, project: str, at: At) -> None:
        """Nothing is known of the flag then: that is an answer, unless nothing is known of the project either."""
        if at.time is None:
            if self._storage.paths_as_of(f"projects/{project}", seq=at.seq):
                return
            raise _before_record(project, at)
        if not self._storage.entries(EntryQuery(project=project, until=just_after(at.time), limit=1)):
            raise _before_record(project, at)


def state_at(storage: Storage, project: str, at: At) -> State:
    """Every document of a project as it stood then; raises BeforeRecord before its first entry."""
    entries = storage.paths_as_of(f"projects/{project}", time=at.time, seq=at.seq)
    inside = [entry for entry in entries if entry.subject.project == project]
    if not inside:
        raise _before_record(project, at)
    return fold(inside)


def _looking_back(time: str | None) -> Iterator[str | None]:
    """Moments before a time, further back each time; at last None, for all there is."""
    span = _FIRST_LOOK
    while time is not None and as_datetime(time) - FIRST_MOMENT > span:
        yield stamp(as_datetime(time) - span)
        span *= _FURTHER
    yield None


def _ruleset(state: State, project: str, environment: str) -> Ruleset:
    return Ruleset(state.flags(project), state.targetings(project, environment), state.segments(project))


def _before_record(project: str, at: At) -> BeforeRecord:
    when = at.time if at.time is not None else f"entry {at.seq}"
    return BeforeRecord(f"nothing is known of project {project!r} at {when}", project=project)
