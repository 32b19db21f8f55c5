"""The corpus of clean-up cases: read, and run before and after by one runner for each language."""

from __future__ import annotations

import importlib
import json
import pkgutil
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Protocol, cast

from flagtrail.codebase.repository import Files

FOLDER = Path(__file__).parents[2] / "corpus"
_SECTION = re.compile(r"^-- (before|after)/(\S+?)(?: \((deleted|crlf|no newline)\))? --\n", re.MULTILINE)
_CONDITION = re.compile(rb"""cond\(["'](\w+)["']\)""")
_FLAG = re.compile(rb"""["']([a-z][a-z0-9]*(?:-[a-z0-9]+)+)["']""")
_FORMS = {"crlf": lambda text: text.replace("\n", "\r\n"), "no newline": lambda text: text.removesuffix("\n")}
MOST_CONDITIONS = 6


@dataclass(frozen=True)
class Case:
    """One case. `after` is the whole repository as it should become."""

    name: str
    language: str
    flag: str
    variant: str
    value: object
    refused: tuple[str, ...]
    before: Files
    after: Files

    @property
    def conditions(self) -> tuple[str, ...]:
        """The names of all that is tried both ways: `cond("..")`, and every other text in the form of a flag's key."""
        text = b"\n".join(data for path, data in self.before.items() if not path.endswith(".toml"))
        names = {*_CONDITION.findall(text), *_FLAG.findall(text)} - {self.flag.encode()}
        found = tuple(sorted(name.decode() for name in names))
        assert len(found) <= MOST_CONDITIONS, f"{self.name}: too many conditions: {found}"
        return found

    def assignments(self) -> list[dict[str, bool]]:
        """Every outcome of every condition."""
        return [
            dict(zip(self.conditions, outcomes, strict=True))
            for outcomes in product((False, True), repeat=len(self.conditions))
        ]


@dataclass(frozen=True)
class Job:
    """One tree to run: for each assignment once, with the flag serving `value` (its variant `variant`)."""

    name: str
    files: Mapping[str, bytes]
    flag: str
    variant: str
    value: object
    assignments: Sequence[Mapping[str, bool]]


@dataclass(frozen=True)
class Ran:
    """What came of it: for each assignment the result (or the exception) and the trace, as JSON texts; or why not."""

    outcomes: tuple[str, ...] = ()
    failure: str = ""


class Runner(Protocol):
    """What a module `tests/support/corpus/<language>` holds."""

    MISSING: str
    """What this machine lacks to run it, else empty."""

    def run(self, jobs: Sequence[Job], folder: Path) -> dict[str, Ran]:
        """Run every job, by its name. All are compiled together where compiling is slow."""


def cases(language: str) -> list[Case]:
    """The cases of a language, by name."""
    return [read(path) for path in sorted((FOLDER / language).glob("*.txtar"))]


def read(path: Path) -> Case:
    """One file of the corpus."""
    text = path.read_text("utf-8")
    pieces = _SECTION.split(text)
    header = dict(line.split(": ", 1) for line in pieces[0].splitlines() if line)
    unknown = header.keys() - {"flag", "value", "variant", "expect", "config", "why"}
    assert not unknown, f"{path.name}: unknown headers {unknown}"
    before, after = Files(), Files()
    deleted = set()
    for side, name, form, body in zip(pieces[1::4], pieces[2::4], pieces[3::4], pieces[4::4], strict=True):
        if form == "deleted":
            deleted.add(name)
        else:
            (before if side == "before" else after)[name] = _FORMS.get(form, str)(body).encode()
    if "config" in header:
        before[".flagtrail.toml"] = header["config"].encode()
    assert before, f"{path.name}: no files"
    assert header.get("why"), f"{path.name}: why?"
    expect = header.get("expect", "clean")
    assert expect == "clean" or expect.startswith("refused: "), f"{path.name}: expect {expect!r}?"
    value = json.loads(header.get("value", "true"))
    return Case(
        name=path.stem,
        language=path.parent.name,
        flag=header.get("flag", "new-ui"),
        variant=header.get(
            "variant", {True: "on", False: "off"}.get(value, "winner") if isinstance(value, bool) else "winner"
        ),
        value=value,
        refused=tuple(sorted(expect.removeprefix("refused: ").split(", "))) if expect != "clean" else (),
        before=before,
        after=Files({name: data for name, data in {**before, **after}.items() if name not in deleted}),
    )


def runner(language: str) -> Runner:
    """The runner of a language's corpus."""
    return cast("Runner", importlib.import_module(f"tests.support.corpus.{language}"))


def languages() -> list[str]:
    """Every language that has cases."""
    return sorted(folder.name for folder in FOLDER.iterdir() if folder.is_dir())


def runners() -> list[str]:
    """Every language that has a runner."""
    return sorted(info.name for info in pkgutil.iter_modules(__path__) if not info.name.startswith("_"))
