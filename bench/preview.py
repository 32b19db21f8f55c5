"""A preview over 10,000 contexts and 20 flags that follow the changed one, beside evaluating the same bare.

    python -m bench.preview [--contexts 10000] [--dependents 20] [--rounds 5]

Bare is what no preview can do without: every flag evaluated for every context in
both rulesets, in a plain loop, and nothing made of it. Compiling the rulesets is part
of both. The same contexts and documents each time (seed 7).
"""

from __future__ import annotations

import argparse
import random
import time
from collections.abc import Callable, Sequence

from flagtrail.analysis.preview import Population, Proposal, preview
from flagtrail.engine.ruleset import Ruleset
from flagtrail.model.condition import Condition
from flagtrail.model.context import Context
from flagtrail.model.document import Document
from flagtrail.model.flag import boolean_flag
from flagtrail.model.segment import Segment
from flagtrail.model.state import State, Versioned, mentions
from flagtrail.model.subject import Subject, flag_subject, segment_subject, targeting_subject
from flagtrail.model.targeting import Prerequisite, Rule, Serve, Share, Targeting

P, ENV = "default", "production"
GOAL_SECONDS = 2.0
PLANS, COUNTRIES = ("free", "starter", "pro", "enterprise"), ("DE", "FR", "US", "GB", "NL", "SE")


def contexts(count: int) -> list[Context]:
    """Made-up people, the same each time."""
    dice = random.Random(7)
    return [
        {
            "targetingKey": f"user-{number}",
            "plan": dice.choice(PLANS),
            "country": dice.choice(COUNTRIES),
            "seats": dice.randint(1, 500),
            "version": f"5.{dice.randint(0, 30)}.0",
            "beta": dice.random() < 0.1,
        }
        for number in range(count)
    ]


def _split(salt: str, on: int) -> Serve:
    return Serve(split=(Share("on", on), Share("off", 100_000 - on)), by="targetingKey", salt=salt, bucketing="murmur3")


def _test(attribute: str, operator: str, *values: object) -> Condition:
    return Condition(attribute=attribute, operator=operator, values=values)  # type: ignore[arg-type] # written by hand


def _documents(dependents: int, to: int) -> dict[Subject, Document]:
    """The changed flag at `to` per 100,000; others need it, every second one through a segment."""
    found: dict[Subject, Document] = {
        segment_subject(P, "reached"): Segment("reached", Condition(flag="root", variants=("on",))),
        flag_subject(P, "root"): boolean_flag("root"),
        targeting_subject(P, "root", ENV): Targeting("off", _split("root", to), enabled=True),
    }
    for number in range(dependents):
        key = f"flag_{number:02d}"
        rules: tuple[Rule, ...] = (
            Rule("plan", _test("plan", "in", "pro", "enterprise"), _split(key, 30_000)),
            Rule("version", _test("version", "semver_gte", "5.20.0"), Serve("on")),
            Rule("country", _test("country", "in", "DE", "FR"), Serve("off")),
        )
        needs: tuple[Prerequisite, ...] = (Prerequisite("root", ("on",)),)
        if number % 2:
            needs, rules = (), (Rule("reached", Condition(segment="reached"), Serve("on")), *rules)
        targeting = Targeting("off", _split(key, 50_000), enabled=True, prerequisites=needs, rules=rules)
        found |= {flag_subject(P, key): boolean_flag(key), targeting_subject(P, key, ENV): targeting}
    return found


def _state(documents: dict[Subject, Document]) -> State:
    held = [Versioned(subject, each, 1, 0, "", mentions(each)) for subject, each in documents.items()]
    return State().having(held, size=1)


def proposal(dependents: int) -> Proposal:
    """The root flag from a quarter to a half."""
    before, after = (_state(_documents(dependents, to)) for to in (25_000, 50_000))
    return Proposal(P, ENV, before, after, (targeting_subject(P, "root", ENV),))


def bare(change: Proposal, people: Sequence[Context]) -> None:
    """Every answer, before and after, and nothing made of them."""
    for state in (change.before, change.after):
        ruleset = Ruleset(state.flags(P), state.targetings(P, ENV), state.segments(P))
        for key in ruleset.flags:
            for context in people:
                ruleset.evaluate(key, context)


def best(work: Callable[[], object], rounds: int) -> float:
    """The quickest of some rounds, in seconds."""
    times = []
    for _ in range(rounds):
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return min(times)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--contexts", type=int, default=10_000)
    parser.add_argument("--dependents", type=int, default=20)
    parser.add_argument("--rounds", type=int, default=5)
    given = parser.parse_args()
    people, change = contexts(given.contexts), proposal(given.dependents)
    found = preview(change, people, Population(source="given"))
    reached = len(found.flags) + len(found.unaffected)
    whole = best(lambda: preview(change, people, Population(source="given")), given.rounds)
    least = best(lambda: bare(change, people), given.rounds)
    rules = best(lambda: preview(change, (), Population(source="none")), given.rounds)
    size = f"{found.population.size:,} contexts, {reached} flags"
    print(f"preview of {size}: {whole:.3f} s, goal < {GOAL_SECONDS} s; evaluating the same bare {least:.3f} s")
    print(f"  ratio {whole / least:.2f}; by the rules alone, no contexts: {rules:.3f} s")


if __name__ == "__main__":
    main()
