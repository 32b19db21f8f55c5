"""What only the database knows of an installation's health: where followers stand, which SDKs went silent."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from concurrent.futures import Future
from datetime import datetime, timedelta

import msgspec

from flagtrail.app import waiting
from flagtrail.app.change import Changes
from flagtrail.app.clock import Clock, stamp
from flagtrail.app.glance import Glance
from flagtrail.storage import Storage

KEEP_SECONDS = 30.0
"""How long the answer holds, however often it is scraped."""
SILENT = timedelta(hours=1)
FORGOTTEN = timedelta(days=7)
"""An application that has not been heard for so long was retired, and is no fault any more."""
_OFREP = frozenset({"ofrep", "ofrep-bulk"})
"""What is counted by this server itself: no SDK that could go silent."""


class Heard(msgspec.Struct, frozen=True):
    """How many SDKs of an environment (with their applications) reported within `SILENT`, and how many did not.

    The `silent` ones were heard within `FORGOTTEN`.
    """

    project: str
    environment: str
    heard: int
    silent: int


class Facts(msgspec.Struct, frozen=True):
    """`places`: the next entry of each follower that has its own place in the ledger.

    By channel: how many alerts wait, and since when (Unix seconds) its receiver fails, where it does.
    """

    places: dict[str, int]
    sdks: tuple[Heard, ...]
    waiting: dict[str, int]
    failing: dict[str, float]


class _Place(msgspec.Struct, frozen=True):
    seq: int


class Metrics:
    """Asks the database now and then. May be called from any thread."""

    def __init__(self, storage: Storage, changes: Changes, clock: Clock, *, channels: Sequence[str] = ()) -> None:
        self._storage = storage
        self._changes = changes
        self._clock = clock
        self._channels = channels
        self._glance = Glance("metrics", self._ask, keep=KEEP_SECONDS)

    def look(self) -> Future[Facts]:
        """What was found of late, or will be. Never blocks."""
        return self._glance.look()

    def _ask(self) -> Facts:
        cells = self._storage.cells("place")
        places = {cell.key: msgspec.json.decode(cell.value, type=_Place).seq for cell in cells}
        heard: list[Heard] = []
        for project in sorted(self._changes.state.projects()):
            heard.extend(self._heard(project))
        waits = {name: len(self._storage.cells(waiting.collection(name))) for name in self._channels}
        failing: dict[str, float] = {}
        for channel, _, trouble in waiting.troubles(self._storage):
            if not trouble.holds_up or channel not in self._channels:
                continue
            since = datetime.fromisoformat(trouble.since).timestamp()
            failing[channel] = min(since, failing.get(channel, since))
        return Facts(places, tuple(heard), waits, failing)

    def _heard(self, project: str) -> list[Heard]:
        now = self._clock()
        silent, forgotten = stamp(now - SILENT), stamp(now - FORGOTTEN)
        counts: Counter[tuple[str, bool]] = Counter()
        for each in self._storage.usage_reporters(project):
            if each.client not in _OFREP and each.last >= forgotten:
                counts[each.environment, each.last >= silent] += 1
        environments = sorted({environment for environment, _ in counts})
        return [Heard(project, each, counts[each, True], counts[each, False]) for each in environments]
