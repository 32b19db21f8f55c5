from __future__ import annotations

import logging
import os
import threading

import msgspec
import pytest
from tests.support.usage import Counting, Time, UsageServer

from flagtrail import __version__
from flagtrail.model.usage import MAX_AGO_SECONDS, MAX_COUNTS, Count, Period
from flagtrail.sdk.options import Options
from flagtrail.sdk.report import REPORT_ROWS, Reporter
from flagtrail.sdk.sample import Sampler
from flagtrail.sdk.transport import TransportFailed

REST = 3600.0


class World:
    """A reporter every 10 seconds whose time and server are a test's; its dice always throw the same."""

    def __init__(self, sampler: Sampler | None = None, options: Options | None = None, dice: float = 0.999) -> None:
        self.time = Time()
        self.tallies = Counting()
        self.server = UsageServer()
        chosen = options or Options(application="shop/1.4.2")
        self.reporter = Reporter(chosen, self.tallies, self.server, sampler, clock=self.time, dice=lambda: dice)

    def after(self, seconds: float, *, last: bool = False) -> None:
        self.time.now += seconds
        self.reporter.flush(last=last)

    def failed(self, status: int | None, seconds: float = 10, retry_after: float | None = None) -> None:
        """A report of one evaluation of `a` meets a server that fails so."""
        self.tallies.add("a")
        self.server.failing = TransportFailed("away", status, retry_after)
        self.after(seconds)
        self.server.failing = None


def test_flush__counts__are_reported_to_the_path_of_usage() -> None:
    world = World()
    world.tallies.add("a", 3, variant="on", rule="r1")
    world.after(10)
    assert (world.server.paths, world.server.sums()) == (["/sdk/v1/usage"], {("a", "on", "r1"): 3})


def test_flush__report__names_the_sdk_and_the_application() -> None:
    world = World()
    world.tallies.add("a")
    world.after(10)
    report = world.server.asked[0]
    assert (report.sdk, report.application) == (f"flagtrail-python/{__version__}", "shop/1.4.2")


def test_flush__application_that_utf_8_cannot_write__is_written_as_far_as_it_can() -> None:
    world = World(options=Options(application="shop\udcff" + "x" * 300))
    world.tallies.add("a")
    world.after(10)
    assert world.server.asked[0].application == "shop?" + "x" * 195


def test_flush__nothing_counted__asks_nobody() -> None:
    world = World()
    world.after(10)
    assert world.server.asked == []


def test_flush__each_time__has_another_id() -> None:
    world = World()
    for _ in range(3):
        world.tallies.add("a")
        world.after(10)
    assert len({report.id for report in world.server.asked}) == 3


def test_flush__answer_lost__sends_the_same_again_under_the_same_id() -> None:
    world = World()
    world.tallies.add("a", 2)
    world.server.losing = TransportFailed("lost")
    world.after(10)
    world.server.losing = None
    world.tallies.add("a", 5)
    world.after(20)
    first, again, _ = world.server.asked
    assert (first.id, first.periods[0].counts) == (again.id, again.periods[0].counts)


def test_flush__answer_lost__what_was_counted_meanwhile_goes_with_the_next() -> None:
    world = World()
    world.tallies.add("a", 2)
    world.server.losing = TransportFailed("lost")
    world.after(10)
    world.server.losing = None
    world.tallies.add("a", 5)
    world.after(20)
    assert world.server.sums() == {("a", "on", ""): 7}


def test_flush__sent_again_later__says_how_long_ago_it_was_by_then() -> None:
    world = World()
    world.failed(None)
    world.after(25)
    assert [report.periods[0].ago for report in world.server.asked] == [0, 25]


def test_flush__failures__are_each_waited_for_longer() -> None:
    world = World()
    world.failed(None)
    world.server.failing = TransportFailed("away")
    asked = []
    for _ in range(16):
        before = len(world.server.asked)
        world.after(10)
        asked.append(len(world.server.asked) - before)
    assert asked == [1, 0, 1, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 1, 0]


