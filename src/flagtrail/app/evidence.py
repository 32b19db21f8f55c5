"""Reports for auditors: a period of the ledger, read page by page, with the proof that it is all of it."""

from __future__ import annotations

import threading
from base64 import b64encode
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta

import msgspec

from flagtrail.analysis import dependencies
from flagtrail.analysis.access import holders
from flagtrail.analysis.compliance import Access, Completeness, ComplianceReport, Mark, Sample, Summary, Value
from flagtrail.analysis.controls import Facts, controls
from flagtrail.analysis.evidence import Kind, Row, Scope, Walk, told, without_gaps
from flagtrail.analysis.exposure import Exposure, exposure
from flagtrail.analysis.findings import MAX_SAMPLE, SAMPLE, findings
from flagtrail.analysis.standing import Standing, standings
from flagtrail.app.change import Changes
from flagtrail.app.clock import Clock, read_time, stamp
from flagtrail.app.sign import CheckpointSigner
from flagtrail.ledger.checkpoint import note_text, parse_checkpoint, sign_note
from flagtrail.ledger.draw import Draw, seeded_with
from flagtrail.ledger.proof import write_receipt
from flagtrail.ledger.subtrees import Subtrees
from flagtrail.model.entry import Entry
from flagtrail.model.errors import InvalidQuery, LedgerBroken, NotFound, TooManyRequests
from flagtrail.model.flag import Json
from flagtrail.model.state import State, fold
from flagtrail.model.subject import Subject, environment_subject, flag_subject
from flagtrail.storage import Storage

PAGE = 500
"""Entries that are held at a time."""
AT_ONCE, WAIT_SECONDS = 2, 10
"""So many reports are added up at a time, and for so long another one waits for its turn."""
SETTLING = timedelta(minutes=1)
"""So long after a time no entry is recorded with it any more: a change that was under way then, on a replica whose
clock is that much behind.
"""
MOMENT = timedelta(microseconds=1)


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """What somebody wants a report of; times as people write them."""

    kind: Kind
    project: str
    flag: str | None = None
    environment: str | None = None
    where: Mapping[str, Json] = msgspec.field(default_factory=dict)
    since: str | None = None
    until: str | None = None
    sample: int | None = None


class EvidenceReports:
    """Makes reports of periods; changes nothing."""

    def __init__(self, storage: Storage, changes: Changes, clock: Clock, signer: CheckpointSigner) -> None:
        self._storage = storage
        self._changes = changes
        self._clock = clock
        self._signer = signer
        self._turns = threading.BoundedSemaphore(AT_ONCE)

    def report(self, asked: Asked) -> ComplianceReport:
        """The report that is asked for. Its summary takes one pass over the period, its rows another.

        Without `since` the period begins with the first entry. One that is not over for a minute (without `until`, or
        with one to come) ends with the last entry. Raises NotFound, InvalidQuery for a period or filter that cannot be,
        TooManyRequests where others take long.
        """
        self._refuse_unknown(asked)
        signed = parse_checkpoint(self._signer.checkpoint())
        since, until = self._period(asked, signed.size)
        scope = Scope(
            kind=asked.kind,
            project=asked.project,
            flag=asked.flag,
            environment=asked.environment,
            where=asked.where,
            since=since,
            until=until,
        )
        tree = self._tree(signed.size, signed.root)
        return self._made(_Period(self._storage, self._signer, scope, signed.origin, tree), asked.sample)

    def _made(self, period: _Period, sample: int | None) -> ComplianceReport:
        """Raises TooManyRequests where others are being made and take long: each keeps a core busy."""
        if not self._turns.acquire(timeout=WAIT_SECONDS):
            raise TooManyRequests(f"{AT_ONCE} reports are being made", retry_after=WAIT_SECONDS)
        try:
            return period.report(SAMPLE if sample is None else sample)
        finally:
            self._turns.release()

    def _refuse_unknown(self, asked: Asked) -> None:
        state = self._changes.state
        if asked.project not in state.projects():
            raise NotFound(f"there is no project {asked.project!r}", kind="project", key=asked.project)
        if asked.kind == "flag" and not asked.flag:
            raise InvalidQuery("a report of the kind 'flag' needs a flag", parameter="flag")
        if asked.kind != "flag" and (asked.flag or asked.environment or asked.where):
            raise InvalidQuery(
                f"a report of the kind {asked.kind!r} covers all of a project: it takes no flag, environment or where; "
                "leave them out, or ask for the kind 'flag'",
                parameter="flag" if asked.flag else "environment" if asked.environment else "where",
            )
        if asked.sample is not None and not 0 <= asked.sample <= MAX_SAMPLE:
            raise InvalidQuery(f"a sample has 0 to {MAX_SAMPLE} entries", parameter="sample")
        named: tuple[tuple[str | None, Subject], ...] = (
            (asked.flag, flag_subject(asked.project, asked.flag or "")),
            (asked.environment, environment_subject(asked.project, asked.environment or "")),
        )
        for key, subject in named:
            if key is not None and state.held(subject) is None:
                article = "an" if subject.kind == "environment" else "a"
                detail = f"there never was {article} {subject.kind} {key!r} in project {asked.project!r}"
                raise NotFound(detail, kind=subject.kind, key=key)

    def _period(self, asked: Asked, size: int) -> tuple[str, str]:
        first, last = self._storage.entry(0), self._storage.entry(size - 1)
        clock = self._clock()
        now, settled = stamp(clock), stamp(clock - SETTLING)
        since = read_time(asked.since) if asked.since else first.time if first is not None else now
        until = read_time(asked.until) if asked.until else None
        if until is not None and since >= until:
            raise InvalidQuery(f"the period from {since} to {until} is empty", since=since, until=until)
        if until is None or until > settled:
            if since > now:
                raise InvalidQuery(f"the period begins at {since}, which is to come", since=since)
            present = _just_after(max(since, last.time if last is not None else since))
            until = present if until is None else min(until, present)
        return since, until

    def _tree(self, size: int, root: bytes) -> Subtrees:
        """The ledger's tree; raises LedgerBroken where it is not the one that was signed."""
        try:
            tree = Subtrees(self._storage.leaf_hashes, size)
            found = tree.frontier(size).root()
        except ValueError as error:
            raise LedgerBroken(str(error)) from error
        if found != root:
            raise LedgerBroken(f"the ledger is not what its checkpoint of size {size} says")
        return tree


