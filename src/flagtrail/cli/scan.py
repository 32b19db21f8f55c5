"""Where source code names flags: scan."""

from __future__ import annotations

import importlib
import os
import re
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click
import msgspec

from flagtrail.cli.options import may_ask
from flagtrail.cli.refusals import EXIT_DONE, EXIT_REFUSED
from flagtrail.model.errors import FlagtrailError
from flagtrail.model.reference import MAX_KEYS, MAX_REFERENCES, CodeReference, Removal, Scan

if TYPE_CHECKING:
    from flagtrail.cli.scan_report import ScanReport
    from flagtrail.cli.session import Session
    from flagtrail.codebase.files import Worktree
    from flagtrail.codebase.origin import Origin

MAX_FLAGS_BYTES = 16 << 20
_KEY = re.compile(r"[A-Za-z0-9._-]{1,256}")


class ScanNotUploadable(FlagtrailError):
    """A scan of a part would stand for the whole, or nobody knows of which branch it is."""

    code = "scan_not_uploadable"
    title = "The scan cannot be uploaded"
    remedy = "Scan a whole git worktree for all flags, and name its branch with --branch."


class _Flags(msgspec.Struct, frozen=True):
    """The flags to look for; which of them are archived."""

    keys: tuple[str, ...]
    archived: frozenset[str] = frozenset()


@click.command
@click.argument("path", type=click.Path(path_type=Path), default=".")
@click.option(
    "--flags", "file", metavar="FILE", help="Keys from this file (lines, JSON or flagd), not from the server."
)
@click.option("--flag", "only", metavar="KEY", multiple=True, help="Look for this flag alone; may be repeated.")
@click.option(
    "form", "--format", type=click.Choice(["text", "json", "csv", "sarif"]), default="text", help="What is printed."
)
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path), help="Write it to this file.")
@click.option("--upload", is_flag=True, help="Send it to the server, which tells per flag where code names it.")
@click.option("--branch", metavar="NAME", help="The branch, where git does not know it.")
@click.option("--repository", metavar="NAME", help="The repository's name; without it, from its remote 'origin'.")
@click.option(
    "--default/--no-default", default=None, help="Whether it is the default branch: conclusions rest on that."
)
@click.option(
    "--history",
    type=click.FloatRange(0, 3_600),
    default=5.0,
    show_default=True,
    help="Seconds to look for the commits that removed last references.",
)
@click.option(
    "--fail-on",
    type=click.Choice(["unknown", "archived", "unreferenced"]),
    multiple=True,
    help="Exit with 1 where there are such.",
)
@may_ask
def scan(  # noqa: PLR0913 - the options of the command
    path: Path,
    *,
    open_session: Callable[[], Session],
    as_json: bool,
    file: str | None,
    only: tuple[str, ...],
    form: str,
    out: Path | None,
    upload: bool,
    branch: str | None,
    repository: str | None,
    default: bool | None,
    history: float,
    fail_on: tuple[str, ...],
) -> int:
    """Find where source code names flags, and what it asks for that is none.

    PATH is a git worktree or a folder in one: tracked files are read, but for
    those that .flagtrailignore names. A folder without git is read whole.

    Example:
      flagtrail scan .
      flagtrail scan . --upload --fail-on unknown
      flagtrail scan . --flags keys.txt --format sarif --out flags.sarif
    """
    from flagtrail.codebase.files import Worktree

    tree = Worktree.of(path)
    came_from = _origin(tree, branch, repository, default=default, needed=upload)
    if upload:
        _refuse_part(tree, came_from, only, named=repository is not None)
    flags = _only(_from_file(file) if file is not None else _from_server(open_session), only)
    found, complete = _found(tree, flags, came_from, history)
    _write(found, "json" if as_json else form, out)
    if upload and came_from is not None:
        _upload(open_session, found, came_from, flags, complete=complete)
    failing = {"unknown": found.unknown, "archived": found.archived, "unreferenced": found.unreferenced}
    return EXIT_REFUSED if any(failing[name] for name in fail_on) else EXIT_DONE


