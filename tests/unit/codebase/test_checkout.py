"""Temporary worktrees: at HEAD, apart from the user's own, without running anything of the repository's, and gone."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.support.disk import small_disk
from tests.support.repositories import git, held, own_temporary, repository, write

from flagtrail.codebase import checkout as module
from flagtrail.codebase.checkout import NAME, checkout
from flagtrail.codebase.checkout import repository as found
from flagtrail.codebase.cleanup import Change
from flagtrail.model.errors import CleanupRefused

FILES = {"a.py": "one = 1\n", "folder/b.py": "two = 2\n"}
LEAVE = """
import sys, time
from pathlib import Path
from flagtrail.codebase.checkout import checkout, repository
with checkout(repository(Path(sys.argv[1]))) as place:
    print(place.tree, flush=True)
    time.sleep(600)
"""


@pytest.fixture(autouse=True)
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of temporary worktrees, this test's own."""
    return own_temporary(tmp_path, monkeypatch) / f"{NAME}-{os.getuid()}"


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    return repository(tmp_path / "shop", FILES)


def test_checkout__of_a_repository__is_head_and_leaves_nothing(shop: Path, temporary: Path) -> None:
    write(shop, {"a.py": "changed = 1\n", "new.py": ""})
    before = held(shop)

    with checkout(found(shop)) as place:
        assert {path: (place.tree / path).read_text() for path in FILES} == FILES
        assert not (place.tree / "new.py").exists()
        assert place.repository.dirty()

    assert held(shop) == before
    assert list(temporary.iterdir()) == []


def test_apply__of_changes__is_a_patch_that_git_applies(shop: Path, tmp_path: Path) -> None:
    git(shop, "config", "diff.noprefix", "true")
    with checkout(found(shop)) as place:
        changes = [Change("a.py", b"one = 1\n", b"one = 2\n"), Change("folder/b.py", b"two = 2\n", None)]
        place.apply(changes)
        patch = place.patch()
        (place.tree / "a.py").write_text("a command altered it")
        assert place.patch() == patch
        place.restore()
        place.apply(changes)
        assert place.patch() == patch

    other = repository(tmp_path / "other", FILES)
    git(other, "apply", "--index", "-", stdin=patch)
    assert (other / "a.py").read_text() == "one = 2\n"
    assert not (other / "folder" / "b.py").exists()


def test_checkout__after_a_failure_within__is_gone(shop: Path, temporary: Path) -> None:
    def fail() -> None:
        with checkout(found(shop)) as place:
            locked = place.tree / "locked"
            locked.mkdir()
            (locked / "file").write_text("")
            locked.chmod(0o500)
            raise ValueError("a test")

    with pytest.raises(ValueError, match="a test"):
        fail()
    assert list(temporary.iterdir()) == []


def test_checkout__that_was_locked__is_gone_too(shop: Path) -> None:
    before = held(shop)
    with checkout(found(shop)) as place:
        git(shop, "worktree", "lock", "--reason", "initializing", str(place.tree))

    assert held(shop) == before


