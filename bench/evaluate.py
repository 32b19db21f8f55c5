"""Evaluation in process, beside an empty Python call of the same shape measured in the same run.

    .venv/bin/python bench/evaluate.py

Every figure is the median of repeats that are interleaved, so that a noisy
neighbour spoils all of them or none; the ratio is the median of the repeats'
ratios. The loop's own cost is taken off.
"""

from __future__ import annotations

import platform
import random
import statistics
import time
from collections.abc import Callable, Sequence

import msgspec

from flagtrail.engine.ruleset import Ruleset
from flagtrail.model.context import Context
from flagtrail.model.flag import Flag, boolean_flag
from flagtrail.model.resolution import Resolution
from flagtrail.model.targeting import Serve, Targeting

REPEATS = 31
ROUNDS = 20
TARGET = 12
BULK = {
    "one by one": "200 flags for a context, evaluate each",
    "evaluate_all": "200 flags for a context, evaluate_all",
    "answers": "200 flags for a context, answers",
    "new": "the same, a context like none before",
}


def three_rules() -> Targeting:
    return msgspec.convert(
        {
            "enabled": True,
            "off_variant": "off",
            "rules": [
                {
                    "id": "paying",
                    "when": {"attribute": "plan", "operator": "in", "values": ["enterprise", "pro"]},
                    "serve": {"variant": "on"},
                },
                {
                    "id": "germany",
                    "when": {
                        "all": [
                            {"attribute": "country", "operator": "equals", "values": ["DE"]},
                            {"attribute": "app_version", "operator": "semver_gte", "values": ["3.2.0"]},
                        ]
                    },
                    "serve": {"variant": "on"},
                },
            ],
            "fallthrough": {"split": [{"variant": "on", "weight": 25_000}, {"variant": "off", "weight": 75_000}]},
        },
        Targeting,
    )


def project(count: int) -> tuple[dict[str, Flag], dict[str, Targeting]]:
    """Half of the flags have three rules, half serve one variant; one in ten is disabled."""
    flags = {f"flag-{number:03}": boolean_flag(f"flag-{number:03}") for number in range(count)}
    targetings = {}
    for number, key in enumerate(flags):
        on = Targeting(off_variant="off", fallthrough=Serve(variant="on"), enabled=True)
        targeting = three_rules() if number % 2 else on
        targetings[key] = msgspec.structs.replace(targeting, enabled=number % 10 != 0)
    return flags, targetings


def contexts(count: int = 1000) -> list[dict[str, object]]:
    dice = random.Random(7)
    return [
        {
            "targetingKey": f"user-{dice.randrange(10**9)}",
            "plan": dice.choices(["free", "basic", "pro", "enterprise"], [55, 25, 15, 5])[0],
            "country": dice.choice(["DE", "US", "FR", "GB", "JP"]),
            "app_version": f"{dice.randrange(2, 5)}.{dice.randrange(6)}.{dice.randrange(4)}",
            "email": f"user{dice.randrange(10**6)}@example.com",
        }
        for _ in range(count)
    ]


def empty(_self: object, _key: str, _context: Context) -> None:
    pass


def ns_per_call(call: Callable[[str, Context], object], key: str, asked: Sequence[Context]) -> float:
    started = time.perf_counter_ns()
    for _ in range(ROUNDS):
        for context in asked:
            call(key, context)
    return (time.perf_counter_ns() - started) / (ROUNDS * len(asked))


def ns_per_empty_call(asked: Sequence[Context]) -> float:
    me = object()
    started = time.perf_counter_ns()
    for _ in range(ROUNDS):
        for context in asked:
            empty(me, "three", context)
    return (time.perf_counter_ns() - started) / (ROUNDS * len(asked))


def ns_per_turn(asked: Sequence[Context]) -> float:
    started = time.perf_counter_ns()
    for _ in range(ROUNDS):
        for _context in asked:
            pass
    return (time.perf_counter_ns() - started) / (ROUNDS * len(asked))


def us_per_context(answer: Callable[[Context], object], asked: Sequence[Context]) -> float:
    started = time.perf_counter_ns()
    for context in asked:
        answer(context)
    return (time.perf_counter_ns() - started) / len(asked) / 1000


