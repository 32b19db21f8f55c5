"""`flagtrail references`: where source code names a flag, on the command line."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.support.command_line import flagtrail_in

from flagtrail.model.reference import CodeReference, Removal, ScanHead, ScannedFlag
from flagtrail.storage import load

AT = "2026-03-05T12:00:00.000000Z"
PLACES = (
    CodeReference(
        "checkout", "src/cart.py", 7, "evaluation", 1, '    if on("checkout"):\x1b[2J\n', "Cart.pay", "python"
    ),
    CodeReference("checkout", "src/cart.py", 90, "test_stub", 1, 'stub("checkout")'),
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("references")
    for key in ("checkout", "old", "quiet"):
        assert flagtrail_in(made, "flags", "create", key).code == 0
    storage = load(f"sqlite:///{made / 'flagtrail.db'}")
    removal = Removal("abcdef0abcdef0", AT, "Remove old")
    found = [
        ScannedFlag(
            repository="", branch="", flag="checkout", counts={"evaluation": 1, "test_stub": 1}, references=PLACES
        ),
        ScannedFlag(repository="", branch="", flag="old", removal=removal),
        ScannedFlag(repository="", branch="", flag="ghost", counts={"evaluation": 1}),
    ]
    storage.put_scan(ScanHead("default", "acme/shop", "main", "c0ffee0c0ffee0", AT, AT, True, "", 98, 2), found)
    storage.put_scan(ScanHead("default", "acme/shop", "fix", "c0ffee0", AT, AT), found[:1])
    empty = [ScannedFlag(repository="", branch="", flag="checkout")]
    storage.put_scan(ScanHead("default", "acme/app", "main", "c0ffee0", AT, AT, True, "", 5, 0), empty)
    storage.close()
    return made


def test_references__of_a_flag__are_told_by_branch_and_file(folder: Path) -> None:
    outcome = flagtrail_in(folder, "references", "checkout")
    lines = [" ".join(line.split()) for line in outcome.out.splitlines()]

    assert (outcome.code, outcome.err) == (0, "")
    assert lines[0] == "acme/shop main c0ffee0c0f, scanned 2026-03-05 12:00:00Z"
    assert lines[-2:] == ["", "not named in acme/app (main); scanned 2026-03-05 12:00:00Z or later"]
    assert lines[1:-2] == [
        "2 of 100 files could not be read",
        "src/cart.py",
        '7 if on("checkout"): [2J evaluation in Cart.pay',
        '90 stub("checkout") test stub',
        "",
        "acme/shop fix not the default branch c0ffee0, scanned 2026-03-05 12:00:00Z",
        *lines[2:5],
    ]


def test_references__of_a_flag_that_left__names_the_commit(folder: Path) -> None:
    assert "no references: abcdef0abc removed the last, 2026-03-05 12:00:00Z Remove old" in (
        flagtrail_in(folder, "references", "old").out
    )


def test_references__of_a_flag_that_nobody_looked_for__proves_nothing(folder: Path) -> None:
    outcome = flagtrail_in(folder, "references", "quiet")

    assert (outcome.code, "No scan looked for quiet. That is no proof" in outcome.out) == (0, True)


def test_references__of_all_flags__are_counted(folder: Path, tmp_path: Path) -> None:
    told = flagtrail_in(folder, "references").out
    rows = [line.split() for line in told.splitlines()]

    assert ["checkout", "2", "1", "2", "repositories"] in rows
    assert ["old", "0", "0", "acme/shop", "abcdef0abc"] in rows
    assert "ghost is asked for in acme/shop, and is no flag" in told
    assert flagtrail_in(tmp_path, "flags", "create", "f").code == 0
    assert "No scan of a default branch was uploaded" in flagtrail_in(tmp_path, "references").out


def test_references__as_json__are_the_apis(folder: Path) -> None:
    told = flagtrail_in(folder, "references", "checkout", "--json").json

    assert [branch["found"]["counts"] for branch in told["branches"]] == [{}, *[{"evaluation": 1, "test_stub": 1}] * 2]  # type: ignore[index]  # the API's JSON


def test_references__of_what_is_no_flag__is_refused(folder: Path) -> None:
    outcome = flagtrail_in(folder, "references", "nothing")

    assert (outcome.code, "Not found" in outcome.err) == (1, True)


def test_references__of_a_repository_that_is_no_more__are_forgotten(tmp_path: Path) -> None:
    assert flagtrail_in(tmp_path, "flags", "create", "f").code == 0
    storage = load(f"sqlite:///{tmp_path / 'flagtrail.db'}")
    storage.put_scan(ScanHead("default", "acme/a&b", "main", "c0ffee0", AT, AT, default=True), [])
    storage.close()
    gone = flagtrail_in(tmp_path, "references", "--forget", "acme/a&b")

    assert (gone.code, gone.out) == (0, "forgot acme/a&b: 1 scanned branch\n")
    assert flagtrail_in(tmp_path, "references", "--forget", "acme/a&b").code == 1
    assert flagtrail_in(tmp_path, "references", "f", "--forget", "acme/a&b").code == 2
