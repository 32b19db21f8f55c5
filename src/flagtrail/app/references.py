"""Code references: taking in what a scan of source code found, within bounds, and telling it per flag."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, timedelta
from urllib.parse import urlsplit

import msgspec

from flagtrail.app.clock import Clock, read_time, stamp
from flagtrail.app.heard import refuse_unheard, require_project
from flagtrail.app.identity import Identity
from flagtrail.model.errors import Defect, InvalidDocument, InvalidQuery, NotFound, TooLarge
from flagtrail.model.reference import (
    CodeReference,
    ReferenceKind,
    Removal,
    Scan,
    ScanHead,
    ScannedFlag,
    ScannedQuery,
)
from flagtrail.model.state import State
from flagtrail.model.subject import flag_subject
from flagtrail.storage import Storage

MAX_SCANS = 500
"""Branches of all repositories of one project."""
KEPT = timedelta(days=30)
"""How long a branch that is no default branch is remembered after its last scan."""
FUTURE = timedelta(minutes=5)
"""How far ahead of the server's clock a scan may have been made."""
MOST_DEFECTS = 100


class Uploaded(msgspec.Struct, frozen=True):
    """What became of an upload. `kept` is false where a newer scan of the branch is held.

    `unknown` are the keys that code asks for and that are no flags.
    """

    kept: bool
    references: int
    flags: int
    unknown: tuple[str, ...]


class Forgotten(msgspec.Struct, frozen=True):
    """A repository that was forgotten, and how many scanned branches it had."""

    repository: str
    branches: int


class FlagCounts(msgspec.Struct, frozen=True, kw_only=True):
    """One flag in the newest scans of all default branches together.

    `repositories` are those in which it was looked for: where there are none, nothing is known. `elsewhere` counts
    references on other branches. `removal` is the newest of the commits that took a last reference away.
    """

    flag: str
    counts: dict[ReferenceKind, int]
    repositories: tuple[str, ...]
    elsewhere: int = 0
    removal: Removal | None = None

    @property
    def total(self) -> int:
        """References of all kinds on default branches."""
        return sum(self.counts.values())


class ReferenceSummary(msgspec.Struct, frozen=True):
    """What is known of a project's flags in source code, by key; of a flag that was never looked for there is none.

    `scans` are those of default branches. `unknown` are evaluations of keys that are no flags.
    """

    project: str
    scans: tuple[ScanHead, ...]
    flags: tuple[FlagCounts, ...]
    unknown: tuple[FlagCounts, ...]


class FlagReferences(msgspec.Struct, frozen=True):
    """Where code names one flag: each branch's newest scan that looked for it, default branches first.

    No `branches` means that no scan looked for it, and nothing is known.
    """

    project: str
    flag: str
    branches: tuple[BranchReferences, ...]


class BranchReferences(msgspec.Struct, frozen=True):
    """One flag in one scan."""

    scan: ScanHead
    found: ScannedFlag


class References:
    """The code references of all projects. May be called from any thread."""

    def __init__(self, storage: Storage, state: Callable[[], State], clock: Clock) -> None:
        self._storage = storage
        self._state = state
        self._clock = clock

    def upload(self, identity: Identity, project: str, scan: Scan) -> Uploaded:
        """Keep a scan in place of the one of its repository and branch. To send it again does no harm.

        Raises Forbidden, NotFound, InvalidDocument (every defect), TooLarge where there would be too many branches.
        """
        identity.require("editor", project)
        state, now = self._state(), self._clock()
        require_project(state, project)
        defects = list(_defects(scan))
        made, removals = _times(scan, now, defects)
        if defects:
            raise InvalidDocument(defects[:MOST_DEFECTS])
        self._refuse_too_many(project, scan)
        head = ScanHead(
            project=project,
            repository=scan.repository,
            branch=scan.branch,
            commit=scan.commit,
            at=made,
            received=stamp(now),
            default=scan.default,
            url=scan.url,
            files=scan.files,
            skipped=scan.skipped,
        )
        flags = list(_by_flag(scan, removals))
        kept = self._storage.put_scan(head, flags)
        unknown = tuple(flag.flag for flag in flags if flag.counts.get("evaluation") and _unknown(state, project, flag))
        return Uploaded(kept, len(scan.references), sum(flag.total > 0 for flag in flags), unknown)

    def summary(self, project: str) -> ReferenceSummary:
        """How often code names each flag, by kind. Raises NotFound for an unknown project."""
        state = self._state()
        require_project(state, project)
        heads = [head for head in self._storage.scans(project) if head.default]
        decisive = {head.place for head in heads}
        found: dict[str, list[ScannedFlag]] = {}
        for flag in self._storage.scanned_flags(ScannedQuery(project=project)):
            found.setdefault(flag.flag, []).append(flag)
        known = {flag for flag, scanned in found.items() if not _unknown(state, project, scanned[0])}
        counted = [_counted(flag, scanned, decisive) for flag, scanned in sorted(found.items())]
        return ReferenceSummary(
            project,
            tuple(heads),
            tuple(each for each in counted if each.flag in known),
            tuple(each for each in counted if each.flag not in known and each.counts.get("evaluation")),
        )

    def of_flag(self, project: str, flag: str) -> FlagReferences:
        """Every place in code that names a flag. Raises NotFound for what is no flag, and is not asked for either."""
        require_project(self._state(), project)
        found = self._storage.scanned_flags(ScannedQuery(project=project, flag=flag, references=True))
        if not found:
            refuse_unheard(self._state(), project, flag=flag)
        heads = {head.place: head for head in self._storage.scans(project)}
        branches = [
            BranchReferences(heads[place], each) for each in found if (place := (each.repository, each.branch)) in heads
        ]
        branches.sort(key=lambda each: (not each.scan.default, each.scan.repository, each.scan.branch))
        return FlagReferences(project, flag, tuple(branches))

    def forget_repository(self, identity: Identity, project: str, repository: str) -> Forgotten:
        """Remove the scans of a repository that is no more, or has another name now: nothing is concluded from it then.

        Raises Forbidden, NotFound.
        """
        identity.require("editor", project)
        require_project(self._state(), project)
        gone = self._storage.delete_scans(project, repository)
        if not gone:
            raise NotFound(f"no scan of {repository!r} is kept", kind="repository", key=repository)
        return Forgotten(repository, gone)

    def forget(self) -> int:
        """Remove scans of branches that were not scanned for long; how many went."""
        return self._storage.delete_old_scans(stamp(self._clock() - KEPT))

    def _refuse_too_many(self, project: str, scan: Scan) -> None:
        held = {head.place for head in self._storage.scans(project)}
        if (scan.repository, scan.branch) not in held and len(held) >= MAX_SCANS:
            raise TooLarge(
                f"a project has at most {MAX_SCANS} scanned branches; one that is no default branch is forgotten"
                f" {KEPT.days} days after its last scan: scan fewer branches"
            )


