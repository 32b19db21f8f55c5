"""The questions a ledger is asked, at a million entries: p50 and p99 beside their targets; and what an append costs.

    python -m bench.questions [--store postgres] [--entries 1000000] [--folder DIR] [--asked 300]

The ledger is built through the store itself with real seals, once for each
size, and kept in the folder. Times are of the store alone: no HTTP, no rendering.
"""

from __future__ import annotations

import argparse
import random
import shutil
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import msgspec
from bench import bare_commits
from bench.stores import STORES, Place, place

from flagtrail.ledger.merkle import Frontier
from flagtrail.ledger.seal import seal
from flagtrail.model.actor import Actor
from flagtrail.model.entry import Entry, Group, Source, Touch
from flagtrail.model.subject import Subject, flag_subject, segment_subject, targeting_subject
from flagtrail.storage import Disclosure, EntryQuery, Head, Record, Storage, Transaction, load

START = datetime(2024, 11, 22, tzinfo=UTC)
SPAN = timedelta(days=730)
FLAGS = [f"{area}_{number}" for area in ("checkout", "pricing", "search", "login") for number in range(50)]
ACTORS = [
    Actor(kind="person", id=f"act_{number:02d}", name=f"Person {number:02d}", email=f"person{number:02d}@example.com")
    for number in range(50)
]
ENVIRONMENTS = ("production", "staging", "development")
SEGMENTS = ("enterprise", "beta", "internal", "europe")
WORDS = "raise rollout to enterprise customers after review lower because errors go live on incident".split()  # noqa: SIM905 - prose
DETAILS_AT, SEGMENTS_AT = 0.95, 0.99
GROUP = 5_000
BARE_SECONDS = 0.2


def stamp(seq: int, total: int) -> str:
    """The time of an entry: evenly over two years."""
    return (START + SPAN * seq / total).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


class Ledger:
    """A made-up company's changes, the same for the same seed."""

    def __init__(self, total: int, seed: int = 7) -> None:
        self.dice = random.Random(seed)
        self.total = total
        self.versions: dict[str, int] = {}
        self.documents: dict[str, object] = {}
        self.salts = random.Random(seed + 1)

    def change(self) -> tuple[Subject, tuple[str, ...], tuple[str, ...], object, tuple[Touch, ...]]:
        """Subject, actions, paths, the new document, and touches: mostly targetings, some details, few segments."""
        kind = self.dice.random()
        flag = self.dice.choice(FLAGS)
        if kind < DETAILS_AT:
            subject = targeting_subject("default", flag, self.dice.choice(ENVIRONMENTS))
            return (subject, *self.targeting(flag), ())
        if kind < SEGMENTS_AT:
            document: object = {
                "key": flag,
                "type": "boolean",
                "variants": {"on": True, "off": False},
                "description": f"text {self.dice.random()}",
                "owner": "billing",
            }
            return flag_subject("default", flag), ("details_changed",), ("/description",), document, ()
        segment = self.dice.choice(SEGMENTS)
        document = {
            "key": segment,
            "when": {"attribute": "plan", "operator": "in", "values": [str(self.dice.random())]},
        }
        touched = tuple(Touch("default", flag, "production") for flag in self.dice.sample(FLAGS, 5))
        return segment_subject("default", segment), ("targeting_changed",), ("/when/values/0",), document, touched

    def targeting(self, flag: str) -> tuple[tuple[str, ...], tuple[str, ...], object]:
        """One of three sorts of change to a targeting with two rules."""
        weight = self.dice.randrange(100_001)
        document = {
            "enabled": bool(weight % 2),
            "off_variant": "off",
            "prerequisites": [],
            "rules": [
                {
                    "id": f"r{rule}",
                    "description": "enterprise first",
                    "when": {"attribute": "plan", "operator": "in", "values": ["enterprise", f"plan{weight % 9}"]},
                    "serve": {"variant": "on"},
                }
                for rule in range(2)
            ],
            "fallthrough": {
                "split": [{"variant": "on", "weight": weight}, {"variant": "off", "weight": 100_000 - weight}],
                "by": "targetingKey",
                "salt": flag,
                "bucketing": "murmur3",
            },
        }
        action, paths = (
            ("enabled" if weight % 2 else "disabled", ("/enabled",)),
            ("rollout_changed", ("/fallthrough/split/0/weight", "/fallthrough/split/1/weight")),
            ("targeting_changed", (f"/rules/{weight % 2}/when/values/1",)),
        )[self.dice.randrange(3)]
        return (action,), paths, document

    def record(self, frontier: Frontier) -> Record:
        """The next record, sealed."""
        seq = frontier.size
        subject, actions, paths, after, touches = self.change()
        path = subject.path
        self.versions[path] = version = self.versions.get(path, 0) + 1
        entry = Entry(
            seq=seq,
            id=f"0193{seq:028x}",
            time=stamp(seq, self.total),
            actor=self.dice.choice(ACTORS),
            subject=subject,
            version=version,
            actions=("created",) if version == 1 else actions,  # type: ignore[arg-type]  # words of the closed list
            paths=paths,
            before=self.documents.get(path),
            after=after,
            why=" ".join(self.dice.choices(WORDS, k=6)),
            ticket=f"BILL-{self.dice.randrange(20_000)}",
            group=Group(f"0193{seq:028x}"),
            source=Source("web", f"r_{seq:x}", "0.1.0"),
        )
        self.documents[path] = after
        sealed = seal(entry, log="flags.example.com", prev_root=frontier.root(), salt=lambda: self.salts.randbytes(16))
        disclosures = tuple(Disclosure(seq, made.name, made.salt, made.value) for made in sealed.committed)
        return Record(entry, sealed.leaf, sealed.leaf_hash, disclosures, touches)

    def batch(self, head: Head, count: int) -> tuple[list[Record], Head]:
        """So many records after a head, and the head after them."""
        frontier = Frontier(head.size, head.frontier)
        records: list[Record] = []
        for _ in range(count):
            records.append(self.record(frontier))
            frontier = frontier.append(records[-1].leaf_hash)
        return records, Head(frontier.size, frontier.peaks, frontier.root(), records[-1].entry.time)

    def append(self, transaction: Transaction, count: int) -> None:
        """Append so many records in one unit of work."""
        transaction.append(*self.batch(transaction.head, count))


