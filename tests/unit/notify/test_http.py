"""Retry-After, and the deadline that cuts a connection off."""

from __future__ import annotations

import socket
from datetime import UTC, datetime

import pytest

from flagtrail.notify import _http as http

NOW = datetime(2026, 11, 22, 7, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        (None, None),
        ("0", 0.0),
        (" 120 ", 120.0),
        ("9" * 400, 3600.0),
        ("Sun, 22 Nov 2026 07:01:00 GMT", 60.0),
        ("Sun, 22 Nov 2026 07:01:00 -0000", 60.0),
        ("Sun, 22 Nov 2026 06:00:00 GMT", 0.0),
        ("Sun, 22 Nov 2099 06:00:00 GMT", 3600.0),
        ("-5", None),
        ("1.5", None),
        ("٣", None),
        ("", None),
    ],
)
def test_retry_after__header__is_seconds_from_now(header: str | None, seconds: float | None) -> None:
    assert http.retry_after(header, NOW) == seconds


def test_deadline__passed__ends_a_read_that_waits() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        deadline = http._Deadline(60)
        deadline.trace("connection.connect_tcp.complete", {"return_value": _Stream(ours)})
        deadline._cut()
        assert (ours.recv(1), deadline.passed) == (b"", True)


@pytest.mark.parametrize("event", ["connection.connect_tcp.started", "http11.send_request_body.complete"])
def test_deadline__other_events__are_of_no_concern(event: str) -> None:
    deadline = http._Deadline(60)
    deadline.trace(event, {})
    deadline._cut()
    assert deadline.passed


def test_deadline__passed_before_there_was_a_connection__ends_it_at_once() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        deadline = http._Deadline(60)
        deadline._cut()
        deadline.trace("connection.connect_tcp.complete", {"return_value": _Stream(ours)})
        assert ours.recv(1) == b""


def test_deadline__passed_after_the_connection_was_closed__is_no_error() -> None:
    ours, theirs = socket.socketpair()
    deadline = http._Deadline(60)
    deadline.trace("connection.connect_tcp.complete", {"return_value": _Stream(ours)})
    ours.close()
    theirs.close()
    deadline._cut()
    assert deadline.passed


class _Stream:
    """What the client's trace hands over: something that knows its socket."""

    def __init__(self, ours: socket.socket) -> None:
        self._ours = ours

    def get_extra_info(self, name: str) -> socket.socket | None:
        return self._ours if name == "socket" else None