@pytest.mark.parametrize("dice", [pytest.param(0.0, id="soonest"), pytest.param(1.0, id="latest")])
def test_flush__long_away__is_asked_again_within_five_minutes(dice: float) -> None:
    world = World(dice=dice)
    world.failed(500)
    world.server.failing = TransportFailed("away", 500)
    for _ in range(200):
        world.after(10)
    before = len(world.server.asked)
    for _ in range(30):
        world.after(10)
    assert len(world.server.asked) - before in {1, 2}


def test_flush__retry_after__is_heeded() -> None:
    world = World()
    world.failed(429, retry_after=60)
    world.after(50)
    assert len(world.server.asked) == 1


def test_flush__retry_after_has_passed__sends_again() -> None:
    world = World()
    world.failed(429, retry_after=60)
    world.after(60)
    assert len(world.server.asked) == 2


@pytest.mark.parametrize(
    ("told", "seconds"),
    [
        pytest.param(10**9, 3600, id="years"),
        pytest.param(-5, 10, id="the past"),
        pytest.param(float("nan"), 10, id="no number"),
    ],
)
def test_flush__retry_after_out_of_reason__is_bounded(told: float, seconds: float) -> None:
    world = World()
    world.failed(503, retry_after=told)
    world.after(seconds)
    assert len(world.server.asked) == 2


def test_flush__last__does_not_wait_for_its_own_pause() -> None:
    world = World()
    world.failed(500)
    world.after(0, last=True)
    assert world.server.sums() == {("a", "on", ""): 1}


def test_flush__last__waits_for_what_the_server_asked() -> None:
    world = World()
    world.failed(429, retry_after=60)
    world.after(0, last=True)
    assert len(world.server.asked) == 1


@pytest.mark.parametrize("status", [400, 413, 422])
def test_flush__report_refused_for_good__is_dropped(status: int) -> None:
    world = World()
    world.failed(status)
    world.tallies.add("b")
    world.after(10)
    assert (world.server.sums(), world.reporter.dropped) == ({("b", "on", ""): 1}, 1)


@pytest.mark.parametrize("status", [401, 403])
def test_flush__credential_refused__is_kept_and_seldom_asked_again(status: int) -> None:
    world = World()
    world.failed(status)
    world.after(290)
    asked = len(world.server.asked)
    world.after(10)
    assert (asked, world.server.sums()) == (1, {("a", "on", ""): 1})


@pytest.mark.parametrize("status", [404, 405])
def test_flush__server_knows_no_usage__rests(status: int) -> None:
    world = World()
    world.failed(status)
    world.after(REST - 1, last=True)
    assert len(world.server.asked) == 1


def test_flush__server_rests__what_is_counted_is_drained_and_bounded_all_the_same() -> None:
    world = World()
    world.failed(404)
    for index in range(30_000):
        world.tallies.add(f"f{index}")
    world.after(10)
    assert (world.tallies.waiting, world.reporter.waiting) == ([], MAX_COUNTS + 1)


def test_flush__server_was_updated_meanwhile__reports_all() -> None:
    world = World()
    world.failed(404)
    world.tallies.add("b")
    world.after(REST)
    assert world.server.sums() == {("a", "on", ""): 1, ("b", "on", ""): 1}


def test_flush__transport_that_breaks__is_a_failure_like_any_other() -> None:
    world = World()
    world.tallies.add("a")
    world.server.failing = ZeroDivisionError()
    world.after(10)
    world.server.failing = None
    world.after(10)
    assert world.server.sums() == {("a", "on", ""): 1}


def test_flush__more_rows_than_a_report_holds__sends_several() -> None:
    world = World()
    for index in range(REPORT_ROWS + 1):
        world.tallies.add(f"f{index}")
    world.after(10)
    assert [len(report.periods[0].counts) for report in world.server.asked] == [REPORT_ROWS, 1]


def test_flush__report_as_large_as_it_may_be__is_one_that_the_server_takes() -> None:
    sampler = Sampler(Options(sample_contexts=1_000, sample_attributes=tuple(f"a{n}" for n in range(10))))
    world = World(sampler)
    for _ in range(1_000):
        sampler.offer({f"a{n}": "x" * 247 for n in range(10)})
    for index in range(REPORT_ROWS):
        world.tallies.add(f"{index:0256}", 2**53, variant="v" * 256, rule="r" * 256)
    world.after(10)
    assert len(msgspec.json.encode(world.server.asked[0])) < 4 << 20


