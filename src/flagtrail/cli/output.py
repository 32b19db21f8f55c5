"""How the command line prints: tables for people, JSON for machines, progress for those who wait at a terminal."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Protocol

import msgspec
from rich import box
from rich.console import Console, RenderableType
from rich.padding import Padding
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

ROOMY_WIDTH = 110
MIN_COLUMN = 8
PIPED_WIDTH = 10_000
"""Nothing is wrapped or cut where nobody looks: one line is one record, for `grep`."""


class Tick(Protocol):
    """Tells how far some long work has come."""

    def __call__(self, done: int, total: int | None = None) -> None:
        """`done` parts of `total`, where that is known."""


def console() -> Console:
    """Standard output: as wide as the terminal; in a pipe without bounds and colours."""
    return Console(
        file=sys.stdout, width=None if sys.stdout.isatty() else PIPED_WIDTH, highlight=False, emoji=False, markup=False
    )


def emit(renderable: RenderableType) -> None:
    """Print something; without the blanks that a table or a paragraph is filled up with."""
    printer = console()
    with printer.capture() as capture:
        printer.print(renderable, soft_wrap=isinstance(renderable, Text) and not sys.stdout.isatty())
    text = capture.get()
    sys.stdout.write("".join(f"{line.rstrip()}\n" for line in text.splitlines()))
    sys.stdout.flush()


def roomy() -> bool:
    """Whether there is room for columns that one can do without."""
    return console().width >= ROOMY_WIDTH


def print_json(body: bytes) -> None:
    """JSON as it came, indented."""
    sys.stdout.write(msgspec.json.format(body, indent=2).decode() + "\n")
    sys.stdout.flush()


def say(text: str, style: str | None = None) -> None:
    """One line or paragraph."""
    emit(Text(text, style=style or ""))


def table(columns: Sequence[str], rows: Iterable[Sequence[str | Text]], *, empty: str) -> None:
    """A table whose first column is never cut: the others wrap. `empty` is said where there are no rows."""
    found = [list(row) for row in rows]
    if not found:
        say(empty)
        return
    made = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False, padding=(0, 1), collapse_padding=True)
    for index, column in enumerate(columns):
        longest = max(len(column), *(len(str(row[index])) for row in found))
        least = longest if index == 0 else min(longest, MIN_COLUMN)
        made.add_column(column, min_width=least, overflow="fold")
    for row in found:
        made.add_row(*(cell if isinstance(cell, Text) else Text(cell) for cell in row))
    emit(made)


def facts(pairs: Iterable[tuple[str, str | Text]]) -> None:
    """Names and values, one per line; values that are empty are left out."""
    shown = [(name, value) for name, value in pairs if str(value)]
    made = Table.grid(padding=(0, 2))
    made.add_column(style="dim" if sys.stdout.isatty() else "", min_width=max(len(name) for name, _ in shown))
    made.add_column(overflow="fold")
    for name, value in shown:
        made.add_row(name, value if isinstance(value, Text) else Text(value))
    emit(made)


def indented(text: str, by: int = 6, style: str = "") -> None:
    """A paragraph, set in."""
    emit(Padding(Text(text, style=style), (0, 0, 0, by), expand=False))


def time(stamp: str | None) -> str:
    """A stamp to the second, so that it can be given back to --at and --since."""
    return "" if not stamp else f"{stamp[:19].replace('T', ' ')}Z"


@contextmanager
def progress(label: str, *, still: bool = False) -> Iterator[Tick]:
    """A bar on standard error while the work lasts, where that is a terminal. `still`: it has no thread of its own."""
    if not sys.stderr.isatty():
        yield _silent
        return
    columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.fields[told]}"), TimeElapsedColumn())
    with Progress(*columns, console=Console(file=sys.stderr), transient=True, auto_refresh=not still) as bars:
        task = bars.add_task(label, total=None, told="")

        def tick(done: int, total: int | None = None) -> None:
            bars.update(task, completed=done, total=total, told=f"{done:,}", refresh=still)

        yield tick


def _silent(done: int, total: int | None = None) -> None:
    """Nobody is watching."""
