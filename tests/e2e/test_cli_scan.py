"""`flagtrail scan`: where source code names flags, for people, machines and the server."""

from __future__ import annotations

import csv
import io
import json
import sys
from pathlib import Path
from typing import Any

import pytest
from tests.support.command_line import Outcome, flagtrail_in
from tests.support.git import Git

CART = """from shop.flags import NEW_PRICING


class Cart:
    def total(self):
        if client.get_boolean_value(NEW_PRICING, False):
            return 1
        return client.get_boolean_value("new_pricng", False)
"""
SARIF_KINDS = {"notApplicable", "pass", "fail", "review", "open", "informational"}
SARIF_LEVELS = {"none", "note", "warning", "error"}


@pytest.fixture(scope="module")
def git(tmp_path_factory: pytest.TempPathFactory) -> Git:
    git = Git(tmp_path_factory.mktemp("scan") / "shop")
    git.write({"shop/flags.py": 'NEW_PRICING = "new_pricing"\nOLD = "old_banner"\n', "shop/cart.py": CART})
    git.write(
        {"notes.md": "archived_one, =cmd()\n", "old.py": 'ask(client.get_boolean_value("archived_one", False))\n'}
    )
    git.commit("Begin")
    git.write({"shop/flags.py": 'NEW_PRICING = "new_pricing"\n'})
    git.commit("Remove the old banner", name="Grace")
    return git


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where a server's database is."""
    made = tmp_path_factory.mktemp("flags")
    for flag in ("new_pricing", "old_banner", "archived_one", "never"):
        assert flagtrail_in(made, "flags", "create", flag).code == 0
    assert flagtrail_in(made, "flags", "archive", "archived_one", "--why", "done").code == 0
    return made


def scan(folder: Path, git: Git, *arguments: str) -> Outcome:
    return flagtrail_in(folder, "scan", str(git.folder), *arguments)


def test_scan__for_people__tells_places_unknown_keys_and_what_went(folder: Path, git: Git) -> None:
    outcome = scan(folder, git)

    assert (outcome.code, outcome.err) == (0, "")
    assert outcome.out.splitlines()[:4] == [
        "archived_one  1 evaluation, 1 comment  archived",
        '  old.py:1  evaluation  ask(client.get_boolean_value("archived_one", False))',
        "  notes.md:1  comment  archived_one, =cmd()",
        "new_pricing  1 evaluation, 1 definition",
    ]
    assert "new_pricng  is asked for, and is no flag  did you mean new_pricing?" in outcome.out
    assert "Grace: Remove the old banner" in outcome.out
    assert "archived_one is archived, and code still asks for it." in outcome.out
    assert outcome.out.splitlines()[-1] == "2 of 4 flags are named in 4 files; 1 unknown keys."


def test_scan__json__holds_all_of_it(folder: Path, git: Git) -> None:
    told: Any = scan(folder, git, "--json").json
    flags = {each["flag"]: each for each in told["flags"]}

    assert (told["repository"], told["branch"], len(told["commit"]), told["files"]) == ("shop", "main", 40, 4)
    assert flags["new_pricing"]["counts"] == {"evaluation": 1, "definition": 1}
    assert flags["old_banner"]["removed"]["author"] == "Grace"
    assert (flags["never"]["references"], flags["never"]["removed"]) == ([], None)
    assert [(each["flag"], each["near"]) for each in told["unknown"]] == [("new_pricng", "new_pricing")]
    assert flags["new_pricing"]["references"][0] == {
        "flag": "new_pricing",
        "path": "shop/cart.py",
        "line": 6,
        "kind": "evaluation",
        "column": 37,
        "snippet": "if client.get_boolean_value(NEW_PRICING, False):",
        "symbol": "Cart.total",
        "language": "python",
    }


def test_scan__csv__has_a_line_for_each_place_and_no_formulas(folder: Path, git: Git, tmp_path: Path) -> None:
    out = tmp_path / "places.csv"
    outcome = scan(folder, git, "--format", "csv", "--out", str(out))
    rows = list(csv.DictReader(io.StringIO(out.read_text())))

    assert (outcome.code, outcome.out, outcome.err) == (0, "", f"written: {out}\n")
    assert [(row["flag"], row["kind"], row["known"]) for row in rows] == [
        ("archived_one", "comment", "yes"),
        ("archived_one", "evaluation", "yes"),
        ("new_pricing", "evaluation", "yes"),
        ("new_pricng", "evaluation", "no"),
        ("new_pricing", "definition", "yes"),
    ]
    assert not any(cell.startswith("=") for row in rows for cell in row.values())


