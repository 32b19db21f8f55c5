"""The files of a worktree on this machine, as the scan and the clean-up read them.

In a git worktree these are the tracked files, as they stand on the disk; in a folder without git all files but those
in `SKIPPED_FOLDERS`. Nothing outside of the tree is ever read: symbolic links are not followed, whether they are files
or folders on the way to one, and submodules are repositories of their own.
"""

from __future__ import annotations

import errno
import os
import re
import stat
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Literal, Self

from flagtrail.codebase.batch import Batch, filled
from flagtrail.codebase.git import begun, top
from flagtrail.codebase.patterns import FILE, Config, config
from flagtrail.model.errors import SourceUnreadable

IGNORE_FILE = ".flagtrailignore"
MAX_BYTES = 1 << 20
"""Of one file: beyond it stand bundles and data, which nobody wrote by hand."""
MAX_KEPT_BYTES = 256 << 20
"""Of all files together that are kept in memory, so that they are read once; others are read again."""
SKIPPED_FOLDERS = frozenset({".git", ".hg", ".svn", ".venv", "__pycache__", "node_modules"})
"""In a folder without git."""

_BINARY = 8_000  # as git judges: a NUL among the first bytes
_FLAGS = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
_REGULAR = ("100644", "100755")


Why = Literal["ignored", "binary", "too_large", "link", "submodule", "unreadable"]
"""Why a file was not looked at."""


