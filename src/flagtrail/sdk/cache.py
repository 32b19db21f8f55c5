"""The last good ruleset in a file, for a start while the server is away. Many processes may share the file."""

from __future__ import annotations

import glob
import hashlib
import hmac
import logging
import os
import stat
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import msgspec

from flagtrail.model.sync import RulesetData

FORMAT = 1
LONGEST_HEAD = 1024
LEFT_OVER_SECONDS = 3600.0
"""A half-written file that is so much older than a new one belongs to a process that is gone."""

log = logging.getLogger("flagtrail.sdk")


class Head(msgspec.Struct, frozen=True):
    """The first line of the file.

    `place` is the hash of the server's URL and the token: another environment's ruleset is never served. `seal`
    authenticates the rest of the file under the token: neither half a file nor one that somebody else made passes.
    """

    format: int
    place: str
    seal: str


class CacheFile:
    """The file of one client. `path` None: there is none. Nothing here raises; what fails is logged, once."""

    def __init__(
        self,
        path: str | None,
        *,
        url: str,
        token: str,
        most: int,
        every: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._path = None if path is None else Path(path)
        self._place = hashlib.sha256(f"{url.rstrip('/')}\0{token}".encode()).hexdigest()
        self._key = token.encode()
        self._most = most
        self._every = every
        self._clock = clock
        self._due: float | None = None
        self._not_before = clock()
        self._told = False
        self._swept = False

    def load(self) -> RulesetData | None:
        """What was kept; None where there is nothing that may be served."""
        if self._path is None:
            return None
        try:
            return self._opened(_read(self._path, self._most + LONGEST_HEAD))
        except FileNotFoundError:
            return None
        except OSError as error:
            log.warning("the cache file %s cannot be read: %s", self._path, error)
        except (ValueError, msgspec.MsgspecError, RecursionError) as error:
            log.warning("the cache file %s is ignored: %s", self._path, error)
        return None

    def moved(self) -> None:
        """There is something new to keep."""
        if self._due is None:
            self._due = self._not_before

    def write_if_due(self, document: Callable[[], RulesetData | None]) -> None:
        """Write, unless there is nothing new or it was done a moment ago."""
        if self._due is not None and self._clock() >= self._due:
            self.flush(document)

    def flush(self, document: Callable[[], RulesetData | None]) -> None:
        """Write now what was not written yet."""
        if self._path is None or self._due is None:
            return
        self._due = None
        self._not_before = self._clock() + self._every
        data = document()
        if data is None:
            return
        try:
            self._write(self._path, self._sealed(msgspec.json.encode(data)))
        except (OSError, ValueError) as error:  # ValueError: a path that can be none
            if not self._told:
                log.warning("the cache file %s cannot be written: %s", self._path, error)
            self._told = True
        else:
            self._told = False

    def _sealed(self, body: bytes) -> bytes:
        return msgspec.json.encode(Head(FORMAT, self._place, self._seal(body))) + b"\n" + body

    def _seal(self, body: bytes) -> str:
        return hmac.new(self._key, body, hashlib.sha256).hexdigest()

    def _opened(self, content: bytes) -> RulesetData:
        first, _, body = content.partition(b"\n")
        head = msgspec.json.decode(first, type=Head)
        if head.format != FORMAT:
            raise ValueError(f"it is of format {head.format}, and this version reads {FORMAT}")
        if head.place != self._place:
            raise ValueError("it is of another server or token")
        if not hmac.compare_digest(head.seal.encode(), self._seal(body).encode()):
            raise ValueError("it is damaged")
        return msgspec.json.decode(body, type=RulesetData)

    def _write(self, path: Path, content: bytes) -> None:
        handle, name = tempfile.mkstemp(prefix=f".{path.name}.", suffix=".part", dir=path.parent)
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
                now = os.fstat(file.fileno()).st_mtime
            Path(name).replace(path)
        except BaseException:
            with suppress(OSError):
                Path(name).unlink()
            raise
        if not self._swept:
            self._swept = True
            _sweep(path, now)


def _read(path: Path, most: int) -> bytes:
    """The content of a plain file. Raises ValueError for anything else, and for a file that is too long."""
    with open(path, "rb", opener=_without_waiting) as file:
        if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            raise ValueError("it is no plain file")
        content = file.read(most + 1)
    if len(content) > most:
        raise ValueError("it is larger than max_ruleset_bytes")
    return content


def _without_waiting(path: str, flags: int) -> int:
    """Open; a pipe in the file's place must not hold us."""
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0))


def _sweep(path: Path, now: float) -> None:
    """Remove what processes left that were killed while they wrote. `now` is the file system's own time."""
    for part in path.parent.glob(f".{glob.escape(path.name)}.*.part"):
        with suppress(OSError):
            if now - part.stat().st_mtime > LEFT_OVER_SECONDS:
                part.unlink()
