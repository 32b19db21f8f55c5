"""Which entries altered what one context got, flag by flag, and through what?"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby

import msgspec

from flagtrail.analysis import as_of
from flagtrail.analysis.exposure import Cause, cause
from flagtrail.analysis.replay import Replay, node_of
from flagtrail.analysis.world import in_order
from flagtrail.engine.interpret import Interpreter
from flagtrail.model.entry import Entry
from flagtrail.model.flag import Json
from flagtrail.model.resolution import Resolution
from flagtrail.model.state import Mention


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """What is asked: the flag (None: all of them) for one context, from `since` on and before `until`, both stamps.

    Without `since`: from the flags' first entry on; without `until`: up to now. With `reasons` an entry also counts
    that altered only why the context gets what it gets: the reason or the rule.
    """

    project: str
    environment: str
    flag: str | None = None
    context: dict[str, Json]
    since: str | None = None
    until: str | None = None
    reasons: bool = False


class Edge(msgspec.Struct, frozen=True):
    """The instant at which a flag's answer became another: `before` (None: nothing is known of it) and `after`.

    `cause` is the entry that made it so. `also` are the entries of the same instant that altered it on the way there:
    a flag is created and targeted in one request. `trace` is how a change of another document came to the flag,
    from that document to the flag ("segment beta", "flag checkout"); empty for a change of the flag's own.
    """

    time: str
    before: Resolution | None
    after: Resolution
    cause: Cause
    also: tuple[int, ...] = ()
    trace: tuple[str, ...] = ()


class Band(msgspec.Struct, frozen=True):
    """From `start` on and before `end` (None: still) the context got this; `got` is None before the record.

    `got` has the reason and the rule that it had at the start. `edge` began it; None where it held before the time
    asked about, and where the record begins.
    """

    start: str
    end: str | None
    got: Resolution | None
    edge: Edge | None = None


class FlagBlame(msgspec.Struct, frozen=True):
    """One flag's bands, oldest first, without gaps."""

    flag: str
    bands: tuple[Band, ...]

    @property
    def edges(self) -> tuple[Edge, ...]:
        """Every change of the answer, oldest first."""
        return tuple(band.edge for band in self.bands if band.edge is not None)


class Blame(Asked, frozen=True, kw_only=True):
    """The answer: flags whose answer changed come first, the newest change at the top. `since` is where it begins.

    `seqs` are the entries that altered an answer.
    """

    flags: tuple[FlagBlame, ...]
    seqs: tuple[int, ...]


def blame(entries: Iterable[Entry], asked: Asked, record: str | None = None) -> Blame:
    """What the context got over time, and the entries that altered it.

    `entries`, in any order: how every document stood just before `since` (with its newest entry, or all of them), and
    all entries from then on, of the flag and whatever it depended on (`dependencies.gather`), or of the whole project.
    `record` is where the record of the project, or of the environment, begins, if that is after `since`: nothing is
    known of the time before.
    """
    ordered = in_order(entries)
    start = asked.since or _first(ordered, asked.flag)
    begun = start if record is None or start is None else max(start, record)
    walk = _Walk(asked)
    for time, together in groupby(ordered, key=lambda entry: entry.effective):
        if begun is None or time < begun:
            walk.begin(together)
        elif asked.until is None or time < asked.until:
            walk.instant(time, together)
    found = (
        [] if begun is None or start is None else [_banded(each, start, begun, asked.until) for each in walk.tracks()]
    )
    found.sort(key=lambda each: each.flag)
    found.sort(key=lambda each: each.edges[-1].time if each.edges else "", reverse=True)
    seqs = {seq for each in found for edge in each.edges for seq in (edge.cause.seq, *edge.also)}
    return Blame(
        project=asked.project,
        environment=asked.environment,
        flag=asked.flag,
        context=asked.context,
        since=start,
        until=asked.until,
        reasons=asked.reasons,
        flags=tuple(found),
        seqs=tuple(sorted(seqs)),
    )


def alike(one: Resolution, other: Resolution, *, reasons: bool = False) -> bool:
    """Whether two answers are the same; with `reasons` the reason and the rule count, too."""
    return as_of.alike(one, other) and (not reasons or (one.reason, one.rule) == (other.reason, other.rule))


def _first(ordered: Sequence[Entry], flag: str | None) -> str | None:
    """The first moment of the flag, or of any flag."""
    return next(
        (each.effective for each in ordered if each.subject.kind == "flag" and flag in {None, each.subject.flag}), None
    )


class _Track:
    """One flag on the way: its answer at the start, the present one, and the edges between."""

    def __init__(self, flag: str, initial: Resolution, *, lived: bool) -> None:
        self.flag = flag
        self.initial = initial
        self.present = initial
        self.edges: list[Edge] = []
        self.lived = lived
        """Whether there was such a flag, not archived, at any moment asked about."""


class _Altered(msgspec.Struct, frozen=True):
    """An answer after one entry of an instant."""

    entry: Entry
    after: Resolution
    trace: tuple[str, ...]


