"""The documents that one flag's evaluation can read in one environment, taken out of a state."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import msgspec

from flagtrail.model.condition import Condition
from flagtrail.model.entry import Entry
from flagtrail.model.flag import Flag
from flagtrail.model.segment import Segment
from flagtrail.model.state import State
from flagtrail.model.subject import Subject, flag_subject, segment_subject, targeting_subject
from flagtrail.model.targeting import Targeting


class World(msgspec.Struct, frozen=True):
    """A flag, what it depends on at that moment, and `seqs`: the entries that made these documents so."""

    flags: dict[str, Flag]
    targetings: dict[str, Targeting]
    segments: dict[str, Segment]
    seqs: frozenset[int]

    def conditions(self) -> Iterator[Condition]:
        """Every condition in it, outermost ones only."""
        for targeting in self.targetings.values():
            for rule in targeting.rules:
                yield rule.when
        for segment in self.segments.values():
            yield segment.when


def world(state: State, project: str, environment: str, flag: str) -> World:
    """Everything that evaluating the flag there can read; deleted documents are absent, but their seqs count."""
    flags: dict[str, Flag] = {}
    targetings: dict[str, Targeting] = {}
    segments: dict[str, Segment] = {}
    seqs: set[int] = set()
    seen: set[Subject] = set()
    waiting = [flag_subject(project, flag), targeting_subject(project, flag, environment)]
    while waiting:
        subject = waiting.pop()
        held = None if subject in seen else state.held(subject)
        seen.add(subject)
        if held is None:
            continue
        seqs.add(held.seq)
        match held.document:
            case Flag():
                flags[held.document.key] = held.document
            case Targeting():
                targetings[subject.flag or ""] = held.document
            case Segment():
                segments[held.document.key] = held.document
            case _:
                continue
        for kind, key in held.mentions:
            if kind == "segment":
                waiting.append(segment_subject(project, key))
            else:
                waiting.extend((flag_subject(project, key), targeting_subject(project, key, environment)))
    return World(flags, targetings, segments, frozenset(seqs))


def in_order(entries: Iterable[Entry]) -> list[Entry]:
    """Entries as they happened: by effective time, then seq."""
    return sorted(entries, key=lambda entry: (entry.effective, entry.seq))
