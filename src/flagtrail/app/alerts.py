"""Alerts: what subscriptions are for reaches people, through followers that never forget and never repeat."""

from __future__ import annotations

import random
import time
from collections import Counter
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

import msgspec
import structlog

from flagtrail import notify
from flagtrail.app import deliveries, trace, waiting
from flagtrail.app.alert_message import alert_message
from flagtrail.app.channels import Channel
from flagtrail.app.clock import Clock, stamp
from flagtrail.app.deliveries import Delivery, Outcome
from flagtrail.app.follow import HEARTBEAT_SECONDS, Follower
from flagtrail.app.lease import Lease, LeaseLost, Leases
from flagtrail.app.notice import ALERTS, Noted, alert_key
from flagtrail.app.waiting import MOST, Trouble, Waiting
from flagtrail.app.zones import zone_or_utc
from flagtrail.changes.due import due
from flagtrail.model.state import State
from flagtrail.storage import Cell, Storage, Transaction

log = structlog.get_logger()
PLACES = "place"
GIVE_UP = timedelta(hours=72)
"""How long a receiver may fail until its alerts are given up one after the other: longer than a weekend."""
REST_SECONDS = 1.0
"""How often a place is moved past entries that are for nobody."""


class _Place(msgspec.Struct, frozen=True):
    """Where a channel stands in the ledger: what entries below `seq` are for waits, or was settled."""

    seq: int


class _Settled(msgspec.Struct, frozen=True):
    """What became of alerts that went out together, and how the queue fares since."""

    alerts: tuple[Waiting, ...]
    delivery: Delivery
    trouble: Trouble | None