def _unknown(state: State, project: str, flag: ScannedFlag) -> bool:
    held = state.held(flag_subject(project, flag.flag))
    return held is None or held.document is None


def _counted(flag: str, scanned: Sequence[ScannedFlag], decisive: set[tuple[str, str]]) -> FlagCounts:
    counts: Counter[ReferenceKind] = Counter()
    on_default = [each for each in scanned if (each.repository, each.branch) in decisive]
    for each in on_default:
        counts.update(each.counts)
    removals = [each.removal for each in on_default if each.removal is not None]
    return FlagCounts(
        flag=flag,
        counts=dict(counts),
        repositories=tuple(sorted({each.repository for each in on_default})),
        elsewhere=sum(each.total for each in scanned) - counts.total(),
        removal=max(removals, key=lambda removal: removal.at, default=None),
    )


def _by_flag(scan: Scan, removals: dict[str, Removal]) -> Iterator[ScannedFlag]:
    """What the scan found of each key that it looked for, and of those that it found beside them."""
    found: dict[str, list[CodeReference]] = {key: [] for key in scan.keys}
    for reference in scan.references:
        found.setdefault(reference.flag, []).append(reference)
    for flag, references in found.items():
        yield ScannedFlag(
            repository=scan.repository,
            branch=scan.branch,
            flag=flag,
            counts=dict(Counter(reference.kind for reference in references)),
            removal=None if references else removals.get(flag),
            references=tuple(sorted(references, key=lambda each: (each.path, each.line, each.column))),
        )


def _defects(scan: Scan) -> Iterator[Defect]:
    """What the types alone do not refuse: names and paths that nobody could show, addresses that lead elsewhere."""
    for name in ("repository", "branch", "url"):
        if not getattr(scan, name).isprintable():
            yield Defect(f"/{name}", "must be printable characters")
    if scan.url and not _is_template(scan.url):
        told = "must be an http or https address with {path} in it, and may have {commit} and {line}"
        yield Defect("/url", told)
    for index, key in enumerate(scan.keys):
        if not key.isprintable():
            yield Defect(f"/keys/{index}", "must be printable characters")
    for index, reference in enumerate(scan.references):
        if not reference.flag.isprintable():
            yield Defect(f"/references/{index}/flag", "must be printable characters")
        parts = reference.path.split("/")
        if not reference.path.isprintable() or not {"", ".", ".."}.isdisjoint(parts):
            yield Defect(
                f"/references/{index}/path", "must be a path from the root of the repository: src/shop/cart.py"
            )


def _is_template(url: str) -> bool:
    """Whether it is an address with places for a path, a commit and a line, and no others."""
    bare = url
    for name in ("{commit}", "{path}", "{line}"):
        bare = bare.replace(name, "")
    try:
        parts = urlsplit(bare)
    except ValueError:
        return False
    return parts.scheme in {"http", "https"} and bool(parts.hostname) and "{path}" in url and not set("{}") & set(bare)


def _times(scan: Scan, now: datetime, defects: list[Defect]) -> tuple[str, dict[str, Removal]]:
    """When the scan was made, and its removals, as stamps; notes what is no time, and a scan of the future."""

    def read(text: str, path: str) -> str:
        try:
            return read_time(text)
        except InvalidQuery as error:
            defects.append(Defect(path, error.detail))
            return stamp(now)

    made = read(scan.at, "/at")
    if made > stamp(now + FUTURE):
        defects.append(Defect("/at", "lies in the future"))
    removals = {
        flag: msgspec.structs.replace(removal, at=read(removal.at, f"/removals/{flag}/at"))
        for flag, removal in scan.removals.items()
    }
    return made, removals
