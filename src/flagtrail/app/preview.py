"""The preview flow: decide a change without making it, and try both states on the same contexts. Changes nothing."""

from __future__ import annotations

import threading
from collections.abc import Sequence

import msgspec

from flagtrail.analysis.breakdown import Breakdown
from flagtrail.analysis.estimate import Estimate, about
from flagtrail.analysis.prediction import prediction_words
from flagtrail.analysis.preview import FlagPreview, Population, Preview, Proposal, Served, Transition, preview
from flagtrail.analysis.preview_rules import CaseShift, RulesShift, case_words
from flagtrail.analysis.preview_words import breakdown_words, flag_words, value_words, words
from flagtrail.app.change import Changes
from flagtrail.app.identity import Identity
from flagtrail.changes.decide import Decided, decide
from flagtrail.changes.policy import ANY_WHY
from flagtrail.engine.check import check
from flagtrail.model.change import Change
from flagtrail.model.context import TARGETING_KEY
from flagtrail.model.document import decode
from flagtrail.model.entry import Entry
from flagtrail.model.errors import Defect, InvalidDocument, InvalidQuery, NotFound, TooManyRequests
from flagtrail.model.flag import Json
from flagtrail.model.preview import PREVIEWS, StoredPreview, preview_key
from flagtrail.model.state import State, Versioned, mentions
from flagtrail.model.usage import SampledContext
from flagtrail.storage import MAX_SAMPLED, Storage

MAX_POPULATION = 10_000
MAX_CONTEXT_BYTES = 8_192
MAX_BY = 5
MAX_DEFECTS = 20
AT_ONCE = 2
"""Previews that one process computes at the same time: each takes a processor for a while."""
WAIT_SECONDS = 5.0


class Trial(msgspec.Struct, frozen=True, kw_only=True):
    """In which environment to try a change, and on whom.

    `contexts` are the population; None: those that applications sampled there,
    the newest `most` of them. `drawn_from` says out of how many they were drawn.
    `by` names attributes to break the answer down by.
    """

    environment: str
    contexts: tuple[dict[str, Json], ...] | None = None
    drawn_from: int = 0
    by: tuple[str, ...] = ()
    most: int = MAX_SAMPLED


class Previewed(Preview, frozen=True, kw_only=True):
    """A preview, and what it says in sentences: the first is what one must know."""

    words: tuple[str, ...]


class Predicted(StoredPreview, frozen=True, kw_only=True):
    """A stored preview, and what it says in sentences."""

    words: tuple[str, ...]


class Previews:
    """Previews changes; appends nothing and changes nothing."""

    def __init__(self, storage: Storage, changes: Changes) -> None:
        self._storage = storage
        self._changes = changes
        self._turns = threading.BoundedSemaphore(AT_ONCE)

    def taking_back(self, identity: Identity, seq: int, trial: Trial) -> Previewed:
        """As `preview`, of taking back an entry and the others of its group."""
        return self.preview(identity, self._changes.taking_back(seq), trial)

    def preview(self, identity: Identity, change: Change, trial: Trial) -> Previewed:
        """What the change would do in one environment, to whoever may make it.

        Raises whatever making the change would raise, but for a missing reason;
        InvalidDocument and InvalidQuery for a population or attributes beyond the bounds; TooManyRequests where others
        are computed already, for longer than one may wait.
        """
        project = _project(change)
        _refuse_unreadable(trial)
        identity.require("editor", project, trial.environment)
        self._changes.admit(identity, change)
        before = self._changes.state
        decided = decide(before, msgspec.structs.replace(change, why=ANY_WHY), check=check)
        after = applied(before, decided)
        if all(state.environment(project, trial.environment) is None for state in (before, after)):
            told = f"there is no environment {trial.environment!r} in project {project!r}"
            raise NotFound(told, kind="environment", key=trial.environment)
        proposal = Proposal(project, trial.environment, before, after, tuple(each.subject for each in decided))
        if not self._turns.acquire(timeout=WAIT_SECONDS):
            raise TooManyRequests("other previews are being computed", retry_after=int(WAIT_SECONDS))
        try:
            contexts, population = self._population(project, trial)
            found = preview(proposal, contexts, population, by=trial.by)
        finally:
            self._turns.release()
        return Previewed(**msgspec.structs.asdict(found), words=words(found))

    def stored(self, entry: Entry) -> Predicted | None:
        """What was predicted of the change that an entry belongs to; None where nothing is stored (yet, any more)."""
        raw = self._storage.cell(PREVIEWS, preview_key(entry.seq - entry.group.index))
        if raw is None:
            return None
        stored = msgspec.json.decode(raw, type=StoredPreview)
        return Predicted(**msgspec.structs.asdict(stored), words=prediction_words(stored))

    def _population(self, project: str, trial: Trial) -> tuple[Sequence[dict[str, Json]], Population]:
        if trial.contexts is not None:
            return trial.contexts, Population(source="given", of=trial.drawn_from)
        return sampled(self._storage.sampled_contexts(project, trial.environment, limit=trial.most))


def sampled(found: Sequence[SampledContext]) -> tuple[list[dict[str, Json]], Population]:
    """Sampled contexts (newest first), and what is known of them; none are what the rules alone must do without."""
    if not found:
        return [], Population(source="none")
    return [each.context for each in found], Population(source="sampled", since=found[-1].time, until=found[0].time)


def applied(state: State, decided: Sequence[Decided]) -> State:
    """The state as it would stand; nothing of it was appended, so the documents keep the seqs that they had."""
    return state.having((_becomes(state, each) for each in decided), size=state.size)


def _becomes(state: State, part: Decided) -> Versioned:
    document = None if part.after is None else decode(part.subject, part.after)
    held = state.held(part.subject)
    seq, effective = (-1, "") if held is None else (held.seq, held.effective)
    return Versioned(part.subject, document, part.version, seq, effective, mentions(document))


def _project(change: Change) -> str:
    projects = {operation.subject.project for operation in change.operations}
    project = projects.pop() if len(projects) == 1 else None
    if project is None:
        raise InvalidQuery("a preview is of a change of the documents of one project")
    return project


def _refuse_unreadable(trial: Trial) -> None:
    """Raise for attributes or a population beyond the bounds, naming every defect up to `MAX_DEFECTS`."""
    if len(trial.by) > MAX_BY or not all(trial.by):
        raise InvalidQuery(f"by: name at most {MAX_BY} attributes", parameter="by")
    contexts = trial.contexts
    if contexts is None:
        return
    if not 1 <= len(contexts) <= MAX_POPULATION:
        raise InvalidDocument([Defect("/contexts", f"must be 1 to {MAX_POPULATION:,} contexts, not {len(contexts):,}")])
    defects: list[Defect] = []
    for place, context in enumerate(contexts):
        if not isinstance(context.get(TARGETING_KEY, ""), str):
            defects.append(Defect(f"/contexts/{place}/{TARGETING_KEY}", "must be a text"))
        elif len(msgspec.json.encode(context)) > MAX_CONTEXT_BYTES:
            defects.append(Defect(f"/contexts/{place}", f"is larger than {MAX_CONTEXT_BYTES:,} bytes"))
    if defects:
        raise InvalidDocument(defects[:MAX_DEFECTS])


__all__ = [
    "Breakdown",
    "CaseShift",
    "Estimate",
    "FlagPreview",
    "Population",
    "Predicted",
    "Preview",
    "Previewed",
    "Previews",
    "RulesShift",
    "Served",
    "Transition",
    "Trial",
    "about",
    "breakdown_words",
    "case_words",
    "flag_words",
    "value_words",
]
