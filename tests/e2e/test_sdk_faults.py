"""The SDK against servers that fail in every way, with real sockets and real processes: it goes on evaluating."""

from __future__ import annotations

import gzip
import itertools
import os
import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
from tests.support import misbehaving as bad
from tests.support.faults import CONTEXT, FLAG, Evaluating, Site, Told, until
from tests.support.misbehaving import Conduct, Misbehaving, Request, Wire, misbehaving
from tests.support.server import free_port, running_server

from flagtrail.model.resolution import Reason
from flagtrail.model.sync import RulesetData, SyncedFlag
from flagtrail.model.targeting import Serve, Targeting
from flagtrail.model.usage import UsageReport
from flagtrail.sdk.backoff import Pace
from flagtrail.sdk.client import Client
from flagtrail.sdk.events import EventKind
from flagtrail.sdk.options import Options
from flagtrail.sdk.sample import hashed


def ruleset(number: int, served: str = "on", default: str = "off") -> RulesetData:
    """One flag; with another `served` than it has variants it has a defect."""
    return RulesetData(
        f"{number}-{number:016x}",
        "default",
        "production",
        {FLAG: SyncedFlag("boolean", {"on": True, "off": False})},
        {FLAG: Targeting(enabled=True, off_variant=default, fallthrough=Serve(served))},
        {},
    )


ON, OFF = ruleset(1), ruleset(2, "off")
FAULTS: dict[str, Conduct] = {
    "hangs": bad.hang,
    "hangs in the body": bad.hang_in_body,
    "drips the body": bad.drip,
    "drips a header": bad.drip_head,
    "sends a line without end": bad.endless_line,
    "sends a body without end": bad.endless_body,
    "sends garbage": bad.garbage,
    "closes": bad.close,
    "resets": bad.reset,
    "truncates": bad.truncated(OFF),
    "truncates its chunks": bad.truncated_chunks(OFF),
    "truncates its gzip": bad.truncated_gzip(OFF),
    "sends a bomb": bad.bomb(64),
    "sends no JSON": bad.answer(200, b"{"),
    "sends other JSON": bad.answer(200, b'{"flags": []}'),
    "sends a page": bad.answer(200, b"<html>", "text/html"),
    "sends a defect": bad.good(ruleset(3, "no_such_variant")),
    "redirects": bad.answer(302, Location="http://127.0.0.1:1/"),
    "refuses the token": bad.answer(401),
    "forbids": bad.answer(403),
    "knows no ruleset": bad.answer(404),
    "asks for patience": bad.answer(429, Retry_After="1"),
    "fails": bad.answer(500),
    "is busy": bad.answer(503, Retry_After="1"),
}


@pytest.fixture
def server() -> Iterator[Misbehaving]:
    with misbehaving() as server:
        yield server


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """All waits of the synchronizer are a hundredth of what they are, and those that the server decides shorter yet."""
    pace = msgspec.structs.replace(Pace().scaled(0.01), refused_every=0.3, longest_asked=0.3)
    monkeypatch.setattr("flagtrail.sdk.sync.Pace", lambda: pace)


def reports(server: Misbehaving) -> list[UsageReport]:
    """The reports that were sent, also those that were then mistreated."""
    sent = [request.body for request in server.requests if request.path.endswith("/usage")]
    return [msgspec.json.decode(body, type=UsageReport) for body in sent]


def options(server: Misbehaving, **given: object) -> Options:
    usual = {"timeout": 0.2, "poll_every": 0.05, "flush_every": 0.05, "max_ruleset_bytes": 1 << 20}
    return msgspec.convert({"url": server.url, "token": "secret", **usual, **given}, Options)


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize("fault", FAULTS)
def test_start__server_that_only_fails__gives_defaults_at_once_and_is_never_ready(
    fault: str, server: Misbehaving
) -> None:
    server.scripts["ruleset"] = [FAULTS[fault]]
    client = Client(options(server))
    told = Told(client)
    client.start()
    server.await_requests("ruleset", 1)
    answers = Evaluating(client).many(default=True)
    assert until(told.kinds)
    client.close()
    assert (answers, set(told.kinds())) == ({True}, {EventKind.ERROR})


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize("fault", FAULTS)
def test_server_that_begins_to_fail__the_last_good_ruleset_is_served_until_there_is_another(
    fault: str, server: Misbehaving
) -> None:
    server.scripts["ruleset"] = [bad.good(ON), FAULTS[fault]]
    server.scripts["stream"] = [bad.streamed(bad.HEARTBEAT, then=bad.end_of_stream), FAULTS[fault]]
    client = Client(options(server))
    assert client.start(wait=60)
    server.await_requests("ruleset", 2)
    meanwhile = Evaluating(client).many()
    server.scripts["ruleset"] = [bad.good(OFF)]
    server.scripts["stream"] = [bad.streamed(bad.HEARTBEAT)]
    recovered = until(lambda: not client.get_boolean(FLAG, True, CONTEXT))
    client.close()
    assert (meanwhile, recovered) == ({True}, True)


