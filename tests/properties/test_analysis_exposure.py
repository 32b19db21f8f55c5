"""Exposure agrees with brute force: every case it tells is what evaluating complete contexts gives, to the share.

A history is random: all operators, segments, nested conditions, prerequisites, splits by any attribute. At moments
of every interval the flag is evaluated for completions of the partial context by the interpreter. A key that nobody
names stands for all keys: it is put into every cell of buckets in turn, and the cells' widths add up to exact shares.
"""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from fractions import Fraction

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.unit.analysis.histories import ENV, OFF, ON, History, P, at, split

from flagtrail.analysis.exposure import Exposure, Interval, exposure
from flagtrail.analysis.facts import is_finite
from flagtrail.analysis.partial import is_known
from flagtrail.analysis.shares import Answer
from flagtrail.analysis.world import World, world
from flagtrail.engine.attributes import read as read_attribute
from flagtrail.engine.bucketing import NATIVE, STRATEGIES
from flagtrail.engine.interpret import interpret
from flagtrail.model.condition import Condition, Operator, Scalar
from flagtrail.model.context import Context
from flagtrail.model.entry import Entry
from flagtrail.model.flag import Json, boolean_flag
from flagtrail.model.state import State, fold
from flagtrail.model.targeting import WHOLE, Prerequisite, Rule, Serve, Targeting

ABSENT = None
DOMAINS: dict[str, tuple[Json, ...]] = {
    "plan": (ABSENT, "a", "b", "B", "z", ["a", "b"], []),
    "n": (ABSENT, 1, 5, 10, "5", True, 1.5),
    "version": (ABSENT, "1.2.3", "2.0.0-rc.1", "x"),
    "ip": (ABSENT, "10.0.0.1", "192.168.0.1"),
    "when": (ABSENT, "2026-01-01T00:00:00Z", 0),
    "user": (ABSENT, {"tier": "t1"}, {"tier": "t3"}, {"tier": "t4"}, {}, [{"tier": "t1"}, {"tier": "t3"}]),
    "company": (ABSENT, "c1", "c2"),
    "targetingKey": tuple(f"u{index}" for index in range(5)),
}
TESTS: list[tuple[str, Operator, tuple[Scalar, ...]]] = [
    ("plan", "equals", ("a",)),
    ("plan", "not_equals", ("b",)),
    ("plan", "in", ("a", "b")),
    ("plan", "in", ("a",)),
    ("plan", "not_in", ("a", "c")),
    ("plan", "contains", ("a",)),
    ("plan", "starts_with", ("b", "x")),
    ("plan", "ends_with", ("a",)),
    ("plan", "matches", ("^[ab]$",)),
    ("plan", "exists", ()),
    ("plan", "not_exists", ()),
    ("n", "equals", (1,)),
    ("n", "equals", (True,)),
    ("n", "gt", (4,)),
    ("n", "gte", (5,)),
    ("n", "lt", (6,)),
    ("n", "lte", (1,)),
    ("n", "modulo", (5, 0)),
    ("version", "semver_eq", ("1.2.3",)),
    ("version", "semver_gt", ("1.2.3",)),
    ("version", "semver_gte", ("1.2.3",)),
    ("version", "semver_lt", ("2.0.0",)),
    ("version", "semver_lte", ("1.2.3",)),
    ("ip", "cidr", ("10.0.0.0/8",)),
    ("when", "before", ("2026-01-01T00:00:00Z",)),
    ("when", "after", ("2000-01-01T00:00:00Z",)),
    ("user.tier", "in", ("t1", "t2")),
    ("company", "in", ("c1",)),
    ("company", "exists", ()),
    ("targetingKey", "in", ("u1", "u2")),
    ("targetingKey", "equals", ("u1",)),
    ("targetingKey", "not_in", ("u1", "u3")),
    ("company", "not_equals", ("c1",)),
]
KEYS = ("targetingKey", "targetingKey", "company")
ANY_KEYS = (*(KEYS * 2), "plan", "n", "version", "user.tier", "when")
"""What splits hash: mostly keys, or any attribute at all."""
DEPENDS: dict[str, tuple[str, ...]] = {"f": ("p1", "p2", "s1", "s2"), "p1": ("p2", "s2"), "s1": ("s2",), "s2": ("p2",)}


