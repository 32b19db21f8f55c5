"""The files of a repository, as the scan and the clean-up see them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol


class Repository(Protocol):
    """Text files by their path from the root, with `/` between. What is ignored, binary or too large is not in it."""

    def paths(self) -> Iterator[str]:
        """Every file, sorted."""

    def read(self, path: str) -> bytes:
        """A file's bytes; raises SourceUnreadable where there is none."""


class Files(dict[str, bytes]):
    """Files in memory."""

    def paths(self) -> Iterator[str]:
        """Every file, sorted."""
        return iter(sorted(self))

    def read(self, path: str) -> bytes:
        """A file's bytes."""
        return self[path]
