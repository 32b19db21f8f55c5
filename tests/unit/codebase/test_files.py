"""The files of a worktree: what is tracked and readable, and nothing else."""

from __future__ import annotations

import os
from collections import Counter
from pathlib import Path

import pytest
from tests.support.git import Git

from flagtrail.codebase import batch, files
from flagtrail.codebase.files import Worktree
from flagtrail.model.errors import SourceUnreadable


@pytest.fixture
def git(tmp_path: Path) -> Git:
    return Git(tmp_path / "repository")


def test_worktree__with_untracked_files__names_the_tracked_ones_sorted(git: Git) -> None:
    git.write({"src/b.py": "b", "src/a.py": "a", "README.md": "r", ".github/ci.yml": "c"})
    git.commit("first")
    git.write({"src/untracked.py": "u"})

    assert list(Worktree.of(git.folder).paths()) == [".github/ci.yml", "README.md", "src/a.py", "src/b.py"]


@pytest.mark.parametrize(("folder", "expected"), [("src", ["src/a.py"]), (".github", [".github/ci.yml"])])
def test_worktree__of_a_folder_in_a_repository__holds_what_is_below_by_its_path_from_the_root(
    git: Git, folder: str, expected: list[str]
) -> None:
    git.write({"src/a.py": "a", "srcs/b.py": "b", ".github/ci.yml": "c"})
    git.commit("first")
    tree = Worktree.of(git.folder / folder)

    assert (tree.root, list(tree.paths())) == (git.folder, expected)


def test_worktree__with_edits_not_committed__reads_what_stands_on_the_disk(git: Git) -> None:
    git.write({"a.py": "old"})
    git.commit("first")
    git.write({"a.py": "new"})

    assert Worktree.of(git.folder).read("a.py") == b"new"


def test_worktree__file_deleted_but_tracked__is_counted_as_unreadable(git: Git) -> None:
    git.write({"a.py": "a", "b.py": "b"})
    git.commit("first")
    (git.folder / "b.py").unlink()
    tree = Worktree.of(git.folder)

    assert (list(tree.paths()), tree.skipped) == (["a.py"], Counter(unreadable=1))


def test_worktree__in_a_merge_with_conflicts__names_each_file_once(git: Git) -> None:
    git.write({"a.py": "base"})
    git.commit("base")
    git.run("checkout", "-q", "-b", "other")
    git.write({"a.py": "theirs"})
    git.commit("theirs")
    git.run("checkout", "-q", "main")
    git.write({"a.py": "ours"})
    git.commit("ours")
    with pytest.raises(Exception, match="exit status 1"):
        git.run("merge", "other")

    assert list(Worktree.of(git.folder).paths()) == ["a.py"]


def test_worktree__path_with_odd_bytes__is_read_and_shown(git: Git) -> None:
    odd = os.fsdecode(b'caf\xe9 \n"x".py')
    git.write({odd: "odd"})
    git.commit("first")
    tree = Worktree.of(git.folder)

    (path,) = tree.paths()
    assert (tree.read(path), files.shown(path)) == (b"odd", 'caf\\xe9 \n"x".py')