def test_scan__sarif__is_what_the_standard_demands(folder: Path, git: Git) -> None:
    told: Any = json.loads(scan(folder, git, "--format", "sarif").out)
    (run,) = told["runs"]
    rules = run["tool"]["driver"]["rules"]

    assert (told["version"], told["$schema"]) == ("2.1.0", "https://json.schemastore.org/sarif-2.1.0.json")
    assert [rule["id"] for rule in rules] == ["unknown-flag", "archived-flag", "flag-reference"]
    assert len(run["results"]) == 5
    for result in run["results"]:
        place = result["locations"][0]["physicalLocation"]
        assert rules[result["ruleIndex"]]["id"] == result["ruleId"]
        assert (result["kind"] in SARIF_KINDS, result["level"] in SARIF_LEVELS) == (True, True)
        assert (result["level"] == "none") == (result["kind"] != "fail")  # 3.27.10: other kinds have no level
        assert result["message"]["text"]
        assert place["artifactLocation"]["uriBaseId"] in run["originalUriBaseIds"]
        assert not place["artifactLocation"]["uri"].startswith("/")
        assert place["region"]["startLine"] >= 1
        assert place["region"]["startColumn"] >= 1
    assert [each["ruleId"] for each in run["results"] if each["level"] == "warning"] == [
        "unknown-flag",
        "archived-flag",
    ]


@pytest.mark.parametrize("kind", ["unknown", "archived", "unreferenced"])
def test_scan__fail_on__ends_with_one_where_there_is_such(folder: Path, git: Git, kind: str) -> None:
    assert scan(folder, git, "--fail-on", kind, "--json").code == 1


def test_scan__fail_on__ends_with_zero_where_there_is_none(tmp_path: Path, git: Git) -> None:
    (tmp_path / "keys.txt").write_text("new_pricing\nnew_pricng\narchived_one\n")

    outcome = scan(tmp_path, git, "--flags", "keys.txt", "--fail-on", "unknown", "--fail-on", "archived")

    assert (outcome.code, outcome.err) == (0, "")


def test_scan__without_its_extra__names_it(folder: Path, git: Git, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ahocorasick_rs", None)
    outcome = scan(folder, git)

    assert outcome.code == 1
    assert "comes with the extra [code]" in outcome.err


@pytest.mark.parametrize(
    "content",
    [
        pytest.param("new_pricing\n\nnew_pricng\n", id="lines"),
        pytest.param('["new_pricing", "new_pricng"]', id="a JSON list"),
        pytest.param('{"flags": {"new_pricing": {"state": "ENABLED"}, "new_pricng": {}}}', id="a file of flagd"),
    ],
)
def test_scan__keys_of_a_file__ask_no_server(tmp_path: Path, git: Git, content: str) -> None:
    (tmp_path / "keys").write_text(content)
    told: Any = scan(tmp_path, git, "--flags", "keys", "--json").json

    assert [each["flag"] for each in told["flags"]] == ["new_pricing", "new_pricng"]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("a b\n", "'a b' is no key of a flag"),
        ('{"flag": 1}', "is no list of keys"),
        ("[1]", "is no list of keys"),
        ("[", "cannot be read"),
    ],
)
def test_scan__file_of_keys_with_a_defect__is_wrong_usage(tmp_path: Path, git: Git, content: str, said: str) -> None:
    (tmp_path / "keys").write_text(content)
    outcome = scan(tmp_path, git, "--flags", "keys")

    assert outcome.code == 2
    assert said in outcome.err


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        pytest.param(["scan", "missing"], 1, "missing is no folder", id="no folder"),
        pytest.param(["scan", ".", "--flags", "nowhere"], 2, "No such file", id="no file of keys"),
        pytest.param(["scan", ".", "--out", "x"], 2, "--out needs --format", id="text to a file"),
        pytest.param(["scan", ".", "--flag", "nope"], 2, "no flag 'nope'", id="a flag that there is not"),
        pytest.param(["scan", ".", "--upload"], 1, "is no git worktree", id="an upload of what is no repository"),
    ],
)
def test_scan__that_cannot_be__says_why(folder: Path, arguments: list[str], code: int, said: str) -> None:
    outcome = flagtrail_in(folder, *arguments)

    assert outcome.code == code
    assert said in outcome.err


