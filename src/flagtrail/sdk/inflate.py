"""Gzip as it arrives, in bounded pieces: what a few bytes inflate to is never held whole before it is counted."""

from __future__ import annotations

import zlib
from collections.abc import Iterator

PIECE = 64 * 1024
"""The most bytes that are inflated at a time."""
_GZIP = 16 + zlib.MAX_WBITS


class Inflater:
    """Reads gzip members in a row (RFC 1952, section 2.2) from chunks cut anywhere."""

    def __init__(self) -> None:
        self._member = zlib.decompressobj(_GZIP)
        self._inside = False

    @property
    def whole(self) -> bool:
        """Whether no member is half read; its checksum was then right."""
        return not self._inside

    def feed(self, chunk: bytes) -> Iterator[bytes]:
        """What the next chunk inflates to, at most `PIECE` bytes at a time; to be read to its end.

        Raises ValueError where the bytes are no gzip.
        """
        full = False
        while chunk or full:
            if not self._inside and chunk:
                self._member, self._inside = zlib.decompressobj(_GZIP), True
            try:
                piece = self._member.decompress(chunk, PIECE)
            except zlib.error:
                raise ValueError("what came is no gzip") from None
            # A full piece may have a rest that waits for no more input.
            full = len(piece) == PIECE
            chunk = self._member.unconsumed_tail
            if self._member.eof:
                chunk, full, self._inside = self._member.unused_data, False, False
            if piece:
                yield piece
