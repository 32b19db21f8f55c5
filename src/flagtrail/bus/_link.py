"""What buses over a network have in common: a thread that tells and a thread that listens, each trying for ever."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable
from typing import Protocol

import structlog

from flagtrail.bus import Heard, Shared, Standing

log = structlog.get_logger()
FIRST_WAIT_SECONDS = 0.1
LONGEST_WAIT_SECONDS = 5.0
CLOSE_SECONDS = 1.0
HUNG_SECONDS = 3.0
"""How long telling may take until the other side counts as lost: it may hang, and keep its connections open."""
LOOK_UP_SECONDS = 0.2
"""How often a listener that hears nothing looks whether it is to stop."""


class Wire(Protocol):
    """One kind of network bus. Both calls raise whatever went wrong, and are then called again."""

    @property
    def name(self) -> str:
        """What it is called in logs."""

    def send(self, size: int) -> None:
        """Tell one size; makes the connection where there is none."""

    def hear(self, heard: Heard, reached: Callable[[], None], stopping: threading.Event) -> None:
        """Connect, call `reached`, and then `heard` for each size that is told, until stopping is set.

        Looks at `stopping` every `LOOK_UP_SECONDS`.
        """

    def close(self) -> None:
        """Close the connection that tells."""


def wait_after(failures: int, dice: float) -> float:
    """Seconds to wait after so many failures in a row: doubling from 0.1 s to 5 s, half of it at random.

    >>> [wait_after(failures, 0.0) for failures in (1, 2, 99)]
    [0.05, 0.1, 2.5]
    """
    ceiling = min(LONGEST_WAIT_SECONDS, FIRST_WAIT_SECONDS * (1 << min(failures - 1, 30)))
    return ceiling * (1 + dice) / 2


def _hung(since: float) -> bool:
    return time.time() - since > HUNG_SECONDS


class LinkedBus:
    """See `flagtrail.bus.Bus`: over a wire."""

    between_processes = True

    def __init__(self, wire: Wire, shared: Shared | None = None) -> None:
        self.name = wire.name
        self.shared = shared
        self._broken = {"listen": time.time()}
        """Since when what does not work."""
        self._mended = time.time()
        self._sending: float | None = None
        self._wire = wire
        self._stopping = threading.Event()
        self._told = threading.Condition()
        self._waiting: int | None = None
        self._telling: threading.Thread | None = None
        self._listening: threading.Thread | None = None

    @property
    def standing(self) -> Standing:
        """That it can tell is known by trying alone, so only of one that has told something."""
        broken, sending = list(self._broken.values()), self._sending
        if sending is not None and _hung(sending):
            broken.append(sending)
        return Standing(connected=not broken, since=min(broken, default=self._mended))

    def publish(self, size: int) -> None:
        """Leave the size to the thread that tells."""
        with self._told:
            if self._stopping.is_set():
                return
            self._waiting = size if self._waiting is None else max(size, self._waiting)
            if self._telling is None:
                self._telling = self._started(self._tell, "tell")
            self._told.notify_all()

    def listen(self, heard: Heard) -> None:
        """Start the thread that listens."""
        self._listening = self._started(lambda: self._listen(heard), "listen")

    def close(self) -> None:
        """Stop both threads. One that hangs in a call is left behind: it is a daemon, and ends with that call."""
        with self._told:
            self._stopping.set()
            self._told.notify_all()
        threads = [thread for thread in (self._telling, self._listening) if thread is not None]
        for thread in threads:
            thread.join(CLOSE_SECONDS / len(threads))
        if self.shared is not None:
            self.shared.close()

    def _started(self, work: Callable[[], None], what: str) -> threading.Thread:
        thread = threading.Thread(target=work, name=f"bus-{self._wire.name}-{what}", daemon=True)
        thread.start()
        return thread

    def _tell(self) -> None:
        failures = 0
        while (size := self._next()) is not None:
            began = self._sending = time.time()
            try:
                self._wire.send(size)
            except Exception as error:  # noqa: BLE001 - whatever it is, the next try may work, and nobody else would make it
                failures += 1
                self._lost("tell", failures, error)
                self._put_back(size)
                if self._stopping.wait(wait_after(failures, random.random())):  # noqa: S311 - jitter
                    break
            else:
                failures = 0
                self._works("tell", late=_hung(began))
            finally:
                self._sending = None
        self._wire.close()

    def _next(self) -> int | None:
        """The size to tell; waits for one. None when stopping and all is told."""
        with self._told:
            while self._waiting is None and not self._stopping.is_set():
                self._told.wait()
            size, self._waiting = self._waiting, None
            return size

    def _put_back(self, size: int) -> None:
        """A size that could not be told waits on, unless a larger one does."""
        with self._told:
            self._waiting = size if self._waiting is None else max(size, self._waiting)

    def _listen(self, heard: Heard) -> None:
        failures = 0

        def reached() -> None:
            nonlocal failures
            if failures:
                log.info("bus.found", bus=self._wire.name)
            failures = 0
            self._works("listen")

        while not self._stopping.is_set():
            try:
                self._wire.hear(heard, reached, self._stopping)
            except Exception as error:  # noqa: BLE001 - see _tell
                failures += 1
                self._lost("listen", failures, error)
                self._stopping.wait(wait_after(failures, random.random()))  # noqa: S311 - jitter

    def _works(self, what: str, *, late: bool = False) -> None:
        """Remember that it does, and since when, where it did not or only `late`."""
        if self._broken.pop(what, None) is not None or late:
            self._mended = time.time()

    def _lost(self, what: str, failures: int, error: Exception) -> None:
        """Say once, and not at every further try, that the other side is gone."""
        self._broken.setdefault(what, time.time())
        if failures == 1 and not self._stopping.is_set():
            log.warning("bus.lost", bus=self._wire.name, what=what, error=type(error).__name__)
