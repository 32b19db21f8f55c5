from __future__ import annotations

import gzip
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flagtrail.sdk.inflate import PIECE, Inflater
from flagtrail.sdk.sse import HEARTBEAT, LONGEST_NAME, EventParser, StreamEvent

MOST = 1 << 20
CASES = {
    "an event": (b"event: delta\nid: 3-a\ndata: {}\n\n", [StreamEvent("delta", b"{}", "3-a")]),
    "no kind": (b"data: x\n\n", [StreamEvent("message", b"x")]),
    "several lines of data": (b"data: x\ndata\ndata:y\n\n", [StreamEvent("message", b"x\n\ny")]),
    "only one space is taken away": (b"data:  x\n\n", [StreamEvent("message", b" x")]),
    "a colon within": (b"data: a:b\n\n", [StreamEvent("message", b"a:b")]),
    "the id stays for later events": (
        b"id: 1\ndata: x\n\ndata: y\n\n",
        [StreamEvent("message", b"x", "1"), StreamEvent("message", b"y", "1")],
    ),
    "the kind does not stay": (b"event: a\n\ndata: y\n\n", [StreamEvent("message", b"y")]),
    "an id with a null is no id": (b"id: 1\0\ndata: x\n\n", [StreamEvent("message", b"x")]),
    "comments": (b":\n: here\n\n", [HEARTBEAT, HEARTBEAT]),
    "a comment within an event": (b"data: x\n:\ndata: y\n\n", [HEARTBEAT, StreamEvent("message", b"x\ny")]),
    "unknown fields and retry": (b"retry: 10\nwhatever\ndata: x\n\n", [StreamEvent("message", b"x")]),
    "carriage returns": (b"event: a\rdata: x\r\rdata: y\r\r", [StreamEvent("a", b"x"), StreamEvent("message", b"y")]),
    "both line ends": (b"event: a\r\ndata: x\r\n\r\n", [StreamEvent("a", b"x")]),
    "a byte order mark": (b"\xef\xbb\xbfdata: x\n\n", [StreamEvent("message", b"x")]),
    "an event that is cut off": (b"data: x\n\ndata: y\n", [StreamEvent("message", b"x")]),
    "bytes that are no UTF-8": (b"event: \xff\ndata: \xff\n\n", [StreamEvent("�", b"\xff")]),
    "nothing": (b"", []),
}


def parsed(stream: bytes, size: int) -> list[StreamEvent]:
    parser = EventParser(MOST)
    return [
        event for start in range(0, max(len(stream), 1), size) for event in parser.feed(stream[start : start + size])
    ]


@pytest.mark.parametrize("size", [1, 2, 3, 1000])
@pytest.mark.parametrize(("stream", "events"), CASES.values(), ids=CASES)
def test_parser__for_pieces_of_any_size__reads_what_the_format_says(
    stream: bytes, events: list[StreamEvent], size: int
) -> None:
    assert parsed(stream, size) == events


def test_parser__for_a_comment__gives_the_one_heartbeat() -> None:
    assert EventParser(MOST).feed(b": here\n")[0] is HEARTBEAT


@given(st.lists(st.tuples(st.text("abc", max_size=3), st.text(max_size=20)), max_size=5), st.integers(1, 20))
def test_parser__for_what_a_server_writes__gives_it_back(events: list[tuple[str, str]], size: int) -> None:
    lines = [(kind, text.replace("\r", "").replace("\n", "").encode(errors="replace")) for kind, text in events]
    stream = b"".join(b"event:%s\ndata: %s\n\n" % (kind.encode(), data) for kind, data in lines)

    assert parsed(stream, size) == [StreamEvent(kind or "message", data) for kind, data in lines]


@given(st.binary(max_size=200), st.integers(1, 20))
def test_parser__for_any_bytes__reads_the_same_however_they_are_cut(stream: bytes, size: int) -> None:
    assert parsed(stream, size) == parsed(stream, 1000)


ENDLESS = {
    "a line": b"data: " + b"x" * 1000,
    "a comment": b":" + b"x" * 1000,
    "lines of data": b"data: xxxxxxxxx\n" * 100,
    "empty lines of data": b"data\n" * 100,
    "a kind": b"event: " + b"x" * 1000,
}


@pytest.mark.parametrize("piece", ENDLESS.values(), ids=ENDLESS)
def test_parser__for_an_event_without_end__refuses_it(piece: bytes) -> None:
    parser = EventParser(1000)

    with pytest.raises(ValueError, match="an event of more than 1000 bytes"):
        _ = [parser.feed(piece) for _ in range(10)]


def test_parser__for_an_event_of_the_largest_size__gives_it() -> None:
    assert EventParser(5000).feed(b"data: " + b"x" * 5000 + b"\n\n") == [StreamEvent("message", b"x" * 5000)]


def test_parser__for_a_long_kind__keeps_its_beginning() -> None:
    assert EventParser(MOST).feed(b"event: " + b"x" * 5000 + b"\ndata:\n\n")[0].kind == "x" * LONGEST_NAME


def inflated(stream: bytes, size: int) -> bytes:
    inflater = Inflater()
    return b"".join(
        piece for start in range(0, len(stream), size) for piece in inflater.feed(stream[start : start + size])
    )


@given(st.lists(st.binary(max_size=50), max_size=5), st.integers(1, 60))
def test_inflater__for_members_in_a_row__joins_them(parts: list[bytes], size: int) -> None:
    assert inflated(b"".join(gzip.compress(part) for part in parts), size) == b"".join(parts)


@pytest.mark.parametrize("size", [PIECE - 1, PIECE, PIECE + 1, 3 * PIECE])
def test_inflater__for_a_member_of_about_a_piece__gives_all_of_it_at_once(size: int) -> None:
    inflater = Inflater()

    assert [sum(map(len, inflater.feed(gzip.compress(b"x" * size)))), inflater.whole] == [size, True]


@pytest.mark.parametrize("size", [PIECE - 1, PIECE, PIECE + 1, 3 * PIECE])
def test_inflater__for_a_flushed_part_of_a_member__gives_all_of_it_at_once(size: int) -> None:
    packer = zlib.compressobj(wbits=16 + zlib.MAX_WBITS)
    part = packer.compress(b"x" * size) + packer.flush(zlib.Z_SYNC_FLUSH)
    inflater = Inflater()

    assert [sum(map(len, inflater.feed(part))), inflater.whole] == [size, False]


def test_inflater__for_a_bomb__gives_pieces_of_bounded_size() -> None:
    assert max(map(len, Inflater().feed(gzip.compress(bytes(10 << 20))))) == PIECE


def test_inflater__for_half_a_member__is_not_whole() -> None:
    inflater = Inflater()
    list(inflater.feed(gzip.compress(b"x")[:-1]))

    assert not inflater.whole


@pytest.mark.parametrize(
    "stream",
    [
        pytest.param(b"x" * 30, id="no gzip at all"),
        pytest.param(gzip.compress(b"x") + b"rest of 10", id="something after a member"),
        pytest.param(gzip.compress(b"x")[:-4] + b"1234", id="another length"),
    ],
)
def test_inflater__for_what_is_no_gzip__refuses_it(stream: bytes) -> None:
    with pytest.raises(ValueError, match="no gzip"):
        inflated(stream, 7)
