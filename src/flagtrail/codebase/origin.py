"""Which repository, branch and commit a worktree is, and how its host shows a place in it."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from pathlib import Path

import msgspec

from flagtrail.codebase.git import asked, git
from flagtrail.model.errors import SourceUnreadable

_REMOTE = re.compile(
    r"(?:\w+://(?:[^@/]*@)?(?P<host>[^/:@]+)(?::\d+)?/|(?:[^@/]*@)?(?P<short>[^/:@]+):)(?P<path>.+?)(?:\.git)?/?$"
)
_BRANCHES = ("GITHUB_HEAD_REF", "GITHUB_REF_NAME", "CI_COMMIT_REF_NAME", "BITBUCKET_BRANCH", "BUILD_SOURCEBRANCHNAME")
"""What continuous integration calls the branch: its worktree is often of a commit alone."""
_TARGETS = ("GITHUB_BASE_REF", "CI_MERGE_REQUEST_TARGET_BRANCH_NAME", "BITBUCKET_PR_DESTINATION_BRANCH")
"""What it calls the branch into which a pull request is to go; it sets them for nothing else."""
_SHOWN = {"github": "blob/{commit}/{path}#L{line}", "gitlab": "-/blob/{commit}/{path}#L{line}"}


class _Hosted(msgspec.Struct, frozen=True):
    default_branch: str = ""


class _Event(msgspec.Struct, frozen=True):
    """What GitHub says of what happened, so far as it is read."""

    repository: _Hosted = _Hosted()


class Origin(msgspec.Struct, frozen=True):
    """Where the code comes from. `branch` is empty where nobody says; `default` is None where that is unknown."""

    repository: str
    branch: str
    commit: str
    default: bool | None
    url: str


def begun(root: Path, environ: Mapping[str, str]) -> Callable[[], Origin]:
    """Ask for that of the worktree at `root`, while something else is done; then it is told.

    That raises SourceUnreadable where there is no commit, or git cannot or will not look at the worktree.
    """
    every = asked(
        root,
        ("rev-parse", "--verify", "HEAD"),
        ("symbolic-ref", "--short", "-q", "HEAD"),
        ("symbolic-ref", "--short", "-q", "refs/remotes/origin/HEAD"),
        ("remote", "get-url", "origin"),
    )
    return lambda: _origin(root, environ, every())


def _origin(root: Path, environ: Mapping[str, str], answers: list[bytes]) -> Origin:
    commit, here, main, remote = (told.decode("utf-8", "replace").strip() for told in answers)
    if not commit:
        git(root, "rev-parse", "--git-dir")  # where that cannot be told either, git says why
        raise SourceUnreadable(f"{root} is no git worktree with a commit", source=str(root))
    main = _default_branch(environ) or main.removeprefix("origin/")
    branch = next(filter(None, (environ.get(name, "") for name in _BRANCHES)), "") or here
    target = next(filter(None, (environ.get(name, "") for name in _TARGETS)), "")
    if target and branch in {target, main, "main", "master"}:
        branch = f"pull/{branch}"  # a fork's: its name is that of another branch here
    place = _REMOTE.match(remote)
    return Origin(
        repository=place["path"].lstrip("/") if place else root.resolve().name,
        branch=branch,
        commit=commit,
        default=False if target else branch == main if main and branch else None,
        url=_url(place["host"] or place["short"], place["path"].lstrip("/")) if place else "",
    )


def _default_branch(environ: Mapping[str, str]) -> str:
    """What continuous integration calls the default branch, of which its clone knows nothing; empty if it says none."""
    if named := environ.get("CI_DEFAULT_BRANCH"):
        return named
    try:
        event = msgspec.json.decode(Path(environ["GITHUB_EVENT_PATH"]).read_bytes(), type=_Event)
    except (KeyError, OSError, msgspec.DecodeError):
        return ""
    return event.repository.default_branch


def _url(host: str, path: str) -> str:
    from urllib.parse import quote

    form = next((form for name, form in _SHOWN.items() if name in host), "")
    return f"https://{host}/{quote(path)}/{form}" if form else ""
