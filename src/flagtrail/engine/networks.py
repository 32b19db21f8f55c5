"""Addresses and networks, as CIDR writes them (RFC 4632, RFC 4291)."""

from __future__ import annotations

import ipaddress
from bisect import bisect_right
from collections.abc import Iterable
from functools import lru_cache
from typing import TypeAlias

Address: TypeAlias = ipaddress.IPv4Address | ipaddress.IPv6Address
Network: TypeAlias = ipaddress.IPv4Network | ipaddress.IPv6Network


@lru_cache(maxsize=4096)
def address(text: str) -> Address | None:
    """The address, or None where the text is none. An IPv4 address mapped into IPv6 is the IPv4 address."""
    try:
        found = ipaddress.ip_address(text)
    except ValueError:
        return None
    mapped = found.ipv4_mapped if isinstance(found, ipaddress.IPv6Address) else None
    return found if mapped is None else mapped


def network(text: str) -> Network | None:
    """The network, or None where the text is none or has bits set beyond its prefix; a bare address is itself."""
    try:
        return ipaddress.ip_network(text)
    except ValueError:
        return None


class Networks:
    """Many networks of both versions, asked by binary search."""

    __slots__ = ("_ends", "_starts")

    def __init__(self, networks: Iterable[Network]) -> None:
        ranges: dict[int, list[tuple[int, int]]] = {4: [], 6: []}
        for found in networks:
            ranges[found.version].append((int(found.network_address), int(found.broadcast_address)))
        self._starts: dict[int, list[int]] = {}
        self._ends: dict[int, list[int]] = {}
        for version, found_ranges in ranges.items():
            merged: list[tuple[int, int]] = []
            for start, end in sorted(found_ranges):
                # CIDR blocks nest or are disjoint: one that starts inside the last is inside it.
                if not merged or start > merged[-1][1]:
                    merged.append((start, end))
            self._starts[version] = [start for start, _ in merged]
            self._ends[version] = [end for _, end in merged]

    def __contains__(self, text: str) -> bool:
        """Whether the text is an address inside one of the networks."""
        found = address(text)
        if found is None:
            return False
        number = int(found)
        index = bisect_right(self._starts[found.version], number) - 1
        return index >= 0 and number <= self._ends[found.version][index]
