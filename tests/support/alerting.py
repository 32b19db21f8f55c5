"""What alerts need in tests: a follower of one channel, and what its receiver got."""

from __future__ import annotations

import msgspec
from tests.support.installation import Shop
from tests.support.receiver import Receiver

from flagtrail.app.alerts import AlertFollower
from flagtrail.app.channels import Channel
from flagtrail.app.deliveries import Delivery, deliveries
from flagtrail.app.lease import TAKE_OVER_SECONDS, Leases

SECRET = "whsec_" + "c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0"


def follower(shop: Shop, receiver: Receiver, kind: str = "webhook", *, name: str = "") -> AlertFollower:
    """A new process, which takes the lease over. Whoever held it before was stopped, and knows of nothing."""
    called = name or kind
    channel = Channel(called, kind, receiver.url, SECRET if kind == "webhook" else None, private=True)
    seconds = [0.0]
    leases = Leases(shop.storage, shop.clock, monotonic=lambda: seconds[0])
    lease = leases.lease(f"alerts-{called}")
    leases.tend()
    seconds[0] = TAKE_OVER_SECONDS
    leases.tend()
    assert lease.held()
    return AlertFollower(channel, shop.storage, lambda: shop.changes.state, "http://flags.example", shop.clock, lease)


def started(shop: Shop, receiver: Receiver, kind: str = "webhook", *, name: str = "") -> AlertFollower:
    """One that has looked at the ledger once."""
    one = follower(shop, receiver, kind, name=name)
    one.step()
    return one


def log(shop: Shop) -> list[Delivery]:
    """The delivery log, newest first."""
    return deliveries(shop.storage).items


def seqs(receiver: Receiver) -> list[int]:
    """The entries of which the webhook was told, one by one."""
    return [seq for told in messages(receiver) for seq in told]


def messages(receiver: Receiver) -> list[list[int]]:
    """The entries of which each message to the webhook told."""
    found = []
    for request in receiver.received:
        data = msgspec.json.decode(request.body)["data"]
        found.append([change["seq"] for change in data.get("changes", [data])])
    return found
