"""Asking git: fixed argument lists, no shell, nothing of the user's configuration that alters what it prints."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path
from posixpath import normpath

import msgspec

from flagtrail.importers._files import check_size
from flagtrail.model.errors import SourceUnreadable

TIMEOUT_SECONDS = 120
HASH_LENGTHS = (40, 64)


class Commit(msgspec.Struct, frozen=True, kw_only=True):
    """One commit that touched the followed file. `path` is the file's path after it, None where it was deleted.

    `authored_at` is git's strict ISO 8601 form, with the author's offset.
    """

    hash: str
    name: str
    email: str
    authored_at: str
    message: str
    path: str | None


class Repository:
    """A git repository on this machine, bare or with a working tree; only ever read."""

    def __init__(self, source: Path) -> None:
        self._source = source
        git = shutil.which("git")
        if git is None:
            raise SourceUnreadable(
                "git is not installed; install it, or import a folder of versions", source=str(source)
            )
        self._git = git

    def commits(self, path: str, branch: str) -> list[Commit]:
        """Commits of the branch's own line that touched the file, under its earlier names too, oldest first.

        Merges count as what they brought into the branch (`--first-parent`), so
        that every version is one that stood on the branch.
        """
        form = "%H%x00%aN%x00%aE%x00%aI%x00%B%x00"
        options = ["--first-parent", "--diff-merges=first-parent", "--follow", "--name-status", "-z", "--no-relative"]
        options += ["--no-color", "--no-ext-diff", "--no-textconv", "--no-show-signature", "--encoding=UTF-8"]
        out = self._run("log", *options, f"--format={form}", "--end-of-options", branch, "--", path)
        found = _commits(out.decode(errors="replace").split("\0"))
        if not found:
            raise SourceUnreadable(
                f"no commit of {branch} touches {path!r}; name the file as git does, relative to the repository's root",
                source=str(self._source),
                path=path,
            )
        return found[::-1]

    def renamed_to(self, commit: Commit, path: str) -> str | None:
        """The name that the commit gave to the file; None where it deleted the file for good.

        A log that follows one name shows the end of that name as a deletion.
        """
        options = ["-r", "-M", "--name-status", "-z", "--no-relative", "--no-ext-diff", "--no-textconv"]
        out = self._run("diff-tree", *options, "--end-of-options", f"{commit.hash}^1", commit.hash)
        tokens = iter(out.decode(errors="replace").split("\0"))
        for status in tokens:
            before = next(tokens, "")
            after = next(tokens) if status.startswith("R") else None
            if after is not None and before == normpath(path):
                return after
        return None

    def file(self, commit: Commit) -> bytes:
        """The file's bytes after a commit that did not delete it."""
        name = f"{commit.hash}:{commit.path}"
        check_size(int(self._run("cat-file", "-s", name)), f"{commit.path} in {commit.hash[:12]}")
        return self._run("cat-file", "blob", name)

    def is_shallow(self) -> bool:
        """Whether history was cut off when the repository was cloned."""
        return self._run("rev-parse", "--is-shallow-repository").strip() == b"true"

    def _run(self, *arguments: str) -> bytes:
        command = [
            self._git,
            "--no-pager",
            "--literal-pathspecs",
            "-C",
            str(self._source),
            "-c",
            "core.fsmonitor=false",
        ]
        environment = {**os.environ, "LC_ALL": "C", "GIT_TERMINAL_PROMPT": "0", "GIT_OPTIONAL_LOCKS": "0"}
        for name in ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_OBJECT_DIRECTORY", "GIT_NAMESPACE"):
            environment.pop(name, None)  # set inside hooks; they would point at another repository
        try:
            done = subprocess.run(  # noqa: S603 - a fixed program, a list of arguments, no shell
                [*command, *arguments], capture_output=True, check=False, timeout=TIMEOUT_SECONDS, env=environment
            )
        except (OSError, ValueError, subprocess.TimeoutExpired) as error:
            words = (
                f"took longer than {TIMEOUT_SECONDS} s" if isinstance(error, subprocess.TimeoutExpired) else str(error)
            )
            raise SourceUnreadable(f"git {arguments[0]} {words}", source=str(self._source)) from error
        if done.returncode:
            said = done.stderr.decode(errors="replace").strip().splitlines()
            raise SourceUnreadable(
                f"git {arguments[0]} failed in {self._source}: {said[0] if said else f'exit {done.returncode}'};"
                " check that the source is a git repository and that the branch exists",
                source=str(self._source),
            )
        return done.stdout


def _commits(tokens: list[str]) -> list[Commit]:
    """Read `git log -z --name-status`: five fields a commit, then a status and one path, or two for a rename."""
    found: list[Commit] = []
    words = _Words(tokens)
    while words.more():
        hash_, name, email, authored_at, message = (words.take() for _ in range(5))
        if words.more_of_this_commit():
            status = words.take().strip()
            paths = [words.take() for _ in range(2 if status[0] in "RC" else 1)]
            found.append(
                Commit(
                    hash=hash_.strip(),
                    name=name,
                    email=email,
                    authored_at=authored_at,
                    message=message.strip(),
                    path=None if status == "D" else paths[-1],
                )
            )
    return found


class _Words:
    """The fields of git's output, read one by one; blank ones between commits and their files are skipped."""

    def __init__(self, tokens: list[str]) -> None:
        self._tokens = tokens
        self._next = 0

    def take(self) -> str:
        self._next += 1
        return self._tokens[self._next - 1]

    def more(self) -> bool:
        while self._next < len(self._tokens) and not self._tokens[self._next].strip():
            self._next += 1
        return self._next < len(self._tokens)

    def more_of_this_commit(self) -> bool:
        """Whether a status follows, and not the hash of the next commit: a merge may have touched nothing."""
        return self.more() and len(self._tokens[self._next].strip()) not in HASH_LENGTHS
