"""Real removals of flags replayed: what the clean-up makes of the tree before, beside what people made of it.

Run: python -m bench.removals BEFORE AFTER --flag K [--variant V] [--patterns FILE] [--skip GLOB] [--commit] [--left]
 or: python -m bench.removals LISTING.toml [--left], which has `[[pairs]]` of `before`, `after` (folders, from its own),
`flags = { K = "on" }`, and, where wanted, `patterns`, `skip = [GLOB, ..]` and `commit = true`.
The trees are two releases, or two neighbouring commits (`commit`). Several flags of one pair are removed one by one.

**What counts as people's.** Files of the six languages are read as the leaves of their syntax trees (comments are
such, indentation is none), and compared line by line, then token by token within lines that differ. Lines that differ
side by side are a hunk, tokens side by side a run of it. Between two commits all counts. Between two releases the runs
count that (1) are of a hunk that takes a flag's key out, or (2) take out a token that the clean-up takes out, too, or
(3) are of a hunk that takes out a name that a run of (1) to (3) takes out, too, and that nothing in the tree after
holds any more. A file that went is one hunk; one that moved is compared with where it is now. Files that match `skip`
do not count: what a reader of both trees found to have another reason.

**What is told.** Of the tokens that people took out in those runs, how many we take out (recall); of those that we
take out, how many are not in people's file either, whatever took them (precision); of the files that either changed
so, how many are the same token for token, all other runs set aside. Every token that we take out and people kept is
listed, to be judged by a reader; with `--left` so is what we left.
"""

from __future__ import annotations

import argparse
import os
import re
import tomllib
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from difflib import SequenceMatcher
from fnmatch import fnmatch
from functools import cache
from pathlib import Path

from flagtrail.codebase import languages
from flagtrail.codebase.cleanup import Refusal, Winner
from flagtrail.codebase.patterns import FILE
from flagtrail.codebase.plan import plan
from flagtrail.codebase.repository import Files
from flagtrail.codebase.source import descendants

SKIPPED = {".git", "node_modules", "vendor", "_build"}
MOST_BYTES = 1 << 20
_NAME = re.compile(r"[A-Za-z_$][\w$]{3,}")


@dataclass(frozen=True, slots=True)
class Pair:
    """A tree before and after flags were removed, and the variant that each had in the end."""

    before: Path
    after: Path
    flags: dict[str, str]
    patterns: Path | None = None
    skip: tuple[str, ...] = ()
    commit: bool = False


@dataclass(frozen=True, slots=True)
class Run:
    """Tokens [start, end) of a file, which become others; `hunk` is the same for those of lines side by side."""

    start: int
    end: int
    put: tuple[str, ...]
    hunk: int


@dataclass(slots=True)
class Tally:
    """What was counted, of a file or of many; `wrong` and `left` are places with what stands there."""

    files: int = 0
    identical: int = 0
    ours: int = 0
    kept: int = 0
    theirs: int = 0
    both: int = 0
    wrong: list[str] = field(default_factory=list)
    left: list[str] = field(default_factory=list)

    def add(self, other: Tally) -> None:
        """Counts another one in."""
        for name in self.__slots__:
            setattr(self, name, getattr(self, name) + getattr(other, name))

    def __str__(self) -> str:
        precision = f"{1 - self.kept / self.ours:.3f}" if self.ours else "-"
        recall = f"{self.both / self.theirs:.3f}" if self.theirs else "-"
        return (
            f"{self.files} files, {self.identical} identical; deleted by people {self.theirs}, by us {self.ours}: "
            f"precision {precision}, recall {recall}"
        )