class Dice:
    """Random documents that refer only to those behind them, so that no cycle comes about."""

    def __init__(self, seed: int, by: tuple[str, ...] = KEYS) -> None:
        self.random = random.Random(seed)
        self.by = by

    def condition(self, owner: str, depth: int = 0) -> Condition:
        dice = self.random
        form = dice.choice(["test", "test", "test", "all", "any", "not", "named", "named"] if depth < 2 else ["test"])
        if form in {"all", "any"}:
            parts = tuple(self.condition(owner, depth + 1) for _ in range(dice.randint(0, 3)))
            return Condition(all=parts) if form == "all" else Condition(any=parts)
        if form == "not":
            return Condition(not_=self.condition(owner, depth + 1))
        names = DEPENDS.get(owner, ())
        if form == "named" and names:
            name = dice.choice(names)
            if name.startswith("s"):
                return Condition(segment=name)
            return Condition(flag=name, variants=tuple(dice.sample(["on", "off"], dice.randint(1, 2))))
        attribute, operator, values = dice.choice(TESTS)
        return Condition(
            attribute=attribute, operator=operator, values=values, case_sensitive=dice.random() < 0.8 or not values
        )

    def serve(self) -> Serve:
        dice = self.random
        if dice.random() < 0.5:
            return dice.choice([ON, OFF])
        on = dice.choice([0, 1, 25_000, 50_000, 99_999, 100_000])
        salt, by = dice.choice(["x", "x", "y"]), dice.choice(self.by)
        return split(salt, by, on=on, off=100_000 - on)

    def targeting(self, flag: str) -> Targeting:
        dice = self.random
        flags = [name for name in DEPENDS.get(flag, ()) if name.startswith("p")]
        needs = tuple(
            Prerequisite(name, (dice.choice(["on", "off"]),))
            for name in dice.sample(flags, dice.randint(0, len(flags)))
        )
        rules = tuple(
            Rule(f"r{index}", self.condition(flag), self.serve()) for index in range(dice.choice([0, 1, 1, 2, 3]))
        )
        return Targeting(
            dice.choice(["on", "off"]), self.serve(), dice.random() < 0.85, needs if dice.random() < 0.4 else (), rules
        )

    def history(self) -> list[Entry]:
        """Flags and segments come and go; some entries happened before they were learned of, some at one time."""
        dice, history = self.random, History()
        for day in range(1, 1 + dice.randint(4, 9)):
            name = dice.choice(["f", "f", "p1", "p2", "s1", "s2"]) if day > 3 else ["f", "p1", "s2"][day - 1]
            time = at(day - day % 2 if day > 1 else 1)
            if name.startswith("s"):
                history.segment(name, None if dice.random() < 0.1 else self.condition(name), time)
            elif dice.random() < 0.3 or day < 3:
                flag = boolean_flag(name, archived=dice.random() < 0.05, description=str(day))
                history.define(None if dice.random() < 0.05 else flag, name, time)
                history.target(name, self.targeting(name), time)
            else:
                history.target(name, None if dice.random() < 0.1 else self.targeting(name), time)
        return dice.sample([self.moved(entry) for entry in history.entries], len(history.entries))

    def moved(self, entry: Entry) -> Entry:
        moved = at(self.random.randint(1, 9)) if self.random.random() < 0.2 else None
        return msgspec.structs.replace(entry, occurred_at=moved)

    def where(self) -> dict[str, Json]:
        known = self.random.sample(sorted(DOMAINS), self.random.choice([0, 0, 1, 2]))
        return {name: self.random.choice(DOMAINS[name]) for name in known}

    def contexts(self, where: dict[str, Json], count: int) -> list[Context]:
        """Complete contexts that agree with `where`, without the targeting key unless it is known."""
        free = [name for name in DOMAINS if name not in where and name != "targetingKey"]
        picks = [{name: self.random.choice(DOMAINS[name]) for name in free} for _ in range(count)]
        return [{key: value for key, value in {**pick, **where}.items() if value is not None} for pick in picks]


