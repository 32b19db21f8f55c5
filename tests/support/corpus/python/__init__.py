"""Runs Python's cases, and looks for imports, locals and names that a clean-up left unused or undefined."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from tests.support.corpus import Job, Ran

MISSING = ""
_DRIVER = Path(__file__).with_name("driver.py")
_RULES = "F401,F811,F821,F841"
_SHARING = "facade.py:F401"
"""What a module of this name imports may be there for others alone."""


def run(jobs: Sequence[Job], folder: Path) -> dict[str, Ran]:
    """All in one process. A tree of a name `after_x` fails too where `before_x` has fewer findings."""
    told = [
        {
            "name": job.name,
            "folder": str(_written(job, folder)),
            "flag": job.flag,
            "variant": job.variant,
            "value": job.value,
            "assignments": list(job.assignments),
        }
        for job in jobs
    ]
    done = subprocess.run(
        [sys.executable, "-W", "error", str(_DRIVER)],
        input=json.dumps(told),
        text=True,
        capture_output=True,
        check=False,
        timeout=1200,
    )
    assert done.returncode == 0, done.stderr
    ran = {
        name: Ran(tuple(each.get("outcomes", ())), each.get("failure", ""))
        for name, each in json.loads(done.stdout).items()
    }
    return ran | {name: Ran(failure=found) for name, found in _untidy(folder).items()}


def _written(job: Job, folder: Path) -> Path:
    root = folder / job.name
    for path, data in job.files.items():
        target = root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(data)
    return root


def _untidy(folder: Path) -> dict[str, str]:
    """What a linter finds in a tree after, and did not find before."""
    done = subprocess.run(
        [
            Path(sys.executable).with_name("ruff"),
            "check",
            "--isolated",
            "--no-cache",
            "--exit-zero",
            "--select",
            _RULES,
            "--per-file-ignores",
            _SHARING,
            "--output-format",
            "json",
            folder,
        ],
        text=True,
        capture_output=True,
        check=True,
    )
    found: dict[str, Counter[str]] = {}
    for finding in json.loads(done.stdout):
        tree, _, path = str(Path(finding["filename"]).relative_to(folder.resolve())).partition("/")
        found.setdefault(tree, Counter())[f"{path}: {finding['code']} {finding['message']}"] += 1
    new = {tree: each - found.get(tree.replace("after_", "before_", 1), Counter()) for tree, each in found.items()}
    return {tree: "; ".join(sorted(each)) for tree, each in new.items() if tree.startswith("after_") and each}
