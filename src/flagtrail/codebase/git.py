"""Asking git: fixed argument lists, no shell, nothing of the caller's environment that points at another repository."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable, Sequence
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
    return begun(folder, *asked, seconds=seconds, config=config, stdin=stdin)()


def begun(
    folder: Path,
    *asked: str,
    seconds: float = TIMEOUT_SECONDS,
    config: Sequence[str] = (),
    stdin: bytes | None = None,
) -> Callable[[], bytes]:
    """The same, while something else is done: it must be asked for what git prints."""
    program = shutil.which("git")
    if program is None:
        raise SourceUnreadable("git is not installed", source=str(folder))
    command = [program, *arguments(folder)]
    for setting in config:
        command += ["-c", setting]
    try:
        running = subprocess.Popen(  # noqa: S603 - a fixed program, a list of arguments, no shell
            [*command, *asked],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=environment(),
        )
    except (OSError, ValueError) as error:
        raise SourceUnreadable(f"git {asked[0]} {error}", source=str(folder)) from error
    return lambda: _told(running, f"git {asked[0]}", folder, seconds, stdin or b"")


def _told(running: subprocess.Popen[bytes], what: str, folder: Path, seconds: float, stdin: bytes) -> bytes:
    with running:
        try:
            told, said = running.communicate(stdin, timeout=seconds)
        except subprocess.TimeoutExpired as error:
            raise SourceUnreadable(f"{what} took longer than {seconds:g} s", source=str(folder)) from error
        finally:
            running.kill()  # where it still runs
    if running.returncode:
        lines = said.decode(errors="replace").strip().splitlines()
        words = lines[0] if lines else f"exit {running.returncode}"
        raise SourceUnreadable(f"{what} failed in {folder}: {words}", source=str(folder))
    return told


def asked(folder: Path, *questions: Sequence[str]) -> Callable[[], list[bytes]]:
    """Several questions, which git answers at once, while something else is done: then what it prints for each.

    It is nothing where git fails.
    """
    program = shutil.which("git")
    if program is None:
        return lambda: [b""] * len(questions)
    every = [
        subprocess.Popen(  # noqa: S603 - a fixed program, a list of arguments, no shell
            [program, *arguments(folder), *question],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=environment(),
        )
        for question in questions
    ]
    return lambda: [_answer(running) for running in every]


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
