"""TypeScript: all trees are one program for its own compiler, and run by Node, in one process (`driver.cjs`)."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from tests.support.corpus import Job, Ran

HERE = Path(__file__).parent
PATIENCE = 1200
MISSING = (
    "Node is missing (make node)"
    if shutil.which("node") is None
    else ""
    if (HERE / "node_modules" / "typescript").is_dir()
    else "TypeScript is missing (make node)"
)


def run(jobs: Sequence[Job], folder: Path) -> dict[str, Ran]:
    return driven("typescript", jobs, folder)


def driven(language: str, jobs: Sequence[Job], folder: Path) -> dict[str, Ran]:
    """What the driver makes of jobs, by their names."""
    folder = folder.resolve()
    shutil.copytree(HERE / "stub", folder / "node_modules" / "stub")
    for job in jobs:
        for path, data in job.files.items():
            target = folder / job.name / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(data)
    asked, told = folder / "jobs.json", folder / "results.json"
    each = [{name: value for name, value in asdict(job).items() if name != "files"} for job in jobs]
    asked.write_text(json.dumps({"folder": str(folder), "language": language, "jobs": each}), "utf-8")
    command = ["node", str(HERE / "driver.cjs"), str(asked), str(told)]
    ran = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE, check=False)
    assert ran.returncode == 0, ran.stderr
    results = json.loads(told.read_text("utf-8"))
    return {name: Ran(tuple(result.get("outcomes", ())), result.get("failure", "")) for name, result in results.items()}
