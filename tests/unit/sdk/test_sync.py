"""Fetching, polling and the cache file of the sync thread; tests of the stream are in test_sync_stream.py."""

from __future__ import annotations

import gc
import logging
import random
import threading
import time
import tracemalloc
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path

import msgspec
import pytest
from tests.support import misbehaving as wrong
from tests.support.misbehaving import Conduct, Misbehaving, answer, good, ruleset
from tests.support.synchronizing import POLL, Recorder, Sleeper, following, run, synchronizer

from flagtrail.sdk.backoff import Backoff, Pace
from flagtrail.sdk.sync import Synchronizer

FIRST, SECOND = ruleset(1), ruleset(2, "off")
KNOWN = f'"{FIRST.id}"'
BODY = msgspec.json.encode(SECOND)


@pytest.fixture
def server() -> Iterator[Misbehaving]:
    with wrong.misbehaving() as running:
        running.scripts["ruleset"] = [good(FIRST)]
        yield running


def asked(server: Misbehaving) -> list[str | None]:
    """What each fetch said that it knows."""
    return [request.headers.get("if-none-match") for request in server.requests if request.path.endswith("ruleset")]


def test_back_off__for_any_dice__stays_between_nothing_and_the_ceiling() -> None:
    least, most = Backoff(Pace(), lambda: 0.0), Backoff(Pace(), lambda: 1.0)

    assert [[one.next() for _ in range(8)] for one in (least, most)] == [
        [0.0] * 8,
        [0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 30.0, 30.0],
    ]


def test_back_off__that_is_asked_to_wait__waits_that_on_top_within_reason() -> None:
    backoff = Backoff(Pace(), lambda: 1.0)

    assert [backoff.next(7.0), backoff.next(86_400.0)] == [7.5, 301.0]


def test_back_off__after_a_very_long_time__still_waits_the_longest() -> None:
    assert Pace().ceiling(1_000_000) == 30.0


def test_pace__scaled__is_slower_in_everything() -> None:
    assert Pace().scaled(2.0) == Pace(
        first=1.0, longest=60.0, settled=60.0, refused_every=600.0, stream_again=600.0, longest_asked=600.0,
        cache_every=10.0,
    )  # fmt: skip


BACK_OFF = [0.25, 0.5, 1.0]
FAULTS: dict[str, tuple[Conduct, str, list[float]]] = {
    "hang": (wrong.hang, "unreachable", BACK_OFF),
    "hang in the body": (wrong.hang_in_body, "unreachable", BACK_OFF),
    "drip": (wrong.drip, "unreachable", BACK_OFF),
    "drip in the head": (wrong.drip_head, "unreachable", BACK_OFF),
    "endless line": (wrong.endless_line, "unreachable", BACK_OFF),
    "garbage": (wrong.garbage, "unreachable", BACK_OFF),
    "close": (wrong.close, "unreachable", BACK_OFF),
    "reset": (wrong.reset, "unreachable", BACK_OFF),
    "truncated": (wrong.truncated(SECOND), "unreachable", BACK_OFF),
    "truncated chunks": (wrong.truncated_chunks(SECOND), "unreachable", BACK_OFF),
    "truncated gzip": (wrong.truncated_gzip(SECOND), "unreachable", BACK_OFF),
    "bomb": (wrong.bomb(30), "unreachable", BACK_OFF),
    "a page": (answer(200, b"<html>", "text/html"), "unreachable", BACK_OFF),
    "no JSON": (answer(200, BODY[:-1]), "unreachable", BACK_OFF),
    "nested without end": (answer(200, wrong.NESTED), "unreachable", BACK_OFF),
    "another JSON": (answer(200, b"{}"), "refused", [0.25, POLL, POLL]),
    "an unknown key": (answer(200, BODY[:-1] + b',"overrides":{}}'), "refused", [0.25, POLL, POLL]),
    "a redirect": (answer(302, Location="http://other.example/"), "unreachable", BACK_OFF),
    "401": (answer(401), "fatal", [300.0] * 3),
    "403": (answer(403), "fatal", [300.0] * 3),
    "404": (answer(404), "unreachable", BACK_OFF),
    "429": (answer(429, Retry_After="7"), "unreachable", [7.25, 7.5, 8.0]),
    "500": (answer(500), "unreachable", BACK_OFF),
    "503": (answer(503, Retry_After="100000"), "unreachable", [300.25, 300.5, 301.0]),
    "503 without a word": (answer(503), "unreachable", BACK_OFF),
}


