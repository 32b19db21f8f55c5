"""The commits that took last references away, and where a worktree comes from."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.support.git import Git

from flagtrail.codebase.origin import Origin, begun
from flagtrail.codebase.removals import Removed, removals
from flagtrail.model.errors import SourceUnreadable

AFTER = "2026-04-01T12:00:00+02:00"


@pytest.fixture
def git(tmp_path: Path) -> Git:
    git = Git(tmp_path / "shop")
    git.write({"a.py": "ask('new-ui')\nask('old-ui')\nask('old-ui-v2')\n", "b/c.py": "ask('old-ui')\n"})
    git.commit("Begin")
    return git


def test_removals__of_keys_that_went__are_the_commits_that_took_the_last_line_away(git: Git) -> None:
    git.write({"a.py": "ask('new-ui')\nask('old-ui')\n"})
    second = git.commit("Let v2 go", at=AFTER, name="Grace")
    git.write({"a.py": "ask('new-ui')\n"})
    git.commit("Take the old one out of a")
    git.write({"b/c.py": ""})
    last = git.commit("Take the old one out\n\nAnd say why.", at="2026-03-07T10:16:33+02:00")
    git.write({"d.py": "unrelated"})
    git.commit("Go on")

    found = removals(git.folder, ["old-ui", "old-ui-v2", "never"], seconds=60)

    assert found.complete
    assert found.found == {
        "old-ui": Removed(last, "2026-03-07T10:16:33+02:00", "Ada", "Take the old one out"),
        "old-ui-v2": Removed(second, AFTER, "Grace", "Let v2 go"),
    }


def test_removals__of_a_folder__are_those_within_it(git: Git) -> None:
    git.write({"a.py": ""})
    git.commit("Take it out of a")
    git.write({"b/c.py": ""})
    last = git.commit("Take it out of b")

    assert removals(git.folder, ["old-ui", "new-ui"], folder="b", seconds=60).found["old-ui"].commit == last
    assert "new-ui" not in removals(git.folder, ["old-ui", "new-ui"], folder="b", seconds=60).found


def test_removals__file_deleted_or_renamed__counts_as_taken_away(git: Git) -> None:
    (git.folder / "b/c.py").unlink()
    git.write({"a.py": ""})
    commit = git.commit("Delete it")

    assert removals(git.folder, ["old-ui"], seconds=60).found["old-ui"].commit == commit


def test_removals__more_keys_than_git_is_asked_for__are_found_too(git: Git) -> None:
    git.write({"a.py": "", "b/c.py": ""})
    commit = git.commit("Take all out")
    many = [f"other-{number}" for number in range(300)]

    assert {key: each.commit for key, each in removals(git.folder, [*many, "new-ui"], seconds=60).found.items()} == {
        "new-ui": commit
    }


def test_removals__no_time__are_none_and_not_complete(git: Git) -> None:
    for number in range(20):
        git.write({"a.py": f"{number}\n" * 5_000})
        git.commit(str(number))

    found = removals(git.folder, ["never"], seconds=0.0001)

    assert (found.found, found.complete) == ({}, False)


def test_removals__of_a_shallow_clone__are_not_complete_while_a_key_is_left(git: Git, tmp_path: Path) -> None:
    git.write({"a.py": ""})
    last = git.commit("Take it out")
    clone = Git(tmp_path / "clone")
    clone.run("fetch", "-q", "--depth=2", f"file://{git.folder}", "main")
    clone.run("reset", "-q", "--hard", "FETCH_HEAD")

    some, none = (removals(clone.folder, [key], seconds=60) for key in ("new-ui", "never"))

    assert (some.found["new-ui"].commit, some.complete, none.complete) == (last, True, False)


def test_removals__no_keys__asks_nobody(tmp_path: Path) -> None:
    assert removals(tmp_path, [], seconds=1).complete


@pytest.mark.parametrize(
    ("remote", "repository", "url"),
    [
        ("git@github.com:acme/shop.git", "acme/shop", "https://github.com/acme/shop/blob/{commit}/{path}#L{line}"),
        (
            "https://ada:secret@gitlab.example.com/a/b/shop.git",
            "a/b/shop",
            "https://gitlab.example.com/a/b/shop/-/blob/{commit}/{path}#L{line}",
        ),
        ("ssh://git@git.example.com:2222/acme/shop", "acme/shop", ""),
        ("https://github.com/acme/shop/", "acme/shop", "https://github.com/acme/shop/blob/{commit}/{path}#L{line}"),
        ("/srv/git/shop.git", "shop", ""),
        ("../elsewhere", "shop", ""),
        (None, "shop", ""),
    ],
)
def test_origin__of_a_remote__names_the_repository_without_its_credentials(
    git: Git, remote: str | None, repository: str, url: str
) -> None:
    if remote is not None:
        git.run("remote", "add", "origin", remote)
    commit = git.run("rev-parse", "HEAD")

    assert begun(git.folder, {})() == Origin(repository, "main", commit, None, url)


@pytest.mark.parametrize(
    ("environ", "branch"),
    [
        ({"GITHUB_HEAD_REF": "topic", "GITHUB_REF_NAME": "12/merge"}, "topic"),
        ({"GITHUB_HEAD_REF": "", "GITHUB_REF_NAME": "main"}, "main"),
        ({"CI_COMMIT_REF_NAME": "feature/x"}, "feature/x"),
        ({}, ""),
    ],
)
def test_origin__of_a_commit_alone__takes_the_branch_from_the_pipeline(
    git: Git, environ: dict[str, str], branch: str
) -> None:
    git.run("checkout", "-q", "--detach")

    assert begun(git.folder, environ)().branch == branch


def test_origin__knows_the_default_branch_where_the_clone_does(git: Git, tmp_path: Path) -> None:
    git.run("clone", "-q", str(git.folder), str(tmp_path / "clone"))

    assert begun(tmp_path / "clone", {})().default is True
    assert begun(tmp_path / "clone", {"CI_COMMIT_REF_NAME": "topic"})().default is False


def test_origin__in_a_pipeline__knows_the_default_branch_by_what_that_says(git: Git, tmp_path: Path) -> None:
    event = tmp_path / "event.json"
    event.write_text('{"ref": "refs/heads/trunk", "repository": {"default_branch": "trunk", "private": true}}')
    told = {"GITHUB_REF_NAME": "trunk", "GITHUB_EVENT_PATH": str(event)}

    assert begun(git.folder, told)().default is True
    assert begun(git.folder, {**told, "GITHUB_REF_NAME": "topic"})().default is False
    assert begun(git.folder, {**told, "GITHUB_BASE_REF": "trunk"})().default is False
    assert begun(git.folder, {"CI_COMMIT_REF_NAME": "trunk", "CI_DEFAULT_BRANCH": "trunk"})().default is True


@pytest.mark.parametrize("event", ["[]", '{"repository": null}', '{"schedule": "0 6 * * 1"}', "{", None])
def test_origin__in_a_pipeline_that_says_nothing_of_it__knows_no_default_branch(
    git: Git, tmp_path: Path, event: str | None
) -> None:
    if event is not None:
        (tmp_path / "event.json").write_text(event)

    assert begun(git.folder, {"GITHUB_EVENT_PATH": str(tmp_path / "event.json")})().default is None


@pytest.mark.parametrize(
    "environ",
    [
        {"GITHUB_HEAD_REF": "main", "GITHUB_REF_NAME": "12/merge", "GITHUB_BASE_REF": "develop"},
        {"CI_COMMIT_REF_NAME": "main", "CI_MERGE_REQUEST_TARGET_BRANCH_NAME": "main"},
        {"BITBUCKET_BRANCH": "main", "BITBUCKET_PR_DESTINATION_BRANCH": "main"},
    ],
)
def test_origin__of_a_pull_request__is_never_the_default_branch(git: Git, environ: dict[str, str]) -> None:
    told = begun(git.folder, environ)()

    assert (told.branch, told.default) == ("pull/main", False)


def test_origin__no_commit__is_refused(tmp_path: Path) -> None:
    with pytest.raises(SourceUnreadable, match="no git worktree with a commit"):
        begun(Git(tmp_path / "empty").folder, {})()
