"""A temporary worktree at a commit: what is tried in it is gone with it, also after this process was killed.

Each lies in a folder of its own under one that belongs to this user, with a lock that its process holds. Whoever
comes later removes what no process holds any more. Of the repository's own settings nothing is run: no hook, no
filter, no monitor of the file system, no program that shows differences.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import stat
import tempfile
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from flagtrail.codebase.cleanup import Change
from flagtrail.codebase.git import git
from flagtrail.model.errors import CleanupRefused, SourceUnreadable

NAME = "flagtrail-cleanup"
_LOCK, _OWNER = "lock", "repository"
_UNLOCKED_SECONDS = 3_600.0
"""A folder without a lock is somebody's who was killed before he made it, or who is about to."""
_QUIET = (
    f"core.hooksPath={os.devnull}",
    "core.sparseCheckout=false",
    "advice.detachedHead=false",
    "diff.external=",
    "commit.gpgSign=false",
    "user.useConfigOnly=true",
)
_DIFF = ("--cached", "--binary", "--full-index", "--no-ext-diff", "--no-textconv", "--no-color", "--no-renames")
_PREFIXES = ("--src-prefix=a/", "--dst-prefix=b/")


@dataclass(frozen=True, slots=True)
class Repository:
    """A repository with a worktree and a commit: its root, what HEAD is, and the settings that keep git quiet."""

    root: Path
    commit: str
    branch: str
    """Empty where HEAD is detached."""
    quiet: tuple[str, ...]

    def git(self, *arguments: str, folder: Path | None = None, stdin: bytes | None = None) -> bytes:
        """What git prints, here or in another folder of the repository; see `flagtrail.codebase.git.git`."""
        return git(folder or self.root, *arguments, config=self.quiet, stdin=stdin)

    def dirty(self) -> bool:
        """Whether tracked files differ from HEAD."""
        return bool(self.git("status", "--porcelain", "--untracked-files=no", "--ignore-submodules=all"))


def repository(path: Path) -> Repository:
    """The repository that a folder is in. Raises CleanupRefused where nothing can be tried in it."""
    if not path.is_dir():
        raise CleanupRefused(f"{path} is no folder", path=str(path))
    try:
        inside = _text(git(path, "rev-parse", "--is-inside-work-tree"))
    except SourceUnreadable as error:
        raise CleanupRefused(f"there is no git repository with a worktree: {error.detail}") from error
    if inside != "true":
        raise CleanupRefused(f"{path} is a bare repository, or lies within .git: name a worktree of it", path=str(path))
    root = Path(os.fsdecode(git(path, "rev-parse", "--show-toplevel").removesuffix(b"\n")))
    quiet = (*_QUIET, *_filters_off(root))
    try:
        commit = _text(git(root, "rev-parse", "--verify", "--quiet", "HEAD^{commit}"))
    except SourceUnreadable as error:
        raise CleanupRefused(f"{root} has no commit yet", path=str(root)) from error
    branch = _text(git(root, "rev-parse", "--abbrev-ref", "HEAD"))
    return Repository(root, commit, "" if branch == "HEAD" else branch, quiet)


def _filters_off(root: Path) -> Iterator[str]:
    """Settings that turn off each filter of contents (Git LFS and the like), which would run a program."""
    names = git(root, "config", "--list", "--name-only", "-z").decode(errors="replace").split("\0")
    drivers = {name.removeprefix("filter.").rpartition(".")[0] for name in names if name.startswith("filter.")}
    for driver in sorted(drivers):
        for setting in ("smudge=", "clean=", "process=", "required=false"):
            yield f"filter.{driver}.{setting}"


@dataclass(frozen=True, slots=True)
class Checkout:
    """A worktree at HEAD that nobody else uses."""

    repository: Repository
    tree: Path
    scratch: Path
    """A folder beside it, gone with it."""

    def git(self, *arguments: str, stdin: bytes | None = None) -> bytes:
        """What git prints in the worktree."""
        return self.repository.git(*arguments, folder=self.tree, stdin=stdin)

    def apply(self, changes: Sequence[Change]) -> None:
        """Make the files what a plan says, and note them in the worktree's index."""
        paths = [os.fsencode(change.path) for change in changes]
        try:
            for change in changes:
                _write(self.tree / change.path, change.after)
        except OSError as error:
            raise CleanupRefused(f"the temporary worktree cannot be written: {error.strerror}") from error
        self.git("update-index", "--add", "--remove", "-z", "--stdin", stdin=b"".join(path + b"\0" for path in paths))

    def restore(self) -> None:
        """Make every tracked file what it is in the commit again; what a command has built stays."""
        self.git("reset", "--hard", "--quiet", self.repository.commit)

    def patch(self) -> bytes:
        """The difference between the commit and what was applied, as `git apply` takes it."""
        return self.git("diff", *_DIFF, *_PREFIXES, self.repository.commit)


