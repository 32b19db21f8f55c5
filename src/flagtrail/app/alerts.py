"""Alerts: changes to critical flags reach people, through followers that never forget and never repeat."""

from __future__ import annotations

import random
import time
from collections import Counter

import msgspec
import structlog

from flagtrail import notify
from flagtrail.app import trace
from flagtrail.app.change import CRITICAL_CELLS
from flagtrail.app.clock import Clock, stamp, uuid7
from flagtrail.app.follow import Follower
from flagtrail.app.lease import Lease, LeaseLost, Leases
from flagtrail.app.settings import Settings
from flagtrail.changes import diff
from flagtrail.model.actor import SYSTEM
from flagtrail.model.entry import Entry
from flagtrail.model.errors import SettingInvalid
from flagtrail.model.subject import project_subject
from flagtrail.storage import Cell, Storage, Transaction

log = structlog.get_logger()
BATCH = 200


class Channel(msgspec.Struct, frozen=True):
    """Where alerts go: a notifier, its target and secret, both from the settings and told to nobody."""

    notifier: str
    target: str
    secret: str | None = None
    private: bool = False
    """Whether the target may lie within: on loopback, in a private network."""


class Delivery(msgspec.Struct, frozen=True):
    """What became of one alert: `delivered`, or `dead` with the reason (a permanent refusal by the receiver)."""

    channel: str
    seq: int
    outcome: str
    at: str
    attempts: int
    detail: str = ""


class _Place(msgspec.Struct, frozen=True):
    """Where a channel stands in the ledger: entries below `seq` are done; `attempts` were made at entry `seq`."""

    seq: int
    attempts: int = 0


class AlertFollower:
    """Sends every critical change through one channel, in order, while this replica holds the lease.

    The place is stored after each success, before the next entry is looked at:
    a restart goes on where delivery stopped. While the database is away, what the
    receiver took is remembered here and written down first of all afterwards. Only
    the end of the process between the receiver's answer and that write can repeat
    an alert; its id is then the same, so that a receiver can tell.
    """

    def __init__(self, channel: Channel, storage: Storage, base_url: str, clock: Clock, lease: Lease) -> None:
        self.name = lease.name
        self._channel = channel
        self._storage = storage
        self._base_url = base_url
        self._clock = clock
        self._lease = lease
        self._client = notify.client(private=channel.private)
        self._not_before = 0.0
        self._unsettled: Delivery | None = None
        self.outcomes: Counter[str] = Counter()
        """Attempts of this process by `follow.OUTCOMES`."""

    def step(self) -> float | None:
        """Deliver what is due; the seconds until the next attempt where one failed.

        Called earlier than that (the ledger moved), it waits on: a receiver in
        trouble is not asked again for every change.
        """
        self._write_down()
        place = self._place()
        if not self._lease.held():
            return None
        early = self._not_before - time.monotonic()
        if early > 0:
            return early
        if place.seq >= self._storage.head().size:
            return None
        try:
            return self._catch_up(place)
        except LeaseLost:
            return None

    def _catch_up(self, place: _Place) -> float | None:
        """Settle every entry from the place on; the seconds to wait where one could not be."""
        while entries := self._storage.entries_from(place.seq, BATCH):
            for entry in entries:
                if self._critical_flags(entry):
                    place = self._storage.write(self._confirmed)
                    if place.seq > entry.seq:  # settled meanwhile
                        break
                    wait = self._deliver(entry, place)
                    if wait is not None:
                        self._not_before = time.monotonic() + wait
                        return wait
                place = _Place(entry.seq + 1)
            else:
                self._keep(place)
        return None

    def _confirmed(self, tx: Transaction) -> _Place:
        """The place as it stands, found together with the lease just before an attempt; raises LeaseLost."""
        self._lease.require(tx)
        raw = tx.cell("place", self.name)
        return _Place(0) if raw is None else msgspec.json.decode(raw, type=_Place)

    def _place(self) -> _Place:
        """A channel that was never used begins with what comes next: nobody wants last year's alerts."""

        def begin(tx: Transaction) -> bytes:
            raw = tx.cell("place", self.name)
            if raw is None:
                raw = msgspec.json.encode(_Place(tx.head.size))
                tx.put_cell("place", Cell(self.name, raw))
            return raw

        raw = self._storage.cell("place", self.name) or self._storage.write(begin)
        return msgspec.json.decode(raw, type=_Place)

    def _keep(self, place: _Place) -> None:
        """Store the place, which never goes back; raises LeaseLost where that is another replica's to do."""

        def work(tx: Transaction) -> None:
            if self._confirmed(tx).seq <= place.seq:
                tx.put_cell("place", Cell(self.name, msgspec.json.encode(place)))

        self._storage.write(work)

    def _critical_flags(self, entry: Entry) -> tuple[str, ...]:
        """The critical flags that the entry alters, as they were written down with it."""
        raw = self._storage.cell(CRITICAL_CELLS, f"{entry.seq:019d}")
        return () if raw is None else msgspec.json.decode(raw, type=tuple[str, ...])

    def _deliver(self, entry: Entry, place: _Place) -> float | None:
        """Send one alert; None when that is settled, else the seconds to wait before trying again."""
        attempts = place.attempts + 1 if place.seq == entry.seq else 1
        message = self._message(entry)
        sender = notify.load(self._channel.notifier)
        try:
            with trace.span("alert.deliver", channel=self.name, seq=entry.seq, attempt=attempts):
                sender.send(self._client, self._channel.target, message, secret=self._channel.secret)
        except notify.DeliveryFailed as failure:
            log.warning("alert.failed", channel=self.name, seq=entry.seq, attempts=attempts, detail=str(failure))
            self.outcomes["dead" if failure.permanent else "failed"] += 1
            if not failure.permanent:
                self._keep(_Place(entry.seq, attempts))
                return failure.retry_after or notify.back_off(attempts, random.random())  # noqa: S311 - jitter
            self._settle(entry, "dead", attempts, str(failure))
            return None
        self.outcomes["delivered"] += 1
        self._settle(entry, "delivered", attempts, "")
        return None

    def _settle(self, entry: Entry, outcome: str, attempts: int, detail: str) -> None:
        """Nothing more is to be done about this entry; where the database is away that is written down later."""
        self._unsettled = Delivery(self.name, entry.seq, outcome, stamp(self._clock()), attempts, detail)
        self._write_down()

    def _write_down(self) -> None:
        """Write down what became of an alert and the new place in one transaction, unless somebody else did.

        Without asking for the lease: whoever has taken it meanwhile must not send once more what has arrived.
        """
        delivery = self._unsettled
        if delivery is None:
            return
        place = msgspec.json.encode(_Place(delivery.seq + 1))

        def work(tx: Transaction) -> None:
            raw = tx.cell("place", self.name)
            if raw is not None and msgspec.json.decode(raw, type=_Place).seq > delivery.seq:
                return
            tx.put_cell("place", Cell(self.name, place))
            tx.put_cell("delivery", Cell(f"{self.name}/{delivery.seq:019d}", msgspec.json.encode(delivery)))

        self._storage.write(work)
        self._unsettled = None

    def _message(self, entry: Entry) -> notify.Message:
        return notify.message(
            entry,
            words=diff.words(entry.subject, entry.before, entry.after),
            flags=self._critical_flags(entry),
            link=f"{self._base_url}/changes/{entry.seq}",
        )


