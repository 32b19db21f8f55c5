"""Apprise, as far as it differs: an extra, a deadline of ours, a log that is kept to ourselves."""

from __future__ import annotations

import logging
import sys
import threading
from collections.abc import Iterator

import httpx2
import pytest
from tests.support.receiver import Receiver, receiving

from flagtrail import notify
from flagtrail.model.actor import SYSTEM
from flagtrail.model.subject import project_subject
from flagtrail.notify import DeliveryFailed, Message, apprise

MESSAGE = Message(
    id="id",
    seq=41,
    time="2026-11-22T07:00:00.123456Z",
    headline="Ada enabled f",
    subject=project_subject("p"),
    flags=("f",),
    actor=SYSTEM,
    actions=("enabled",),
    words=("x" * 3_000,) * 30,
    why="because",
    ticket="",
    link="http://flags.example.com/changes/41",
)


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as found:
        yield found


def send(receiver: Receiver, more: str = "") -> notify.Delivered:
    with httpx2.Client(trust_env=False) as client:
        return apprise.send(client, receiver.url.replace("http://", "json://") + more, MESSAGE, secret=None)


def test_defect__without_the_extra__names_it(monkeypatch: pytest.MonkeyPatch, receiver: Receiver) -> None:
    monkeypatch.setitem(sys.modules, "apprise", None)
    with pytest.raises(DeliveryFailed, match=r"flagtrail\[notify\]") as failure:
        send(receiver)

    assert (apprise.defect("json://host", None), failure.value.permanent) == (apprise.MISSING, True)


def test_send__redirect__is_not_followed(receiver: Receiver) -> None:
    receiver.status, receiver.headers = 302, {"location": receiver.url + "/elsewhere"}
    with pytest.raises(DeliveryFailed, match="the service answered 302") as failure:
        send(receiver)

    assert (len(receiver.received), failure.value.permanent) == (1, False)


def test_send__while_too_many_attempts_hang__makes_no_further_one(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(apprise, "DEADLINE_SECONDS", 0.3)
    monkeypatch.setattr(apprise, "_under_way", threading.BoundedSemaphore(1))
    receiver.conduct = "hang"
    said = []
    for _ in range(2):
        with pytest.raises(DeliveryFailed) as failure:
            send(receiver, "?rto=2")
        said.append(str(failure.value))

    assert said == ["apprise: the service did not answer in time", "apprise: 8 earlier attempts still hang"]
    assert len(receiver.received) == 1


def test_send__long_message__is_cut_to_what_the_service_takes(receiver: Receiver) -> None:
    send(receiver)

    assert len(receiver.received[0].body) < 8_000


def test_logs__of_others_who_use_the_library__are_kept(receiver: Receiver, caplog: pytest.LogCaptureFixture) -> None:
    send(receiver)
    with caplog.at_level(logging.INFO):
        logging.getLogger("apprise").warning("of somebody else")

    assert [record.getMessage() for record in caplog.records if record.name == "apprise"] == ["of somebody else"]
