"""The delivery log: what became of alerts, for a while; and sending again what was given up."""

from __future__ import annotations

from datetime import datetime, timedelta
from itertools import islice
from typing import Literal

import msgspec

from flagtrail.app import waiting
from flagtrail.app.clock import Clock, stamp
from flagtrail.app.notice import noted
from flagtrail.app.waiting import Waiting
from flagtrail.model.actor import Actor
from flagtrail.model.errors import NotFound, NotResendable
from flagtrail.storage import Cell, Storage, Transaction

DELIVERIES = "delivery"
KEEP = timedelta(days=90)
MOST = 10_000
"""The newest so many are kept, and none for longer than `KEEP`."""
PAGE = 50
_COUNTER = ("counter", "delivery")

Outcome = Literal["delivered", "dead"]


class Resent(msgspec.Struct, frozen=True):
    """Who had a dead letter sent again, and when."""

    by: str
    name: str
    at: str


class Delivery(msgspec.Struct, frozen=True, kw_only=True):
    """What became of one message: `delivered`, or `dead` with the reason.

    `seqs` are the entries that it tells of, `seq` the first of them. `again` is the delivery that it repeats;
    `resent` says that it was repeated itself.
    """

    number: int
    channel: str
    project: str
    subscription: str
    seqs: tuple[int, ...]
    outcome: Outcome
    at: str
    attempts: int
    detail: str = ""
    again: int | None = None
    resent: Resent | None = None
    seq: int = -1


class DeliveryQuery(msgspec.Struct, frozen=True, kw_only=True):
    """Which deliveries to list, newest first: those below the number `before`, at most `limit`."""

    project: str | None = None
    channel: str | None = None
    subscription: str | None = None
    outcome: Outcome | None = None
    seq: int | None = None
    before: int | None = None
    limit: int = PAGE


class DeliveryPage(msgspec.Struct, frozen=True):
    """Deliveries, newest first; `next` is the cursor of the page after, None on the last."""

    items: list[Delivery]
    next: int | None


def record(tx: Transaction, delivery: Delivery) -> None:
    """Write a delivery down under the next number."""
    raw = tx.cell(*_COUNTER)
    number = 1 + (0 if raw is None else int(raw))
    tx.put_cell(_COUNTER[0], Cell(_COUNTER[1], str(number).encode()))
    _put(tx, msgspec.structs.replace(delivery, number=number, seq=delivery.seqs[0]))


def deliveries(storage: Storage, query: DeliveryQuery | None = None) -> DeliveryPage:
    """A page of the delivery log."""
    asked = query or DeliveryQuery()
    found = (_read(cell.value) for cell in reversed(storage.cells(DELIVERIES)))
    wanted = list(islice((each for each in found if _is_wanted(each, asked)), asked.limit + 1))
    more = len(wanted) > asked.limit
    return DeliveryPage(wanted[: asked.limit], wanted[asked.limit - 1].number if more else None)


def resend(storage: Storage, number: int, actor: Actor, clock: Clock, *, project: str | None = None) -> Delivery:
    """Let a dead letter wait for its channel again, and write down who wanted it; it is then delivered like any other.

    Raises NotFound where there is none (in the project), NotResendable where it was delivered, or sent again before.
    """
    by = Resent(actor.id, actor.name or actor.email, stamp(clock()))

    def work(tx: Transaction) -> Delivery:
        raw = tx.cell(DELIVERIES, _key(number))
        found = None if raw is None else _read(raw)
        if found is None or project not in {None, found.project}:
            raise NotFound(f"there is no delivery {number}", kind="delivery", key=str(number))
        if found.outcome != "dead":
            raise NotResendable(f"delivery {number} arrived: only what was given up is sent again", number=number)
        if found.resent is not None:
            raise NotResendable(f"delivery {number} was sent again at {found.resent.at}", number=number)
        for seq in found.seqs:
            waiting.put(tx, found.channel, _again(tx, found, seq))
        # A new try has all the time that a new alert has.
        waiting.put_trouble(tx, found.channel, f"{found.project}/{found.subscription}", None)
        sent = msgspec.structs.replace(found, resent=by)
        _put(tx, sent)
        return sent

    return storage.write(work)


def trim(storage: Storage) -> int:
    """Forget the oldest deliveries beyond `MOST`; how many went. Age is the cells' own matter."""
    cells = storage.cells(DELIVERIES)
    gone = cells[: max(0, len(cells) - MOST)]

    def work(tx: Transaction) -> None:
        for cell in gone:
            tx.delete_cell(DELIVERIES, cell.key)

    if gone:
        storage.write(work)
    return len(gone)


def _again(tx: Transaction, delivery: Delivery, seq: int) -> Waiting:
    """The alert as it was written down with its entry."""
    found = noted(tx, seq)
    own = [
        each
        for each in (() if found is None else found.matched)
        if (each.project, each.subscription) == (delivery.project, delivery.subscription)
    ]
    return Waiting(
        delivery.project,
        delivery.subscription,
        seq,
        delivery.at if found is None else found.at,
        flags=own[0].flags if own else (),
        critical=bool(own) and own[0].critical,
        again=delivery.number,
    )


def _is_wanted(delivery: Delivery, query: DeliveryQuery) -> bool:
    asked = (
        (query.project, delivery.project),
        (query.channel, delivery.channel),
        (query.subscription, delivery.subscription),
        (query.outcome, delivery.outcome),
    )
    if any(wanted is not None and wanted != found for wanted, found in asked):
        return False
    if query.seq is not None and query.seq not in delivery.seqs:
        return False
    return query.before is None or delivery.number < query.before


def _read(raw: bytes) -> Delivery:
    return msgspec.json.decode(raw, type=Delivery)


def _put(tx: Transaction, delivery: Delivery) -> None:
    expires = (datetime.fromisoformat(delivery.at) + KEEP).timestamp()
    tx.put_cell(DELIVERIES, Cell(_key(delivery.number), msgspec.json.encode(delivery), expires))


def _key(number: int) -> str:
    return f"{number:019d}"
