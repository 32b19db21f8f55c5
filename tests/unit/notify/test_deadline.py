"""The deadline that cuts a connection off."""

from __future__ import annotations

import socket

from flagtrail.notify._deadline import Deadline


def test_deadline__passed__ends_a_read_that_waits() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        deadline = Deadline(60)
        deadline.watch(ours)
        deadline._cut()
        assert (ours.recv(1), deadline.passed) == (b"", True)


def test_deadline__passed_without_a_connection__is_no_error() -> None:
    deadline = Deadline(60)
    deadline._cut()
    assert deadline.passed


def test_deadline__passed_before_there_was_a_connection__ends_it_at_once() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        deadline = Deadline(60)
        deadline._cut()
        deadline.watch(ours)
        assert ours.recv(1) == b""


def test_deadline__passed_after_the_connection_was_closed__is_no_error() -> None:
    ours, theirs = socket.socketpair()
    deadline = Deadline(60)
    deadline.watch(ours)
    ours.close()
    theirs.close()
    deadline._cut()
    assert deadline.passed