def meets(condition: Condition | None, context: Context) -> bool:
    if condition is None:
        return True
    asked = Targeting("off", OFF, enabled=True, rules=(Rule("r", condition, ON),))
    return interpret({"f": boolean_flag("f")}, {"f": asked}, {}, "f", context).resolution.variant == "on"


def variant_in(state: State, context: Context) -> str | None:
    found = interpret(state.flags(P), state.targetings(P, ENV), state.segments(P), "f", context)
    return found.resolution.variant


def told(answer: Answer, context: Context) -> dict[str | None, float]:
    """What the answer says of this context: percentages by variant."""
    if answer.standing != "served":
        return {None: 100.0}
    case = next(case for case in answer.cases if meets(case.condition, context))
    return {portion.variant: portion.percent for portion in case.portions}


Draw = tuple[str, str]
"""(attribute, salt): splits with the same two see the same bucket."""
_REAL = STRATEGIES[NATIVE]
_PLACED: dict[tuple[str, str], int] = {}
"""(salt, key) -> bucket, for keys that stand for all. No two attributes share a text, which would share its bucket."""


def _point(salt: str, key: str) -> int:
    placed = _PLACED.get((salt, key))
    return _REAL.point(salt, key) if placed is None else _REAL.limit(placed)


@contextmanager
def placing_keys() -> Iterator[None]:
    """Keys can be put into any bucket meanwhile."""
    STRATEGIES[NATIVE] = msgspec.structs.replace(_REAL, point=_point)
    try:
        yield
    finally:
        STRATEGIES[NATIVE] = _REAL
        _PLACED.clear()


def cells_of(read: World) -> dict[Draw, list[tuple[int, int]]]:
    """For each draw, the stretches of buckets within which every split answers alike."""
    cuts: dict[Draw, set[int]] = {}
    for targeting in read.targetings.values():
        for serve in (targeting.fallthrough, *(rule.serve for rule in targeting.rules)):
            ends = itertools.accumulate(share.weight for share in serve.split or ())
            if serve.split:
                cuts.setdefault((serve.by or "", serve.salt or ""), {0, WHOLE}).update(ends)
    return {draw: list(itertools.pairwise(sorted(edges))) for draw, edges in cuts.items()}


def named_in(read: World, attribute: str) -> set[str]:
    """The keys that a test for equality names."""
    tests = [part for root in read.conditions() for part in root.walk() if part.attribute == attribute]
    return {str(value) for test in tests if is_finite(test) for value in test.values or ()}


def hashable(value: object) -> bool:
    return isinstance(value, (str, int)) and not isinstance(value, bool)


def shares_of(state: State, read: World, context: Context, where: Mapping[str, Json]) -> dict[str | None, Fraction]:
    """The exact part of all keys that gets each variant; a key that is known or named has one bucket."""
    drawn: list[list[tuple[tuple[str, str], tuple[int, int]]]] = []
    for (by, salt), cells in cells_of(read).items():
        value = read_attribute(context, by)
        if hashable(value) and not is_known(by, where) and str(value) not in named_in(read, by):
            drawn.append([((salt, f"{value}"), cell) for cell in cells])
    gets: dict[str | None, Fraction] = {}
    for chosen in itertools.product(*drawn):
        _PLACED.clear()
        _PLACED.update((key, low) for key, (low, _) in chosen)
        part = Fraction(1)
        for _, (low, high) in chosen:
            part *= Fraction(high - low, WHOLE)
        variant = variant_in(state, context)
        gets[variant] = gets.get(variant, Fraction(0)) + part
    _PLACED.clear()
    return gets


def completions(read: World, where: Mapping[str, Json], dice: Dice, most: int) -> Iterator[Context]:
    """Complete contexts that agree with `where`: all there are over what the flag asks for, or a sample of them."""
    asked = {part.attribute or "" for root in read.conditions() for part in root.walk()} | {
        by for by, _ in cells_of(read)
    }
    names = sorted({name.partition(".")[0] for name in asked if name} - where.keys())
    # keys of different attributes are told apart by their texts, so a key is put into its own bucket
    domains = [[value for value in DOMAINS[name] if value is not None or name != "targetingKey"] for name in names]
    every = list(itertools.islice(itertools.product(*domains), 5_000))
    for values in every if len(every) <= most else dice.random.sample(every, most):
        full = {**dict(zip(names, values, strict=True)), **where}
        yield {name: value for name, value in full.items() if value is not None}


