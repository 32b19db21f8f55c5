"""The main job on a real history: imported, and every question about it answered on the dates it happened."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.support.command_line import REPOSITORY, flagtrail_in

SOURCE = REPOSITORY / ".." / "shared" / "data" / "otel-demo-flags"
pytestmark = pytest.mark.skipif(not SOURCE.exists(), reason="the real history is not beside this repository")


@pytest.fixture(scope="module")
def imported(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("otel")
    outcome = flagtrail_in(folder, "import", "git", str(SOURCE), "--why", "the past of our flags")
    assert (outcome.code, outcome.err) == (0, "")
    return folder


def found(folder: Path, *arguments: str) -> dict[str, object]:
    outcome = flagtrail_in(folder, *arguments, "--json")
    assert (outcome.code, outcome.err) == (0, "")
    assert isinstance(outcome.json, dict)
    return outcome.json


def test_import__again__skips_what_came_in_earlier(imported: Path) -> None:
    outcome = flagtrail_in(imported, "import", "git", str(SOURCE), "--why", "again")
    assert outcome.out == "Nothing new: all 27 versions came in earlier.\n"


def test_import__dry_run__appends_nothing(tmp_path: Path) -> None:
    flagtrail_in(tmp_path, "flags", "create", "own")
    before = found(tmp_path, "log", "--limit", "500")
    told = found(tmp_path, "import", "git", str(SOURCE), "--dry-run", "--why", "w")
    assert (told["versions"], found(tmp_path, "log", "--limit", "500")) == (27, before)


@pytest.mark.parametrize(
    ("at", "type_"),
    [
        pytest.param("2026-06-30", bool, id="before July 2026"),
        pytest.param("2026-08-01", float, id="after it"),
    ],
)
def test_eval_at__cart_failure__answers_with_the_type_of_that_time(imported: Path, at: str, type_: type) -> None:
    answer = found(imported, "eval", "cartFailure", "--at", at, "--context", "targetingKey=u1")
    resolution = answer["resolution"]
    assert isinstance(resolution, dict)
    value = resolution["value"]
    assert isinstance(value, bool) == (type_ is bool)
    assert isinstance(value, (bool, int, float))


def test_log__real_flag__names_the_original_author_and_time(imported: Path) -> None:
    page = found(imported, "log", "cartFailure", "--limit", "100")
    entries = page["items"]
    assert isinstance(entries, list)
    assert {entry["actor"]["kind"] for entry in entries} == {"import"}
    assert all(entry["occurred_at"] < entry["time"] for entry in entries)
    assert any("type_changed" in entry["actions"] for entry in entries)


def test_log__period__goes_by_when_it_happened(imported: Path) -> None:
    page = found(imported, "log", "--since", "2026-07-01", "--until", "2026-08-01")
    assert page["items"] != []


def test_exposure__real_flag__covers_the_time_before_the_import(imported: Path) -> None:
    exposure = found(imported, "exposure", "cartFailure")
    intervals = exposure["intervals"]
    assert isinstance(intervals, list)
    assert intervals[0]["start"] < "2026-01-01"


def test_history__real_flag__is_told_in_steps(imported: Path) -> None:
    outcome = flagtrail_in(imported, "history", "cartFailure")
    assert (outcome.code, outcome.out.splitlines()[0]) == (0, "cartFailure in production, step by step")
