"""The guard before everything that leaves: a target is looked up once, judged, and reached at the very address judged.

Without it, whoever chooses a target, or owns the name server of one, could make
this server talk to the machines around it (server-side request forgery).
"""

from __future__ import annotations

import queue
import socket
import threading
import time
from collections.abc import Callable, Sequence
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

import httpx2

Address = IPv4Address | IPv6Address
Lookup = Callable[[str, int], Sequence[str]]
Judge = Callable[[Address], str]

SECONDS = 5.0
"""For looking a name up, and for each of connecting and waiting where the request names no other."""
FURTHER = {
    "metadata": (ip_network("168.63.129.16/32"), ip_network("fd00:ec2::/32")),
    "site-local": (ip_network("fec0::/10"),),
    "shared": (ip_network("100.64.0.0/10"),),
    "tunnelled": (ip_network("2002::/16"), ip_network("2001::/32")),
}
"""What the standard library's own classes leave out, or took up in some versions only."""
NAT64 = ip_network("64:ff9b::/96")
"""RFC 6052: networks without IPv4 reach it by these addresses; the last 32 bits are the real one."""


class TargetRefused(httpx2.TransportError):
    """The target's address is not for alerts. `permanent`: it is no name, so that no later look-up can heal it."""

    def __init__(self, why: str, *, permanent: bool) -> None:
        super().__init__(f"the target's address is {why}, which only FLAGTRAIL_ALERT_PRIVATE_TARGETS=true permits")
        self.permanent = permanent


def inward(address: Address) -> str:
    """What kind of address that is not on the public internet this is; empty for one that is.

    >>> inward(ip_address("::ffff:127.0.0.1")), inward(ip_address("1.1.1.1"))
    ('loopback', '')
    """
    real = _embedded(address)
    for kind, networks in FURTHER.items():
        if any(real in network for network in networks if network.version == real.version):
            return kind
    kinds = {
        "loopback": real.is_loopback,
        "unspecified": real.is_unspecified,
        "link-local": real.is_link_local,
        "multicast": real.is_multicast,
        "private": real.is_private,
        "reserved": real.is_reserved or not real.is_global,
    }
    return next((kind for kind, is_it in kinds.items() if is_it), "")


def _embedded(address: Address) -> Address:
    """The IPv4 address that the network would really go to, where one is wrapped in this."""
    if isinstance(address, IPv4Address):
        return address
    if address.ipv4_mapped is not None:
        return address.ipv4_mapped
    return IPv4Address(int(address) & 0xFFFF_FFFF) if address in NAT64 else address


def look_up(host: str, port: int) -> list[str]:
    """Every address of a name, in the order in which to try them; raises OSError."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(each[4][0]) for each in found))


class Guarded(httpx2.BaseTransport):
    """Sends a request to an address that was judged, under the name that it was meant for (Host header, TLS).

    `judge` names what is wrong with an address. One bad address of a name condemns all of them: a name that
    leads outside and inside at once is either a mistake or an attack.
    """

    def __init__(
        self, inner: httpx2.BaseTransport | None = None, *, look_up: Lookup = look_up, judge: Judge = inward
    ) -> None:
        self._inner = inner or httpx2.HTTPTransport()
        self._look_up = look_up
        self._judge = judge

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        """Look the name up, judge, then try the addresses in turn until one lets itself be connected to."""
        seconds = request.extensions.get("timeout", {}).get("connect") or SECONDS
        until = time.monotonic() + 2 * seconds
        addresses = self._judged(request, seconds)
        for place, address in enumerate(addresses, 1):
            left = until - time.monotonic()
            try:
                return self._inner.handle_request(_addressed(request, address, max(min(seconds, left), 0.01)))
            except (httpx2.ConnectError, httpx2.ConnectTimeout):
                if place == len(addresses) or time.monotonic() >= until:
                    raise
        raise httpx2.ConnectError("the name has no address")

    def close(self) -> None:
        """Let go of connections."""
        self._inner.close()

    def _judged(self, request: httpx2.Request, seconds: float) -> list[Address]:
        host, port = request.url.host, request.url.port or (443 if request.url.scheme == "https" else 80)
        literal = _address(host)
        found = [literal] if literal else [ip_address(each) for each in self._in_time(host, port, seconds)]
        for address in found:
            if why := self._judge(address):
                raise TargetRefused(why, permanent=literal is not None)
        return found

    def _in_time(self, host: str, port: int, seconds: float) -> Sequence[str]:
        """The name's addresses. The system's resolver knows no deadline, so it is left behind at ours."""
        answers: queue.SimpleQueue[Sequence[str] | OSError] = queue.SimpleQueue()

        def ask() -> None:
            try:
                answers.put(self._look_up(host, port))
            except (OSError, UnicodeError):  # the latter: a name that IDNA cannot write
                answers.put(OSError("no such name"))

        threading.Thread(target=ask, name="alert-look-up", daemon=True).start()
        try:
            answer = answers.get(timeout=seconds)
        except queue.Empty:
            raise httpx2.ConnectTimeout("the name was not found in time") from None
        if isinstance(answer, OSError):
            raise httpx2.ConnectError("the name was not found")
        return answer


def _address(host: str) -> Address | None:
    try:
        return ip_address(host)
    except ValueError:
        return None


def _addressed(request: httpx2.Request, address: Address, seconds: float) -> httpx2.Request:
    """The request, to go to that address; the receiver and its certificate are asked for by the name."""
    extensions = {**request.extensions, "timeout": {**request.extensions.get("timeout", {}), "connect": seconds}}
    if _address(request.url.host) is None:
        extensions["sni_hostname"] = request.url.raw_host.decode("ascii")
    return httpx2.Request(
        request.method,
        request.url.copy_with(host=str(address)),
        headers=request.headers,
        stream=request.stream,
        extensions=extensions,
    )