@pytest.mark.parametrize(("conduct", "told", "waits"), FAULTS.values(), ids=FAULTS)
def test_fault__of_the_server__is_waited_out_on_the_last_good_ruleset(
    server: Misbehaving, conduct: Conduct, told: str, waits: list[float]
) -> None:
    server.scripts["ruleset"] = [good(FIRST), conduct, conduct, conduct, good(SECOND)]
    slow = conduct in {wrong.hang, wrong.hang_in_body, wrong.drip, wrong.drip_head}
    recorder, waited = run(server, 5, sync="poll", timeout=0.05 if slow else 5.0, max_ruleset_bytes=100_000)

    assert [
        waited, server.count("ruleset"), [kind for kind, _ in recorder.told], recorder.all("replace"),
    ] == [
        [POLL, *waits, POLL], 5, ["replace", told, told, told, "replace"], [FIRST.id, SECOND.id],
    ]  # fmt: skip


def test_server__that_is_away_and_comes_back__is_found_again(server: Misbehaving) -> None:
    recorder, waits = run(server, 6, then={0: server.go_down, 4: server.come_back}, sync="poll")

    assert [waits, [kind for kind, _ in recorder.told]] == [
        [POLL, 0.25, 0.5, 1.0, 2.0, POLL],
        ["replace", *["unreachable"] * 4, "confirmed"],
    ]


def test_server__that_is_away_from_the_start__is_asked_ever_more_seldom(server: Misbehaving) -> None:
    server.go_down()
    _, waits = run(server, 9)

    assert waits == [0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 15.0, 15.0, 15.0]


def test_ruleset__that_does_not_move__is_confirmed(server: Misbehaving) -> None:
    recorder, _ = run(server, 3, sync="poll")

    assert recorder.told == [("replace", FIRST.id), ("confirmed", FIRST.id), ("confirmed", FIRST.id)]


def test_ruleset__that_is_refused__is_asked_for_whole_until_one_is_good(server: Misbehaving) -> None:
    third = ruleset(3)
    server.scripts["ruleset"] = [good(FIRST), good(SECOND), good(SECOND), good(third), good(third)]
    recorder = Recorder()
    recorder.refusing = {SECOND.id}
    _, waits = run(server, 5, recorder=recorder, sync="poll")

    assert [recorder.told, asked(server), waits] == [
        [
            ("replace", FIRST.id),
            ("refused", f"{SECOND.id} is refused"),
            ("refused", f"{SECOND.id} is refused"),
            ("replace", third.id),
            ("confirmed", third.id),
        ],
        [None, KNOWN, None, None, f'"{third.id}"'],
        [POLL, 0.25, POLL, POLL, POLL],
    ]


def test_failures__with_successes_between__do_not_add_up(server: Misbehaving) -> None:
    server.scripts["ruleset"] = [answer(500), good(FIRST)] * 3
    _, waits = run(server, 6, sync="poll")

    assert waits == [0.25, POLL, 0.25, POLL, 0.25, POLL]


def test_wall_clock__that_jumps__alters_nothing(server: Misbehaving, monkeypatch: pytest.MonkeyPatch) -> None:
    moved = count(step=86_400)
    monkeypatch.setattr(time, "time", lambda: 2e9 - next(moved))
    server.scripts["ruleset"] = [good(FIRST), answer(500), good(SECOND)]
    recorder, waits = run(server, 3, sync="poll")

    assert [waits, recorder.all("replace")] == [[POLL, 0.25, POLL], [FIRST.id, SECOND.id]]


def break_always(_: str) -> None:
    raise RuntimeError("a handler failed")


def break_on_success(what: str) -> None:
    if what in {"replace", "confirmed"}:
        raise RuntimeError("a handler failed")


@pytest.mark.parametrize("handler", [break_always, break_on_success])
def test_defect__in_what_is_called__does_not_end_the_thread(
    server: Misbehaving, handler: Callable[[str], None]
) -> None:
    recorder = Recorder()
    recorder.on_told = handler
    _, waits = run(server, 4, recorder=recorder)

    assert waits == [0.25, 0.5, 1.0, 2.0]


# The cache file.


def leave_cache(server: Misbehaving, path: Path) -> None:
    run(server, 1, sync="poll", cache_file=str(path))
    server.requests.clear()


