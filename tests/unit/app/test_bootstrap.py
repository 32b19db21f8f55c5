"""Starting, stopping and setting up: once, whole, and with clear refusals."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest
from tests.support.installation import Clock

from flagtrail.app.bootstrap import App
from flagtrail.app.clock import read_time, stamp, uuid7
from flagtrail.app.follow import Followers, Periodic
from flagtrail.app.settings import Settings, read_settings
from flagtrail.model.errors import FlagtrailError, InvalidQuery, SettingInvalid, StorageFailed


def test_first_start__happens_once_for_all_processes(tmp_path: Path) -> None:
    apps = [App(Settings(database=f"sqlite:///{tmp_path}/a.db")) for _ in range(2)]

    links = [app.first_start() for app in apps]

    assert ([link is None for link in links], [app.ready() for app in apps]) == ([False, True], [True, True])
    for app in apps:
        app.close()


def test_app__after_a_restart__keeps_its_origin_and_its_key(tmp_path: Path) -> None:
    found = []
    for _ in range(2):
        app = App(Settings(database=f"sqlite:///{tmp_path}/a.db"))
        found.append((app.origin, app.signer.vkey))
        app.close()

    assert found[0] == found[1]


def test_close__when_one_task_fails__still_does_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    app = App(Settings(database="memory://"))
    app.first_start()
    app.evaluation.evaluate("default", "production", "f", {})
    done = []

    def failing(**_: object) -> int:
        raise StorageFailed("the disk is full")

    monkeypatch.setattr(app.access, "record_failures", failing)
    monkeypatch.setattr(app.usage, "flush", lambda: done.append("usage"))
    with pytest.raises(StorageFailed):
        app.close()

    assert done == ["usage"]


@pytest.mark.parametrize("origin", ["my log", "a+b", "\n"])
def test_app__with_an_origin_that_names_no_log__is_refused(origin: str) -> None:
    with pytest.raises(SettingInvalid, match="cannot name a log"):
        App(Settings(database="memory://", origin=origin))


@pytest.mark.parametrize(
    ("environ", "setting"),
    [
        pytest.param({"FLAGTRAIL_DATABSE": "x"}, "FLAGTRAIL_DATABSE", id="a typo"),
        pytest.param({"FLAGTRAIL_PORT": "many"}, "port", id="a port that is no number"),
        pytest.param({"FLAGTRAIL_PORT": "-5"}, "port", id="a port below zero"),
        pytest.param({"FLAGTRAIL_USAGE_FLUSH_SECONDS": "0"}, "usage_flush_seconds", id="a flush without pause"),
        pytest.param({"FLAGTRAIL_USAGE_FLUSH_SECONDS": "nan"}, "usage_flush_seconds", id="a flush at no time"),
        pytest.param({"FLAGTRAIL_SESSION_HOURS": "1e300"}, "session_hours", id="an endless session"),
        pytest.param({"FLAGTRAIL_WEBHOOK_URL": "http://x"}, "FLAGTRAIL_WEBHOOK_SECRET", id="a webhook without secret"),
    ],
)
def test_read_settings__of_what_cannot_be_used__names_it(environ: dict[str, str], setting: str) -> None:
    with pytest.raises(SettingInvalid, match=setting):
        read_settings(environ)


def test_read_settings__reads_what_is_set_and_leaves_clients_and_sdks_their_own() -> None:
    theirs = {"FLAGTRAIL_URL": "http://x", "FLAGTRAIL_TOKEN": "t", "FLAGTRAIL_APPLICATION": "shop/1"}
    settings = read_settings({**theirs, "FLAGTRAIL_CACHE_FILE": "f.json", "FLAGTRAIL_PORT": "9000", "HOME": "/"})

    assert (settings.port, settings.base_url) == (9000, "http://127.0.0.1:9000")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-11-22T08:00:00.123456+01:00", "2026-11-22T07:00:00.123456Z"),
        ("2026-11-22", "2026-11-22T00:00:00.000000Z"),
        ("0001-01-01", "0001-01-01T00:00:00.000000Z"),
    ],
)
def test_read_time__of_a_time__is_a_stamp(text: str, expected: str) -> None:
    assert read_time(text) == expected


@pytest.mark.parametrize("text", ["", "soon", "2026-13-01", "0001-01-01T00:00:00+14:00", "²"])
def test_read_time__of_what_is_none__is_refused(text: str) -> None:
    with pytest.raises(InvalidQuery):
        read_time(text)


def test_uuid7__of_later_moments__sorts_later() -> None:
    clock = Clock()
    ids = [uuid7(clock()) for _ in range(5)]

    assert (ids, {one[14] for one in ids}, stamp(clock.now)[:4]) == (sorted(ids), {"7"}, "2026")


def test_followers__go_on_after_a_task_broke_and_stop_when_told() -> None:
    calls: list[int] = []
    enough = threading.Event()

    def task() -> None:
        calls.append(1)
        if len(calls) == 1:
            raise FlagtrailError("not yet")
        if len(calls) == 2:
            raise ZeroDivisionError
        enough.set()

    followers = Followers([Periodic("task", task, 0.01)])
    followers.start()
    went_on = enough.wait(60)
    followers.stop()

    assert went_on
