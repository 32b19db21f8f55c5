"""What is counted in a process arrives once, whatever happens on the way; samples are fair and leak nothing."""

from __future__ import annotations

import copy
import random
from collections import Counter
from typing import Any

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test
from tests.support.usage import Time, UsageServer

from flagtrail.engine.tally import Tally
from flagtrail.model.flag import Json
from flagtrail.model.resolution import Reason, Resolution
from flagtrail.model.usage import MAX_COUNTS, Count
from flagtrail.sdk.backlog import Backlog
from flagtrail.sdk.options import Options
from flagtrail.sdk.report import REPORT_ROWS, Reporter
from flagtrail.sdk.sample import MAX_CONTEXT_BYTES, MAX_ITEMS, MAX_TEXT, Sampler
from flagtrail.sdk.transport import TransportFailed
from flagtrail.sdk.usage import Group, Row, Tallied, Tallies

FLAGS = ("a", "b", "c")
FAILURES = st.builds(
    TransportFailed,
    st.just("away"),
    st.sampled_from([None, 401, 403, 404, 408, 429, 500, 502, 503]),
    st.one_of(st.none(), st.floats(0, 100)),
)


class Interleaved(RuleBasedStateMachine):
    """Counting, reporting, compiling anew and forking in any order, while the server fails or its answers get lost."""

    def __init__(self) -> None:
        super().__init__()
        self.time = Time()
        self.server = UsageServer()
        self.tallies = Tallies()
        self.tally: dict[str, Tally] = {}
        self.groups: list[Group] = []
        self.counted: Counter[Row] = Counter()
        self.parents: list[Reporter] = []
        self.reporter = self.started()

    def started(self) -> Reporter:
        return Reporter(Options(), self.tallies, self.server, clock=self.time, dice=random.Random(1).random)

    @rule(flag=st.sampled_from(FLAGS), times=st.integers(1, 5))
    def count(self, flag: str, times: int) -> None:
        if flag not in self.tally:
            self.tally[flag] = self.tallies.of(Resolution(flag, "on", True, Reason.STATIC, "r1"))
        self.tally[flag].n += times
        self.counted[flag, "on", "r1"] += times

    @rule(flags=st.sets(st.sampled_from(FLAGS)), times=st.integers(1, 5))
    def count_together(self, flags: set[str], times: int) -> None:
        told = [Resolution(flag, "on", True, Reason.STATIC, "r1") for flag in flags]
        group = self.tallies.group()
        self.groups.append(group)
        group[len(self.groups)] = tallied = Tallied(told)
        tallied.n += times
        for flag in flags:
            self.counted[flag, "on", "r1"] += times

    @rule(flag=st.sampled_from(FLAGS))
    def compile_anew(self, flag: str) -> None:
        self.tallies.retire([*self.tallies.detach([flag]), *self.groups])
        self.tally.pop(flag, None)
        self.groups = []

    @rule(seconds=st.floats(0, 4000))
    def wait(self, seconds: float) -> None:
        self.time.now += seconds

    @rule(last=st.booleans())
    def flush(self, last: bool) -> None:
        self.reporter.flush(last=last)

    @rule(failure=FAILURES)
    def flush_and_fail(self, failure: TransportFailed) -> None:
        self.server.failing = failure
        self.reporter.flush()
        self.server.failing = None

    @rule(failure=FAILURES)
    def flush_and_lose_the_answer(self, failure: TransportFailed) -> None:
        self.server.losing = failure
        self.reporter.flush()
        self.server.losing = None

    @rule()
    def fork(self) -> None:
        """Go on as the child, with copies of all that was counted; the parent reports when all is over."""
        self.parents.append(self.reporter)
        copies = copy.deepcopy((self.tallies, self.tally, self.groups))
        self.tallies, self.tally, self.groups = copies
        self.tallies.forget()
        self.reporter = self.started()

    @invariant()
    def nothing_is_added_up_twice(self) -> None:
        assert self.server.sums() <= self.counted

    def teardown(self) -> None:
        self.time.now += 4000
        for reporter in (*self.parents, self.reporter):
            reporter.flush()
        assert self.server.sums() == self.counted


def test_usage__any_interleaving__each_evaluation_arrives_once() -> None:
    run_state_machine_as_test(Interleaved, settings=settings(max_examples=150, stateful_step_count=40, deadline=None))


@given(
    drains=st.lists(
        st.tuples(st.floats(1, 5000), st.dictionaries(st.sampled_from("abcdefgh"), st.integers(1, 9), max_size=8)),
        max_size=40,
    ),
    periods=st.integers(1, 5),
    rows=st.integers(1, 12),
)
def test_backlog__any_drains__is_bounded_and_accounts_for_every_evaluation(
    drains: list[tuple[float, dict[str, int]]], periods: int, rows: int
) -> None:
    backlog = Backlog(periods, rows)
    now, counted = 0.0, 0
    for seconds, of_flags in drains:
        backlog.add([Count(flag, "on", "", count) for flag, count in of_flags.items()], now, now + seconds)
        now += seconds
        counted += sum(of_flags.values())
        assert len(backlog) <= periods
        assert backlog.rows <= rows
    kept = sum(stretch.evaluations() for stretch in backlog.take(rows))
    assert (kept + backlog.dropped, backlog.rows) == (counted, 0)


