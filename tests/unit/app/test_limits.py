"""Limits: judged in memory, counted by all replicas together, and by each alone while they cannot."""

from __future__ import annotations

import threading

import pytest
from tests.support.kept import Kept

from flagtrail.app import limits
from flagtrail.app.identity import Identity
from flagtrail.app.limits import (
    FAILURES,
    GAP_SECONDS,
    LOST_SECONDS,
    WINDOW_SECONDS,
    Limit,
    Limits,
    LimitTeller,
    network,
)
from flagtrail.model.actor import SYSTEM
from flagtrail.model.errors import TooManyRequests


class Replica:
    """One replica of an installation whose replicas share `shared` and a clock."""

    def __init__(self, world: World) -> None:
        self.limit = Limit("failures", 3, "at most {most}", clock=lambda: world.now)
        self.teller = LimitTeller([self.limit], world.shared, clock=lambda: world.now)

    def count(self, times: int, subject: str = "a") -> None:
        for _ in range(times):
            self.limit.count(subject)


class World:
    def __init__(self) -> None:
        self.now = 1_000.0
        self.shared = Kept(lambda: self.now)
        self.first, self.second = Replica(self), Replica(self)

    def tell(self) -> None:
        """Both replicas tell each other, with a pause before."""
        self.now += GAP_SECONDS
        self.first.teller.step()
        self.second.teller.step()


def refused(limit: Limit, subject: str = "a") -> bool:
    try:
        limit.refuse(subject)
    except TooManyRequests:
        return True
    return False


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("fe80::1%eth0", "fe80::/64"),
        ("", ""),
        ("testclient", "testclient"),
    ],
)
def test_network__of_an_address__is_what_its_owner_cannot_leave_at_will(address: str, expected: str) -> None:
    assert network(address) == expected


@pytest.mark.parametrize(("times", "expected"), [(2, False), (3, True), (4, True)])
def test_refuse__as_often_as_it_may_or_more__refuses(times: int, expected: bool) -> None:
    replica = World().first
    replica.count(times)

    assert (refused(replica.limit), refused(replica.limit, "b")) == (expected, False)


def test_refuse__says_how_often_it_may_be_and_when_again() -> None:
    world = World()
    world.first.count(1)
    world.now += 10.5
    world.first.count(2)

    with pytest.raises(TooManyRequests, match="at most 3") as refusal:
        world.first.limit.refuse("a")
    assert refusal.value.facts == {"retry_after": WINDOW_SECONDS - 10}


def test_refuse__once_the_window_has_passed__begins_anew() -> None:
    world = World()
    world.first.count(3)
    world.now += WINDOW_SECONDS
    after = refused(world.first.limit)
    world.first.count(1)

    assert (after, refused(world.first.limit)) == (False, False)


def test_limit__of_more_subjects_than_memory_allows__forgets_the_oldest(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "MAX_SUBJECTS", 10)
    world = World()
    for number in range(100):
        world.now += 0.01
        world.first.count(3, str(number))

    assert len(world.first.limit._windows) <= 10
    assert world.first.limit._untold <= world.first.limit._windows.keys()
    assert (refused(world.first.limit, "0"), refused(world.first.limit, "99")) == (False, True)


def test_replicas__that_tell_each_other__refuse_what_all_counted() -> None:
    world = World()
    world.first.count(2)
    world.tell()
    world.second.count(1)
    before = refused(world.second.limit)
    world.tell()

    assert (before, refused(world.second.limit), refused(world.first.limit)) == (False, True, False)


def test_replicas__that_tell_each_other__wait_until_the_first_ones_window_ends() -> None:
    world = World()
    world.first.count(2)
    world.tell()
    world.now += 30
    world.second.count(1)
    world.tell()
    left = world.second.limit.reached("a")
    world.now += left

    assert (left < 30, refused(world.second.limit)) == (True, False)


def test_replicas__while_nothing_answers__judge_by_their_own_counts() -> None:
    world = World()
    world.shared.away = True
    world.first.count(2)
    world.second.count(3)
    world.tell()

    assert (refused(world.first.limit), refused(world.second.limit)) == (False, True)


def test_replicas__once_something_answers_again__tell_each_other() -> None:
    world = World()
    world.shared.away = True
    world.first.count(1)
    world.tell()
    world.shared.away = False
    world.now += LOST_SECONDS
    world.first.count(2)
    world.tell()
    world.second.count(1)
    world.tell()

    assert (refused(world.first.limit), refused(world.second.limit)) == (True, True)


def test_step__a_moment_after_another__waits() -> None:
    world = World()
    world.first.teller.step()
    world.now += GAP_SECONDS / 4
    world.first.count(1)

    assert world.first.teller.step() == pytest.approx(GAP_SECONDS * 3 / 4)
    assert world.first.limit.tell() == {"a": 1}


def test_step__of_more_than_is_told_at_once__comes_again_soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "MAX_TOLD", 2)
    world = World()
    for subject in "abc":
        world.first.count(1, subject)
    first = world.first.teller.step()
    world.now += GAP_SECONDS

    assert (first, world.first.teller.step(), world.first.limit.tell()) == (GAP_SECONDS, None, {})


def test_limit__counted_from_many_threads_while_it_is_told__counts_each_once() -> None:
    world = World()
    threads = [threading.Thread(target=world.first.count, args=(500,)) for _ in range(4)]
    for thread in threads:
        thread.start()
    told = 0
    while any(thread.is_alive() for thread in threads):
        told += world.first.limit.tell().get("a", 0)

    assert told + world.first.limit.tell().get("a", 0) == 2_000


@pytest.mark.parametrize(("reads_ruleset", "expected"), [(True, 20), (False, 2)])
def test_admit_report__of_a_client_token__is_refused_ten_times_sooner(reads_ruleset: bool, expected: int) -> None:
    limited = Limits(20)
    token = Identity(SYSTEM, evaluates_only=True, reads_ruleset=reads_ruleset, token="t")
    for _ in range(expected):
        limited.admit_report(token)

    with pytest.raises(TooManyRequests, match=f"reports usage {expected} times a minute at most"):
        limited.admit_report(token)
    limited.admit_report(Identity(SYSTEM, evaluates_only=True, reads_ruleset=reads_ruleset, token="other"))


def test_on_counted__is_called_for_every_limit() -> None:
    limited, calls = Limits(20), []
    limited.on_counted(lambda: calls.append(1))
    for _ in range(FAILURES):
        limited.failures.count("a")
    limited.admit_report(Identity(SYSTEM, evaluates_only=True, token="t"))

    assert len(calls) == FAILURES + 1