class AlertFollower:
    """Delivers through one channel what subscriptions are for, while this replica holds the lease.

    It reads on from its place what was written down with the entries, and puts what concerns its channel into
    queues, one for each subscription, which are delivered in the order of the ledger. What waits, and what became
    of it, changes in one transaction: a restart goes on where delivery stopped. While the database is away, what the
    receiver took is remembered here and written down first of all afterwards. Only the end of the process between the
    receiver's answer and that write can repeat an alert; its id is then the same, so that a receiver can tell.
    """

    def __init__(
        self, channel: Channel, storage: Storage, state: Callable[[], State], base_url: str, clock: Clock, lease: Lease
    ) -> None:
        self.name = lease.name
        self._channel = channel
        self._storage = storage
        self._state = state
        self._base_url = base_url
        self._clock = clock
        self._lease = lease
        self._client = notify.client(private=channel.private)
        self._not_before: dict[str, float] = {}
        """By queue, and for all of them under the empty name."""
        self._rested = 0.0
        self._unsettled: _Settled | None = None
        self.outcomes: Counter[str] = Counter()
        """Attempts of this process by `follow.OUTCOMES`."""

    def step(self) -> float | None:
        """Deliver what is due; the seconds until more of it can be, at most those of a heartbeat: another replica
        may have had a dead letter sent again.

        A receiver in trouble is not asked again earlier than its time, however often this is called.
        """
        self._write_down()
        place = self._place()
        if not self._lease.held():
            return None
        try:
            self._sort_in(place)
            waits = [self._work_off(front) for front in waiting.queues(self._storage, self._channel.name)]
        except LeaseLost:
            return None
        return min((wait for wait in waits if wait is not None and wait < HEARTBEAT_SECONDS), default=None)

    # From the ledger into the queues

    def _place(self) -> _Place:
        """A channel that was never used begins with what comes next: nobody wants last year's alerts."""

        def begin(tx: Transaction) -> bytes:
            raw = tx.cell(PLACES, self.name)
            if raw is None:
                raw = msgspec.json.encode(_Place(tx.head.size))
                tx.put_cell(PLACES, Cell(self.name, raw))
            return raw

        raw = self._storage.cell(PLACES, self.name) or self._storage.write(begin)
        return msgspec.json.decode(raw, type=_Place)

    def _sort_in(self, place: _Place) -> None:
        """Let what the entries from the place on are for wait in its queues.

        Only as far as this process has heard of changes: the subscription says when an alert is due.
        """
        size = self._state().size
        while place.seq < size:
            known = self._storage.cells(ALERTS, start=alert_key(place.seq), limit=MOST)
            cells = [cell for cell in known if int(cell.key) < size]
            found = [each for cell in cells for each in self._own(cell)]
            after = _Place(int(cells[-1].key) + 1 if len(cells) == MOST else size)
            if not found and len(cells) < MOST and time.monotonic() - self._rested < REST_SECONDS:
                return
            if not self._move(place, after, found):
                return
            place = after

    def _own(self, cell: Cell) -> list[Waiting]:
        """What an entry is for on this channel; subscriptions that want it at one time get it once, for the first."""
        noted = msgspec.json.decode(cell.value, type=Noted)
        found: dict[datetime, Waiting] = {}
        for each in noted.matched:
            if not each.channels or self._channel.name in each.channels:
                alert = Waiting(each.project, each.subscription, int(cell.key), noted.at, each.flags, each.critical)
                first = found.setdefault(self._due(alert), alert)
                flags = tuple(sorted({*first.flags, *alert.flags}))
                found[self._due(alert)] = msgspec.structs.replace(first, flags=flags)
        return list(found.values())

    def _move(self, place: _Place, after: _Place, found: Sequence[Waiting]) -> bool:
        """Move the place and fill the queues, unless it was moved meanwhile; raises LeaseLost."""

        def work(tx: Transaction) -> bool:
            self._lease.require(tx)
            raw = tx.cell(PLACES, self.name)
            if raw is None or msgspec.json.decode(raw, type=_Place) != place:
                return False
            for each in found:
                waiting.put(tx, self._channel.name, each)
            tx.put_cell(PLACES, Cell(self.name, msgspec.json.encode(after)))
            return True

        moved = self._storage.write(work)
        self._rested = time.monotonic()
        return moved

    # From the queues to the receiver

    def _work_off(self, front: Sequence[Waiting]) -> float | None:
        """Deliver what is due of one queue; the seconds until more of it can be."""
        queue, full = front[0].queue, len(front) == MOST
        trouble = waiting.trouble(self._storage, self._channel.name, queue)
        while front:
            early = max(self._not_before.get(name, 0.0) for name in ("", queue)) - time.monotonic()
            if early > 0:
                return early
            now = self._clock()
            ready = self._ready(front, trouble, now)
            if not ready:
                return max((self._due(front[0]) - now).total_seconds(), 0.05)
            wait = self._attempt(ready)
            if wait is not None:
                return wait
            settled = {each.seq for each in ready}
            front, trouble = [each for each in front if each.seq not in settled], None
        return 0.0 if full else None

    def _ready(self, front: Sequence[Waiting], trouble: Trouble | None, now: datetime) -> Sequence[Waiting]:
        """What of the front of a queue goes out as one message now: what had to wait comes together."""
        first = front[0]
        if first.together:
            return [each for each in front if each.together == first.together]
        if trouble is not None and trouble.first == first.seq:
            return [each for each in front if each.seq <= trouble.last]
        if self._early(first, now):
            return []
        if not self._waited(first):
            return front[:1]
        count = 0
        for each in front:
            if each.again != first.again or not self._waited(each) or self._early(each, now):
                break
            count += 1
        return front[:count]

    def _early(self, alert: Waiting, now: datetime) -> bool:
        """Whether its subscription makes it wait still. What comes at once is never early: the clock of the replica
        that made the change may be ahead of this one's by hours.
        """
        due = self._due(alert)
        return due > now and due > datetime.fromisoformat(alert.at)

    def _waited(self, alert: Waiting) -> bool:
        return alert.again is not None or self._due(alert) > datetime.fromisoformat(alert.at)

    def _due(self, alert: Waiting) -> datetime:
        """When an alert is due by its subscription as it is now; at once where that is gone, or disabled since."""
        at = datetime.fromisoformat(alert.at)
        subscription = self._state().subscriptions(alert.project).get(alert.subscription)
        if alert.again is not None or subscription is None or not subscription.enabled:
            return at
        return due(subscription, at, critical=alert.critical, zones=zone_or_utc)

    def _attempt(self, alerts: Sequence[Waiting]) -> float | None:
        """Send one message; None when that is settled, else the seconds to wait before trying again."""
        first = alerts[0]
        waits, before = self._storage.write(lambda tx: self._confirmed(tx, alerts))
        if not waits:  # settled meanwhile
            return None
        repeated = before is not None and before.first == first.seq
        attempts = 1 + (before.attempts if before is not None and repeated else 0)
        message = alert_message(self._storage, alerts, self._base_url)
        sender = notify.load(self._channel.notifier)
        try:
            with trace.span("alert.deliver", channel=self.name, seq=first.seq, attempt=attempts):
                sender.send(self._client, self._channel.target, message, secret=self._channel.secret)
        except notify.DeliveryFailed as failure:
            return self._failed(alerts, before, attempts, failure)
        self.outcomes["delivered"] += 1
        self._settle(alerts, "delivered", attempts, None)
        return None

    def _confirmed(self, tx: Transaction, alerts: Sequence[Waiting]) -> tuple[bool, Trouble | None]:
        """Whether they still wait, and how it went before, found together with the lease; raises LeaseLost."""
        self._lease.require(tx)
        name = self._channel.name
        return waiting.is_waiting(tx, name, alerts), waiting.trouble(tx, name, alerts[0].queue)

    def _failed(
        self, alerts: Sequence[Waiting], before: Trouble | None, attempts: int, failure: notify.DeliveryFailed
    ) -> float | None:
        first, now = alerts[0], self._clock()
        log.warning(
            "alert.failed", channel=self.name, queue=first.queue, seq=first.seq, attempts=attempts, detail=str(failure)
        )
        since = stamp(now) if before is None else before.since
        long_ago = stamp(now - GIVE_UP)
        if failure.permanent or (since <= long_ago and self._since(first) <= long_ago):
            self.outcomes["dead"] += 1
            self._settle(alerts, "dead", attempts, Trouble(since, stamp(now), str(failure)))
            return None
        self.outcomes["failed"] += 1
        trouble = Trouble(since, stamp(now), str(failure), first.seq, alerts[-1].seq, attempts)

        def work(tx: Transaction) -> None:
            if self._confirmed(tx, alerts)[0]:
                waiting.put_trouble(tx, self._channel.name, first.queue, trouble)

        self._storage.write(work)
        wait = failure.retry_after or notify.back_off(attempts, random.random())  # noqa: S311 - jitter
        self._not_before["" if failure.retry_after else first.queue] = time.monotonic() + wait
        return wait

    def _since(self, alert: Waiting) -> str:
        return stamp(self._due(alert))

    def _settle(self, alerts: Sequence[Waiting], outcome: Outcome, attempts: int, trouble: Trouble | None) -> None:
        """Nothing more is to be done about these; where the database is away that is written down later."""
        first = alerts[0]
        delivery = Delivery(
            number=0,
            channel=self._channel.name,
            project=first.project,
            subscription=first.subscription,
            seqs=tuple(each.seq for each in alerts),
            outcome=outcome,
            at=stamp(self._clock()),
            attempts=attempts,
            detail="" if trouble is None else trouble.detail,
            again=first.again,
        )
        self._unsettled = _Settled(tuple(alerts), delivery, trouble)
        self._write_down()

    def _write_down(self) -> None:
        """Write down what became of alerts and let them wait no more, in one transaction, unless somebody else did.

        Without asking for the lease: whoever has taken it meanwhile must not send once more what has arrived.
        """
        settled, name = self._unsettled, self._channel.name
        if settled is None:
            return

        def work(tx: Transaction) -> None:
            if waiting.is_waiting(tx, name, settled.alerts):
                waiting.take(tx, name, settled.alerts)
                waiting.put_trouble(tx, name, settled.alerts[0].queue, settled.trouble)
                deliveries.record(tx, settled.delivery)

        self._storage.write(work)
        self._unsettled = None


def alert_followers(
    channels: Sequence[Channel],
    storage: Storage,
    state: Callable[[], State],
    *,
    base_url: str,
    clock: Clock,
    leases: Leases,
) -> list[Follower]:
    """One follower per channel, each with a lease of its own."""
    return [
        AlertFollower(channel, storage, state, base_url, clock, leases.lease(f"alerts-{channel.name}"))
        for channel in channels
    ]
