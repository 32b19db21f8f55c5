"""The SDK in the processes that applications are made of: threads, forks, workers, full disks, sudden ends."""

from __future__ import annotations

import gc
import itertools
import logging
import os
import subprocess
import sys
import textwrap
import threading
from collections.abc import Iterator
from pathlib import Path
from types import FunctionType, ModuleType
from typing import Any

import httpx2
import msgspec
import pytest
from tests.support import misbehaving as bad
from tests.support.faults import CONTEXT, FLAG, Evaluating, Site, until
from tests.support.misbehaving import Misbehaving, Request, Wire, misbehaving
from tests.support.rulesets import BOOLEAN, plain, ruleset, targeting
from tests.support.server import RunningServer, free_port, running_server

from flagtrail.model.sync import RulesetData
from flagtrail.sdk.backoff import Pace
from flagtrail.sdk.client import Client
from flagtrail.sdk.options import Options

ROOT = Path(__file__).parents[2]
LOCKS = (type(threading.Lock()), type(threading.RLock()))

# What every process here begins with: a client of the site, quick to report.
BEGIN = """
    import os, sys, threading, time
    from flagtrail.sdk import Client, Options

    def option(**given):
        url, token = os.environ["SITE_URL"], os.environ["SITE_TOKEN"]
        return Options(url=url, token=token, flush_every=0.1, poll_every=0.1, timeout=2.0, **given)

    def many(client, times):
        for _ in range(times):
            assert client.get_boolean("switch", False, {"targetingKey": "u1"}) is True

    def await_turned(client):
        deadline = time.monotonic() + 60
        evaluations = 0
        while time.monotonic() < deadline:
            evaluations += 1
            if not client.get_boolean("switch", True, {"targetingKey": "u1"}):
                return evaluations
            time.sleep(0.01)
        raise AssertionError("the change did not arrive")
"""


