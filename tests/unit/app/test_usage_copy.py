"""Copies of counts: what a killed replica had counted is written once, and losing the copies loses nothing."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from tests.support.installation import Shop
from tests.support.kept import Kept

from flagtrail.app import usage_copy
from flagtrail.app.usage import UsageCounter
from flagtrail.app.usage_copy import ABANDONED_SECONDS, LOST_SECONDS, UsageCopy, UsageDrain
from flagtrail.model.errors import StorageFailed
from flagtrail.model.resolution import Reason, Resolution
from flagtrail.model.usage import Usage
from flagtrail.storage import ReportMark

ON = Resolution("checkout", "on", value=True, reason=Reason.DEFAULT, rule="r1")
OFF = Resolution("checkout", "off", value=False, reason=Reason.DISABLED)


class World:
    """One replica that counts and copies, and whoever drains."""

    def __init__(self) -> None:
        self.shop = Shop().set_up()
        self.now = 0.0
        self.shared = Kept(lambda: self.now)
        self.counter = UsageCounter(self.shop.storage, self.shop.clock)
        self.copy = UsageCopy(self.counter, self.shared, clock=lambda: self.now)
        self.drain = UsageDrain(self.shop.storage, self.shared, self.shop.clock)

    def count(self, resolution: Resolution = ON, times: int = 1) -> None:
        for _ in range(times):
            self.counter.count("shop", "production", resolution, "ofrep")

    def drained(self) -> None:
        """Drain what nobody added to for long enough."""
        self.now += ABANDONED_SECONDS
        self.drain.step()

    def counted(self) -> dict[str, int]:
        return {row.variant: row.count for row in self.shop.storage.usage("shop")}


def test_drain__of_a_replica_that_was_killed__writes_what_it_had_copied() -> None:
    world = World()
    world.count(ON, 3)
    world.copy.step()
    world.count(ON, 2)
    world.count(OFF)
    world.copy.step()
    world.drained()

    assert (world.counted(), world.drain.recovered, world.shared.copies(0.0)) == ({"on": 5, "off": 1}, 6, {})


def test_drain__writes_the_rows_as_their_replica_would_have() -> None:
    written, drained = World(), World()
    for world in (written, drained):
        world.shop.clock.now = datetime(2026, 3, 5, 12, 40, tzinfo=UTC)
        world.count()
    written.counter.flush()
    drained.copy.step()
    drained.shop.clock.now = datetime(2026, 3, 5, 12, 40, ABANDONED_SECONDS.__ceil__(), tzinfo=UTC)
    drained.drained()

    assert drained.shop.storage.usage("shop") == written.shop.storage.usage("shop")


def test_drain__of_a_replica_that_lives__writes_nothing() -> None:
    world = World()
    world.count()
    world.copy.step()
    world.now += ABANDONED_SECONDS
    world.copy.step()
    world.drain.step()

    assert (world.counted(), list(world.shared.copies(0.0))) == ({}, [next(iter(world.counter.unwritten()))])


@pytest.mark.parametrize("first", ["flush", "copy"])
def test_drain__of_a_replica_that_stood_still_and_goes_on__loses_nothing_and_counts_once(first: str) -> None:
    world = World()
    world.count(ON, 3)
    world.copy.step()
    world.count(ON, 2)
    world.drained()
    world.count(OFF)
    for task in (world.counter.flush, world.copy.step) if first == "flush" else (world.copy.step, world.counter.flush):
        task()
    world.count()
    world.counter.flush()
    world.copy.step()

    assert (world.counted(), world.shared.copies(0.0)) == ({"on": 6, "off": 1}, {})


def test_drain__of_a_replica_that_adds_while_it_is_drained__loses_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World()
    world.count(ON, 3)
    world.copy.step()
    add = world.shop.storage.add_usage

    def meanwhile(rows: list[Usage], *, report: ReportMark) -> bool:
        monkeypatch.undo()
        world.count(ON, 2)
        world.copy.step()
        return add(rows, report=report)

    monkeypatch.setattr(world.shop.storage, "add_usage", meanwhile)
    world.drained()
    world.counter.flush()

    assert world.counted() == {"on": 5}


def test_drain__killed_after_writing__writes_nothing_again(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World()
    world.count(ON, 3)
    world.copy.step()

    def killed(_name: str) -> None:
        raise SystemExit

    with monkeypatch.context() as patched:
        patched.setattr(world.shared, "forget", killed)
        with pytest.raises(SystemExit):
            world.drained()
    world.drained()

    assert (world.counted(), world.shared.copies(0.0)) == ({"on": 3}, {})


def test_drain__while_the_database_is_away__keeps_the_copy(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World()
    world.count()
    world.copy.step()

    def failing(_rows: object, **_: object) -> None:
        raise StorageFailed("the disk is full")

    with monkeypatch.context() as patched:
        patched.setattr(world.shop.storage, "add_usage", failing)
        with pytest.raises(StorageFailed):
            world.drained()
    world.drained()

    assert world.counted() == {"on": 1}


@pytest.mark.parametrize("name", ["moved", "r-1", "usage-1", "usage-0123456789abcdef01234567/x"])
def test_drain__of_what_is_no_batch__removes_it_and_writes_nothing(name: str) -> None:
    world = World()
    world.shared.copy(name, {"anything": 1}, after="", step="s1")
    world.drained()

    assert (world.counted(), world.shared.copies(0.0)) == ({}, {})


def test_drain__of_a_copy_that_cannot_be_read__leaves_out_what_cannot() -> None:
    world = World()
    world.count()
    world.copy.step()
    (batch,) = world.shared.copies(0.0)
    world.shared.copy(batch, {"no row": 4, "[1]": 5}, after=world.shared.step_of(batch), step="forged")
    world.drained()

    assert (world.counted(), world.shared.copies(0.0)) == ({"on": 1}, {})


def test_copy__of_what_was_written__is_removed() -> None:
    world = World()
    world.count()
    world.copy.step()
    world.counter.flush()
    world.copy.step()

    assert (world.counted(), world.shared.copies(0.0)) == ({"on": 1}, {})


def test_copy__of_what_could_not_be_written__holds_it_and_what_was_counted_since(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    world = World()
    world.count(ON, 2)

    def failing(_rows: object, **_: object) -> None:
        raise StorageFailed("the disk is full")

    with monkeypatch.context() as patched:
        patched.setattr(world.shop.storage, "add_usage", failing)
        with pytest.raises(StorageFailed):
            world.counter.flush()
    world.count(ON, 3)
    world.copy.step()
    world.drained()

    assert world.counted() == {"on": 5}


def test_copy__that_was_lost__is_written_at_once() -> None:
    world = World()
    world.count(ON, 3)
    world.copy.step()
    world.shared.empty()
    world.count(OFF)
    world.copy.step()

    assert world.counted() == {"on": 3, "off": 1}


@pytest.mark.parametrize("answerless", [False, True])
def test_copy__while_nothing_answers__is_written_at_once_and_what_follows_is_copied_again(answerless: bool) -> None:
    world = World()
    world.count(ON, 3)
    world.copy.step()
    world.shared.away, world.shared.answerless = True, answerless
    world.count(ON)
    world.copy.step()
    at_once = world.counted()
    world.drain.step()
    world.shared.away = False
    world.count(OFF, 2)
    world.now += LOST_SECONDS
    world.copy.step()
    world.drained()

    assert (at_once, world.counted()) == ({"on": 4}, {"on": 4, "off": 2})


def test_copy__once_something_answers_again__finds_out_though_nothing_is_counted() -> None:
    world = World()
    world.shared.away = True
    world.count()
    world.copy.step()
    world.shared.away = False
    world.now += LOST_SECONDS
    failed = world.shared.failing is not None
    world.copy.step()

    assert (failed, world.shared.failing) == (True, None)


def test_copy__while_nothing_answers__asks_seldom() -> None:
    world = World()
    world.shared.away = True
    asked = []
    world.shared.asked = lambda: asked.append(world.now)
    for _ in range(12):
        world.count()
        world.copy.step()
        world.now += 1

    assert len(asked) == 3


def test_copy__in_doubt_of_what_cannot_be_written__is_written_when_that_is_possible(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    world = World()
    world.count(ON, 3)
    world.copy.step()
    world.shared.empty()

    def failing(_rows: object, **_: object) -> None:
        raise StorageFailed("the disk is full")

    with monkeypatch.context() as patched:
        patched.setattr(world.shop.storage, "add_usage", failing)
        with pytest.raises(StorageFailed):
            world.copy.step()
        world.count(ON, 2)
        world.copy.step()
    world.counter.flush()
    world.copy.step()

    assert (world.counted(), world.shared.copies(0.0)) == ({"on": 5}, {})


def test_copy__of_more_rows_than_a_step_takes__is_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World()
    monkeypatch.setattr(usage_copy, "MAX_STEP", 2)
    for variant in "abcde":
        world.count(Resolution("checkout", variant, value=1, reason=Reason.DEFAULT), 2)
    world.copy.step()
    world.count(Resolution("checkout", "c", value=1, reason=Reason.DEFAULT))
    world.copy.step()
    world.drained()

    assert world.counted() == {"a": 2, "b": 2, "c": 3, "d": 2, "e": 2}
