"""Each language's own checker, where it is present: what it says of code, comparable with what it said before.

A finding is a file and a message, without the line, which an edit moves. None of these runs code of the repository:
no annotation processors, no plug-ins, no settings of its own; none asks the network.
"""

from __future__ import annotations

import os
import re
import shutil
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TypeAlias

from flagtrail.codebase.git import environ
from flagtrail.codebase.process import Ran, run

SECONDS = 600.0
"""For one run of one checker."""
MOST_FILES = 20_000
"""Files that one call of a checker is given."""

Finding: TypeAlias = tuple[str, str]
"""The file, from the root of the worktree, and the message."""

_PLACE = re.compile(r"^(?:vet: )?(?:\./)?(?P<path>\S.*?)(?:\(\d+,\d+\)|:\d+(?::\d+)?): *(?P<message>.*)$")
_LACKS = re.compile(
    r"^.*(?:no required module provides|missing go\.sum entry|(?:module|import) lookup disabled).*$", re.MULTILINE
)
"""Without its dependencies Go's compiler looks at nothing."""
_DETAIL = re.compile(r"^\s+(?:symbol|location|required|found|reason):\s+\S")
_PACKAGE = re.compile(rb"^\s*package\s+([\w.]+)\s*;", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Work:
    """What is to be checked: a temporary worktree, the repository it is of, a folder to write to, and the files."""

    tree: Path
    root: Path
    scratch: Path
    paths: tuple[str, ...]

    def of(self, *suffixes: str) -> list[str]:
        """The files with these suffixes that are there."""
        return [path for path in self.paths if path.endswith(suffixes) and (self.tree / path).is_file()]

    def folders_with(self, name: str, paths: Iterable[str]) -> list[str]:
        """The nearest folders at or above files that hold a file of this name, from the root of the worktree."""
        found: dict[str, None] = {}
        for path in paths:
            for folder in PurePosixPath(path).parents:
                if (self.tree / folder / name).is_file():
                    found[folder.as_posix()] = None
                    break
        return list(found)


@dataclass(frozen=True, slots=True)
class Checker:
    """One checker: its name, the suffixes of its files, its program, and what to run, each in its folder.

    `accepts` are the exit codes with which it has said all there is to say.
    """

    name: str
    suffixes: tuple[str, ...]
    program: Callable[[Work], str | None]
    commands: Callable[[Work, str], Iterator[tuple[str, Sequence[str]]]]
    accepts: frozenset[int]
    blemish: re.Pattern[str] | None = None
    """Findings of what is not wrong, but left over."""

    def concerns(self, paths: Iterable[str]) -> bool:
        """Whether any of the files is one of its own."""
        return any(path.endswith(self.suffixes) for path in paths)


@dataclass(frozen=True, slots=True)
class Said:
    """What a checker said in all its runs; `trouble` is why it could not say all, `late` that it took too long."""

    findings: Counter[Finding]
    trouble: str = ""
    late: bool = False


def say(checker: Checker, work: Work, program: str) -> Said:
    """Run a checker over what it is asked about."""
    findings: Counter[Finding] = Counter()
    trouble, late = "", False
    for folder, command in checker.commands(work, program):
        ran = run(command, work.tree / folder, seconds=SECONDS, environ=_environ(work))
        found = list(_findings(work, folder, ran))
        findings.update(found)
        late = late or ran.code is None
        lacks = _LACKS.search(ran.output)
        if ran.code not in checker.accepts or (ran.code and not found) or lacks:
            trouble = trouble or (lacks[0].strip() if lacks else ran.tail(1) or f"exit {ran.code}")
    return Said(findings, trouble, late)


def _findings(work: Work, folder: str, ran: Ran) -> Iterator[Finding]:
    found: Finding | None = None
    for line in ran.output.splitlines():
        place = _PLACE.match(line)
        if place is not None:
            if found is not None:
                yield found
            found = (_path(work, folder, place["path"]), place["message"].replace("[*] ", "").strip())
        elif found is not None and _DETAIL.match(line):
            found = (found[0], f"{found[1]} {line.strip()}")
    if found is not None:
        yield found


def _path(work: Work, folder: str, named: str) -> str:
    path = Path(os.path.normpath(work.tree / folder / named))
    return path.relative_to(work.tree).as_posix() if path.is_relative_to(work.tree) else named


def _environ(work: Work) -> dict[str, str]:
    return {
        **environ(),
        "NO_COLOR": "1",
        "LC_ALL": "C.UTF-8",
        "GOPROXY": "off",
        "GOTOOLCHAIN": "local",
        "TMPDIR": str(work.scratch),
    }


def _on_path(name: str, *folders: Path) -> str | None:
    return shutil.which(name, path=os.pathsep.join([*map(str, folders), os.environ.get("PATH", os.defpath)]))


# ---------------------------------------------------------------- Python
def _ruff(work: Work) -> str | None:
    own = [work.root / folder / "bin" for folder in (".venv", "venv")]
    return _on_path("ruff", *own, Path(sys.executable).parent)


def _ruff_commands(work: Work, program: str) -> Iterator[tuple[str, Sequence[str]]]:
    rules = ["--isolated", "--no-cache", "--select", "F401,F821,F822,F823,F841", "--output-format", "concise"]
    for paths in _some(work.of(".py", ".pyi")):
        yield ".", [program, "check", "--quiet", *rules, "--", *paths]


# ---------------------------------------------------------------- TypeScript
_TYPESCRIPT = (".ts", ".tsx", ".mts", ".cts")
_JAVASCRIPT = (*_TYPESCRIPT, ".js", ".jsx", ".mjs", ".cjs")


def _tsc(work: Work) -> str | None:
    folders = work.folders_with("tsconfig.json", work.of(*_JAVASCRIPT))
    own = [work.root / place / "node_modules" / ".bin" for each in folders for place in _upwards(each)]
    return _on_path("tsc", *own)


def _tsc_commands(work: Work, program: str) -> Iterator[tuple[str, Sequence[str]]]:
    options = ["--noEmit", "--pretty", "false", "--incremental", "false", "--composite", "false"]
    for folder in work.folders_with("tsconfig.json", work.of(*_JAVASCRIPT)):
        yield folder, [program, *options, "-p", "tsconfig.json"]


def lend_modules(work: Work) -> list[Path]:
    """Links to the repository's `node_modules` in the worktree, so that types of packages are known; what was made."""
    made = []
    folders = work.folders_with("tsconfig.json", work.of(*_JAVASCRIPT))
    for place in dict.fromkeys(place for folder in folders for place in _upwards(folder)):
        own, link = work.root / place / "node_modules", work.tree / place / "node_modules"
        if own.is_dir() and not os.path.lexists(link):
            link.symlink_to(own.resolve(), target_is_directory=True)
            made.append(link)
    return made


def _upwards(folder: str) -> list[str]:
    path = PurePosixPath(folder)
    return [each.as_posix() for each in (path, *path.parents)]


# ---------------------------------------------------------------- Go
def _go_commands(work: Work, program: str) -> Iterator[tuple[str, Sequence[str]]]:
    for folder in work.folders_with("go.mod", work.of(".go")):
        yield folder, [program, "vet", "./..."]


# ---------------------------------------------------------------- Java
def _javac_commands(work: Work, program: str) -> Iterator[tuple[str, Sequence[str]]]:
    """Every file below the roots of the changed ones, so that callers are seen, too."""
    roots = list(dict.fromkeys(filter(None, (_source_root(work.tree, path) for path in work.of(".java")))))
    files = [str(file) for root in roots for file in sorted(root.rglob("*.java")) if file.is_file()]
    if not files:
        return
    listed = work.scratch / "javac.files"
    listed.write_text("\n".join('"' + file.replace("\\", "\\\\") + '"' for file in files[:MOST_FILES]))
    made = work.scratch / "classes"
    made.mkdir(exist_ok=True)
    options = ["-proc:none", "-implicit:none", "-nowarn", "-Xlint:none", "-XDshould-stop.ifError=FLOW"]
    bounds = ["-Xmaxerrs", "100000", "-encoding", "UTF-8", "-d", str(made)]
    yield ".", [program, *options, *bounds, f"@{listed}"]


def _source_root(tree: Path, path: str) -> Path | None:
    """The folder that a file's package begins in."""
    declared = _PACKAGE.search((tree / path).read_bytes())
    folder = PurePosixPath(path).parent
    for part in reversed(declared[1].decode().split(".") if declared else ()):
        if folder.name != part:
            return tree / PurePosixPath(path).parent
        folder = folder.parent
    return tree / folder


def _some(paths: list[str]) -> Iterator[list[str]]:
    """As many as one command line holds."""
    for at in range(0, len(paths), 1_000):
        yield paths[at : at + 1_000]


CHECKERS = (
    Checker("ruff", (".py", ".pyi"), _ruff, _ruff_commands, frozenset({0, 1}), re.compile(r": F(401|841) ")),
    Checker("tsc", _TYPESCRIPT, _tsc, _tsc_commands, frozenset({0, 1, 2})),
    Checker("go vet", (".go",), lambda _: _on_path("go"), _go_commands, frozenset({0, 1, 2})),
    Checker("javac", (".java",), lambda _: _on_path("javac"), _javac_commands, frozenset({0, 1})),
    Checker("kotlinc", (".kt", ".kts"), lambda _: None, lambda _work, _program: iter(()), frozenset({0})),
)