@pytest.mark.usefixtures("quick")
def test_start__server_down_and_nothing_cached__gives_defaults_and_says_so(tmp_path: Path) -> None:
    client = Client(
        Options(url=f"http://127.0.0.1:{free_port()}", token="secret", cache_file=str(tmp_path / "ruleset"))
    )
    told = Told(client)
    ready = client.start()
    answers = Evaluating(client).many(default=True)
    assert until(told.kinds)
    client.close()
    assert (ready, answers, told.kinds(), client.status) == (False, {True}, [EventKind.ERROR], "ERROR")


@pytest.mark.usefixtures("quick")
def test_start__server_down_and_a_ruleset_cached__serves_it_as_stale_until_the_server_is_back(
    tmp_path: Path, server: Misbehaving
) -> None:
    server.scripts["ruleset"] = [bad.good(ON)]
    cached = options(server, cache_file=str(tmp_path / "ruleset"))
    with Client(cached):
        assert until((tmp_path / "ruleset").exists)
    server.go_down()
    client = Client(cached)
    told = Told(client)
    assert client.start()
    first = client.details(FLAG, CONTEXT)
    server.scripts["ruleset"] = [bad.good(OFF)]
    server.come_back()
    assert until(lambda: client.details(FLAG, CONTEXT).value is False)
    last = client.details(FLAG, CONTEXT)
    client.close()
    assert (first.value, first.reason, last.reason) == (True, Reason.STALE, Reason.STATIC)
    assert [kind for kind in told.kinds() if kind != EventKind.ERROR] == [
        EventKind.STALE,
        EventKind.READY,
        EventKind.CONFIGURATION_CHANGED,
    ]


# Usage.


LOSSES = {
    name: FAULTS[name]
    for name in ("hangs", "drips a header", "sends garbage", "sends a page", "redirects", "closes", "resets", "fails")
}


@pytest.mark.parametrize("fault", LOSSES)
def test_usage__report_that_fails__is_sent_again_as_it_was_and_nothing_is_lost(fault: str, server: Misbehaving) -> None:
    server.scripts["ruleset"] = [bad.good(ON)]
    server.scripts["stream"] = [bad.streamed(bad.HEARTBEAT)]
    server.scripts["usage"] = [LOSSES[fault], bad.answer(202)]
    client = Client(options(server))
    assert client.start(wait=60)
    evaluating = Evaluating(client)
    evaluating.many(1_000)
    server.await_requests("usage", 2)
    evaluating.many(1_000)
    client.close()
    sent = reports(server)
    by_id = {report.id: report for report in sent}
    counts = [count.count for report in by_id.values() for period in report.periods for count in period.counts]
    assert (sent[0].id, sent[0].periods[0].counts) == (sent[1].id, sent[1].periods[0].counts)
    assert sum(counts) == evaluating.count


def test_usage__server_asks_for_patience__is_left_alone_for_so_long(server: Misbehaving) -> None:
    moments: list[float] = []

    def busy(wire: Wire, request: Request) -> None:
        moments.append(time.monotonic())
        bad.answer(429 if len(moments) == 1 else 202, Retry_After="1")(wire, request)

    server.scripts |= {"ruleset": [bad.good(ON)], "stream": [bad.streamed(bad.HEARTBEAT)], "usage": [busy]}
    client = Client(options(server))
    assert client.start(wait=60)
    Evaluating(client).many(10)
    server.await_requests("usage", 2)
    client.close()
    assert moments[1] - moments[0] >= 1


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        pytest.param({}, [], id="off by default"),
        pytest.param(
            {"sample_contexts": 2, "sample_attributes": ["plan"]},
            [{"plan": "pro"}] * 2,
            id="what is allowed and no more",
        ),
        pytest.param(
            {"sample_contexts": 1, "sample_attributes": ["targetingKey"], "hash_targeting_key": True},
            [{"targetingKey": hashed("u1")}],
            id="the targeting key hashed",
        ),
    ],
)
def test_usage__contexts_are_sampled__a_report_holds_what_the_application_allowed(
    asked: dict[str, object], expected: list[dict[str, object]], server: Misbehaving
) -> None:
    server.scripts |= {"ruleset": [bad.good(ON)], "stream": [bad.streamed(bad.HEARTBEAT)], "usage": [bad.answer(202)]}
    client = Client(options(server, flush_every=1000, **asked))
    assert client.start(wait=60)
    Evaluating(client).many(1_000)
    client.evaluate_all(CONTEXT)
    client.details(FLAG, CONTEXT)
    client.close()
    (report,) = reports(server)
    assert (list(report.contexts), report.periods[0].counts[0].count) == (expected, 1_002)


