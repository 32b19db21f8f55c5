"""Our SDK beside its peers, in one run: evaluation, the OpenFeature client, loading and memory.

    make bench-sdk                                        (all peers; `make bench-peers` installs them)
    .venv-peers/bin/python -m bench.sdk --quick           (a smoke run)

bench/README.md tells what is measured. Each engine's answers are checked before
it is timed; one that answers wrongly, or is not installed, is told and not timed.
"""

from __future__ import annotations

import argparse
import gc
import platform
import statistics
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from importlib import metadata
from itertools import count
from typing import Any

from bench.peers import Engine, Peer, loading, openfeature_context, opening, ours
from bench.peers.timing import Figures, Job, measure
from bench.peers.workloads import Spec, chosen, contexts, flags, wrong
from openfeature.provider import AbstractProvider

NAMES = (
    "eppo",
    "statsig",
    "growthbook",
    "flagd",
    "configcat",
    "launchdarkly",
    "flagsmith",
    "posthog",
    "unleash",
    "devcycle",
)
OURS = "flagtrail"
CONSTANT = "a constant provider"
LEFT_OUT = {
    "devcycle through OpenFeature": "its provider wants other names of attributes, so it is given another context",
    "GO Feature Flag": "its in-process provider pins a wasmtime that clashes with devcycle's",
    "eppo, statsig, growthbook, posthog through OpenFeature": "no Python provider by their makers was found",
}
FASTER, FASTER_ALL, OVER_CONSTANT, COUNTING_NS = 3.0, 8.0, 0.25, 100.0
WARMING_SECONDS = 0.3
ROUNDS = 51
Booleans = Callable[[str, Sequence[Any]], list[Any]]


@dataclass
class Stage:
    """What is asked, and all jobs that are going to be timed."""

    specs: list[Spec]
    asked: list[dict[str, str]]
    jobs: list[Job] = field(default_factory=list)

    def __post_init__(self) -> None:
        """A, B and the flag that is off."""
        self.plain, self.ruled, _ = chosen(self.specs)

    def singles(self, row: str, booleans: Booleans, made: Sequence[Any]) -> None:
        """A and B: one flag for every context."""
        for column, spec in (("A", self.plain), ("B", self.ruled)):
            self.jobs.append(Job(f"{row} {column}", _repeated(booleans, spec.key, made), len(made)))

    def engine(self, row: str, engine: Engine, asked: Sequence[Mapping[str, str]] | None = None) -> None:
        """A, B and C."""
        made = [engine.context(attributes) for attributes in asked or self.asked]
        self.singles(row, engine.booleans, made)
        self.all(row, engine.every, made)

    def all(self, row: str, every: Callable[[Any], Any], made: Sequence[Any]) -> None:
        """C: all flags for one context after the other, going on where the last round stopped. Warmed beforehand."""
        turn = count()

        def run(times: int) -> None:
            for _ in range(times):
                every(made[next(turn) % len(made)])

        until = time.monotonic() + WARMING_SECONDS
        for context in made:
            every(context)
            if time.monotonic() > until:
                break
        self.jobs.append(Job(f"{row} C", run, 1))


def _repeated(booleans: Booleans, key: str, made: Sequence[Any]) -> Callable[[int], None]:
    def run(times: int) -> None:
        for _ in range(times):
            booleans(key, made)

    return run


def admitted(names: Sequence[str], stage: Stage) -> tuple[dict[str, Engine], dict[str, str]]:
    """The engines that answer rightly, and for the others what is wrong with them."""
    engines: dict[str, Engine] = {}
    refused: dict[str, str] = {}
    for name in names:
        try:
            engine = loading.peer(name).load(loading.peer(name).document(stage.specs))
            problem = wrong(engine, stage.specs, stage.asked)
        except ModuleNotFoundError as error:
            refused[name] = f"not installed ({error}); `make bench-peers` installs the peers"
        except Exception as error:  # noqa: BLE001 - a peer that cannot start spoils only its own row
            refused[name] = f"{type(error).__name__}: {error}"
        else:
            if problem is None:
                engines[name] = engine
            else:
                refused[name] = f"wrong answer, not timed: {problem}"
    return engines, refused


