"""Reading an export: a directory, or an uncompressed tar of one. The ledger's only place that touches a disk.

Standard library only.
"""

from __future__ import annotations

import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, cast

_MAX_SMALL_BYTES = 1 << 24


class Unreadable(Exception):
    """There is nothing here that could be verified; says why."""


class Irregular(Exception):
    """The bundle holds what no export holds: links, a file twice."""


@dataclass(frozen=True, slots=True)
class Bundle:
    """The files of an export with their sizes in bytes. A folder beside them ends in `/`, as no listed name does."""

    sizes: dict[str, int]
    _path: Path
    _tar: tarfile.TarFile | None = None
    _members: dict[str, tarfile.TarInfo] = field(default_factory=dict)

    def open(self, name: str) -> IO[bytes]:
        """The bytes of one file."""
        if self._tar is None:
            return (self._path / name).open("rb")
        return cast("IO[bytes]", self._tar.extractfile(self._members[name]))

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
            members = _members(tar)
            yield Bundle({name: member.size for name, member in members.items()}, path, tar, members)
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
        if child.is_dir() and not child.is_symlink():
            sizes[f"{child.name}/"] = 0
        elif child.is_symlink() or not child.is_file():
            raise Irregular(f"{child.name} is not a plain file")
        else:
            sizes[child.name] = child.stat().st_size
    return sizes


def _members(tar: tarfile.TarFile) -> dict[str, tarfile.TarInfo]:
    """The tar's files by name: of the folder that holds them all, where they were packed with one."""
    members: dict[str, tarfile.TarInfo] = {}
    for member in tar:
        if member.isdir():
            continue
        name = member.name.removeprefix("./")
        if not member.isreg() or name in members:
            raise Irregular(f"{name} is not a plain file, or stands twice")
        members[name] = member
    tops = {name.partition("/")[0] for name in members if "/" in name}
    if len(tops) != 1 or "" in tops or any("/" not in name for name in members):
        return members
    return {name.partition("/")[2]: member for name, member in members.items()}
