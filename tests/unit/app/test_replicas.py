"""Several replicas of one installation, in one process: what one does the others know."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tests.support.postgres import url_for
from tests.support.redis_server import running_redis

from flagtrail.app import bootstrap, bus_watch
from flagtrail.app.bootstrap import App
from flagtrail.app.identity import SYSTEM_IDENTITY
from flagtrail.app.projects import project_operations
from flagtrail.app.settings import Settings
from flagtrail.model.change import Change
from flagtrail.model.environment import Project

WAIT_SECONDS = 60.0


def until(holds: Callable[[], object]) -> bool:
    deadline = time.monotonic() + WAIT_SECONDS
    while time.monotonic() < deadline:
        if holds():
            return True
        threading.Event().wait(0.01)
    return False


def change(app: App, project: str) -> int:
    """The ledger's size after a change by this replica."""
    operations = tuple(project_operations(Project(project)))
    return app.changes.apply(SYSTEM_IDENTITY, Change(operations=operations, why="a test")).size


@pytest.fixture(params=["local", "redis", "postgres"])
def settings(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Settings]:
    """Replicas that use a bus of this kind."""
    sqlite = f"sqlite:///{tmp_path}/flagtrail.db"
    if request.param == "local":
        yield Settings(database=sqlite)
    elif request.param == "postgres":
        yield Settings(database=url_for(tmp_path), key_file=f"{tmp_path}/flagtrail.key")
    else:
        with running_redis(tmp_path) as server:
            yield Settings(database=sqlite, redis=server.url)


@pytest.fixture
def replicas(settings: Settings) -> Iterator[list[App]]:
    apps = [App(settings) for _ in range(3)]
    for app in apps:
        app.start()
    yield apps
    for app in apps:
        app.close()


@pytest.fixture
def seldom(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody looks at the head by itself within a test: what is known came by the bus."""
    monkeypatch.setattr(bootstrap, "CATCH_UP_SECONDS", 3_600.0)


@pytest.mark.usefixtures("seldom")
def test_change__by_one_replica__is_known_to_the_others_by_the_bus(replicas: list[App]) -> None:
    numbers = iter(range(1_000))

    def known() -> bool:
        """Repeated: what was told before all listened was not heard."""
        size = change(replicas[0], f"p{next(numbers)}")
        threading.Event().wait(0.1)
        return all(app.changes.state.size == size for app in replicas)

    assert until(known)


def test_watch__of_replicas_whose_buses_do_not_reach_each_other__lags(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bus_watch, "LATE_SECONDS", 0.0)
    database = f"sqlite:///{tmp_path}/flagtrail.db"
    with running_redis(tmp_path) as one, running_redis(tmp_path) as other:
        first, second, third = (App(Settings(database=database, redis=url)) for url in (one.url, one.url, other.url))
        for app in (first, second, third):
            app.start()
        assert until(lambda: all(app.watch.look().connected for app in (first, second, third)))
        for number in range(bus_watch.LATE_CHANGES):
            size = change(first, f"p{number}")
            assert until(lambda size=size: third.changes.state.size == size)  # type: ignore[misc]  # bound at once
        lagging = until(lambda: third.watch.look().lagging)
        hearing = until(lambda: not second.watch.look().lagging and second.changes.state.size == size)
        own = first.watch.look().lagging
        for app in (first, second, third):
            app.close()

    assert (lagging, hearing, own) == (True, True, False)


def test_change__with_the_bus_lost__is_known_to_the_others_all_the_same(tmp_path: Path) -> None:
    settings = Settings(database=f"sqlite:///{tmp_path}/flagtrail.db", redis="redis://127.0.0.1:1/0")
    first, second = App(settings), App(settings)
    for app in (first, second):
        app.start()
    size = change(first, "shop")
    known = until(lambda: second.changes.state.size == size)
    for app in (first, second):
        app.close()

    assert known


@pytest.mark.parametrize(
    ("given", "bus"),
    [
        pytest.param(Settings(), "local:", id="a file alone"),
        pytest.param(Settings(database="postgresql://db/flags"), "postgresql://db/flags", id="PostgreSQL"),
        pytest.param(Settings(database="postgresql://db/flags", redis="redis://r"), "redis://r", id="Redis too"),
        pytest.param(Settings(redis="rediss://r"), "rediss://r", id="a file and Redis"),
    ],
)
def test_bus__is_the_quickest_that_the_settings_name(given: Settings, bus: str) -> None:
    assert given.bus == bus


def test_changes__that_this_process_made__are_told_and_others_are_not(tmp_path: Path) -> None:
    settings = Settings(database=f"sqlite:///{tmp_path}/flagtrail.db")
    first, second = App(settings), App(settings)
    told: list[int] = []
    second.changes.on_made(told.append)
    change(first, "shop")
    second.changes.catch_up()
    own = change(second, "other")
    for app in (first, second):
        app.close()

    assert told == [own]
