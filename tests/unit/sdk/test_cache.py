from __future__ import annotations

import errno
import logging
import os
import stat
import threading
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest
from tests.support.misbehaving import ruleset

from flagtrail.model.sync import RulesetData
from flagtrail.sdk.cache import LEFT_OVER_SECONDS, CacheFile

TOKEN = "t1"
FIRST = ruleset(1)
SECOND = ruleset(2, "off")


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def cache(
    path: Path | None, *, url: str = "http://a", token: str = TOKEN, most: int = 1 << 20, clock: Clock | None = None
) -> CacheFile:
    named = None if path is None else str(path)
    return CacheFile(named, url=url, token=token, most=most, every=5.0, clock=clock or Clock())


def kept(path: Path, data: RulesetData = FIRST) -> CacheFile:
    file = cache(path)
    file.moved()
    file.flush(lambda: data)
    return file


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "flags.json"


def test_cache__read_by_the_same_client__holds_what_was_kept(path: Path) -> None:
    kept(path)

    assert cache(path).load() == FIRST


def test_cache__is_for_its_owner_only(path: Path) -> None:
    kept(path)

    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_cache__does_not_hold_the_token_or_the_address(path: Path) -> None:
    file = cache(path, url="http://flags.internal", token="secret-token")
    file.moved()
    file.flush(lambda: FIRST)

    assert [word in path.read_text() for word in ("secret-token", "flags.internal")] == [False, False]


def test_cache__leaves_no_other_file(path: Path) -> None:
    kept(path)
    kept(path, SECOND)

    assert [*path.parent.iterdir()] == [path]


def test_cache__with_a_slash_more_in_the_address__is_the_same(path: Path) -> None:
    kept(path)

    assert cache(path, url="http://a/").load() == FIRST


@pytest.mark.parametrize(
    ("url", "token"), [("http://b", "t1"), ("http://a", "t2")], ids=["another server", "another environment"]
)
def test_cache__of_another_place__is_not_served(
    path: Path, url: str, token: str, caplog: pytest.LogCaptureFixture
) -> None:
    kept(path)

    assert [cache(path, url=url, token=token).load(), caplog.messages] == [
        None,
        [f"the cache file {path} is ignored: it is of another server or token"],
    ]


def truncate(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-10])


def spoil(path: Path) -> None:
    path.write_bytes(path.read_bytes().replace(b'"on"', b'"of"'))


def cut_head(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:20])


def renumber(path: Path) -> None:
    path.write_bytes(path.read_bytes().replace(b'"format":1', b'"format":2', 1))


def empty(path: Path) -> None:
    path.write_bytes(b"")


def noise(path: Path) -> None:
    path.write_bytes(os.urandom(1000))


def nest(path: Path) -> None:
    path.write_bytes(b'{"x":' + b"[" * 100_000)


def enlarge(path: Path) -> None:
    path.write_bytes(path.read_bytes() + b" " * (1 << 21))


def folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


def pipe(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


@pytest.mark.parametrize(
    "harm", [truncate, spoil, cut_head, renumber, empty, noise, nest, enlarge, folder, pipe], ids=lambda f: f.__name__
)
def test_cache__that_was_harmed__is_ignored_with_one_line(
    path: Path, harm: Callable[[Path], None], caplog: pytest.LogCaptureFixture
) -> None:
    kept(path)
    harm(path)

    assert [cache(path).load(), len(caplog.messages)] == [None, 1]


def test_cache__of_a_ruleset_with_a_key_that_is_not_known__is_ignored(path: Path) -> None:
    class Later(RulesetData, frozen=True):
        overrides: int = 0

    kept(path, Later(**msgspec.structs.asdict(FIRST)))

    assert cache(path).load() is None


def test_cache__that_is_not_there__is_no_matter(path: Path, caplog: pytest.LogCaptureFixture) -> None:
    assert [cache(path).load(), cache(None).load(), caplog.messages] == [None, None, []]


def test_cache__with_nothing_new__writes_nothing(path: Path) -> None:
    cache(path).flush(lambda: FIRST)
    cache(path).write_if_due(lambda: FIRST)

    assert not path.exists()


def test_cache__where_nothing_is_held__writes_nothing(path: Path) -> None:
    file = cache(path)
    file.moved()
    file.flush(lambda: None)

    assert not path.exists()


def test_cache__without_a_path__writes_nothing(tmp_path: Path) -> None:
    file = cache(None)
    file.moved()
    file.flush(lambda: FIRST)

    assert [*tmp_path.iterdir()] == []


def test_cache__when_changes_come_quickly__is_written_once_in_a_while(path: Path) -> None:
    clock = Clock()
    file = cache(path, clock=clock)
    written = []

    def document() -> RulesetData:
        written.append(clock.now)
        return FIRST

    for _ in range(100):
        clock.now += 0.25
        file.moved()
        file.write_if_due(document)

    assert written == [0.25, 5.25, 10.25, 15.25, 20.25]


def test_cache__after_the_last_of_quick_changes__still_writes_it(path: Path) -> None:
    clock = Clock()
    file = cache(path, clock=clock)
    file.moved()
    file.write_if_due(lambda: FIRST)
    file.moved()
    file.write_if_due(lambda: SECOND)
    clock.now = 6.0
    file.write_if_due(lambda: SECOND)

    assert cache(path).load() == SECOND


def fill_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    def fsync(_: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", fsync)


def test_cache__on_a_full_disk__warns_once_and_leaves_what_was_there(
    path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    file = kept(path)
    with monkeypatch.context() as patched:
        fill_disk(patched)
        for _ in range(3):
            file.moved()
            file.flush(lambda: SECOND)

    assert [cache(path).load(), [*path.parent.iterdir()], [record.levelno for record in caplog.records]] == [
        FIRST,
        [path],
        [logging.WARNING],
    ]


def test_cache__on_a_disk_that_has_room_again__writes_and_would_warn_anew(
    path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    file = kept(path)
    for data in (FIRST, SECOND):
        with monkeypatch.context() as patched:
            fill_disk(patched)
            file.moved()
            file.flush(lambda: FIRST)
        file.moved()
        file.flush(lambda data=data: data)  # type: ignore[misc]

    assert [cache(path).load(), len(caplog.messages)] == [SECOND, 2]


@pytest.mark.parametrize("name", ["missing/flags.json", "fl\0ags.json", "", "file/flags.json"])
def test_cache__at_a_path_that_cannot_be_written__warns_and_goes_on(
    tmp_path: Path, name: str, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "file").touch()
    kept(tmp_path / name if name else tmp_path)

    assert [record.levelno for record in caplog.records] == [logging.WARNING]


def test_cache__after_processes_that_were_killed__removes_what_they_left(path: Path) -> None:
    old, young = path.parent / ".flags.json.old.part", path.parent / ".flags.json.young.part"
    for part in (old, young):
        part.touch()
    long_ago = young.stat().st_mtime - LEFT_OVER_SECONDS - 60
    os.utime(old, (long_ago, long_ago))
    kept(path)

    assert sorted(path.parent.iterdir()) == [young, path]


def test_cache__shared_by_many__is_whole_whenever_it_is_read(path: Path) -> None:
    def write(data: RulesetData) -> None:
        for _ in range(50):
            kept(path, data)

    writers = [threading.Thread(target=write, args=(data,)) for data in (FIRST, SECOND)]
    kept(path)
    for writer in writers:
        writer.start()
    read = [cache(path).load() for _ in range(100)]
    for writer in writers:
        writer.join()

    assert [data for data in read if data not in (FIRST, SECOND)] == []
    assert [*path.parent.iterdir()] == [path]
