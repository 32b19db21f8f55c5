"""What waits to be delivered: per channel and subscription a queue in the order of the ledger, as cells."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime

import msgspec

from flagtrail.app.notice import KEEP
from flagtrail.storage import Cell, Storage, Transaction

TROUBLES = "trouble"
MOST = 200
"""How many alerts of one queue are looked at together, and come in one digest at most."""


NUDGES = "stale flags"
"""The queue of nudges, in place of a subscription's key: no key has a space."""


class Waiting(msgspec.Struct, frozen=True):
    """An alert on its way: of the entry `seq`, made at `at`, to one subscription.

    Those with the same text in `together` come as one digest: of a nudge, the day and the owner.
    `again` is the number of the delivery that it repeats, where somebody had a dead letter sent again.
    """

    project: str
    subscription: str
    seq: int
    at: str
    flags: tuple[str, ...] = ()
    critical: bool = False
    again: int | None = None
    together: str = ""

    @property
    def queue(self) -> str:
        """Whose order it keeps."""
        return f"{self.project}/{self.subscription}"

    @property
    def key(self) -> str:
        """The key of its cell: within a queue keys sort as the entries do."""
        return f"{self.queue}/{self.seq:019d}"


class Trouble(msgspec.Struct, frozen=True):
    """How delivering fails: since when without a success, the last attempt, and of what: the entries `first` to `last`.

    A digest whose attempt failed is repeated as it was, so that a receiver can tell. `first` is -1 between two alerts.
    """

    since: str
    at: str
    detail: str
    first: int = -1
    last: int = -1
    attempts: int = 0

    @property
    def holds_up(self) -> bool:
        """Whether an alert waits because of it."""
        return self.first >= 0


def collection(channel: str) -> str:
    """The collection of what waits for a channel."""
    return f"waiting/{channel}"


def put(tx: Transaction, channel: str, waiting: Waiting) -> None:
    """Let an alert wait; where nobody runs its channel any more it is forgotten in the end."""
    expires = (datetime.fromisoformat(waiting.at) + KEEP).timestamp()
    tx.put_cell(collection(channel), Cell(waiting.key, msgspec.json.encode(waiting), expires))


def is_waiting(tx: Transaction, channel: str, waiting: Sequence[Waiting]) -> bool:
    """Whether all of them still wait: nobody has settled them meanwhile."""
    return all(tx.cell(collection(channel), each.key) is not None for each in waiting)


def take(tx: Transaction, channel: str, waiting: Sequence[Waiting]) -> None:
    """Let them wait no more."""
    for each in waiting:
        tx.delete_cell(collection(channel), each.key)


def queues(storage: Storage, channel: str) -> Iterator[list[Waiting]]:
    """The front of each queue of a channel: at most `MOST` alerts, in order."""
    start = ""
    while cells := storage.cells(collection(channel), start=start, limit=MOST):
        found = [msgspec.json.decode(cell.value, type=Waiting) for cell in cells]
        front = [each for each in found if each.queue == found[0].queue]
        yield front
        start = f"{found[0].queue}/~"  # after every number


def of_project(storage: Storage, channel: str, project: str) -> list[Waiting]:
    """All that waits for a channel of a project's subscriptions."""
    cells = storage.cells(collection(channel))
    return [msgspec.json.decode(cell.value, type=Waiting) for cell in cells if cell.key.startswith(f"{project}/")]


def trouble(place: Storage | Transaction, channel: str, queue: str) -> Trouble | None:
    """How delivering to a queue of a channel fails; None where it does not."""
    raw = place.cell(TROUBLES, f"{channel}/{queue}")
    return None if raw is None else msgspec.json.decode(raw, type=Trouble)


def troubles(storage: Storage) -> Iterator[tuple[str, str, Trouble]]:
    """Channel and project of each queue to which delivering fails, and how."""
    for cell in storage.cells(TROUBLES):
        channel, project, _ = cell.key.split("/")
        yield channel, project, msgspec.json.decode(cell.value, type=Trouble)


def put_trouble(tx: Transaction, channel: str, queue: str, trouble: Trouble | None) -> None:
    """Write down how delivering fails, or that it does not any more."""
    key = f"{channel}/{queue}"
    if trouble is None:
        tx.delete_cell(TROUBLES, key)
    else:
        tx.put_cell(TROUBLES, Cell(key, msgspec.json.encode(trouble)))
