"""Code references: where source code names a flag, as a scan of one branch of a repository found them."""

from __future__ import annotations

import re
from typing import Annotated, Literal, TypeAlias

import msgspec

ReferenceKind: TypeAlias = Literal["evaluation", "definition", "test_stub", "configuration", "comment", "unknown"]
"""What a place in code is: it asks for the flag; gives its key a name; sets it in a test; stands in a file of
settings or data; is mentioned in a comment or a text; or cannot be told.
"""
MAX_REFERENCES = 20_000
"""References of one scan."""
MAX_KEYS = 10_000
MAX_PATH, MAX_SNIPPET, MAX_SYMBOL, MAX_NAME = 1_000, 500, 200, 200
MAX_POINTS = 50
"""How many points of a flag's history are kept for each branch."""
MAX_LINE = 2**31 - 1

Key = Annotated[str, msgspec.Meta(min_length=1, max_length=256)]
Name = Annotated[str, msgspec.Meta(min_length=1, max_length=MAX_NAME)]
Commit = Annotated[str, msgspec.Meta(pattern=r"\A[0-9a-f]{7,64}\Z")]
Line = Annotated[int, msgspec.Meta(ge=1, le=MAX_LINE)]
Size = Annotated[int, msgspec.Meta(ge=0, le=MAX_LINE)]


class CodeReference(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One place in source code that names a flag.

    `path` is from the root of the repository, with `/` between; `line` and `column` count from 1. `snippet` is the
    line, `symbol` the function or class that it stands in. `flag` need not be a flag that exists.
    """

    flag: Key
    path: Annotated[str, msgspec.Meta(min_length=1, max_length=MAX_PATH)]
    line: Line
    kind: ReferenceKind
    column: Line = 1
    snippet: Annotated[str, msgspec.Meta(max_length=MAX_SNIPPET)] = ""
    symbol: Annotated[str, msgspec.Meta(max_length=MAX_SYMBOL)] = ""
    language: Annotated[str, msgspec.Meta(max_length=50)] = ""


class Removal(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The commit that took the last reference to a flag away. `at` is RFC 3339, `subject` its message's first line."""

    commit: Commit
    at: str
    subject: Annotated[str, msgspec.Meta(max_length=MAX_SNIPPET)] = ""


class Scan(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What a scan of one branch of a repository found, as it is uploaded.

    `keys` are all keys that were looked for: of a flag that is not among them it says nothing, also not "none".
    `at` is when the scan was made (RFC 3339). `default`: the branch is the repository's default branch, from which
    is concluded. `url` is how a place is shown by the repository's host, with `{commit}`, `{path}` and `{line}` in it.
    `files` were looked at, `skipped` could not be read. `removals` are by flag.
    """

    repository: Name
    branch: Name
    commit: Commit
    at: str
    keys: Annotated[tuple[Key, ...], msgspec.Meta(max_length=MAX_KEYS)]
    references: Annotated[tuple[CodeReference, ...], msgspec.Meta(max_length=MAX_REFERENCES)]
    default: bool = False
    url: Annotated[str, msgspec.Meta(max_length=MAX_PATH)] = ""
    files: Size = 0
    skipped: Size = 0
    removals: dict[Key, Removal] = {}


class ScanHead(msgspec.Struct, frozen=True):
    """The newest scan of one branch, but for what it found; `at` and `received` (the server's clock) are stamps."""

    project: str
    repository: str
    branch: str
    commit: str
    at: str
    received: str
    default: bool = False
    url: str = ""
    files: int = 0
    skipped: int = 0

    @property
    def place(self) -> tuple[str, str]:
        """The repository and the branch."""
        return self.repository, self.branch


class CountPoint(msgspec.Struct, frozen=True):
    """From this scan on a flag had so many references; `at` is a stamp."""

    at: str
    commit: str
    count: int


class ScannedFlag(msgspec.Struct, frozen=True, kw_only=True):
    """One flag in the newest scan of one branch: how many references of each kind, where, and how many there were.

    `history` has a point for each scan with another number than the one before, oldest first, at most `MAX_POINTS`.
    `references` stay empty where only the counts were asked for.
    """

    repository: str
    branch: str
    flag: str
    counts: dict[ReferenceKind, int] = {}
    removal: Removal | None = None
    history: tuple[CountPoint, ...] = ()
    references: tuple[CodeReference, ...] = ()

    @property
    def total(self) -> int:
        """References of all kinds."""
        return sum(self.counts.values())


_TRAILER = re.compile(r"^Removed-By: ([0-9a-f]{7,64})$", re.MULTILINE)


def removed_by(why: str) -> str:
    """The commit that a reason for archiving a flag names as the one that removed its code; empty where it names none.

    >>> removed_by(with_commit("BILL-42 is done", "c0ffee0"))
    'c0ffee0'
    """
    found = _TRAILER.findall(why)
    return found[-1] if found else ""


def with_commit(why: str, commit: str) -> str:
    """A reason for archiving a flag with the commit that removed its code, in a line of its own as git's trailers are.

    It is no field of the entry: what an entry is hashed of stays as it is, and who reads the reason reads it.
    """
    return "\n\n".join(filter(None, (why.rstrip(), f"Removed-By: {commit}" if commit else "")))


class ScannedQuery(msgspec.Struct, frozen=True, kw_only=True):
    """Which flags of which scans to return, with their references or with the counts alone."""

    project: str
    flag: str | None = None
    place: tuple[str, str] | None = None
    """A repository and a branch."""
    references: bool = False
