"""The signed webhook, checked with the library that receivers use."""

from __future__ import annotations

from collections.abc import Iterator

import httpx2
import pytest
from standardwebhooks import Webhook
from tests.support.receiver import Receiver, receiving

from flagtrail.model.actor import Actor
from flagtrail.model.subject import targeting_subject
from flagtrail.notify import DeliveryFailed, Message, webhook

SECRET = "whsec_c2VjcmV0LW9mLXRoZS1yZWNlaXZlcg=="
MESSAGE = Message(
    id="0199-entry",
    seq=41,
    time="2026-11-22T07:00:00.123456Z",
    headline="Zoë enabled f in production",
    subject=targeting_subject("p", "f", "production"),
    flags=("f",),
    actor=Actor(kind="person", id="act_1", name="Zoë"),
    actions=("enabled",),
    words=("enabled",),
    why="go live",
    ticket="",
    link="http://flags.example.com/changes/41",
)


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as found:
        yield found


@pytest.fixture
def client() -> Iterator[httpx2.Client]:
    with httpx2.Client(trust_env=False) as found:
        yield found


def test_send__signed__verifies_with_the_standard_library_of_receivers(
    client: httpx2.Client, receiver: Receiver
) -> None:
    webhook.send(client, receiver.url, MESSAGE, secret=SECRET)
    received = receiver.received[0]
    assert Webhook(SECRET).verify(received.body, received.headers)["type"] == "flagtrail.change"


def test_send__again__has_the_same_id(client: httpx2.Client, receiver: Receiver) -> None:
    for _ in range(2):
        webhook.send(client, receiver.url, MESSAGE, secret=SECRET)
    assert [request.headers["webhook-id"] for request in receiver.received] == ["0199-entry", "0199-entry"]


def test_send__no_secret__is_unsigned(client: httpx2.Client, receiver: Receiver) -> None:
    webhook.send(client, receiver.url, MESSAGE, secret=None)
    assert "webhook-signature" not in receiver.received[0].headers


@pytest.mark.parametrize("secret", ["whsec_", "whsec_é", "é"], ids=["empty", "no base64", "nor without the prefix"])
def test_send__secret_that_is_none__fails_for_good_and_sends_nothing(
    client: httpx2.Client, receiver: Receiver, secret: str
) -> None:
    with pytest.raises(DeliveryFailed, match="signing secret") as failure:
        webhook.send(client, receiver.url, MESSAGE, secret=secret)
    assert (failure.value.permanent, receiver.received) == (True, [])


def test_payload__data__is_the_change() -> None:
    data = webhook.payload(MESSAGE)["data"]
    assert (data["seq"], data["environment"], data["subject"]["flag"], data["actions"]) == (
        41,
        "production",
        "f",
        ("enabled",),
    )
