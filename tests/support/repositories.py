"""Real git repositories for tests: made of files, and looked at without anybody's own settings."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest

SETTINGS = {
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_AUTHOR_DATE": "2026-03-05T12:00:00Z",
    "GIT_COMMITTER_DATE": "2026-03-05T12:00:00Z",
}


def own_temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Let this test have a folder of temporary files of its own; the folder."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setenv("TMPDIR", str(folder))
    monkeypatch.setattr("tempfile.tempdir", None)
    return folder


def own_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let git know nothing of anybody's settings, whoever calls it."""
    for name in ("GIT_CONFIG_GLOBAL", "GIT_CONFIG_NOSYSTEM"):
        monkeypatch.setenv(name, SETTINGS[name])


def git(folder: Path, *arguments: str, stdin: bytes | None = None) -> str:
    """What git prints; AssertionError with its words where it fails."""
    done = subprocess.run(
        ["git", "-C", str(folder), *arguments],
        capture_output=True,
        check=False,
        env={**os.environ, **SETTINGS},
        input=stdin,
    )
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout.decode().strip()


def repository(folder: Path, files: Mapping[str, str | bytes], *, author: bool = True) -> Path:
    """A new repository in a folder, with one commit of these files."""
    folder.mkdir(parents=True, exist_ok=True)
    git(folder, "init", "--quiet", "--initial-branch", "main")
    if author:
        git(folder, "config", "user.name", "Ada Lovelace")
        git(folder, "config", "user.email", "ada@example.org")
    write(folder, files)
    identity = ("-c", "user.name=Ada Lovelace", "-c", "user.email=ada@example.org")
    git(folder, "add", "--all")
    git(folder, *identity, "commit", "--quiet", "--message", "first")
    return folder


def write(folder: Path, files: Mapping[str, str | bytes]) -> None:
    """Write files, with their folders."""
    for path, content in files.items():
        file = folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content.encode() if isinstance(content, str) else content)


def held(folder: Path) -> dict[str, object]:
    """All that a clean-up could alter of a repository: its files with their times, its branches, its worktrees."""
    files = {
        str(path.relative_to(folder)): (path.lstat().st_mtime_ns, path.read_bytes() if path.is_file() else b"")
        for path in sorted(folder.rglob("*"))
        if ".git" not in path.parts[len(folder.parts) :]
    }
    return {
        "files": files,
        "refs": git(folder, "for-each-ref", "--format=%(refname) %(objectname)"),
        "head": git(folder, "symbolic-ref", "--quiet", "HEAD") if not _detached(folder) else "detached",
        "index": git(folder, "ls-files", "--stage"),
        "worktrees": git(folder, "worktree", "list").count("\n"),
        "config": (folder / ".git" / "config").read_bytes(),
    }


def _detached(folder: Path) -> bool:
    return git(folder, "rev-parse", "--abbrev-ref", "HEAD") == "HEAD"
