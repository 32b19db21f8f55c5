"""Predictions: after each change its preview is stored, by a follower, whoever made the change and by what surface.

It looks at the entries, not at what a client had asked for: so every change has one, the change path waits for
nothing, and what is stored follows from the ledger and the sample alone.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from datetime import datetime, timedelta
from itertools import groupby

import msgspec
import structlog

from flagtrail.analysis.prediction import may_shift, shifts, undone
from flagtrail.analysis.preview import Population, Proposal, preview
from flagtrail.app.change import Changes
from flagtrail.app.clock import Clock, stamp
from flagtrail.app.lease import Lease, LeaseLost
from flagtrail.app.preview import sampled
from flagtrail.model.entry import Entry
from flagtrail.model.flag import Json
from flagtrail.model.preview import PREVIEWS, PredictedShift, StoredPreview, preview_key
from flagtrail.model.state import State, held_after
from flagtrail.storage import Cell, Storage, Transaction

log = structlog.get_logger()
FOLLOWER = "previews"
MAX_CONTEXTS = 1_000
"""Of an environment, the newest: a share is then known to three per cent."""
MAX_FLAGS = 50
"""Of one environment, for one change."""
MAX_BEHIND = 2_000
"""Entries that are read at once; a follower that is further behind leaves out what is older."""
BATCH = 100
MAX_AGE = timedelta(days=2)
"""An older change is not predicted any more: the sample is of people of today."""
KEPT = timedelta(days=400)
STEP_SECONDS = 0.25
IDLE = 4
"""After each change it rests so many times as long as it worked: it takes a fifth of a processor at most, in small
pieces, since whoever makes a change meanwhile waits for the piece under way.
"""
CONTEXTS_SECONDS = 60.0


def begin_at(storage: Storage, seq: int) -> None:
    """Let the follower of a new installation begin with this entry, the first one of a change."""
    storage.put_cell("place", Cell(FOLLOWER, msgspec.json.encode(seq)))


class PreviewFollower:
    """Stores what each change was to do, while this replica holds the lease. It may be late; nobody waits for it."""

    def __init__(self, storage: Storage, changes: Changes, clock: Clock, lease: Lease) -> None:
        self.name = lease.name
        self._storage = storage
        self._changes = changes
        self._clock = clock
        self._lease = lease
        self._at_place = State()
        self._contexts: dict[tuple[str, str], tuple[float, list[dict[str, Json]], Population]] = {}

    def step(self) -> float | None:
        """Go on from the stored place for a moment; 0 where there is more to do, None where there is not."""
        if not self._lease.held():
            return None
        try:
            return 0.0 if self._go_on(until=time.monotonic() + STEP_SECONDS) else None
        except LeaseLost:
            return None

    def _go_on(self, *, until: float) -> bool:
        """Predict change after change until there is none or it is time; whether there are more."""
        newest, place = self._changes.state, self._place()
        if place >= newest.size:
            return False
        before, entries = self._from(newest, place)
        cells: list[Cell] = []
        for _, run in groupby(entries, key=lambda entry: entry.group.id):
            began = time.monotonic()
            group = list(run)
            after = before.having(map(held_after, group), size=before.size + len(group))
            cells.extend(self._predicted(before, after, group))
            before = after
            time.sleep(IDLE * (time.monotonic() - began))
            if time.monotonic() > until:
                break
        self._keep(cells, before.size)
        self._at_place = before
        return before.size < newest.size

    def _from(self, newest: State, place: int) -> tuple[State, list[Entry]]:
        """The state at the place, and whole groups of entries from there on.

        Where the state is not held from before, it is found from the newest one, going back; what lies further back
        than `MAX_BEHIND` is left out, and so is all of it where a value was erased that going back would need.
        """
        if self._at_place.size == place and newest.size - place <= MAX_BEHIND:
            return self._at_place, _whole(self._storage, place)
        first = max(place, newest.size - MAX_BEHIND)
        if first > place:
            log.warning("previews.left_out", entries=first - place)
        entries = self._storage.entries_from(first, newest.size - first)
        if any(entry.erased for entry in entries):
            return newest, []
        return undone(newest, entries), entries

    def _place(self) -> int:
        """Entries below it are done; at first what comes next: nobody can predict what happened long ago."""

        def begin(tx: Transaction) -> bytes:
            raw = tx.cell("place", self.name) or msgspec.json.encode(tx.head.size)
            tx.put_cell("place", Cell(self.name, raw))
            return raw

        return msgspec.json.decode(self._storage.cell("place", self.name) or self._storage.write(begin), type=int)

    def _keep(self, cells: Sequence[Cell], place: int) -> None:
        def work(tx: Transaction) -> None:
            self._lease.require(tx)
            for cell in cells:
                tx.put_cell(PREVIEWS, cell)
            tx.put_cell("place", Cell(self.name, msgspec.json.encode(place)))

        self._storage.write(work)

    def _predicted(self, before: State, after: State, group: Sequence[Entry]) -> list[Cell]:
        """The group's cell; none where the change can shift nothing, was imported, or is too old."""
        now = self._clock()
        first = group[0]
        whole = first.group.index == 0 and first.occurred_at is None
        if not whole or not may_shift(group) or now - datetime.fromisoformat(first.time) > MAX_AGE:
            return []
        stored = self._stored(before, after, group, stamp(now))
        return [Cell(preview_key(first.seq), msgspec.json.encode(stored), (now + KEPT).timestamp())]

    def _stored(self, before: State, after: State, group: Sequence[Entry], now: str) -> StoredPreview:
        subjects = tuple(dict.fromkeys(entry.subject for entry in group))
        flags: list[PredictedShift] = []
        unaffected = left_out = 0
        for project in sorted({subject.project for subject in subjects if subject.project is not None}):
            for environment in {**before.environments(project), **after.environments(project)}:
                proposal = Proposal(project, environment, before, after, subjects)
                if proposal.reached():
                    contexts, population = self._sample(project, environment)
                    found = preview(proposal, contexts, population, most=MAX_FLAGS)
                    flags.extend(shifts(found))
                    unaffected += len(found.unaffected)
                    left_out += found.left_out
        return StoredPreview(
            seq=group[0].seq,
            count=len(group),
            time=now,
            flags=tuple(flags),
            unaffected=unaffected,
            left_out=left_out,
        )

    def _sample(self, project: str, environment: str) -> tuple[list[dict[str, Json]], Population]:
        """The sampled contexts, read anew once a minute; where there were none, each time."""
        held = self._contexts.get((project, environment))
        if held is None or not held[1] or held[0] < time.monotonic():
            found = sampled(self._storage.sampled_contexts(project, environment, limit=MAX_CONTEXTS))
            held = self._contexts[project, environment] = (time.monotonic() + CONTEXTS_SECONDS, *found)
        return held[1], held[2]


def _whole(storage: Storage, place: int) -> list[Entry]:
    """Some whole groups of entries from a place on at which one begins."""
    entries = storage.entries_from(place, BATCH)
    last = entries[-1].group
    if last.index + 1 == last.count:
        return entries
    others = [entry for entry in entries if entry.group.id != last.id]
    return others or storage.entries_from(place, last.count)