def build(place: Place, total: int) -> Storage:
    """The ledger of this size: kept from an earlier run, or built."""
    storage = load(place.url)
    if storage.head().size == total:
        return storage
    storage.close()
    place.clear()
    storage = load(place.url)
    ledger = Ledger(total)
    began = time.perf_counter()
    head = storage.head()
    with ThreadPoolExecutor(1) as writer:  # the next ones are made while the last are written
        written: Future[object] = writer.submit(storage.head)
        for done in range(0, total, GROUP):
            made = ledger.batch(head, min(GROUP, total - done))
            head = made[1]
            written.result()
            written = writer.submit(storage.write, lambda transaction, made=made: transaction.append(*made))
        written.result()
    took = time.perf_counter() - began
    print(f"built {total:,} entries in {took:.0f} s ({total / took:,.0f}/s, in units of work of {GROUP:,})")
    return storage


class Question(msgspec.Struct, frozen=True):
    """What is asked, how, and the p99 that it may take, in ms."""

    name: str
    ask: Callable[[random.Random], object]
    target: float


Dice = random.Random
Made = Callable[[Dice], object]


def fixed(value: object) -> Made:
    """The same each time."""
    return lambda _: value


def flag(dice: Dice) -> str:
    """A flag."""
    return dice.choice(FLAGS)


def actor(dice: Dice) -> str:
    """An actor, by e-mail address."""
    return dice.choice(ACTORS).email


def targeting_path(dice: Dice) -> str:
    """The path of a flag's targeting."""
    return targeting_subject("default", flag(dice), "production").path


def ticket(dice: Dice) -> str:
    """A ticket of which there are about fifty."""
    return f"BILL-{dice.randrange(10_000, 20_000)}"


def sentence(dice: Dice) -> str:
    """Three words that may stand together somewhere."""
    return " ".join(dice.choices(WORDS, k=3))


def anywhere_in(total: int) -> Callable[[Dice], int]:
    """A seq."""
    return lambda dice: dice.randrange(total)


