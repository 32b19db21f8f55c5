"""What every notifier that speaks HTTP owes, beyond what all owe: HTTP's own outcomes, and no redirects."""

from __future__ import annotations

import logging
import traceback
from collections.abc import Iterator

import httpx2
import pytest
from tests.support.receiver import Receiver, receiving

from flagtrail import notify
from flagtrail.model.actor import Actor
from flagtrail.model.entry import Entry, Group, Source
from flagtrail.model.errors import SettingInvalid
from flagtrail.model.subject import targeting_subject
from flagtrail.notify import DeliveryFailed, Message

SECRET = "whsec_c2VjcmV0LW9mLXRoZS1yZWNlaXZlcg=="


def _message() -> Message:
    entry = Entry(
        seq=41,
        id="0199-entry",
        time="2026-11-22T07:00:00.123456Z",
        actor=Actor(kind="person", id="act_1", name="Ada", email="ada@example.com"),
        subject=targeting_subject("default", "new_pricing", "production"),
        version=7,
        actions=("enabled", "rollout_changed"),
        paths=("/enabled",),
        why="BILL-42 go live",
        ticket="BILL-42",
        group=Group("g"),
        source=Source("web"),
    )
    return notify.message(
        entry, words=["rollout 25 % to 50 %"], flags=["new_pricing"], link="http://flags.example.com/changes/41"
    )


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as found:
        yield found


@pytest.fixture
def client() -> Iterator[httpx2.Client]:
    with httpx2.Client(trust_env=False) as found:
        yield found


@pytest.fixture(params=sorted(set(notify.kinds()) - {"apprise", "email"}))
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def _failure(kind: str, client: httpx2.Client, target: str, secret: str | None = SECRET) -> DeliveryFailed:
    with pytest.raises(DeliveryFailed) as failure:
        notify.load(kind).send(client, target, _message(), secret=secret)
    return failure.value


def test_kinds__every_notifier__is_told_in_one_line() -> None:
    assert [summary for summary in notify.kinds().values() if not summary or "\n" in summary] == []


def test_load__unknown_kind__names_the_known_ones() -> None:
    with pytest.raises(SettingInvalid, match="known are apprise, email, pagerduty, slack, teams, webhook"):
        notify.load("carrier-pigeon")


@pytest.mark.parametrize("status", [200, 202, 204])
def test_send__receiver_takes_it__is_delivered(
    kind: str, client: httpx2.Client, receiver: Receiver, status: int
) -> None:
    receiver.status = status
    assert notify.load(kind).send(client, receiver.url, _message(), secret=SECRET).status == status


def test_send__receiver_sends_a_body_without_end__does_not_read_it(
    kind: str, client: httpx2.Client, receiver: Receiver
) -> None:
    receiver.conduct = "flood"
    assert notify.load(kind).send(client, receiver.url, _message(), secret=SECRET).status == 200


@pytest.mark.parametrize(
    ("status", "permanent"),
    [
        (500, False),
        (502, False),
        (503, False),
        (408, False),
        (409, False),
        (425, False),
        (429, False),
        (302, False),
        (307, False),
        (301, True),
        (308, True),
        (400, True),
        (401, True),
        (403, True),
        (404, True),
        (410, True),
        (413, True),
    ],
)
def test_send__receiver_refuses__says_whether_for_good(
    kind: str, client: httpx2.Client, receiver: Receiver, status: int, permanent: bool
) -> None:
    receiver.status = status
    assert _failure(kind, client, receiver.url).permanent is permanent


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_send__redirect__is_not_followed(kind: str, client: httpx2.Client, receiver: Receiver, status: int) -> None:
    receiver.status, receiver.headers = status, {"location": receiver.url + "/elsewhere"}
    _failure(kind, client, receiver.url)
    assert [request.path for request in receiver.received] == ["/services/T0-SECRET-PATH"]


@pytest.mark.parametrize("status", [429, 503])
@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("7", 7.0),
        ("999999999", 3600.0),
        ("Wed, 21 Oct 2015 07:28:00 GMT", 0.0),
        ("soon", None),
        ("-1", None),
        (None, None),
    ],
)
def test_send__receiver_asks_to_be_left_alone__says_for_how_long(
    kind: str, client: httpx2.Client, receiver: Receiver, status: int, header: str | None, seconds: float | None
) -> None:
    receiver.status, receiver.headers = status, {} if header is None else {"retry-after": header}
    assert _failure(kind, client, receiver.url).retry_after == seconds


@pytest.mark.parametrize(
    "target", ["", "SECRET", "ftp://SECRET/x", "http://", "https://SECRET:99999/", "http://SECRET\0/", "http://[SECRET"]
)
def test_send__target_is_no_address__fails_for_good(kind: str, client: httpx2.Client, target: str) -> None:
    assert _failure(kind, client, target).permanent is True


def _told(failure: BaseException) -> str:
    """All that a log could print of a failure, hidden causes included."""
    parts = []
    link: BaseException | None = failure
    while link is not None:
        parts += [str(link), repr(link), *map(str, link.args)]
        link = link.__cause__ or link.__context__
    return "\n".join([*parts, *traceback.format_exception(failure)])


@pytest.mark.parametrize("target", ["ftp://SECRET/x", "https://SECRET:99999/", "http://[SECRET"])
def test_send__bad_target__is_not_told(kind: str, client: httpx2.Client, target: str) -> None:
    assert "SECRET" not in _told(_failure(kind, client, target)).replace("SECRET = ", "")


def test_logs__of_others_with_the_same_client__are_kept(
    client: httpx2.Client, receiver: Receiver, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO):
        client.post(receiver.url)
    assert "T0-SECRET-PATH" in caplog.text


def test_send__message__is_json(kind: str, client: httpx2.Client, receiver: Receiver) -> None:
    notify.load(kind).send(client, receiver.url, _message(), secret=SECRET)
    assert receiver.received[0].headers["content-type"] == "application/json"
