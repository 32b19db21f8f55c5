"""How the bus fares, as told to whoever watches: it stands, it is lost, or it brings nothing."""

from __future__ import annotations

import time
from contextlib import suppress
from typing import cast

import pytest
from tests.support.installation import Clock
from tests.support.kept import Kept

from flagtrail.app.bus_watch import LATE_CHANGES, LATE_SECONDS, BusState, BusWatch
from flagtrail.bus import Bus, BusLost, Standing
from flagtrail.model.state import State


class Line:
    """A bus that fares as it is told."""

    name = "pigeon"
    between_processes = True

    def __init__(self) -> None:
        self.standing = Standing(connected=True, since=0.0)
        self.shared: Kept | None = None


class Sized:
    def __init__(self, size: int) -> None:
        self.size = size


class World:
    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.line = Line()
        self.clock = Clock()
        self.watch = BusWatch(cast("Bus", self.line), self.clock)
        self.now = 1_000.0
        monkeypatch.setattr(time, "monotonic", lambda: self.now)

    def find(self, *sizes: int) -> None:
        """Changes of others, found by looking."""
        for size in sizes:
            self.watch.moved(cast("State", Sized(size)))

    def lags(self) -> bool:
        self.now += LATE_SECONDS
        return self.watch.look().lagging


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> World:
    return World(monkeypatch)


def test_look__tells_what_the_bus_says_of_itself(world: World) -> None:
    world.line.standing = Standing(connected=False, since=7.0)

    assert world.watch.look() == BusState("pigeon", connected=False, lagging=False, since=7.0)


@pytest.mark.parametrize("away", [False, True])
def test_look__tells_whether_limits_and_counts_are_shared(world: World, away: bool) -> None:
    world.line.shared = Kept()
    world.line.shared.away = away
    with suppress(BusLost):
        world.line.shared.add({"a": 1}, seconds=60)

    assert (world.watch.look().unshared is not None) == away


def test_look__after_changes_that_were_found_and_never_heard_of__lags_since_the_first(world: World) -> None:
    world.find(1, 2, 3)
    first = world.clock.now.timestamp() - 0.002
    at_once = world.watch.look().lagging
    lags = world.lags()

    assert (at_once, lags) == (False, True)
    assert world.watch.look().since == pytest.approx(first)


@pytest.mark.parametrize("count", [1, LATE_CHANGES - 1])
def test_look__after_fewer__does_not_lag(world: World, count: int) -> None:
    world.find(*range(1, count + 1))

    assert not world.lags()


def test_look__once_a_later_size_is_heard__does_not_lag(world: World) -> None:
    world.find(1, 2, 3)
    lagged = world.lags()
    world.watch.heard(3)

    assert (lagged, world.lags()) == (True, False)


def test_look__of_changes_that_were_heard_first__does_not_lag(world: World) -> None:
    world.watch.heard(3)
    world.find(1, 2, 3)

    assert not world.lags()


def test_look__of_changes_that_this_process_made__does_not_lag(world: World) -> None:
    for size in range(1, 10):
        world.find(size)
        world.watch.made(size)

    assert not world.lags()


def test_look__of_changes_from_before_the_bus_was_found_again__does_not_lag(world: World) -> None:
    world.find(1, 2, 3)
    world.line.standing = Standing(connected=True, since=world.clock.now.timestamp() + 1)

    assert not world.lags()


def test_look__at_a_bus_within_one_process__never_lags(world: World) -> None:
    world.line.between_processes = False
    world.find(1, 2, 3)

    assert not world.lags()


def test_look__after_very_many_unheard_changes__remembers_few(world: World) -> None:
    world.find(*range(10_000))

    assert (world.lags(), len(world.watch._unheard)) == (True, 100)
