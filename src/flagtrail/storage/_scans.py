"""Scans of source code: what a newer one makes of an older one, how rows hold them, and those of the memory store."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import groupby
from typing import TypeAlias

import msgspec

from flagtrail.model.reference import (
    MAX_POINTS,
    CodeReference,
    CountPoint,
    ReferenceKind,
    Removal,
    ScanHead,
    ScannedFlag,
    ScannedQuery,
)

History: TypeAlias = tuple[CountPoint, ...]


class Told(msgspec.Struct, frozen=True):
    """What a row holds of a flag beside its references: little, since summaries read it for every flag."""

    counts: dict[ReferenceKind, int]
    history: History
    removal: Removal | None = None


def merged(held: Mapping[str, History], head: ScanHead, flags: Iterable[ScannedFlag]) -> list[ScannedFlag]:
    """The flags of a scan, with the history that those of the scan before it had."""
    return [
        msgspec.structs.replace(
            flag,
            repository=head.repository,
            branch=head.branch,
            history=_history([*held.get(flag.flag, ()), *flag.history, CountPoint(head.at, head.commit, flag.total)]),
        )
        for flag in flags
    ]


def _history(points: Sequence[CountPoint]) -> History:
    """Points by time, each with another count than the one before; the newest of them."""
    newest = {point.at: point for point in points}
    ordered = [newest[at] for at in sorted(newest)]
    return tuple(next(same) for _, same in groupby(ordered, key=lambda point: point.count))[-MAX_POINTS:]


def told(flag: ScannedFlag) -> str:
    """The text of a row's counts and history."""
    return msgspec.json.encode(Told(flag.counts, flag.history, flag.removal)).decode()


def history(text: str) -> History:
    """The history in what `told` wrote."""
    return msgspec.json.decode(text, type=Told).history


def places(flag: ScannedFlag) -> str:
    """The text of a row's references."""
    return msgspec.json.encode(flag.references).decode()


def scanned(row: tuple[str, str, str, str, str]) -> ScannedFlag:
    """A row (repository, branch, flag, what `told` wrote, what `places` wrote) as it was."""
    repository, branch, flag, about, found = row
    read = msgspec.json.decode(about, type=Told)
    return ScannedFlag(
        repository=repository,
        branch=branch,
        flag=flag,
        counts=read.counts,
        removal=read.removal,
        history=read.history,
        references=msgspec.json.decode(found, type=tuple[CodeReference, ...]),
    )


class ScanTables:
    """The newest scan of each branch. Whoever calls holds the store's lock."""

    def __init__(self) -> None:
        self._scans: dict[tuple[str, str, str], tuple[ScanHead, list[ScannedFlag]]] = {}

    def put(self, head: ScanHead, flags: Iterable[ScannedFlag]) -> bool:
        """See `Storage.put_scan`."""
        place = (head.project, *head.place)
        held = self._scans.get(place)
        if held is not None and held[0].at > head.at:
            return False
        before = {} if held is None else {flag.flag: flag.history for flag in held[1]}
        self._scans[place] = (head, sorted(merged(before, head, flags), key=lambda flag: flag.flag))
        return True

    def heads(self, project: str | None) -> list[ScanHead]:
        """See `Storage.scans`."""
        return [head for place, (head, _) in sorted(self._scans.items()) if project in {None, place[0]}]

    def flags(self, query: ScannedQuery) -> list[ScannedFlag]:
        """See `Storage.scanned_flags`."""
        return sorted(self._flags(query), key=lambda flag: (flag.flag, flag.repository, flag.branch))

    def _flags(self, query: ScannedQuery) -> Iterator[ScannedFlag]:
        for (project, *place), (_, flags) in self._scans.items():
            if project == query.project and query.place in {None, tuple(place)}:
                for flag in flags:
                    if query.flag in {None, flag.flag}:
                        yield flag if query.references else msgspec.structs.replace(flag, references=())

    def delete(self, project: str, repository: str) -> int:
        """See `Storage.delete_scans`."""
        return self._without([place for place in self._scans if place[:2] == (project, repository)])

    def delete_old(self, before: str) -> int:
        """See `Storage.delete_old_scans`."""
        old = [place for place, (head, _) in self._scans.items() if not head.default and head.received < before]
        return self._without(old)

    def _without(self, gone: Sequence[tuple[str, str, str]]) -> int:
        for place in gone:
            del self._scans[place]
        return len(gone)
