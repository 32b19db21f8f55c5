"""Where source code names a flag, by repository and file, with links to the repository's host."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import groupby
from urllib.parse import quote

import msgspec

from flagtrail.app.references import BranchReferences
from flagtrail.model.reference import CodeReference, ReferenceKind, Removal, ScanHead
from flagtrail.server.web.page import Page
from flagtrail.server.web.templates import day, plural

MOST_PLACES = 200
"""Places shown of one branch; the command line tells all of them."""
MOST_BRANCHES = 20
SHORT = 10
"""Digits of a commit that are shown."""
KINDS: dict[ReferenceKind, tuple[str, str]] = {
    "evaluation": ("evaluation", "evaluations"),
    "definition": ("definition", "definitions"),
    "test_stub": ("test stub", "test stubs"),
    "configuration": ("line of configuration", "lines of configuration"),
    "comment": ("comment", "comments"),
    "unknown": ("unknown use", "unknown uses"),
}
"""One, and many of them."""


class Place(msgspec.Struct, frozen=True):
    """One line of a file; `url` is empty where the repository's host is not known."""

    line: int
    url: str
    kind: str
    snippet: str
    symbol: str


class File(msgspec.Struct, frozen=True):
    """A file with its places."""

    path: str
    places: tuple[Place, ...]


class Branch(msgspec.Struct, frozen=True):
    """What the newest scan of one branch found; `counts` in words, `before` how many there were earlier."""

    scan: ScanHead
    commit: str
    counts: str
    before: str
    files: tuple[File, ...]
    total: int
    more: int
    removal: Removal | None


class ReferencesPanel(msgspec.Struct, frozen=True):
    """What is known of a flag's places in code: on default branches in full, on others in numbers.

    `without` are default branches that do not name it, and from which no commit is known to have removed it; `oldest`
    is the stamp of the oldest scan of them. `scanned` says whether any scan was uploaded at all.
    """

    branches: tuple[Branch, ...]
    without: tuple[str, ...]
    oldest: str
    others: tuple[Branch, ...]
    more_others: int
    scanned: bool


def references_panel(page: Page, flag: str) -> ReferencesPanel:
    """The flag's code references."""
    found = page.app.references.of_flag(page.project, flag).branches
    others = [each for each in found if not each.scan.default and each.found.total]
    default = [each for each in found if each.scan.default]
    told = [each for each in default if each.found.total or each.found.removal is not None]
    without = [each.scan for each in default if each not in told]
    return ReferencesPanel(
        tuple(_branch(each) for each in told),
        tuple(scan.repository for scan in without),
        min((scan.at for scan in without), default=""),
        tuple(_branch(each) for each in others[:MOST_BRANCHES]),
        max(len(others) - MOST_BRANCHES, 0),
        bool(found or page.app.storage.scans(page.project)),
    )


def _branch(told: BranchReferences) -> Branch:
    scan, found = told.scan, told.found
    shown = found.references[:MOST_PLACES]
    counts = [plural(found.counts[kind], *KINDS[kind]) for kind in KINDS if found.counts.get(kind)]
    earlier = found.history[-2:-1]
    before = "; ".join(f"{plural(point.count, 'reference')} until {day(found.history[-1].at)}" for point in earlier)
    return Branch(
        scan,
        scan.commit[:SHORT],
        ", ".join(counts),
        before,
        tuple(_files(scan, shown)),
        found.total,
        len(found.references) - len(shown),
        found.removal,
    )


def _files(scan: ScanHead, references: Iterable[CodeReference]) -> Iterator[File]:
    for path, places in groupby(references, key=lambda each: each.path):
        yield File(
            path,
            tuple(
                Place(each.line, address(scan, path, each.line), KINDS[each.kind][0], each.snippet.strip(), each.symbol)
                for each in places
            ),
        )


def address(scan: ScanHead, path: str, line: int) -> str:
    """Where the repository's host shows a place; empty where nobody said.

    >>> head = ScanHead("p", "shop", "main", "c0ffee0", "", "", url="https://git.example.org/{commit}/{path}#L{line}")
    >>> address(head, "src/a b{line}.py", 7)
    'https://git.example.org/c0ffee0/src/a%20b%7Bline%7D.py#L7'
    """
    parts = {"{commit}": scan.commit, "{line}": str(line), "{path}": quote(path, safe="/")}
    url = scan.url
    for name, value in parts.items():
        url = url.replace(name, value)
    return url
