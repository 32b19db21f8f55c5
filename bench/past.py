"""Time travel at a million entries: `eval --at`, and exposure and compliance of one flag.

Uses the ledger that bench/questions.py builds (`--entries`, kept in a temporary folder).
"""

from __future__ import annotations

import argparse
import random
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from bench.questions import ENVIRONMENTS, FLAGS, build, stamp

from flagtrail.analysis import dependencies, exposure
from flagtrail.app.ask import Ask, At
from flagtrail.app.change import Changes
from flagtrail.app.clock import utc_now
from flagtrail.app.sign import CheckpointSigner

ORIGIN = "bench.local/past"
PLANS = ("enterprise", "plan3", "free")


def quantiles(run: Callable[[], object], asked: int) -> tuple[float, float]:
    """Median and 99th percentile of one question, in ms."""
    taken = []
    for _ in range(asked):
        began = time.perf_counter()
        run()
        taken.append((time.perf_counter() - began) * 1e3)
    return statistics.median(taken), statistics.quantiles(taken, n=100)[98]


def main() -> None:
    """Build or reuse the ledger, ask, print."""
    arguments = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    arguments.add_argument("--entries", type=int, default=1_000_000)
    arguments.add_argument("--folder", type=Path, default=Path(tempfile.gettempdir()) / "flagtrail-bench")
    arguments.add_argument("--asked", type=int, default=500)
    chosen = arguments.parse_args()
    chosen.folder.mkdir(parents=True, exist_ok=True)
    storage = build(chosen.folder / f"questions-{chosen.entries}.db", chosen.entries)
    began = time.perf_counter()
    changes = Changes(storage, origin=ORIGIN, clock=utc_now)
    started = time.perf_counter() - began
    ask = Ask(storage, changes, utc_now, CheckpointSigner(storage, origin=ORIGIN, key_path=None))
    dice = random.Random(3)

    def evaluate(at: Callable[[], At]) -> None:
        context = {"targetingKey": f"user-{dice.randrange(100_000)}", "plan": dice.choice(PLANS)}
        ask.evaluate("default", dice.choice(ENVIRONMENTS), dice.choice(FLAGS), context, at())

    def exposed(flag: str) -> object:
        # The made-up ledger has no entries of environments, which `Ask.exposure` asks for first.
        entries = dependencies.gather(storage.history, "default", "production", flag)
        return exposure.exposure(entries, "default", "production", flag, {"plan": "enterprise"}, since=half)

    total = chosen.entries
    half = stamp(total // 2, total)
    print(f"{total:,} entries; the state is rebuilt at start in {started:.2f} s\n")
    print(f"{'question':<44}{'p50 ms':>10}{'p99 ms':>10}{'target':>10}{'ratio':>8}")
    rows: tuple[tuple[str, Callable[[], object], int, float], ...] = (
        (
            "eval --at a time",
            lambda: evaluate(lambda: At(time=stamp(dice.randrange(total // 10, total), total))),
            chosen.asked,
            50,
        ),
        ("eval --at a seq", lambda: evaluate(lambda: At(seq=dice.randrange(total // 10, total))), chosen.asked, 50),
        ("eval --at the newest seq", lambda: evaluate(lambda: At(seq=total)), chosen.asked, 50),
        (
            f"exposure of a flag ({total // 1_000:,} versions)",
            lambda: exposed(dice.choice(FLAGS)),
            5,
            2_000,
        ),
    )
    for name, run, asked, target in rows:
        middle, high = quantiles(run, asked)
        print(f"{name:<44}{middle:>10.2f}{high:>10.2f}{target:>10.0f}{high / target:>8.2f}")
    storage.close()


if __name__ == "__main__":
    main()
