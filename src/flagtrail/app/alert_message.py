"""What an alert says: one change, several in one message, or that it is a test."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from flagtrail import notify
from flagtrail.app.channels import Channel, channel_named
from flagtrail.app.clock import Clock, stamp, uuid7
from flagtrail.app.waiting import Waiting
from flagtrail.changes import diff
from flagtrail.model.actor import SYSTEM
from flagtrail.model.errors import StorageCorrupt
from flagtrail.model.subject import project_subject
from flagtrail.storage import Storage


def alert_message(storage: Storage, alerts: Sequence[Waiting], base_url: str) -> notify.Message | notify.Digest:
    """The message that tells of alerts of one queue: of one as a change, of several as a digest."""
    changes = [_told(storage, alert, base_url) for alert in alerts]
    if len(changes) == 1:
        return changes[0]
    first = alerts[0]
    link = f"{base_url}/changes{_query(first.project)}"
    return notify.digest(changes, project=first.project, subscription=first.subscription, link=link)


def _told(storage: Storage, alert: Waiting, base_url: str) -> notify.Message:
    entry = storage.entry(alert.seq)
    if entry is None:
        raise StorageCorrupt(f"there is no entry {alert.seq}, which an alert is of")
    return notify.message(
        entry,
        words=diff.words(entry.subject, entry.before, entry.after),
        flags=alert.flags,
        link=f"{base_url}/changes/{entry.seq}{_query(alert.project)}",
    )


def _query(project: str) -> str:
    """What leads to the project; the default one is where links lead without."""
    return "" if project == "default" else f"?project={project}"


class Tried(msgspec.Struct, frozen=True):
    """Whether the receiver took a test, and what it said or what failed."""

    delivered: bool
    detail: str


def send_test(channels: Sequence[Channel], name: str, clock: Clock, *, link: str) -> Tried:
    """Make one attempt to send a message that says it is a test, through the channel of that name.

    Raises SettingInvalid for a channel that is not set up.
    """
    channel = channel_named(channels, name)
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
        link=link,
    )
    try:
        with notify.client(private=channel.private) as client:
            taken = notify.load(channel.notifier).send(client, channel.target, test, secret=channel.secret)
    except notify.DeliveryFailed as failure:
        return Tried(delivered=False, detail=str(failure))
    said = f"answered {taken.status}" if taken.status else "took it"
    return Tried(delivered=True, detail=f"{name}: the receiver {said}")