def test_cache__with_the_server_away__is_served_before_anything_is_asked(server: Misbehaving, tmp_path: Path) -> None:
    leave_cache(server, tmp_path / "cache")
    server.go_down()
    recorder, _ = run(server, 2, cache_file=str(tmp_path / "cache"))

    assert [kind for kind, _ in recorder.told] == ["restore", "unreachable", "unreachable"]


def test_cache__is_served_when_start_returns(server: Misbehaving, tmp_path: Path) -> None:
    leave_cache(server, tmp_path / "cache")
    server.scripts["ruleset"] = [wrong.hang]
    recorder = Recorder()
    with following(server, recorder, cache_file=str(tmp_path / "cache")):
        held = recorder.id

    assert held == FIRST.id


def test_cache__while_a_ruleset_is_held__is_left_alone(server: Misbehaving, tmp_path: Path) -> None:
    """As in a forked child: its parent's ruleset is no older than the file."""
    leave_cache(server, tmp_path / "cache")
    server.scripts["ruleset"] = [wrong.hang]
    recorder = Recorder()
    recorder.replace(SECOND)
    with following(server, recorder, cache_file=str(tmp_path / "cache")):
        held = recorder.id

    assert held == SECOND.id


def test_cache__that_the_server_confirms__costs_no_transfer(server: Misbehaving, tmp_path: Path) -> None:
    leave_cache(server, tmp_path / "cache")
    recorder, _ = run(server, 1, sync="poll", cache_file=str(tmp_path / "cache"))

    assert [recorder.told, asked(server)] == [[("restore", FIRST.id), ("confirmed", FIRST.id)], [KNOWN]]


def test_cache__of_a_ruleset_that_is_refused__is_left_alone(server: Misbehaving, tmp_path: Path) -> None:
    leave_cache(server, tmp_path / "cache")
    server.scripts["ruleset"] = [good(SECOND)]
    recorder = Recorder()
    recorder.refusing = {FIRST.id}
    run(server, 1, recorder=recorder, sync="poll", cache_file=str(tmp_path / "cache"))

    assert [recorder.told, asked(server)] == [[("replace", SECOND.id)], [None]]


def test_cache__that_breaks_what_serves_it__does_not_break_the_start(server: Misbehaving, tmp_path: Path) -> None:
    leave_cache(server, tmp_path / "cache")
    recorder = Recorder()
    recorder.on_told = break_always
    _, waits = run(server, 1, recorder=recorder, cache_file=str(tmp_path / "cache"))

    assert waits == [0.25]


def test_cache__that_cannot_be_written__stops_nothing(server: Misbehaving, tmp_path: Path) -> None:
    recorder, waits = run(server, 2, sync="poll", cache_file=str(tmp_path / "missing" / "cache"))

    assert [recorder.told, waits] == [[("replace", FIRST.id), ("confirmed", FIRST.id)], [POLL, POLL]]


def test_cache__at_the_end__holds_the_newest_ruleset(server: Misbehaving, tmp_path: Path) -> None:
    server.scripts["ruleset"] = [good(FIRST), good(SECOND)]
    run(server, 2, sync="poll", poll_every=1.0, cache_file=str(tmp_path / "cache"))
    server.go_down()
    recorder, _ = run(server, 1, cache_file=str(tmp_path / "cache"))

    assert recorder.all("restore") == [SECOND.id]


# The end.


def stopped(running: Synchronizer) -> bool:
    running.stop()
    thread = running._thread
    return thread is None or not thread.is_alive()


@pytest.mark.parametrize("conduct", [wrong.hang, wrong.hang_in_body, wrong.drip, wrong.drip_head])
def test_stop__in_the_midst_of_a_hung_fetch__ends_the_thread(server: Misbehaving, conduct: Conduct) -> None:
    server.scripts["ruleset"] = [conduct]
    running = synchronizer(server, Recorder(), Sleeper(1), timeout=60.0)
    running.start()
    server.await_requests("ruleset", 1)

    assert stopped(running)


def test_stop__in_the_midst_of_a_long_wait__ends_the_thread(server: Misbehaving) -> None:
    recorder = Recorder()
    running = synchronizer(server, recorder, Sleeper(1), sync="poll")
    running._sleep = running._stopping.wait
    running.start()
    recorder.await_told("replace")

    assert stopped(running)


