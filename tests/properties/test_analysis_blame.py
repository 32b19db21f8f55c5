"""Blame against brute force: evaluate after every entry, and see which altered what the context got."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from itertools import groupby

import pytest
from tests.unit.analysis.histories import ENV, P, at
from tests.unit.analysis.stories import CONTEXTS, FLAGS, story

from flagtrail.analysis.blame import Asked, alike, blame
from flagtrail.analysis.exposure import concerns
from flagtrail.analysis.world import in_order
from flagtrail.engine.ruleset import Ruleset
from flagtrail.model.context import Context
from flagtrail.model.entry import Entry
from flagtrail.model.resolution import Resolution
from flagtrail.model.state import State, held_after

Told = tuple[str, str | None, str | None, tuple[int, ...]]
"""A band: from, until, the variant, and the entries that began it."""


def rulesets(ordered: Sequence[Entry]) -> list[Ruleset]:
    """The live engine's ruleset before the first entry, and after each."""
    state, found = State(), [Ruleset({}, {}, {})]
    for entry in ordered:
        state = state.having([held_after(entry)], size=entry.seq + 1)
        found.append(Ruleset(state.flags(P), state.targetings(P, ENV), state.segments(P), previous=found[-1]))
    return found


def edges(
    ordered: Sequence[Entry], answers: Sequence[Resolution], *, reasons: bool
) -> Iterator[tuple[str, Resolution, tuple[int, ...]]]:
    """Each instant at which the answer became another, what it became, and the entries that made it so."""
    done = 0
    for time, together in groupby(ordered, key=lambda entry: entry.effective):
        count = len(list(together))
        steps = range(done, done + count + 1)
        old, new = answers[done], answers[done + count]
        if not alike(old, new, reasons=reasons):
            kept = max(step for step in steps if alike(answers[step], old, reasons=reasons))
            moved = [
                step
                for step in range(kept + 1, done + count + 1)
                if not alike(answers[step - 1], answers[step], reasons=reasons)
            ]
            yield time, new, tuple(ordered[step - 1].seq for step in moved)
        done += count


def brute(
    ordered: Sequence[Entry], answers: Sequence[Resolution], since: str, until: str | None, *, reasons: bool
) -> list[Told]:
    """The bands of one flag between two moments."""
    before = sum(entry.effective < since for entry in ordered)
    marks: list[tuple[str, str | None, tuple[int, ...]]] = [(since, answers[before].variant, ())]
    for time, new, by in edges(ordered, answers, reasons=reasons):
        if since <= time and (until is None or time < until):
            if time == since:
                marks.pop()
            marks.append((time, new.variant, by))
    ends = [*(time for time, _, _ in marks[1:]), until]
    return [(time, end, variant, by) for (time, variant, by), end in zip(marks, ends, strict=True)]


def judge(seed: int, contexts: int) -> None:
    dice = random.Random(seed)
    entries = story(dice)
    ordered = [entry for entry in in_order(entries) if concerns(entry, P, ENV)]
    after = rulesets(ordered)
    for context in dice.sample(CONTEXTS, contexts):
        reasons, since = dice.random() < 0.5, at(dice.randint(1, 12))
        until = None if dice.random() < 0.5 else at(dice.randint(13, 25))
        expected = {
            flag: brute(ordered, [each.evaluate(flag, context) for each in after], since, until, reasons=reasons)
            for flag in FLAGS
        }
        for flag in (None, dice.choice(FLAGS)):
            found = blame(entries, asked(context, flag, since, until, reasons=reasons))
            told = {
                each.flag: [
                    (
                        band.start,
                        band.end,
                        band.got.variant if band.got else "unknown",
                        () if band.edge is None else (*band.edge.also, band.edge.cause.seq),
                    )
                    for band in each.bands
                ]
                for each in found.flags
            }
            changed = {key for key, bands in expected.items() if any(by for *_, by in bands)}
            assert changed <= told.keys() if flag is None else told.keys() == {flag}
            assert told == {key: expected[key] for key in told}
            assert set(found.seqs) == {seq for key in told for *_, by in expected[key] for seq in by}


def asked(context: Context, flag: str | None, since: str, until: str | None, *, reasons: bool) -> Asked:
    return Asked(
        project=P, environment=ENV, flag=flag, context=dict(context), since=since, until=until, reasons=reasons
    )


@pytest.mark.parametrize("seed", range(0, 300, 50))
def test_blame__random_histories__are_exactly_what_evaluating_after_every_entry_shows(seed: int) -> None:
    for each in range(seed, seed + 50):
        judge(each, contexts=2)


@pytest.mark.slow
def test_blame__ten_thousand_cases__are_exactly_what_evaluating_after_every_entry_shows() -> None:
    for seed in range(1_000, 3_500):
        judge(seed, contexts=2)
