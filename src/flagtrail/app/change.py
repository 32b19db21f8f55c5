"""The change flow: decide under the lock, append entries and documents in one transaction, then tell who waits."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from datetime import datetime

import msgspec

import flagtrail
from flagtrail.app import idempotency, notice, trace
from flagtrail.app.clock import Clock, salts, stamp, uuid7
from flagtrail.app.conflict import explained
from flagtrail.app.identity import SYSTEM_IDENTITY, Identity
from flagtrail.app.meter import Meter
from flagtrail.changes.decide import Decided, decide
from flagtrail.changes.policy import ANY_WHY
from flagtrail.changes.revert import reverts
from flagtrail.engine.check import check
from flagtrail.ledger.merkle import Frontier
from flagtrail.ledger.seal import as_recorded, seal
from flagtrail.model.access import role_needed
from flagtrail.model.change import Change
from flagtrail.model.entry import Entry, Group, Source
from flagtrail.model.errors import Defect, InvalidDocument, MalformedRequest, NotFound, VersionConflict
from flagtrail.model.state import State, fold, held_after
from flagtrail.storage import Cell, Disclosure, Head, Record, Storage, Transaction

Bump = Callable[[State], None]
NEWS_HOURS = 24
"""Imported history older than this is no news: it raises no alert."""
MAX_OPERATIONS = 1_000
MAX_WHY = 10_000
MAX_TICKET = 1_000


class Receipt(msgspec.Struct, frozen=True):
    """What a change did: its entries (none where it altered nothing) and the ledger's size after it."""

    entries: tuple[Entry, ...]
    size: int

    @property
    def changed(self) -> bool:
        """Whether anything was altered."""
        return bool(self.entries)


class _Rehearsed(Exception):
    """Undoes a dry run's transaction and carries its receipts out."""

    def __init__(self, receipts: list[Receipt]) -> None:
        super().__init__("dry run")
        self.receipts = receipts


class _Applied(msgspec.Struct, frozen=True):
    receipt: Receipt
    state: State
    new: bool = True


