"""Reports for auditors over a large ledger: seconds, and peak memory beside a tenth of the entries; exposure of a flag.

    python -m bench.evidence [--entries 1000000] [--period 100000] [--folder DIR]

The ledger is that of bench/questions.py with a production environment, built once and kept in the folder. Each
report is made in a process of its own over the ledger's last entries, written piece by piece to nowhere. Memory is
the most that the process ever held.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from bench.questions import FLAGS, GROUP, Ledger, stamp
from bench.stores import place

from flagtrail.analysis import dependencies, exposure
from flagtrail.app.bootstrap import App
from flagtrail.app.evidence import Asked
from flagtrail.app.settings import Settings
from flagtrail.model.document import encode
from flagtrail.model.entry import Touch
from flagtrail.model.environment import Environment, Project
from flagtrail.model.subject import Subject, environment_subject, project_subject
from flagtrail.reports import load as load_format
from flagtrail.storage import Storage, load

FORMATS = ("json", "jsonl", "csv", "html")
VERSIONS = 1_000
SECONDS = 30
"""What a report over 100,000 entries may take."""


class Company(Ledger):
    """The same made-up company, with a project and a production environment before anything else."""

    def __init__(self, total: int) -> None:
        super().__init__(total)
        self._begun: Iterator[tuple[Subject, object]] = iter(
            [
                (project_subject("default"), encode(Project("default"))),
                (environment_subject("default", "production"), encode(Environment("production", production=True))),
            ]
        )

    def change(self) -> tuple[Subject, tuple[str, ...], tuple[str, ...], object, tuple[Touch, ...]]:
        """First what the project is made of, then what the ledger makes up."""
        subject, document = next(self._begun, (None, None))
        return super().change() if subject is None else (subject, ("created",), ("",), document, ())


def build(url: str, total: int) -> None:
    """The ledger, unless it is there from an earlier run."""
    storage = load(url)
    ledger, began = Company(total), time.perf_counter()
    if storage.head().size == 0:
        for done in range(0, total, GROUP):
            storage.write(partial(ledger.append, count=min(GROUP, total - done)))
        print(f"built {total:,} entries in {time.perf_counter() - began:.0f} s")
    storage.close()


def opened(url: str, folder: Path) -> App:
    """The app on that ledger, with a key in the folder."""
    return App(Settings(database=url, key_file=str(folder / "evidence.key"), origin="flags.example.com"))


def run(url: str, folder: Path, total: int, period: int, name: str) -> None:
    """One report in this process: prints seconds, bytes, changes, and the most memory before it and in all (MB)."""
    app = opened(url, folder)
    before = peak()
    began = time.perf_counter()
    asked = Asked(kind="soc2", project="default", since=stamp(total - period, total), until=stamp(total, total))
    report = app.evidence.report(asked)
    size = 0 if name == "json" else sum(map(len, load_format(name).render(report)))
    print(time.perf_counter() - began, size, report.summary.found.changes, before, peak())
    app.close()


def peak() -> float:
    """The most memory that this process ever held, in MB (`getrusage` would count its parent, too)."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return int(status.partition("VmHWM:")[2].split()[0]) / 1024


def measured(url: str, folder: Path, total: int, period: int, name: str) -> list[float]:
    """The figures of a report made in a process of its own."""
    command = [sys.executable, "-m", "bench.evidence", "--run", name, "--url", url]
    command += ["--folder", str(folder), "--entries", str(total), "--period", str(period)]
    told = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    return [float(figure) for figure in told.split()[-5:]]


def exposures(storage: Storage) -> None:
    """Exposure of one flag over the first thousand versions of its targeting, from the store to the intervals."""
    took = []
    for flag in FLAGS[:5]:
        began = time.perf_counter()
        entries = dependencies.gather(storage.history, "default", "production", flag)
        own = [entry.seq for entry in entries if entry.subject.kind == "targeting"]
        last = own[min(VERSIONS, len(own)) - 1]
        known = [entry for entry in entries if entry.seq <= last]
        found = exposure.exposure(known, "default", "production", flag, {"plan": "enterprise"})
        took.append((time.perf_counter() - began, min(VERSIONS, len(own)), len(found.intervals)))
    took.sort()
    seconds, versions, intervals = took[len(took) // 2]
    print(f"\nExposure over {versions:,} versions ({intervals:,} intervals): {seconds:.2f} s, target 1 s")


def main() -> None:
    """Build, sign, measure, print."""
    arguments = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    arguments.add_argument("--entries", type=int, default=1_000_000)
    arguments.add_argument("--period", type=int, default=100_000)
    arguments.add_argument("--folder", type=Path, default=Path(tempfile.gettempdir()) / "flagtrail-bench")
    arguments.add_argument("--run", choices=FORMATS, help=argparse.SUPPRESS)
    arguments.add_argument("--url", help=argparse.SUPPRESS)
    chosen = arguments.parse_args()
    if chosen.run:
        run(chosen.url, chosen.folder, chosen.entries, chosen.period, chosen.run)
        return
    chosen.folder.mkdir(parents=True, exist_ok=True)
    with place("sqlite", chosen.folder, f"evidence-{chosen.entries}") as where:
        build(where.url, chosen.entries)
        opened(where.url, chosen.folder).close()  # signs all of it, once
        print(f"{chosen.entries:,} entries in the ledger; a SOC 2 report over the last of them\n")
        print(f"{'format':<8}{'entries':>10}{'s':>8}{'target':>8}{'MB file':>10}{'MB before':>11}{'MB at most':>12}")
        for name in FORMATS:
            for period in (chosen.period // 10, chosen.period):
                seconds, size, changes, *memory = measured(where.url, chosen.folder, chosen.entries, period, name)
                before, most = (f"{each:.0f}" for each in memory)
                told = f"{changes:>10,.0f}{seconds:>8.1f}{SECONDS:>8}{size / 1e6:>10.1f}{before:>11}{most:>12}"
                print(f"{name:<8}{told}")
        storage = load(where.url)
        exposures(storage)
        storage.close()


if __name__ == "__main__":
    main()