def moment_in(total: int) -> Callable[[Dice], str]:
    """A time of some entry."""
    return lambda dice: stamp(dice.randrange(total), total)


def log_questions(total: int) -> Iterator[tuple[str, float, dict[str, Made]]]:
    """The questions of the log: name, target in ms, and how each filter is made."""
    anywhere, moment = anywhere_in(total), moment_in(total)
    here = {"project": fixed("default")}
    production, staging = fixed("production"), fixed("staging")
    enabled = fixed("enabled")
    yield "log", 50, here
    yield "log, any page", 50, {**here, "before": anywhere}
    yield "log FLAG", 50, {**here, "flag": flag}
    yield "log FLAG, any page", 50, {**here, "flag": flag, "before": anywhere}
    yield "log FLAG, last page", 50, {**here, "flag": flag, "before": fixed(total // 500)}
    yield "log FLAG --env", 50, {**here, "flag": flag, "environment": production}
    yield "log --actor", 50, {"actor": actor}
    yield "log --actor, any page", 50, {"actor": actor, "before": anywhere}
    yield "log --env --action", 50, {"environment": staging, "action": enabled, "before": anywhere}
    yield "log --field", 50, {"field": fixed("/rules"), "before": anywhere}
    yield "log --field, deep", 50, {"field": fixed("/rules/1/when"), "before": anywhere}
    yield "log --since", 50, {"since": moment}
    yield "log --since --until", 50, {"since": moment, "until": moment}
    yield "log --segment", 50, {**here, "segment": fixed("beta"), "before": anywhere}
    yield "log --grep, frequent", 100, {"text": fixed("incident"), "before": anywhere}
    yield "log --grep, a ticket", 100, {"text": ticket}
    yield "log --grep, a sentence", 100, {"text": sentence}
    yield "log --grep, absent", 100, {"text": fixed("go live on incident lower rev")}
    yield "log --grep, two letters", 100, {"text": fixed("on"), "before": anywhere}
    yield "log --grep, a flag's name", 100, {"text": flag}
    yield "log FLAG --grep, a ticket", 100, {**here, "flag": flag, "text": ticket}
    yield "log FLAG --grep, frequent", 100, {**here, "flag": flag, "text": fixed("incident lower")}
    yield "log --actor --grep", 100, {"actor": actor, "text": fixed("incident raise")}
    yield "log --env --actor", 50, {"environment": production, "actor": actor, "before": anywhere}
    yield "log --actor --action --field, none", 50, {"actor": actor, "action": enabled, "field": fixed("/rules")}
    yield "log --action --field, none", 50, {"action": enabled, "field": fixed("/fallthrough/split/0")}
    yield "log FLAG --grep, none", 100, {**here, "flag": fixed("login_1"), "text": fixed("pricing_2")}


def questions(storage: Storage, total: int) -> Iterator[Question]:
    """Every question to the store. `eval --at` belongs at the end, as soon as the app answers it."""
    seq, moment = anywhere_in(total), moment_in(total)

    def log(dice: Dice, made: dict[str, Made]) -> object:
        return storage.entries(msgspec.convert({name: make(dice) for name, make in made.items()}, EntryQuery))

    for name, target, made in log_questions(total):
        yield Question(name, partial(log, made=made), target)

    yield Question("show SEQ", lambda dice: storage.entry(seq(dice)), 1)
    yield Question("one document at a time", lambda dice: storage.as_of(targeting_path(dice), time=moment(dice)), 1)
    yield Question("one document at a seq", lambda dice: storage.as_of(targeting_path(dice), seq=seq(dice)), 1)
    below = "projects/default/flags/{}/".format
    yield Question("one flag at a time", lambda dice: storage.paths_as_of(below(flag(dice)), time=moment(dice)), 5)
    yield Question("all 800 documents at a time", lambda dice: storage.paths_as_of("", time=moment(dice)), 100)
    yield Question("all 800 documents at a seq", lambda dice: storage.paths_as_of("", seq=seq(dice)), 100)
    yield Question("all 800 documents now", lambda _: list(storage.current()), 100)


def measure(question: Question, asked: int) -> tuple[float, float]:
    """p50 and p99 in ms."""
    dice = random.Random(question.name)
    took = []
    for _ in range(asked):
        began = time.perf_counter()
        question.ask(dice)
        took.append(1e3 * (time.perf_counter() - began))
    took.sort()
    return took[len(took) // 2], took[min(len(took) - 1, len(took) * 99 // 100)]


class Turn(msgspec.Struct, frozen=True):
    """One turn's rates per second: bare commits, then the store's changes."""

    bare: float
    sealed_before: float
    one_by_one: float
    sixteen: float


def rate(changes: int, run: Callable[[], object]) -> float:
    """Changes per second of a run that makes so many."""
    began = time.perf_counter()
    run()
    return changes / (time.perf_counter() - began)


def turn(scratch: Path, storage: Storage, ledger: Ledger, changes: int) -> Turn:
    """The four rates, one after the other."""
    head, made = storage.head(), list[tuple[list[Record], Head]]()
    for _ in range(changes):
        records, head = ledger.batch(head, 1)
        made.append((records, head))

    def append_made() -> None:
        for records, head in made:
            storage.write(lambda transaction, records=records, head=head: transaction.append(records, head))  # type: ignore[misc]  # mypy infers no lambda with defaults

    def append(count: int) -> None:
        for _ in range(count):
            storage.write(partial(ledger.append, count=1))

    def sixteen() -> None:
        with ThreadPoolExecutor(16) as pool:
            list(pool.map(append, [1] * changes))

    return Turn(
        bare_commits.per_second(bare_commits.newest(scratch / "ours.db", changes), scratch, BARE_SECONDS),
        rate(changes, append_made),
        rate(changes, partial(append, changes)),
        rate(changes, sixteen),
    )


def appends(folder: Path, turns: int = 9, changes: int = 1_000) -> None:
    """Single durable changes beside bare commits of the same rows, turn by turn: the median of the turns' ratios."""
    scratch = Path(tempfile.mkdtemp(dir=folder))
    try:
        storage = load(f"sqlite:///{scratch / 'ours.db'}")
        ledger = Ledger(10**6)
        storage.write(lambda transaction: ledger.append(transaction, 5_000))
        figures = [turn(scratch, storage, ledger, changes) for _ in range(turns)]
        storage.close()
    finally:
        shutil.rmtree(scratch)
    limit = statistics.median(each.bare for each in figures)
    print(f"\nDurable changes per second, each its own unit of work; median of {turns} turns, target 0.25")
    print(f"{'bare SQLite commits of the same rows':<44}{limit:>10,.0f}")
    for name, field in (
        ("the store", "sealed_before"),
        ("with making and sealing the entry", "one_by_one"),
        ("the same from 16 threads", "sixteen"),
    ):
        rates: list[float] = [getattr(each, field) for each in figures]
        ratio = statistics.median(rate / each.bare for rate, each in zip(rates, figures, strict=True))
        print(f"{name:<44}{statistics.median(rates):>10,.0f}   ratio {ratio:.2f}")


def main() -> None:
    """Build, ask, append, print."""
    arguments = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    arguments.add_argument("--entries", type=int, default=1_000_000)
    arguments.add_argument("--folder", type=Path, default=Path(tempfile.gettempdir()) / "flagtrail-bench")
    arguments.add_argument("--asked", type=int, default=300, help="how often each question is asked")
    arguments.add_argument("--store", choices=STORES, default="sqlite")
    chosen = arguments.parse_args()
    chosen.folder.mkdir(parents=True, exist_ok=True)
    with place(chosen.store, chosen.folder, f"questions-{chosen.entries}") as where:
        storage = build(where, chosen.entries)
        size = where.size()
        print(f"{chosen.entries:,} entries, {size / 1e6:,.0f} MB, {size / chosen.entries:,.0f} bytes an entry\n")
        print(f"{'question':<44}{'p50 ms':>10}{'p99 ms':>10}{'target':>10}{'ratio':>8}")
        for question in questions(storage, chosen.entries):
            middle, high = measure(question, chosen.asked)
            ratio = high / question.target
            print(f"{question.name:<44}{middle:>10.2f}{high:>10.2f}{question.target:>10.0f}{ratio:>8.2f}")
        storage.close()
    if chosen.store == "sqlite":
        appends(chosen.folder)


if __name__ == "__main__":
    main()
