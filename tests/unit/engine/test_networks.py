from __future__ import annotations

import pytest

from flagtrail.engine.networks import Networks, network

NETWORKS = Networks(
    net
    for net in map(network, ["10.0.0.0/8", "10.1.0.0/16", "192.0.2.7", "11.0.0.0/8", "2001:db8::/32", "fe80::/10"])
    if net is not None
)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("9.255.255.255", False),
        ("10.0.0.0", True),
        ("10.1.2.3", True),
        ("10.255.255.255", True),
        ("11.0.0.0", True),
        ("12.0.0.0", False),
        ("192.0.2.7", True),
        ("192.0.2.8", False),
        ("::ffff:10.9.9.9", True),
        ("2001:db8:ffff::1", True),
        ("2001:db9::1", False),
        ("fe80::1%eth0", True),
        ("::a00:1", False),
        ("010.0.0.1", False),
        ("10.0.0", False),
        ("", False),
    ],
)
def test_networks__address__is_inside_or_not(text: str, expected: bool) -> None:
    assert (text in NETWORKS) is expected


@pytest.mark.parametrize("text", ["", "10.0.0.1/8", "10.0.0.0/33", "example.com", "2001:db8::/129"])
def test_network__not_one__is_none(text: str) -> None:
    assert network(text) is None