class Tokens:
    """A file's tokens with their lines, and what makes another file of it."""

    def __init__(self, path: str, data: bytes) -> None:
        language = languages.of_path(path)
        root = language.source(path, data).tree.root_node if language is not None else None
        leaves = [each for each in descendants(root) if not each.child_count and each.text] if root is not None else []
        self.texts = [(each.text or b"").decode(errors="replace").strip() for each in leaves]
        self.lines = [each.start_point.row + 1 for each in leaves]

    def by_line(self) -> list[tuple[str, ...]]:
        """The tokens that begin on the same line, line by line."""
        found: dict[int, list[str]] = defaultdict(list)
        for text, line in zip(self.texts, self.lines, strict=True):
            found[line].append(text)
        return [tuple(each) for each in found.values()]

    def runs(self, after: Tokens) -> list[Run]:
        """What differs, in order; of the places where a run could be said to lie, the first one."""
        mine, theirs = self.by_line(), after.by_line()
        found: list[Run] = []
        at, put_at = _starts(mine), _starts(theirs)
        differing = (
            each for each in SequenceMatcher(None, mine, theirs, autojunk=False).get_opcodes() if each[0] != "equal"
        )
        for hunk, (_, i, j, k, m) in enumerate(differing):
            one, other = self.texts[at[i] : at[j]], after.texts[put_at[k] : put_at[m]]
            large = len(one) * len(other) > 4_000_000
            for kind, a, b, c, d in SequenceMatcher(None, one, other, autojunk=large).get_opcodes():
                if kind != "equal":
                    found.append(
                        self._slid(at[i] + a, at[i] + b, tuple(other[c:d]), hunk, found[-1].end if found else 0)
                    )
        return found

    def _slid(self, start: int, end: int, put: tuple[str, ...], hunk: int, first: int) -> Run:
        while not put and start > first and self.texts[start - 1] == self.texts[end - 1]:
            start, end = start - 1, end - 1
        return Run(start, end, put, hunk)

    def made(self, runs: Iterable[Run]) -> list[str]:
        """The tokens after these runs."""
        made, at = [], 0
        for run in runs:
            made += [*self.texts[at : run.start], *run.put]
            at = run.end
        return made + self.texts[at:]

    def places(self, path: str, indices: Iterable[int]) -> list[str]:
        """Tokens by their lines, those of neighbouring lines together."""
        found: list[tuple[int, int, str]] = []
        for index in sorted(indices):
            line, text = self.lines[index], " ".join(self.texts[index].split())
            if found and line <= found[-1][1] + 2:
                found[-1] = found[-1][0], line, f"{found[-1][2]} {text}"
            else:
                found.append((line, line, text))
        return [f"{path}:{first}-{last}: {text[:150]}" for first, last, text in found]


def _starts(lines: list[tuple[str, ...]]) -> list[int]:
    starts = [0]
    for line in lines:
        starts.append(starts[-1] + len(line))
    return starts


def _gone(runs: Iterable[Run]) -> set[int]:
    return {index for run in runs for index in range(run.start, run.end)}


@dataclass(slots=True)
class Compared:
    """A file before, and the runs that make ours and people's of it."""

    tokens: Tokens
    ours: list[Run]
    theirs: list[Run]
    counted: set[Run] = field(default_factory=set)
    """Those of people's that count."""

    def tally(self, path: str) -> Tally:
        """What is counted of this file."""
        theirs = [run for run in self.theirs if run in self.counted]
        ours, human = _gone(self.ours), _gone(theirs)
        kept = ours - _gone(self.theirs)
        same = self.tokens.made(self.ours) == self.tokens.made(theirs)
        wrong, left = self.tokens.places(path, kept), self.tokens.places(path, human - ours)
        return Tally(1, int(same), len(ours), len(kept), len(human), len(human & ours), wrong, left)


def load(root: Path) -> Files:
    """A folder's source files and nothing else."""
    files = Files()
    for folder, folders, names in os.walk(root):
        folders[:] = [each for each in folders if each not in SKIPPED]
        for name in names:
            path = Path(folder) / name
            if languages.of_path(name) is not None and path.is_file() and path.stat().st_size < MOST_BYTES:
                files[path.relative_to(root).as_posix()] = path.read_bytes()
    if not files:
        raise SystemExit(f"{root}: no source files there")
    return files


@cache
def people(before: Path, after: Path) -> tuple[Files, dict[str, list[Run]], set[str]]:
    """The files before, what people made of those that they changed, and every name in the tree after."""
    was, now = load(before), load(after)
    runs = {}
    for path, data in was.items():
        human = now.get(path) or now.get(_moved(path, data, was, now), b"")
        if human != data:
            runs[path] = Tokens(path, data).runs(Tokens(path, human))
    return was, runs, {word for data in now.values() for word in _NAME.findall(data.decode(errors="replace"))}


