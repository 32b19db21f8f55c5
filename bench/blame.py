"""Blame, suspects, and evaluating as of then over long histories: what the issue asks for, beside its limits.

    python -m bench.blame [--store postgres] [--entries 1000000] [--folder DIR] [--asked 200]

One flag with 10,000 versions in a ledger of its own, and the ledger of bench/questions.py (`--entries`), both
kept in the folder.
"""

from __future__ import annotations

import argparse
import random
import tempfile
import time
from functools import partial
from pathlib import Path

from bench.past import PLANS, furnished, report
from bench.questions import GROUP, Ledger, build, stamp
from bench.stores import STORES, Place, place

from flagtrail.analysis.as_of import At
from flagtrail.analysis.blame import Asked, blame
from flagtrail.app.as_of import Past
from flagtrail.app.blame import Blames
from flagtrail.app.clock import utc_now
from flagtrail.app.moments import as_datetime
from flagtrail.app.window import MAX_ENTRIES
from flagtrail.model.entry import Touch
from flagtrail.model.subject import Subject, flag_subject, targeting_subject
from flagtrail.model.usage import SampledContext
from flagtrail.storage import Storage, load

FLAG = "checkout_0"
VERSIONS = 10_000
CHANGES = 10_000
PRODUCTION = 3
"""One change in so many of the made-up ledger can alter what production gets."""


class OneFlag(Ledger):
    """A flag that is made once and then changed in production again and again."""

    def change(self) -> tuple[Subject, tuple[str, ...], tuple[str, ...], object, tuple[Touch, ...]]:
        """The flag itself at first, then its targeting."""
        if not self.documents:
            document = {"key": FLAG, "type": "boolean", "variants": {"on": True, "off": False}}
            return flag_subject("default", FLAG), ("created",), ("",), document, ()
        return targeting_subject("default", FLAG, "production"), *self.targeting(FLAG), ()


def long_history(found: Place) -> Storage:
    """The flag's ledger, kept from an earlier run or built."""
    storage = load(found.url)
    if storage.head().size == VERSIONS:
        return storage
    storage.close()
    found.clear()
    storage = load(found.url)
    ledger = OneFlag(VERSIONS)
    for _ in range(0, VERSIONS, GROUP):
        storage.write(partial(ledger.append, count=GROUP))
    return storage


def person(dice: random.Random) -> dict[str, object]:
    """Somebody."""
    return {"targetingKey": f"user-{dice.randrange(100_000)}", "plan": dice.choice(PLANS)}


def ask_one(storage: Storage, asked: int) -> None:
    """A flag with a long history."""
    state = furnished(storage)
    past, blames = Past(storage, lambda: state, utc_now), Blames(storage, lambda: state, utc_now)
    dice = random.Random(5)

    def moment() -> At:
        return At(time=stamp(dice.randrange(1, VERSIONS), VERSIONS))

    def evaluate(at: At, *, trace: bool) -> object:
        return past.evaluate("default", "production", FLAG, person(dice), at, trace=trace)

    def whole() -> object:
        return blames.blame(Asked(project="default", environment="production", flag=FLAG, context=person(dice)))

    print(f"one flag with {VERSIONS:,} versions")
    report(
        (
            ("eval --at a time", lambda: evaluate(moment(), trace=False), asked, 10),
            (
                "eval --at a time --explain: the entry that made it so",
                lambda: evaluate(moment(), trace=True),
                asked,
                10,
            ),
            (f"blame over all {VERSIONS:,} versions", whole, 5, 1_000),
        )
    )


def ask_all(storage: Storage, total: int) -> None:
    """A window in which 10,000 changes matter, in a ledger of many."""
    state = furnished(storage)
    blames = Blames(storage, lambda: state, utc_now)
    dice = random.Random(5)
    since, until = stamp(max(0, total - PRODUCTION * CHANGES), total), stamp(total - 1, total)
    asked = Asked(project="default", environment="production", context=person(dice), since=since, until=until)
    began = time.perf_counter()
    entries = blames.entries(asked, MAX_ENTRIES)
    read = time.perf_counter() - began
    matter = sum(entry.effective >= since for entry in entries)
    now = utc_now().strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    storage.add_usage((), contexts=[SampledContext("default", "production", now, person(dice)) for _ in range(1_000)])
    day = as_datetime(until) - as_datetime(stamp(total - 1 - total // 730, total))
    print(f"\n{total:,} entries; the window holds {matter:,} changes that matter to production, read in {read:.2f} s")
    report(
        (
            (f"blame of 200 flags, {matter:,} changes: the question", lambda: blame(entries, asked), 5, 1_000),
            (f"blame of 200 flags, {matter:,} changes: with reading", lambda: blames.blame(asked), 5, 2_000),
            (
                "suspects within a day, 1,000 contexts",
                lambda: blames.suspects("default", "production", until, day),
                5,
                5_000,
            ),
        )
    )


def main() -> None:
    """Build or reuse the ledgers, ask, print."""
    arguments = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    arguments.add_argument("--store", choices=STORES, default=STORES[0])
    arguments.add_argument("--entries", type=int, default=1_000_000)
    arguments.add_argument("--folder", type=Path, default=Path(tempfile.gettempdir()) / "flagtrail-bench")
    arguments.add_argument("--asked", type=int, default=200)
    chosen = arguments.parse_args()
    chosen.folder.mkdir(parents=True, exist_ok=True)
    with place(chosen.store, chosen.folder, f"blame-{VERSIONS}") as found:
        storage = long_history(found)
        ask_one(storage, chosen.asked)
        storage.close()
    with place(chosen.store, chosen.folder, f"questions-{chosen.entries}") as found:
        storage = build(found, chosen.entries)
        ask_all(storage, chosen.entries)
        storage.close()


if __name__ == "__main__":
    main()
