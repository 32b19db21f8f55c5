"""The history of one flag file: from a git repository, or from a folder of versions with `commits.jsonl`.

Each line of `commits.jsonl`, oldest version first, is an object with `file`
(a name in the folder, or null where the version deleted the file),
`committed_at` (RFC 3339), `author`, `message`, and optionally `email` and `commit`.
"""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import msgspec

from flagtrail.importers import ImportedVersion, Options, Snapshot, load_format
from flagtrail.importers._files import read_file
from flagtrail.importers._git import Commit, Repository
from flagtrail.importers._times import to_utc
from flagtrail.model.actor import Author
from flagtrail.model.errors import SourceUnreadable

KIND = "git"
SUMMARY = "the history of a flag file in a git repository, or in a folder of versions"

INDEX = "commits.jsonl"


class Version(msgspec.Struct, frozen=True, kw_only=True):
    """One version before its file is parsed; `data` reads the file and is None where the version deleted it."""

    author: Author
    written_at: str
    message: str
    reference: str
    data: Callable[[], bytes] | None
    notes: tuple[str, ...] = ()


class _Line(msgspec.Struct, frozen=True):
    """One line of `commits.jsonl`. Further keys are of no concern here."""

    file: str | None
    committed_at: str
    author: str
    message: str = ""
    email: str = ""
    commit: str = ""


def read(source: str, options: Options) -> Iterator[ImportedVersion]:
    """The versions of the file, oldest first; see the module."""
    folder = Path(source)
    try:
        is_folder = (folder / INDEX).is_file()
    except (OSError, ValueError) as error:  # ValueError: a NUL in the path
        raise SourceUnreadable(f"{source!r} cannot be opened: {error}", source=source) from error
    versions = _from_folder(folder) if is_folder else _from_repository(folder, options)
    yield from _imported(versions, options)


def _from_repository(folder: Path, options: Options) -> Iterator[Version]:
    if not folder.is_dir():
        raise SourceUnreadable(
            f"{folder} is neither a git repository nor a folder of versions with {INDEX}", source=str(folder)
        )
    if not options.path:
        raise SourceUnreadable("which file is meant? Name its path inside the repository", source=str(folder))
    repository = Repository(folder)
    commits = repository.commits(options.path, options.branch)
    notes: tuple[str, ...] = ()
    if repository.is_shallow():
        notes = ("the repository is a shallow clone: versions before this one are missing",)
    for commit in commits:
        if commit is commits[-1] and commit.path is None:
            notes = (*notes, *_moved(repository, commit, options.path))
        yield Version(
            author=Author(name=commit.name, email=commit.email),
            written_at=commit.authored_at,
            message=commit.message,
            reference=commit.hash,
            data=None if commit.path is None else _file_of(repository, commit),
            notes=notes,
        )
        notes = ()


def _moved(repository: Repository, commit: Commit, path: str) -> tuple[str, ...]:
    """A note where the newest version did not delete the file but gave it another name."""
    moved = repository.renamed_to(commit, path)
    if moved is None:
        return ()
    words = f"{path} was renamed to {moved} here, which reads as the deletion of its flags"
    return (f"{words}; import --path {shlex.quote(moved)} instead",)


def _file_of(repository: Repository, commit: Commit) -> Callable[[], bytes]:
    return lambda: repository.file(commit)


def _from_folder(folder: Path) -> Iterator[Version]:
    lines = read_file(folder / INDEX).splitlines()
    versions = [(number, line) for number, line in enumerate(lines, 1) if line.strip()]
    if not versions:
        raise SourceUnreadable(f"{folder / INDEX} lists no version", source=str(folder))
    for number, text in versions:
        try:
            line = msgspec.json.decode(text, type=_Line)
        except (msgspec.DecodeError, RecursionError) as error:
            raise SourceUnreadable(f"line {number} of {folder / INDEX}: {error}", source=str(folder)) from error
        if line.file is not None and (not line.file or Path(line.file).name != line.file):
            raise SourceUnreadable(f"line {number} of {folder / INDEX}: {line.file!r} is no file's name in the folder")
        yield Version(
            author=Author(name=line.author, email=line.email),
            written_at=line.committed_at,
            message=line.message,
            reference=line.commit or line.file or f"line {number}",
            data=None if line.file is None else _version_of(folder / line.file),
        )


def _version_of(path: Path) -> Callable[[], bytes]:
    return lambda: read_file(path)


def _imported(versions: Iterable[Version], options: Options) -> Iterator[ImportedVersion]:
    """Parse each version; mend times that run backwards; keep what a version does not say."""
    parse = load_format(options.format).parse
    before = Snapshot(flags={}, segments={})
    latest: str | None = None
    unreadable: str | None = None
    readable = False
    for version in versions:
        occurred_at, time_notes = _time(version, latest, options)
        latest = occurred_at or latest
        found, why_not = _snapshot(version, before, options, parse)
        readable = readable or why_not is None
        unreadable = unreadable or why_not
        notes = [*version.notes, *time_notes, *(note for note in found.notes if note not in before.notes)]
        if why_not is not None:
            notes.append(f"the file could not be read, so nothing changes with this version: {why_not}")
        yield ImportedVersion(
            author=version.author,
            occurred_at=occurred_at,
            message=version.message,
            reference=version.reference,
            flags=found.flags,
            segments=found.segments,
            notes=tuple(notes),
        )
        before = found
    if not readable and unreadable is not None:
        raise SourceUnreadable(f"not one version of the file can be read; {unreadable}")


def _time(version: Version, latest: str | None, options: Options) -> tuple[str | None, tuple[str, ...]]:
    """The version's time, never before the latest: rebased commits keep dates that run backwards."""
    try:
        occurred_at = to_utc(version.written_at)
    except ValueError as error:
        words = f"its date {version.written_at!r} cannot be read"
        if options.strict:
            raise SourceUnreadable(f"version {version.reference}: {words}") from error
        return latest, (f"{words}; the date of the version before it is used",)
    if latest is not None and occurred_at < latest:
        return latest, (f"its date {occurred_at} is before that of the version before it, whose date is used",)
    return occurred_at, ()


def _snapshot(
    version: Version, before: Snapshot, options: Options, parse: Callable[[bytes, Options], Snapshot]
) -> tuple[Snapshot, str | None]:
    """The flags after a version, and why the file could not be read.

    What stands in the file but cannot be read stays as it was, for it was not deleted.
    """
    if version.data is None:
        return Snapshot(flags={}, segments={}), None
    data = version.data()
    try:
        found = parse(data, options)
    except SourceUnreadable as error:
        if options.strict:
            raise SourceUnreadable(f"version {version.reference}: {error.detail}") from error
        return before, error.detail
    kept = {key: before.flags[key] for key in sorted(found.refused) if key in before.flags}
    if not kept:
        return found, None
    segments = {**before.segments, **found.segments}
    notes = (*found.notes, *(f"flag {key!r} stays as it was in the version before" for key in kept))
    return Snapshot(flags={**found.flags, **kept}, segments=segments, notes=notes, refused=found.refused), None