def measured(pair: Pair) -> tuple[dict[str, Tally], list[Refusal]]:
    """What was counted, by path, and what was refused."""
    before, theirs, words = people(pair.before, pair.after)
    ours, refused = Files(before), list[Refusal]()
    if pair.patterns is not None:
        ours[FILE] = pair.patterns.read_bytes()
    for flag, variant in pair.flags.items():
        planned = plan(ours, flag, Winner(variant, {"on": True, "off": False}.get(variant, variant)))
        ours |= {each.path: each.after or b"" for each in planned.changes}
        refused += planned.refusals
    compared = {}
    for path, data in before.items():
        if (path in theirs or ours[path] != data) and not any(fnmatch(path, each) for each in pair.skip):
            tokens = Tokens(path, data)
            mine = tokens.runs(Tokens(path, ours[path])) if ours[path] != data else []
            compared[path] = Compared(tokens, mine, theirs.get(path, []))
    _count(pair, compared, words)
    return {path: each.tally(path) for path, each in sorted(compared.items()) if each.ours or each.counted}, refused


def _moved(path: str, data: bytes, before: Files, after: Files) -> str:
    """Where a file that is gone is now, if there is one of its name that is new and much like it."""
    lines = data.splitlines()
    likely = [each for each in after.keys() - before.keys() if Path(each).name == Path(path).name and path not in after]
    alike = {each: SequenceMatcher(None, lines, after[each].splitlines()).ratio() for each in likely}
    return max((each for each in likely if alike[each] > 0.5), key=lambda each: alike[each], default="")


def _count(pair: Pair, compared: dict[str, Compared], words: set[str]) -> None:
    """Finds the runs that count, round by round (see above)."""
    keys = re.compile(rf"(?<![\w$.-])(?:{'|'.join(map(re.escape, pair.flags))})(?![\w$-])")
    names: set[str] = set()
    seen = -1
    while len(names) > seen:
        seen = len(names)
        for each in compared.values():
            texts, mine = each.tokens.texts, _gone(each.ours)
            named = {
                run.hunk for run in each.theirs if any(t in names or keys.search(t) for t in texts[run.start : run.end])
            }
            for run in each.theirs:
                if pair.commit or run.hunk in named or mine & _gone([run]):
                    each.counted.add(run)
                    gone = texts[run.start : run.end]
                    names |= {text for text in gone if _NAME.fullmatch(text) and text not in words}


def listed(path: Path) -> Iterator[Pair]:
    """The pairs of a listing."""
    for each in tomllib.loads(path.read_text())["pairs"]:
        paths = {name: path.parent / each[name] for name in ("before", "after", "patterns") if name in each}
        yield Pair(**each | paths | {"skip": tuple(each.get("skip", ()))})


def pairs(arguments: list[str] | None = None) -> tuple[list[Pair], bool]:
    """What the command line names, and whether what we left is to be told."""
    parser = argparse.ArgumentParser()
    parser.add_argument("before", type=Path, nargs="?")
    parser.add_argument("after", type=Path, nargs="?")
    parser.add_argument("--flag")
    parser.add_argument("--variant", default="on")
    parser.add_argument("--patterns", type=Path)
    parser.add_argument("--skip", action="append", default=[])
    parser.add_argument("--commit", action="store_true")
    parser.add_argument("--left", action="store_true")
    given = parser.parse_args(arguments)
    if given.before is None:
        return [], given.left
    if given.after is None:
        return list(listed(given.before)), given.left
    flags = {given.flag: given.variant}
    return [Pair(given.before, given.after, flags, given.patterns, tuple(given.skip), given.commit)], given.left


def main() -> None:
    named, left = pairs()
    if not named:
        print("needs trees on this disk: python -m bench.removals BEFORE AFTER --flag K, or a listing")
    totals: dict[str, Tally] = defaultdict(Tally)
    for pair in named:
        told(pair, totals, left=left)
    for name, tally in sorted(totals.items()):
        print(f"{name}: {tally}")


def told(pair: Pair, totals: dict[str, Tally], *, left: bool) -> None:
    tallies, refused = measured(pair)
    print(f"== {pair.before.name} > {pair.after.name}: {', '.join(map(' '.join, pair.flags.items()))}")
    for path, tally in tallies.items():
        print(f"  {'=' if tally.identical else ' '} {path}: {tally}")
        lines = [f"we took out, people kept: {each}" for each in tally.wrong]
        lines += [f"people took out, we left: {each}" for each in tally.left if left]
        print(*(f"      {each}\n" for each in lines), sep="", end="")
        language = languages.of_path(path)
        for name in ("all", language.NAME if language else ""):
            totals[name].add(tally)
    print(*(f"    refused {each.path}:{each.line} {each.why} {each.detail}\n" for each in refused), sep="", end="")


if __name__ == "__main__":
    main()
