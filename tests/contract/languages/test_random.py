"""A flag's removal alters nothing that a program does: random programs, compiled and run before and after."""

from __future__ import annotations

import itertools
import random
from pathlib import Path

import pytest
from tests.support.corpus import Job, runner, runners
from tests.support.dice import Program

from flagtrail.codebase.cleanup import Winner
from flagtrail.codebase.plan import plan
from flagtrail.codebase.repository import Files

PROGRAMS = 8
WINNERS = (Winner("on", True), Winner("off", False))
OUTCOMES = [
    dict(zip(("a", "b", "other-flag"), each, strict=True)) for each in itertools.product((False, True), repeat=3)
]


def jobs(language: str) -> list[Job]:
    """Each program with each winner, before and after, in this order."""
    made = []
    for seed, winner in itertools.product(range(PROGRAMS), WINNERS):
        program = Program(language, random.Random(seed))
        before = Files({program.path: program.text().encode()})
        after = Files(
            {change.path: change.after for change in plan(before, program.flag, winner).changes if change.after}
        )
        for side, files in (("before", before), ("after", Files(before | after))):
            name = f"{side}_{seed}_{winner.variant}"
            made.append(Job(name, files, program.flag, winner.variant, winner.value, OUTCOMES))
    return made


@pytest.mark.slow
@pytest.mark.parametrize("language", runners())
def test_a_program__without_the_flag__does_what_it_did(language: str, tmp_path: Path) -> None:
    how = runner(language)
    if how.MISSING:
        pytest.skip(how.MISSING)
    every = jobs(language)
    altered = [before.files != after.files for before, after in zip(every[::2], every[1::2], strict=True)]
    assert sum(altered) > len(altered) / 2
    ran = how.run(every, tmp_path)
    refused = [job.name for job in every[::2] if ran[job.name].failure]
    assert len(refused) <= len(altered) / 10, "its compiler refuses too many of the programs themselves"
    for before, after in zip(every[::2], every[1::2], strict=True):
        was, now = ran[before.name], ran[after.name]
        text = "\n--- after\n".join(data.decode() for job in (before, after) for data in job.files.values())
        assert before.name in refused or not now.failure, f"{now.failure}\n{text}"
        assert before.name in refused or now.outcomes == was.outcomes, text