def test_checkout__where_the_process_was_killed__is_pruned_by_the_next(shop: Path, temporary: Path) -> None:
    before = held(shop)
    process = subprocess.Popen([sys.executable, "-c", LEAVE, str(shop)], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    tree = Path(process.stdout.readline().strip())
    with checkout(found(shop)):
        assert (tree / "a.py").exists(), "a living process's worktree is not touched"
    process.send_signal(signal.SIGKILL)
    process.wait()
    process.stdout.close()
    assert git(shop, "worktree", "list").count("\n") == 1

    with checkout(found(repository(shop.parent / "other", FILES))):
        pass

    assert held(shop) == before
    assert list(temporary.iterdir()) == []


def test_checkout__runs_nothing_of_the_repository(shop: Path, tmp_path: Path) -> None:
    trace = tmp_path / "ran"
    for hook in ("post-checkout", "pre-commit", "reference-transaction", "post-index-change"):
        file = shop / ".git" / "hooks" / hook
        file.write_text(f"#!/bin/sh\necho {hook} >> {trace}\n")
        file.chmod(0o755)
    write(shop, {".gitattributes": "*.py filter=shout diff=shout\n"})
    git(shop, "-c", "core.hooksPath=/dev/null", "add", "--all")
    git(shop, "-c", "core.hooksPath=/dev/null", "commit", "--quiet", "--message", "attributes")
    for setting in (
        "filter.shout.smudge",
        "filter.shout.clean",
        "core.fsmonitor",
        "diff.shout.textconv",
        "diff.external",
    ):
        git(shop, "config", setting, f"sh -c 'echo {setting} >> {trace}; cat'")
    git(shop, "config", "filter.shout.required", "true")

    with checkout(found(shop)) as place:
        place.apply([Change("a.py", b"one = 1\n", b"one = 2\n")])
        assert b"+one = 2" in place.patch()
        place.restore()
        assert (place.tree / "a.py").read_text() == "one = 1\n"

    assert not trace.exists()


def test_checkout__of_a_sparse_worktree__has_every_file(shop: Path) -> None:
    git(shop, "sparse-checkout", "set", "--no-cone", "/a.py")
    assert not (shop / "folder").exists()

    with checkout(found(shop)) as place:
        assert (place.tree / "folder" / "b.py").exists()


def test_apply__through_a_link__is_refused(shop: Path, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.write_text("mine")
    with checkout(found(shop)) as place:
        (place.tree / "a.py").unlink()
        (place.tree / "a.py").symlink_to(outside)
        with pytest.raises(CleanupRefused):
            place.apply([Change("a.py", b"one = 1\n", b"two\n")])

    assert outside.read_text() == "mine"


def bare(folder: Path) -> Path:
    git(folder, "init", "--quiet", "--bare", "bare.git")
    return folder / "bare.git"


def empty(folder: Path) -> Path:
    git(folder, "init", "--quiet", "empty")
    return folder / "empty"


def plain(folder: Path) -> Path:
    (folder / "plain").mkdir()
    return folder / "plain"


def inside(folder: Path) -> Path:
    return repository(folder / "r", FILES) / ".git"


@pytest.mark.parametrize(
    ("make", "told"),
    [
        (bare, "is a bare repository"),
        (empty, "has no commit yet"),
        (plain, "there is no git repository with a worktree"),
        (inside, "lies within .git"),
        (lambda folder: folder / "nowhere", "is no folder"),
    ],
)
def test_repository__that_nothing_can_be_tried_in__is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, make: Callable[[Path], Path], told: str
) -> None:
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path))
    with pytest.raises(CleanupRefused, match=told):
        found(make(tmp_path))


def test_repository__without_git__is_refused(shop: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(CleanupRefused, match="git is not installed"):
        found(shop)


def test_repository__with_head_detached__has_no_branch(shop: Path) -> None:
    git(shop, "checkout", "--quiet", "--detach")

    assert found(shop).branch == ""


def test_checkout__where_others_could_write__is_refused(shop: Path, temporary: Path) -> None:
    temporary.mkdir()
    temporary.chmod(0o777)
    with pytest.raises(CleanupRefused, match="is not this user's alone"), checkout(found(shop)):
        pass


def test_prune__leaves_alone_what_is_not_a_worktree(temporary: Path) -> None:
    temporary.mkdir(mode=0o700)
    (temporary / "file").write_text("")
    (temporary / "young").mkdir()
    module.prune(temporary)

    assert sorted(path.name for path in temporary.iterdir()) == ["file", "young"]


@pytest.mark.slow
def test_checkout__where_the_disk_is_full__is_refused_and_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    large = repository(tmp_path / "large", {"large.py": os.urandom(3 << 20)})
    before = held(large)
    with small_disk(tmp_path, 2) as disk:
        monkeypatch.setenv("TMPDIR", str(disk.folder))
        monkeypatch.setattr("tempfile.tempdir", None)
        with pytest.raises(CleanupRefused, match="no temporary worktree could be made"), checkout(found(large)):
            pass
        assert list((disk.folder / f"{NAME}-{os.getuid()}").iterdir()) == []

    assert held(large) == before
