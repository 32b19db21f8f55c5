"""Something went wrong at a moment: which changes before it altered what most people get?"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from itertools import groupby
from typing import Literal

import msgspec

from flagtrail.analysis.as_of import alike
from flagtrail.analysis.estimate import Estimate, about, estimate
from flagtrail.analysis.exposure import Cause, cause, concerns
from flagtrail.analysis.preview import chosen
from flagtrail.analysis.preview_rules import by_rules, case_words, instead
from flagtrail.analysis.replay import Replay
from flagtrail.analysis.world import World, in_order
from flagtrail.engine.references import closure
from flagtrail.engine.ruleset import Ruleset
from flagtrail.model.context import Context
from flagtrail.model.entry import Entry

MAX_EVALUATIONS = 200_000
"""Of one change, each before and after; beyond it fewer contexts are looked at, evenly chosen."""
MAX_RULES_FLAGS = 50
"""Flags of one change whose shift is computed from the rules alone, where there are no contexts."""
MAX_TOLD = 3
UNKNOWN = 0.5
"""Where the rules leave open how many people a change altered (none to all), it is ranked as half of them."""


class Incident(msgspec.Struct, frozen=True, kw_only=True):
    """Something was noticed in an environment at `at`; what changed since `since` can have caused it (both stamps)."""

    project: str
    environment: str
    at: str
    since: str


class Shift(msgspec.Struct, frozen=True):
    """What a change did to one flag: the share (0 to 1) of people who get something else, None where the rules leave it
    open, and what, in words.
    """

    flag: str
    share: float | None
    words: str


class Suspect(msgspec.Struct, frozen=True):
    """One change: its entry (`also`: the others of the same request that reach a flag) and what it altered.

    `contexts` is how many of the sampled contexts get something else of any flag; None where none are known. `share` is
    that share, or what the rules alone say of the flag that they alter most. `score` (0 to 100) ranks: see `words`.
    """

    cause: Cause
    also: tuple[int, ...]
    seconds: float
    flags: tuple[Shift, ...]
    contexts: Estimate | None
    share: float | None
    score: float
    words: str


class Suspects(Incident, frozen=True, kw_only=True):
    """The changes that altered what anybody got, the likeliest first.

    `source` says what the shares are of: contexts that applications sampled, `sampled` of them, or the rules alone.
    `harmless` counts changes in the window that altered nothing for anybody looked at.
    """

    source: Literal["sampled", "rules"]
    sampled: int
    suspects: tuple[Suspect, ...]
    harmless: int
    seqs: tuple[int, ...]


def suspects(entries: Iterable[Entry], incident: Incident, contexts: Sequence[Context]) -> Suspects:
    """The ranked suspects of an incident.

    `entries`, in any order, are those of the project: how every document stood just before `since`, and all from then
    on. A change after the incident cannot have caused it. Entries of one request are one change.
    """
    replay = Replay(incident.project, incident.environment)
    found: list[Suspect] = []
    harmless = 0
    for group, together in groupby(in_order(entries), key=lambda entry: (entry.effective, entry.group.id)):
        if group[0] > incident.at:
            break
        if group[0] < incident.since:
            for entry in together:
                replay.apply(entry)
            continue
        step = _Step(replay, [entry for entry in together if concerns(entry, incident.project, incident.environment)])
        suspect = step.suspect(incident, contexts) if step.flags else None
        found.extend([] if suspect is None else [suspect])
        harmless += suspect is None and bool(step.entries)
    found.sort(key=lambda each: (-each.score, each.seconds, each.cause.seq))
    return Suspects(
        project=incident.project,
        environment=incident.environment,
        at=incident.at,
        since=incident.since,
        source="sampled" if contexts else "rules",
        sampled=len(contexts),
        suspects=tuple(found),
        harmless=harmless,
        seqs=tuple(sorted({seq for each in found for seq in (each.cause.seq, *each.also)})),
    )


class _Step:
    """One change: how things stood before and after it, and the flags that it reaches."""

    def __init__(self, replay: Replay, entries: Sequence[Entry]) -> None:
        self.entries = entries
        self.before = _Stood(replay)
        reached: set[str] = set()
        self.causes: list[Entry] = []
        for entry in entries:
            flags = replay.apply(entry)
            reached |= flags
            self.causes.extend([entry] if flags else [])
        self.after = _Stood(replay)
        self.flags = [flag for flag in sorted(reached) if not self._slept(flag)]

    def _slept(self, flag: str) -> bool:
        """Whether the flag only came or went while it was off: whoever asked for it goes on as before."""
        lived = [stood.lives(flag) for stood in (self.before, self.after)]
        served = [stood.serves(flag) for stood in (self.before, self.after)]
        return lived[0] != lived[1] and not any(served)

    def suspect(self, incident: Incident, contexts: Sequence[Context]) -> Suspect | None:
        """What is told of it; None where it altered nothing for anybody."""
        counted: Estimate | None = None
        if contexts:
            looked_at = chosen(contexts, max(1, MAX_EVALUATIONS // len(self.flags)))
            counted, shifts = self._counted(looked_at)
            share: float | None = counted.share
        else:
            shifts = list(self._by_rules())
            share = max((each.share for each in shifts if each.share is not None), default=0.0)
            if any(each.share is None for each in shifts):
                share = None if share < UNKNOWN else share
        if not shifts:
            return None
        told = max(self.causes, key=lambda entry: (entry.subject.kind != "flag", entry.seq))
        at, then = datetime.fromisoformat(incident.at), datetime.fromisoformat(told.effective)
        within = (at - datetime.fromisoformat(incident.since)).total_seconds()
        seconds = (at - then).total_seconds()
        closeness = 1 - seconds / within / 2 if within else 1.0
        score = round(100 * closeness * (UNKNOWN if share is None else share), 1)
        whom = _whom(counted, share, len(contexts))
        words = f"{whom}, {_ago(seconds)} before; score {score:g}: the share, times {closeness:.2f} for being so close"
        shifts.sort(key=lambda each: (-(UNKNOWN if each.share is None else each.share), each.flag))
        also = tuple(entry.seq for entry in self.causes if entry is not told)
        return Suspect(cause(told), also, seconds, tuple(shifts), counted, share, score, words)

    def _counted(self, contexts: Sequence[Context]) -> tuple[Estimate, list[Shift]]:
        """How many contexts get something else of any flag, and of which."""
        before, after = self.before.ruleset(), self.after.ruleset()
        altered: set[int] = set()
        shifts: list[Shift] = []
        for flag in self.flags:
            pairs: Counter[tuple[str | None, str | None]] = Counter()
            for place, context in enumerate(contexts):
                was, becomes = before.evaluate(flag, context), after.evaluate(flag, context)
                if not alike(was, becomes):
                    altered.add(place)
                    pairs[was.variant, becomes.variant] += 1
            if pairs:
                shifts.append(Shift(flag, pairs.total() / len(contexts), _pairs_words(pairs, len(contexts))))
        return estimate(len(altered), len(contexts)), shifts

    def _by_rules(self) -> Iterator[Shift]:
        """What the rules alone say of each flag; one that gives everybody the same as before is left out."""
        for flag in self.flags[:MAX_RULES_FLAGS]:
            shift = by_rules(self.before.world(flag), self.after.world(flag), flag)
            if shift.changed != 0:
                told = "; else ".join(case_words(case) for case in shift.cases)
                yield Shift(flag, shift.changed, told or f"{shift.before.words} became {shift.after.words}")


class _Stood:
    """How things stood at one point of a replay."""

    def __init__(self, replay: Replay) -> None:
        self._flags, self._targetings, self._segments = replay.flags, replay.targetings, replay.segments

    def lives(self, flag: str) -> bool:
        """Whether there was the flag, not archived."""
        held = self._flags.get(flag)
        return held is not None and not held.archived

    def serves(self, flag: str) -> bool:
        """Whether it was switched on, too."""
        targeting = self._targetings.get(flag)
        return self.lives(flag) and targeting is not None and targeting.enabled

    def ruleset(self) -> Ruleset:
        """All of it, ready to evaluate."""
        return Ruleset(self._flags, self._targetings, self._segments)

    def world(self, flag: str) -> World:
        """The flag, and what it depended on."""
        reached = closure(flag, self._targetings, self._segments)
        keys = {flag, *reached.flags}
        return World(
            {key: held for key, held in self._flags.items() if key in keys},
            {key: held for key, held in self._targetings.items() if key in keys},
            {key: held for key, held in self._segments.items() if key in reached.segments},
            frozenset(),
        )


def _pairs_words(pairs: Counter[tuple[str | None, str | None]], of: int) -> str:
    told = [f"{about(count / of)} got {instead(*pair)}" for pair, count in pairs.most_common(MAX_TOLD)]
    return ", ".join(told)


def _whom(counted: Estimate | None, share: float | None, of: int) -> str:
    if counted is not None:
        interval = f"{about(counted.low)} to {about(counted.high)}"
        return f"altered something for {about(counted.share)} of {of:,} sampled contexts ({interval})"
    if share is None:
        return "altered something for some, the rules leave open how many (ranked as half)"
    return f"altered something for {about(share)} by the rules"


def _ago(seconds: float) -> str:
    """A duration in its largest unit.

    >>> [_ago(seconds) for seconds in (5, 90, 7_200, 200_000)]
    ['5 s', '1 min', '2 h', '2 d']
    """
    for size, name in ((86_400, "d"), (3_600, "h"), (60, "min")):
        if seconds >= size:
            return f"{int(seconds // size)} {name}"
    return f"{int(seconds)} s"
