"""Java: every tree is compiled by the JDK's own compiler and run, all in one process (`Driver.java`)."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from tests.support.corpus import Job, Ran

HERE = Path(__file__).parent
MISSING = "" if shutil.which("javac") else "a JDK is missing (make java)"
PATIENCE = 1200
BRIEF = ("-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-Xshare:auto")
"""For a process that lives for seconds."""
_PACKAGE = re.compile(rb"^package ([\w.]+)", re.MULTILINE)


def run(jobs: Sequence[Job], folder: Path) -> dict[str, Ran]:
    lines: list[str] = []
    for job in jobs:
        tree = folder / job.name
        laid(job.files, tree)
        lines += instructions(job, tree, main_class(job.files, "Main.java", "Main"))
    return driven(lines, [HERE / "stub"], folder)


def laid(files: Mapping[str, bytes], tree: Path) -> None:
    """The files of a job on the disk."""
    for path, data in files.items():
        target = tree / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(data)


def main_class(files: Mapping[str, bytes], name: str, simple: str) -> str:
    """The full name of the class that has `subject`."""
    data = next((data for path, data in files.items() if Path(path).name == name), b"")
    package = _PACKAGE.search(data)
    return f"{package.group(1).decode()}.{simple}" if package else simple


def instructions(job: Job, tree: Path, main: str, compiled: Path | None = None) -> Iterable[str]:
    """A job's lines for the driver."""
    yield "\t".join(("job", job.name, str(tree), main, str(compiled or "")))
    for given in job.assignments:
        yield "\t".join(("run", json.dumps(job.value), *(f"{key}={outcome:d}" for key, outcome in given.items())))


def driven(lines: Iterable[str], stubs: Sequence[Path], folder: Path) -> dict[str, Ran]:
    """What the driver makes of jobs; `stubs` are folders of sources or classes, and jars."""
    asked, told = folder / "jobs.tsv", folder / "results.tsv"
    asked.write_text("".join(f"{line}\n" for line in lines), "utf-8")
    command = ["java", *BRIEF, str(HERE / "Driver.java"), ":".join(map(str, stubs)), str(asked), str(told)]
    ran = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE, check=False)
    assert ran.returncode == 0, ran.stderr
    outcomes: dict[str, list[str]] = {}
    results: dict[str, Ran] = {}
    for line in told.read_text("utf-8").splitlines():
        name, kind, text = line.split("\t")
        if kind == "failure":
            results[name] = Ran(failure=json.loads(text))
        else:
            outcomes.setdefault(name, []).append(json.loads(text))
    return results | {name: Ran(outcomes=tuple(found)) for name, found in outcomes.items()}