def process(script: str, url: str, token: str, *arguments: str) -> subprocess.Popen[bytes]:
    code = textwrap.dedent(BEGIN) + textwrap.dedent(script)
    # Nor is what such a process runs measured: it may be forbidden to write any file.
    ours = ("FLAGTRAIL_", "COVERAGE_")
    environment = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
    paths = os.pathsep.join([str(ROOT / "src"), str(ROOT)])
    environment |= {"SITE_URL": url, "SITE_TOKEN": token, "PYTHONPATH": paths}
    return subprocess.Popen(
        [sys.executable, "-W", "ignore::DeprecationWarning", "-c", code, *arguments],  # of forks with threads
        env=environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


def ended(child: subprocess.Popen[bytes], given: bytes = b"") -> str:
    """What it printed, once it ended well."""
    out, errors = child.communicate(given, timeout=60)
    assert (child.returncode, errors) == (0, b""), errors.decode()
    return out.decode().strip()


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    with running_server(tmp_path_factory.mktemp("processes")) as server:
        yield server


@pytest.fixture
def site(running: RunningServer) -> Site:
    return Site(running)


@pytest.fixture
def server() -> Iterator[Misbehaving]:
    with misbehaving() as server:
        server.scripts |= {
            "ruleset": [bad.good(ruleset({FLAG: plain(True)}))],
            "stream": [bad.streamed(bad.HEARTBEAT)],
            "usage": [bad.answer(202)],
        }
        yield server


# The end of a process.


def test_exit__without_close__what_was_counted_is_reported(site: Site) -> None:
    child = process(
        """
        client = Client(option())
        assert client.start(wait=60)
        many(client, 1000)
        """,
        site.server.url,
        site.token,
    )
    assert (ended(child), site.counted()) == ("", 1000)


def test_exit__by_an_exception__what_was_counted_is_reported(site: Site) -> None:
    child = process(
        """
        client = Client(option())
        assert client.start(wait=60)
        many(client, 1000)
        sys.exit(3)
        """,
        site.server.url,
        site.token,
    )
    child.communicate(timeout=60)
    assert (child.returncode, site.counted()) == (3, 1000)


def test_exit__server_hangs__the_process_ends_all_the_same(server: Misbehaving) -> None:
    server.scripts["usage"] = [bad.hang]
    child = process(
        """
        client = Client(option())
        assert client.start(wait=60)
        many(client, 1000)
        """,
        server.url,
        "secret",
    )
    child.communicate(timeout=60)
    assert child.returncode == 0


# Forks.


@pytest.mark.parametrize("moment", ["before the first ruleset", "after it"])
def test_fork__of_the_running_client__child_and_parent_follow_and_count_their_own(site: Site, moment: str) -> None:
    child = process(
        """
        client = Client(option())
        if sys.argv[1] == "after it":
            assert client.start(wait=60)
            many(client, 100)
        else:
            client.start()
        pids = []
        for number in range(3):
            pid = os.fork()
            if pid == 0:
                assert client.start(wait=60)
                many(client, 10)
                os.write(1, b"ready\\n")
                evaluations = await_turned(client)
                os.write(1, b"%d\\n" % (10 + evaluations))
                sys.exit(0)
            pids.append(pid)
        assert client.start(wait=60)
        evaluations = await_turned(client)
        ends = [os.waitpid(pid, 0)[1] for pid in pids]
        assert ends == [0, 0, 0], ends
        print(evaluations + (100 if sys.argv[1] == "after it" else 0))
        """,
        site.server.url,
        site.token,
        moment,
    )
    assert child.stdout is not None
    ready = [child.stdout.readline() for _ in range(3)]
    site.turn("disable")
    counted = sum(int(line) for line in ended(child).split())
    assert (ready, site.counted()) == ([b"ready\n"] * 3, counted)


@pytest.mark.slow
def test_fork__at_forty_moments_of_a_busy_client__no_child_waits_for_ever_and_all_is_counted_once(site: Site) -> None:
    child = process(
        """
        client = Client(Options(
            url=os.environ["SITE_URL"], token=os.environ["SITE_TOKEN"], flush_every=0.01, sync="poll", poll_every=0.01
        ))
        assert client.start(wait=60)
        over = threading.Event()
        evaluated = 0

        def evaluate():
            global evaluated
            while not over.is_set():
                many(client, 10)
                evaluated += 10

        thread = threading.Thread(target=evaluate)
        thread.start()
        pids = []
        for number in range(40):
            pid = os.fork()
            if pid == 0:
                many(client, 7)
                sys.exit(0)
            pids.append(pid)
            time.sleep(0.003)
        ends = [os.waitpid(pid, 0)[1] for pid in pids]
        over.set()
        thread.join()
        assert ends == [0] * 40, ends
        print(evaluated + 40 * 7)
        """,
        site.server.url,
        site.token,
    )
    counted = int(ended(child))
    assert site.counted() == counted


@pytest.mark.slow
@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
def test_multiprocessing__each_way_to_start__children_evaluate_and_count_their_own(
    site: Site, method: str, tmp_path: Path
) -> None:
    program = tmp_path / "program.py"
    work = """
        def work(number):
            global client
            if client is None:
                client = Client(option())
            assert client.start(wait=60)
            many(client, 10)

        client = None
        if __name__ == "__main__":
            import multiprocessing
            client = Client(option())
            assert client.start(wait=60)
            many(client, 100)
            made = [multiprocessing.get_context(sys.argv[1]).Process(target=work, args=(n,)) for n in range(3)]
            for one in made:
                one.start()
            for one in made:
                one.join()
            assert [one.exitcode for one in made] == [0, 0, 0]
        """
    program.write_text(textwrap.dedent(BEGIN) + textwrap.dedent(work))
    child = process(
        "import runpy; sys.argv[:] = sys.argv[1:]; runpy.run_path(sys.argv[0], run_name='__main__')",
        site.server.url,
        site.token,
        str(program),
        method,
    )
    assert (ended(child), site.counted()) == ("", 130)


GUNICORN_APP = """
    from flagtrail.sdk import Client, Options
    import os

    client = Client(Options(url=os.environ["SITE_URL"], token=os.environ["SITE_TOKEN"], flush_every=0.1))
    client.start(wait=60)

    def app(environ, start_response):
        told = client.get_boolean("switch", False, {"targetingKey": "u1"})
        start_response("200 OK", [("Content-Type", "text/plain")])
        return [f"{os.getpid()} {told}".encode()]
"""


@pytest.mark.slow
def test_gunicorn__preloaded_client__every_worker_follows_and_every_answer_is_counted_once(
    site: Site, tmp_path: Path
) -> None:
    (tmp_path / "shop.py").write_text(textwrap.dedent(GUNICORN_APP))
    port = free_port()
    environment = {**os.environ, "SITE_URL": site.server.url, "SITE_TOKEN": site.token}
    environment["PYTHONPATH"] = os.pathsep.join([str(ROOT / "src"), str(tmp_path)])
    command = [sys.executable, "-m", "gunicorn", "--preload", "--workers", "3", "--bind", f"127.0.0.1:{port}"]
    with (tmp_path / "log").open("wb") as log:
        master = subprocess.Popen([*command, "shop:app"], env=environment, stdout=log, stderr=log)
    answers: list[tuple[str, str]] = []

    def ask() -> tuple[str, str] | None:
        try:
            told = httpx2.get(f"http://127.0.0.1:{port}/", timeout=10).text.split()
        except httpx2.TransportError:
            return None
        answers.append((told[0], told[1]))
        return answers[-1]

    try:
        assert until(ask)
        assert until(lambda: ask() and len({worker for worker, _ in answers}) == 3)
        before = {told for _, told in answers}
        site.turn("disable")
        since = len(answers)
        assert until(lambda: ask() and len({worker for worker, told in answers[since:] if told == "False"}) == 3)
    finally:
        master.terminate()
        master.wait(60)
    assert (before, site.counted()) == ({"True"}, len(answers)), (tmp_path / "log").read_text()


# Disks.


@pytest.mark.parametrize(
    "cache_file",
    [
        pytest.param("/proc/flagtrail/ruleset", id="a folder that nobody can make"),
        pytest.param("{folder}/file/ruleset", id="a file for a folder"),
        pytest.param("{folder}", id="a folder for a file"),
        pytest.param("{folder}/full", id="a full disk"),
        pytest.param("nul\0", id="no path"),
    ],
)
def test_cache__cannot_be_written__the_client_follows_all_the_same(site: Site, cache_file: str, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "full").write_bytes(b"as it was")
    child = process(
        """
        import logging, resource
        resource.setrlimit(resource.RLIMIT_FSIZE, (16, 16))
        logging.disable()
        client = Client(option(cache_file=sys.argv[1].replace("(nul)", chr(0))))
        assert client.start(wait=60)
        many(client, 100)
        print("ready", flush=True)
        await_turned(client)
        """,
        site.server.url,
        site.token,
        cache_file.format(folder=tmp_path).replace("\0", "(nul)"),
    )
    assert child.stdout is not None
    ready = child.stdout.readline()
    site.turn("disable")
    assert (ready, ended(child), (tmp_path / "full").read_bytes()) == (b"ready\n", "", b"as it was")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "full"]


