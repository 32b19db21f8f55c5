"""Leases: one holder at a time, whatever stops, dies, comes back, or has another idea of the time."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support.installation import Clock

from flagtrail import storage as door
from flagtrail.app.lease import RENEW_SECONDS, TAKE_OVER_SECONDS, Lease, LeaseLost, Leases
from flagtrail.model.errors import StorageFailed
from flagtrail.storage import Cell, Storage, Transaction

PROMISE_SECONDS = 5.0
JOB = "job"


class World:
    """One storage and the time that passes for everybody alike, whatever their wall clocks say."""

    def __init__(self, storage: Storage) -> None:
        self.storage = storage
        self.now = 1_000.0

    def replica(self, year: int = 2026, *names: str) -> Replica:
        return Replica(self, Clock(datetime(year, 1, 1, tzinfo=UTC)), names or (JOB,))


class Replica:
    """One replica that wants some leases. Its monotonic clock began at some time of its own."""

    def __init__(self, world: World, clock: Clock, names: tuple[str, ...]) -> None:
        offset = float(clock.now.year)
        self._world = world
        self.leases = Leases(world.storage, clock, monotonic=lambda: world.now + offset)
        self.of = {name: self.leases.lease(name) for name in names}

    @property
    def lease(self) -> Lease:
        return self.of[JOB]

    def may_write(self) -> bool:
        """Whether a transaction lets it do something in the lease's name."""
        try:
            self._world.storage.write(self.lease.require)
        except LeaseLost:
            return False
        return True


