"""Exposure agrees with brute force: every case it tells is what evaluating complete contexts gives."""

from __future__ import annotations

import itertools
import random
from collections import Counter

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.unit.analysis.histories import ENV, OFF, ON, History, P, at, split

from flagtrail.analysis.exposure import Exposure, exposure
from flagtrail.analysis.shares import Answer
from flagtrail.engine.interpret import interpret
from flagtrail.model.condition import Condition, Operator, Scalar
from flagtrail.model.context import Context
from flagtrail.model.entry import Entry
from flagtrail.model.flag import Json, boolean_flag
from flagtrail.model.state import State, fold
from flagtrail.model.targeting import Prerequisite, Rule, Serve, Targeting

ABSENT = None
DOMAINS: dict[str, tuple[Json, ...]] = {
    "plan": (ABSENT, "a", "b", "B", ["a", "b"], []),
    "n": (ABSENT, 1, 5, 10, "5", True),
    "version": (ABSENT, "1.2.3", "2.0.0-rc.1", "x"),
    "ip": (ABSENT, "10.0.0.1", "192.168.0.1"),
    "when": (ABSENT, "2026-01-01T00:00:00Z", 0),
    "user": (ABSENT, {"tier": "a"}, {"tier": "c"}, {}),
    "company": (ABSENT, "c1", "c2"),
    "targetingKey": tuple(f"u{index}" for index in range(8)),
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
    ("user.tier", "in", ("a", "b")),
    ("company", "in", ("c1",)),
    ("company", "exists", ()),
    ("targetingKey", "in", ("u1", "u2")),
    ("targetingKey", "equals", ("u1",)),
    ("targetingKey", "not_in", ("u1", "u3")),
    ("company", "not_equals", ("c1",)),
]
DEPENDS: dict[str, tuple[str, ...]] = {"f": ("p1", "p2", "s1", "s2"), "p1": ("p2", "s2"), "s1": ("s2",), "s2": ("p2",)}


class Dice:
    """Random documents that refer only to those behind them, so that no cycle comes about."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)

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
        salt, by = dice.choice(["x", "x", "y"]), dice.choice(["targetingKey", "targetingKey", "company"])
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


def wrong(report: Exposure, entries: list[Entry], dice: Dice) -> list[str]:
    """Where evaluating complete contexts contradicts the report."""
    problems: list[str] = []
    for interval in report.intervals:
        ordered = sorted(entries, key=lambda entry: (entry.effective, entry.seq))
        state = fold(entry for entry in ordered if entry.effective <= interval.start)
        if interval.answer.depends_on:
            continue
        keys = [report.where["targetingKey"]] if "targetingKey" in report.where else DOMAINS["targetingKey"][:5]
        for context, key in itertools.product(dice.contexts(report.where, 3), keys):
            full = {**context, "targetingKey": key}
            if any(name not in full for name in interval.answer.assumes_present):
                continue
            says, gets = told(interval.answer, full), variant_in(state, full)
            if gets not in says:
                problems.append(f"{interval.words}: {full} gets {gets}")
    return problems


def check(seed: int) -> None:
    dice = Dice(seed)
    entries = dice.history()
    report = exposure(entries, P, ENV, "f", dice.where())
    assert wrong(report, entries, dice) == []


@settings(max_examples=1_000, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.integers(0, 2**32))
def test_exposure__random_histories__agrees_with_evaluating_complete_contexts(seed: int) -> None:
    check(seed)


@pytest.mark.slow
def test_exposure__many_more_histories__agrees_with_evaluating_complete_contexts() -> None:
    for seed in range(20_000):
        check(seed)


@pytest.mark.parametrize("seed", range(30))
def test_exposure__many_keys__shares_are_met_within_sampling_error(seed: int) -> None:
    dice, count = Dice(seed), 1_500
    entries = dice.history()
    answer = exposure(entries, P, ENV, "f", {}).intervals[-1].answer
    state = fold(sorted(entries, key=lambda entry: (entry.effective, entry.seq)))
    context = dice.contexts({}, 1)[0]
    crowd = [{**context, "targetingKey": f"key-{index}", "company": f"inc-{index}"} for index in range(count)]
    says = told(answer, crowd[0])
    gets = Counter(variant_in(state, each) for each in crowd)
    misses = {variant: percent - gets[variant] * 100 / count for variant, percent in says.items()}
    assert {variant: miss for variant, miss in misses.items() if abs(miss) > 500 / count**0.5} == {}
    assert set(gets) <= set(says)


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