# Threads, memory, locks.


FLAGS = 8


def rulesets() -> list[RulesetData]:
    """Two rulesets of some flags with rules that differ in what all of them give."""
    vip = {"id": "r1", "when": {"attribute": "plan", "operator": "equals", "values": ["pro"]}}
    return [
        ruleset(
            {
                f"flag-{n}": (BOOLEAN, targeting(rules=[{**vip, "serve": {"variant": given}}], off_variant=given))
                for n in range(FLAGS)
            },
            id=f"{number}-a",
        )
        for number, given in ((1, "on"), (2, "off"))
    ]


class Evaluator(threading.Thread):
    """Evaluates until it is told to stop; `count` times, with these `wrong` answers."""

    def __init__(self, client: Client, over: threading.Event) -> None:
        super().__init__()
        self.client = client
        self.over = over
        self.count = 0
        self.wrong: list[str] = []

    def run(self) -> None:
        try:
            while not self.over.is_set():
                self.evaluate()
        except BaseException as error:  # noqa: BLE001 - whatever it is, the test fails by it
            self.wrong.append(repr(error))

    def evaluate(self) -> None:
        for flag in ("flag-0", "flag-7"):
            if self.client.details(flag, CONTEXT).rule != "r1":
                self.wrong.append(flag)
        if len(self.client.evaluate_all(CONTEXT)) != FLAGS:
            self.wrong.append("all")
        self.count += 2 + FLAGS


def moved_on(threads: list[Evaluator]) -> bool:
    """Wait until each has begun anew."""
    before = [thread.count for thread in threads]
    return until(lambda: all(thread.count > count for thread, count in zip(threads, before, strict=True)))