class Worktree:
    """The text files below `root`, by their path from it; only those below `folder` where that is given.

    A `Repository`. What is skipped is counted in `skipped` while `paths()` is read through.
    """

    def __init__(self, root: Path, *, folder: str = "", ignore: Callable[[str], bool] | None = None) -> None:
        self.root = root
        self.folder = folder
        self.tracked = (root / ".git").exists()
        self.config = Config()
        self.skipped: Counter[Why] = Counter()
        self._ignore = ignore
        self._prefix = f"{root}{os.sep}"
        self._inside: dict[str, bool] = {"": True}
        self._kept: dict[str, bytes] = {}
        self._room = MAX_KEPT_BYTES

    @classmethod
    def of(cls, path: Path) -> Self:
        """The worktree that a folder is in; only what is below the folder is in it. Reads `.flagtrail.toml` and
        `.flagtrailignore` at its root. Raises SourceUnreadable where there is no folder, or they cannot be read.
        """
        folder = path.resolve()
        if not folder.is_dir():
            raise SourceUnreadable(f"{path} is no folder", source=str(path))
        root = top(folder) or folder
        found = cls(root, folder="" if folder == root else folder.relative_to(root).as_posix())
        found.config = config(found._text(FILE))
        found._ignore = _ignoring([*found.config.ignore, *found._text(IGNORE_FILE).splitlines()])
        return found

    def paths(self) -> Iterator[str]:
        """Every file, sorted. A path that is no UTF-8 holds surrogates, as Python's own functions take it."""
        for path in self.listing()():
            found = self.look(path)
            if isinstance(found, bytes):
                yield path
            else:
                self.skipped[found] += 1

    def listing(self) -> Callable[[], list[str]]:
        """Begin to list the files, while something else is done: then every one, sorted, whether it is a text or not.

        Begins to count anew what is skipped.
        """
        self.skipped = Counter()
        if not self.tracked:
            return lambda: self._kept_of(self._walked())
        below = ("--", f"{self.folder}/") if self.folder else ()
        told = begun(self.root, "ls-files", "--stage", "-z", "--full-name", *below)
        return lambda: self._kept_of(self._tracked(told()))

    def read(self, path: str) -> bytes:
        """A file's bytes; raises SourceUnreadable where there is none, or none that `paths()` would name."""
        found = self.look(path)
        if not isinstance(found, bytes):
            raise SourceUnreadable(f"{shown(path)} is no text file of this tree: {found}", path=shown(path))
        return found

    def look(self, path: str) -> bytes | Why:
        """A file's bytes, or why it is none of ours."""
        return self._kept.get(path) or self._load(path)

    def batches(self, paths: Iterable[str], skip: Callable[[str], None]) -> Iterator[Batch]:
        """The bytes of these files, which are not kept; of each that is none of ours, `skip` is told why."""
        return filled(paths, MAX_BYTES, self._fill, skip)

    # ---------------------------------------------------------------- which files
    def _kept_of(self, paths: Iterable[str]) -> list[str]:
        found = sorted(paths)
        if self._ignore is None:
            return found
        kept = [path for path in found if not self._ignore(path)]
        self.skipped["ignored"] += len(found) - len(kept)
        return kept

    def _tracked(self, listed: bytes) -> list[str]:
        entries = os.fsdecode(listed).split("\0")[:-1]
        kinds = Counter(entry[:6] for entry in entries)
        self.skipped["link"] += kinds["120000"]
        self.skipped["submodule"] += sum(kinds.values()) - sum(kinds[kind] for kind in ("120000", *_REGULAR))
        paths = (entry.partition("\t")[2] for entry in entries if entry.startswith(_REGULAR))
        return list(dict.fromkeys(paths))  # one in conflict stands there up to three times

    def _walked(self) -> list[str]:
        found: list[str] = []
        for parent, folders, files in os.walk(self._prefix + self.folder):
            folders[:] = [name for name in folders if name not in SKIPPED_FOLDERS]
            below = parent.removeprefix(self._prefix.rstrip(os.sep)).strip(os.sep).replace(os.sep, "/")
            found += [f"{below}/{name}" if below else name for name in files]
        return found

    # ---------------------------------------------------------------- reading
    def _load(self, path: str) -> bytes | Why:
        """A file's bytes, or why it is none of ours."""
        descriptor = self._opened(path)
        if isinstance(descriptor, str):
            return descriptor
        try:
            facts = os.fstat(descriptor)
            if not stat.S_ISREG(facts.st_mode):
                return "unreadable"
            if facts.st_size > MAX_BYTES:
                return "too_large"
            data = os.read(descriptor, facts.st_size)
        except OSError:
            return "unreadable"
        finally:
            os.close(descriptor)
        if b"\0" in data[:_BINARY]:
            return "binary"
        if self._room >= len(data):
            self._room -= len(data)
            self._kept[path] = data
        return data

    def _fill(self, path: str, room: memoryview, at: int) -> int | Why:
        """The same, into memory that is there, which has room for a file that is too large."""
        descriptor = self._opened(path)
        if isinstance(descriptor, str):
            return descriptor
        try:
            size = _read_into(descriptor, room[at : at + MAX_BYTES + 1])
            if not size and not stat.S_ISREG(os.fstat(descriptor).st_mode):
                return "unreadable"
        except OSError:
            return "unreadable"
        finally:
            os.close(descriptor)
        if size > MAX_BYTES:
            return "too_large"
        return "binary" if b"\0" in bytes(room[at : at + min(size, _BINARY)]) else size

    def _opened(self, path: str) -> int | Why:
        """A file to read; or why it is none of ours."""
        above = path.rpartition("/")[0]
        if not (self._inside[above] if above in self._inside else self._is_inside(above)):
            return "link" if os.path.lexists(self._prefix + above) else "unreadable"
        try:
            return os.open(self._prefix + path, _FLAGS)
        except OSError as error:
            return "link" if error.errno == errno.ELOOP else "unreadable"

    def _is_inside(self, folder: str) -> bool:
        """Whether a folder is reached without a symbolic link; each is looked at once."""
        if folder not in self._inside:
            above = folder.rpartition("/")[0]
            try:
                here = ".." not in folder.split("/") and stat.S_ISDIR(os.lstat(self._prefix + folder).st_mode)
            except OSError:
                here = False
            self._inside[folder] = here and self._is_inside(above)
        return self._inside[folder]

    def _text(self, name: str) -> str:
        """A file of settings at the root; empty where there is none."""
        if not os.path.lexists(self._prefix + name):
            return ""
        try:
            return self.read(name).decode()
        except UnicodeDecodeError as error:
            raise SourceUnreadable(f"{name} is not UTF-8", path=name) from error


def _read_into(descriptor: int, room: memoryview) -> int:
    """Read so much of a file; how much there was."""
    if hasattr(os, "readv"):
        return os.readv(descriptor, [room])
    data = os.read(descriptor, len(room))
    room[: len(data)] = data
    return len(data)


def shown(path: str) -> str:
    r"""A path as text that every output takes: bytes that are no UTF-8 as `\xe9`.

    >>> shown("caf\udce9.py")
    'caf\\xe9.py'
    """
    return os.fsencode(path).decode("utf-8", "backslashreplace")


def _ignoring(lines: list[str]) -> Callable[[str], bool] | None:
    """Whether a path is ignored, by lines in the form of `.gitignore`; None where there are none."""
    if not any(line.strip() and not line.startswith("#") for line in lines):
        return None
    import re2
    from pathspec import GitIgnoreSpec

    try:
        spec = GitIgnoreSpec.from_lines(lines)
    except (ValueError, re.error, re2.error) as error:
        raise SourceUnreadable(f"{IGNORE_FILE}: {error}", path=IGNORE_FILE) from error
    return lambda path: spec.match_file(shown(path))
