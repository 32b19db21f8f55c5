"""The door to importers: foreign flags and their history, read into the model's nouns.

A new file in this folder is a new importer. It holds `KIND`, `SUMMARY` and
`read(source, options)`, and passes `tests/contract/importers`. Where one file
of its kind is a whole flag set, it also holds `parse(data, ...)`, and the git
importer can follow such a file through history. Files whose name starts with
`_` are parts of importers.

An importer reads and never writes: `app` turns consecutive versions into changes.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterator
from typing import Protocol, cast

import msgspec

from flagtrail.model.actor import Author
from flagtrail.model.errors import SourceUnreadable
from flagtrail.model.flag import Flag
from flagtrail.model.segment import Segment
from flagtrail.model.targeting import Targeting

MAX_SOURCE_BYTES = 16 << 20
"""The largest flag file that is read; anything larger is refused as unreadable."""


class Options(msgspec.Struct, frozen=True, kw_only=True):
    """What an importer is told beside the source.

    `path` is the flag file inside a git repository, `branch` what to follow
    there, `format` the kind of the file. `strict` refuses the whole source
    where something would otherwise be left out with a note. `bucketing` is the
    generation of flagd's `fractional` (`flagd_v1`, `flagd_v2`), which a flagd
    file does not name.
    """

    path: str = ""
    format: str = "flagd"
    branch: str = "HEAD"
    strict: bool = False
    bucketing: str = "flagd_v2"


class ImportedVersion(msgspec.Struct, frozen=True, kw_only=True):
    """The whole flag set as it stood after one version of the source.

    `occurred_at` is RFC 3339 in UTC with microseconds, never earlier than that
    of the version before; None where the source does not say. `reference` is
    a commit's hash, or a file's name with a digest of its bytes. `flags` maps keys to the definition and the
    targeting for the target environment. `notes` says in words what could not
    be carried over exactly, each only in the version where it first holds.
    """

    author: Author
    occurred_at: str | None
    message: str
    reference: str
    flags: dict[str, tuple[Flag, Targeting]]
    segments: dict[str, Segment]
    notes: tuple[str, ...] = ()


class Snapshot(msgspec.Struct, frozen=True, kw_only=True):
    """One file's flag set, without its history. `refused` are keys that stand in the file but cannot be imported."""

    flags: dict[str, tuple[Flag, Targeting]]
    segments: dict[str, Segment]
    notes: tuple[str, ...] = ()
    refused: frozenset[str] = frozenset()


class Importer(Protocol):
    """What a file in this folder holds."""

    KIND: str
    SUMMARY: str

    def read(self, source: str, options: Options) -> Iterator[ImportedVersion]:
        """The versions, oldest first. Raises SourceUnreadable, at the latest while iterating."""


class FileFormat(Importer, Protocol):
    """An importer whose one file is a whole flag set."""

    def parse(self, data: bytes, options: Options) -> Snapshot:
        """The flag set in `data`; raises SourceUnreadable where it is none."""


def kinds() -> dict[str, str]:
    """Every importer by kind, with its summary in one line."""
    return {importer.KIND: importer.SUMMARY for importer in _importers()}


def load(kind: str) -> Importer:
    """The importer of a kind; raises SourceUnreadable where there is none."""
    for importer in _importers():
        if kind == importer.KIND:
            return importer
    raise SourceUnreadable(f"no importer reads {kind!r}; known are {', '.join(kinds())}", kind=kind)


def load_format(name: str) -> FileFormat:
    """The importer that parses single files of a format; raises SourceUnreadable where there is none."""
    formats = {importer.KIND: cast("FileFormat", importer) for importer in _importers() if hasattr(importer, "parse")}
    if name not in formats:
        raise SourceUnreadable(f"no importer parses {name!r} files; known are {', '.join(formats)}", format=name)
    return formats[name]


def _importers() -> Iterator[Importer]:
    for info in pkgutil.iter_modules(__path__):
        if not info.name.startswith("_"):
            yield cast("Importer", importlib.import_module(f"{__name__}.{info.name}"))
