"""Asking git: fixed argument lists, no shell, nothing of the caller's environment that points at another repository."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

from flagtrail.model.errors import SourceUnreadable

TIMEOUT_SECONDS = 120.0
_ELSEWHERE = ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_OBJECT_DIRECTORY", "GIT_NAMESPACE", "GIT_PREFIX")


def arguments(folder: Path) -> list[str]:
    """What stands before a command of git: where it runs, and that paths are no patterns."""
    return ["--no-pager", "--literal-pathspecs", "-C", str(folder), "-c", "core.fsmonitor=false"]


def environment() -> dict[str, str]:
    """The environment of git: quiet, in English, and without what a hook sets, which points at another repository."""
    return {**environ(), "LC_ALL": "C", "GIT_TERMINAL_PROMPT": "0", "GIT_OPTIONAL_LOCKS": "0"}


def git(
    folder: Path,
    *asked: str,
    seconds: float = TIMEOUT_SECONDS,
    config: Sequence[str] = (),
    stdin: bytes | None = None,
) -> bytes:
    """What git prints when it is run in `folder`; raises SourceUnreadable with git's own words where it fails.

    `config` are settings (`name=value`) for this call alone.
    """
    program = shutil.which("git")
    if program is None:
        raise SourceUnreadable("git is not installed", source=str(folder))
    command = [program, *arguments(folder)]
    for setting in config:
        command += ["-c", setting]
    try:
        done = subprocess.run(  # noqa: S603 - a fixed program, a list of arguments, no shell
            [*command, *asked],
            capture_output=True,
            check=False,
            timeout=seconds,
            env=environment(),
            input=stdin or b"",
        )
    except (OSError, ValueError, subprocess.TimeoutExpired) as error:
        late = isinstance(error, subprocess.TimeoutExpired)
        words = f"took longer than {seconds:g} s" if late else str(error)
        raise SourceUnreadable(f"git {asked[0]} {words}", source=str(folder)) from error
    if done.returncode:
        said = done.stderr.decode(errors="replace").strip().splitlines()
        told = said[0] if said else f"exit {done.returncode}"
        raise SourceUnreadable(f"git {asked[0]} failed in {folder}: {told}", source=str(folder))
    return done.stdout


def each(folder: Path, *questions: Sequence[str]) -> list[bytes]:
    """What git prints for each of several questions, which are asked at once; nothing where it fails."""
    program = shutil.which("git")
    if program is None:
        return [b""] * len(questions)
    asked = [
        subprocess.Popen(  # noqa: S603 - a fixed program, a list of arguments, no shell
            [program, *arguments(folder), *question],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=environment(),
        )
        for question in questions
    ]
    return [_answer(running) for running in asked]


def _answer(running: subprocess.Popen[bytes]) -> bytes:
    try:
        told, _ = running.communicate(timeout=TIMEOUT_SECONDS)
    except subprocess.TimeoutExpired:
        running.kill()
        told, _ = running.communicate()
    return b"" if running.returncode else told


def environ() -> dict[str, str]:
    """The environment without what hooks are called with: it would point at another repository."""
    return {name: value for name, value in os.environ.items() if name not in _ELSEWHERE}


def top(path: Path) -> Path | None:
    """The root of the worktree that a folder is in, without asking git; None where it is in none."""
    return next((folder for folder in (path, *path.parents) if (folder / ".git").exists()), None)
