"""What an alert says: one change, several in one message, or that it is a test."""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import urlencode

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
    first = alerts[0]
    if first.together:
        return _nudge(first, changes, base_url)
    if len(changes) == 1:
        return changes[0]
    link = f"{base_url}/changes{_query(first.project)}"
    return notify.digest(changes, project=first.project, subscription=first.subscription, link=link)


def _nudge(first: Waiting, changes: Sequence[notify.Message], base_url: str) -> notify.Digest:
    """The week's list of an owner's flags that could go, each told by the entry that moved it to its stage.

    Next week's list may be of the same entries, and is another message: its id is of the day, too.
    """
    day, _, owner = first.together.partition("/")
    flags = "1 flag" if len(changes) == 1 else f"{len(changes)} flags"
    query = urlencode({**({} if first.project == "default" else {"project": first.project}), "owner": owner})
    made = notify.digest(
        changes, project=first.project, subscription=first.subscription, link=f"{base_url}/stale/board?{query}"
    )
    headline = f"{flags} of {owner or 'nobody'} could go in project {first.project}"
    return msgspec.structs.replace(made, id=f"{made.id}-{day}", headline=headline)


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
