"""Redis killed and cut off among sixteen writers: losing the bus only delays."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
from tests.support.postgres import url_for
from tests.support.proxy import Proxy, proxy
from tests.support.redis_server import RunningRedis, redis_program, running_redis
from tests.support.world import World, until, world

pytestmark = pytest.mark.slow


@pytest.fixture
def redis(tmp_path: Path) -> Iterator[RunningRedis]:
    if redis_program() is None:
        pytest.skip("there is no redis-server: make redis")
    with running_redis(tmp_path) as server:
        yield server


@pytest.fixture
def network(redis: RunningRedis) -> Iterator[Proxy]:
    with proxy(redis.port) as made:
        yield made


@pytest.fixture
def company(tmp_path: Path, network: Proxy) -> Iterator[World]:
    """Both replicas reach Redis through the network."""
    address = {"redis": f"redis://127.0.0.1:{network.port}/0"}
    with world(tmp_path, url_for(tmp_path), address, address) as made:
        yield made


def test_redis__killed_among_writers__delays_and_refuses_nothing(company: World, redis: RunningRedis) -> None:
    with company.working():
        redis.kill()
        lost = until(lambda: company.logged("bus.lost"))
        company.worked()
        status, told = company.readiness(0)
        serves = company.serves()
        redis.start()
        found = until(lambda: len(company.logged("bus.found")) >= 2)

    assert (lost, found, serves, company.refused()) == (True, True, True, 0)
    assert (status, told["status"], told["parts"]["bus"]["status"]) == (200, "degraded", "degraded")
    assert company.defects() == []


def test_redis__cut_off_twice_among_writers__delays_and_refuses_nothing(company: World, network: Proxy) -> None:
    """The first time its connections go on when it is healed, the second time they are reset."""
    with company.working():
        for forget in (False, True):
            before = len(company.logged("bus.lost"))
            network.cut()
            assert until(partial(_logged_more_than, company, "bus.lost", before + 1))
            company.worked()
            assert company.serves()
            status, told = company.readiness(1)
            assert (status, told["status"], told["parts"]["bus"]["status"]) == (200, "degraded", "degraded")
            network.heal(forget=forget)
            assert until(partial(company.ready, 1))

    assert company.refused() == 0
    assert company.defects() == []


def _logged_more_than(company: World, event: str, count: int) -> bool:
    return len(company.logged(event)) > count
