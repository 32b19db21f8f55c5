"""What is made of what was found, and that nobody waits twice for a database that does not answer."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from types import SimpleNamespace
from typing import cast

import pytest
from tests.support.installation import CHECKOUT, Shop

from flagtrail.app.bus_watch import BusWatch
from flagtrail.app.follow import Followers, Periodic
from flagtrail.app.glance import Glance
from flagtrail.app.health import BEHIND_SECONDS, FAILING_SECONDS, Health, Part, Status
from flagtrail.bus import Bus, Standing
from flagtrail.model.errors import StorageFailed

HEARS = Standing(connected=True, since=0.0)


def health(shop: Shop, followers: Followers, standing: Standing = HEARS, *, unshared: float | None = None) -> Health:
    shared = SimpleNamespace(failing=unshared)
    bus = SimpleNamespace(name="pigeon", between_processes=True, standing=standing, shared=shared)
    return Health(shop.storage, shop.changes, followers, shop.clock, BusWatch(cast("Bus", bus), shop.clock))


@pytest.fixture
def shop() -> Shop:
    return Shop().set_up()


def refuse() -> None:
    raise StorageFailed("/secret/place is full")


def running(task: Callable[[], object]) -> Followers:
    """A follower that has made its first step and makes no other soon."""
    stepped = threading.Event()

    def step() -> None:
        try:
            task()
        finally:
            stepped.set()

    followers = Followers([Periodic("catch_up", step, 1_000)])
    followers.start()
    assert stepped.wait(60)
    return followers


@pytest.mark.parametrize(
    ("found", "status", "told"),
    [
        (StorageFailed("/secret/place is full"), "failing", "cannot be written and read: storage_failed"),
        (TimeoutError(), "failing", "does not answer"),
        (ValueError("a defect"), "failing", "cannot be written and read: internal_error"),
    ],
    ids=["refused", "silent", "defect"],
)
def test_database__by_what_was_found__is_told_without_details(
    shop: Shop, found: Exception, status: Status, told: str
) -> None:
    followers = running(shop.changes.catch_up)

    judged = health(shop, followers).judge(found)
    followers.stop()

    assert (judged.status, judged.parts.database) == (status, Part(status, told))


def test_health__of_a_sound_installation__is_ok(shop: Shop) -> None:
    followers = running(shop.changes.catch_up)
    looking = health(shop, followers)

    judged = looking.judge(looking.look().result(10))
    followers.stop()

    assert (judged.status, judged.size) == ("ok", shop.changes.state.size)


@pytest.mark.parametrize(
    ("ago", "status"), [(0.0, "ok"), (BEHIND_SECONDS + 1, "failing")], ids=["just now", "for long"]
)
def test_head__that_others_moved__may_be_unknown_for_a_moment(
    shop: Shop, monkeypatch: pytest.MonkeyPatch, ago: float, status: Status
) -> None:
    followers = running(shop.changes.catch_up)
    judging = health(shop, followers)
    present = time.monotonic()
    monkeypatch.setattr(time, "monotonic", lambda: present + ago)

    judged = judging.judge(shop.changes.state.size + 3)
    followers.stop()

    assert judged.parts.head.status == status


@pytest.mark.parametrize(("ago", "status"), [(0.0, "ok"), (FAILING_SECONDS + 1, "degraded")], ids=["just", "for long"])
def test_follower__that_fails__degrades_after_a_while(
    shop: Shop, monkeypatch: pytest.MonkeyPatch, ago: float, status: Status
) -> None:
    followers = running(refuse)
    while not followers.pulses()["catch_up"].failures:
        threading.Event().wait(0.001)
    present = time.monotonic()
    monkeypatch.setattr(time, "monotonic", lambda: present + ago)

    judged = health(shop, followers).judge(shop.changes.state.size)
    followers.stop()

    assert judged.parts.followers.status == status


def test_readiness__when_somebody_sets_the_clock__stays_what_it_is(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    followers = running(shop.changes.catch_up)
    present = time.time()
    monkeypatch.setattr(time, "time", lambda: present + 86_400)

    judged = health(shop, followers).judge(shop.changes.state.size + 3)
    followers.stop()

    assert judged.status == "ok"


def test_database__that_took_no_change_of_late__fails_until_it_takes_one(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    followers = running(shop.changes.catch_up)
    looking = health(shop, followers)
    with monkeypatch.context() as full_disk:
        full_disk.setattr(shop.changes, "_append", lambda *_: refuse())
        with pytest.raises(StorageFailed):
            shop.patch(CHECKOUT, {"owner": "billing"})
    full = looking.judge(looking.look().result(10))
    shop.patch(CHECKOUT, {"owner": "billing"})
    free = looking.judge(looking.look().result(10))
    followers.stop()

    assert (full.parts.database, free.status) == (Part("failing", "takes no changes"), "ok")


def test_follower__that_does_not_run__degrades(shop: Shop) -> None:
    judged = health(shop, Followers([Periodic("usage", refuse, 1)])).judge(shop.changes.state.size)

    assert (judged.status, judged.parts.followers.detail) == ("degraded", "not running: usage")


def test_bus__that_is_lost__degrades_and_fails_nothing(shop: Shop) -> None:
    followers = running(shop.changes.catch_up)
    lost = Standing(connected=False, since=1_772_712_000.5)
    looking = health(shop, followers, lost)
    judged = looking.judge(looking.look().result(10))
    followers.stop()

    told = Part("degraded", "pigeon: not connected since 2026-03-05T12:00:00.000000Z")
    assert (judged.status, judged.parts.bus) == ("degraded", told)


def test_bus__that_shares_nothing__degrades(shop: Shop) -> None:
    followers = running(shop.changes.catch_up)
    looking = health(shop, followers, unshared=1_772_712_000.5)
    judged = looking.judge(looking.look().result(10))
    followers.stop()

    told = Part("degraded", "pigeon: limits and counts are not shared since 2026-03-05T12:00:00.000000Z")
    assert (judged.status, judged.parts.bus) == ("degraded", told)


def test_glance__while_nothing_answers__asks_once_for_all() -> None:
    asked: list[int] = []
    answer = threading.Event()

    def ask() -> int:
        asked.append(1)
        answer.wait(60)
        return len(asked)

    glance = Glance("test", ask, keep=0)
    looks: list[Future[int]] = [glance.look() for _ in range(5)]
    answer.set()

    assert ([each.result(10) for each in looks], len(asked)) == ([1] * 5, 1)


@pytest.mark.parametrize(("keep", "times"), [(0.0, 2), (1_000.0, 1)], ids=["not kept", "kept"])
def test_glance__asked_again__asks_anew_when_the_answer_is_too_old(keep: float, times: int) -> None:
    asked: list[int] = []
    glance = Glance("test", lambda: asked.append(1), keep=keep)
    for _ in range(2):
        glance.look().result(10)

    assert len(asked) == times


def test_glance__that_failed__tells_why_to_everybody_who_asks() -> None:
    glance = Glance("test", refuse, keep=1_000)

    for _ in range(2):
        with pytest.raises(StorageFailed):
            glance.look().result(10)