def add_providers(stage: Stage, engines: Mapping[str, Engine], refused: dict[str, str]) -> list[AbstractProvider]:
    """A and B through the OpenFeature client, for every product that has a provider, and for a constant one."""
    made = [openfeature_context(attributes) for attributes in stage.asked]
    providers: list[AbstractProvider] = [opening.Constant()]
    stage.singles(f"OF {CONSTANT}", opening.through(CONSTANT, providers[0]), made)
    for name, engine in engines.items():
        if engine.provider is None:
            continue
        through = f"{name} through OpenFeature"
        try:
            providers.append(engine.provider())
            booleans = opening.through(name, providers[-1])
            problem = opening.wrong_through(booleans, stage.specs, stage.asked)
        except Exception as error:  # noqa: BLE001 - as above
            refused[through] = f"{type(error).__name__}: {error}"
        else:
            if problem is None:
                stage.singles(f"OF {name}", booleans, made)
            else:
                refused[through] = f"wrong answer, not timed: {problem}"
    return providers


def add_ours(stage: Stage) -> None:
    """Our own parts: what counting, details and the layers between cost."""
    document = ours.document(stage.specs)
    uncounted, counted = ours.client(document, usage=False), ours.client(document)
    stage.engine("uncounted", ours.of_client(uncounted))
    stage.engine("details", ours.of_details(counted))
    held = ours.client(document, usage=False).served.held
    if held is not None:
        stage.engine("engine", ours.of_ruleset(held.evaluator.ruleset))
    strangers = [{**attributes, "user_id": f"new-{number}"} for number, attributes in enumerate(stage.asked * 100)]
    stage.all("new users", counted.evaluate_all, [ours.context(attributes) for attributes in strangers])
    made = [ours.context(attributes) for attributes in stage.asked]
    stage.singles("empty call", _empty_calls, made)
    stage.singles("loop", _turns, made)


def _turns(_key: str, asked: Sequence[object]) -> list[object]:
    return [context for context in asked]  # noqa: C416 - the loop is what is timed


def first_times(stage: Stage) -> float:
    """Microseconds of C where each context is asked for the first time, and is on lists of its own: our worst case."""
    document, made = ours.document(stage.specs), [ours.context(attributes) for attributes in stage.asked]
    found = []
    for _ in range(3):
        every = ours.client(document).evaluate_all
        every(made[0])
        started = time.thread_time()
        for context in made[1:]:
            every(context)
        found.append((time.thread_time() - started) / (len(made) - 1) * 1e6)
    return statistics.median(found)


def _empty(_key: str, _default: bool, _context: object) -> None:
    pass


def _empty_calls(key: str, asked: Sequence[object]) -> list[None]:
    call = _empty
    return [call(key, False, context) for context in asked]


def versions(module: Peer) -> str:
    return " ".join(metadata.version(package) for package in module.PACKAGES)


def table(figures: Figures, rows: Mapping[str, str], prefix: str = "") -> list[str]:
    """One line for each engine: A and B in ns less the loop, C in us; ratios to our client."""
    lines = []
    for name, told in rows.items():
        line = f"{name:22}"
        for column, unit, width in (("A", 1e9, 10), ("B", 1e9, 10), ("C", 1e6, 10)):
            job, reference = f"{prefix}{name} {column}", f"{prefix}{OURS} {column}"
            if job not in figures:
                line += f"{'-':>{width}} {'':9}"
                continue
            less = None if column == "C" else f"loop {column}"
            took = figures.median(job) - (0.0 if less is None else figures.median(less))
            ratio = f"({figures.ratio(job, reference, less=less):.1f}x)" if reference in figures else ""
            line += f"{took * unit:{width},.{1 if column == 'C' else 0}f}{'~' if figures.noisy(job) else ' '}{ratio:9}"
        lines.append(f"{line} {told}".rstrip())
    return lines


def report_evaluation(figures: Figures, engines: Mapping[str, Engine], on: Mapping[str, int], first: float) -> None:
    print(f"\n{'native call':22}{'A ns':>10} {'':9}{'B ns':>10} {'':9}{'C us':>10} {'':9} B true of 1,000; version")
    told = {name: f"{on[name]}; {versions(loading.peer('ours' if name == OURS else name))}" for name in engines}
    order = sorted(told, key=lambda name: figures.median(f"{name} B"))
    print(*table(figures, {name: told[name] for name in order}), sep="\n")
    print(f"\n{'OpenFeature client':22}{'A ns':>10} {'':9}{'B ns':>10}")
    print(
        *table(figures, dict.fromkeys([CONSTANT, *(n for n in order if f"OF {n} B" in figures)], ""), "OF "), sep="\n"
    )
    print("\nours, in parts")
    parts = {
        "empty call": "three arguments, nothing done: the floor of any Python function",
        "engine": "Ruleset.evaluate: no client, no counting, no defaults",
        "uncounted": "usage=False",
        OURS: "as above: counted",
        "details": "variant, reason and rule, too; C one by one",
        "new users": "C where no user was ever seen before, nor is on a list",
    }
    print(*table(figures, parts), sep="\n")
    empty = f"{'-':>10} {'':9}"
    print(f"{'first time':22}{empty}{empty}{first:10,.1f} {'':9} C where each user is new, and on lists of its own")


