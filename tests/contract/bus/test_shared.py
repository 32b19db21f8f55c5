"""What replicas share owes: each step is added once, in order or not at all; what nobody adds to is found."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from tests.contract.bus.conftest import BUSES, far_side_of, until
from tests.support.kept import Kept
from tests.support.redis_server import running_redis

from flagtrail import bus as door
from flagtrail.bus import BusLost, Shared

NAME = "usage-1"


@contextmanager
def shared_by(kind: str, folder: Path) -> Iterator[Shared]:
    if kind == "kept":
        yield Kept()
        return
    with running_redis(folder) as server:
        bus = door.load(server.url, "one")
        assert bus.shared is not None
        yield bus.shared
        bus.close()


@pytest.fixture(params=["kept", "redis"])
def shared(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Shared]:
    with shared_by(request.param, tmp_path) as found:
        yield found


@pytest.mark.parametrize("name", BUSES)
def test_shared__of_every_bus__is_there_or_said_to_be_missing(name: str, tmp_path: Path) -> None:
    with far_side_of(name, tmp_path) as side:
        bus = door.load(side.url, "one")
        found = bus.shared
        bus.close()

    assert (found is not None) == (name == "redis")


def test_copy__steps_in_order__add_up(shared: Shared) -> None:
    taken = [
        shared.copy(NAME, {"a": 1, "b": 2}, after="", step="s1"),
        shared.copy(NAME, {"b": 3, "ключ": 4}, after="s1", step="s2"),
        shared.copy(NAME, {}, after="s2", step="s3"),
    ]

    assert (taken, shared.take(NAME)) == ([True] * 3, {"a": 1, "b": 5, "ключ": 4})


@pytest.mark.parametrize("after", ["s1", "s3", "other"])
def test_copy__a_step_that_is_not_the_next__adds_nothing(shared: Shared, after: str) -> None:
    shared.copy(NAME, {"a": 1}, after="", step="s1")
    shared.copy(NAME, {"a": 1}, after="s1", step="s2")
    taken = shared.copy(NAME, {"a": 10}, after=after, step="s9")

    assert (taken, shared.take(NAME)) == (False, {"a": 2})


def test_copy__begun_anew__holds_nothing_of_before(shared: Shared) -> None:
    shared.copy(NAME, {"a": 1}, after="", step="s1")
    shared.copy(NAME, {"b": 7}, after="", step="s5")

    assert shared.take(NAME) == {"b": 7}


def test_copy__that_was_lost__says_so(shared: Shared) -> None:
    shared.copy(NAME, {"a": 1}, after="", step="s1")
    shared.forget(NAME)

    assert (shared.copy(NAME, {"a": 1}, after="s1", step="s2"), shared.take(NAME)) == (False, {})


def test_copies__are_found_by_how_long_nobody_added_to_them(shared: Shared) -> None:
    shared.copy(NAME, {"a": 1}, after="", step="s1")
    now, later = shared.copies(0.0), shared.copies(60.0)

    assert (list(now), 0 <= now[NAME] < 5, later) == ([NAME], True, {})


def test_copies__of_one_that_nobody_adds_to__grow_old_and_those_of_one_that_lives_do_not(shared: Shared) -> None:
    shared.copy("usage-2", {"a": 1}, after="", step="s0")
    steps = [f"s{number}" for number in range(1_000)]
    shared.copy(NAME, {"a": 1}, after="", step=steps[0])
    numbers = iter(range(1, 1_000))

    def old() -> bool:
        number = next(numbers)
        shared.copy(NAME, {}, after=steps[number - 1], step=steps[number])
        threading.Event().wait(0.02)
        return "usage-2" in shared.copies(0.5)

    assert until(old)
    assert list(shared.copies(0.5)) == ["usage-2"]


def test_take__ends_a_copy__and_tells_the_same_until_it_is_forgotten(shared: Shared) -> None:
    shared.copy(NAME, {"a": 1}, after="", step="s1")
    taken = shared.take(NAME)
    late = shared.copy(NAME, {"a": 1}, after="s1", step="s2")
    anew = shared.copy(NAME, {"a": 7}, after="", step="s3")
    again, named = shared.take(NAME), list(shared.copies(0.0))
    shared.forget(NAME)

    assert (taken, late, anew, again, named) == ({"a": 1}, False, True, {"a": 1}, [NAME])
    assert (shared.take(NAME), shared.copies(0.0)) == ({}, {})


def test_take__of_what_is_not_there__is_nothing(shared: Shared) -> None:
    assert shared.take(NAME) == {}


def test_forget__removes_a_copy_and_minds_no_other(shared: Shared) -> None:
    for name in (NAME, "usage-2"):
        shared.copy(name, {"a": 1}, after="", step="s1")
    for _ in range(2):
        shared.forget(NAME)

    assert (shared.take(NAME), list(shared.copies(0.0))) == ({}, ["usage-2"])


def test_add__tells_what_each_counter_holds_and_how_long(shared: Shared) -> None:
    first = shared.add({"a": 2, "ключ": 1}, seconds=60)
    again = shared.add({"a": 3}, seconds=600)

    assert {name: found.total for name, found in first.items()} == {"a": 2, "ключ": 1}
    assert again["a"].total == 5
    assert 50 < again["a"].left <= first["a"].left <= 60


def test_add__once_a_counter_has_passed__begins_anew(shared: Shared) -> None:
    shared.add({"a": 2}, seconds=1)

    assert until(lambda: shared.add({"a": 1}, seconds=1)["a"].total == 1)


def test_shared__of_another_installation__is_another(tmp_path: Path) -> None:
    with running_redis(tmp_path) as server:
        one, two = door.load(server.url, "one"), door.load(server.url, "two")
        assert one.shared is not None
        assert two.shared is not None
        one.shared.copy(NAME, {"a": 1}, after="", step="s1")
        one.shared.add({"a": 1}, seconds=60)
        found = (two.shared.copies(0.0), two.shared.take(NAME), two.shared.add({"a": 1}, seconds=60)["a"].total)
        for bus in (one, two):
            bus.close()

    assert found == ({}, {}, 1)


@pytest.mark.parametrize("fault", ["kill", "hang"])
def test_shared__while_the_other_side_is_gone__says_so_and_finds_it_again(tmp_path: Path, fault: str) -> None:
    with running_redis(tmp_path) as server:
        bus = door.load(server.url, "one")
        shared = bus.shared
        assert shared is not None
        shared.copy(NAME, {"a": 1}, after="", step="s1")
        getattr(server, fault)()
        with pytest.raises(BusLost):
            shared.copy(NAME, {"a": 1}, after="s1", step="s2")
        failed = shared.failing is not None
        if fault == "kill":
            server.start()
        else:
            server.go_on()
        found = shared.copy(NAME, {"a": 2}, after="", step="s3"), shared.take(NAME), shared.failing
        bus.close()

    assert (failed, found) == (True, (True, {"a": 2}, None))