def differs(says: Mapping[str | None, float], gets: Mapping[str | None, Fraction]) -> bool:
    """Whether shares as told are others than the exact ones; 100 and nothing are told exactly, or not at all."""
    if {variant for variant, part in gets.items() if part} != {variant for variant, percent in says.items() if percent}:
        return True
    return any(
        (gets[each] == 1) != (says[each] == 100) or abs(float(gets[each] * 100) - says[each]) > 1e-4 for each in says
    )


class Tally(msgspec.Struct):
    """How much was looked at, and how much of it was not told."""

    contexts: int = 0
    intervals: int = 0
    unclear: int = 0


def moments(interval: Interval, ordered: list[Entry]) -> list[str]:
    """The instants at which something changed while the interval held, its start first."""
    inside = [each.effective for each in ordered if each.effective > interval.start]
    return [interval.start, *(time for time in inside if interval.end is None or time < interval.end)]


def wrong(report: Exposure, entries: list[Entry], dice: Dice, *, most: int, tally: Tally) -> list[str]:
    """Where evaluating complete contexts contradicts the report."""
    problems: list[str] = []
    ordered = sorted(entries, key=lambda entry: (entry.effective, entry.seq))
    for interval in report.intervals:
        tally.intervals += 1
        tally.unclear += bool(interval.answer.depends_on)
        if interval.answer.depends_on:
            continue
        moment = dice.random.choice(moments(interval, ordered))
        state = fold(entry for entry in ordered if entry.effective <= moment)
        read = world(state, P, ENV, "f")
        for context in completions(read, report.where, dice, most):
            if not all(hashable(read_attribute(context, name)) for name in interval.answer.assumes_present):
                continue
            tally.contexts += 1
            says, gets = told(interval.answer, context), shares_of(state, read, context, report.where)
            if differs(says, gets):
                problems.append(f"{interval.words} ({moment}): {context} gets {gets}, not {says}")
    return problems


def check(seed: int, *, most: int = 6, tally: Tally | None = None) -> None:
    dice = Dice(seed, ANY_KEYS)
    entries = dice.history()
    with placing_keys():
        report = exposure(entries, P, ENV, "f", dice.where())
        assert wrong(report, entries, dice, most=most, tally=tally or Tally()) == []


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.integers(0, 2**32))
def test_exposure__random_histories__agrees_with_evaluating_complete_contexts(seed: int) -> None:
    check(seed)


@pytest.mark.parametrize("seed", range(10))
def test_exposure__every_completion_of_some_histories__agrees(seed: int) -> None:
    check(seed, most=400)


@pytest.mark.slow
def test_exposure__ten_thousand_histories__agrees_with_evaluating_complete_contexts() -> None:
    tally = Tally()
    for seed in range(10_000):
        check(seed, most=2, tally=tally)
    assert tally.contexts > 30_000
    assert tally.unclear < tally.intervals / 100


@settings(max_examples=300, deadline=None)
@given(st.integers(0, 2**32))
def test_exposure__random_histories__intervals_are_ordered_gap_free_and_merged(seed: int) -> None:
    dice = Dice(seed)
    entries = dice.history()
    since, until = (at(day) if day else None for day in (dice.random.choice([0, 1, 3]), dice.random.choice([0, 5, 9])))
    found = exposure(entries, P, ENV, "f", dice.where(), since, until).intervals
    edges = [(one.end, two.start) for one, two in itertools.pairwise(found)]
    assert [end for end, _ in edges] == [start for _, start in edges]
    assert [one.words for one, two in itertools.pairwise(found) if one.answer == two.answer] == []
    assert [each.words for each in found if each.end is not None and each.start >= each.end] == []
    assert found[0].start == (since or min(entry.effective for entry in entries))
    assert found[-1].end == until
