"""Handing a verified clean-up over: as one commit on a branch of its own, and as a pull request.

The commit is made of the temporary worktree's index, and the branch appears in one step: until then the repository
holds nothing but unreachable objects. No hook runs, and no file of the user's worktree is touched.
"""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from flagtrail.codebase.checkout import Checkout, Repository
from flagtrail.codebase.cleanup import Plan
from flagtrail.codebase.files import shown
from flagtrail.codebase.git import environ
from flagtrail.codebase.verify import Check, Verified, files
from flagtrail.model.errors import CleanupRefused, SourceUnreadable

SECONDS = 180.0
MOST_LEFT, MOST_LINES = 60, 5
"""Places that were left alone (and files that were removed), and lines of one file, that are told one by one."""
MARKS: dict[str, str] = {"untidy": "untidy", "failed": "FAILED", "not_checked": "not checked"}
"""Outcomes of checks as people read them."""

Tool = Literal["gh", "glab"]


@dataclass(frozen=True, slots=True)
class Reason:
    """Why a flag goes: what was said for it, and what its removal must mind."""

    why: str = ""
    evidence: tuple[str, ...] = ()
    minds: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Opened:
    """A pull request that was opened: the tool, and what it printed (its address)."""

    tool: Tool
    url: str


def branch_of(flag: str) -> str:
    """The branch of a flag's clean-up.

    >>> branch_of("new_pricing")
    'flagtrail/remove-new_pricing'
    """
    name = flag
    while ".." in name:  # what git allows in no name
        name = name.replace("..", ".")
    return f"flagtrail/remove-{name.removesuffix('.lock').rstrip('.') or 'flag'}"


def refuse_existing(repository: Repository, branch: str, remote: str | None = None) -> None:
    """Raise CleanupRefused where the branch exists, here or at the remote."""
    place, remedy = "", f"git branch -D {branch}"
    if not repository.git("for-each-ref", "--format=%(objectname)", f"refs/heads/{branch}"):
        if remote is None or not _at_remote(repository, remote, branch):
            return
        place, remedy = f" at {remote}", f"git push {remote} --delete {branch}"
    raise CleanupRefused(
        f"the branch {branch} exists already{place}: a clean-up of this flag was made before; merge it, or delete it"
        f" ({remedy})",
        branch=branch,
    )


def _at_remote(repository: Repository, remote: str, pattern: str) -> list[tuple[str, str]]:
    """Branches at a remote with their commits; raises SourceUnreadable where it does not answer."""
    listed = repository.git("ls-remote", "--heads", remote, f"refs/heads/{pattern}").decode(errors="replace")
    pairs = (line.split("\t", 1) for line in listed.splitlines())
    return [(name.removeprefix("refs/heads/"), commit) for commit, name in pairs]


def waiting(repository: Repository, remote: str | None = None) -> tuple[str, ...]:
    """The branches of clean-ups, here and at the remote, that HEAD does not hold yet."""
    pattern = branch_of("*")
    listed = repository.git("for-each-ref", "--format=%(refname:short)%09%(objectname)", f"refs/heads/{pattern}")
    found = [tuple(line.split("\t", 1)) for line in listed.decode(errors="replace").splitlines()]
    found += _at_remote(repository, remote, pattern) if remote is not None else []
    return tuple(sorted({name for name, commit in found if not _held(repository, commit)}))


def _held(repository: Repository, commit: str) -> bool:
    try:
        repository.git("merge-base", "--is-ancestor", commit, repository.commit)
    except SourceUnreadable:
        return False  # also where the commit is at the remote alone
    return True


def refuse_nobody(repository: Repository) -> None:
    """Raise CleanupRefused where git does not know who the commit's author is."""
    try:
        repository.git("var", "GIT_AUTHOR_IDENT")
    except SourceUnreadable as error:
        told = 'git knows no author: git config user.name "..." and git config user.email "..."'
        raise CleanupRefused(told) from error


def commit(place: Checkout, branch: str, message: str) -> str:
    """Make one commit of what was applied, and a branch that ends with it; its hash.

    Raises CleanupRefused where somebody made the branch meanwhile.
    """
    tree = place.git("write-tree").decode().strip()
    made = place.git("commit-tree", "-p", place.repository.commit, "-F", "-", tree, stdin=message.encode())
    hash_ = made.decode().strip()
    try:
        place.repository.git("update-ref", "-m", "flagtrail cleanup", f"refs/heads/{branch}", hash_, "0" * len(hash_))
    except SourceUnreadable as error:
        raise CleanupRefused(f"the branch {branch} could not be made: {error.detail}", branch=branch) from error
    return hash_


def subject(plan: Plan) -> str:
    """The commit's first line, and the pull request's title."""
    return f"Remove the flag {plan.flag}: everybody gets {plan.winner.variant}"


def body(plan: Plan, reason: Reason, verified: Verified, *, bullet: str = "-") -> str:
    """What was done, why, on what evidence, and what was left alone."""
    return "\n".join(_lines(plan, reason, verified, bullet)).rstrip() + "\n"


def message(plan: Plan, reason: Reason, verified: Verified) -> str:
    """The commit's message, with trailers for machines."""
    trailers = f"Flagtrail-Flag: {plan.flag}\nFlagtrail-Variant: {_line(plan.winner.variant)}\n"
    return f"{_line(subject(plan))}\n\n{body(plan, reason, verified)}\n{trailers}"