def one_by_one(ruleset: Ruleset) -> Callable[[Context], object]:
    """All flags as if there were no bulk evaluation: what it is held against."""
    evaluate, keys = ruleset.evaluate, sorted(ruleset.flags)
    return lambda context: {key: evaluate(key, context) for key in keys}


def of_new_classes(ruleset: Ruleset, asked: Sequence[Context]) -> float:
    """As `us_per_context`, where nothing is remembered of contexts that are alike to all conditions."""
    took = 0.0
    for context in asked:
        again = Ruleset(ruleset.flags, ruleset.targetings, {}, previous=ruleset)
        again.answers({})  # prepares, and remembers one class that is asked for by none
        took += us_per_context(again.answers, [context])
    return took / len(asked)


def to_compile(count: int) -> tuple[float, float]:
    """Milliseconds to make a ruleset of `count` flags, and to compile all of them."""
    flags, targetings = project(count)
    started = time.perf_counter_ns()
    ruleset = Ruleset(flags, targetings, {})
    made = time.perf_counter_ns()
    for key in flags:
        ruleset.flag_function(key)
    return (made - started) / 1e6, (time.perf_counter_ns() - made) / 1e6


def to_swap(ruleset: Ruleset) -> float:
    """Milliseconds to make the next ruleset with one targeting changed, and evaluate that flag."""
    changed = {**ruleset.targetings, "flag-000": three_rules()}
    started = time.perf_counter_ns()
    Ruleset(ruleset.flags, changed, {}, previous=ruleset).evaluate("flag-000", {"targetingKey": "u"})
    return (time.perf_counter_ns() - started) / 1e6


def main() -> None:
    asked = contexts()
    ruleset = Ruleset({"three": boolean_flag("three")}, {"three": three_rules()}, {})
    everything = Ruleset(*project(200), {})
    everything.evaluate_all(asked[0])
    answers: list[Resolution] = [ruleset.evaluate("three", context) for context in asked]
    evaluate = ruleset.evaluate

    figures: dict[str, list[float]] = {"turn": [], "empty": [], "evaluate": [], "swap": []}
    bulk: dict[str, list[float]] = {"one by one": [], "evaluate_all": [], "answers": [], "new": []}
    for _ in range(REPEATS):
        figures["turn"].append(ns_per_turn(asked))
        figures["empty"].append(ns_per_empty_call(asked))
        figures["evaluate"].append(ns_per_call(evaluate, "three", asked))
        bulk["one by one"].append(us_per_context(one_by_one(everything), asked[:100]))
        bulk["evaluate_all"].append(us_per_context(everything.evaluate_all, asked[:100]))
        bulk["answers"].append(us_per_context(everything.answers, asked[:100]))
        bulk["new"].append(of_new_classes(everything, asked[:3]))
        figures["swap"].append(to_swap(everything))
    made, compiled = (statistics.median(times) for times in zip(*(to_compile(200) for _ in range(9)), strict=True))
    median = {name: statistics.median(times) for name, times in figures.items()}
    rounds = zip(figures["evaluate"], figures["empty"], figures["turn"], strict=True)
    ratio = statistics.median((ours - turn) / (empty - turn) for ours, empty, turn in rounds)
    floor = median["empty"] - median["turn"]
    ours = median["evaluate"] - median["turn"]

    rules = sum(answer.rule is not None for answer in answers)
    on = sum(answer.variant == "on" for answer in answers)
    print(f"Python {platform.python_version()}; {len(asked)} contexts: {rules} decided by rules, {on} get 'on'")
    print(f"{'empty call of three arguments':44} {floor:8.1f} ns")
    print(f"{'Ruleset.evaluate, flag of three rules':44} {ours:8.1f} ns   {ratio:5.1f}x  (target {TARGET}x)")
    for name, label in BULK.items():
        gain = statistics.median(before / now for before, now in zip(bulk["one by one"], bulk[name], strict=True))
        print(f"{label:44} {statistics.median(bulk[name]):8.1f} us   {gain:5.1f}x as fast as one by one")
    print(f"{'make a ruleset of 200 flags':44} {made:8.3f} ms")
    print(f"{'compile all 200 at once':44} {compiled:8.1f} ms   {compiled / 200:5.3f} ms each")
    print(f"{'swap one targeting of 200 and evaluate it':44} {median['swap']:8.3f} ms")


if __name__ == "__main__":
    main()