def channels(settings: Settings) -> list[Channel]:
    """The channels that the settings name."""
    given = {
        "slack": (settings.slack_webhook, None),
        "webhook": (settings.webhook_url, settings.webhook_secret),
        "teams": (settings.teams_webhook, None),
        "email": (settings.alert_email, settings.smtp_url),
        "pagerduty": (settings.pagerduty_key and settings.pagerduty_url, settings.pagerduty_key),
    }
    return [
        Channel(kind, target, secret, settings.alert_private_targets)
        for kind, (target, secret) in given.items()
        if target
    ]


def alert_followers(storage: Storage, settings: Settings, clock: Clock, leases: Leases) -> list[Follower]:
    """One follower per channel, each with a lease of its own."""
    return [
        AlertFollower(channel, storage, settings.base_url, clock, leases.lease(f"alerts-{channel.notifier}"))
        for channel in channels(settings)
    ]


def deliveries(storage: Storage) -> list[Delivery]:
    """What became of the alerts, newest first."""
    found = [msgspec.json.decode(cell.value, type=Delivery) for cell in storage.cells("delivery")]
    return sorted(found, key=lambda delivery: (delivery.at, delivery.seq), reverse=True)


class Tried(msgspec.Struct, frozen=True):
    """Whether the receiver took a test, and what it said or what failed."""

    delivered: bool
    detail: str


def send_test(settings: Settings, notifier: str, clock: Clock) -> Tried:
    """Make one attempt to send a message that says it is a test.

    Raises SettingInvalid for a notifier that the settings name no target for.
    """
    channel = next((channel for channel in channels(settings) if channel.notifier == notifier), None)
    if channel is None:
        raise SettingInvalid(f"no channel is set up for {notifier!r}", notifier=notifier)
    now = clock()
    test = notify.Message(
        id=uuid7(now),
        seq=0,
        time=stamp(now),
        headline="This is a test of Flagtrail's alerts",
        subject=project_subject("test"),
        flags=(),
        actor=SYSTEM,
        actions=(),
        words=("Nothing was changed.",),
        why="somebody asked for a test message",
        ticket="",
        link=settings.base_url,
    )
    try:
        with notify.client(private=channel.private) as client:
            taken = notify.load(notifier).send(client, channel.target, test, secret=channel.secret)
    except notify.DeliveryFailed as failure:
        return Tried(delivered=False, detail=str(failure))
    return Tried(delivered=True, detail=f"{notifier}: the receiver answered {taken.status}")