@pytest.fixture
def hasty() -> Iterator[None]:
    """Threads take turns ten times as often as they usually do."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(before / 10)
    yield
    sys.setswitchinterval(before)


@pytest.mark.slow
@pytest.mark.usefixtures("hasty")
def test_threads__32_evaluate_while_rulesets_are_swapped_1000_times__every_one_is_answered_and_counted() -> None:
    client = Client(Options())
    data = rulesets()
    client.served.replace(data[0])
    tallies = client._tallies
    assert tallies is not None
    over = threading.Event()
    threads = [Evaluator(client, over) for _ in range(32)]
    for thread in threads:
        thread.start()
    counted = 0
    for swap in range(1_000):
        client.served.replace(data[(swap + 1) % 2])
        if swap % 100 == 0:
            # A tally that was retired is drained for two flushes more: no evaluation takes as long as those.
            assert moved_on(threads)
            counted += sum(count.count for count in tallies.drain())
    over.set()
    for thread in threads:
        thread.join()
    counted += sum(count.count for _ in range(3) for count in tallies.drain())
    assert [wrong for thread in threads for wrong in thread.wrong] == []
    assert counted == sum(thread.count for thread in threads)


@pytest.mark.slow
def test_memory__2000_swaps__stays_as_it_was_after_the_first_two_hundred() -> None:
    client = Client(Options(sample_contexts=10, sample_attributes=("plan",)))
    first, second = (msgspec.json.encode(data) for data in rulesets())
    tallies, sampler = client._tallies, client._sampler
    assert tallies is not None
    assert sampler is not None

    def blocks_after(swaps: int) -> int:
        for number in range(swaps):
            client.served.replace(msgspec.json.decode(second if number % 2 else first, type=RulesetData))
            client.evaluate_all(CONTEXT)
            for n in range(FLAGS):
                client.get_boolean(f"flag-{n}", False, {**CONTEXT, "n": number})
            tallies.drain()
            sampler.take()
        gc.collect()
        return sys.getallocatedblocks()

    early, late = blocks_after(200), blocks_after(1_800)
    assert late - early < 1_800


QUICK_FAULTS = (
    bad.close,
    bad.reset,
    bad.garbage,
    bad.answer(500),
    bad.answer(200, b"{"),
    bad.truncated(ruleset({FLAG: plain(False)})),
    bad.truncated_gzip(ruleset({FLAG: plain(False)})),
    bad.streamed(bad.HEARTBEAT, then=bad.end_of_stream),
    bad.good(ruleset({FLAG: plain(True)})),
    bad.good(ruleset({FLAG: (BOOLEAN, targeting(fallthrough={"variant": "no_such_variant"}))}, id="2-b")),
)


def open_files() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


@pytest.fixture
def unlogged() -> Iterator[None]:
    """Nothing is logged: the runner of the tests would keep it."""
    logging.disable()
    yield
    logging.disable(logging.NOTSET)


@pytest.mark.slow
@pytest.mark.usefixtures("unlogged")
@pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="a system that does not tell its open files")
def test_resources__a_thousand_failures__are_given_back(server: Misbehaving, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("flagtrail.sdk.sync.Pace", lambda: Pace().scaled(0.0005))
    faults = itertools.cycle(QUICK_FAULTS)

    def fail(wire: Wire, request: Request) -> None:
        next(faults)(wire, request)

    server.scripts = {path: [fail] for path in server.scripts}
    client = Client(Options(url=server.url, token="secret", flush_every=0.01, poll_every=0.001))
    files, threads = open_files(), threading.active_count()

    def blocks_after(requests: int) -> int:
        server.requests.clear()
        assert until(lambda: Evaluating(client).many(10) and len(server.requests) >= requests)
        server.requests.clear()
        gc.collect()
        return sys.getallocatedblocks()

    client.start()
    early, late = blocks_after(200), blocks_after(1_000)
    client.close()
    assert until(lambda: (open_files(), threading.active_count()) <= (files, threads))
    assert late - early < 1_000


def locks_of(root: object) -> list[Any]:
    """All locks that an object holds, itself and by whatever belongs to it."""
    found, seen, waiting = [], {id(root)}, [root]
    while waiting:
        for held in gc.get_referents(waiting.pop()):
            if id(held) in seen or isinstance(held, (ModuleType, FunctionType, type)):
                continue
            seen.add(id(held))
            if isinstance(held, LOCKS):
                found.append(held)
            else:
                waiting.append(held)
    return found


def test_evaluation__every_lock_of_the_client_is_held_by_others__goes_on(server: Misbehaving) -> None:
    sampled = {"sample_contexts": 10, "sample_attributes": ("plan",)}
    client = Client(Options(url=server.url, token="secret", **sampled))  # type: ignore[arg-type]
    assert client.start(wait=60)
    held = [lock for lock in locks_of(client) if lock.acquire(blocking=False)]
    try:
        answers: list[set[bool]] = []
        evaluating = threading.Thread(target=lambda: answers.append(Evaluating(client).many(100_000)))
        evaluating.start()
        assert until(lambda: not evaluating.is_alive())
    finally:
        for lock in held:
            lock.release()
    client.close()
    assert (answers, len(held) > 3) == ([{True}], True)
