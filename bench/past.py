"""Time travel at a million entries: `eval --at` of one flag and of all, and exposure of one flag.

    python -m bench.past [--store postgres] [--entries 1000000] [--folder DIR] [--asked 500]

Uses the ledger that bench/questions.py builds, kept in the folder.
"""

from __future__ import annotations

import argparse
import random
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from bench.questions import ENVIRONMENTS, FLAGS, build, stamp
from bench.stores import STORES, place

from flagtrail.analysis import dependencies, exposure
from flagtrail.analysis.as_of import At
from flagtrail.app.as_of import Past
from flagtrail.app.clock import utc_now
from flagtrail.model.actor import Actor
from flagtrail.model.document import encode
from flagtrail.model.entry import Entry, Group, Source
from flagtrail.model.environment import Environment, Project
from flagtrail.model.state import State, fold
from flagtrail.model.subject import environment_subject, project_subject
from flagtrail.storage import Storage

PLANS = ("enterprise", "plan3", "free")
Run = Callable[[], object]


def quantiles(run: Run, asked: int) -> tuple[float, float, float, float]:
    """Median, 95th and 99th percentile of one question, and the median of this process's processor time, in ms."""
    taken, worked = [], []
    for _ in range(asked):
        began, at_work = time.perf_counter(), time.process_time()
        run()
        taken.append((time.perf_counter() - began) * 1e3)
        worked.append((time.process_time() - at_work) * 1e3)
    cut = statistics.quantiles(taken, n=100)
    return statistics.median(taken), cut[94], cut[98], statistics.median(worked)


def report(rows: tuple[tuple[str, Run, int, float], ...]) -> None:
    """Ask each question so many times and print its figures; the target is of the 95th percentile, in ms."""
    print(f"{'question':<54}{'p50 ms':>10}{'p95 ms':>10}{'p99 ms':>10}{'target':>8}{'ratio':>8}{'cpu p50':>9}")
    for name, run, asked, target in rows:
        middle, high, highest, worked = quantiles(run, asked)
        print(
            f"{name:<54}{middle:>10.2f}{high:>10.2f}{highest:>10.2f}{target:>8.0f}{high / target:>8.2f}{worked:>9.2f}"
        )


def furnished(storage: Storage) -> State:
    """The made-up ledger has no entries of its project and environments, which questions ask for first: they are
    answered beside it, after looking them up in it all the same.
    """
    documents = {project_subject("default"): encode(Project("default"))}
    documents |= {environment_subject("default", key): encode(Environment(key)) for key in ENVIRONMENTS}
    made = {
        subject.path: Entry(
            seq=0,
            id="made",
            time="2024-01-01T00:00:00.000000Z",
            actor=Actor(kind="system", id="bench"),
            subject=subject,
            version=1,
            actions=("created",),
            paths=("",),
            after=document,
            group=Group("made"),
            source=Source("bench"),
        )
        for subject, document in documents.items()
    }
    plain, plain_history = storage.as_of, storage.history

    def as_of(path: str, *, time: str | None = None, seq: int | None = None) -> Entry | None:
        found = plain(path, time=time, seq=seq)
        return made.get(path, found)

    def history(
        paths: Sequence[str], *, since: str | None = None, until: str | None = None, limit: int | None = None
    ) -> list[Entry]:
        found = plain_history(paths, since=since, until=until, limit=limit)
        return [*(made[path] for path in paths if path in made and since is None), *found]

    storage.as_of, storage.history = as_of, history  # type: ignore[method-assign]
    return fold([*made.values(), *storage.current()])


def main() -> None:
    """Build or reuse the ledger, ask, print."""
    arguments = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    arguments.add_argument("--store", choices=STORES, default=STORES[0])
    arguments.add_argument("--entries", type=int, default=1_000_000)
    arguments.add_argument("--folder", type=Path, default=Path(tempfile.gettempdir()) / "flagtrail-bench")
    arguments.add_argument("--asked", type=int, default=500)
    chosen = arguments.parse_args()
    chosen.folder.mkdir(parents=True, exist_ok=True)
    with place(chosen.store, chosen.folder, f"questions-{chosen.entries}") as found:
        storage = build(found, chosen.entries)
        ask(storage, chosen.entries, chosen.asked)
        storage.close()


def ask(storage: Storage, total: int, asked: int) -> None:
    """Every question about the past."""
    began = time.perf_counter()
    state = furnished(storage)
    started = time.perf_counter() - began
    past = Past(storage, lambda: state, utc_now)
    dice = random.Random(3)

    def context() -> dict[str, object]:
        return {"targetingKey": f"user-{dice.randrange(100_000)}", "plan": dice.choice(PLANS)}

    def evaluate(at: At, *, trace: bool = False) -> object:
        return past.evaluate("default", dice.choice(ENVIRONMENTS), dice.choice(FLAGS), context(), at, trace=trace)

    def exposed(flag: str) -> object:
        entries = dependencies.gather(storage.history, "default", "production", flag)
        return exposure.exposure(entries, "default", "production", flag, {"plan": "enterprise"}, since=half)

    def moment() -> At:
        return At(time=stamp(dice.randrange(total // 10, total), total))

    half = stamp(total // 2, total)
    print(f"{total:,} entries; the state is rebuilt at start in {started:.2f} s\n")
    report(
        (
            ("eval --at a time", lambda: evaluate(moment()), asked, 10),
            ("eval --at a seq", lambda: evaluate(At(seq=dice.randrange(total // 10, total))), asked, 10),
            (
                "eval --at a time --explain: the entry that made it so",
                lambda: evaluate(moment(), trace=True),
                asked,
                10,
            ),
            (
                f"eval --all ({len(FLAGS)} flags) --at a time",
                lambda: past.evaluate_all("default", dice.choice(ENVIRONMENTS), context(), moment()),
                max(20, asked // 10),
                200,
            ),
            (f"exposure of a flag ({total // 1_000:,} versions)", lambda: exposed(dice.choice(FLAGS)), 5, 2_000),
        )
    )


if __name__ == "__main__":
    main()
