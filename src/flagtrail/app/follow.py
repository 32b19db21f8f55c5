"""Followers: what happens after a change is durable. Each has its own place, and may be late but never forgets."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Protocol

import structlog

from flagtrail.model.errors import FlagtrailError

log = structlog.get_logger()
HEARTBEAT_SECONDS = 1.0


class Follower(Protocol):
    """One task that follows the ledger or the clock."""

    @property
    def name(self) -> str:
        """What it is called in logs and in its place's cell."""

    def step(self) -> float | None:
        """Do what is due; seconds until it wants to be called even if nothing moves, or None for the heartbeat."""


class Periodic:
    """A follower of the clock alone: calls `task` every `seconds`, however often the ledger moves."""

    def __init__(self, name: str, task: Callable[[], object], seconds: float) -> None:
        self.name = name
        self._task = task
        self._seconds = seconds

    def step(self) -> float | None:
        """Call the task."""
        self._task()
        return self._seconds


class Followers:
    """Runs each follower in a thread of its own; a failing one is logged and called again later."""

    def __init__(self, followers: list[Follower]) -> None:
        self._wakers = {follower.name: threading.Event() for follower in followers}
        self._following = [self._wakers[each.name] for each in followers if not isinstance(each, Periodic)]
        self._stopping = threading.Event()
        self._threads = [
            threading.Thread(target=self._run, args=(follower,), name=f"follow-{follower.name}", daemon=True)
            for follower in followers
        ]

    def start(self) -> None:
        """Start following."""
        for thread in self._threads:
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
        for thread in self._threads:
            if thread.is_alive():
                thread.join(timeout=10)

    def _run(self, follower: Follower) -> None:
        waker = self._wakers[follower.name]
        while not self._stopping.is_set():
            waker.clear()
            try:
                wait = follower.step()
            except FlagtrailError as error:
                log.warning("follower.failed", follower=follower.name, code=error.code, detail=error.detail)
                wait = HEARTBEAT_SECONDS
            except Exception:
                log.exception("follower.broke", follower=follower.name)
                wait = HEARTBEAT_SECONDS
            waker.wait(HEARTBEAT_SECONDS if wait is None else wait)