@pytest.fixture(params=["memory", "sqlite"])
def world(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[World]:
    url = "memory://" if request.param == "memory" else f"sqlite:///{tmp_path}/flagtrail.db"
    storage = door.load(url)
    yield World(storage)
    storage.close()


def pass_time(world: World, seconds: float, *alive: Replica) -> None:
    """Let time pass; who is alive looks as often as it wants to."""
    due = dict.fromkeys(alive, world.now)
    end = world.now + seconds
    while world.now < end:
        for replica in alive:
            if due[replica] <= world.now:
                due[replica] = world.now + replica.leases.tend()
        world.now = min(end, *due.values()) if due else end


def holders(*replicas: Replica) -> list[bool]:
    return [replica.lease.held() for replica in replicas]


def test_tend__by_the_first__takes_what_is_free(world: World) -> None:
    first, second = world.replica(), world.replica()
    first.leases.tend()
    second.leases.tend()

    assert holders(first, second) == [True, False]


def test_lease__never_tended__is_not_held(world: World) -> None:
    replica = world.replica()

    assert (replica.lease.held(), replica.may_write()) == (False, False)


def test_lease__while_its_holder_renews__stays_with_it(world: World) -> None:
    first, second = world.replica(), world.replica()
    pass_time(world, 600.0, first, second)

    assert holders(first, second) == [True, False]


def test_lease__of_a_holder_that_died__is_taken_over_within_the_promise(world: World) -> None:
    first, second = world.replica(), world.replica()
    pass_time(world, 10.0, first, second)
    died = world.now
    while not second.lease.held():
        pass_time(world, 0.01, second)

    assert TAKE_OVER_SECONDS - RENEW_SECONDS <= world.now - died <= PROMISE_SECONDS - 0.5


def test_lease__given_back__is_taken_at_the_next_look(world: World) -> None:
    first, second = world.replica(), world.replica()
    pass_time(world, 3.0, first, second)
    first.leases.stop()
    second.leases.tend()

    assert holders(first, second) == [False, True]


def test_lease__of_a_holder_that_was_stopped_and_goes_on__is_not_its_any_more(world: World) -> None:
    first, second = world.replica(), world.replica()
    pass_time(world, 3.0, first, second)
    pass_time(world, PROMISE_SECONDS, second)
    before = (first.lease.held(), first.may_write())
    pass_time(world, 10.0, first, second)

    assert (before, holders(first, second)) == ((False, False), [False, True])


def test_require__by_a_holder_whose_own_clock_stood_still__refuses(world: World) -> None:
    first, second = world.replica(), world.replica()
    first.leases.tend()
    then = world.now
    second.leases.tend()
    pass_time(world, PROMISE_SECONDS, second)
    world.now = then  # as it is for the first one: its whole machine was suspended
    held, writes = first.lease.held(), first.may_write()

    assert (held, writes) == (True, False)


@pytest.mark.parametrize(("first_year", "second_year"), [(2026, 2036), (2036, 2026), (1980, 2026)])
def test_lease__with_wall_clocks_that_differ_by_years__has_one_holder(
    world: World, first_year: int, second_year: int
) -> None:
    first, second = world.replica(first_year), world.replica(second_year)
    found = set()
    for _ in range(100):
        pass_time(world, 0.3, first, second)
        found.add(tuple(holders(first, second)))

    assert found == {(True, False)}


def test_lease__with_skewed_wall_clocks__is_taken_over_all_the_same(world: World) -> None:
    first, second = world.replica(2036), world.replica(1980)
    pass_time(world, 3.0, first, second)
    pass_time(world, PROMISE_SECONDS, second)

    assert holders(first, second) == [False, True]


def test_lease__whose_holders_counter_expired_by_a_fast_clock__stays_with_its_holder(world: World) -> None:
    first, second = world.replica(1980), world.replica(2036)
    found = set()
    for _ in range(50):
        pass_time(world, 0.4, first, second)
        world.storage.delete_expired_cells(datetime(2036, 1, 1, tzinfo=UTC).timestamp())
        found.add(tuple(holders(first, second)))

    assert found == {(True, False)}


def test_fence__rises_with_each_holder(world: World) -> None:
    found = []
    for _ in range(3):
        replica = world.replica()
        replica.leases.tend()
        found.append(replica.leases.fence(JOB))
        replica.leases.stop()

    assert found == [1, 2, 3]


def test_lease__of_the_format_before__is_taken_over(world: World) -> None:
    world.storage.put_cell("lease", Cell(JOB, b'{"holder":"0011223344556677","until":99999999999.0}'))
    replica = world.replica()
    pass_time(world, PROMISE_SECONDS, replica)

    assert replica.lease.held()


def test_leases__of_one_holder_that_died__go_over_together(world: World) -> None:
    names = ("one", "two", "three")
    first, second = world.replica(2026, *names), world.replica(2026, *names)
    pass_time(world, 3.0, first, second)
    pass_time(world, PROMISE_SECONDS, second)

    assert [second.of[name].held() for name in names] == [True, True, True]


def test_leases__that_only_one_replica_wants__are_its_own(world: World) -> None:
    first, second = world.replica(2026, "one", JOB), world.replica(2026, JOB, "two")
    pass_time(world, 3.0, first, second)

    assert (first.of["one"].held(), second.of["two"].held()) == (True, True)


def test_on_taken__is_told_each_lease_once(world: World) -> None:
    told: list[str] = []
    replica = world.replica()
    replica.leases.on_taken(told.append)
    pass_time(world, 10.0, replica)

    assert told == [JOB]


def test_lease__while_the_storage_fails__ends_before_others_may_take_it(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = world.replica()
    first.leases.tend()

    def failing(_work: object) -> None:
        raise StorageFailed("the disk is full")

    monkeypatch.setattr(world.storage, "write", failing)
    with pytest.raises(StorageFailed):
        first.leases.tend()
    first_moment = first.lease.held()
    world.now += TAKE_OVER_SECONDS - 0.1

    assert (first_moment, first.lease.held()) == (True, False)


def test_start__takes_without_being_asked_and_stop_gives_back(world: World) -> None:
    leases = Leases(world.storage, Clock())
    lease = leases.lease(JOB)
    leases.start()
    deadline = time.monotonic() + 60
    while not lease.held() and time.monotonic() < deadline:
        time.sleep(0.01)
    held = lease.held()
    leases.stop()
    after = Leases(world.storage, Clock())
    taken = after.lease(JOB)
    after.tend()

    assert (held, lease.held(), taken.held()) == (True, False, True)


def test_start__goes_on_while_the_storage_fails(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[int] = []
    write = world.storage.write

    def failing_at_first(work: object) -> object:
        calls.append(1)
        if len(calls) == 1:
            raise StorageFailed("the disk is full")
        if len(calls) == 2:
            raise ZeroDivisionError
        return write(work)  # type: ignore[arg-type] # whatever the work is

    monkeypatch.setattr("flagtrail.app.lease.RENEW_SECONDS", 0.01)
    monkeypatch.setattr(world.storage, "write", failing_at_first)
    leases = Leases(world.storage, Clock())
    lease = leases.lease(JOB)
    leases.start()
    deadline = time.monotonic() + 60
    while not lease.held() and time.monotonic() < deadline:
        time.sleep(0.01)
    held = lease.held()
    leases.stop()

    assert held


def _note(tx: Transaction, replica: Replica, log: list[tuple[str, int | None]]) -> None:
    replica.lease.require(tx)
    log.append((replica.leases.replica, replica.leases.fence(JOB)))


@given(st.lists(st.tuples(st.floats(0.05, 4.0), st.sets(st.integers(0, 2)), st.integers(0, 2)), max_size=40))
def test_lease__whoever_stops_and_goes_on_when__lets_two_never_write_under_one_fence(
    steps: list[tuple[float, set[int], int]],
) -> None:
    """Law: fences never fall, and each belongs to one replica. Any subset lives at each step, and any one writes."""
    world = World(door.load("memory://"))
    replicas = [world.replica(year) for year in (1990, 2026, 2040)]
    written: list[tuple[str, int | None]] = []
    held_by_two = False
    for seconds, alive, writer in steps:
        pass_time(world, seconds, *(replicas[each] for each in sorted(alive)))
        held_by_two = held_by_two or sum(holders(*replicas)) > 1
        try:
            world.storage.write(lambda tx, writer=writer: _note(tx, replicas[writer], written))  # type: ignore[misc] # bound now
        except LeaseLost:
            continue
    fences = [fence or 0 for _, fence in written]

    assert held_by_two is False
    assert fences == sorted(fences)
    assert len(set(written)) == len(set(fences))
