"""The event stream format (WHATWG HTML, section 9.2.6), read as it arrives, in bounded memory."""

from __future__ import annotations

import re

import msgspec

_LINE_END = re.compile(rb"\r\n|\n|\r")
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
LONGEST_NAME = 1024
"""Bytes of an event's kind or id; ours have a few dozen."""
_LINE_COST = 64
"""Bytes that a line of data costs beyond itself: a million empty ones are no small event."""


class StreamEvent(msgspec.Struct, frozen=True):
    """One event. `kind` is "message" where the stream named none; `data` is UTF-8 that was not looked at."""

    kind: str
    data: bytes
    id: str = ""


HEARTBEAT = StreamEvent("", b"")
"""Stands for a comment: there is no event, and the server is alive."""


class EventParser:
    """Turns pieces of an event stream, cut anywhere, into events; none may have more than `most` bytes of data."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._line = bytearray()
        self._after_return = False
        self._first = True
        self._kind = ""
        self._id = ""
        self._data: list[bytes] = []
        self._size = 0

    def feed(self, piece: bytes) -> list[StreamEvent]:
        """The events, and a HEARTBEAT for each comment, that end in this piece.

        Raises ValueError where a line or an event grows beyond the limit.
        """
        if self._after_return and piece:
            # The line ended with the piece before; a line feed here is the other half of its end.
            piece = piece.removeprefix(b"\n")
            self._after_return = False
        events = []
        start = 0
        for end in _LINE_END.finditer(piece):
            event = self._end_line(piece[start : end.start()])
            if event is not None:
                events.append(event)
            start = end.end()
        self._extend(piece[start:])
        if start:
            self._after_return = piece.endswith(b"\r")
        return events

    def _extend(self, part: bytes) -> None:
        if len(self._line) + len(part) + self._size > self._most + LONGEST_NAME:
            raise ValueError(f"an event of more than {self._most} bytes")
        self._line += part

    def _end_line(self, part: bytes) -> StreamEvent | None:
        self._extend(part)
        line = bytes(self._line)
        self._line.clear()
        if self._first:
            self._first = False
            line = line.removeprefix(_BYTE_ORDER_MARK)
        if not line:
            return self._dispatch()
        name, _, value = line.partition(b":")
        if not name:
            return HEARTBEAT
        self._field(name, value.removeprefix(b" "))
        return None

    def _field(self, name: bytes, value: bytes) -> None:
        if name == b"data":
            self._data.append(value)
            self._size += len(value) + _LINE_COST
        elif name == b"event":
            self._kind = _text(value)
        elif name == b"id" and b"\0" not in value:
            self._id = _text(value)

    def _dispatch(self) -> StreamEvent | None:
        event = StreamEvent(self._kind or "message", b"\n".join(self._data), self._id) if self._data else None
        self._kind, self._data, self._size = "", [], 0
        return event


def _text(value: bytes) -> str:
    return value[:LONGEST_NAME].decode(errors="replace")