@given(
    drains=st.lists(st.tuples(st.integers(1, 5000), st.integers(1, 9)), max_size=60),
    periods=st.integers(1, 5),
)
def test_backlog__any_drains__what_is_told_together_lies_within_an_hour(
    drains: list[tuple[int, int]], periods: int
) -> None:
    backlog = Backlog(periods)
    now = 0
    for seconds, count in drains:
        backlog.add([Count("a", "on", "", count)], now, now + seconds)
        now += seconds
    longest = max((seconds for seconds, _ in drains), default=0)
    assert all(stretch.end - stretch.start <= max(3600, longest) for stretch in backlog.take(100))


def test_outage__a_day_of_a_large_installation__keeps_a_bounded_part_and_tells_the_rest() -> None:
    time, server, tallies = Time(), UsageServer(), Tallies()
    server.failing = TransportFailed("away")
    served = [tallies.of(Resolution(f"flag-{n}", "on", True, Reason.STATIC, "r1")) for n in range(300)]
    reporter = Reporter(Options(), tallies, server, clock=time, dice=lambda: 0.5)
    for tick in range(8640):
        for tally in served[tick % 2 :: 2]:
            tally.n += 1
        time.now += 10
        server.asked.clear()
        reporter.flush()
        assert reporter.waiting <= MAX_COUNTS + REPORT_ROWS
    server.failing = None
    reporter.flush(last=True)
    arrived = sum(server.sums().values())
    assert (arrived + reporter.dropped, reporter.waiting) == (8640 * 150, 0)


def test_outage__a_day_of_few_flags__loses_nothing_and_tells_the_hours_apart() -> None:
    time, server, tallies = Time(), UsageServer(), Tallies()
    server.failing = TransportFailed("away")
    served = tallies.of(Resolution("a", "on", True, Reason.STATIC, "r1"))
    reporter = Reporter(Options(), tallies, server, clock=time, dice=lambda: 0.5)
    for _ in range(8640):
        served.n += 1
        time.now += 10
        reporter.flush()
    server.failing = None
    reporter.flush(last=True)
    hours: Counter[int] = Counter()
    for report in server.taken.values():
        for period in report.periods:
            hours[int(period.ago // 3600)] += period.counts[0].count
    assert (sum(hours.values()), set(hours)) == (8640, set(range(24)))


def test_sample__many_draws__every_place_is_as_likely() -> None:
    """Chi-square over 40 places, 39 degrees of freedom: 72.1 is exceeded once in a thousand times."""
    size, offered, draws = 8, 40, 4_000
    sampler = Sampler(Options(sample_contexts=size, sample_attributes=("n",)), random.Random(20261122).random)
    contexts = [{"n": n} for n in range(offered)]
    seen: Counter[int] = Counter()
    for _ in range(draws):
        for context in contexts:
            sampler.offer(context)
        seen.update(taken["n"] for taken in sampler.take())
    expected = draws * size / offered
    # Without replacement, so each place varies by less than a free draw: the statistic is scaled for that.
    scale = (1 - size / offered) * offered / (offered - 1)
    statistic = sum((seen[n] - expected) ** 2 / expected for n in range(offered)) / scale
    assert 10 < statistic < 72.1


def test_sample__one_long_window__early_and_late_are_as_likely() -> None:
    """Ten sections of a window of 100,000, each as often as another: 9 degrees of freedom, 27.9 once in a thousand."""
    sampler = Sampler(Options(sample_contexts=1_000, sample_attributes=("n",)), random.Random(7).random)
    for n in range(100_000):
        sampler.offer({"n": n})
    sections = Counter(taken["n"] // 10_000 for taken in sampler.take())
    assert sum((sections[section] - 100) ** 2 / 100 for section in range(10)) < 27.9


NAMES = st.sampled_from(["plan", "email", "a", "b", "a.b", "targetingKey", "a.b.c"])
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=400) | st.binary() | st.just(object()),
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(NAMES, inner, max_size=4) | st.tuples(inner),
    max_leaves=20,
)


def scalars(value: Json) -> list[Json]:
    return value if isinstance(value, list) else [value]


@given(context=st.dictionaries(NAMES, VALUES), allowed=st.lists(NAMES, min_size=1), hashes=st.booleans())
def test_sample__any_context__leaves_no_more_than_was_allowed(
    context: dict[str, Any], allowed: list[str], hashes: bool
) -> None:
    options = Options(sample_contexts=1, sample_attributes=tuple(allowed), hash_targeting_key=hashes)
    sampler = Sampler(options)
    sampler.offer(context)
    (taken,) = sampler.take()
    key = taken.get("targetingKey")
    assert taken.keys() <= set(allowed)
    assert all(isinstance(one, str | int | float | bool) for value in taken.values() for one in scalars(value))
    assert not hashes or key is None or key != context["targetingKey"]
    assert msgspec.json.decode(msgspec.json.encode(taken)) == taken


@given(context=st.dictionaries(NAMES, VALUES), allowed=st.lists(NAMES, min_size=1))
def test_sample__any_context__is_bounded(context: dict[str, Any], allowed: list[str]) -> None:
    sampler = Sampler(Options(sample_contexts=1, sample_attributes=tuple(allowed)))
    sampler.offer(context)
    (taken,) = sampler.take()
    texts = [one for value in taken.values() for one in scalars(value) if isinstance(one, str)]
    assert len(msgspec.json.encode(taken)) <= MAX_CONTEXT_BYTES
    assert all(len(text) <= MAX_TEXT for text in texts)
    assert all(len(scalars(value)) <= MAX_ITEMS for value in taken.values())
