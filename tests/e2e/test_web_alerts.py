"""The page Alerts: subscriptions by form, channels that fare, deliveries that are sent again; for whoever may."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable, Iterator

import httpx2
import pytest
from tests.e2e.web_world import PROBE, P, World, served
from tests.support.receiver import Receiver, receiving

from flagtrail.app.identity import SYSTEM_IDENTITY
from flagtrail.model.access import Member
from flagtrail.model.change import Change, Operation
from flagtrail.model.document import encode
from flagtrail.model.subject import member_subject, subscription_subject
from flagtrail.model.subscription import Digest, Filter, QuietHours, Subscription

FORM: dict[str, str | list[str]] = {
    "key": "billing",
    "description": PROBE,
    "enabled": "yes",
    "channels": ["pager"],
    "tags": "billing, money",
    "flags": "",
    "actors": "Ana Díaz, ben@example.com",
    "environments": ["staging", "production"],
    "production": "yes",
    "kinds": ["targeting"],
    "actions": ["enabled", "disabled"],
    "every": "daily",
    "at": "08:30",
    "zone": "Europe/Berlin",
    "why": "they asked",
    "quiet": "yes",
    "quiet_from": "22:00",
    "quiet_to": "07:00",
    "quiet_zone": "Europe/Berlin",
    "days": ["mon", "fri"],
}


@pytest.fixture(scope="module")
def receiver() -> Iterator[Receiver]:
    with receiving() as found:
        yield found


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory, receiver: Receiver) -> Iterator[World]:
    folder = tmp_path_factory.mktemp("alerts")
    table = f'[pager]\nnotifier = "webhook"\ntarget = "{receiver.url}"\nprivate = true\n'
    (folder / "channels.toml").write_text(table)
    with served(folder, alert_channels=str(folder / "channels.toml")) as made:
        people = Member("vic", "Vic", "vic@x.org"), Member("eddie", "Eddie", "eddie@x.org", "editor")
        joining = [Operation(action="create", subject=member_subject(each.key), value=encode(each)) for each in people]
        made.app.changes.apply(SYSTEM_IDENTITY, Change(operations=tuple(joining), why="a test"))
        yield made


@pytest.fixture
def client(world: World) -> Iterator[httpx2.Client]:
    with world.browser() as made:
        yield made


def send(client: httpx2.Client, action: str, fields: object = None) -> httpx2.Response:
    found = re.search(r'name="csrf" value="([^"]+)"', client.get("/alerts").text)
    assert found is not None
    assert isinstance(fields, dict | None)
    return client.post(action, data={"csrf": found.group(1), **(fields or {})})


def text(html: str) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", html.partition("<main")[2]))


def until(holds: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + 60
    while not (held := holds()) and time.monotonic() < deadline:
        threading.Event().wait(0.02)
    return held


def standing(world: World, key: str) -> Subscription | None:
    return world.app.ask.state.subscriptions(P).get(key)


def test_form__filled_in__makes_the_subscription_and_shows_it_again(world: World, client: httpx2.Client) -> None:
    made = send(client, "/alerts/new", FORM)
    expected = Subscription(
        "billing",
        PROBE,
        channels=("pager",),
        filter=Filter(
            tags=("billing", "money"),
            environments=("staging", "production"),
            production=True,
            actions=("enabled", "disabled"),
            actors=("Ana Díaz", "ben@example.com"),
            kinds=("targeting",),
        ),
        digest=Digest("daily", "08:30", "Europe/Berlin"),
        quiet_hours=QuietHours("22:00", "07:00", ("mon", "fri"), "Europe/Berlin", critical_passes=False),
    )
    shown = client.get("/alerts/subscriptions/billing").text
    ticked = re.findall(r'name="(?:channels|environments|actions|kinds|days)" value="(\w+)" checked', shown)

    assert standing(world, "billing") == expected
    assert "Saved the subscription billing." in made.text
    assert (ticked, PROBE in shown) == (
        ["production", "staging", "targeting", "enabled", "disabled", "pager", "mon", "fri"],
        False,
    )
    assert "together daily at 08:30 (Europe/Berlin), quiet mon, fri from 22:00 to 07:00" in text(shown)
    assert re.search(r"created the subscription\s+billing", text(client.get("/changes?kind=subscription").text))


def test_form__with_defects__tells_all_and_keeps_what_was_typed(world: World, client: httpx2.Client) -> None:
    answer = send(client, "/alerts/new", {**FORM, "key": "typo", "zone": "Mars/Base", "at": "25:00", "tags": "kept"})

    assert (answer.status_code, standing(world, "typo")) == (422, None)
    assert "'25:00' is no time" in text(answer.text).replace("&#39;", "'")
    assert all(kept in answer.text for kept in ('value="kept"', 'value="Mars/Base"', 'value="typo"'))


def test_form__that_disables_critical__replaces_the_built_in_one_until_that_is_deleted(
    world: World, client: httpx2.Client
) -> None:
    assert "Built in" in text(client.get("/alerts/subscriptions/critical").text)
    fields = {"version": "0", "tags": "critical", "production": "yes", "every": "immediate", "why": "too loud"}
    disabled = send(client, "/alerts/subscriptions/critical", fields)
    held = world.app.ask.state.held(subscription_subject(P, "critical"))
    assert held is not None
    stale = send(client, "/alerts/subscriptions/critical", fields)
    gone = send(client, "/alerts/subscriptions/critical/delete", {"version": str(held.version), "why": "it was not"})

    assert ("Disabled" in text(disabled.text), stale.status_code) == (True, 409)
    assert ("Deleted the subscription critical." in gone.text, "Built in" in text(gone.text)) == (True, True)


@pytest.mark.parametrize(
    ("member", "path", "status", "shown", "hidden"),
    [
        ("vic", "/alerts", 200, "critical", "New subscription"),
        ("vic", "/alerts/subscriptions/critical", 200, "Only editors make and edit", "Save subscription"),
        ("vic", "/alerts/new", 403, "", "Save subscription"),
        ("eddie", "/alerts", 200, "New subscription", "Send a test"),
        ("eddie", "/alerts/subscriptions/critical", 200, "Only administrators edit this one", "Save subscription"),
        ("eddie", "/alerts/new", 200, "Save subscription", ""),
        ("owner", "/alerts", 200, "Send a test", "nothing else"),
        ("owner", "/alerts/subscriptions/nobody", 404, "no subscription", "Save subscription"),
        ("owner", "/alerts?outcome=lost", 400, "is no outcome", ""),
        ("owner", "/alerts?entry=x", 400, "is not a number", ""),
    ],
)
def test_page__offers_what_one_may_do(
    world: World, member: str, path: str, status: int, shown: str, hidden: str
) -> None:
    with world.browser(member) as client:
        answer = client.get(path)

    told = text(answer.text)
    assert (answer.status_code, shown in told, bool(hidden) and hidden in told) == (status, True, False)


@pytest.mark.parametrize("action", ["/alerts/test", "/alerts/subscriptions/critical"])
def test_form__sent_by_an_editor_where_only_an_administrator_may__is_refused(world: World, action: str) -> None:
    with world.browser("eddie") as client:
        found = re.search(r'name="csrf" value="([^"]+)"', client.get("/account").text)
        assert found is not None
        answer = client.post(action, data={"csrf": found.group(1), "channel": "pager", "version": "0"})

    assert answer.status_code == 403


def test_test_button__tells_whether_the_test_arrived(client: httpx2.Client, receiver: Receiver) -> None:
    receiver.status = 204
    arrived = send(client, "/alerts/test", {"channel": "pager"})
    receiver.status = 500
    failed = send(client, "/alerts/test", {"channel": "pager"})
    receiver.status = 204
    unknown = send(client, "/alerts/test", {"channel": PROBE})

    assert "The test arrived. pager: the receiver answered 204." in text(arrived.text)
    assert "The test did not arrive. webhook: the receiver answered 500." in text(failed.text)
    assert (unknown.status_code, PROBE in unknown.text) == (422, False)


def test_dead_letter__is_shown_and_sent_again_by_its_button(client: httpx2.Client, receiver: Receiver) -> None:
    receiver.status = 410
    send(
        client,
        "/alerts/new",
        {"key": "own", "enabled": "yes", "every": "immediate", "kinds": "policy", "why": "a test"},
    )
    assert until(lambda: "Dead letter" in client.get("/alerts").text)
    failing = text(client.get("/alerts").text)
    receiver.status = 204
    number = re.search(r"/alerts/deliveries/(\d+)/resend", client.get("/alerts").text)
    assert number is not None
    asked = send(client, number.group())
    again = send(client, number.group())
    assert until(lambda: "once more after" in client.get("/alerts").text)
    told = text(client.get("/alerts").text)
    filtered = text(client.get("/alerts?outcome=dead&subscription=own&channel=pager").text)

    assert ("Failing" in failing, "webhook: the receiver answered 410" in failing) == (True, True)
    assert f"Delivery {number.group(1)} waits for the channel pager again" in text(asked.text)
    assert (again.status_code, "was sent again" in text(again.text)) == (409, True)
    assert ("Sent again by Owner" in told, "once more after" in told, "Works" in told) == (True, True, True)
    assert ("Dead letter" in filtered, "once more after" in filtered) == (True, False)