def _lines(plan: Plan, reason: Reason, verified: Verified, bullet: str) -> Iterator[str]:
    if reason.why:
        yield from (_line(reason.why), "")
    if reason.evidence:
        yield "Why it can go:"
        yield from (f"{bullet} {_line(each)}" for each in reason.evidence)
        yield ""
    if reason.minds:
        yield "Mind before the flag is archived:"
        yield from (f"{bullet} {_line(each)}" for each in reason.minds)
        yield ""
    gone = [change.path for change in plan.changes if change.after is None]
    yield f"Changed: {files(len(plan.changes) - len(gone))}; removed: {len(gone)}."
    yield from (f"{bullet} removed {shown(path)}" for path in gone[:MOST_LEFT])
    if len(gone) > MOST_LEFT:
        yield f"{bullet} and {len(gone) - MOST_LEFT} more"
    yield from ("", "Checked, before the change and after it:")
    yield from (f"{bullet} {told(check)}" for check in verified.checks)
    yield ""
    left = list(left_alone(plan))
    if left:
        yield "Left alone, to be looked at:"
        yield from (f"{bullet} {each}" for each in left)


def told(check: Check) -> str:
    """A check in one line."""
    mark = "" if check.outcome == "passed" else f" {MARKS[check.outcome]}:"
    return _line(f"{check.name}:{mark} {check.detail}")


def left_alone(plan: Plan) -> Iterator[str]:
    """The places that were left alone, one line for those of a file with the same reason; then what else there is."""
    groups: dict[tuple[str, str, str], list[int]] = {}
    for each in plan.refusals:
        groups.setdefault((each.path, each.why, each.detail), []).append(each.line)
    told = [_group(*group, numbers) for group, numbers in groups.items()] + [_line(note) for note in plan.notes]
    yield from told[:MOST_LEFT]
    if len(told) > MOST_LEFT:
        yield f"and {len(told) - MOST_LEFT} more"


def _group(path: str, why: str, detail: str, numbers: list[int]) -> str:
    """One line for the places of a file with the same reason.

    >>> _group("a.py", "unclassified", "unknown purpose", [3, 7, 9, 11, 20, 21, 30])
    'a.py:3, 7, 9, 11, 20 and 2 more: unclassified: unknown purpose'
    """
    lines = ", ".join(map(str, numbers[:MOST_LINES]))
    more = f" and {len(numbers) - MOST_LINES} more" if len(numbers) > MOST_LINES else ""
    return _line(f"{shown(path)}:{lines}{more}: {why}: {detail}")


def _line(text: str) -> str:
    """A text as one line that nothing in it can end."""
    return " ".join("".join(letter if letter.isprintable() else " " for letter in text).split())


# ---------------------------------------------------------------- pull requests
def tool_for(repository: Repository, remote: str) -> Tool | None:
    """The program that opens pull requests at the remote's host, where it is on this machine."""
    url = repository.git("remote", "get-url", remote).decode(errors="replace").lower()
    tools: tuple[Tool, ...] = ("glab",) if "gitlab" in url else ("gh",) if "github" in url else ("gh", "glab")
    return next((tool for tool in tools if shutil.which(tool)), None)


def remote_of(repository: Repository) -> str | None:
    """The remote that branches are pushed to: `origin`, or the only one."""
    names = repository.git("remote").decode(errors="replace").split()
    return "origin" if "origin" in names else names[0] if len(names) == 1 else None


def push(repository: Repository, remote: str, branch: str) -> None:
    """Push the branch. Raises CleanupRefused with git's own words."""
    try:
        repository.git("push", "--quiet", "--no-verify", remote, f"refs/heads/{branch}:refs/heads/{branch}")
    except SourceUnreadable as error:
        raise CleanupRefused(f"the branch {branch} was made, and not pushed: {error.detail}", branch=branch) from error


def open_request(repository: Repository, tool: Tool, branch: str, title: str, text: Path) -> Opened:
    """Open a pull request for a pushed branch. Raises CleanupRefused with the tool's own words."""
    if tool == "gh":
        command = ["gh", "pr", "create", "--head", branch, "--title", title, "--body-file", str(text)]
    else:
        words = text.read_text("utf-8")
        options = ["--source-branch", branch, "--title", title, "--description", words, "--yes"]
        command = ["glab", "mr", "create", *options]
    variables = {**environ(), "GH_PROMPT_DISABLED": "1", "GIT_TERMINAL_PROMPT": "0", "NO_COLOR": "1"}
    try:
        done = subprocess.run(  # noqa: S603 - a fixed program, a list of arguments, no shell
            command,
            cwd=repository.root,
            env=variables,
            capture_output=True,
            stdin=subprocess.DEVNULL,
            check=False,
            timeout=SECONDS,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise CleanupRefused(f"the branch {branch} was pushed, and {tool} failed: {error}", branch=branch) from error
    said = (done.stdout + b"\n" + done.stderr).decode(errors="replace").strip().splitlines() or [""]
    if done.returncode:
        raise CleanupRefused(f"the branch {branch} was pushed, and {tool} failed: {said[-1]}", branch=branch)
    return Opened(tool, next((line.strip() for line in said if line.strip().startswith("http")), said[0]))