# ---------------------------------------------------------------- what is looked for
def _from_server(open_session: Callable[[], Session]) -> _Flags:
    """Every flag of the project, archived ones too."""
    with open_session() as session:
        page = session.pages(session.of_project("flags"), archived="any").read(_Page)
    return _Flags(
        tuple(each.flag.key for each in page.items),
        frozenset(each.flag.key for each in page.items if each.flag.archived),
    )


class _Key(msgspec.Struct, frozen=True):
    key: str
    archived: bool = False


class _Item(msgspec.Struct, frozen=True):
    flag: _Key


class _Page(msgspec.Struct, frozen=True):
    items: list[_Item]


def _from_file(name: str) -> _Flags:
    """Keys of a file: one a line, a JSON list, or an object with `flags` as flagd has it."""
    try:
        with click.open_file(name, "rb") as file:
            content = file.read(MAX_FLAGS_BYTES + 1)
    except OSError as error:
        raise click.UsageError(f"{name}: {error.strerror or error}.") from error
    if len(content) > MAX_FLAGS_BYTES:
        raise click.UsageError(f"{name}: larger than {MAX_FLAGS_BYTES >> 20} MiB.")
    keys = tuple(_keys(name, content))
    for key in keys:
        if not _KEY.fullmatch(key):
            raise click.UsageError(f"{name}: {key[:50]!r} is no key of a flag (letters, digits, '.', '_', '-').")
    return _Flags(tuple(dict.fromkeys(keys)))


def _keys(name: str, content: bytes) -> Iterator[str]:
    try:
        if content.lstrip()[:1] not in (b"[", b"{"):
            yield from filter(None, (line.strip() for line in content.decode("utf-8-sig").splitlines()))
            return
        read = msgspec.json.decode(content)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise click.UsageError(f"{name}: cannot be read: {error}.") from error
    listed = read.get("flags") if isinstance(read, dict) else read
    if not isinstance(listed, list | dict) or not all(isinstance(key, str) for key in listed):
        raise click.UsageError(f"{name}: is no list of keys, and has no 'flags'.")
    yield from listed


def _only(flags: _Flags, only: tuple[str, ...]) -> _Flags:
    for key in only:
        if key not in flags.keys:
            raise click.UsageError(f"there is no flag {key!r} among the {len(flags.keys):,} known ones.")
    return _Flags(only, flags.archived) if only else flags


# ---------------------------------------------------------------- finding
def _found(tree: Worktree, flags: _Flags, came_from: Origin | None, history: float) -> tuple[ScanReport, bool]:
    from flagtrail.cli.scan_report import report
    from flagtrail.codebase import scan as scanning
    from flagtrail.codebase.removals import Removals, removals

    with _progress("files", still=True) as tick:
        result = scanning.scan(tree, flags.keys, tree.config, tick)
    gone = Removals({}, complete=True)
    if history and came_from is not None and result.unreferenced:
        with _progress("history"):
            gone = removals(tree.root, result.unreferenced, folder=tree.folder, seconds=history)
    skipped = Counter[str](tree.skipped)
    skipped.update(result.skipped)
    told = {why: count for why, count in sorted(skipped.items()) if count}
    return report(result, flags.archived, came_from, told, gone.found, complete=gone.complete), gone.complete


@contextmanager
def _progress(label: str, *, still: bool = False) -> Iterator[Callable[[int], None] | None]:
    """A bar where somebody looks: elsewhere what draws it is not even loaded, which takes a tenth of a short scan."""
    if not sys.stderr.isatty():
        yield None
        return
    from flagtrail.cli.output import progress

    with progress(label, still=still) as tick:
        yield tick


def _origin(
    tree: Worktree, branch: str | None, repository: str | None, *, default: bool | None, needed: bool
) -> Origin | None:
    from flagtrail.codebase.origin import Origin, begun

    if not tree.tracked:
        return None
    asked = begun(tree.root, os.environ)
    importlib.import_module("flagtrail.codebase.scan")  # while git answers
    try:
        told = asked()
    except FlagtrailError as error:
        if needed:
            raise ScanNotUploadable(error.detail) from error
        return None
    return Origin(
        repository or told.repository,
        branch or told.branch,
        told.commit,
        told.default if default is None else default,
        told.url,
    )