def test_stop__from_a_handler__ends_the_thread(server: Misbehaving) -> None:
    recorder = Recorder()
    running = synchronizer(server, recorder, Sleeper(100), sync="poll")
    recorder.on_told = lambda _: running.stop()
    running.start()
    thread = running._thread
    assert thread is not None
    thread.join(60.0)

    assert [thread.is_alive(), recorder.told] == [False, [("replace", FIRST.id)]]


def test_stop__again_and_before_any_start__does_nothing(server: Misbehaving) -> None:
    running = synchronizer(server, Recorder(), Sleeper(1))
    running.stop()
    running.stop()
    running.start()

    assert [running._thread, server.requests] == [None, []]


def test_start__again__does_nothing(server: Misbehaving) -> None:
    recorder = Recorder()
    with following(server, recorder) as running:
        thread = running._thread
        running.start()

        assert running._thread is thread


def refuse_to_start(_: threading.Thread) -> None:
    raise RuntimeError("can't start new thread")


def test_start__in_a_process_without_a_thread_to_spare__raises_nothing(
    server: Misbehaving, monkeypatch: pytest.MonkeyPatch
) -> None:
    recorder = Recorder()
    running = synchronizer(server, recorder, Sleeper(1))
    with monkeypatch.context() as patched:
        patched.setattr(threading.Thread, "start", refuse_to_start)
        running.start()
    running.stop()

    assert recorder.told == [("unreachable", f"the process cannot start a thread ({server.url})")]


def test_log__of_a_server_that_is_away__is_loud_without_a_ruleset_and_says_the_same_once(
    server: Misbehaving, caplog: pytest.LogCaptureFixture
) -> None:
    server.go_down()
    with caplog.at_level(logging.DEBUG, "flagtrail.sdk"):
        run(server, 9, then={3: server.come_back, 4: server.go_down, 7: server.come_back}, sync="poll")
    why = f"no answer from the server: Connection refused ({server.url})"

    assert [(record.levelname, record.getMessage()) for record in caplog.records] == [
        ("WARNING", why), *[("DEBUG", why)] * 3, ("INFO", why), *[("DEBUG", why)] * 2,
    ]  # fmt: skip


def test_options__without_end__are_long_and_no_defect(server: Misbehaving, caplog: pytest.LogCaptureFixture) -> None:
    endless = float("inf")
    recorder, waits = run(server, 2, sync="poll", poll_every=endless, timeout=endless)

    assert [waits, recorder.all("replace"), caplog.messages] == [[86_400.0] * 2, [FIRST.id], []]


def test_stop__tells_nobody_that_the_server_is_away(server: Misbehaving) -> None:
    server.scripts["ruleset"] = [wrong.hang]
    recorder = Recorder()
    with following(server, recorder):
        server.await_requests("ruleset", 1)

    assert recorder.told == []


OURS = ("*/flagtrail/sdk/*", "*/http/client.py", "*/email/*", "*/socket.py", "*/msgspec/*")


def test_synchronizing__through_hundreds_of_faults__takes_no_more_memory_and_no_more_threads(
    server: Misbehaving, monkeypatch: pytest.MonkeyPatch
) -> None:
    # What is told stays with the tests' own recorders, of which this is not.
    monkeypatch.setattr(logging.getLogger("flagtrail.sdk"), "disabled", True)
    recorder = Recorder()
    dice = random.Random(1)
    faults = [conduct for name, (conduct, _, _) in FAULTS.items() if "hang" not in name and "drip" not in name]
    streams = [answer(500), answer(404), wrong.streamed(wrong.HEARTBEAT, then=wrong.reset), wrong.garbage]
    server.scripts["ruleset"] = [dice.choice([*faults, good(FIRST), good(SECOND)]) for _ in range(2000)]
    server.scripts["stream"] = [dice.choice(streams) for _ in range(2000)]
    threads = threading.active_count()
    sizes: list[int] = []

    def measure() -> None:
        server.requests.clear()
        recorder.told.clear()
        gc.collect()
        taken = tracemalloc.take_snapshot().filter_traces([tracemalloc.Filter(True, name) for name in OURS])
        sizes.append(sum(trace.size for trace in taken.traces))

    tracemalloc.start()
    try:
        _, waits = run(server, 451, recorder=recorder, then={150: measure, 450: measure}, max_ruleset_bytes=100_000)
    finally:
        tracemalloc.stop()

    assert [len(waits), sizes[1] - sizes[0] < 2_000, threading.active_count() <= threads + 2] == [451, True, True]
