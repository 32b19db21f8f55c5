"""How channels fare: what waits for each, since when its receiver fails, when it last took something."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

import msgspec

from flagtrail.app import waiting
from flagtrail.app.channels import Channel
from flagtrail.app.deliveries import DELIVERIES, Delivery
from flagtrail.app.waiting import Trouble
from flagtrail.model.state import State
from flagtrail.storage import Storage


class ChannelHealth(msgspec.Struct, frozen=True, kw_only=True):
    """A channel as a project sees it: its name and notifier, never its target.

    `set_up` is false where a subscription names it and this server's settings do not. `waiting` counts the project's
    alerts that are not settled. `failing` is since when attempts fail, where an alert waits because of it or nothing
    arrived since, with what the newest said (`detail`). `delivered` is when the project's newest alert arrived, as far
    as the delivery log reaches.
    """

    name: str
    notifier: str = ""
    set_up: bool = True
    waiting: int = 0
    failing: str | None = None
    detail: str = ""
    delivered: str | None = None


def channel_health(channels: Sequence[Channel], storage: Storage, state: State, project: str) -> list[ChannelHealth]:
    """Every channel that is set up, then those that are only named by the project's subscriptions."""
    notifiers = {channel.name: channel.notifier for channel in channels}
    named = {name for each in state.subscriptions(project).values() for name in each.channels}
    delivered = _delivered(storage, project)
    troubles = _troubles(storage, project, delivered)
    counts = {name: _waiting(storage, name, project) for name in [*notifiers, *sorted(named - notifiers.keys())]}
    return [
        ChannelHealth(
            name=name,
            notifier=notifiers.get(name, ""),
            set_up=name in notifiers,
            waiting=count,
            failing=troubles[name].since if name in troubles else None,
            detail=troubles[name].detail if name in troubles else "",
            delivered=delivered.get(name),
        )
        for name, count in counts.items()
    ]


def subscription_waiting(channels: Sequence[Channel], storage: Storage, project: str) -> Counter[str]:
    """How many alerts wait for each subscription of a project, on all channels together."""
    found: Counter[str] = Counter()
    for channel in channels:
        found.update(each.subscription for each in waiting.of_project(storage, channel.name, project))
    return found


def _waiting(storage: Storage, channel: str, project: str) -> int:
    return len(waiting.of_project(storage, channel, project))


def _delivered(storage: Storage, project: str) -> dict[str, str]:
    """When each channel last took something for the project."""
    found: dict[str, str] = {}
    for cell in storage.cells(DELIVERIES):
        delivery = msgspec.json.decode(cell.value, type=Delivery)
        if delivery.project == project and delivery.outcome == "delivered":
            found[delivery.channel] = delivery.at
    return found


def _troubles(storage: Storage, project: str, delivered: Mapping[str, str]) -> dict[str, Trouble]:
    """What fails for the project, by channel: the queue that fails for longest."""
    found: dict[str, Trouble] = {}
    for channel, of, trouble in waiting.troubles(storage):
        lasts = trouble.holds_up or trouble.at > delivered.get(channel, "")
        if of == project and lasts and (channel not in found or trouble.since < found[channel].since):
            found[channel] = trouble
    return found
