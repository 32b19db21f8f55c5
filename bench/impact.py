"""Impact over a month of samples: how long a question takes, what a push costs, and how long a guard is judged.

    python -m bench.impact [--store postgres] [--metrics 20] [--asked 30]

Every metric has a sample each minute for 30 days. Times are of the application: no HTTP, no rendering. The statistic
alone, on points in memory, is printed beside them.
"""

from __future__ import annotations

import argparse
import random
import statistics
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

from bench.stores import STORES, open_folder, place

from flagtrail.analysis.effect import Day, effect, windows
from flagtrail.analysis.guarding import Span, standing
from flagtrail.app.bootstrap import App
from flagtrail.app.identity import SYSTEM_IDENTITY
from flagtrail.app.settings import Settings
from flagtrail.model.change import Change, Operation
from flagtrail.model.guard import Guard, Limit
from flagtrail.model.metric import Point, Sample
from flagtrail.model.subject import flag_subject, targeting_subject

NOW = datetime(2026, 3, 31, 12, tzinfo=UTC)
MINUTE = 60_000
DAYS = 30
BATCH = 10_000


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--store", choices=STORES, default="sqlite")
    parser.add_argument("--metrics", type=int, default=20)
    parser.add_argument("--asked", type=int, default=30)
    given = parser.parse_args()
    moment = [NOW]
    with open_folder() as folder, place(given.store, Path(folder), "impact") as database:
        app = App(Settings(database=database.url, key_file=str(Path(folder) / "key")), clock=lambda: moment[0])
        seq = furnish(app)
        moment[0] += timedelta(hours=2)
        pushed = statistics.median(fill(app, given.metrics))
        print(f"{given.store}, {given.metrics} metrics, {given.metrics * DAYS * 1440:,} samples")
        print(f"  push of {BATCH:,} samples      p50 {pushed:7.1f} ms   {BATCH / pushed * 1_000:,.0f} samples/s")
        names = [f"metric_{number}" for number in range(given.metrics)]
        for count in sorted({1, min(5, given.metrics), given.metrics}):
            ask = partial(app.impacts.impact, "default", seq, metrics=names[:count])
            tell(f"impact, {count} metrics", given.asked, ask)
        app.close()
    alone(given.asked)


def furnish(app: App) -> int:
    """A flag that was rolled out two hours ago; the entry's seq."""
    app.first_start()
    flag = {"key": "f", "type": "boolean", "variants": {"on": True, "off": False}}
    targeting = targeting_subject("default", "f", "production")
    operations = (
        Operation(action="create", subject=flag_subject("default", "f"), value=flag),
        Operation(action="patch", subject=targeting, value={"enabled": True}),
    )
    app.changes.apply(SYSTEM_IDENTITY, Change(operations=operations, why="bench"))
    rollout = Operation(action="rollout", subject=targeting, value={"percent": 25.0})
    return app.changes.apply(SYSTEM_IDENTITY, Change(operations=(rollout,), why="bench")).entries[0].seq


def fill(app: App, metrics: int) -> list[float]:
    """A month of minutes of each metric; how many milliseconds each batch took."""
    dice = random.Random(1)
    start = int((NOW - timedelta(days=DAYS)).timestamp()) * 1_000
    took = []
    for number in range(metrics):
        samples = [
            Sample(f"metric_{number}", start + minute * MINUTE, dice.gauss(10, 1), "production")
            for minute in range((DAYS * 24 + 2) * 60)
        ]
        for begin in range(0, len(samples) - BATCH, BATCH):
            some = samples[begin : begin + BATCH]
            took.append(milliseconds(partial(app.storage.add_samples, "default", some)))
        app.storage.add_samples("default", samples[-BATCH:])
    return took


def alone(asked: int) -> None:
    """The pure parts, on points in memory."""
    dice = random.Random(1)
    at = int(NOW.timestamp()) * 1_000
    hour = windows(at, width=60 * MINUTE, end=at + 60 * MINUTE)
    days = [
        Day(ago, [Point(point, dice.gauss(10, 1)) for point in range(own.start, own.end, own.step)])
        for ago in range(29)
        for own in [hour.earlier(ago)]
    ]
    tell("statistic alone, 29 days", asked * 10, lambda: effect(hour, days[0], days[1:]))
    points = [Point(at + minute * MINUTE, dice.gauss(10, 1)) for minute in range(24 * 60)]
    guard, span = Guard((Limit("m", above=99.0),), 24 * 60), Span(at, at + 24 * 60 * MINUTE, at + 24 * 60 * MINUTE)
    tell("guard of a day alone", asked * 10, lambda: standing(guard, span, {"m": points}))


def tell(what: str, asked: int, work: Callable[[], object]) -> None:
    took = sorted(milliseconds(work) for _ in range(asked))
    p50, p99 = (took[min(len(took) - 1, len(took) * part // 100)] for part in (50, 99))
    print(f"  {what:<26} p50 {p50:7.1f} ms   p99 {p99:7.1f} ms")


def milliseconds(work: Callable[[], object]) -> float:
    begun = time.perf_counter()
    work()
    return (time.perf_counter() - begun) * 1_000


if __name__ == "__main__":
    main()