class _Walk:
    """Goes through the entries instant by instant and keeps what they alter."""

    def __init__(self, asked: Asked) -> None:
        self._asked = asked
        self._replay = Replay(asked.project, asked.environment)
        self._now = self._replay.interpreter(asked.context)
        self._tracks: dict[str, _Track] = {}
        self._causes: dict[int, Cause] = {}
        self._begun = False

    def begin(self, entries: Iterable[Entry]) -> None:
        """Entries before the time asked about."""
        for entry in entries:
            self._replay.apply(entry)

    def instant(self, time: str, entries: Iterable[Entry]) -> None:
        """The entries of one instant, in order of seq: only what holds after the last of them is an answer."""
        self._start()
        steps: dict[str, list[_Altered]] = {}
        for entry in entries:
            then, reached = self._now, self._replay.apply(entry)
            if not reached:
                continue
            self._now = self._replay.interpreter(self._asked.context)
            traces = _Traces(self._replay, entry, then, self._now)
            for flag in sorted(reached) if self._asked.flag is None else reached & {self._asked.flag}:
                track = self._track(flag, then)
                known = steps[flag][-1].after if flag in steps else track.present
                after = self._now.explain(flag).resolution
                changed = not alike(known, after, reasons=self._asked.reasons)
                steps.setdefault(flag, []).append(_Altered(entry, after, traces.of(flag) if changed else ()))
        for flag, taken in steps.items():
            self._settle(self._tracks[flag], time, taken)

    def tracks(self) -> Iterator[_Track]:
        """The flags that there were at any moment asked about; the one that was asked for in any case."""
        self._start()
        yield from (track for track in self._tracks.values() if track.lived or self._asked.flag is not None)

    def _start(self) -> None:
        """Ask for what every flag answers when the time asked about begins."""
        if self._begun:
            return
        self._begun = True
        self._now = self._replay.interpreter(self._asked.context)
        for flag in self._replay.flags if self._asked.flag is None else (self._asked.flag,):
            self._track(flag, self._now)

    def _track(self, flag: str, then: Interpreter) -> _Track:
        if flag not in self._tracks:
            self._tracks[flag] = _Track(flag, then.explain(flag).resolution, lived=self._lives(flag))
        return self._tracks[flag]

    def _lives(self, flag: str) -> bool:
        held = self._replay.flags.get(flag)
        return held is not None and not held.archived

    def _settle(self, track: _Track, time: str, steps: Sequence[_Altered]) -> None:
        """An edge, if the instant ends with another answer than it began with: made by what followed the last moment
        of it at which the answer was still the old one.
        """
        before, reasons = track.present, self._asked.reasons
        track.present = steps[-1].after
        track.lived = track.lived or self._lives(track.flag)
        altering: list[_Altered] = []
        known = before
        for step in steps:
            if alike(before, step.after, reasons=reasons):
                altering.clear()
            elif not alike(known, step.after, reasons=reasons):
                altering.append(step)
            known = step.after
        if altering:
            also = tuple(step.entry.seq for step in altering[:-1])
            last = altering[-1]
            edge = Edge(time, before, track.present, self._cause(last.entry), also, last.trace)
            track.edges.append(edge)

    def _cause(self, entry: Entry) -> Cause:
        """One object for an entry that altered many flags."""
        if entry.seq not in self._causes:
            self._causes[entry.seq] = cause(entry)
        return self._causes[entry.seq]


class _Traces:
    """How one entry came to the flags that it altered."""

    def __init__(self, replay: Replay, entry: Entry, then: Interpreter, now: Interpreter) -> None:
        self._replay = replay
        self._start = node_of(entry.subject)
        self._then = then
        self._now = now

    def of(self, flag: str) -> tuple[str, ...]:
        """From the entry's document to the flag, by what was asked between them and answered otherwise."""
        end: Mention = ("flag", flag)
        if end == self._start:
            return ()
        # A document that comes to depend on itself can alter a flag without any answer between them being another.
        way = self._replay.way(self._start, end, self._passes) or self._replay.way(self._start, end, lambda *_: True)
        return tuple(f"{kind} {key}" for kind, key in way)

    def _passes(self, node: Mention, user: Mention) -> bool:
        """Whether something that `user` asks of `node` is answered otherwise than before."""
        kind, key = node
        if kind == "segment":
            return self._then.segment(key).held != self._now.segment(key).held
        was, becomes = (each.explain(key).resolution.variant for each in (self._then, self._now))
        return any((was in wanted) != (becomes in wanted) for wanted in self._replay.wanted(user, key))


def _banded(track: _Track, start: str, begun: str, until: str | None) -> FlagBlame:
    """The stretches between the edges. Before `begun` nothing is known."""
    marks: list[tuple[str, Resolution | None, Edge | None]] = []
    for edge in track.edges:
        known = msgspec.structs.replace(edge, before=None) if edge.time == begun > start else edge
        marks.append((edge.time, edge.after, known))
    if not marks or marks[0][0] > begun:
        marks.insert(0, (begun, track.initial, None))
    if begun > start:
        marks.insert(0, (start, None, None))
    ends = [*(time for time, _, _ in marks[1:]), until]
    return FlagBlame(
        track.flag, tuple(Band(time, end, got, edge) for (time, got, edge), end in zip(marks, ends, strict=True))
    )
