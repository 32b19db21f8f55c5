"""What every language behind the door owes: the corpus of hard cases, planned, compared, and run before and after."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import pytest
from tests.support.corpus import Case, Job, Ran, cases, languages, runner

from flagtrail.codebase import languages as door
from flagtrail.codebase.cleanup import Plan, Winner
from flagtrail.codebase.plan import plan
from flagtrail.codebase.repository import Files
from flagtrail.codebase.undefined import undefined

LEAST = {"python": 60}
EVERY = [case for language in languages() for case in cases(language)]
IDS = [f"{case.language}-{case.name}" for case in EVERY]
EACH = pytest.mark.parametrize("case", EVERY, ids=IDS)


@cache
def planned(language: str, name: str) -> Plan:
    case = next(case for case in EVERY if (case.language, case.name) == (language, name))
    return plan(case.before, case.flag, Winner(case.variant, case.value))


def applied(case: Case) -> Files:
    files = Files(case.before)
    for change in planned(case.language, case.name).changes:
        assert files[change.path] == change.before
        if change.after is None:
            del files[change.path]
        else:
            files[change.path] = change.after
    return files


@pytest.mark.parametrize("language", languages())
def test_a_corpus__is_large_enough_and_clean_in_nine_of_ten_cases(language: str) -> None:
    mine = cases(language)
    assert len(mine) >= LEAST.get(language, 40)
    assert sum(not case.refused for case in mine) >= 0.9 * len(mine)


@EACH
def test_a_case__becomes_what_a_careful_person_would_write(case: Case) -> None:
    made = applied(case)
    assert {path: data.decode() for path, data in made.items()} == {p: d.decode() for p, d in case.after.items()}
    assert tuple(sorted({refusal.why for refusal in planned(case.language, case.name).refusals})) == case.refused


@EACH
def test_a_case__planned_again__changes_nothing(case: Case) -> None:
    made = applied(case)
    assert plan(made, case.flag, Winner(case.variant, case.value)).changes == ()


@EACH
def test_a_case__parses_as_well_as_before(case: Case) -> None:
    for change in planned(case.language, case.name).changes:
        language = door.of_path(change.path)
        if language is not None and change.after is not None:
            assert (
                language.source(change.path, change.after).defects
                <= language.source(change.path, change.before).defects
            )


@EACH
def test_a_case__leaves_no_name_without_its_definition(case: Case) -> None:
    assert undefined(case.before, planned(case.language, case.name).changes) == []


@pytest.mark.slow
@pytest.mark.parametrize("language", languages())
def test_a_corpus__run_before_and_after__returns_the_same_and_does_the_same(language: str, tmp_path: Path) -> None:
    how = runner(language)
    if how.MISSING:
        pytest.skip(how.MISSING)
    ran = how.run(jobs(language), tmp_path)
    wrong = {case.name: found for case in cases(language) if (found := difference(case, ran))}
    assert wrong == {}


def difference(case: Case, ran: dict[str, Ran]) -> str:
    before, after = (ran[f"{side}_{case.name}"] for side in ("before", "after"))
    if before.failure or len(before.outcomes) != len(case.assignments()):
        return f"the case itself is wrong: {before.failure}"
    if after.failure:
        return after.failure
    pairs = zip(case.assignments(), before.outcomes, after.outcomes, strict=True)
    return "\n".join(f"{given}: {was} became {now}" for given, was, now in pairs if was != now)


def jobs(language: str) -> list[Job]:
    return [
        Job(f"{side}_{case.name}", files, case.flag, case.variant, case.value, case.assignments())
        for case in EVERY
        if case.language == language
        for side, files in (("before", case.before), ("after", applied(case)))
    ]
