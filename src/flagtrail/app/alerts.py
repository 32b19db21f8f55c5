"""Alerts: changes to critical flags reach people, through followers that never forget and never repeat."""

from __future__ import annotations

import random
import time
from collections.abc import Callable

import httpx2
import msgspec
import structlog

from flagtrail import notify
from flagtrail.app.clock import Clock, stamp, uuid7
from flagtrail.app.follow import Follower
from flagtrail.app.settings import Settings
from flagtrail.changes import diff
from flagtrail.changes.touches import touches
from flagtrail.model.actor import SYSTEM
from flagtrail.model.entry import Entry
from flagtrail.model.errors import SettingInvalid
from flagtrail.model.state import State
from flagtrail.model.subject import project_subject
from flagtrail.storage import Cell, Storage, Transaction

log = structlog.get_logger()
BATCH = 200
CRITICAL = "critical"


class Channel(msgspec.Struct, frozen=True):
    """Where alerts go: a notifier, its target and secret, both from the settings and told to nobody."""

    notifier: str
    target: str
    secret: str | None = None


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
    """Sends every critical change through one channel, in order.

    The place is stored after each success, before the next entry is looked at:
    a restart goes on where delivery stopped. Only a crash between the
    receiver's answer and that write can repeat an alert; its id is then the
    same, so that a receiver can tell.
    """

    def __init__(
        self, channel: Channel, storage: Storage, state: Callable[[], State], base_url: str, clock: Clock
    ) -> None:
        self.name = f"alerts-{channel.notifier}"
        self._channel = channel
        self._storage = storage
        self._state = state
        self._base_url = base_url
        self._clock = clock
        self._client = httpx2.Client(timeout=5.0, follow_redirects=False)
        self._not_before = 0.0

    def step(self) -> float | None:
        """Deliver what is due; the seconds until the next attempt where one failed.

        Called earlier than that (the ledger moved), it waits on: a receiver in
        trouble is not asked again for every change.
        """
        early = self._not_before - time.monotonic()
        if early > 0:
            return early
        place = self._place()
        while entries := self._storage.entries_from(place.seq, BATCH):
            for entry in entries:
                if self._critical(entry):
                    wait = self._deliver(entry, place)
                    if wait is not None:
                        self._not_before = time.monotonic() + wait
                        return wait
                place = _Place(entry.seq + 1)
            self._keep(place)
        return None

    def _place(self) -> _Place:
        """A channel that was never used begins with what comes next: nobody wants last year's alerts."""
        raw = self._storage.cell("place", self.name)
        if raw is not None:
            return msgspec.json.decode(raw, type=_Place)
        place = _Place(self._storage.head().size)
        self._keep(place)
        return place

    def _keep(self, place: _Place) -> None:
        self._storage.put_cell("place", Cell(self.name, msgspec.json.encode(place)))

    def _critical(self, entry: Entry) -> bool:
        """Whether the flag is tagged critical, before or after; imported history alarms nobody."""
        subject = entry.subject
        if entry.occurred_at is not None or subject.kind not in {"flag", "targeting", "segment"}:
            return False
        return bool(self._critical_flags(entry))

    def _critical_flags(self, entry: Entry) -> list[str]:
        """The critical flags that the entry alters; a segment's are those that depend on it."""
        subject, state = entry.subject, self._state()
        if subject.kind == "flag":
            tags = {tag for side in (entry.before, entry.after) if side for tag in side.get("tags", ())}
            return [subject.name] if CRITICAL in tags else []
        project = subject.project or ""
        touched = [touch.flag for touch in touches(state, subject)]
        flags = [subject.flag, *touched] if subject.flag else touched
        known = {key: state.flag(project, key) for key in flags}
        return sorted(key for key, flag in known.items() if flag is not None and CRITICAL in flag.tags)

    def _deliver(self, entry: Entry, place: _Place) -> float | None:
        """Send one alert; None when that is settled, else the seconds to wait before trying again."""
        attempts = place.attempts + 1 if place.seq == entry.seq else 1
        message = self._message(entry)
        sender = notify.load(self._channel.notifier)
        try:
            sender.send(self._client, self._channel.target, message, secret=self._channel.secret)
        except notify.DeliveryFailed as failure:
            log.warning("alert.failed", channel=self.name, seq=entry.seq, attempts=attempts, detail=str(failure))
            if not failure.permanent:
                self._keep(_Place(entry.seq, attempts))
                return failure.retry_after or notify.back_off(attempts, random.random())  # noqa: S311 - jitter
            self._settle(entry, "dead", attempts, str(failure))
            return None
        self._settle(entry, "delivered", attempts, "")
        return None

    def _settle(self, entry: Entry, outcome: str, attempts: int, detail: str) -> None:
        """Write down the outcome and the new place in one transaction."""
        delivery = Delivery(self.name, entry.seq, outcome, stamp(self._clock()), attempts, detail)
        place = msgspec.json.encode(_Place(entry.seq + 1))

        def work(tx: Transaction) -> None:
            tx.put_cell("place", Cell(self.name, place))
            tx.put_cell("delivery", Cell(f"{self.name}/{entry.seq:019d}", msgspec.json.encode(delivery)))

        self._storage.write(work)

    def _message(self, entry: Entry) -> notify.Message:
        return notify.message(
            entry,
            words=diff.words(entry.subject, entry.before, entry.after),
            flags=tuple(self._critical_flags(entry)),
            link=f"{self._base_url}/changes/{entry.seq}",
        )


def channels(settings: Settings) -> list[Channel]:
    """The channels that the settings name."""
    found = []
    if settings.slack_webhook:
        found.append(Channel("slack", settings.slack_webhook))
    if settings.webhook_url:
        found.append(Channel("webhook", settings.webhook_url, settings.webhook_secret))
    return found


def alert_followers(storage: Storage, state: Callable[[], State], settings: Settings, clock: Clock) -> list[Follower]:
    """One follower per channel."""
    return [AlertFollower(channel, storage, state, settings.base_url, clock) for channel in channels(settings)]


def deliveries(storage: Storage) -> list[Delivery]:
    """What became of the alerts, newest first."""
    found = [msgspec.json.decode(cell.value, type=Delivery) for cell in storage.cells("delivery")]
    return sorted(found, key=lambda delivery: (delivery.at, delivery.seq), reverse=True)


def send_test(settings: Settings, notifier: str, clock: Clock) -> str:
    """Make one attempt to send a message that says it is a test; empty where the receiver took it, else what failed.

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
        with httpx2.Client(timeout=5.0, follow_redirects=False) as client:
            notify.load(notifier).send(client, channel.target, test, secret=channel.secret)
    except notify.DeliveryFailed as failure:
        return str(failure)
    return ""