def test_worktree__links_submodules_binaries_and_large_files__are_skipped_and_counted(
    git: Git, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(files, "MAX_BYTES", 500)
    library = Git(tmp_path / "library")
    library.write({"l.py": "l"})
    library.commit("library")
    git.write({"a.py": "a", "logo.png": b"\x89PNG\0\0", "bundle.js": "x" * 501, "edge.js": "x" * 500})
    (git.folder / "link.py").symlink_to("a.py")
    git.run("-c", "protocol.file.allow=always", "submodule", "add", "-q", str(library.folder), "library")
    git.commit("first")
    tree = Worktree.of(git.folder)

    assert list(tree.paths()) == [".gitmodules", "a.py", "edge.js"]
    assert tree.skipped == Counter(link=1, submodule=1, binary=1, too_large=1)


def test_worktree__folder_replaced_by_a_link_out_of_the_tree__is_not_followed(git: Git, tmp_path: Path) -> None:
    git.write({"inner/deep/secret.py": "ours"})
    git.commit("first")
    outside = tmp_path / "outside"
    (outside / "deep").mkdir(parents=True)
    (outside / "deep/secret.py").write_text("theirs")
    (git.folder / "inner/deep/secret.py").unlink()
    (git.folder / "inner/deep").rmdir()
    (git.folder / "inner").rmdir()
    (git.folder / "inner").symlink_to(outside)
    tree = Worktree.of(git.folder)

    assert (list(tree.paths()), tree.skipped) == ([], Counter(link=1))


@pytest.mark.parametrize("path", ["../outside.py", "a/../../outside.py", "missing.py", "a", "pipe"])
def test_read__of_what_is_no_text_file_of_the_tree__is_refused(git: Git, path: str) -> None:
    git.write({"a/b.py": "b", "../outside.py": "theirs"})
    os.mkfifo(git.folder / "pipe")

    with pytest.raises(SourceUnreadable, match="no text file of this tree"):
        Worktree.of(git.folder).read(path)


def test_worktree__flagtrailignore__has_the_form_of_gitignore(git: Git) -> None:
    git.write(
        {
            ".flagtrailignore": "# generated\n*.min.js\n/docs/\n!docs2/\nvendor/**\n!vendor/ours.py\n",
            "a.min.js": "",
            "docs/x.md": "",
            "sub/docs/y.md": "",
            "vendor/theirs.py": "",
            "vendor/ours.py": "",
        }
    )
    git.commit("first")
    tree = Worktree.of(git.folder)

    assert list(tree.paths()) == [".flagtrailignore", "sub/docs/y.md", "vendor/ours.py"]
    assert tree.skipped == Counter(ignored=3)


def test_worktree__ignore_of_the_configuration__counts_beside_the_file(git: Git) -> None:
    git.write(
        {".flagtrail.toml": 'ignore = ["*.snap"]', ".flagtrailignore": "b.py", "a.snap": "", "b.py": "", "c.py": ""}
    )
    git.commit("first")

    assert list(Worktree.of(git.folder).paths()) == [".flagtrail.toml", ".flagtrailignore", "c.py"]


@pytest.mark.parametrize(
    ("content", "why"),
    [("!\n", "Invalid git pattern"), ("[z-a]\n", "bad character range"), (b"\xff\n", "is not UTF-8")],
)
def test_worktree__flagtrailignore_with_a_defect__says_so(git: Git, content: str | bytes, why: str) -> None:
    git.write({".flagtrailignore": content})

    with pytest.raises(SourceUnreadable, match=why):
        Worktree.of(git.folder)


def test_worktree__folder_without_git__holds_all_but_what_was_installed(tmp_path: Path) -> None:
    for path in ("a.py", "sub/b.py", "node_modules/c.js", "sub/.venv/d.py", ".env"):
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text("x")
    (tmp_path / "link").symlink_to("/")
    tree = Worktree.of(tmp_path)

    assert (list(tree.paths()), tree.tracked) == ([".env", "a.py", "sub/b.py"], False)


def test_worktree__no_folder__is_refused(tmp_path: Path) -> None:
    with pytest.raises(SourceUnreadable, match="is no folder"):
        Worktree.of(tmp_path / "missing")


def test_worktree__git_refuses__its_words_are_told(tmp_path: Path) -> None:
    (tmp_path / ".git").write_text("gitdir: nowhere")

    with pytest.raises(SourceUnreadable, match=r"git ls-files failed in .*: fatal: not a git repository"):
        list(Worktree.of(tmp_path).paths())


def test_worktree__more_bytes_than_are_kept__are_read_again(git: Git, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "MAX_KEPT_BYTES", 3)
    git.write({"a.py": "aa", "b.py": "bb"})
    git.commit("first")
    tree = Worktree.of(git.folder)
    read = {path: tree.read(path) for path in tree.paths()}
    git.write({"a.py": "AA", "b.py": "BB"})

    assert (read, tree.read("a.py"), tree.read("b.py")) == ({"a.py": b"aa", "b.py": b"bb"}, b"aa", b"BB")


def test_batches__small_ones__hold_what_each_file_holds_and_tell_of_the_others(
    git: Git, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(files, "MAX_BYTES", 8)
    monkeypatch.setattr(batch, "BATCH_BYTES", 6)
    monkeypatch.setattr(batch, "ROOM_BYTES", 20)
    texts = {f"{number}.py": "x" * number for number in range(9)}
    git.write({**texts, "large.py": "x" * 9, "logo.png": b"\x89PNG\0"})
    git.commit("first")
    tree, skipped = Worktree.of(git.folder), list[str]()
    found = list(tree.batches([*tree.listing()(), "none.py"], skipped.append))

    assert {path: each.file(at).decode() for each in found for at, path in enumerate(each.paths)} == texts
    assert len(found) > len({id(each.data.obj) for each in found}) > 1
    assert skipped == ["too_large", "binary", "unreadable"]


def test_worktree__within_a_hook_of_another_repository__asks_its_own(
    git: Git, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    git.write({"a.py": "a"})
    git.commit("first")
    other = Git(tmp_path / "other")
    monkeypatch.setenv("GIT_DIR", str(other.folder / ".git"))
    monkeypatch.setenv("GIT_INDEX_FILE", str(other.folder / ".git/index"))

    assert list(Worktree.of(git.folder).paths()) == ["a.py"]
