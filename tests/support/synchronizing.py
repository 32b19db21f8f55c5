"""A synchronizer whose waits are recorded instead of waited for, and what it feeds."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import TypeVar

import msgspec
from tests.support.misbehaving import Misbehaving

from flagtrail.model.sync import RulesetData, RulesetDelta
from flagtrail.sdk.options import Options
from flagtrail.sdk.served import RulesetRefused
from flagtrail.sdk.sync import Synchronizer
from flagtrail.sdk.transport import Transport

TOKEN = "fts_0123456789abcdef"
POLL = 30.0
T = TypeVar("T")


class Recorder:
    """Notes what it is told, in order: (what, id or why). Refuses the rulesets in `refusing`."""

    def __init__(self) -> None:
        self.told: list[tuple[str, str]] = []
        self.refusing: set[str] = set()
        self.held: RulesetData | None = None
        self.on_told: Callable[[str], object] = str
        self._changed = threading.Condition()

    @property
    def id(self) -> str | None:
        return None if self.held is None else self.held.id

    def document(self) -> RulesetData | None:
        return self.held

    def restore(self, data: RulesetData, why: str) -> None:
        self._take("restore", data)
        assert why

    def replace(self, data: RulesetData) -> None:
        self._take("replace", data)

    def apply(self, delta: RulesetDelta) -> None:
        held = self.held
        assert held is not None
        merged = msgspec.structs.replace(
            held,
            id=delta.id,
            flags=_merged(held.flags, delta.flags),
            targetings=_merged(held.targetings, delta.targetings),
            segments=_merged(held.segments, delta.segments),
        )
        self._take("apply", merged)

    def confirmed(self) -> None:
        self._tell("confirmed", self.id or "")

    def unreachable(self, why: str) -> None:
        self._tell("unreachable", why)

    def refused(self, why: str, *, fatal: bool = False) -> None:
        self._tell("fatal" if fatal else "refused", why)

    def all(self, *kinds: str) -> list[str]:
        """What was told of these kinds."""
        return [said for kind, said in list(self.told) if kind in kinds]

    def await_told(self, what: str, count: int = 1) -> None:
        """Wait until it was told so often."""
        with self._changed:
            assert self._changed.wait_for(lambda: len(self.all(what)) >= count, timeout=60.0), self.told

    def _take(self, what: str, data: RulesetData) -> None:
        if data.id in self.refusing:
            raise RulesetRefused(f"{data.id} is refused")
        self.held = data
        self._tell(what, data.id)

    def _tell(self, what: str, said: str) -> None:
        with self._changed:
            self.told.append((what, said))
            self._changed.notify_all()
        self.on_told(what)


def _merged(before: Mapping[str, T], changes: Mapping[str, T | None]) -> dict[str, T]:
    return {key: document for key, document in {**before, **changes}.items() if document is not None}


class Sleeper:
    """Waits for nothing: notes each wait, puts the clock forward, and says after `most` of them that the end came.

    `then` is done at the beginning of a wait, by its number from 0.
    """

    def __init__(self, most: int, then: dict[int, Callable[[], object]] | None = None) -> None:
        self.now = 1000.0
        self.waits: list[float] = []
        self._most = most
        self._then = then or {}

    def clock(self) -> float:
        return self.now

    def __call__(self, seconds: float) -> bool:
        self._then.get(len(self.waits), lambda: None)()
        self.waits.append(round(seconds, 9))
        self.now += seconds
        return len(self.waits) >= self._most


def options(server: Misbehaving, **chosen: object) -> Options:
    given: dict[str, object] = {"url": server.url, "token": TOKEN, "poll_every": POLL}
    return msgspec.convert(given | chosen, Options)


def synchronizer(
    server: Misbehaving, recorder: Recorder, sleeper: Sleeper, *, heartbeat: float = 10.0, **chosen: object
) -> Synchronizer:
    """Its dice always fall in the middle: a back-off waits half of its ceiling, and a poll just as long as it says."""
    settings = options(server, **chosen)
    transport = Transport(settings, heartbeat=heartbeat)
    return Synchronizer(settings, recorder, transport, sleep=sleeper, clock=sleeper.clock, dice=lambda: 0.5)


def run(
    server: Misbehaving,
    waits: int,
    *,
    then: dict[int, Callable[[], object]] | None = None,
    recorder: Recorder | None = None,
    heartbeat: float = 10.0,
    **chosen: object,
) -> tuple[Recorder, list[float]]:
    """Synchronize until so many waits were made; what was told, and the waits."""
    told = recorder or Recorder()
    sleeper = Sleeper(waits, then)
    running = synchronizer(server, told, sleeper, heartbeat=heartbeat, **chosen)
    running.start()
    thread = running._thread
    assert thread is not None
    thread.join(60.0)
    assert not thread.is_alive(), told.told
    return told, sleeper.waits


@contextmanager
def following(server: Misbehaving, recorder: Recorder, **chosen: object) -> Iterator[Synchronizer]:
    """A synchronizer that goes on until the block ends."""
    running = synchronizer(server, recorder, Sleeper(1_000_000), **chosen)  # type: ignore[arg-type]
    running.start()
    try:
        yield running
    finally:
        running.stop()