class _Period:
    """The making of one report."""

    def __init__(self, storage: Storage, signer: CheckpointSigner, scope: Scope, origin: str, tree: Subtrees) -> None:
        self._storage = storage
        self._signer = signer
        self._scope = scope
        self._origin = origin
        self._tree = tree
        self._low = self._seq_at(scope.since)
        self._high = self._seq_at(scope.until)

    def _seq_at(self, time: str) -> int:
        """The first entry that was recorded at that time or later; the ledger's times never decrease."""
        low, high = 0, self._tree.size
        while low < high:
            middle = (low + high) // 2
            entry = self._storage.entry(middle)
            if entry is None:
                raise LedgerBroken(f"entry {middle} of {self._tree.size} is missing")
            low, high = (middle + 1, high) if entry.time < time else (low, middle)
        return low

    def report(self, sample: int) -> ComplianceReport:
        scope, end = self._scope, self._mark(self._high)
        before = self._state(self._low)
        draw = Draw(seeded_with(scope.kind, scope.since, scope.until, end.root), sample)
        walk = Walk(scope, before)
        found = findings(self._entries(), walk, draw)
        after = walk.state
        access = Access(holders(before, scope.project, scope.since), holders(after, scope.project, scope.until))
        first = self._storage.entry(0) if self._high else None
        facts = Facts(
            found=found,
            holders_before=len(access.before),
            holders_after=len(access.after),
            first="" if first is None else first.time,
            until=scope.until,
        )
        summary = Summary(
            origin=self._origin,
            scope=scope,
            first=facts.first,
            found=found,
            controls=controls(scope.kind, facts),
            standings=tuple(self._standings(before, after)),
            exposures=tuple(self._exposures(after)),
            access=access if scope.kind == "access" else None,
            proof=self._completeness(end),
        )
        return ComplianceReport(
            summary, lambda: self._rows(before), lambda: (self._sampled(seq, end) for seq in found.sampling.seqs)
        )

    def _state(self, size: int) -> State:
        """Every document as the first `size` entries left it."""
        return fold(self._storage.paths_as_of("", seq=size - 1)) if size else State()

    def _entries(self) -> Iterator[tuple[Entry, str]]:
        for start in range(self._low, self._high, PAGE):
            count = min(PAGE, self._high - start)
            hashes = (b64encode(each).decode() for each in self._storage.leaf_hashes(start, start + count))
            yield from zip(self._storage.entries_from(start, count), hashes, strict=True)

    def _rows(self, before: State) -> Iterator[Row]:
        changes = (told(each, self._scope) for each in Walk(self._scope, before).judged(self._entries()))
        return without_gaps(changes, self._low, self._high, lambda low, high: _texts(self._tree.roots(low, high)))

    def _environments(self, state: State) -> list[str]:
        asked = self._scope.environment
        return [key for key in state.environments(self._scope.project) if asked in {None, key}]

    def _standings(self, before: State, after: State) -> Iterator[Standing]:
        scope = self._scope
        if scope.kind == "access":
            return
        known = sorted({*before.flags(scope.project), *after.flags(scope.project)})
        found = standings(
            before,
            after,
            scope.project,
            flags=known if scope.flag is None else [scope.flag],
            environments=self._environments(after),
            where=scope.where,
        )
        yield from (each for each in found if each.changed or scope.flag is not None)

    def _exposures(self, after: State) -> Iterator[Exposure]:
        """By effective time, from what the ledger knew at the period's end."""
        project, flag = self._scope.project, self._scope.flag
        if flag is None:
            return
        for key in self._environments(after):
            entries = dependencies.gather(self._storage.history, project, key, flag)
            known = [entry for entry in entries if entry.seq < self._high]
            yield exposure(known, project, key, flag, self._scope.where, self._scope.since, self._scope.until)

    def _mark(self, size: int) -> Mark:
        """The ledger at that size, signed: `tree` is known to be the one that the signer signed later on."""
        root = self._tree.frontier(size).root()
        origin = self._origin
        note = sign_note(note_text(origin, size, root), origin, self._signer.public_key, self._signer.sign)
        return Mark(size, b64encode(root).decode(), note if size else "")

    def _completeness(self, end: Mark) -> Completeness:
        proof = self._tree.consistency(self._low, self._high) if self._low else ()
        left = self._tree.frontier(self._low).peaks
        return Completeness(self._mark(self._low), end, _texts(left), _texts(proof))

    def _sampled(self, seq: int, end: Mark) -> Sample:
        leaf = next(iter(self._storage.leaves(seq, seq + 1))).decode()
        values = tuple(
            Value(each.name, b64encode(each.salt).decode(), each.value.decode())
            for each in self._storage.disclosures(seq, seq + 1)
        )
        return Sample(seq, leaf, values, write_receipt(seq, self._tree.inclusion(seq, end.size), end.note))


def _texts(hashes: Sequence[bytes]) -> tuple[str, ...]:
    return tuple(b64encode(each).decode() for each in hashes)


def _just_after(time: str) -> str:
    return stamp(datetime.fromisoformat(time) + MOMENT)
