"""Which Redis an address names: with users, TLS and Sentinels, and what cannot be read."""

from __future__ import annotations

from typing import Any

import pytest

from flagtrail import bus as door
from flagtrail.bus import redis as plug_in
from flagtrail.model.errors import SettingInvalid


def connected_by(url: str) -> dict[str, Any]:
    """How a client of the URL would connect."""
    pool = plug_in.connect(url).connection_pool
    return {**pool.connection_kwargs, "class": pool.connection_class.__name__}


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        pytest.param("redis://cache:6380/3", {"host": "cache", "port": 6380, "db": 3}, id="address and database"),
        pytest.param("redis://cache", {"protocol": 3, "socket_timeout": 2.0}, id="what is ours"),
        pytest.param("redis://ann:p%40ss@cache", {"username": "ann", "password": "p@ss"}, id="a user"),
        pytest.param("redis://:p%2Fss@cache", {"password": "p/ss"}, id="a password alone"),
        pytest.param(
            "rediss://cache?ssl_ca_certs=/etc/ca.pem",
            {"class": "SSLConnection", "ssl_ca_certs": "/etc/ca.pem"},
            id="TLS",
        ),
        pytest.param(
            "redis+sentinel://ann:p%40ss@one,two:5000/mine/2",
            {"username": "ann", "password": "p@ss", "db": 2, "class": "SentinelManagedConnection"},
            id="Sentinels",
        ),
        pytest.param(
            "rediss+sentinel://one/mine?ssl_ca_certs=/etc/ca.pem",
            {"ssl_ca_certs": "/etc/ca.pem", "class": "SentinelManagedSSLConnection"},
            id="Sentinels with TLS",
        ),
    ],
)
def test_connect__by_an_address__uses_all_of_it(url: str, expected: dict[str, Any]) -> None:
    used = connected_by(url)

    assert {name: used.get(name) for name in expected} == expected


def test_connect__by_sentinels__asks_each_of_them_as_it_is_told() -> None:
    pool: Any = plug_in.connect("redis+sentinel://one,two:5000/mine?sentinel_password=s").connection_pool
    asked = [sentinel.connection_pool.connection_kwargs for sentinel in pool.sentinel_manager.sentinels]

    assert [(each["host"], each["port"], each["password"]) for each in asked] == [
        ("one", 26379, "s"),
        ("two", 5000, "s"),
    ]
    assert pool.service_name == "mine"


@pytest.mark.parametrize(
    "url",
    [
        pytest.param("redis://cache:port", id="a port that is no number"),
        pytest.param("redis://cache?db=many", id="an option that cannot be read"),
        pytest.param("redis+sentinel://one,two", id="Sentinels without a service"),
        pytest.param("redis+sentinel:///mine", id="a service without Sentinels"),
        pytest.param("redis://s3cret@[::1", id="a host that cannot be read"),
        pytest.param("redis://s3cret@cache?no_such_option=1", id="an option that there is not"),
    ],
)
def test_load__of_an_address_that_cannot_be_read__is_refused_without_telling_it(url: str) -> None:
    with pytest.raises(SettingInvalid) as refused:
        door.load(url, "one").close()

    assert "s3cret" not in str(refused.value)
