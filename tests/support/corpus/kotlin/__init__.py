"""Kotlin: all trees are compiled by one call of the compiler, each in a package of its own, and run in one process."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from tests.support.corpus import Job, Ran
from tests.support.corpus.java import BRIEF, driven, instructions, laid, main_class

HERE = Path(__file__).parent
CLASSPATH = HERE / "classpath.txt"
MISSING = "" if shutil.which("java") and CLASSPATH.exists() else "Kotlin's compiler is missing (make kotlin)"
PATIENCE = 1200
_PACKAGE = re.compile(rb"^package ([\w.]+)", re.MULTILINE)
_DEFECT = re.compile(r"^(?:file://)?(?:\S*/)?(job\d+)/(\S+?:\d+:\d+: error: .*)$", re.MULTILINE)


def run(jobs: Sequence[Job], folder: Path) -> dict[str, Ran]:
    trees = {f"job{number}": job for number, job in enumerate(jobs)}
    for name, job in trees.items():
        laid(packaged(job.files, name), folder / "src" / name)
    failures = compiled(folder, list(trees))
    lines: list[str] = []
    for name, job in trees.items():
        if name not in failures:
            main = main_class(packaged(job.files, name), "Main.kt", "MainKt")
            lines += instructions(job, folder / "src" / name, main, folder / "classes")
    ran = driven(lines, [folder / "classes", *map(Path, CLASSPATH.read_text().strip().split(":"))], folder)
    return ran | {trees[name].name: Ran(failure=said) for name, said in failures.items()}


def packaged(files: Mapping[str, bytes], tree: str) -> dict[str, bytes]:
    """The files with their packages below one of the tree's own, so that all can be compiled at once."""
    code = {path: data for path, data in files.items() if path.endswith(".kt")}
    own = {found.group(1) for data in code.values() if (found := _PACKAGE.search(data))}
    below = tree.encode()
    imported = [re.compile(rb"^import (?=" + re.escape(name) + rb"\.)", re.MULTILINE) for name in own]
    made = {}
    for path, data in code.items():
        for each in imported:
            data = each.sub(b"import " + below + b".", data)  # noqa: PLW2901 - one after the other
        made[path] = _PACKAGE.sub(b"package " + below + rb".\1", data, count=1)
    return made


def compiled(folder: Path, trees: Sequence[str]) -> dict[str, str]:
    """What the compiler said of trees that are defective; the others are compiled."""
    failures: dict[str, str] = {}
    path = CLASSPATH.read_text().strip()
    compiler = ("-cp", path, "org.jetbrains.kotlin.cli.jvm.K2JVMCompiler", "-no-reflect", "-no-stdlib", "-nowarn")
    command = ["java", *BRIEF, *compiler]
    while True:
        sources = [str(HERE / "stub"), *(str(folder / "src" / name) for name in trees if name not in failures)]
        asked = [*command, "-cp", path, "-d", str(folder / "classes"), *sources]
        said = subprocess.run(asked, capture_output=True, text=True, timeout=PATIENCE, check=False)
        if said.returncode == 0:
            return failures
        found = _DEFECT.findall(said.stderr)
        assert found, said.stderr
        for name, defect in found:
            failures[name] = f"{failures.get(name, '')}{defect}\n"
