"""Following the stream, taking it up again, and doing without."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import msgspec
import pytest
from tests.support import misbehaving as wrong
from tests.support.misbehaving import HEARTBEAT, Conduct, Misbehaving, answer, delta, event, good, ruleset, streamed
from tests.support.synchronizing import POLL, Recorder, Sleeper, following, run, synchronizer

from flagtrail.model.sync import RulesetData

FIRST, SECOND, THIRD = ruleset(1), ruleset(2, "off"), ruleset(3)


@pytest.fixture
def server() -> Iterator[Misbehaving]:
    with wrong.misbehaving() as running:
        running.scripts["ruleset"] = [good(FIRST)]
        yield running


def whole(data: RulesetData) -> bytes:
    return event("ruleset", msgspec.json.encode(data), data.id)


def changed(base: RulesetData, after: RulesetData) -> bytes:
    return event("delta", msgspec.json.encode(delta(base, after)), after.id)


def resumed(server: Misbehaving) -> list[str | None]:
    """From where each stream was taken up."""
    return [request.headers.get("last-event-id") for request in server.requests if request.path.endswith("stream")]


def known(server: Misbehaving) -> list[str | None]:
    """What each fetch said that it knows."""
    return [request.headers.get("if-none-match") for request in server.requests if request.path.endswith("ruleset")]


@pytest.mark.parametrize("zipped", [True, False], ids=["zipped", "plain"])
def test_stream__with_deltas_and_rulesets__is_followed(server: Misbehaving, zipped: bool) -> None:
    events = (HEARTBEAT, changed(FIRST, SECOND), whole(THIRD), event("news", b"?"), HEARTBEAT)
    server.scripts["stream"] = [streamed(*events, zipped=zipped)]
    recorder = Recorder()
    with following(server, recorder):
        recorder.await_told("confirmed", 2)

    assert [recorder.told, recorder.held] == [
        [
            ("replace", FIRST.id),
            ("confirmed", FIRST.id),
            ("apply", SECOND.id),
            ("replace", THIRD.id),
            ("confirmed", THIRD.id),
        ],
        THIRD,
    ]


def test_stream__that_dies__is_taken_up_where_it_was_left(server: Misbehaving) -> None:
    server.scripts["stream"] = [
        streamed(HEARTBEAT, changed(FIRST, SECOND), then=wrong.reset),
        streamed(changed(SECOND, THIRD), then=wrong.end_of_stream),
        streamed(HEARTBEAT),
    ]
    recorder = Recorder()
    sleeper = Sleeper(1_000)
    running = synchronizer(server, recorder, sleeper)
    running.start()
    recorder.await_told("confirmed", 2)
    running.stop()

    assert [resumed(server), server.count("ruleset"), recorder.id, sleeper.waits[:2]] == [
        [FIRST.id, SECOND.id, THIRD.id],
        1,
        THIRD.id,
        [0.25, 0.5],
    ]


def test_stream__that_dies_at_once_every_time__is_taken_up_ever_more_seldom(server: Misbehaving) -> None:
    server.scripts["stream"] = [streamed(HEARTBEAT, then=wrong.close)]
    _, waits = run(server, 9)

    assert [waits, server.count("stream"), server.count("ruleset")] == [
        [0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 15.0, 15.0, 15.0],
        9,
        1,
    ]


def test_stream__that_lasted__is_taken_up_soon_every_time(server: Misbehaving) -> None:
    server.scripts["stream"] = [streamed(HEARTBEAT, then=wrong.close)]
    recorder = Recorder()
    sleeper = Sleeper(4)

    def last(what: str) -> None:
        if what == "confirmed":
            sleeper.now += 60.0

    recorder.on_told = last
    running = synchronizer(server, recorder, sleeper)
    running.start()
    thread = running._thread
    assert thread is not None
    thread.join(60.0)

    assert sleeper.waits == [0.25] * 4


NO_STREAM = {
    **{str(status): answer(status) for status in (404, 405, 406, 410, 415, 501)},
    "a page": answer(200, b"<html>", "text/html"),
}


@pytest.mark.parametrize("conduct", NO_STREAM.values(), ids=NO_STREAM)
def test_stream__that_does_not_exist__is_replaced_by_polling_and_tried_now_and_then(
    server: Misbehaving, conduct: Conduct
) -> None:
    server.scripts["stream"] = [conduct]
    recorder, waits = run(server, 12)

    assert [waits, server.count("ruleset"), server.count("stream"), recorder.all("unreachable")] == [
        [POLL] * 12,
        12,
        2,
        [],
    ]


def test_stream__that_a_proxy_holds_back__is_replaced_by_polling(server: Misbehaving) -> None:
    server.scripts["stream"] = [streamed()]
    server.scripts["ruleset"] = [good(FIRST), good(SECOND)]
    recorder, waits = run(server, 3, heartbeat=0.02)

    assert [waits, server.count("stream"), recorder.told] == [
        [0.0, POLL, POLL],
        1,
        [("replace", FIRST.id), ("replace", SECOND.id), ("confirmed", SECOND.id)],
    ]


BARREN: dict[str, Conduct] = {
    "500": answer(500),
    "a redirect": answer(302, Location="/login"),
    "closed": wrong.close,
    "garbage": wrong.garbage,
    "empty": streamed(then=wrong.end_of_stream),
}


@pytest.mark.parametrize("conduct", BARREN.values(), ids=BARREN)
def test_stream__that_fails_while_fetching_works__is_replaced_by_polling_after_three_attempts(
    server: Misbehaving, conduct: Conduct
) -> None:
    server.scripts["stream"] = [conduct]
    _, waits = run(server, 6)

    assert [waits, server.count("ruleset"), server.count("stream")] == [[0.25, 0.5, POLL, POLL, POLL, POLL], 6, 3]


def test_stream__that_works_again__is_followed_again(server: Misbehaving) -> None:
    server.scripts["stream"] = [answer(404), streamed(changed(FIRST, SECOND))]
    recorder = Recorder()
    with following(server, recorder):
        recorder.await_told("apply")

    assert [recorder.id, server.count("stream")] == [SECOND.id, 2]


def test_stream__of_a_busy_server__waits_as_long_as_it_asks(server: Misbehaving) -> None:
    server.scripts["stream"] = [answer(503, Retry_After="20")]
    _, waits = run(server, 4)

    assert waits == [20.25, 20.5, 21.0, 22.0]


def test_stream__without_a_good_token__says_so_and_waits_long(server: Misbehaving) -> None:
    server.scripts["stream"] = [streamed(HEARTBEAT, then=wrong.end_of_stream), answer(401)]
    server.scripts["ruleset"] = [good(FIRST), answer(401)]
    recorder, waits = run(server, 3)

    assert [waits, recorder.all("fatal"), recorder.id] == [
        [0.25, 300.0, 300.0],
        [f"the server answered 401 ({server.url})"] * 2,
        FIRST.id,
    ]


def test_delta__that_is_refused__leads_to_the_whole_set(server: Misbehaving) -> None:
    server.scripts["stream"] = [streamed(HEARTBEAT, changed(FIRST, SECOND)), streamed(HEARTBEAT)]
    server.scripts["ruleset"] = [good(FIRST), good(THIRD)]
    recorder = Recorder()
    recorder.refusing = {SECOND.id}
    with following(server, recorder):
        recorder.await_told("confirmed", 2)

    assert [recorder.told, known(server), resumed(server)] == [
        [
            ("replace", FIRST.id),
            ("confirmed", FIRST.id),
            ("refused", f"{SECOND.id} is refused"),
            ("replace", THIRD.id),
            ("confirmed", THIRD.id),
        ],
        [None, None],
        [FIRST.id, THIRD.id],
    ]


GARBLED = {
    "a delta of another base": changed(SECOND, THIRD),
    "no JSON": event("delta", b"{", "2-b"),
    "no JSON whole": event("ruleset", b"\xff\xff", "2-b"),
    "nested without end": event("ruleset", wrong.NESTED, "2-b"),
}


@pytest.mark.parametrize("bad", GARBLED.values(), ids=GARBLED)
def test_event__that_says_nothing__leads_to_a_fetch_and_no_refusal(server: Misbehaving, bad: bytes) -> None:
    server.scripts["stream"] = [streamed(HEARTBEAT, bad)]
    recorder, waits = run(server, 3)

    assert [waits, recorder.all("refused"), len(recorder.all("unreachable")), known(server)] == [
        [0.25, 0.5, 1.0],
        [],
        3,
        [None, f'"{FIRST.id}"', f'"{FIRST.id}"'],
    ]


UNKNOWN = {
    "in a delta": event("delta", b'{"base":"%s","more":1}' % FIRST.id.encode()),
    "in a ruleset": event("ruleset", msgspec.json.encode(SECOND)[:-1] + b',"more":1}'),
}


@pytest.mark.parametrize("bad", UNKNOWN.values(), ids=UNKNOWN)
def test_event__of_a_later_version__is_refused_whole(server: Misbehaving, bad: bytes) -> None:
    server.scripts["stream"] = [streamed(HEARTBEAT, bad)]
    recorder, waits = run(server, 2)

    assert [waits, len(recorder.all("refused")), recorder.id, known(server)] == [
        [0.25, 0.5],
        2,
        FIRST.id,
        [None, None],
    ]


def test_ruleset__with_no_end_of_changes__is_cached_once_in_a_while(
    server: Misbehaving, tmp_path_factory: pytest.TempPathFactory
) -> None:
    cache = tmp_path_factory.mktemp("cache") / "flags.json"
    server.scripts["stream"] = [streamed(changed(FIRST, SECOND), changed(SECOND, THIRD), then=wrong.close)]
    run(server, 1, cache_file=str(cache))
    server.go_down()
    recorder, _ = run(server, 1, cache_file=str(cache))

    assert recorder.all("restore") == [THIRD.id]


@pytest.mark.parametrize("events", [(), (HEARTBEAT,)], ids=["silent", "alive"])
def test_stop__in_the_midst_of_a_stream__ends_the_thread(server: Misbehaving, events: tuple[bytes, ...]) -> None:
    server.scripts["stream"] = [streamed(*events)]
    running = synchronizer(server, Recorder(), Sleeper(1_000))
    running.start()
    server.await_requests("stream", 1)
    running.stop()
    thread = running._thread

    assert thread is not None
    assert not thread.is_alive()


def test_stop__while_a_handler_takes_its_time__does_not_wait_for_it(server: Misbehaving) -> None:
    recorder = Recorder()
    over = threading.Event()
    recorder.on_told = lambda _: over.wait(60.0)
    running = synchronizer(server, recorder, Sleeper(1))
    running.start()
    recorder.await_told("replace")
    running.stop()
    thread = running._thread
    assert thread is not None
    still_there = thread.is_alive()
    over.set()
    thread.join(60.0)

    assert [still_there, thread.is_alive()] == [True, False]
