"""Reading an export: a directory, or an uncompressed tar of one. The ledger's only place that touches a disk.

Standard library only.
"""

from __future__ import annotations

import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, cast

_MAX_SMALL_BYTES = 1 << 24


class Unreadable(Exception):
    """There is nothing here that could be verified; says why."""


class Irregular(Exception):
    """The bundle holds what no export holds: folders, links, a file twice."""


@dataclass(frozen=True, slots=True)
class Bundle:
    """The files of an export with their sizes in bytes."""

    sizes: dict[str, int]
    _path: Path
    _tar: tarfile.TarFile | None = None

    def open(self, name: str) -> IO[bytes]:
        """The bytes of one file."""
        if self._tar is None:
            return (self._path / name).open("rb")
        return cast("IO[bytes]", self._tar.extractfile(name))

    def read(self, name: str) -> bytes:
        """All bytes of a file that is small in any honest export; Irregular where it is not."""
        if self.sizes[name] > _MAX_SMALL_BYTES:
            raise Irregular(f"{name} has {self.sizes[name]} bytes")
        with self.open(name) as stream:
            return stream.read()


@contextmanager
def open_bundle(path: Path) -> Iterator[Bundle]:
    """The bundle at `path`. Raises Unreadable where there is none, Irregular where it holds more than plain files."""
    try:
        if path.is_dir():
            yield Bundle(_directory(path), path)
            return
        with tarfile.open(path, "r:") as tar:
            yield Bundle(_members(tar), path, tar)
    except (OSError, tarfile.TarError) as error:
        raise Unreadable(f"{path} cannot be read: {error}") from error


def read_kept(path: Path) -> bytes:
    """A file that the auditor kept. Raises Unreadable."""
    try:
        with path.open("rb") as stream:
            return stream.read(_MAX_SMALL_BYTES)
    except OSError as error:
        raise Unreadable(f"{path} cannot be read: {error}") from error


def _directory(path: Path) -> dict[str, int]:
    sizes = {}
    for child in sorted(path.iterdir()):
        if child.is_symlink() or not child.is_file():
            raise Irregular(f"{child.name} is not a plain file")
        sizes[child.name] = child.stat().st_size
    return sizes


def _members(tar: tarfile.TarFile) -> dict[str, int]:
    sizes: dict[str, int] = {}
    for member in tar:
        if not member.isreg() or "/" in member.name or member.name in sizes:
            raise Irregular(f"{member.name} is not a plain file, or stands twice")
        sizes[member.name] = member.size
    return sizes