class Changes:
    """Applies changes. `state` is what stands durably; it is replaced whole, never altered."""

    def __init__(self, storage: Storage, *, origin: str, clock: Clock) -> None:
        self._storage = storage
        self._origin = origin
        self._clock = clock
        self.meter = Meter()
        head = storage.head()
        state = fold(storage.current())
        self.state = msgspec.structs.replace(state, root=head.root if state.size == head.size else b"")
        self._pending = self.state
        self._publishing = threading.Lock()
        self._listeners: list[Bump] = []
        self._tellers: list[Callable[[int], None]] = []

    def on_moved(self, listener: Bump) -> None:
        """Call `listener` with the new state after every durable change, from the thread that made it."""
        self._listeners.append(listener)

    def on_made(self, teller: Callable[[int], None]) -> None:
        """Call `teller` with the ledger's size after every durable change that this process made itself."""
        self._tellers.append(teller)

    def apply(
        self,
        identity: Identity,
        change: Change,
        *,
        request: str = "",
        idempotency_key: str | None = None,
        cells: Sequence[tuple[str, Cell]] = (),
    ) -> Receipt:
        """Make the change, all of it or none; it is durable when this returns.

        `cells` are written in the same transaction (a new token's hash, say).
        With an `idempotency_key` that the actor used within a day the first
        receipt is returned again.
        Raises the refusals of `changes.decide`, Forbidden, and StorageFailed.
        """
        work = self._work(identity, change, request, idempotency_key, cells)
        started = time.perf_counter()
        try:
            with trace.span("change") as span:
                receipt = self._settled(lambda: self._storage.write(work), started)
                span.set(entries=len(receipt.entries), size=receipt.size)
                return receipt
        except VersionConflict as conflict:
            raise self.explained(conflict) from None

    def begin(
        self,
        identity: Identity,
        change: Change,
        *,
        done: Callable[[], object],
        request: str = "",
        idempotency_key: str | None = None,
    ) -> Callable[[], Receipt]:
        """`apply` for who must not wait: `done` is called, from any thread, when what this returns may be called.

        That gives the receipt or raises, as `apply` does, and is called once. A version conflict comes as it is: to
        have it `explained` takes a look into the database. `done` has to be quick and to raise nothing.
        """
        work = self._work(identity, change, request, idempotency_key, ())
        started = time.perf_counter()
        pending = self._storage.submit(work, done)
        return lambda: self._settled(pending.outcome, started)

    def _work(
        self,
        identity: Identity,
        change: Change,
        request: str,
        idempotency_key: str | None,
        cells: Sequence[tuple[str, Cell]],
    ) -> Callable[[Transaction], _Applied]:
        """The unit of work that makes the change. Raises what can be refused without looking at a document."""
        self.admit(identity, change, most=None if change.reverts is not None else MAX_OPERATIONS)
        key = None if idempotency_key is None else idempotency.key_of(identity, idempotency_key)

        def work(tx: Transaction) -> _Applied:
            state = self._caught_up(tx)
            earlier = None if key is None else self._earlier(tx, key, change)
            if earlier is not None:
                return _Applied(earlier, self.state, new=False)
            applied = self._append(tx, state, identity, change, request)
            for collection, cell in cells:
                tx.put_cell(collection, cell)
            if key is not None:
                idempotency.remember(tx, key, change, applied.receipt.entries, applied.receipt.size, self._clock())
            self._pending = applied.state
            return applied

        return work

    def _settled(self, outcome: Callable[[], _Applied], started: float) -> Receipt:
        """The receipt of a unit of work whose change is durable, and everybody told of it."""
        applied = self.meter.tried(outcome)
        if applied.new:
            self.meter.appended([applied.receipt.entries], time.perf_counter() - started)
        self._made(applied.state)
        return applied.receipt

    def apply_all(
        self,
        parts: Sequence[tuple[Identity, Change]],
        *,
        request: str = "",
        cells: Sequence[tuple[str, Cell]] = (),
        guard: Callable[[Transaction], None] | None = None,
        dry_run: bool = False,
    ) -> list[Receipt]:
        """Make many changes, each a group of its own by its own actor, in one transaction: all of them or none.

        `guard` may refuse inside the transaction, before anything is done. With
        `dry_run` the receipts tell what would be done, and nothing is. A change may have any number of operations here.
        """
        for identity, change in parts:
            self.admit(identity, change, most=None)

        def work(tx: Transaction) -> tuple[list[Receipt], State]:
            state = self._caught_up(tx)
            if guard is not None:
                guard(tx)
            receipts = []
            for identity, change in parts:
                applied = self._append(tx, state, identity, change, request)
                state = applied.state
                receipts.append(applied.receipt)
            for collection, cell in cells:
                tx.put_cell(collection, cell)
            if dry_run:
                raise _Rehearsed(receipts)
            self._pending = state
            return receipts, state

        started = time.perf_counter()
        with trace.span("change", groups=len(parts)) as span:
            try:
                receipts, state = self.meter.tried(lambda: self._storage.write(work))
            except _Rehearsed as rehearsed:
                return rehearsed.receipts
            span.set(entries=sum(len(receipt.entries) for receipt in receipts), size=state.size)
        self.meter.appended([receipt.entries for receipt in receipts], time.perf_counter() - started)
        self._made(state)
        return receipts

    def revert(
        self,
        identity: Identity,
        seq: int,
        *,
        why: str,
        ticket: str = "",
        request: str = "",
        idempotency_key: str | None = None,
    ) -> Receipt:
        """Make the change of `taking_back`."""
        if idempotency_key is not None:
            again = Change(operations=(), why=why, ticket=ticket, reverts=seq)
            earlier = self._storage.write(
                lambda tx: self._earlier(tx, idempotency.key_of(identity, idempotency_key), again)
            )
            if earlier is not None:
                return earlier
        change = self.taking_back(seq, why=why, ticket=ticket)
        return self.apply(identity, change, request=request, idempotency_key=idempotency_key)

    def taking_back(self, seq: int, *, why: str = "", ticket: str = "") -> Change:
        """What takes back an entry and the others of its group; raises VersionConflict where somebody built on it."""
        entry = self._storage.entry(seq)
        if entry is None:
            raise NotFound(f"there is no entry {seq}", kind="entry", key=str(seq))
        group = self._storage.entries_from(seq - entry.group.index, entry.group.count)
        return Change(operations=reverts(self.state, group), why=why, ticket=ticket, reverts=seq)

    def catch_up(self) -> State:
        """Publish what other processes appended to the same database since; cheap where nothing was."""
        head = self._storage.head()
        state = self.state
        while state.size < head.size:
            state = fold(self._storage.entries_from(state.size, 1_000), state)
        if state.size == head.size:
            state = msgspec.structs.replace(state, root=head.root)
        self.publish(state)
        return state

    def publish(self, state: State) -> None:
        """Let everybody see a durable state, unless a newer one is out already."""
        with self._publishing:
            if state.size <= self.state.size:
                return
            self.state = state
        for listener in self._listeners:
            listener(state)

    def _made(self, state: State) -> None:
        """A change of this process is durable. Its state may be out already: another thread may have caught up."""
        self.publish(state)
        for teller in self._tellers:
            teller(state.size)

    def admit(self, identity: Identity, change: Change, *, most: int | None = MAX_OPERATIONS) -> None:
        """Roles and bounds: what can be refused without looking at a document."""
        for operation in change.operations:
            subject = operation.subject
            identity.require(role_needed(subject), subject.project, subject.environment)
        if most is not None and len(change.operations) > most:
            raise MalformedRequest(f"a change has at most {most} operations")
        for name, text, longest in (("why", change.why, MAX_WHY), ("ticket", change.ticket, MAX_TICKET)):
            if len(text) > longest or "\x00" in text:
                raise InvalidDocument([Defect(f"/{name}", f"must be at most {longest} characters, without NUL")])

    def _caught_up(self, tx: Transaction) -> State:
        """The state at the locked head, whatever other processes appended and whichever commit failed before."""
        pending = self._pending
        if (pending.size, pending.root) == (tx.head.size, tx.head.root):
            return pending
        state = fold(tx.entries_from(self.state.size), self.state)
        return msgspec.structs.replace(state, root=tx.head.root)

    def _append(self, tx: Transaction, state: State, identity: Identity, change: Change, request: str) -> _Applied:
        # How long a reason must be is demanded of people; what Flagtrail itself has to do must not fail by it.
        asked = msgspec.structs.replace(change, why=ANY_WHY) if identity is SYSTEM_IDENTITY and change.why else change
        decided = decide(state, asked, check=check)
        if not decided:
            return _Applied(Receipt((), state.size), state)
        now = self._clock()
        at = max(stamp(now), tx.head.last_time)
        if change.occurred_at is not None and change.occurred_at > at:
            raise InvalidDocument([Defect("/occurred_at", f"{change.occurred_at} lies in the future")])
        group = uuid7(now)
        frontier, root = Frontier(tx.head.size, tx.head.frontier), tx.head.root
        records: list[Record] = []
        for index, part in enumerate(decided):
            entry = Entry(
                seq=frontier.size,
                id=uuid7(now),
                time=at,
                occurred_at=change.occurred_at,
                actor=identity.actor,
                subject=part.subject,
                version=part.version,
                previous=part.previous,
                actions=part.actions,
                paths=part.paths,
                before=part.before,
                after=part.after,
                why=change.why.strip(),
                ticket=change.ticket.strip(),
                group=Group(group, index, len(decided)),
                reverts=change.reverts,
                source=Source(identity.actor.via, request, flagtrail.__version__),
            )
            record = self._sealed(entry, root, part)
            records.append(record)
            frontier = frontier.append(record.leaf_hash)
            root = frontier.root()
        tx.append(records, Head(frontier.size, frontier.peaks, root, at))
        entries = tuple(record.entry for record in records)
        notice.refuse_unknown_zones(entries)
        after = state.having(map(held_after, entries), size=frontier.size, root=root)
        if change.occurred_at is None or _hours_between(change.occurred_at, at) < NEWS_HOURS:
            notice.note(tx, (state, after), entries, [part.touches for part in decided])
        return _Applied(Receipt(entries, frontier.size), after)

    def _sealed(self, entry: Entry, prev_root: bytes, part: Decided) -> Record:
        try:
            sealed = seal(entry, log=self._origin, prev_root=prev_root, salt=salts())
        except ValueError as error:
            raise InvalidDocument([Defect("", f"cannot be recorded: {error}")]) from error
        disclosures = tuple(Disclosure(entry.seq, made.name, made.salt, made.value) for made in sealed.committed)
        return Record(as_recorded(entry, sealed), sealed.leaf, sealed.leaf_hash, disclosures, part.touches)

    def _earlier(self, tx: Transaction, key: str, change: Change) -> Receipt | None:
        found = idempotency.recall(tx, key, change, self._clock())
        return None if found is None else Receipt(*found)

    def explained(self, conflict: VersionConflict) -> VersionConflict:
        """The conflict with what happened between the version that the caller saw and the present one."""
        return explained(self._storage, conflict)


def _hours_between(earlier: str, later: str) -> float:
    return (datetime.fromisoformat(later) - datetime.fromisoformat(earlier)).total_seconds() / 3600
