"""How the bus fares, as this process sees it: whether it stands, and whether what others did is heard by it in time."""

from __future__ import annotations

import threading
import time

import msgspec

from flagtrail.app.clock import Clock
from flagtrail.bus import Bus
from flagtrail.model.state import State

LATE_SECONDS = 5.0
"""How long a change that this process found by looking may be untold by the bus."""
LATE_CHANGES = 3
"""How many such changes mean that the bus lags: one alone is what a moment without it leaves behind."""
MAX_UNHEARD = 100


class BusState(msgspec.Struct, frozen=True):
    """`kind` is its plug-in's name. `lagging`: it stands, and this process finds changes by looking that it does not
    hear of. `since` is when it began to be as it is (Unix seconds). `unshared` is since when limits and counts are not
    shared by it: None where they are, or never would be.
    """

    kind: str
    connected: bool
    lagging: bool
    since: float
    unshared: float | None = None


class BusWatch:
    """Watches one bus. May be called from any thread; called with every change, it does next to nothing."""

    def __init__(self, bus: Bus, clock: Clock) -> None:
        self._bus = bus
        self._clock = clock
        self._lock = threading.Lock()
        self._unheard: dict[int, tuple[float, float]] = {}
        """When (by the monotonic clock, and as Unix seconds) sizes were seen that nobody told of, oldest first."""
        self._heard = 0

    def moved(self, state: State) -> None:
        """The ledger has this size, as this process knows by whatever way."""
        with self._lock:
            if state.size > self._heard and len(self._unheard) < MAX_UNHEARD:
                self._unheard.setdefault(state.size, (time.monotonic(), self._clock().timestamp()))

    def made(self, size: int) -> None:
        """This process made the change itself: nobody else would tell it."""
        with self._lock:
            self._unheard.pop(size, None)

    def heard(self, size: int) -> None:
        """Somebody told of this size by the bus."""
        with self._lock:
            self._heard = max(size, self._heard)
            self._unheard = {each: seen for each, seen in self._unheard.items() if each > size}

    def look(self) -> BusState:
        """How it is now."""
        standing = self._bus.standing
        late = time.monotonic() - LATE_SECONDS
        with self._lock:
            since = [told for seen, told in self._unheard.values() if seen <= late and told >= standing.since]
        lagging = standing.connected and self._bus.between_processes and len(since) >= LATE_CHANGES
        unshared = None if self._bus.shared is None else self._bus.shared.failing
        began = since[0] if lagging else standing.since
        return BusState(self._bus.name, standing.connected, lagging, began, unshared)
