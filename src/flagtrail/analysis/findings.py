"""A period added up: how much was changed, by whom, what it lacks, and which changes an auditor should look at."""

from __future__ import annotations

from base64 import b64encode
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Literal

import msgspec

from flagtrail.analysis.evidence import Judged, Lack, Walk
from flagtrail.analysis.timeline import person
from flagtrail.ledger.draw import Draw
from flagtrail.model.entry import Entry

FIRST = 20
"""Entries that an exception names; the rows name all of them."""
MAX_SAMPLE = 100
SAMPLE = 25
"""How many changes are drawn where nobody says how many."""


class Count(msgspec.Struct, frozen=True):
    """How many changes have one action, or one person."""

    name: str
    count: int


class Check(msgspec.Struct, frozen=True):
    """One thing that every change to production was looked at for.

    Where `applied` is false it could not be, and `told` says why. `count` changes were found, `seqs` are the first.
    """

    name: Literal["no_reason", "no_approval", "self_approved", "break_glass", "outside_window"]
    applied: bool
    count: int
    seqs: tuple[int, ...]
    told: str


class Sampling(msgspec.Struct, frozen=True):
    """Which changes an auditor is asked to look at, drawn so that nobody could choose them and anybody can draw again.

    Every change of the population has the rank SHA-256(seed || seq as 8 bytes, big-endian); those with the lowest
    ranks are taken. The seed is SHA-256 over `seeded_with`.
    """

    asked: int
    population: int
    seqs: tuple[int, ...]
    seed: str
    seeded_with: str


class Findings(msgspec.Struct, frozen=True, kw_only=True):
    """A period in numbers.

    `entries` are all of the ledger's in it, `changes` those in question, `reached` those of them that reached
    production. `authenticated` says how their authors were known. `people` are the busiest first.
    """

    entries: int
    changes: int
    reached: int
    approved: int
    people: tuple[Count, ...]
    actions: tuple[Count, ...]
    authenticated: tuple[Count, ...]
    access_changes: int
    signin_failures: int
    checks: tuple[Check, ...]
    sampling: Sampling

    def lacking(self, name: str) -> int:
        """How many changes a check found; 0 where it could not be applied."""
        return next(check.count for check in self.checks if check.name == name)


def findings(entries: Iterable[tuple[Entry, str]], walk: Walk, draw: Draw) -> Findings:
    """Go through a period once. `entries` as `Walk.judged` takes them."""
    tally = _Tally()
    for judged in walk.judged(entries):
        tally.add(judged)
        if judged.reaches is not None:
            draw.offer(judged.entry.seq)
    return Findings(
        entries=walk.entries,
        changes=tally.changes,
        reached=tally.reached,
        approved=tally.approved,
        people=_counts(tally.people),
        actions=_counts(tally.actions),
        authenticated=_counts(tally.authenticated),
        access_changes=walk.access_changes,
        signin_failures=walk.signin_failures,
        checks=_checks(tally, about_access=walk.scope.kind == "access"),
        sampling=Sampling(draw.asked, draw.population, draw.taken(), b64encode(draw.seed).decode(), draw.seeded_with),
    )


class _Tally:
    def __init__(self) -> None:
        self.changes = self.reached = self.approved = 0
        self.people: Counter[str] = Counter()
        self.actions: Counter[str] = Counter()
        self.authenticated: Counter[str] = Counter()
        self.lacks: Counter[Lack] = Counter()
        self.first: dict[Lack, list[int]] = {}

    def add(self, judged: Judged) -> None:
        entry = judged.entry
        self.changes += 1
        self.people[person(entry.actor)] += 1
        self.actions.update(entry.actions)
        self.authenticated[entry.actor.auth] += 1
        if judged.reaches is None:
            return
        self.reached += 1
        self.approved += entry.approval is not None
        for lack in judged.exceptions:
            self.lacks[lack] += 1
            first = self.first.setdefault(lack, [])
            if len(first) < FIRST:
                first.append(entry.seq)


def _checks(tally: _Tally, *, about_access: bool) -> tuple[Check, ...]:
    """Every check by name: what was found, or why it could not be applied."""

    def found(name: Lack, told: str) -> Check:
        return Check(name, applied=True, count=tally.lacks[name], seqs=tuple(tally.first.get(name, ())), told=told)

    def left_out(name: Literal["no_approval", "self_approved", "break_glass", "outside_window"], told: str) -> Check:
        return Check(name, applied=False, count=0, seqs=(), told=told)

    if about_access:
        approval = left_out(
            "no_approval", "A change of access is not approved in Flagtrail, so nothing can be missing."
        )
    else:
        approval = found("no_approval", "Every change to production whose entry names no approval.")
    if tally.approved:
        own = found("self_approved", "Every change to production whose approval names its author.")
    else:
        own = left_out("self_approved", "No change to production in this period carries an approval to compare.")
    return (
        found("no_reason", "Every change to production whose author gave no reason."),
        approval,
        own,
        left_out("break_glass", "Flagtrail has no emergency procedure, so no change can be marked as one."),
        left_out("outside_window", "Flagtrail has no change windows, so no change can lie outside of one."),
    )


def _counts(counted: Mapping[str, int]) -> tuple[Count, ...]:
    return tuple(Count(name, counted[name]) for name in sorted(counted, key=lambda name: (-counted[name], name)))