def report_loading(names: Sequence[str], rounds: int, sizes: Sequence[int]) -> None:
    found = {size: loading.load(names, size, rounds) for size in sizes}
    print(
        "\nin a process of its own: ms from document to ready, ms to evaluate every flag for the first time, MB of both"
    )
    print(f"{'':22}" + "".join(f"{f'{size:,} flags: ready':>22}{'first':>9}{'MB':>7}" for size in sizes))
    for name in names:
        line = "".join(
            f"{one.ready:22,.1f}{one.first:9,.1f}{one.megabytes:7.1f}" for one in (found[s][name] for s in sizes)
        )
        print(f"{OURS if name == 'ours' else name:22}{line}")


def report_targets(figures: Figures, peers: Sequence[str]) -> None:
    print()
    for column, target in (("A", FASTER), ("B", FASTER), ("C", FASTER_ALL)):
        if not peers:
            break
        less = None if column == "C" else f"loop {column}"
        ratio, peer = min((figures.ratio(f"{name} {column}", f"{OURS} {column}", less=less), name) for name in peers)
        _told(f"{column}: {ratio:.2f}x as fast as the fastest peer, {peer}", ratio >= target, f"{target:.0f}x")
    for column in ("A", "B"):
        if f"OF {OURS} {column}" in figures:
            over = figures.ratio(f"OF {OURS} {column}", f"OF {CONSTANT} {column}", less=f"loop {column}") - 1
            told = f"{column} through OpenFeature: {over:+.1%} over {CONSTANT}"
            _told(told, over < OVER_CONSTANT, f"< {OVER_CONSTANT:.0%}")
    for column in ("A", "B"):
        cost = figures.difference(f"{OURS} {column}", f"uncounted {column}") * 1e9
        _told(f"{column}: counting costs {cost:.0f} ns", cost < COUNTING_NS, f"< {COUNTING_NS:.0f} ns")
    cost = figures.difference(f"{OURS} C", "uncounted C") * 1e6
    print(f"{f'C: counting costs {cost:.1f} us for all flags':66}")


def _told(what: str, met: bool, target: str) -> None:
    print(f"{what:66} target {target:8} {'met' if met else 'MISSED'}")


def report_notes(names: Sequence[str], refused: Mapping[str, str]) -> None:
    print("\nwhat one call records")
    for name in ("ours", *names):
        print(f"  {OURS if name == 'ours' else name:14} {loading.peer(name).RECORDS}")
    for title, notes in (("not timed", refused), ("left out", LEFT_OUT)):
        if notes:
            print(f"\n{title}")
        for name, why in notes.items():
            print(f"  {name}: {why}")


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--quick", action="store_true", help="few repeats, 200 flags only: to see that all works")
    quick = arguments.parse_args().quick
    started = time.monotonic()
    stage = Stage(flags(), contexts())
    engines, refused = admitted(["ours", *NAMES], stage)
    if "ours" not in engines:
        sys.exit(f"flagtrail: {refused['ours']}")
    engines = {OURS if name == "ours" else name: engine for name, engine in engines.items()}
    on = {}
    for name, engine in engines.items():
        made = [engine.context(attributes) for attributes in stage.asked]
        on[name] = sum(answer is True for answer in engine.booleans(stage.ruled.key, made))
        stage.engine(name, engine)
    providers = add_providers(stage, engines, refused)
    add_ours(stage)
    fixed = sum(stage.ruled.decided(attributes) is not None for attributes in stage.asked)
    print(f"Python {platform.python_version()}; {len(stage.asked)} contexts, {fixed} of them decided by B's rules")
    gc.collect()
    gc.freeze()  # what all these SDKs hold must not make each collection of one of them dearer
    measure(stage.jobs, 3 if quick else ROUNDS)
    figures = Figures(stage.jobs)
    first = first_times(stage)
    for closing in (*[provider.shutdown for provider in providers], *[engine.close for engine in engines.values()]):
        closing()
    peers = [name for name in engines if name != OURS]
    report_evaluation(figures, engines, on, first)
    report_targets(figures, peers)
    report_loading(["ours", *peers], 1 if quick else 3, (200,) if quick else (200, 2000))
    report_notes(peers, refused)
    print(f"\n~ disturbed by other work on this machine; took {time.monotonic() - started:.0f} s")


if __name__ == "__main__":
    main()
