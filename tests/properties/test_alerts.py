"""Alerts under whatever happens: each reaches its channel, once for each subscription, in order."""

from __future__ import annotations

from collections import Counter
from unittest.mock import patch as replaced

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.support.installation import LIVE, Shop, patch, put

from flagtrail import notify
from flagtrail.app.alerts import AlertFollower
from flagtrail.app.channels import Channel
from flagtrail.app.deliveries import DeliveryQuery, deliveries
from flagtrail.app.lease import TAKE_OVER_SECONDS, Leases
from flagtrail.app.notice import ALERTS, Noted
from flagtrail.model.change import Operation
from flagtrail.model.flag import boolean_flag
from flagtrail.model.subject import flag_subject, subscription_subject
from flagtrail.model.subscription import Digest, Filter, QuietHours, Subscription

OWN = subscription_subject("shop", "own")
DIGESTS = st.sampled_from([Digest(), Digest("hourly"), Digest("daily", "09:00", "Europe/Berlin")])
QUIET = st.sampled_from([None, QuietHours("22:00", "07:00"), QuietHours("00:00", "00:00", ("sat", "sun"))])
SUBSCRIPTIONS = st.builds(
    Subscription,
    st.just("own"),
    enabled=st.booleans(),
    channels=st.sampled_from([(), ("pager",), ("other",)]),
    filter=st.sampled_from([Filter(), Filter(flags=("checkout",)), Filter(tags=("none",))]),
    digest=DIGESTS,
    quiet_hours=QUIET,
)
EVENTS = st.lists(
    st.one_of(
        st.tuples(st.just("switch"), st.booleans()),
        st.tuples(st.just("subscribe"), SUBSCRIPTIONS),
        st.tuples(st.just("unsubscribe"), st.none()),
        st.tuples(st.just("receiver"), st.sampled_from(["takes", "fails", "refuses"])),
        st.tuples(st.just("wait"), st.sampled_from([0.1, 1.0, 11.0, 80.0])),
        st.tuples(st.just("step"), st.none()),
        st.tuples(st.just("restart"), st.none()),
    ),
    max_size=40,
)


class Receiver:
    """A notifier that takes, fails for now, or refuses for good; remembers what it took, by message."""

    def __init__(self) -> None:
        self.conduct = "takes"
        self.taken: list[notify.Message | notify.Digest] = []

    def send(self, _client: object, _target: str, message: notify.Message | notify.Digest, **_: object) -> object:
        if self.conduct == "takes":
            self.taken.append(message)
            return notify.Delivered(204)
        raise notify.DeliveryFailed("no", permanent=self.conduct == "refuses")


class World:
    """A shop with one channel, its follower, and its receiver."""

    def __init__(self, receiver: Receiver) -> None:
        self.shop = Shop().set_up()
        self.shop.apply(put(flag_subject("shop", "checkout"), boolean_flag("checkout", tags=("critical",))))
        self.receiver = receiver
        self.follower = self.another()
        self.follower.step()
        self.begin = self.shop.changes.state.size

    def another(self) -> AlertFollower:
        """A process that takes over from one that was killed."""
        seconds = [0.0]
        leases = Leases(self.shop.storage, self.shop.clock, monotonic=lambda: seconds[0])
        lease = leases.lease("alerts-pager")
        leases.tend()
        seconds[0] = TAKE_OVER_SECONDS
        leases.tend()
        channel = Channel("pager", "webhook", "")
        return AlertFollower(channel, self.shop.storage, lambda: self.shop.changes.state, "", self.shop.clock, lease)

    def happen(self, event: str, what: object) -> None:
        if event == "switch":
            self.shop.apply(patch(LIVE, {"enabled": what}))
        elif event == "subscribe":
            assert isinstance(what, Subscription)
            self.shop.apply(put(OWN, what))
        elif event == "unsubscribe" and self.shop.changes.state.get(OWN) is not None:
            self.shop.apply(Operation(action="delete", subject=OWN))
        elif event == "receiver":
            self.receiver.conduct = str(what)
        elif event == "wait":
            assert isinstance(what, float)
            self.shop.clock.move(hours=what)
        elif event == "restart":
            self.follower = self.another()
        elif event == "step":
            self.follower.step()

    def settle(self) -> None:
        """Everything works again, and enough time passes."""
        self.receiver.conduct = "takes"
        for _ in range(12):
            self.shop.clock.move(hours=24)
            self.follower.step()

    def due(self) -> set[int]:
        """The entries that are for somebody on the channel."""
        cells = [
            (int(cell.key), msgspec.json.decode(cell.value, type=Noted)) for cell in self.shop.storage.cells(ALERTS)
        ]
        return {
            seq
            for seq, noted in cells
            if seq >= self.begin and any(not each.channels or "pager" in each.channels for each in noted.matched)
        }


@given(EVENTS)
@settings(max_examples=200, deadline=None)
def test_alerts__whatever_happens__arrive_once_for_each_subscription_and_in_order(
    events: list[tuple[str, object]],
) -> None:
    receiver = Receiver()
    load, client, back_off = (lambda _kind: receiver), (lambda **_: None), (lambda *_: 0.0)
    with replaced.multiple(notify, load=load, client=client, back_off=back_off):
        world = World(receiver)
        for event, what in events:
            world.happen(event, what)
        world.settle()

    log = deliveries(world.shop.storage, DeliveryQuery(limit=500)).items[::-1]
    told = Counter((each.subscription, seq) for each in log for seq in each.seqs)
    assert {seq for _, seq in told} == world.due()
    assert [one for one, count in told.items() if count > 1] == []
    for key in ("critical", "own"):
        own = [seq for each in log if each.subscription == key for seq in each.seqs]
        assert own == sorted(own)
    delivered = [each for each in log if each.outcome == "delivered"]
    assert [len(each.seqs) for each in delivered] == [
        1 if isinstance(message, notify.Message) else len(message.changes) for message in world.receiver.taken
    ]
