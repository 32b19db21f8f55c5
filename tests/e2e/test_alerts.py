"""Alerts from a real server to real receivers: all channels at once, and none inward unless that is allowed."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import httpx2
import pytest
from tests.support.command_line import flagtrail_in
from tests.support.mailbox import Mailbox, mailbox
from tests.support.receiver import Receiver, receiving
from tests.support.server import RunningServer, running_server

KEY = "R0UT1NG-SECRET-KEY"
SIGNING = "whsec_" + "U0VDUkVUU0VDUkVUU0VDUkVUU0VDUkVU"
WORDS = ("T0-SECRET-PATH", KEY, SIGNING, SIGNING[6:], "ada@example.org", "smtp://")
"""What stands in settings and must stand nowhere else."""
Json = Any
FLAGS = "/api/v1/projects/default/flags"


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as found:
        yield found


@pytest.fixture
def box() -> Iterator[Mailbox]:
    with mailbox() as found:
        yield found


def _serving(folder: Path, receiver: Receiver, box: Mailbox, *, private: bool) -> AbstractContextManager[RunningServer]:
    """A server with every channel; `private` lets them reach receivers on this machine."""
    return running_server(
        folder,
        slack_webhook=f"{receiver.url}/slack",
        teams_webhook=f"{receiver.url}/teams",
        webhook_url=f"{receiver.url}/webhook",
        webhook_secret=SIGNING,
        pagerduty_key=KEY,
        pagerduty_url=f"{receiver.url}/pagerduty",
        smtp_url=box.url,
        alert_email="ada@example.org",
        alert_private_targets=str(private).lower(),
    )


def _change_a_critical_flag(client: httpx2.Client) -> None:
    flag = {
        "key": "pay",
        "type": "boolean",
        "variants": {"on": True, "off": False},
        "description": "",
        "owner": "",
        "tags": ["critical"],
        "lifecycle": {"kind": "release"},
    }
    assert client.post(FLAGS, json={"flag": flag, "why": "bills depend on it"}).status_code == 201


def _until(found: Callable[[], Json], wanted: Callable[[Json], bool]) -> Json:
    deadline = time.monotonic() + 20
    while not wanted(seen := found()) and time.monotonic() < deadline:
        threading.Event().wait(0.02)
    return seen


def _deliveries(client: httpx2.Client, count: int) -> list[Json]:
    seen = _until(lambda: client.get("/api/v1/alerts").json()["deliveries"], lambda all_: len(all_) >= count)
    return list(seen)


def test_critical_change__with_every_channel__reaches_all_and_leaves_no_secret_behind(
    tmp_path: Path, receiver: Receiver, box: Mailbox
) -> None:
    with _serving(tmp_path, receiver, box, private=True) as server, server.client() as client:
        _change_a_critical_flag(client)
        told = _deliveries(client, 5)
        shown = client.get("/api/v1/alerts").text
    assert sorted((each["channel"], each["outcome"]) for each in told) == [
        (f"alerts-{kind}", "delivered") for kind in ("email", "pagerduty", "slack", "teams", "webhook")
    ]
    arrived = [request.path.rpartition("/")[2] for request in receiver.received]
    assert (sorted(arrived), len(box.received)) == (["pagerduty", "slack", "teams", "webhook"], 1)
    assert [word for word in WORDS if word in shown + server.log.read_text()] == []


@pytest.fixture
def guarded(tmp_path: Path, receiver: Receiver, box: Mailbox) -> Iterator[RunningServer]:
    """A server whose receivers lie within, without the setting that allows it."""
    with _serving(tmp_path, receiver, box, private=False) as server:
        yield server


def test_target_that_lies_inward__is_refused_with_the_setting_that_would_allow_it(
    guarded: RunningServer, receiver: Receiver, tmp_path: Path
) -> None:
    with guarded.client() as client:
        _change_a_critical_flag(client)
        told = {each["channel"]: (each["outcome"], each["detail"]) for each in _deliveries(client, 5)}
    said = "the target's address is loopback, which only FLAGTRAIL_ALERT_PRIVATE_TARGETS=true permits"
    assert told == {
        "alerts-email": ("delivered", ""),
        **{f"alerts-{kind}": ("dead", f"{kind}: {said}") for kind in ("pagerduty", "slack", "teams", "webhook")},
    }
    assert receiver.received == []

    outcome = flagtrail_in(tmp_path, "alerts", "test", "teams", "--server", guarded.url, FLAGTRAIL_TOKEN=guarded.token)
    assert (outcome.code, said in " ".join(outcome.err.split())) == (1, True)


@pytest.mark.parametrize(
    ("kind", "said"),
    [("slack", "slack: the receiver answered 204"), ("email", "email: the receiver answered 250")],
)
def test_alerts_test__receiver_that_takes_it__tells_what_it_said(
    tmp_path: Path, receiver: Receiver, box: Mailbox, kind: str, said: str
) -> None:
    flagtrail_in(tmp_path, "flags", "create", "x")
    outcome = flagtrail_in(
        tmp_path,
        "alerts",
        "test",
        kind,
        FLAGTRAIL_SLACK_WEBHOOK=receiver.url,
        FLAGTRAIL_SMTP_URL=box.url,
        FLAGTRAIL_ALERT_EMAIL="ada@example.org",
        FLAGTRAIL_ALERT_PRIVATE_TARGETS="true",
    )
    assert (outcome.code, outcome.out) == (0, f"Taken. {said}.\n")
