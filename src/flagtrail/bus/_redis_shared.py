"""What replicas share in Redis: copies of counts, as hashes, and counters. Keys begin with the installation's own."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from itertools import chain
from typing import TYPE_CHECKING, Any, TypeVar, cast

from flagtrail.bus import BusLost, Sum

if TYPE_CHECKING:
    from redis import Redis

T = TypeVar("T")
KEEP_SECONDS = 43_200
"""How long a copy lasts that nobody adds to: half as long as the storage knows a batch by its id."""
_STEP = "#"
"""The field of a copy that names its newest step."""

# A script, since a step whose answer was lost may still arrive: its counts are added after the step before, or never.
_COPY = """
if ARGV[1] == '' then redis.call('DEL', KEYS[1])
elseif redis.call('HGET', KEYS[1], '#') ~= ARGV[1] then return 0 end
redis.call('HSET', KEYS[1], '#', ARGV[2])
for i = 4, #ARGV, 2 do redis.call('HINCRBY', KEYS[1], ARGV[i], ARGV[i + 1]) end
redis.call('EXPIRE', KEYS[1], ARGV[3])
local now = redis.call('TIME')
redis.call('ZADD', KEYS[2], now[1] + now[2] / 1000000, KEYS[1])
return 1
"""

# What was taken and not forgotten stays as it was: its taker may have been killed.
_TAKE = """
if redis.call('EXISTS', KEYS[1]) == 1 and redis.call('EXISTS', KEYS[2]) == 0 then
  redis.call('RENAME', KEYS[1], KEYS[2])
end
return redis.call('HGETALL', KEYS[2])
"""

# A script, so that no counter passes away between being made and being added to, and would then stay for ever.
_ADD = """
local found = {}
for i, key in ipairs(KEYS) do
  redis.call('SET', key, 0, 'EX', ARGV[1], 'NX')
  found[2 * i - 1] = redis.call('INCRBY', key, ARGV[i + 1])
  found[2 * i] = redis.call('PTTL', key)
end
return found
"""


class RedisShared:
    """See `flagtrail.bus.Shared`. May be called from any thread."""

    def __init__(self, client: Redis, prefix: str) -> None:
        self._client = client
        self._copies = f"{prefix}/usage"
        self._counters = f"{prefix}/limit"
        self.failing: float | None = None

    def copy(self, name: str, counts: Mapping[str, int], *, after: str, step: str) -> bool:
        """One script."""
        steps: Iterator[str | int] = chain.from_iterable(counts.items())
        given = (self._key(name), self._copies, after, step, KEEP_SECONDS, *steps)
        return bool(self._asked(lambda: self._client.eval(_COPY, 2, *given)))

    def copies(self, idle: float) -> dict[str, float]:
        """By Redis' own clock alone."""

        def ask() -> dict[str, float]:
            seconds, microseconds = self._client.time()
            now = seconds + microseconds / 1_000_000
            found: list[tuple[bytes, float]] = cast(
                "Any", self._client.zrangebyscore(self._copies, "-inf", now - idle, withscores=True)
            )
            return {_text(key).removeprefix(self._key("")): now - score for key, score in found}

        return self._asked(ask)

    def take(self, name: str) -> dict[str, int]:
        """The hash gets another name, and what is added after that finds none."""
        keys = (self._key(name), self._taken(name))
        found = cast("list[bytes]", self._asked(lambda: self._client.eval(_TAKE, len(keys), *keys)))
        pairs = zip(map(_text, found[::2]), found[1::2], strict=True)
        return {field: int(count) for field, count in pairs if field != _STEP}

    def forget(self, name: str) -> None:
        """Its hashes first: what is left then is a name of nothing."""

        def ask() -> None:
            self._client.delete(self._key(name), self._taken(name))
            self._client.zrem(self._copies, self._key(name))

        self._asked(ask)

    def add(self, counts: Mapping[str, int], *, seconds: int) -> dict[str, Sum]:
        """One script."""
        keys = [f"{self._counters}/{name}" for name in counts]
        given: tuple[str | int, ...] = (*keys, seconds, *counts.values())
        found = cast("list[int]", self._asked(lambda: self._client.eval(_ADD, len(keys), *given)))
        sums = zip(counts, found[::2], found[1::2], strict=True)
        return {name: Sum(total, left / 1000) for name, total, left in sums}

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def _key(self, name: str) -> str:
        return f"{self._copies}/{name}"

    def _taken(self, name: str) -> str:
        return f"{self._key(name)}/taken"

    def _asked(self, ask: Callable[[], T]) -> T:
        from redis.exceptions import RedisError

        try:
            answer = ask()
        except (RedisError, OSError) as error:  # whose words may hold a key, which names what is counted
            self.failing = self.failing or time.time()
            raise BusLost(type(error).__name__) from error
        self.failing = None
        return answer


def _text(raw: bytes | str) -> str:
    return raw.decode() if isinstance(raw, bytes) else raw