def test_flush__away_for_an_hour_and_more__tells_each_hour_apart() -> None:
    world = World()
    world.server.failing = TransportFailed("away")
    for _ in range(6):
        world.tallies.add("a")
        world.after(1800)
    world.server.failing = None
    world.after(0, last=True)
    periods = [period for report in world.server.taken.values() for period in report.periods]
    assert [period.ago for period in periods] == [9000, 7200, 5400, 3600, 1800, 0]


def test_flush__waited_for_more_than_a_week__is_dropped() -> None:
    world = World()
    world.failed(None)
    world.failed(None)
    world.tallies.add("c")
    world.after(MAX_AGO_SECONDS + 1)
    assert (world.server.sums(), world.reporter.dropped) == ({("c", "on", ""): 1}, 2)


def test_flush__contexts_sampled__go_with_the_counts() -> None:
    sampler = Sampler(Options(sample_contexts=5, sample_attributes=("plan",)))
    world = World(sampler)
    sampler.offer({"plan": "pro", "email": "a@b.c"})
    world.tallies.add("a")
    world.after(10)
    assert world.server.asked[0].contexts == ({"plan": "pro"},)


def test_flush__no_counts__keeps_the_contexts_for_the_next() -> None:
    sampler = Sampler(Options(sample_contexts=5, sample_attributes=("plan",)))
    world = World(sampler)
    sampler.offer({"plan": "pro"})
    world.after(10)
    assert (world.server.asked, sampler.take()) == ([], ({"plan": "pro"},))


def test_flush__contexts_refused__sends_the_counts_without_them() -> None:
    sampler = Sampler(Options(sample_contexts=5, sample_attributes=("plan",)))
    world = World(sampler)
    sampler.offer({"plan": "pro"})
    world.failed(413)
    world.after(10)
    last = world.server.asked[-1]
    assert (last.contexts, world.server.sums()) == ((), {("a", "on", ""): 1})


def test_flush__report__is_what_the_contract_says() -> None:
    world = World()
    world.tallies.add("a", 2, rule="r1")
    world.after(10)
    assert world.server.asked[0].periods == (Period(0, (Count("a", "on", "r1", 2),)),)


@pytest.mark.parametrize(
    ("status", "said"),
    [
        pytest.param(None, ["usage is not reported for now (away); what was counted is kept"], id="away"),
        pytest.param(401, ["usage is not reported for now (away); what was counted is kept"], id="refused"),
        pytest.param(404, ["usage is not reported for now (away); what was counted is kept"], id="unknown"),
        pytest.param(400, ["a usage report of 1 evaluations was refused and dropped: away"], id="bad"),
    ],
)
def test_log__failures__are_told_once(status: int | None, said: list[str], caplog: pytest.LogCaptureFixture) -> None:
    world = World()
    world.failed(status)
    if status != 400:
        world.server.failing = TransportFailed("away", status)
        world.after(7200)
    assert [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING] == said


def test_log__evaluations_dropped__says_how_many_and_not_each_time(caplog: pytest.LogCaptureFixture) -> None:
    world = World()
    world.server.failing = TransportFailed("away")
    for _ in range(3):
        for index in range(30_000):
            world.tallies.add(f"f{index}")
        world.after(1)
    said = [record.getMessage() for record in caplog.records if "will not" in record.getMessage()]
    assert said == ["10000 evaluations will not be reported: too many waited for too long"]


class Broken(Counting):
    """Tallies that cannot be drained the first time."""

    def __init__(self) -> None:
        super().__init__()
        self.tried = threading.Event()

    def drain(self) -> list[Count]:
        if not self.tried.is_set():
            self.tried.set()
            raise ZeroDivisionError
        return super().drain()


def quick(tallies: Counting, server: UsageServer, every: float = 0.01) -> Reporter:
    return Reporter(Options(flush_every=every), tallies, server)


def test_thread__time_goes_on__reports() -> None:
    tallies, server, taken = Counting(), UsageServer(), threading.Event()

    class Telling(UsageServer):
        def post(self, path: str, body: bytes) -> None:
            server.post(path, body)
            taken.set()

    tallies.add("a")
    reporter = quick(tallies, Telling())
    reporter.start()
    assert taken.wait(60)
    reporter.stop()


