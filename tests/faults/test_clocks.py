"""Clocks that are hours apart, and clocks that jump, among sixteen writers; and a day on which nobody takes alerts."""

from __future__ import annotations

import time
from datetime import datetime
from functools import partial
from pathlib import Path

import httpx2
import msgspec
import pytest
from tests.support.clock import Clock
from tests.support.postgres import url_for
from tests.support.world import World, until, world

pytestmark = pytest.mark.slow

HOUR = 3_600.0
DAY = 24 * HOUR


def test_replicas__whose_clocks_are_hours_apart__keep_order_leases_and_alerts(tmp_path: Path) -> None:
    late, early = Clock(tmp_path / "late", -5 * HOUR), Clock(tmp_path / "early", 7 * HOUR)
    with world(tmp_path, url_for(tmp_path), {"clock": late}, {"clock": early}) as company:
        with company.working():
            company.worked(5)
            seen = [_time_at(company, place) for place in (0, 1)]
        session = _signed_in(company, 1)  # the first replica made the link
        who = [_who(company, place, session) for place in (0, 1)]

        assert seen[1] - seen[0] > 11 * HOUR
        assert who == ["Owner", "Owner"]
        assert (set(company.takings().values()), company.refused()) == ({1}, 0)
        assert company.defects() == []


def _time_at(company: World, place: int) -> float:
    """What time it is for a replica by the newest line of its log: Unix seconds."""
    lines = company.servers[place].log.read_bytes().rpartition(b"\n")[0].splitlines()
    return datetime.fromisoformat(msgspec.json.decode(lines[-1])["timestamp"]).timestamp()


def _is_ahead(company: World, place: int, seconds: float) -> bool:
    return abs(_time_at(company, place) - time.time() - seconds) < HOUR / 10


def _signed_in(company: World, place: int) -> httpx2.Cookies:
    """The owner follows the link of the first start, at whichever replica."""
    link = next(server.login for server in company.servers if server.login is not None)
    with httpx2.Client(base_url=company.servers[place].url, follow_redirects=True, timeout=30.0) as browser:
        browser.post("/login", data={"token": link}).raise_for_status()
        return browser.cookies


def _who(company: World, place: int, session: httpx2.Cookies) -> str:
    """Whom a replica takes the session's holder for."""
    with httpx2.Client(base_url=company.servers[place].url, cookies=session, timeout=30.0) as browser:
        return str(browser.get("/api/v1/me").json()["actor"]["name"])


def test_clock__of_one_replica_that_jumps_forth_and_back__disturbs_nothing(tmp_path: Path) -> None:
    clock = Clock(tmp_path / "clock")
    with world(tmp_path, url_for(tmp_path), {"clock": clock}, {}) as company:
        statuses = set()
        with company.working():
            for seconds in (2 * DAY, -2 * DAY, HOUR, 0.0):
                clock.set(seconds)
                assert until(partial(_is_ahead, company, 0, seconds))
                company.worked(1)
                statuses |= {company.readiness(place)[1]["status"] for place in (0, 1)}

        assert (statuses, set(company.takings().values()), company.refused()) == ({"ok"}, {1}, 0)
        assert company.defects() == []


def test_receiver__down_for_a_day__is_asked_now_and_then_and_gets_everything_in_order(tmp_path: Path) -> None:
    clock, hops = Clock(tmp_path / "clock", hastened=True), 4
    with world(tmp_path, url_for(tmp_path), {"clock": clock}) as company:
        with company.working():
            company.receiver.status = 503
            taken, asked = len(company.receiver.taken), len(company.receiver.received)
            for hop in range(1, hops + 1):
                clock.set(hop * DAY / hops)
                assert until(partial(_asked_more_than, company, asked + hop - 1))
                company.worked(1)  # meanwhile it is written down that this failed
            refused = len(company.receiver.received) - asked
            waiting = len(company.receiver.taken) == taken
            company.receiver.status = 204
            clock.set(DAY + HOUR)  # longer than any back-off

        # Whatever waits, one alert of it is tried: when a wait ends, and a few times while waits are short.
        assert (waiting, refused <= 3 * hops) == (True, True)
        assert company.defects() == []


def _asked_more_than(company: World, times: int) -> bool:
    return len(company.receiver.received) > times
