"""When was a flag on for these contexts, to what share, and who made it so?"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

import msgspec

from flagtrail.analysis.shares import Answer, alike, answer, share_words
from flagtrail.analysis.world import in_order, world
from flagtrail.changes.diff import words
from flagtrail.model.actor import Actor
from flagtrail.model.entry import Action, Entry
from flagtrail.model.flag import Json
from flagtrail.model.state import State, held_after
from flagtrail.model.subject import Subject


class Cause(msgspec.Struct, frozen=True):
    """The entry that began an interval: who, when, why, and what it altered."""

    seq: int
    time: str
    actor: Actor
    subject: Subject
    actions: tuple[Action, ...]
    words: tuple[str, ...]
    why: str
    ticket: str
    approval: str | None


class VariantShare(msgspec.Struct, frozen=True):
    """One variant's share in words (see `share_words`)."""

    variant: str
    words: str


class Interval(msgspec.Struct, frozen=True):
    """From `start` on and before `end` (None: it still holds) the answer was this one.

    `cause` is None where no entry began it: before the flag existed. `seqs` are
    the entries that made the documents so that the answer rests on. `shares` tell
    of each variant that is served in any of the intervals.
    """

    start: str
    end: str | None
    answer: Answer
    cause: Cause | None
    seqs: tuple[int, ...]
    shares: tuple[VariantShare, ...] = ()

    @property
    def words(self) -> str:
        """`from 2026-03-01T00:00:00.000000Z to now: on 25 %, off 75 %`."""
        return f"from {self.start} to {self.end or 'now'}: {self.answer.words}"


class Exposure(msgspec.Struct, frozen=True):
    """What a flag served to the contexts `where` (other attributes unknown) in one environment.

    The intervals are half-open, in order, without gaps, and no two neighbours
    have the same answer. They begin at `since`, or with the first entry.
    """

    project: str
    environment: str
    flag: str
    where: dict[str, Json]
    since: str | None
    until: str | None
    intervals: tuple[Interval, ...]
    seqs: tuple[int, ...]

    def summary(self, variant: str) -> tuple[str, ...]:
        """When the variant was served and to what share, a line for each such time, oldest first.

        >>> Exposure("p", "e", "f", {}, None, None, (), ()).summary("on")
        ('on: never',)
        """
        found: list[tuple[str, str, str | None]] = []
        for interval in self.intervals:
            told = _share_words(interval.answer, variant)
            start = interval.start
            if found and found[-1][0] == told and found[-1][2] == start:  # its value changed, not who gets it
                start = found.pop()[1]
            if told is not None:
                found.append((told, start, interval.end))
        return tuple(f"{variant} {told} from {start} to {end or 'now'}" for told, start, end in found) or (
            f"{variant}: never",
        )


def _share_words(answer: Answer, variant: str) -> str | None:
    """The variant's part of an answer in words; None where it is certain that nobody gets it."""
    told = share_words(answer, variant)
    if told == "none":
        return None
    return told if answer.share(variant) is None else f"for {told}"


def exposure(
    entries: Iterable[Entry],
    project: str,
    environment: str,
    flag: str,
    where: Mapping[str, Json],
    since: str | None = None,
    until: str | None = None,
) -> Exposure:
    """The exposure between `since` (inclusive) and `until` (exclusive), both stamps.

    `entries` are all entries of the flag, its targeting, and whatever they ever
    depended on, in any order (see `analysis/dependencies.py`).
    """
    moments = list(_moments(entries, project, environment, flag, where))
    starts = [*(moment.start for moment in moments[:1]), *([] if since is None else [since])]
    if starts:
        moments.insert(0, Interval(min(starts), None, Answer("missing"), None, ()))
    begun = _begun(moments)
    found = tuple(_told(list(_within(begun, since, until))))
    seqs = tuple(sorted({seq for interval in found for seq in interval.seqs}))
    return Exposure(project, environment, flag, dict(where), since, until, found, seqs)


def _moments(
    entries: Iterable[Entry], project: str, environment: str, flag: str, where: Mapping[str, Json]
) -> Iterator[Interval]:
    """An interval from each entry on, in order; none of them has an end yet."""
    state = State()
    for entry in in_order(each for each in entries if concerns(each, project, environment)):
        state = state.having((held_after(entry),), size=entry.seq + 1)
        read = world(state, project, environment, flag)
        yield Interval(entry.effective, None, answer(read, flag, where), cause(entry), tuple(sorted(read.seqs)))


def _begun(moments: Iterable[Interval]) -> list[Interval]:
    """Moments that altered the answer. Of several at one instant the last counts: the others held for no time."""
    found: list[Interval] = []
    rested: list[set[int]] = []
    for moment in moments:
        new = moment
        if found and found[-1].start == moment.start:
            momentary = found.pop()
            rested.pop()
            if alike(momentary.answer, moment.answer):
                new = msgspec.structs.replace(moment, cause=momentary.cause)
        if found and alike(found[-1].answer, new.answer):
            rested[-1].update(new.seqs)
        else:
            found.append(new)
            rested.append(set(new.seqs))
    return [
        msgspec.structs.replace(interval, seqs=tuple(sorted(seqs)))
        for interval, seqs in zip(found, rested, strict=True)
    ]


def _within(begun: list[Interval], since: str | None, until: str | None) -> Iterator[Interval]:
    """Each interval up to the next, cut to the time asked about."""
    ends: list[str | None] = [interval.start for interval in begun[1:]]
    for interval, begins_next in zip(begun, [*ends, None], strict=False):
        start = interval.start if since is None else max(since, interval.start)
        end = begins_next if until is None else min(until, begins_next or until)
        if end is None or start < end:
            yield msgspec.structs.replace(interval, start=start, end=end)


def _told(intervals: list[Interval]) -> Iterator[Interval]:
    """Each interval with the share of every variant that is served in any of them."""
    cases = [case for interval in intervals for case in interval.answer.cases]
    variants = dict.fromkeys(each.variant for case in cases for each in case.portions if each.variant is not None)
    for interval in intervals:
        shares = tuple(VariantShare(variant, share_words(interval.answer, variant)) for variant in variants)
        yield msgspec.structs.replace(interval, shares=shares)


def concerns(entry: Entry, project: str, environment: str) -> bool:
    """Whether the entry can alter an evaluation in this environment."""
    return decides(entry.subject, project, environment)


def decides(subject: Subject, project: str, environment: str) -> bool:
    """Whether evaluations in this environment can read the document."""
    if subject.project != project:
        return False
    return subject.kind in {"flag", "segment"} or (subject.kind == "targeting" and subject.environment == environment)


def cause(entry: Entry) -> Cause:
    """What an interval tells of the entry that began it."""
    return Cause(
        entry.seq,
        entry.effective,
        entry.actor,
        entry.subject,
        entry.actions,
        words(entry.subject, entry.before, entry.after),
        entry.why,
        entry.ticket,
        entry.approval,
    )
