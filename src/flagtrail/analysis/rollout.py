"""How far was a flag rolled out, step by step, and who took each step?"""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from flagtrail.analysis.exposure import Cause, Interval, exposure
from flagtrail.analysis.shares import Portion, Standing
from flagtrail.model.entry import Entry


class Step(msgspec.Struct, frozen=True):
    """From `start` on and before `end` (None: still) `portions` were served to everybody whom no rule picked out.

    `rules` are the cases before that, in words. `portions` are empty where the
    flag did not exist, was archived, or cannot be told in cases (see `words`).
    """

    start: str
    end: str | None
    standing: Standing
    portions: tuple[Portion, ...]
    rules: tuple[str, ...]
    words: str
    cause: Cause | None
    seqs: tuple[int, ...]


class RolloutHistory(msgspec.Struct, frozen=True):
    """The steps of one flag in one environment, oldest first, half-open and without gaps."""

    project: str
    environment: str
    flag: str
    steps: tuple[Step, ...]
    seqs: tuple[int, ...]


def rollout(entries: Iterable[Entry], project: str, environment: str, flag: str) -> RolloutHistory:
    """The rollout history from all entries of the flag and what it ever depended on, in any order."""
    found = exposure(entries, project, environment, flag, {})
    return RolloutHistory(project, environment, flag, tuple(map(_step, found.intervals)), found.seqs)


def _step(interval: Interval) -> Step:
    answer = interval.answer
    return Step(
        interval.start,
        interval.end,
        answer.standing,
        answer.cases[-1].portions if answer.cases else (),
        tuple(case.words for case in answer.cases[:-1]),
        answer.words,
        interval.cause,
        interval.seqs,
    )
