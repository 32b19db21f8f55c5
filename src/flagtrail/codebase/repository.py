"""The files of a repository, as the scan and the clean-up see them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Protocol

from flagtrail.codebase.batch import Batch


class Repository(Protocol):
    """Text files by their path from the root, with `/` between. What is ignored, binary or too large is not in it."""

    def paths(self) -> Iterator[str]:
        """Every file, sorted."""

    def listing(self) -> Callable[[], list[str]]:
        """Begin to list them, while something else is done: then the same and those that turn out to be no text,
        sorted, without a look at any.
        """

    def batches(self, paths: Iterable[str], skip: Callable[[str], None]) -> Iterator[Batch]:
        """The bytes of these files; of each that is not looked at, `skip` is told in a word why."""

    def read(self, path: str) -> bytes:
        """A file's bytes; raises SourceUnreadable where there is none."""


class Files(dict[str, bytes]):
    """Files in memory."""

    def paths(self) -> Iterator[str]:
        """Every file, sorted."""
        return iter(sorted(self))

    def listing(self) -> Callable[[], list[str]]:
        """The same."""
        return lambda: sorted(self)

    def batches(self, paths: Iterable[str], skip: Callable[[str], None]) -> Iterator[Batch]:  # noqa: ARG002 - all are there
        """The bytes of these files, at once."""
        yield Batch.of({path: self[path] for path in paths})

    def read(self, path: str) -> bytes:
        """A file's bytes."""
        return self[path]
