"""What every bus owes: others hear, nobody waits, nothing raises, and whatever failed is found again."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.contract.bus.conftest import BUSES, FIRST, OVER_A_NETWORK, End, FarSide, far_side_of, linked, until

from flagtrail import bus as door
from flagtrail.model.errors import SettingInvalid

QUICK_SECONDS = 30.0
"""Far below what waiting for the other side would take, far above what a busy machine takes."""


@pytest.fixture
def side(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[FarSide]:
    with far_side_of(request.param, tmp_path) as found:
        yield found


every_bus = pytest.mark.parametrize("side", BUSES, indirect=True)
every_networked_bus = pytest.mark.parametrize("side", OVER_A_NETWORK, indirect=True)


def opened(side: FarSide, ends: list[End], count: int, name: str = "one") -> list[End]:
    """So many ends of one bus, all of which listen."""
    made = [End(side.url, name) for _ in range(count)]
    ends.extend(made)
    assert linked(made[0], made[1:])
    return made


@every_bus
def test_publish__is_heard_by_all_others(side: FarSide, ends: list[End]) -> None:
    first, second, third = opened(side, ends, 3)
    first.bus.publish(FIRST)

    assert (second.hears(FIRST), third.hears(FIRST)) == (True, True)


@every_bus
def test_publish__is_heard_by_oneself_once_at_most(side: FarSide, ends: list[End]) -> None:
    first, second = opened(side, ends, 2)
    first.bus.publish(FIRST)
    second.hears(FIRST)
    first.bus.publish(FIRST + 1)
    second.hears(FIRST + 1)

    assert first.heard.count(FIRST) <= 1


@every_bus
def test_publish__of_many_at_once__tells_the_largest(side: FarSide, ends: list[End]) -> None:
    first, second = opened(side, ends, 2)
    for size in range(FIRST, FIRST + 1_000):
        first.bus.publish(size)

    assert second.hears(FIRST + 999)
    assert second.heard == sorted(second.heard)


@every_bus
def test_publish__of_another_installation__is_not_heard(side: FarSide, ends: list[End]) -> None:
    first, second = opened(side, ends, 2)
    (other, *_) = opened(side, ends, 2, name="two")
    other.bus.publish(FIRST)
    first.bus.publish(FIRST + 1)

    assert (second.hears(FIRST + 1), second.heard.count(FIRST)) == (True, 0)


@every_bus
def test_publish__from_many_threads__is_heard(side: FarSide, ends: list[End]) -> None:
    first, second = opened(side, ends, 2)
    threads = [threading.Thread(target=first.bus.publish, args=(FIRST + size,)) for size in range(50)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert second.hears(FIRST + 49)


@every_bus
def test_close__just_after_telling__tells(side: FarSide, ends: list[End]) -> None:
    first, second = opened(side, ends, 2)
    first.bus.publish(FIRST)
    first.bus.close()

    assert second.hears(FIRST)


@every_bus
def test_close__more_than_once_and_before_anything__does_nothing(side: FarSide) -> None:
    bus = door.load(side.url, "one")
    bus.close()
    bus.close()
    bus.publish(1)


@every_bus
def test_close__ends_hearing(side: FarSide, ends: list[End]) -> None:
    first, second, third = opened(side, ends, 3)
    second.bus.close()
    second.heard.clear()
    first.bus.publish(FIRST)

    assert (third.hears(FIRST), second.heard) == (True, [])


@every_networked_bus
def test_publish__after_the_other_side_was_killed_and_started_again__is_heard(side: FarSide, ends: list[End]) -> None:
    first, second = opened(side, ends, 2)
    side.kill()
    first.bus.publish(FIRST)
    side.start()

    assert linked(first, [second])


@every_networked_bus
def test_publish__after_the_other_side_hung_and_went_on__is_heard(side: FarSide, ends: list[End]) -> None:
    first, second = opened(side, ends, 2)
    side.hang()
    first.bus.publish(FIRST)
    side.go_on()

    assert second.hears(FIRST) or linked(first, [second])


@every_networked_bus
@pytest.mark.parametrize("fault", ["kill", "hang"])
def test_publish_and_close__while_the_other_side_is_gone__are_quick(side: FarSide, ends: list[End], fault: str) -> None:
    first, _ = opened(side, ends, 2)
    getattr(side, fault)()
    started = time.monotonic()
    for size in range(10_000):
        first.bus.publish(size)
    first.bus.close()
    took = time.monotonic() - started

    assert took < QUICK_SECONDS


@every_networked_bus
def test_bus__opened_while_the_other_side_is_gone__is_heard_once_that_is_back(side: FarSide, ends: list[End]) -> None:
    side.kill()
    ends.extend(End(side.url, "one") for _ in range(2))
    side.start()

    assert linked(ends[0], ends[1:])


@every_bus
def test_standing__while_it_listens__is_connected(side: FarSide, ends: list[End]) -> None:
    before = time.time()
    unheard = door.load(side.url, "one")
    first, second = opened(side, ends, 2)
    unheard.close()

    assert until(lambda: first.bus.standing.connected)
    assert unheard.standing.connected is False
    assert before - 1 <= second.bus.standing.since <= time.time()


@every_networked_bus
@pytest.mark.parametrize("fault", ["kill", "hang"])
def test_standing__while_the_other_side_is_gone__is_lost_and_found_again(
    side: FarSide, ends: list[End], fault: str
) -> None:
    first, second = opened(side, ends, 2)
    getattr(side, fault)()

    def lost() -> bool:
        first.bus.publish(FIRST)  # a bus that tells finds out sooner than one that listens
        return not first.bus.standing.connected

    was_lost = until(lost)
    since = first.bus.standing.since
    if fault == "kill":
        side.start()
    else:
        side.go_on()
    found = until(lambda: linked(first, [second]) and first.bus.standing.connected)

    assert (was_lost, found, first.bus.standing.since >= since) == (True, True, True)


@every_networked_bus
def test_bus__once_closed__leaves_no_thread(side: FarSide, ends: list[End]) -> None:
    before = set(threading.enumerate())
    for end in opened(side, ends, 2):
        end.bus.close()

    assert until(lambda: set(threading.enumerate()) <= before)


def test_load__of_a_scheme_that_nobody_serves__names_the_known_ones() -> None:
    with pytest.raises(SettingInvalid, match="known are local, "):
        door.load("pigeon://loft", "one")