def test_thread__tallies_break_once__goes_on(caplog: pytest.LogCaptureFixture) -> None:
    tallies, server = Broken(), UsageServer()
    tallies.add("a")
    reporter = quick(tallies, server)
    reporter.start()
    assert tallies.tried.wait(60)
    reporter.stop()
    assert (server.sums(), "could not be gathered" in caplog.text) == ({("a", "on", ""): 1}, True)


def test_stop__with_flush__reports_what_is_left() -> None:
    tallies, server = Counting(), UsageServer()
    reporter = quick(tallies, server, every=1000)
    reporter.start()
    tallies.add("a")
    reporter.stop(flush=True)
    assert server.sums() == {("a", "on", ""): 1}


def test_stop__while_the_server_is_away__says_that_counts_are_lost_and_not_that_they_are_kept(
    caplog: pytest.LogCaptureFixture,
) -> None:
    tallies, server = Counting(), UsageServer()
    server.failing = TransportFailed("away")
    reporter = quick(tallies, server, every=1000)
    reporter.start()
    tallies.add("a", 5)
    reporter.stop()
    assert caplog.messages == ["counts of 1 variants end unreported: the server did not take them"]


def test_stop__without_flush__reports_nothing_more() -> None:
    tallies, server = Counting(), UsageServer()
    reporter = quick(tallies, server, every=1000)
    reporter.start()
    thread = reporter._thread
    assert thread is not None
    tallies.add("a")
    reporter.stop(flush=False)
    thread.join(60)
    assert (thread.is_alive(), server.asked) == (False, [])


def test_stop__twice__does_nothing_more() -> None:
    reporter = quick(Counting(), UsageServer())
    reporter.start()
    reporter.stop()
    reporter.stop()
    assert reporter._thread is None


def test_start__after_it_was_stopped__starts_nothing() -> None:
    reporter = World().reporter
    before = threading.active_count()
    reporter.stop()
    reporter.start()
    assert threading.active_count() == before


def test_stop__server_hangs__gives_up_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("flagtrail.sdk.report.LAST_SECONDS", 0.05)
    hanging, tallies = threading.Event(), Counting()

    class Hung(UsageServer):
        def post(self, path: str, body: bytes) -> None:
            assert hanging.wait(60)
            super().post(path, body)

    reporter = quick(tallies, Hung(), every=1000)
    reporter.start()
    thread = reporter._thread
    tallies.add("a")
    reporter.stop(flush=True)
    assert thread is not None
    assert thread.is_alive()
    hanging.set()
    thread.join(60)


def test_stop__from_its_own_thread__does_not_wait_for_itself() -> None:
    stopped = threading.Event()

    class Stopping(UsageServer):
        def post(self, path: str, body: bytes) -> None:
            reporter.stop()
            super().post(path, body)
            stopped.set()

    tallies, server = Counting(), Stopping()
    tallies.add("a")
    reporter = quick(tallies, server)
    reporter.start()
    assert stopped.wait(60)


def test_start__no_thread_to_be_had__says_so_and_goes_on(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def refused(_: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", refused)
    reporter = quick(Counting(), UsageServer())
    reporter.start()
    reporter.stop()
    assert "usage is not reported: can't start new thread" in caplog.text


def test_start__sampler_of_the_parent__draws_anew() -> None:
    sampler = Sampler(Options(sample_contexts=5, sample_attributes=("plan",)))
    sampler.offer({"plan": "pro"})
    reporter = Reporter(Options(flush_every=1000), Counting(), UsageServer(), sampler)
    reporter.start()
    reporter.stop(flush=False)
    assert sampler.take() == ()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="a system without fork")
@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")
def test_fork__child_ends__reports_nothing_of_its_parent() -> None:
    tallies, server = Counting(), UsageServer()
    reporter = quick(tallies, server, every=1000)
    reporter.start()
    tallies.add("a")
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        reporter.stop(flush=True)
        os.write(writing, msgspec.json.encode(len(server.asked) + tallies.drains))
        os._exit(0)
    os.waitpid(child, 0)
    told = os.read(reading, 100)
    os.close(reading)
    os.close(writing)
    reporter.stop(flush=True)
    assert (told, server.sums()) == (b"0", {("a", "on", ""): 1})
