"""The bus over Redis or Valkey: publish and subscribe, on a channel per installation, and what replicas share."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any
from urllib.parse import SplitResult, parse_qsl, unquote, urlencode, urlsplit

from flagtrail.bus import Heard
from flagtrail.bus._link import LOOK_UP_SECONDS, LinkedBus
from flagtrail.bus._redis_shared import RedisShared
from flagtrail.model.errors import SettingInvalid

if TYPE_CHECKING:
    from redis import Redis

SCHEMES = ("redis", "rediss", "redis+sentinel", "rediss+sentinel")
TIMEOUT_SECONDS = 2.0
PING_SECONDS = 2.0
SILENCE_SECONDS = 6.0
"""Without an answer for so long the connection is given up: its other end may be gone without a word."""
SENTINEL_PORT = 26_379
_SENTINELS_OWN = "sentinel_"


def open_bus(url: str, name: str) -> LinkedBus:
    """See `flagtrail.bus.load`; nothing is connected to yet."""
    return LinkedBus(_Wire(connect(url), f"flagtrail/{name}/moved"), RedisShared(connect(url), f"flagtrail/{name}"))


def connect(url: str) -> Redis:
    """A client of what the URL names. Raises SettingInvalid where it cannot be read; connects at its first command.

    `redis://[user:password@]host[:port][/db]`, with TLS `rediss://`;
    `redis+sentinel://[user:password@]host[:port][,host[:port]...]/service[/db]`, with TLS `rediss+sentinel://`.
    Options of redis-py follow as `?name=value`, those for the Sentinels as `?sentinel_name=value`.
    """
    from redis import Redis

    try:
        parts = urlsplit(url)
        client = _by_sentinels(parts) if parts.scheme.endswith("+sentinel") else Redis.from_url(url, **_usual())
        client.connection_pool.make_connection()  # which looks at the options, and connects to nothing
    except (ValueError, TypeError):  # whose words may hold a password
        raise SettingInvalid("FLAGTRAIL_REDIS cannot be read as a URL of Redis", setting="FLAGTRAIL_REDIS") from None
    return client


def _usual() -> dict[str, Any]:
    """Options of every connection. The link tries again by itself, and knows when it must not."""
    from redis.backoff import NoBackoff
    from redis.retry import Retry

    return {
        "protocol": 3,
        "socket_timeout": TIMEOUT_SECONDS,
        "socket_connect_timeout": TIMEOUT_SECONDS,
        "retry": Retry(NoBackoff(), 0),
        "client_name": "flagtrail",
    }


def _by_sentinels(parts: SplitResult) -> Redis:
    """A client of the master that the Sentinels name at each connection."""
    from redis.connection import parse_url
    from redis.sentinel import Sentinel

    credentials, _, hosts = parts.netloc.rpartition("@")
    service, _, db = parts.path.strip("/").partition("/")
    if not service or not hosts:
        raise ValueError("no service, or no Sentinel")
    tls = {"ssl": True} if parts.scheme.startswith("rediss") else {}
    options = parse_qsl(parts.query, strict_parsing=bool(parts.query))
    own = [(key.removeprefix(_SENTINELS_OWN), value) for key, value in options if key.startswith(_SENTINELS_OWN)]
    masters = [(key, value) for key, value in options if not key.startswith(_SENTINELS_OWN)]
    sentinel = Sentinel(
        [_address(host) for host in hosts.split(",")],
        sentinel_kwargs={**parse_url(f"redis://?{urlencode(own)}"), **_usual(), **tls},
    )
    given = parse_url(f"redis://{credentials}@/{db}?{urlencode(masters)}")
    client: Redis = sentinel.master_for(unquote(service), **{**given, **_usual(), **tls})
    return client


def _address(host: str) -> tuple[str, int]:
    parts = urlsplit(f"//{host}")
    if parts.hostname is None:
        raise ValueError("a Sentinel without a name")
    return parts.hostname, parts.port or SENTINEL_PORT


class _Wire:
    """See `flagtrail.bus._link.Wire`."""

    name = "redis"

    def __init__(self, client: Redis, channel: str) -> None:
        self._client = client
        self._channel = channel

    def send(self, size: int) -> None:
        self._client.publish(self._channel, size)

    def hear(self, heard: Heard, reached: Callable[[], None], stopping: threading.Event) -> None:
        with self._client.pubsub(push_handler_func=_as_it_is) as subscription:
            subscription.subscribe(self._channel)
            last = asked = time.monotonic()
            while not stopping.is_set():
                message = subscription.get_message(timeout=LOOK_UP_SECONDS)
                now = time.monotonic()
                if message is not None:
                    last = now
                    _take(message, heard, reached)
                elif now - last > SILENCE_SECONDS:
                    raise TimeoutError("Redis does not answer")
                if now - asked > PING_SECONDS:
                    asked = now
                    subscription.ping()

    def close(self) -> None:
        self._client.close()


def _take(message: dict[str, Any], heard: Heard, reached: Callable[[], None]) -> None:
    """What the subscription got: that it stands, or what somebody told. Anything else is not for us."""
    if message["type"] == "subscribe":
        reached()
    elif message["type"] == "message" and message["data"].isdigit():
        heard(int(message["data"]))


def _as_it_is(response: list[Any]) -> list[Any]:
    """Pass a push message on: the library's own handler would write a line to standard error."""
    return response
