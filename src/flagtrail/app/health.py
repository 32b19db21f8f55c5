"""Whether this process can do its work: what it finds when it looks, and what it makes of that."""

from __future__ import annotations

import time
from concurrent.futures import Future
from datetime import UTC, datetime
from typing import Literal, TypeAlias

import msgspec
import structlog

import flagtrail
from flagtrail.app.bus_watch import BusWatch
from flagtrail.app.change import Changes
from flagtrail.app.clock import Clock, stamp
from flagtrail.app.follow import Followers
from flagtrail.app.glance import Glance
from flagtrail.model.errors import FlagtrailError
from flagtrail.storage import Cell, Storage

log = structlog.get_logger()
KEEP_SECONDS = 1.0
"""How long a look at the database holds: it costs a durable write, and anybody may ask."""
BEHIND_SECONDS = 10.0
"""How long what other processes appended may be unknown here; it is looked for every second."""
FAILING_SECONDS = 60.0
"""How long a follower may fail before that is told."""
REFUSED_SECONDS = 10.0
"""How long a change that the database did not take is held against it, while it takes no other."""

Status: TypeAlias = Literal["ok", "degraded", "failing"]


_WORSE: tuple[Status, ...] = ("ok", "degraded", "failing")


class Part(msgspec.Struct, frozen=True):
    """One thing that was looked at, and in words what is wrong with it."""

    status: Status
    detail: str = ""


class Parts(msgspec.Struct, frozen=True):
    """`database`: can be read and written. `head`: what is served is what the ledger says. `followers`: they run.

    `bus`: what other replicas do is heard at once, and not a second later.
    """

    database: Part
    head: Part
    followers: Part
    bus: Part


class Readiness(msgspec.Struct, frozen=True):
    """The worst of all parts: `failing` means that no change can be made, or that old flags are served.

    `size` is the ledger's as this process serves it.
    """

    status: Status
    version: str
    size: int
    parts: Parts


OK = Part("ok")


class Health:
    """Looks at one installation. May be called from any thread."""

    def __init__(self, storage: Storage, changes: Changes, followers: Followers, clock: Clock, bus: BusWatch) -> None:
        self._storage = storage
        self._changes = changes
        self._followers = followers
        self._bus = bus
        self._clock = clock
        self._glance = Glance("health", self._touch, keep=KEEP_SECONDS)
        self._told: Status = "ok"

    def look(self) -> Future[int]:
        """The ledger's size, found by writing to the database and reading from it. Never blocks."""
        return self._glance.look()

    def _touch(self) -> int:
        # Reading alone would not tell a full disk, a lost permission, or a file that was taken away.
        self._storage.put_cell("health", Cell("touched", stamp(self._clock()).encode()))
        return self._storage.head().size

    def judge(self, found: int | Exception) -> Readiness:
        """What to make of what a look found: the size, or what went wrong."""
        parts = Parts(self._database(found), self._head(found), self._following(), self._hearing())
        worst = max((part.status for part in msgspec.structs.astuple(parts)), key=_WORSE.index)
        self._tell(worst, parts, found)
        return Readiness(worst, flagtrail.__version__, self._changes.state.size, parts)

    def _database(self, found: int | Exception) -> Part:
        if isinstance(found, int) and self._changes.meter.failing(REFUSED_SECONDS):
            return Part("failing", "takes no changes")  # on a full disk the little that a look writes may find room
        if isinstance(found, int):
            return OK
        if isinstance(found, TimeoutError):
            return Part("failing", "does not answer")
        code = found.code if isinstance(found, FlagtrailError) else "internal_error"
        return Part("failing", f"cannot be written and read: {code}")

    def _head(self, found: int | Exception) -> Part:
        behind = found - self._changes.state.size if isinstance(found, int) else 0
        pulse = self._followers.pulses().get("catch_up")
        if behind <= 0 or pulse is None or time.monotonic() - pulse.fine < BEHIND_SECONDS:
            return OK
        return Part("failing", f"{behind} entries behind")

    def _following(self) -> Part:
        now = time.monotonic()
        dead, failing = [], []
        for name, pulse in sorted(self._followers.pulses().items()):
            if not pulse.alive:
                dead.append(name)
            elif pulse.failing is not None and now - pulse.failing >= FAILING_SECONDS:
                failing.append(name)
        told = [f"not running: {', '.join(dead)}"] * bool(dead) + [f"failing: {', '.join(failing)}"] * bool(failing)
        return Part("degraded", "; ".join(told)) if told else OK

    def _hearing(self) -> Part:
        """Never failing: what others do is looked for every second, too."""
        bus = self._bus.look()
        if not bus.connected:
            return Part("degraded", f"{bus.kind}: not connected since {_told(bus.since)}")
        if bus.lagging:
            return Part("degraded", f"{bus.kind}: hears nothing of changes since {_told(bus.since)}")
        if bus.unshared is not None:
            return Part("degraded", f"{bus.kind}: limits and counts are not shared since {_told(bus.unshared)}")
        return OK

    def _tell(self, status: Status, parts: Parts, found: int | Exception) -> None:
        """The log hears of it when it changes, and in full: the answer goes to anybody."""
        if status == self._told:
            return
        self._told = status
        why = getattr(found, "detail", "") if isinstance(found, Exception) else ""
        write = log.info if status == "ok" else log.warning
        write("health.changed", status=status, detail=why, parts=msgspec.to_builtins(parts))


def _told(time: float) -> str:
    """A Unix time as it stands in details, to the second."""
    return stamp(datetime.fromtimestamp(time, UTC).replace(microsecond=0))
