"""Nudges: each owner's list once a week, to the owner's own channel, kept while that is down, never twice."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import pytest
from tests.support.installation import ADA, make, patch, put
from tests.support.ledgers import stores, url_in
from tests.support.receiver import Receiver

from flagtrail.app.alerts import AlertFollower
from flagtrail.app.bootstrap import App
from flagtrail.app.channels import Channel
from flagtrail.app.deliveries import deliveries
from flagtrail.app.nudges import LOOK_SECONDS, NudgeFollower
from flagtrail.app.settings import Settings
from flagtrail.model.change import Operation
from flagtrail.model.errors import StorageFailed
from flagtrail.model.flag import boolean_flag
from flagtrail.model.nudge import Nudge
from flagtrail.model.subject import flag_subject, nudge_subject, targeting_subject

pytestmark = pytest.mark.usefixtures("impatience")

P = "default"
START = datetime(2026, 3, 2, 12, tzinfo=UTC)
"""A Monday."""
OWNERS = {"new_pricing": "billing", "old_tax": "billing", "big_cart": "checkout", "orphan": ""}
ON = {"enabled": True, "fallthrough": {"variant": "on"}}


class World:
    """Four flags that are on for everybody since `START`, and two channels."""

    def __init__(self, url: str, receiver: Receiver) -> None:
        self.now = START
        self.receiver = receiver
        settings = Settings(database=url, key_file="" if url.startswith("memory") else "key")
        self.app = App(settings, clock=lambda: self.now)
        self.app.first_start()
        for flag, owner in OWNERS.items():
            self.change(put(flag_subject(P, flag), boolean_flag(flag, owner=owner)))
            self.change(patch(targeting_subject(P, flag, "production"), ON))
        self.app.leases.tend()
        self.alerts = [self._channel(name) for name in ("team", "billing")]
        for one in self.alerts:
            one.step()

    def _channel(self, name: str) -> AlertFollower:
        channel = Channel(name, "webhook", f"{self.receiver.url}?{name}", None, private=True)
        lease = self.app.leases.lease("nudges")
        state = lambda: self.app.changes.state  # noqa: E731 - as bootstrap has it
        return AlertFollower(channel, self.app.storage, state, "http://flags.example", lambda: self.now, lease)

    def change(self, *operations: Operation) -> None:
        self.app.changes.apply(ADA, make(*operations))

    def nudge(self, **parts: object) -> None:
        self.change(put(nudge_subject(P), msgspec.convert({"channels": ["team", "gone"], **parts}, Nudge)))

    def look(self) -> float | None:
        """A new process looks once."""
        app = self.app
        lease = app.leases.lease("nudges")
        names = ["team", "billing"]
        one = NudgeFollower(app.storage, app.changes, app.stages, names, lambda: self.now, lease, monotonic=lambda: 0.0)
        return one.step()

    def after(self, days: float) -> World:
        """That many days after the start: somebody looks, and what waits is delivered, if it can be."""
        self.now = START + timedelta(days=days)
        self.look()
        for one in self.alerts:
            one.step()
        return self

    def told(self) -> list[tuple[str, str, list[str]]]:
        """What receivers got: the channel, the headline, the flags."""
        found = []
        for request in self.receiver.received:
            data = msgspec.json.decode(request.body)["data"]
            flags = sorted(each["subject"]["flag"] for each in data["changes"])
            found.append((request.path.partition("?")[2], data["headline"], flags))
        return sorted(found)


@pytest.fixture
def world(receiver: Receiver) -> Iterator[World]:
    made = World("memory:", receiver)
    yield made
    made.app.close()


@pytest.fixture(params=[scheme for scheme, _ in stores()])
def stored(
    request: pytest.FixtureRequest, receiver: Receiver, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[World]:
    monkeypatch.chdir(tmp_path)
    made = World(url_in(request.param, tmp_path), receiver)
    yield made
    made.app.close()


LISTS = [
    ("billing", "2 flags of billing could go in project default", ["new_pricing", "old_tax"]),
    ("team", "1 flag of checkout could go in project default", ["big_cart"]),
    ("team", "1 flag of nobody could go in project default", ["orphan"]),
]


def test_nudge__once_a_week__tells_each_owner_on_their_channel(stored: World) -> None:
    stored.nudge()
    stored.after(1).after(28).after(31)
    assert stored.told() == []
    stored.after(34.8).after(34.9).after(35).after(35.1).after(36).after(41.8)
    assert stored.told() == LISTS
    stored.after(42)
    assert stored.told() == sorted([*LISTS, *LISTS])
    ids = [msgspec.json.decode(request.body)["data"]["id"] for request in stored.receiver.received]
    assert len(set(ids)) == len(ids)


def test_nudge__while_its_channel_is_down__waits_and_comes_once(stored: World) -> None:
    stored.nudge()
    stored.after(1)
    stored.receiver.conduct, stored.receiver.status, stored.receiver.failures = "fail", 503, 1_000
    stored.after(35).after(35.01)
    assert (len(stored.receiver.received) >= len(LISTS), stored.receiver.taken) == (True, [])
    stored.receiver.conduct, stored.receiver.status = "take", 204
    stored.after(35.02).after(35.03)
    assert len(stored.receiver.taken) == len(LISTS)
    outcomes = [(each.subscription, each.outcome) for each in deliveries(stored.app.storage).items]
    assert outcomes == [("stale flags", "delivered")] * len(LISTS)


def test_nudge__list_leads_to_the_owners_board_and_tells_why(world: World) -> None:
    world.nudge()
    world.after(1).after(35)
    data = next(
        msgspec.json.decode(each.body)["data"] for each in world.receiver.received if each.path.endswith("billing")
    )
    assert data["link"] == "http://flags.example/stale/board?owner=billing"
    assert data["changes"][0]["why"].startswith("stale: one_variant: on for everybody in production")


def test_nudge__snoozed_and_active_flags__are_left_out(world: World) -> None:
    world.nudge()
    world.after(30)
    for flag in ("new_pricing", "old_tax", "orphan"):
        world.change(world.app.stages.snoozed(P, flag, until="2027-01-01", owner="", reason="later", identity=ADA))
    world.change(patch(targeting_subject(P, "big_cart", "production"), {"fallthrough": {"variant": "off"}}))
    world.after(35)
    assert world.told() == []


@pytest.mark.parametrize("parts", [{"enabled": False}, {"channels": []}])
def test_nudge__that_is_off_or_goes_nowhere__tells_nobody_but_who_has_a_channel(
    world: World, parts: dict[str, object]
) -> None:
    world.nudge(**parts)
    world.after(1).after(35)
    assert world.told() == ([] if "enabled" in parts else LISTS[:1])


def test_nudge__moved_to_another_day__comes_no_second_time_within_the_week(world: World) -> None:
    world.nudge()
    world.after(1).after(35)
    world.nudge(day="thu")
    world.after(38).after(39)
    assert len(world.told()) == len(LISTS)
    world.after(45)
    assert len(world.told()) == 2 * len(LISTS)


def test_nudge__of_a_project_where_nothing_is_set__begins_with_what_comes_next(world: World) -> None:
    assert world.look() == LOOK_SECONDS
    world.nudge()
    world.after(35.5)
    assert world.told() == []


def test_nudge__that_cannot_be_written__is_tried_again_and_holds_up_no_other_project(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.nudge()
    world.after(1)
    world.now = START + timedelta(days=35)
    with monkeypatch.context() as patched:
        patched.setattr(world.app.stages, "move", lambda *_args, **_more: (_ for _ in ()).throw(StorageFailed("no")))
        with pytest.raises(StorageFailed):
            world.look()
    assert world.after(35.1).told() == LISTS


def test_follower__looks_once_a_minute_and_only_with_the_lease(world: World) -> None:
    app, times = world.app, iter([0.0, 0.0, 30.0])
    lease = app.leases.lease("nudges")
    one = NudgeFollower(app.storage, app.changes, app.stages, [], app.clock, lease, monotonic=lambda: next(times))
    assert [one.step(), one.step()] == [LOOK_SECONDS, LOOK_SECONDS / 2]
    app.leases.stop()
    assert one.step() is None


def test_nudge__that_was_off_for_long__makes_up_for_nothing_when_it_is_on_again(world: World) -> None:
    world.nudge()
    world.after(1)
    world.nudge(enabled=False)
    world.after(35).after(36)
    world.nudge()
    assert world.after(36.1).told() == []
    assert world.after(42).told() == LISTS
