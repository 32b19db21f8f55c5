"""Followers: what happens after a change is durable. Each has its own place, and may be late but never forgets."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable
from typing import Protocol, runtime_checkable

import msgspec
import structlog

from flagtrail.app.lease import Lease
from flagtrail.model.errors import FlagtrailError

log = structlog.get_logger()
HEARTBEAT_SECONDS = 1.0
OUTCOMES = ("delivered", "failed", "dead")
"""Of an attempt to deliver: `failed` ones are repeated, `dead` ones given up."""


class Follower(Protocol):
    """One task that follows the ledger or the clock."""

    @property
    def name(self) -> str:
        """What it is called in logs and in its place's cell."""

    def step(self) -> float | None:
        """Do what is due; seconds until it wants to be called even if nothing moves, or None for the heartbeat."""


class Periodic:
    """A follower of the clock alone: calls `task` every `seconds`, however often the ledger moves.

    With a lease only its holder does; the others call `otherwise`, if that is given, at every heartbeat.
    """

    def __init__(
        self,
        name: str,
        task: Callable[[], object],
        seconds: float,
        *,
        lease: Lease | None = None,
        otherwise: Callable[[], object] | None = None,
    ) -> None:
        self.name = name
        self._task = task
        self._seconds = seconds
        self._lease = lease
        self._otherwise = otherwise

    def step(self) -> float | None:
        """Call the task."""
        if self._lease is None or self._lease.held():
            self._task()
            return self._seconds
        if self._otherwise is not None:
            self._otherwise()
        return None


@runtime_checkable
class Delivering(Protocol):
    """A follower that sends something to somebody."""

    @property
    def outcomes(self) -> Counter[str]:
        """Attempts of this process, by `OUTCOMES`."""


class Pulse(msgspec.Struct, frozen=True):
    """How a follower fares: steps that failed since the start, and when the newest one that did not (at first: the
    start) was, in Unix seconds.

    By the monotonic clock, which nobody sets: when that was, and since when every step has failed.
    """

    succeeded: float
    fine: float
    failures: int = 0
    failing: float | None = None
    alive: bool = True


class Followers:
    """Runs each follower in a thread of its own; a failing one is logged and called again later."""

    def __init__(self, followers: list[Follower]) -> None:
        self._wakers = {follower.name: threading.Event() for follower in followers}
        self._following = [self._wakers[each.name] for each in followers if not isinstance(each, Periodic)]
        self._delivering = {each.name: each for each in followers if isinstance(each, Delivering)}
        self._stopping = threading.Event()
        self._pulses = {follower.name: Pulse(time.time(), time.monotonic()) for follower in followers}
        self._threads = {
            follower.name: threading.Thread(
                target=self._run, args=(follower,), name=f"follow-{follower.name}", daemon=True
            )
            for follower in followers
        }

    def start(self) -> None:
        """Start following."""
        for thread in self._threads.values():
            thread.start()

    def moved(self, _state: object = None) -> None:
        """The ledger moved: wake whoever follows it."""
        for waker in self._following:
            waker.set()

    def wake(self, name: str) -> None:
        """Call one follower now, whatever it waits for."""
        self._wakers[name].set()

    def stop(self) -> None:
        """Stop; a step under way is finished first (at most ten seconds are waited)."""
        self._stopping.set()
        for waker in self._wakers.values():
            waker.set()
        for thread in self._threads.values():
            if thread.is_alive():
                thread.join(timeout=10)

    def pulses(self) -> dict[str, Pulse]:
        """How each follower fares, by name; one that was never started is not alive."""
        alive = {name: thread.is_alive() for name, thread in self._threads.items()}
        return {name: msgspec.structs.replace(pulse, alive=alive[name]) for name, pulse in self._pulses.items()}

    def outcomes(self) -> dict[str, dict[str, int]]:
        """What became of attempts to deliver, by follower."""
        return {name: dict(each.outcomes) for name, each in self._delivering.items()}

    def _beat(self, name: str, *, failed: bool) -> None:
        """Remember how a step ended; each follower's pulse is written by its own thread alone."""
        now, before = time.monotonic(), self._pulses[name]
        if failed:
            self._pulses[name] = Pulse(before.succeeded, before.fine, before.failures + 1, before.failing or now)
        else:
            self._pulses[name] = Pulse(time.time(), now, before.failures)

    def _run(self, follower: Follower) -> None:
        waker = self._wakers[follower.name]
        while not self._stopping.is_set():
            waker.clear()
            failed = True
            try:
                wait = follower.step()
                failed = False
            except FlagtrailError as error:
                log.warning("follower.failed", follower=follower.name, code=error.code, detail=error.detail)
                wait = HEARTBEAT_SECONDS
            except Exception:
                log.exception("follower.broke", follower=follower.name)
                wait = HEARTBEAT_SECONDS
            self._beat(follower.name, failed=failed)
            waker.wait(HEARTBEAT_SECONDS if wait is None else wait)
