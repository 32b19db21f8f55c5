"""A clean-up of one flag, planned and not verified, beside the second that it may take.

Run: python -m bench.cleanup [--lines N] [--folder DIR]. Three times 450,000 lines of made-up TypeScript: the flag is
asked for in 20 files; the same, and what each of them chose falls dead in another one; and 500 times in one file. The
first plan is left out, since it loads what the others use. Seconds are of the processor: others do not alter them.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from bench.tree import typescript_files

LINES, LIMIT, ROUNDS = 450_000, 1.0, 3
FLAG = "new-clean-checkout"
FILES, USES = 20, 500

USING = """\
import { client } from '../../client';

export function amountROW(items: number[]) {
  if (client.getBooleanValue('KEY', false)) {
    return items.length;
  } else {
    return items.length - 1;
  }
}
"""
CHOOSING = """\
import { client } from '../../client';
import { newPriceROW } from './newPriceROW';
import { oldPriceROW } from './oldPriceROW';

export function priceROW(items: number[]) {
  return client.getBooleanValue('KEY', false) ? newPriceROW(items) : oldPriceROW(items);
}
"""
CHOSEN = """\
import { roundedROW } from '../../lib/roundedROW';

export function NAMEPriceROW(items: number[]) {
  return roundedROW(items.length, 'NAME');
}
"""
SHARED = """\
export function roundedROW(amount: number, label: string) {
  return `${label} ${Math.round(amount)}`;
}
"""


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--lines", type=int, default=LINES)
    parser.add_argument("--folder", type=Path)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        figures(given.folder or Path(temporary), given.lines)


def figures(folder: Path, lines: int = LINES) -> None:
    """Each beside its limit."""
    if not folder.exists() or not any(folder.iterdir()):
        typescript_files(folder, lines)
    tree = {path.relative_to(folder).as_posix(): path.read_bytes() for path in sorted(folder.rglob("*.tsx"))}
    folders = [path.rpartition("/")[0] for path in list(tree)[::200][:FILES]]
    forms = {
        "in 20 files": dict(asked(folders)),
        "across files": dict(choosing(folders)),
        "500 in one file": {"web/amounts.ts": "".join(asked_row(row) for row in range(USES))},
    }
    for name, files in forms.items():
        beside(name, tree | {path: text.replace("KEY", FLAG).encode() for path, text in files.items()})


def asked_row(row: int) -> str:
    return USING.replace("ROW", str(row)) if not row else USING.partition("\n\n")[2].replace("ROW", str(row))


def asked(folders: list[str]) -> Iterator[tuple[str, str]]:
    for row, folder in enumerate(folders):
        yield f"{folder}/amount{row}.ts", USING.replace("ROW", str(row))


def choosing(folders: list[str]) -> Iterator[tuple[str, str]]:
    """What falls dead: a file for each that chose, and of what both chosen files share nothing."""
    for row, folder in enumerate(folders):
        yield f"{folder}/price{row}.ts", CHOOSING.replace("ROW", str(row))
        for name in ("new", "old"):
            yield f"{folder}/{name}Price{row}.ts", CHOSEN.replace("NAME", name).replace("ROW", str(row))
        yield f"lib/rounded{row}.ts", SHARED.replace("ROW", str(row))


def beside(name: str, files: dict[str, bytes]) -> None:
    """One clean-up, and its limit."""
    from flagtrail.codebase.cleanup import Winner
    from flagtrail.codebase.plan import plan
    from flagtrail.codebase.repository import Files

    changes = plan(Files(files), FLAG, Winner("on", value=True)).changes
    seconds = []
    for _ in range(ROUNDS):
        start = time.process_time()
        plan(Files(files), FLAG, Winner("on", value=True))
        seconds.append(time.process_time() - start)
    took, gone = statistics.median(seconds), sum(change.after is None for change in changes)
    figure = f"{took:.3f} s  ({len(changes)} files changed, {gone} of them gone"
    print(f"clean-up {name:16} {figure}; limit {LIMIT:g} s, ratio {took / LIMIT:.2f})")


if __name__ == "__main__":
    main()
