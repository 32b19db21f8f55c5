"""What a branch does to the places that name flags: review."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import msgspec

from flagtrail.analysis.stages import Board, Standing
from flagtrail.cli.options import may_ask, repository_option
from flagtrail.cli.output import print_json
from flagtrail.cli.refusals import EXIT_DONE, EXIT_REFUSED
from flagtrail.cli.views import FlagPage
from flagtrail.model.errors import CleanupRefused, SourceUnreadable
from flagtrail.model.reference import CodeReference

if TYPE_CHECKING:
    from flagtrail.cli.session import Session
    from flagtrail.codebase.checkout import Repository
    from flagtrail.codebase.compare import Comparison, Difference

MARK = "<!-- flagtrail -->"
"""The first line of a comment, by which the next run finds it again."""
MOST_PLACES = 10
"""Places told of one flag."""
MOST_CHARACTERS = 60_000
"""Of a comment: GitHub refuses one of more than 65,536."""
LEAVING = {"stale": "is stale", "ready_to_remove": "is to be removed", "code_removed": "was removed from the code"}
"""Stages at which a new reference is worth a word."""


@click.command
@click.argument("base")
@repository_option
@click.option("--markdown", is_flag=True, help="Print a comment for a pull request; nothing where nothing changed.")
@click.option("--fail-on-unknown", is_flag=True, help="Exit with 1 where it asks for a key that is no flag.")
@may_ask
def review(
    base: str,
    *,
    open_session: Callable[[], Session],
    as_json: bool,
    repo: Path,
    markdown: bool,
    fail_on_unknown: bool,
) -> int:
    """What a branch adds to the places that name flags, and takes away.

    Compares the files as they are with the commit at which the branch left BASE.

    Example:
      flagtrail review origin/main
      flagtrail review origin/main --markdown > comment.md
    """
    with open_session() as session:
        board = {each.flag: each for each in session.get(session.of_project("stale", "stages")).read(Board).flags}
        flags = [each.flag for each in session.pages(session.of_project("flags"), archived="any").read(FlagPage).items]
    found = _compared(repo, base, tuple(flag.key for flag in flags))
    archived = {flag.key for flag in flags if flag.archived}
    if as_json:
        print_json(msgspec.json.encode(_as_json(found)))
    elif markdown:
        if not found.empty:
            click.echo("\n".join((MARK, "### Feature flags", "", *_bounded(_markdown(found, board, archived)))))
    else:
        lines = list(_text(found, board, archived))
        click.echo("\n".join(lines) if lines else f"No place that names a flag came or went since {base}.")
    return EXIT_REFUSED if fail_on_unknown and found.unknown else EXIT_DONE


def _compared(repo: Path, base: str, keys: tuple[str, ...]) -> Comparison:
    from flagtrail.codebase.checkout import checkout, repository
    from flagtrail.codebase.compare import compare
    from flagtrail.codebase.files import Worktree
    from flagtrail.codebase.scan import scan

    try:
        found = repository(repo)
        now = Worktree.of(found.root)
        with checkout(replace(found, commit=_beginning(found, base))) as place:
            before = Worktree.of(place.tree)
            return compare(scan(before, keys, before.config), scan(now, keys, now.config))
    except CleanupRefused as error:
        raise SourceUnreadable(error.detail) from error


def _beginning(found: Repository, base: str) -> str:
    try:
        return found.git("merge-base", "--end-of-options", base, "HEAD").decode().strip()
    except SourceUnreadable as error:
        told = f"{base!r} is no commit that this branch has a beginning in common with (of a shallow clone, fetch more)"
        raise SourceUnreadable(told) from error


# ---------------------------------------------------------------- words
def _text(found: Comparison, board: Mapping[str, Standing], archived: set[str]) -> Iterator[str]:
    for each in found.flags:
        yield f"{each.flag}: {each.before} -> {_places(each.after)}"
        yield from (f"  + {_place(place)}" for place in each.added)
        yield from (f"  - {_place(place)}" for place in each.removed)
        yield from (f"  note: {note}" for note in _notes(each, board.get(each.flag), archived))
    for other in found.unknown:
        near = f"; did you mean {other.near}?" if other.near else ""
        yield f"{other.flag} is no flag, and is asked for{near}"
        yield from (f"  + {_place(place)}" for place in other.references)


def _markdown(found: Comparison, board: Mapping[str, Standing], archived: set[str]) -> Iterator[str]:
    for each in found.flags:
        yield f"**{_code(each.flag)}** {_count(each)}"
        yield from _listed("added", each.added)
        yield from _listed("removed", each.removed)
        yield from (f"- :warning: {note}" for note in _notes(each, board.get(each.flag), archived))
        yield ""
    for other in found.unknown:
        near = f" Did you mean {_code(other.near)}?" if other.near else ""
        yield f"**{_code(other.flag)}** is no flag: code that asks for it gets its own default, always.{near}"
        yield from _listed("added", other.references)
        yield ""


def _bounded(lines: Iterator[str]) -> Iterator[str]:
    """As many lines as a comment takes."""
    left = MOST_CHARACTERS
    for line in lines:
        left -= len(line) + 1
        if left < 0:
            yield from ("", "That is not all: `flagtrail review` tells the rest.")
            return
        yield line


def _count(each: Difference) -> str:
    if not each.before:
        return f"comes into the code ({_places(each.after)})"
    if not each.after:
        return "leaves the code: this removes its last reference"
    return f"{_places(each.before)} before, {each.after} after"


def _places(count: int) -> str:
    return f"{count} place{'' if count == 1 else 's'}"


def _listed(what: str, places: tuple[CodeReference, ...]) -> Iterator[str]:
    for place in places[:MOST_PLACES]:
        yield f"- {what}: {place.kind.replace('_', ' ')} in {_code(f'{place.path}:{place.line}')}"
    if len(places) > MOST_PLACES:
        yield f"- and {len(places) - MOST_PLACES} more {what}"


def _notes(each: Difference, standing: Standing | None, archived: set[str]) -> Iterator[str]:
    if each.flag in archived and each.added:
        yield "it is archived: what asks for it gets its own default"
    elif standing is not None and standing.stage in LEAVING and each.added:
        yield f"it {LEAVING[standing.stage]}, and this adds a reference to it"
    if not each.after and each.flag not in archived:
        yield f"once this is merged: flagtrail flags archive {each.flag} --commit HASH"


def _place(place: CodeReference) -> str:
    return _plain(f"{place.path}:{place.line}: {place.kind.replace('_', ' ')}: {place.snippet.strip()}")


def _code(text: str) -> str:
    """A text as code in Markdown, which nothing in it can end."""
    return f"`{_plain(text).replace('`', chr(39))}`"


def _plain(text: str) -> str:
    return "".join(letter if letter.isprintable() else " " for letter in text)


def _as_json(found: Comparison) -> dict[str, Any]:
    return {
        "changed": not found.empty,
        "flags": [{**asdict(each)} for each in found.flags],
        "unknown": [{"flag": each.flag, "near": each.near, "references": each.references} for each in found.unknown],
    }


COMMANDS = {"review": review}
