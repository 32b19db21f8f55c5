"""Alerts: none lost, none twice after success, whatever the receiver and the process do."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from standardwebhooks import Webhook
from tests.support.alerting import SECRET, follower, log, seqs, started
from tests.support.installation import ADA, LIVE, Shop, patch, put
from tests.support.receiver import Receiver

from flagtrail import notify
from flagtrail.app.alerts import AlertFollower
from flagtrail.app.channels import Channel
from flagtrail.app.clock import stamp
from flagtrail.app.lease import Leases
from flagtrail.model.change import Change, Operation
from flagtrail.model.condition import Condition
from flagtrail.model.errors import StorageFailed
from flagtrail.model.flag import boolean_flag
from flagtrail.model.segment import Segment
from flagtrail.model.subject import flag_subject, segment_subject, targeting_subject

pytestmark = pytest.mark.usefixtures("impatience")

PAYMENTS = flag_subject("shop", "payments")
PAYMENTS_LIVE = targeting_subject("shop", "payments", "production")
BETA = segment_subject("shop", "beta")


@pytest.fixture(params=["memory", "sqlite"])
def shop(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Shop]:
    made = Shop("memory://" if request.param == "memory" else f"sqlite:///{tmp_path}/flagtrail.db").set_up()
    made.apply(put(PAYMENTS, boolean_flag("payments", tags=("critical",))))
    yield made
    made.storage.close()


def test_step__after_a_critical_change__tells_the_webhook_with_a_good_signature(shop: Shop, receiver: Receiver) -> None:
    one = started(shop, receiver)
    entry = shop.patch(PAYMENTS_LIVE, {"enabled": True}).entries[0]
    one.step()

    request = receiver.received[0]
    body = Webhook(SECRET).verify(request.body, request.headers)
    assert (body["data"]["seq"], request.headers["webhook-id"]) == (entry.seq, entry.id)


def test_step__by_a_replica_whose_clock_is_behind_that_of_the_one_that_made_the_change__tells_at_once(
    shop: Shop, receiver: Receiver
) -> None:
    one = started(shop, receiver)
    entry = shop.patch(PAYMENTS_LIVE, {"enabled": True}).entries[0]
    shop.clock.move(hours=-7)
    one.step()

    assert seqs(receiver) == [entry.seq]


def test_step__after_a_critical_change__tells_slack_who_did_what_and_why(shop: Shop, receiver: Receiver) -> None:
    one = started(shop, receiver, "slack")
    shop.patch(PAYMENTS_LIVE, {"enabled": True})
    one.step()

    text = receiver.received[0].body.decode()
    assert all(word in text for word in ("ada", "payments", "production", "because", "http://flags.example/changes/"))


def test_step__after_changes_that_are_not_critical__tells_nobody(shop: Shop, receiver: Receiver) -> None:
    one = started(shop, receiver)
    shop.patch(LIVE, {"enabled": True})
    one.step()

    assert receiver.received == []


def test_step__after_a_segment_edit_that_reaches_a_critical_flag__tells(shop: Shop, receiver: Receiver) -> None:
    shop.apply(put(BETA, Segment("beta", Condition(attribute="beta", operator="exists"))))
    rule = {"id": "r", "when": {"segment": "beta"}, "serve": {"variant": "on"}}
    shop.patch(PAYMENTS_LIVE, {"enabled": True, "rules": [rule]})
    one = started(shop, receiver)
    edit = shop.patch(BETA, {"when": {"attribute": "plan", "operator": "exists"}})
    one.step()

    assert seqs(receiver) == [edit.entries[0].seq]


def test_step__at_the_first_start_of_a_channel__does_not_tell_old_news(shop: Shop, receiver: Receiver) -> None:
    shop.patch(PAYMENTS_LIVE, {"enabled": True})
    started(shop, receiver).step()

    assert receiver.received == []


def test_step__while_the_receiver_fails__tries_again_and_delivers_each_once_in_order(
    shop: Shop, receiver: Receiver
) -> None:
    one = started(shop, receiver)
    receiver.conduct, receiver.status, receiver.failures = "fail", 503, 3
    first, second = (shop.patch(PAYMENTS_LIVE, {"enabled": on}).entries[0].seq for on in (True, False))
    for _ in range(5):
        one.step()

    assert seqs(receiver) == [first] * 4 + [second]


def test_step__by_a_new_process_after_failures__goes_on_where_the_old_one_stopped(
    shop: Shop, receiver: Receiver
) -> None:
    old = started(shop, receiver)
    receiver.conduct = "drop"
    seq = shop.patch(PAYMENTS_LIVE, {"enabled": True}).entries[0].seq
    old.step()
    receiver.received.clear()
    receiver.conduct = "take"
    for _ in range(3):
        follower(shop, receiver).step()

    assert (seqs(receiver), [(d.seq, d.outcome, d.attempts) for d in log(shop)]) == (
        [seq],
        [(seq, "delivered", 2)],
    )


def test_step__when_told_to_come_back_later__leaves_the_receiver_alone_until_then(
    shop: Shop, receiver: Receiver
) -> None:
    one = started(shop, receiver)
    receiver.status, receiver.headers = 429, {"retry-after": "120"}
    shop.patch(PAYMENTS_LIVE, {"enabled": True})
    before = time.monotonic()
    waits = [one.step(), one.step()]

    assert (len(receiver.received), waits, 100 < one._not_before[""] - before <= 121) == (1, [None, None], True)


def test_step__when_refused_for_good__writes_down_the_dead_letter_and_goes_on(shop: Shop, receiver: Receiver) -> None:
    one = started(shop, receiver)
    receiver.conduct, receiver.status, receiver.failures = "fail", 410, 1
    first, second = (shop.patch(PAYMENTS_LIVE, {"enabled": on}).entries[0].seq for on in (True, False))
    one.step()

    found = {delivery.seq: delivery.outcome for delivery in log(shop)}
    assert found == {first: "dead", second: "delivered"}


def test_deliveries__never_hold_the_target_or_the_secret(shop: Shop, receiver: Receiver) -> None:
    one = started(shop, receiver)
    receiver.conduct, receiver.status, receiver.failures = "fail", 410, 1
    shop.patch(PAYMENTS_LIVE, {"enabled": True})
    one.step()

    kept = b"".join(
        cell.value for cell in (cell for name in shop.storage.collections() for cell in shop.storage.cells(name))
    )
    assert (b"SECRET" in kept, SECRET.encode() in kept, b"127.0.0.1" in kept) == (False, False, False)


def test_step__after_untagging_a_critical_flag__tells(shop: Shop, receiver: Receiver) -> None:
    one = started(shop, receiver)
    shop.apply(patch(PAYMENTS, {"tags": []}))
    one.step()

    assert len(receiver.received) == 1


def test_step__after_the_flag_is_gone__still_tells_what_was_done_to_it(shop: Shop, receiver: Receiver) -> None:
    one = started(shop, receiver)
    receiver.conduct, receiver.status, receiver.failures = "fail", 503, 1
    enabled = shop.patch(PAYMENTS_LIVE, {"enabled": True}).entries[0].seq
    one.step()
    gone = shop.apply(Operation(action="delete", subject=PAYMENTS))
    one.step()

    assert seqs(receiver) == [enabled, enabled, *(entry.seq for entry in gone.entries)]


def test_step__after_a_change_that_untags_and_enables_at_once__tells_both(shop: Shop, receiver: Receiver) -> None:
    one = started(shop, receiver)
    both = shop.apply(patch(PAYMENTS, {"tags": []}), patch(PAYMENTS_LIVE, {"enabled": True}))
    one.step()

    assert seqs(receiver) == [entry.seq for entry in both.entries]


def test_step__without_the_lease__tells_nobody(shop: Shop, receiver: Receiver) -> None:
    started(shop, receiver)
    lease = Leases(shop.storage, shop.clock).lease("alerts-webhook")
    other = AlertFollower(
        Channel("webhook", "webhook", receiver.url, SECRET),
        shop.storage,
        lambda: shop.changes.state,
        "",
        shop.clock,
        lease,
    )
    shop.patch(PAYMENTS_LIVE, {"enabled": True})
    other.step()

    assert receiver.received == []


def test_step__by_a_process_that_was_stopped_while_another_took_over__tells_nobody(
    shop: Shop, receiver: Receiver
) -> None:
    stopped = started(shop, receiver)
    follower(shop, receiver)
    shop.patch(PAYMENTS_LIVE, {"enabled": True})
    stopped.step()

    assert receiver.received == []


class Sender:
    """Sends nothing: does what it is told while the attempt lasts, and then lets it succeed or fail."""

    def __init__(self, meanwhile: Callable[[], object], failure: notify.DeliveryFailed | None = None) -> None:
        self.attempts = 0
        self._meanwhile = meanwhile
        self._failure = failure

    def send(self, *_: object, **__: object) -> notify.Delivered:
        self.attempts += 1
        if self.attempts == 1:
            self._meanwhile()
            if self._failure is not None:
                raise self._failure
        return notify.Delivered(204)


def test_step__by_whoever_took_over_during_an_attempt_that_then_succeeded__tells_it_no_more(
    shop: Shop, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, others = started(shop, receiver), []
    sender = Sender(lambda: others.append(follower(shop, receiver)))
    monkeypatch.setattr(notify, "load", lambda _kind: sender)
    shop.patch(PAYMENTS_LIVE, {"enabled": True})
    first.step()
    others[0].step()

    assert (sender.attempts, [delivery.outcome for delivery in log(shop)]) == (1, ["delivered"])


def test_step__whose_database_went_away_while_the_receiver_took_it__writes_that_down_when_it_is_back(
    shop: Shop, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, write = started(shop, receiver), shop.storage.write
    sender = Sender(lambda: monkeypatch.setattr(shop.storage, "write", _away))
    monkeypatch.setattr(notify, "load", lambda _kind: sender)
    shop.patch(PAYMENTS_LIVE, {"enabled": True})
    for _ in range(2):
        with pytest.raises(StorageFailed):
            one.step()
    monkeypatch.setattr(shop.storage, "write", write)
    one.step()

    assert (sender.attempts, [delivery.outcome for delivery in log(shop)]) == (1, ["delivered"])


def _away(_work: object) -> None:
    raise StorageFailed("the database is away")


def test_step__by_whoever_took_over_during_an_attempt_that_then_failed__tells_it_once(
    shop: Shop, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, others = started(shop, receiver), []
    sender = Sender(lambda: others.append(follower(shop, receiver)), notify.DeliveryFailed("gone"))
    monkeypatch.setattr(notify, "load", lambda _kind: sender)
    shop.patch(PAYMENTS_LIVE, {"enabled": True})
    first.step()
    for one in (others[0], first, others[0]):
        one.step()

    assert (sender.attempts, [delivery.outcome for delivery in log(shop)]) == (2, ["delivered"])


def test_step__by_two_processes__tells_once(shop: Shop, receiver: Receiver) -> None:
    pair = [started(shop, receiver) for _ in range(2)]
    for turn in range(6):
        shop.patch(PAYMENTS_LIVE, {"enabled": turn % 2 == 0})
        threads = [threading.Thread(target=one.step) for one in pair]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    for one in pair:
        one.step()

    assert seqs(receiver) == sorted(set(seqs(receiver)))
    assert len(seqs(receiver)) == 6


@pytest.mark.parametrize(
    ("hours_ago", "told"),
    [pytest.param(1, 1, id="news"), pytest.param(48, 0, id="history")],
)
def test_step__after_an_import__tells_news_and_no_history(
    shop: Shop, receiver: Receiver, hours_ago: float, told: int
) -> None:
    one = started(shop, receiver)
    shop.clock.move(days=10)
    occurred_at = stamp(shop.clock.now - timedelta(hours=hours_ago))
    change = Change(operations=(patch(PAYMENTS_LIVE, {"enabled": True}),), why="commit", occurred_at=occurred_at)
    shop.changes.apply(ADA, change)
    one.step()

    assert len(receiver.received) == told
