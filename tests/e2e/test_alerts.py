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
    deadline = time.monotonic() + 60
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
        (kind, "delivered") for kind in ("email", "pagerduty", "slack", "teams", "webhook")
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
        "email": ("delivered", ""),
        **{kind: ("dead", f"{kind}: {said}") for kind in ("pagerduty", "slack", "teams", "webhook")},
    }
    assert receiver.received == []

    outcome = flagtrail_in(tmp_path, "alerts", "test", "teams", "--server", guarded.url, FLAGTRAIL_TOKEN=guarded.token)
    assert (outcome.code, said in " ".join(outcome.err.split())) == (1, True)


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        ("slack", "slack: the receiver answered 204"),
        ("email", "email: the receiver answered 250"),
        ("apprise", "apprise: the receiver took it"),
    ],
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
        FLAGTRAIL_APPRISE_URL=receiver.url.replace("http://", "json://"),
        FLAGTRAIL_SMTP_URL=box.url,
        FLAGTRAIL_ALERT_EMAIL="ada@example.org",
        FLAGTRAIL_ALERT_PRIVATE_TARGETS="true",
    )
    assert (outcome.code, outcome.out) == (0, f"Taken. {said}.\n")


PROJECT = "/api/v1/projects/default"


def test_subscription__on_channels_of_a_file__tells_those_and_sends_a_dead_letter_again(
    tmp_path: Path, receiver: Receiver
) -> None:
    tables = "".join(
        f'[{name}]\nnotifier = "webhook"\ntarget = "{receiver.url}/{name}"\nprivate = true\n' for name in ("one", "two")
    )
    (tmp_path / "channels.toml").write_text(tables)
    with running_server(tmp_path, alert_channels=str(tmp_path / "channels.toml")) as server, server.client() as client:

        def subscribed(key: str, count: int, **parts: Json) -> Json:
            """Set a subscription, and wait until so many deliveries are known; the page of them."""
            body = {"subscription": {"key": key, **parts}, "why": "a test"}
            assert client.post(f"{PROJECT}/subscriptions", json=body).status_code == 201
            return _until(lambda: client.get(f"{PROJECT}/alerts").json(), lambda found: len(found["items"]) == count)

        silenced = subscribed("critical", 2, enabled=False)
        receiver.conduct, receiver.status, receiver.failures = "fail", 410, len(receiver.received) + 1
        dead = subscribed("own", 3, channels=["two", "nobody"])
        number = dead["items"][0]["number"]
        again, twice = (client.post(f"{PROJECT}/alerts/{number}/resend", json={}) for _ in range(2))
        found = _until(lambda: client.get(f"{PROJECT}/alerts").json(), lambda found: len(found["items"]) == 4)
        queries: list[Json] = [{"outcome": "dead"}, {"subscription": "own", "channel": "one"}, {"limit": 3}]
        asked = [client.get(f"{PROJECT}/alerts", params=query).json() for query in queries]
        rest = client.get(f"{PROJECT}/alerts", params={"limit": 3, "cursor": asked[2]["next"]}).json()
        refused = client.get(f"{PROJECT}/alerts", params={"outcome": "lost"})
        log = flagtrail_in(tmp_path, "alerts", "list", "--server", server.url, FLAGTRAIL_TOKEN=server.token)
        told = flagtrail_in(
            tmp_path, "alerts", "resend", str(number), "--server", server.url, FLAGTRAIL_TOKEN=server.token
        )

    assert sorted(each["channel"] for each in silenced["items"]) == ["one", "two"]
    assert (again.status_code, twice.status_code, twice.json()["code"]) == (202, 409, "not_resendable")
    assert [(each["outcome"], each["channel"], each["again"]) for each in found["items"][:2]] == [
        ("delivered", "two", number),
        ("dead", "two", None),
    ]
    assert found["items"][1]["resent"]["by"]
    fares = {each["name"]: (each["set_up"], each["failing"], bool(each["delivered"])) for each in found["channels"]}
    assert fares == {"one": (True, None, True), "two": (True, None, True), "nobody": (False, None, False)}
    assert ([len(page["items"]) for page in asked], len(rest["items"]), rest["next"]) == ([1, 0, 3], 1, None)
    assert refused.json()["code"] == "invalid_query"
    assert [word for word in ("sent again by", "not set up", "delivered", "own") if word not in log.out] == []
    assert (told.code, "was sent again" in told.err) == (1, True)


def test_channels_file__with_a_defect__is_told_at_start_without_its_secret(tmp_path: Path) -> None:
    (tmp_path / "channels.toml").write_text('[a]\nnotifier = "slack"\ntarget = "SECRET"')
    outcome = flagtrail_in(tmp_path, "up", FLAGTRAIL_ALERT_CHANNELS=str(tmp_path / "channels.toml"))

    assert (outcome.code, "SECRET" in outcome.err) == (2, False)
    assert "a: the target is not an http" in " ".join(outcome.err.split())