def _write(path: Path, data: bytes | None) -> None:
    if data is None:
        path.unlink()
        return
    descriptor = os.open(path, os.O_WRONLY | os.O_TRUNC | os.O_NOFOLLOW)
    with os.fdopen(descriptor, "wb") as file:
        file.write(data)


@contextmanager
def checkout(repository: Repository) -> Iterator[Checkout]:
    """A worktree at HEAD, for as long as this lasts. Raises CleanupRefused where it cannot be made."""
    parent = _parent()
    prune(parent)
    folder, lock = _own_folder(parent)
    try:
        (folder / _OWNER).write_bytes(os.fsencode(repository.root))
        tree, scratch = folder / folder.name, folder / "scratch"
        scratch.mkdir()
        try:
            repository.git("worktree", "add", "--quiet", "--detach", str(tree), repository.commit)
        except SourceUnreadable as error:
            raise CleanupRefused(f"no temporary worktree could be made: {error.detail}") from error
        yield Checkout(repository, tree, scratch)
    except OSError as error:
        raise CleanupRefused(f"no temporary worktree could be made: {error}") from error
    finally:
        _remove(folder, repository.root)
        os.close(lock)


def _parent() -> Path:
    """The folder of all temporary worktrees of this user, which nobody else can write."""
    parent = Path(tempfile.gettempdir()).resolve() / f"{NAME}-{os.getuid()}"
    try:
        parent.mkdir(mode=0o700, exist_ok=True)
        facts = parent.lstat()
    except OSError as error:
        raise CleanupRefused(f"{parent} cannot be made: {error.strerror}", path=str(parent)) from error
    if not stat.S_ISDIR(facts.st_mode) or facts.st_uid != os.getuid() or facts.st_mode & 0o077:
        raise CleanupRefused(f"{parent} is not this user's alone; remove it, or set TMPDIR", path=str(parent))
    return parent


def _own_folder(parent: Path) -> tuple[Path, int]:
    """A new folder with a lock that is ours for as long as this process lives."""
    while True:
        folder = Path(tempfile.mkdtemp(dir=parent, prefix=""))
        try:
            lock = os.open(folder / _LOCK, os.O_RDWR | os.O_CREAT, 0o600)
        except OSError:
            with suppress(OSError):
                folder.rmdir()
            raise
        with suppress(OSError):
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if os.fstat(lock).st_nlink:
                return folder, lock
        os.close(lock)  # whoever prunes was faster, and takes it for a dead one's


def prune(parent: Path) -> None:
    """Remove what processes left behind that were killed, of whatever repository."""
    for folder in _folders(parent):
        try:
            lock = os.open(folder / _LOCK, os.O_RDWR)
        except OSError:
            with suppress(OSError):
                if time.time() - folder.stat().st_mtime > _UNLOCKED_SECONDS:
                    shutil.rmtree(folder, ignore_errors=True)
            continue
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            owner = folder / _OWNER
            _remove(folder, Path(os.fsdecode(owner.read_bytes())) if owner.exists() else None)
        except OSError:
            continue  # it is in use
        finally:
            os.close(lock)


def _folders(parent: Path) -> Iterable[Path]:
    try:
        return sorted(parent.iterdir())
    except OSError:
        return ()


def _remove(folder: Path, root: Path | None) -> None:
    """Take away a folder with the worktree in it, and what its repository knows of that."""
    tree = folder / folder.name
    _delete(tree)
    if root is not None and (root / ".git").exists():
        with suppress(SourceUnreadable):  # twice: git locks a worktree that it is about to make, or somebody did
            git(root, "worktree", "remove", "--force", "--force", str(tree))
    _delete(folder)


def _delete(folder: Path) -> None:
    """Remove a folder, also where what ran in it took its rights away."""
    shutil.rmtree(folder, ignore_errors=True)
    if folder.exists():
        for place, _, _ in os.walk(folder):
            with suppress(OSError):
                Path(place).chmod(0o700)
        shutil.rmtree(folder, ignore_errors=True)


def _text(output: bytes) -> str:
    return output.decode(errors="replace").strip()
