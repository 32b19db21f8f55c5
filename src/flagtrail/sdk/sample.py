"""Sampled contexts: a few of all that were evaluated, and of each only what the application allows to leave it."""

from __future__ import annotations

import hashlib
import itertools
import logging
import math
import random
import threading
from collections.abc import Callable

import msgspec

from flagtrail.engine.attributes import LISTS, plain, read
from flagtrail.model.context import TARGETING_KEY, Context
from flagtrail.model.flag import Json
from flagtrail.sdk.options import Options

MAX_TEXT = 256
"""Characters of a text; one that is longer is left out."""
MAX_ITEMS = 100
"""Elements of a list; one that is longer is left out."""
MAX_CONTEXT_BYTES = 2_048
"""Bytes of one context as JSON; attributes that no longer fit are left out. A thousand of them fit into a report."""
MAX_INTEGER = 2**53
"""Larger whole numbers are not the same in every reader of JSON."""
HASH_DIGITS = 16
ALMOST_ONE = 1 - 2**-53
"""The root of a number very near to 1 may be rounded to 1, whose complement has no logarithm."""

_log = logging.getLogger(__name__)


class Sampler:
    """A uniform sample of the contexts offered since the last `take`, however many they were.

    Reservoir sampling by skips (Li 1994, Algorithm L): a context that is not
    taken costs one comparison. A context that is taken is read at once, only
    the attributes allowed, and not held. Never raises, never waits: where two
    threads are taken at the same moment, one of them goes without.
    """

    __slots__ = ("_allowed", "_busy", "_dice", "_hashed", "_next", "_size", "_taken", "_tick", "_weight")

    def __init__(self, options: Options, dice: Callable[[], float] | None = None) -> None:
        # Without an attribute that may leave there is nothing to sample.
        self._size = options.sample_contexts if options.sample_attributes else 0
        self._allowed = tuple(dict.fromkeys(options.sample_attributes))
        self._hashed = options.hash_targeting_key
        # Dice of its own: the application may have seeded the common ones, and counts on what they throw next.
        self._dice = dice or random.Random().random  # noqa: S311 - a sample is no secret
        self.forget()

    def forget(self) -> None:
        """Start anew in a forked child: what was drawn is for the parent to report, which may be drawing just now."""
        self._busy = threading.Lock()
        self._reset()

    def _reset(self) -> None:
        self._taken: list[dict[str, Json]] = []
        self._weight = 1.0
        self._next: float = 0 if self._size else math.inf
        self._tick = itertools.count().__next__  # one step that no other thread divides

    def offer(self, context: Context) -> None:
        """Let this context take part in the draw."""
        place = self._tick()
        if place >= self._next:
            self._take(place, context)

    def take(self) -> tuple[dict[str, Json], ...]:
        """The sample, in no order that means anything; the next one starts empty."""
        with self._busy:
            taken = self._taken
            self._reset()
        return tuple(taken)

    def _take(self, place: int, context: Context) -> None:
        try:
            allowed = self._read(context)
        except Exception:  # noqa: BLE001 - an application's own object as context may raise anything
            _log.debug("a context could not be sampled", exc_info=True)
            return
        if not self._busy.acquire(blocking=False):
            return
        try:
            if place >= self._next:  # no other thread was faster
                self._keep(allowed)
        finally:
            self._busy.release()

    def _keep(self, allowed: dict[str, Json]) -> None:
        if len(self._taken) < self._size:
            self._taken.append(allowed)
        else:
            self._taken[int(self._dice() * self._size)] = allowed
        self._next += 1
        if len(self._taken) == self._size:
            self._next += self._skip()

    def _skip(self) -> int:
        """Draw how many contexts to pass over (the algorithm's `W` is the weight)."""
        self._weight = min(self._weight * math.exp(math.log(self._dice() or 0.5) / self._size), ALMOST_ONE)
        return math.floor(math.log(self._dice() or 0.5) / math.log1p(-self._weight))

    def _read(self, context: Context) -> dict[str, Json]:
        found: dict[str, Json] = {}
        room = MAX_CONTEXT_BYTES - len("{}")
        for name in self._allowed:
            value = self._allowed_value(name, read(context, name))
            if value is not None:
                room -= len(msgspec.json.encode(name)) + len(msgspec.json.encode(value)) + len(":,")
                if room < 0:
                    break
                found[name] = value
        return found

    def _allowed_value(self, name: str, value: object) -> Json:
        if name == TARGETING_KEY and self._hashed:
            key = plain(value)
            return hashed(key) if isinstance(key, str) else None
        return _scalar(value) if not isinstance(value, LISTS) else _list(value)


def hashed(targeting_key: str) -> str:
    """The first 64 bits of the SHA-256 of a targeting key, in hex.

    The same in every process, so that people can be counted; who knows the keys can hash them too.
    """
    return hashlib.sha256(targeting_key.encode(errors="surrogatepass")).hexdigest()[:HASH_DIGITS]


def _scalar(value: object) -> str | int | float | bool | None:
    """The value where it is a text, a number or a boolean that JSON can hold and that is not too long."""
    value = plain(value)
    if isinstance(value, str):
        return value if len(value) <= MAX_TEXT and _is_unicode(value) else None
    if isinstance(value, bool):
        return value
    if isinstance(value, int):
        return value if -MAX_INTEGER <= value <= MAX_INTEGER else None
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    return None


def _list(values: list[object] | tuple[object, ...] | set[object] | frozenset[object]) -> Json:
    """The list where all of its elements may leave: part of one would answer conditions in another way."""
    if len(values) > MAX_ITEMS:
        return None
    found = [_scalar(value) for value in values]
    return None if None in found else found


def _is_unicode(text: str) -> bool:
    """Whether UTF-8 can write it: half of a surrogate pair is no character."""
    try:
        return text.isascii() or bool(text.encode())
    except UnicodeEncodeError:
        return False
