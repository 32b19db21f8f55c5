"""The whole of a clean-up: a temporary worktree, the plan, its verification, and its delivery; or why there is none."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from flagtrail.codebase import deliver
from flagtrail.codebase.checkout import Checkout, Repository, checkout, repository
from flagtrail.codebase.cleanup import Plan, Winner
from flagtrail.codebase.deliver import Opened, Reason
from flagtrail.codebase.files import Worktree
from flagtrail.codebase.plan import plan
from flagtrail.codebase.verify import Command, Verified, verify
from flagtrail.model.errors import CleanupRefused

Delivery = Literal["patch", "branch", "pr"]


@dataclass(frozen=True, slots=True)
class Asked:
    """What is to be done. `verify` is the user's command; without it that of `.flagtrail.toml` is run, if it has one
    (empty: none is).

    `dry`: only plan. `strict`: deliver nothing where any place is left alone. `text` is where the body of a pull
    request is written that no tool can open.
    """

    path: Path
    flag: str
    winner: Winner
    reason: Reason
    delivery: Delivery = "patch"
    verify: str | None = None
    seconds: float = 1_800.0
    strict: bool = False
    dry: bool = False
    text: Path = Path()


@dataclass(frozen=True, slots=True)
class Removed:
    """What came of it. `refused` is why nothing was delivered; empty where it was, or where nothing was to be done.

    `text` is the file with the body of a pull request that was not opened.
    """

    plan: Plan
    repository: Repository
    dirty: bool
    patch: bytes = b""
    verified: Verified | None = None
    refused: str = ""
    branch: str = ""
    commit: str = ""
    opened: Opened | None = None
    text: Path | None = None


def remove(asked: Asked, tell: Callable[[str], None] = lambda _: None) -> Removed:
    """Remove a flag from the repository that a folder is in. Raises CleanupRefused and SourceUnreadable."""
    found = repository(asked.path)
    branch = deliver.branch_of(asked.flag)
    if asked.delivery != "patch" and not asked.dry:
        remote = deliver.remote_of(found) if asked.delivery == "pr" else None
        if asked.delivery == "pr" and remote is None:
            raise CleanupRefused("a pull request needs a remote: git remote add origin URL; or take --branch")
        deliver.refuse_existing(found, branch, remote)
        deliver.refuse_nobody(found)
    with checkout(found) as place:
        tell("looking for the flag")
        made = _planned(place, asked)
        removed = Removed(made, found, found.dirty())
        if not made.changes:
            return replace(removed, refused="nothing can be removed" if made.refusals else "")
        refused = "places were left alone, and --strict was asked for" if asked.strict and made.refusals else ""
        if not asked.dry and not refused:
            command = Worktree.of(place.tree).config.verify if asked.verify is None else asked.verify
            verified = verify(place, made, Command(command, asked.seconds) if command else None, tell)
            refused = "" if verified.passed else "it did not stand the checks"
            if asked.strict and verified.untidy:
                refused = refused or "names are left that nothing uses any more, and --strict was asked for"
            removed = replace(removed, verified=verified)
        place.restore()
        place.apply(made.changes)
        removed = replace(removed, patch=place.patch(), refused=refused)
        if refused or asked.dry or asked.delivery == "patch" or removed.verified is None:
            return removed
        message = deliver.message(made, asked.reason, removed.verified)
        removed = replace(removed, branch=branch, commit=deliver.commit(place, branch, message))
    return _requested(asked, removed) if asked.delivery == "pr" else removed


def _planned(place: Checkout, asked: Asked) -> Plan:
    """The plan, made of the whole worktree at HEAD: what uses a name is seen wherever it stands."""
    files = Worktree.of(place.tree)
    made = plan(files, asked.flag, asked.winner)
    submodules = files.skipped["submodule"]
    told = (f"{submodules} submodule(s) are repositories of their own, and were not looked at",) if submodules else ()
    return replace(made, notes=(*made.notes, *told))


def _requested(asked: Asked, removed: Removed) -> Removed:
    """Push the branch and open a pull request; where no tool can, write its body to a file."""
    assert removed.verified is not None  # noqa: S101 - a branch was made
    words = deliver.body(removed.plan, asked.reason, removed.verified)
    remote = deliver.remote_of(removed.repository) or "origin"
    tool = deliver.tool_for(removed.repository, remote)
    try:
        with asked.text.open("x", encoding="utf-8") as file:
            file.write(words)
    except OSError as error:
        told = f"the branch {removed.branch} was made, and {asked.text} cannot be written: {error.strerror}"
        return replace(removed, refused=told)
    if tool is None:
        return replace(removed, text=asked.text)
    try:
        deliver.push(removed.repository, remote, removed.branch)
        title = deliver.subject(removed.plan)
        opened = deliver.open_request(removed.repository, tool, removed.branch, title, asked.text)
    except CleanupRefused as error:
        return replace(removed, refused=error.detail, text=asked.text)
    asked.text.unlink(missing_ok=True)
    return replace(removed, opened=opened)