def test_close__server_hangs__ends_within_seconds(server: Misbehaving) -> None:
    server.scripts |= {"ruleset": [bad.good(ON)], "stream": [bad.streamed(bad.HEARTBEAT)], "usage": [bad.hang]}
    client = Client(options(server, timeout=60, flush_every=1000))
    assert client.start(wait=60)
    evaluating = Evaluating(client)
    evaluating.many(10)
    closing = threading.Thread(target=client.close)
    closing.start()
    assert until(lambda: not closing.is_alive())
    assert evaluating.many() == {True}


def test_clock__jumps_by_years_all_the_time__nothing_becomes_stale_and_counts_are_of_now(
    server: Misbehaving, monkeypatch: pytest.MonkeyPatch
) -> None:
    jumps = itertools.cycle([0.0, 4e9, 1.0, 1e9])
    monkeypatch.setattr(time, "time", lambda: next(jumps))
    moved = threading.Event()

    def stream(wire: Wire, request: Request) -> None:
        change = bad.event("ruleset", msgspec.json.encode(OFF), OFF.id)
        bad.streamed(bad.HEARTBEAT, then=lambda *_: moved.wait(60))(wire, request)
        wire.send(b"%x\r\n%s\r\n" % (len(zipped := gzip.compress(change)), zipped))
        bad.hang(wire, request)

    server.scripts |= {"ruleset": [bad.good(ON)], "stream": [stream], "usage": [bad.answer(202)]}
    client = Client(options(server, stale_after=30))
    told = Told(client)
    assert client.start(wait=60)
    evaluating = Evaluating(client)
    evaluating.many()
    moved.set()
    assert until(lambda: not evaluating.once(default=True))
    client.close()
    assert told.kinds() == [EventKind.READY, EventKind.CONFIGURATION_CHANGED]
    assert all(period.ago < 30 for report in reports(server) for period in report.periods)


# Real servers.


@pytest.mark.slow
def test_server_killed_and_started_again__evaluation_goes_on_and_every_one_is_counted_once(tmp_path: Path) -> None:
    port = free_port()
    with running_server(tmp_path, port=port) as first:
        site = Site(first)
        client = Client(site.options())
        assert client.start(wait=60)
        evaluating = Evaluating(client)
        before = evaluating.many()
        first.process.kill()
        first.process.wait()
        during = evaluating.many()
        with running_server(tmp_path, port=port) as second:
            site.use(second)
            site.turn("disable")
            assert until(lambda: not evaluating.once(default=True))
            evaluating.many()
            client.close()
            assert (before, during, site.counted()) == ({True}, {True}, evaluating.count)


@pytest.mark.slow
@pytest.mark.parametrize("sync", ["stream", "poll"])
def test_server_stopped_in_its_tracks__evaluation_goes_on_and_every_one_is_counted_once(
    sync: str, tmp_path: Path
) -> None:
    with running_server(tmp_path) as server:
        site = Site(server)
        client = Client(site.options(sync=sync, stale_after=0.5))
        told = Told(client)
        assert client.start(wait=60)
        evaluating = Evaluating(client)
        os.kill(server.process.pid, signal.SIGSTOP)
        during = evaluating.many(100_000)
        stale = sync == "stream" or until(lambda: EventKind.STALE in told.kinds())
        assert client._workers is not None
        reporter = client._workers._reporter
        assert reporter is not None
        assert until(lambda: reporter._failures)
        os.kill(server.process.pid, signal.SIGCONT)
        site.turn("disable")
        assert until(lambda: not evaluating.once(default=True))
        client.close()
        assert (during, stale, site.counted()) == ({True}, True, evaluating.count)
