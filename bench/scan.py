"""A scan of 1,000,000 lines for 1,000 keys beside ripgrep's in the same run, and a clean-up of 450,000 of TypeScript.

Run: python -m bench.scan [--lines N] [--keys N] [--named N] [--rounds N] [--folder DIR]. The tree is made once, always
the same: the Python files of the packages installed here, copied until half of the lines are there, and the rest
TypeScript of components, written from a few forms by a seeded dice; committed to a git repository of its own. Into it
go `named` of the keys, since a product has several repositories: each has a constant and an evaluation by it, another
evaluation, and a stub in a test, in files spread over the tree. Into a second tree go all of them. Both programs are
whole processes on a warm cache, by turns: `flagtrail scan` with everything it does (git's list of files, parsing,
constants followed into other files, unknown keys, history, JSON), and `rg -F -f keys`. The parts (read, look for keys,
parse) are then measured in one process. Then come the figures of `bench.cleanup`.
"""

from __future__ import annotations

import argparse
import os
import random
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from bench import cleanup
from bench.tree import AREAS, line_count, typescript_files

GOAL = 3.0
VERBS = ("new", "enable", "use", "show", "allow", "fast", "lazy", "split")


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--lines", type=int, default=1_000_000)
    parser.add_argument("--keys", type=int, default=1_000)
    parser.add_argument("--named", type=int, default=250)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--folder", type=Path)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = given.folder or Path(temporary)
        keys = keys_of(given.keys)
        trees = {"tree": given.named, "tree-all": given.keys}
        for name, named in trees.items():
            beside_ripgrep(made(folder / name, keys[:named], given.lines), folder, keys, given.rounds)
        parts(folder / "tree", keys)
        cleanup.figures(folder / "cleanup")


# ---------------------------------------------------------------- the tree
def keys_of(count: int) -> list[str]:
    dice = random.Random(6)
    found: dict[str, None] = {}
    while len(found) < count:
        words = [dice.choice(VERBS), dice.choice(AREAS), dice.choice(AREAS)]
        found[dice.choice("-_").join(words) + dice.choice(["", "", "-v2", "_2026"])] = None
    return list(found)


def made(tree: Path, keys: list[str], lines: int) -> Path:
    if not (tree / ".git").exists():
        python = python_files(tree / "python", lines // 2)
        typescript = typescript_files(tree / "web", lines - python)
        plant(tree, keys)
        for command in (["init", "-q"], ["add", "--all"], ["commit", "-q", "-m", "The tree"]):
            git = ["git", "-C", str(tree), "-c", "user.name=bench", "-c", "user.email=bench@example.com"]
            subprocess.run([*git, *command], check=True, stdout=subprocess.DEVNULL)
        print(f"made: {python:,} lines of Python, {typescript:,} of TypeScript")
    files = [path for path in tree.rglob("*") if path.is_file() and ".git" not in path.parts]
    size = sum(path.stat().st_size for path in files)
    lines_there = sum(map(line_count, files))
    print(f"tree: {len(files):,} files, {lines_there:,} lines, {size / 1e6:.1f} MB; {len(keys):,} keys in it")
    return tree


def python_files(folder: Path, lines: int) -> int:
    """The installed packages' files, with their folders, again and again where they are too few."""
    packages = Path(next(path for path in sys.path if path.endswith("site-packages")))
    sources = sorted(path for path in packages.rglob("*.py") if path.stat().st_size < 1 << 18)
    random.Random(6).shuffle(sources)
    written = turn = 0
    while written < lines:
        for source in sources:
            target = folder / f"copy{turn}" / source.relative_to(packages)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source, target)
            written += line_count(target)
            if written >= lines:
                break
        turn += 1
    return written


USED = """\
import { CONSTANT } from '../../flags';
export const NAMEOn = () => useFlag(CONSTANT);
"""
ASKED = """

def shown_NAME(client):
    return 1 if client.get_boolean_value("KEY", False) else 2
"""
STUBBED = """
test('NAME', () => {
  setFlags({ 'KEY': true });
});
"""


def plant(tree: Path, keys: list[str]) -> None:
    """Name each key four times: a constant and an evaluation by it, another evaluation, a stub in a test."""
    dice = random.Random(8)
    python = sorted((tree / "python").rglob("*.py"))
    web = sorted((tree / "web").rglob("*.tsx"))
    constants = [f'export const {constant(key)} = "{key}";' for key in keys]
    (tree / "web/flags.ts").write_text("\n".join(constants) + "\n")
    for key in keys:
        for files, form in ((web, USED), (python, ASKED), (web, STUBBED)):
            text = form.replace("CONSTANT", constant(key)).replace("NAME", constant(key).lower()).replace("KEY", key)
            with dice.choice(files).open("a") as file:
                file.write(text)


def constant(key: str) -> str:
    return key.replace("-", "_").upper() + "_FLAG"


# ---------------------------------------------------------------- measuring
def beside_ripgrep(tree: Path, folder: Path, keys: list[str], rounds: int) -> None:
    listed = folder / "keys.txt"
    listed.write_text("\n".join(keys) + "\n")
    program = str(Path(sys.executable).parent / "flagtrail")
    ours = [program, "scan", str(tree), "--flags", str(listed), "--format", "json"]
    theirs = ["rg", "-F", "-f", str(listed), "--line-number", "--no-heading", str(tree)]
    if shutil.which("rg") is None:
        print("ripgrep is not installed: nothing to stand beside")
        return
    seconds: dict[str, list[float]] = {"ours": [], "rg": []}
    for number in range(rounds + 1):
        for name, command in (("ours", ours), ("rg", theirs)):
            took = timed(lambda command=command: run(command))  # type: ignore[misc]
            if number:
                seconds[name].append(took)
    found, lines = run(ours), run(theirs).count(b"\n")
    own, other = statistics.median(seconds["ours"]), statistics.median(seconds["rg"])
    print(f"flagtrail scan  {own:.3f} s  ({found.count(b'snippet'):,} references)")
    print(f"rg -F -f keys   {other:.3f} s  ({lines:,} lines)")
    best = min(seconds["ours"]) / min(seconds["rg"])
    print(f"ratio           {own / other:.2f}, of the best {best:.2f}  (goal: at most {GOAL:g})")


def run(command: list[str]) -> bytes:
    plain = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}  # as installed
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, env=plain).stdout


def timed(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def parts(tree: Path, keys: list[str]) -> None:
    """What the time goes to, in one process and one thread."""
    from flagtrail.codebase import languages
    from flagtrail.codebase.files import Worktree
    from flagtrail.codebase.keys import Keys

    worktree, wanted = Worktree.of(tree), Keys(keys)
    paths: list[str] = []
    print(f"read            {timed(lambda: paths.extend(worktree.paths())):.3f} s")
    worth: list[str] = []
    print(f"keys            {timed(lambda: worth.extend(p for p in paths if wanted.hits(worktree.read(p)))):.3f} s")
    readable = [(path, language) for path in worth if (language := languages.of_path(path)) is not None]
    parsing = timed(lambda: [language.source(path, worktree.read(path)) for path, language in readable])
    print(f"parse           {parsing:.3f} s  ({len(readable):,} whole files; a scan parses the pieces around keys)")


if __name__ == "__main__":
    main()