# ---------------------------------------------------------------- uploading
def _refuse_part(tree: Worktree, came_from: Origin | None, only: tuple[str, ...], *, named: bool) -> None:
    if came_from is None:
        raise ScanNotUploadable(f"{tree.root} is no git worktree with a commit")
    if not came_from.branch:
        raise ScanNotUploadable("git knows of no branch here")
    if only:
        raise ScanNotUploadable("--flag looks for a part of the flags")
    if tree.folder and not named:
        raise ScanNotUploadable(f"{tree.folder} is a part of the repository: name that part with --repository")


def _upload(
    open_session: Callable[[], Session], found: ScanReport, came_from: Origin, flags: _Flags, *, complete: bool
) -> None:
    """Send it. Of more references than the server takes, those that say the least are left out."""
    from flagtrail.codebase.files import IGNORE_FILE

    if len(flags.keys) > MAX_KEYS:
        raise ScanNotUploadable(f"{len(flags.keys):,} keys are more than {MAX_KEYS:,}")
    if unread := found.skipped.get("unreadable", 0):
        raise ScanNotUploadable(
            f"{unread:,} tracked files could not be read (a sparse checkout, or files that are gone), and flags that"
            f" they name would count as not named; {IGNORE_FILE} names what is not to be looked at"
        )
    references = _by_weight(found)
    sent = references[:MAX_REFERENCES]
    body = Scan(
        repository=came_from.repository,
        branch=came_from.branch,
        commit=came_from.commit,
        at=datetime.now(UTC).isoformat(),
        keys=flags.keys,
        references=tuple(sent),
        default=came_from.branch in ("main", "master") if came_from.default is None else came_from.default,
        url=came_from.url,
        files=found.files,
        skipped=found.skipped.get("too_large", 0),
        removals={
            flag.flag: Removal(flag.removed.commit, flag.removed.at, flag.removed.subject[:500])
            for flag in found.flags
            if flag.removed is not None
        },
    )
    with open_session() as session:
        session.send("PUT", session.of_project("references"), body)
    click.echo(f"uploaded: {came_from.repository}, {came_from.branch}, {len(sent):,} references", err=True)
    if not body.default:
        click.echo("note: it is no default branch, so nothing is concluded from it: see --default", err=True)
    if len(sent) < len(references):
        click.echo(
            f"note: {len(references) - len(sent):,} references more than the server takes were left out", err=True
        )
    if not complete:
        click.echo("note: not all of history was read for removed references: see --history", err=True)


def _by_weight(found: ScanReport) -> list[CodeReference]:
    """All references, what says most first: of each flag the one place by which it is judged, then others by kind."""
    first, others = list[CodeReference](), list[CodeReference]()
    for flag in found.flags:
        ordered = sorted(flag.references, key=_weight)
        first += ordered[:1]
        others += ordered[1:]
    others += [each for key in found.unknown for each in key.references]
    return [*first, *sorted(others, key=_weight)]


def _weight(each: CodeReference) -> int:
    return ("evaluation", "unknown", "test_stub", "definition", "configuration", "comment").index(each.kind)


# ---------------------------------------------------------------- telling
def _write(found: ScanReport, form: str, out: Path | None) -> None:
    from flagtrail.cli import scan_report

    if form == "text" and out is None:
        from flagtrail.cli.scan_text import tell

        tell(found)
        return
    if form == "text":
        raise click.UsageError("--out needs --format json, csv or sarif.")
    writers: dict[str, Callable[[ScanReport], bytes]] = {
        "json": scan_report.as_json,
        "csv": scan_report.as_csv,
        "sarif": scan_report.as_sarif,
    }
    data = writers[form](found)
    if out is None:
        sys.stdout.buffer.write(data)
        sys.stdout.flush()
    else:
        out.write_bytes(data)
        click.echo(f"written: {out}", err=True)


COMMANDS = {"scan": scan}
