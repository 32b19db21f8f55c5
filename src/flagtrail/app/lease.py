"""Leases: of all replicas one at a time runs each follower. No wall clock is asked: replicas need not agree on one.

A lease is a cell with its holder and a fencing number, which rises each time it changes hands. A holder renews a
counter of its own every second, in one transaction for all its leases. Whoever sees no renewal for
`TAKE_OVER_SECONDS` of its own monotonic clock takes them over; a holder that could not renew stops a little earlier
by its own. Because a process may be stopped between looking and doing, what a follower writes is fenced, too:
`Lease.require` refuses in the very transaction.
"""

from __future__ import annotations

import secrets
import threading
import time
from collections.abc import Callable
from datetime import timedelta

import msgspec
import structlog

from flagtrail.app.clock import Clock
from flagtrail.model.errors import FlagtrailError
from flagtrail.storage import Cell, Storage, Transaction

log = structlog.get_logger()
RENEW_SECONDS = 1.0
TAKE_OVER_SECONDS = 3.0
MARGIN_SECONDS = 0.5
"""How much earlier than that a holder stops by itself."""
LEASES = "lease"
REPLICAS = "replica"
_FORGET = timedelta(days=1)
"""When the counter of a replica that vanished is removed. Being removed is no worse for it than standing still."""
_SHORTEST_WAIT_SECONDS = 0.05


class LeaseLost(Exception):
    """Another replica has taken the lease: nothing may be done in its name any more."""


class _Held(msgspec.Struct, frozen=True):
    """Who holds a lease, nobody where that is empty, and how often it changed hands."""

    holder: str = ""
    fence: int = 0


class _Renewed(msgspec.Struct, frozen=True):
    """How often a replica renewed what it holds."""

    count: int


class _Seen(msgspec.Struct, frozen=True):
    """A counter as this replica first saw it (None where there is none), and when, by its own clock."""

    count: int | None
    at: float


class Lease:
    """The right to run one follower, as this replica sees it."""

    def __init__(self, name: str, leases: Leases) -> None:
        self.name = name
        self._leases = leases

    def held(self) -> bool:
        """Whether this replica may begin something now."""
        return self._leases.fence(self.name) is not None

    def require(self, tx: Transaction) -> None:
        """Raise LeaseLost unless this transaction still finds the lease in this replica's hands."""
        fence = self._leases.fence(self.name)
        if fence is None or _read(tx, self.name) != _Held(self._leases.replica, fence):
            raise LeaseLost(self.name)


class Leases:
    """One replica's leases: takes those that are free, and renews those it holds. `monotonic` is in seconds."""

    def __init__(self, storage: Storage, clock: Clock, *, monotonic: Callable[[], float] = time.monotonic) -> None:
        self.replica = secrets.token_hex(8)
        self._storage = storage
        self._clock = clock
        self._monotonic = monotonic
        self._names: list[str] = []
        self._fences: dict[str, int] = {}
        self._until = 0.0
        self._count = 0
        self._seen: dict[str, _Seen] = {}
        self._tending = threading.Lock()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="leases", daemon=True)
        self._takers: list[Callable[[str], None]] = []

    def lease(self, name: str) -> Lease:
        """The lease of this name, which this replica wants from now on."""
        self._names.append(name)
        return Lease(name, self)

    def on_taken(self, taker: Callable[[str], None]) -> None:
        """Call `taker` with the name of each lease that comes into this replica's hands."""
        self._takers.append(taker)

    def fence(self, name: str) -> int | None:
        """The fencing number under which this replica holds a lease now; None where it does not."""
        return self._fences.get(name) if self._monotonic() < self._until else None

    def start(self) -> None:
        """Begin to take and to renew."""
        self._thread.start()

    def stop(self) -> None:
        """Give back all that is held, so that others need not wait; followers must have stopped before."""
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join(timeout=10)
        with self._tending:
            held, self._fences = self._fences, {}
            if held:
                try:
                    self._storage.write(lambda tx: self._give_back(tx, held))
                except FlagtrailError as error:
                    log.warning("lease.not_given_back", code=error.code, detail=error.detail)

    def tend(self) -> float:
        """Renew what is held, and take what is free; the seconds until that is to be done again.

        Raises what the storage raises: what is held then ends by itself.
        """
        with self._tending:
            begun = self._monotonic()
            fences, self._seen = self._storage.write(self._round)
            taken, lost = fences.keys() - self._fences.keys(), self._fences.keys() - fences.keys()
            self._fences = fences
            self._until = begun + TAKE_OVER_SECONDS - MARGIN_SECONDS
        for name in sorted(lost):
            log.warning("lease.lost", lease=name, replica=self.replica)
        for name in sorted(taken):
            log.info("lease.taken", lease=name, replica=self.replica, fence=fences[name])
            for taker in self._takers:
                taker(name)
        soonest = min((seen.at for seen in self._seen.values()), default=begun) + TAKE_OVER_SECONDS
        return max(_SHORTEST_WAIT_SECONDS, min(RENEW_SECONDS, soonest - self._monotonic()))

    def _round(self, tx: Transaction) -> tuple[dict[str, int], dict[str, _Seen]]:
        """What this replica holds, and whom it waits for, after one look with nobody else writing meanwhile."""
        fences: dict[str, int] = {}
        others: dict[str, _Seen] = {}
        for name in self._names:
            held = _read(tx, name)
            if held.holder not in {"", self.replica}:
                seen = self._look(tx, held.holder)
                if self._monotonic() - seen.at < TAKE_OVER_SECONDS:
                    others[held.holder] = seen
                    continue
            if held.holder != self.replica:
                held = _Held(self.replica, held.fence + 1)
                tx.put_cell(LEASES, Cell(name, msgspec.json.encode(held)))
            fences[name] = held.fence
        if fences:
            self._count += 1
            expires = (self._clock() + _FORGET).timestamp()
            tx.put_cell(REPLICAS, Cell(self.replica, msgspec.json.encode(_Renewed(self._count)), expires))
        return fences, others

    def _look(self, tx: Transaction, holder: str) -> _Seen:
        """When this replica first saw the other one's counter as it is now."""
        raw = tx.cell(REPLICAS, holder)
        count = None if raw is None else msgspec.json.decode(raw, type=_Renewed).count
        seen = self._seen.get(holder)
        return _Seen(count, self._monotonic()) if seen is None or seen.count != count else seen

    def _give_back(self, tx: Transaction, held: dict[str, int]) -> None:
        for name, fence in held.items():
            if _read(tx, name) == _Held(self.replica, fence):
                tx.put_cell(LEASES, Cell(name, msgspec.json.encode(_Held("", fence))))
        tx.delete_cell(REPLICAS, self.replica)

    def _run(self) -> None:
        wait = 0.0
        while not self._stopping.wait(wait):
            try:
                wait = self.tend()
            except FlagtrailError as error:
                log.warning("lease.failed", code=error.code, detail=error.detail)
                wait = RENEW_SECONDS
            except Exception:
                log.exception("lease.broke")
                wait = RENEW_SECONDS


def _read(tx: Transaction, name: str) -> _Held:
    raw = tx.cell(LEASES, name)
    return _Held() if raw is None else msgspec.json.decode(raw, type=_Held)
