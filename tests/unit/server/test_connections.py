"""Whom a request is from: what a proxy on this machine says counts, what anybody else says does not."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from litestar.types import Receive, Scope, Send

from flagtrail.server.connections import behind_proxy

FORWARDED = [(b"x-forwarded-for", b"203.0.113.7"), (b"x-forwarded-proto", b"https")]


def seen(client: str, headers: list[tuple[bytes, bytes]]) -> tuple[str, str]:
    """The client's address and the scheme that the application is told."""
    told: list[Any] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        del receive, send
        told.append(scope)

    scope: Any = {"type": "http", "scheme": "http", "client": (client, 5), "headers": headers}
    unused: Any = None

    async def ask() -> None:
        await behind_proxy(app)(scope, unused, unused)

    asyncio.run(ask())
    return told[0]["client"][0], told[0]["scheme"]


@pytest.mark.parametrize(
    ("client", "headers", "expected"),
    [
        pytest.param("127.0.0.1", FORWARDED, ("203.0.113.7", "https"), id="a proxy on this machine"),
        pytest.param("::1", FORWARDED, ("203.0.113.7", "https"), id="by IPv6"),
        pytest.param("198.51.100.2", FORWARDED, ("198.51.100.2", "http"), id="anybody else"),
        pytest.param("127.0.0.1", [(b"host", b"a")], ("127.0.0.1", "http"), id="nothing forwarded"),
    ],
)
def test_behind_proxy__a_request__is_from_whom_a_proxy_on_this_machine_says(
    client: str, headers: list[tuple[bytes, bytes]], expected: tuple[str, str]
) -> None:
    assert seen(client, headers) == expected
