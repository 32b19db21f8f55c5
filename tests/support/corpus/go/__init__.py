"""Go's cases: each a folder of packages in one module, checked by `go vet` together, built as one program.

What does not pass is taken out, and the rest is built. A case that was formatted must stay so.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests.support.corpus import Job, Ran

MISSING = "" if shutil.which("go") else "Go is not installed: make go"

_HERE = Path(__file__).parent
_PACKAGE = re.compile(rb"^package (\w+)", re.MULTILINE)
_PLACE = re.compile(r"jobs/(\w+)/")
_MODULE = """module corpus

go 1.18

require github.com/stretchr/testify v1.0.0

replace github.com/stretchr/testify => ./testify
"""
_WITH = """package {package}

import "corpus/stub"

func cond(name string) bool {{ return stub.Cond(name) }}
func trace(text string)     {{ stub.Trace(text) }}

var flags stub.Client
"""
_SUBJECT = "\nfunc Subject() any { return subject() }\n"
MOST_SECONDS = 1200


def run(jobs: Sequence[Job], folder: Path) -> dict[str, Ran]:
    """All jobs of a corpus; two compiler calls, then the program once for each assignment."""
    _module(folder)
    for job in jobs:
        _tree(job, folder / "jobs" / job.name)
    failures = _unformatted(folder) | _failures(folder, "go", "vet", "./jobs/...")
    fit = [job for job in jobs if job.name not in failures]
    program = _built(folder, fit)
    with ThreadPoolExecutor(max_workers=2) as pool:
        ran = dict(zip((job.name for job in fit), pool.map(lambda job: _ran(program, job), fit), strict=True))
    return ran | {name: Ran(failure=told) for name, told in failures.items()}


def _module(folder: Path) -> None:
    shutil.copytree(_HERE / "stub", folder / "stub")
    shutil.copytree(_HERE / "testify", folder / "testify" / "mock")
    (folder / "testify" / "go.mod").write_text("module github.com/stretchr/testify\n\ngo 1.18\n")
    (folder / "go.mod").write_text(_MODULE)


def _tree(job: Job, top: Path) -> None:
    """The files of one job; in its imports `app` is the job's own folder."""
    packages: dict[Path, bytes] = {}
    for path, data in job.files.items():
        place = top / path
        place.parent.mkdir(parents=True, exist_ok=True)
        if place.suffix == ".go":
            data = re.sub(rb'"app/', f'"corpus/jobs/{job.name}/'.encode(), data)  # noqa: PLW2901 - the same file
            if not place.name.endswith("_test.go"):
                found = _PACKAGE.search(data)
                assert found is not None, f"{job.name}: {path} is of no package"
                packages[place.parent] = found[1]
        place.write_bytes(data)
    for package, name in packages.items():
        text = _WITH.format(package=name.decode()) + (_SUBJECT if package == top else "")
        (package / "zz_corpus.go").write_text(text)


def _unformatted(folder: Path) -> dict[str, str]:
    """Files that were formatted before and are not any more, by job."""
    told = _call(folder, "gofmt", "-l", "jobs").stdout.splitlines()
    worse = [
        path for path in told if path.startswith("jobs/after_") and path.replace("/after_", "/before_") not in told
    ]
    return {_PLACE.search(path)[1]: f"{path} is not formatted any more" for path in worse}  # type: ignore[index] # it matches


def _failures(folder: Path, *command: str) -> dict[str, str]:
    """What a checker says, by job."""
    done = _call(folder, *command)
    told: dict[str, list[str]] = {}
    for line in (done.stdout + done.stderr).splitlines():
        place = _PLACE.search(line)
        if place is not None and not line.startswith("#"):
            told.setdefault(place[1], []).append(line.strip())
    assert not done.returncode or told, done.stderr
    return {name: "\n".join(lines) for name, lines in told.items()}


def _built(folder: Path, jobs: Sequence[Job]) -> Path:
    imports = "\n".join(f'\tj{at} "corpus/jobs/{job.name}"' for at, job in enumerate(jobs))
    subjects = "\n".join(f'\t"{job.name}": j{at}.Subject,' for at, job in enumerate(jobs))
    (folder / "main.go").write_text(
        f'package main\n\nimport (\n\t"corpus/stub"\n\t"os"\n\n{imports}\n)\n\n'
        f"var subjects = map[string]func() any{{\n{subjects}\n}}\n\n"
        "func main() {\n\tstub.Run(subjects[os.Args[1]])\n}\n"
    )
    done = _call(folder, "go", "build", "-o", "corpus.exe", ".")
    assert done.returncode == 0, done.stderr
    return folder / "corpus.exe"


def _ran(program: Path, job: Job) -> Ran:
    outcomes = []
    for given in job.assignments:
        told = {"Flag": job.flag, "Variant": job.variant, "Value": job.value, "Conditions": given}
        environment = os.environ | {"CORPUS": json.dumps(told)}
        done = subprocess.run(
            [program, job.name], env=environment, capture_output=True, text=True, timeout=MOST_SECONDS, check=False
        )
        if done.returncode:
            return Ran(failure=done.stderr[-1000:])
        outcomes.append(done.stdout)
    return Ran(tuple(outcomes))


def _call(folder: Path, *command: str) -> subprocess.CompletedProcess[str]:
    """A tool of Go, which reaches no network."""
    environment = os.environ | {
        "GOFLAGS": "-mod=mod", "GOPROXY": "off", "GOSUMDB": "off", "GOWORK": "off", "GOTOOLCHAIN": "local",
        "GO111MODULE": "on",
    }  # fmt: skip
    return subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, timeout=MOST_SECONDS, check=False
    )
