"""The files of a repository, as the scan and the clean-up see them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol


class Repository(Protocol):
    """Text files by their path from the root, with `/` between. What is ignored, binary or too large is not in it."""

    def paths(self) -> Iterator[str]:
        """Every file, sorted."""

    def listed(self) -> list[str]:
        """The same and those that turn out to be no text, sorted, without a look at any."""

    def look(self, path: str) -> bytes | str:
        """A file's bytes, or in a word why it is not looked at."""

    def read(self, path: str) -> bytes:
        """A file's bytes; raises SourceUnreadable where there is none."""


class Files(dict[str, bytes]):
    """Files in memory."""

    def paths(self) -> Iterator[str]:
        """Every file, sorted."""
        return iter(self.listed())

    def listed(self) -> list[str]:
        """The same."""
        return sorted(self)

    def look(self, path: str) -> bytes | str:
        """A file's bytes."""
        return self[path]

    def read(self, path: str) -> bytes:
        """A file's bytes."""
        return self[path]
