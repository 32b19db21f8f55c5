"""Reading files that people name: regular ones, up to a limit, with a refusal that says what to do."""

from __future__ import annotations

from pathlib import Path

from flagtrail.importers import MAX_SOURCE_BYTES
from flagtrail.model.errors import SourceUnreadable


def read_file(path: Path, *, limit: int = MAX_SOURCE_BYTES) -> bytes:
    """The bytes of a regular file of at most `limit` bytes; raises SourceUnreadable."""
    try:
        if not path.exists():
            raise SourceUnreadable(f"{path} does not exist", source=str(path))
        if not path.is_file():
            raise SourceUnreadable(f"{path} is not a file", source=str(path))
        with path.open("rb") as file:
            data = file.read(limit + 1)
    except (OSError, ValueError) as error:  # ValueError: a NUL in the path
        raise SourceUnreadable(f"{path!s} cannot be opened: {_words(error)}", source=str(path)) from error
    check_size(len(data), str(path), limit=limit)
    return data


def check_size(size: int, name: str, *, limit: int = MAX_SOURCE_BYTES) -> None:
    """Refuse what is larger than `limit` bytes."""
    if size > limit:
        raise SourceUnreadable(f"{name} is larger than {limit} bytes", source=name, limit=limit)


def _words(error: OSError | ValueError) -> str:
    return error.strerror or str(error) if isinstance(error, OSError) else str(error)