def test_upload__of_a_worktree_that_git_will_not_look_at__says_why(
    folder: Path, git: Git, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GIT_TEST_ASSUME_DIFFERENT_OWNER", "1")
    outcome = flagtrail_in(folder, "scan", str(git.folder), "--upload")

    assert (outcome.code, "dubious ownership" in outcome.err) == (1, True)


@pytest.mark.parametrize("arguments", [["--flag", "new_pricing"], ["shop"]], ids=["of one flag", "of one folder"])
def test_upload__of_a_part__is_refused(folder: Path, git: Git, arguments: list[str]) -> None:
    path = str(git.folder / "shop") if arguments == ["shop"] else str(git.folder)
    outcome = flagtrail_in(folder, "scan", path, "--upload", *[each for each in arguments if each != "shop"])

    assert outcome.code == 1
    assert outcome.err.startswith("The scan cannot be uploaded.")


def test_upload__tells_the_server_what_stands_where(folder: Path, git: Git) -> None:
    outcome = scan(folder, git, "--upload", "--default", "--format", "json")
    told: Any = flagtrail_in(folder, "references", "new_pricing", "--json").json
    summary: Any = flagtrail_in(folder, "references", "--json").json

    assert (outcome.code, outcome.err) == (0, "uploaded: shop, main, 5 references\n")
    (branch,) = told["branches"]
    assert (branch["scan"]["branch"], branch["scan"]["default"], branch["scan"]["files"]) == ("main", True, 4)
    assert branch["found"]["counts"] == {"evaluation": 1, "definition": 1}
    assert [each["flag"] for each in summary["unknown"]] == ["new_pricng"]
    (gone,) = [each for each in summary["flags"] if each["flag"] == "old_banner"]
    assert gone["removal"]["subject"] == "Remove the old banner"


def test_scan__folder_in_a_repository__keeps_the_paths_from_its_root(folder: Path, git: Git) -> None:
    told: Any = flagtrail_in(folder, "scan", str(git.folder / "shop"), "--json", "--history", "0").json

    assert {each["path"] for flag in told["flags"] for each in flag["references"]} == {"shop/cart.py", "shop/flags.py"}
    assert all(flag["removed"] is None for flag in told["flags"])


def test_scan__folder_without_git__is_read_whole(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text(CART)
    told: Any = flagtrail_in(folder, "scan", str(tmp_path), "--json").json

    assert (told["repository"], told["commit"], told["files"]) == ("", "", 1)


def test_scan__folder_that_git_does_not_track__says_that_nothing_was_looked_at(folder: Path, git: Git) -> None:
    (git.folder / "build").mkdir(exist_ok=True)
    (git.folder / "build/a.py").write_text(CART)
    outcome = flagtrail_in(folder, "scan", str(git.folder / "build"))

    assert "note: git tracks no file here, so that nothing was looked at." in outcome.out


def test_upload__of_more_than_the_server_takes__keeps_of_each_flag_what_asks_for_it(
    folder: Path, git: Git, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("flagtrail.cli.scan.MAX_REFERENCES", 2)
    git.write({"many.py": 'x = client.get_boolean_value("archived_one", False)\n' * 4})
    git.run("add", "--all")
    outcome = scan(folder, git, "--upload", "--format", "json", "--branch", "many")
    git.run("rm", "-q", "-f", "many.py")
    assert "note: it is no default branch, so nothing is concluded from it" in outcome.err
    told: Any = [
        branch["found"]["counts"]
        for flag in ("archived_one", "new_pricing")
        for branch in flagtrail_in(folder, "references", flag, "--json").json["branches"]  # type: ignore[index]  # the API's JSON
        if branch["scan"]["branch"] == "many"
    ]

    assert outcome.code == 0
    assert "references more than the server takes were left out" in outcome.err
    assert told == [{"evaluation": 1}, {"evaluation": 1}]


def test_upload__of_a_sparse_checkout__is_refused(folder: Path, git: Git, tmp_path: Path) -> None:
    git.run("clone", "-q", "--sparse", str(git.folder), str(tmp_path / "part"))
    outcome = flagtrail_in(folder, "scan", str(tmp_path / "part"), "--upload", "--format", "json")

    assert (outcome.code, "2 tracked files could not be read (a sparse checkout" in outcome.err) == (1, True)
