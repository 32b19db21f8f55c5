"""Subscriptions at work: which channel is told, when, and together with what; and what is given up, and sent again."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest
from tests.support import postgres
from tests.support.alerting import follower, log, messages, seqs, started
from tests.support.installation import ADA, LIVE, Shop, patch, person, put
from tests.support.receiver import Receiver

from flagtrail import notify
from flagtrail.app import deliveries as door
from flagtrail.app.channel_health import channel_health
from flagtrail.app.channels import Channel
from flagtrail.app.deliveries import DeliveryQuery, deliveries, resend, trim
from flagtrail.app.metrics import Metrics
from flagtrail.model.change import Operation
from flagtrail.model.errors import Forbidden, InvalidDocument, NotFound, NotResendable
from flagtrail.model.flag import boolean_flag
from flagtrail.model.subject import flag_subject, subscription_subject, targeting_subject
from flagtrail.model.subscription import Digest, Filter, QuietHours, Subscription

pytestmark = pytest.mark.usefixtures("impatience")

PAYMENTS = flag_subject("shop", "payments")
PAYMENTS_LIVE = targeting_subject("shop", "payments", "production")
OWN = subscription_subject("shop", "own")
CHECKOUT = Filter(flags=("checkout",), kinds=("targeting",))
NIGHT = QuietHours("22:00", "07:00")


@pytest.fixture(params=["memory", "sqlite", "postgresql"])
def shop(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Shop]:
    url = {"memory": "memory://", "sqlite": f"sqlite:///{tmp_path}/flagtrail.db"}.get(request.param)
    made = Shop(url or postgres.url_for(tmp_path)).set_up()
    made.apply(put(PAYMENTS, boolean_flag("payments", tags=("critical",))))
    yield made
    made.storage.close()


def subscribe(shop: Shop, **parts: object) -> None:
    subscription = Subscription("own", filter=CHECKOUT)
    shop.apply(put(OWN, msgspec.structs.replace(subscription, **parts)))


def switch(shop: Shop, *, on: bool) -> int:
    return shop.patch(LIVE, {"enabled": on}).entries[0].seq


def at(shop: Shop, hour: int, day: int = 5) -> None:
    """Monday is the fifth."""
    shop.clock.now = datetime(2026, 1, day, hour, tzinfo=UTC)


def test_step__of_a_channel_that_is_named__tells_it_and_no_other(shop: Shop, receiver: Receiver) -> None:
    subscribe(shop, channels=("oncall",))
    named, other = started(shop, receiver, name="oncall"), started(shop, receiver, name="lobby")
    seq = switch(shop, on=True)
    named.step()
    other.step()

    assert [(each.channel, each.subscription, each.seqs) for each in log(shop)] == [("oncall", "own", (seq,))]


def test_step__of_two_subscriptions_that_want_the_same_at_once__tells_it_once(shop: Shop, receiver: Receiver) -> None:
    subscribe(shop, filter=Filter(flags=("payments",)))
    one = started(shop, receiver)
    seq = shop.patch(PAYMENTS_LIVE, {"enabled": True}).entries[0].seq
    one.step()

    assert messages(receiver) == [[seq]]


def test_step__of_a_digest_beside_an_immediate_one__tells_both(shop: Shop, receiver: Receiver) -> None:
    subscribe(shop, filter=Filter(flags=("payments",)), digest=Digest("hourly"))
    one = started(shop, receiver)
    at(shop, 10)
    seq = shop.patch(PAYMENTS_LIVE, {"enabled": True}).entries[0].seq
    one.step()
    at(shop, 11)
    one.step()

    assert [(each.subscription, each.seqs) for each in log(shop)] == [("own", (seq,)), ("critical", (seq,))]


def test_step__of_a_digest__is_one_message_with_all_in_order(shop: Shop, receiver: Receiver) -> None:
    subscribe(shop, digest=Digest("daily", "09:00"))
    one = started(shop, receiver)
    at(shop, 10)
    changes = [switch(shop, on=turn % 2 == 0) for turn in range(3)]
    one.step()
    early = len(receiver.received)
    at(shop, 9, day=6)
    one.step()

    assert (early, messages(receiver)) == (0, [changes])


def test_step__before_this_process_has_heard_of_a_change__leaves_it_until_it_has(
    shop: Shop, receiver: Receiver
) -> None:
    one = started(shop, receiver)
    unaware = shop.changes.state
    at(shop, 10)
    subscribe(shop, filter=Filter(kinds=("subscription",)), digest=Digest("daily"))
    one._state = lambda: unaware
    one.step()
    early = shop.storage.cells("waiting/webhook")
    one._state = lambda: shop.changes.state
    one.step()

    assert (early, len(shop.storage.cells("waiting/webhook")), receiver.received) == ([], 1, [])


def test_step__in_quiet_hours__waits_and_then_tells_all_together(shop: Shop, receiver: Receiver) -> None:
    subscribe(shop, quiet_hours=NIGHT)
    one = started(shop, receiver)
    at(shop, 23)
    changes = [switch(shop, on=turn % 2 == 0) for turn in range(2)]
    one.step()
    early = len(receiver.received)
    at(shop, 7, day=6)
    later = switch(shop, on=True)
    follower(shop, receiver).step()

    assert (early, messages(receiver)) == (0, [changes, [later]])


@pytest.mark.parametrize(("passes", "told"), [(True, 1), (False, 0)])
def test_step__in_quiet_hours__of_a_critical_flag__passes_where_it_may(
    shop: Shop, receiver: Receiver, passes: bool, told: int
) -> None:
    quiet = {"from": "22:00", "to": "07:00", "critical_passes": passes}
    shop.apply(patch(subscription_subject("shop", "critical"), {"quiet_hours": quiet}))
    at(shop, 12)
    one = started(shop, receiver)
    at(shop, 23)
    shop.patch(PAYMENTS_LIVE, {"enabled": True})
    one.step()

    assert len(receiver.received) == told


@pytest.mark.parametrize(
    "silencing",
    [
        pytest.param(Operation(action="delete", subject=OWN), id="deleted"),
        pytest.param(patch(OWN, {"enabled": False}), id="disabled"),
    ],
)
def test_step__of_a_subscription_that_is_silenced__still_tells_what_was_done_before(
    shop: Shop, receiver: Receiver, silencing: Operation
) -> None:
    subscribe(shop, digest=Digest("daily"))
    one = started(shop, receiver)
    seq = switch(shop, on=True)
    one.step()
    end = shop.apply(silencing).entries[0].seq
    switch(shop, on=False)
    one.step()

    assert seqs(receiver) == [seq, end]


def test_step__while_a_digest_fails__repeats_it_as_it_was_and_then_tells_the_rest(
    shop: Shop, receiver: Receiver
) -> None:
    subscribe(shop, digest=Digest("hourly"))
    one = started(shop, receiver)
    at(shop, 10)
    first = [switch(shop, on=turn % 2 == 0) for turn in range(2)]
    receiver.conduct, receiver.status = "fail", 503
    at(shop, 11)
    one.step()
    later = switch(shop, on=True)
    at(shop, 13)
    follower(shop, receiver).step()

    ids = [request.headers["webhook-id"] for request in receiver.received]
    assert (messages(receiver), ids[0] == ids[1], log(shop)[1].attempts) == ([first, first, [later]], True, 2)


def test_step__of_one_queue_that_fails__does_not_hold_up_another(
    shop: Shop, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(notify, "back_off", lambda _attempts, _dice: 60.0)
    subscribe(shop)
    one = started(shop, receiver)
    receiver.conduct, receiver.status = "fail", 503
    critical = shop.patch(PAYMENTS_LIVE, {"enabled": True}).entries[0].seq
    own = switch(shop, on=True)
    one.step()

    assert ([each.seqs for each in log(shop)], seqs(receiver)) == ([(own,)], [critical, own])


def test_step__of_a_receiver_that_fails_for_three_days__gives_up_what_is_old_and_no_more(
    shop: Shop, receiver: Receiver
) -> None:
    subscribe(shop)
    one = started(shop, receiver)
    receiver.status = 503
    first = switch(shop, on=True)
    one.step()
    shop.clock.move(hours=71)
    one.step()
    early = log(shop)
    second = switch(shop, on=False)
    shop.clock.move(hours=2)
    one.step()
    given_up = [(each.seqs, each.outcome, each.attempts) for each in log(shop)]
    receiver.status = 204
    one.step()

    assert (early, given_up) == ([], [((first,), "dead", 3)])
    assert [(each.seqs, each.outcome) for each in log(shop)] == [((second,), "delivered"), ((first,), "dead")]


def fares(shop: Shop) -> list[tuple[str, bool, int, str, bool]]:
    known = [Channel("webhook", "webhook", "")]
    found = channel_health(known, shop.storage, shop.changes.state, "shop")
    return [(each.name, each.set_up, each.waiting, each.detail, each.delivered is not None) for each in found]


def test_channel_health__of_what_fails_and_what_is_named_only__says_so(shop: Shop, receiver: Receiver) -> None:
    subscribe(shop, channels=("webhook", "nobody"))
    one = started(shop, receiver)
    unused = fares(shop)
    receiver.conduct, receiver.status, receiver.failures = "fail", 503, 1
    switch(shop, on=True)
    one.step()
    failing, metrics = (
        fares(shop),
        Metrics(shop.storage, shop.changes, shop.clock, channels=["webhook"]).look().result(10),
    )
    one.step()

    said = "webhook: the receiver answered 503"
    assert unused == [("webhook", True, 0, "", False), ("nobody", False, 0, "", False)]
    assert failing == [("webhook", True, 1, said, False), ("nobody", False, 0, "", False)]
    assert (metrics.waiting, list(metrics.failing)) == ({"webhook": 1}, ["webhook"])
    assert fares(shop) == [("webhook", True, 0, "", True), ("nobody", False, 0, "", False)]


def test_channel_health__after_a_dead_letter__fails_until_something_arrives(shop: Shop, receiver: Receiver) -> None:
    subscribe(shop)
    dead_letter(shop, receiver)
    failing = fares(shop)
    shop.patch(PAYMENTS_LIVE, {"enabled": True})
    follower(shop, receiver).step()

    assert (failing, fares(shop)) == (
        [("webhook", True, 0, "webhook: the receiver answered 410", False)],
        [("webhook", True, 0, "", True)],
    )


def dead_letter(shop: Shop, receiver: Receiver) -> int:
    """A change of which the receiver would not hear; its seq."""
    one = started(shop, receiver)
    receiver.conduct, receiver.status, receiver.failures = "fail", 410, 1
    seq = switch(shop, on=True)
    one.step()
    return seq


def test_resend__of_a_dead_letter__delivers_it_and_tells_who_wanted_that(shop: Shop, receiver: Receiver) -> None:
    subscribe(shop)
    seq = dead_letter(shop, receiver)
    resend(shop.storage, log(shop)[0].number, ADA.actor, shop.clock)
    follower(shop, receiver).step()

    again, dead = log(shop)
    assert (again.outcome, again.seqs, again.again) == ("delivered", (seq,), dead.number)
    assert dead.resent is not None
    assert (dead.outcome, dead.resent.by, dead.resent.name) == ("dead", "act_ada", "ada")


def test_step__while_another_queue_waits_for_hours__is_called_at_every_heartbeat(
    shop: Shop, receiver: Receiver
) -> None:
    subscribe(shop, digest=Digest("daily"))
    one = started(shop, receiver)
    switch(shop, on=True)

    assert one.step() is None


def test_resend__of_a_digest__is_the_same_message(shop: Shop, receiver: Receiver) -> None:
    subscribe(shop, digest=Digest("hourly"))
    one = started(shop, receiver)
    receiver.conduct, receiver.status, receiver.failures = "fail", 410, 1
    at(shop, 10)
    changes = [switch(shop, on=turn % 2 == 0) for turn in range(2)]
    at(shop, 11)
    one.step()
    resend(shop.storage, log(shop)[0].number, ADA.actor, shop.clock)
    one.step()

    assert (messages(receiver), receiver.received[0].body == receiver.received[1].body) == ([changes, changes], True)


def test_resend__of_what_is_not_there_or_arrived_or_was_sent_again__is_refused(shop: Shop, receiver: Receiver) -> None:
    subscribe(shop)
    dead_letter(shop, receiver)
    number = log(shop)[0].number
    with pytest.raises(NotFound):
        resend(shop.storage, number, ADA.actor, shop.clock, project="elsewhere")
    resend(shop.storage, number, ADA.actor, shop.clock, project="shop")
    with pytest.raises(NotResendable, match="was sent again"):
        resend(shop.storage, number, ADA.actor, shop.clock)
    follower(shop, receiver).step()
    with pytest.raises(NotResendable, match="arrived"):
        resend(shop.storage, log(shop)[0].number, ADA.actor, shop.clock)


def test_deliveries__asked_for__come_in_pages_of_what_is_wanted(shop: Shop, receiver: Receiver) -> None:
    subscribe(shop)
    one = started(shop, receiver)
    changes = [switch(shop, on=turn % 2 == 0) for turn in range(5)]
    shop.patch(PAYMENTS_LIVE, {"enabled": True})
    one.step()
    first = deliveries(shop.storage, DeliveryQuery(subscription="own", limit=3))
    second = deliveries(shop.storage, DeliveryQuery(subscription="own", limit=3, before=first.next))

    assert [each.seq for page in (first, second) for each in page.items] == changes[::-1]
    assert second.next is None
    counts = [
        len(deliveries(shop.storage, query).items)
        for query in (
            DeliveryQuery(project="shop", channel="webhook", outcome="delivered"),
            DeliveryQuery(project="other"),
            DeliveryQuery(channel="slack"),
            DeliveryQuery(outcome="dead"),
            DeliveryQuery(seq=changes[0]),
        )
    ]
    assert counts == [6, 0, 0, 0, 1]


def test_trim__keeps_the_newest(shop: Shop, receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(door, "MOST", 2)
    subscribe(shop)
    one = started(shop, receiver)
    changes = [switch(shop, on=turn % 2 == 0) for turn in range(5)]
    one.step()

    assert (trim(shop.storage), [each.seq for each in log(shop)], trim(shop.storage)) == (3, changes[:2:-1], 0)


def test_deliveries__after_three_months__are_gone(shop: Shop, receiver: Receiver) -> None:
    subscribe(shop)
    one = started(shop, receiver)
    switch(shop, on=True)
    one.step()
    shop.clock.move(days=91)
    shop.storage.delete_expired_cells(shop.clock().timestamp())

    assert log(shop) == []


@pytest.mark.parametrize("zone", ["Europe/Atlantis", "../etc/passwd", "Europe", "", "/etc/localtime", "a\0b"])
def test_apply__of_a_time_zone_that_nobody_knows__is_refused(shop: Shop, zone: str) -> None:
    with pytest.raises(InvalidDocument, match="subscriptions/own#/digest/zone"):
        subscribe(shop, digest=Digest("daily", zone=zone))

    assert shop.changes.state.held(OWN) is None


@pytest.mark.parametrize(("key", "allowed"), [("own", True), ("critical", False)])
def test_apply__by_an_editor__may_alter_any_subscription_but_the_one_that_watches_editors(
    shop: Shop, key: str, allowed: bool
) -> None:
    operation = put(subscription_subject("shop", key), Subscription(key, enabled=False))
    if allowed:
        assert shop.apply(operation, by=person("eve", "editor")).changed
    else:
        with pytest.raises(Forbidden):
            shop.apply(operation, by=person("eve", "editor"))
