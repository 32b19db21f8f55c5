"""Only the parts of a file that matter, for parsing: the rest is blanked, so that every place keeps its number.

A part is a top-level piece (a function, a class, an import), told by lines that begin in the first column. Where that
could be wrong, within a text of several lines or a comment, nothing is blanked; whoever parses a part and finds it
defective parses the whole file.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from flagtrail.codebase.languages import Language

LEAST_BYTES = 2_000
"""Smaller files are parsed whole."""

_FIRST = frozenset(b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_@")
_NEXT = re.compile(rb"\n[A-Za-z_@]")
_DECORATES = ord("@")
_GOES_ON = re.compile(rb"(?:else|elif|except|finally|catch|while)\b")


def windowed(data: bytes, places: Iterable[int], language: Language) -> tuple[bytes, int] | None:
    """The pieces around these bytes, and how many bytes are left out before them; None: read the whole file."""
    if len(data) < LEAST_BYTES:
        return None
    kept: list[tuple[int, int]] = []
    end = 0
    for place in sorted(places):
        if place < end:
            continue
        start, end = _piece(data, place)
        kept.append((start, end))
    if not kept or sum(last - first for first, last in kept) * 2 > len(data) or not _apart(data, kept, language):
        return None
    pieces, at = [], kept[0][0]
    for first, last in kept:
        pieces += [_blank(first - at), data[first:last]]
        at = last
    return b"".join(pieces), kept[0][0]


def _piece(data: bytes, place: int) -> tuple[int, int]:
    """The top-level piece around a byte: with its decorators, and with what goes on after a block."""
    start, end = _start(data, place), _end(data, place)
    last = start
    while start and (_GOES_ON.match(data, start) or data[_line(data, start - 1)] == _DECORATES):
        start = _start(data, start - 1)
    while end < len(data) and (_GOES_ON.match(data, end) or data[last] == _DECORATES):
        last, end = end, _end(data, end)
    return start, end


def _line(data: bytes, place: int) -> int:
    return data.rfind(b"\n", 0, place) + 1


def _start(data: bytes, place: int) -> int:
    """Where the last line begins, at or before a byte, that has something in its first column."""
    at = _line(data, place)
    while at and data[at] not in _FIRST:
        at = data.rfind(b"\n", 0, at - 1) + 1
    return at


def _end(data: bytes, place: int) -> int:
    """Where the next line begins, after a byte, that has something in its first column."""
    found = _NEXT.search(data, place)
    return len(data) if found is None else found.start() + 1


def _apart(data: bytes, kept: list[tuple[int, int]], language: Language) -> bool:
    """Whether none of the pieces begins or ends within a text or comment of several lines."""
    at = 0
    for first, last in kept:
        if not (_is_whole(data, at, first, language) and _is_whole(data, first, last, language)):
            return False
        at = last
    return True


def _is_whole(data: bytes, start: int, end: int, language: Language) -> bool:
    texts, around = _long(language)
    if any(data.count(quotes, start, end) % 2 for quotes in texts):
        return False
    return around is None or data.count(around[0], start, end) == data.count(around[1], start, end)


def _long(language: Language) -> tuple[tuple[bytes, ...], tuple[bytes, bytes] | None]:
    """Quotes of texts of several lines, and what stands around comments of several lines."""
    if language.BLOCK_NEEDS_STATEMENT:  # blocks by indentation: braces, backticks and stars mean nothing there
        return (b'"""', b"'''"), None
    return (b"`", b'"""'), (b"/*", b"*/")


def _blank(size: int) -> bytes:
    return b" " * (size - 1) + b"\n" if size else b""
