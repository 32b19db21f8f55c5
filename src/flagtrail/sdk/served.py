"""What a client serves just now, and what it knows of how old that is. Fed by the sync thread alone."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TypeVar

import msgspec

from flagtrail.engine.check import check
from flagtrail.engine.references import closure
from flagtrail.engine.ruleset import Ruleset
from flagtrail.model.flag import Flag
from flagtrail.model.sync import RulesetData, RulesetDelta, SyncedFlag
from flagtrail.sdk.evaluator import Evaluator, Offer
from flagtrail.sdk.events import Event, EventKind, Handler
from flagtrail.sdk.usage import Group, Tallies

T = TypeVar("T")
_ID = re.compile(r"[!#-~]{1,200}")
"""What may stand in an ETag and a header (RFC 9110, section 8.8.3): else no further request could be made."""


class RulesetRefused(Exception):
    """A ruleset that must not be served: what is held stays."""


class Held(msgspec.Struct, frozen=True):
    """A ruleset as it came and as it is evaluated; replaced whole by one assignment."""

    data: RulesetData
    flags: dict[str, Flag]
    evaluator: Evaluator


class Served:
    """Holds the last good ruleset. `install` is called with each new evaluator before anybody is told of it.

    `tallies` is None where nothing is counted; `offer` takes every context that is evaluated, where some are sampled.
    """

    def __init__(
        self,
        emit: Handler,
        install: Callable[[Evaluator], None],
        *,
        stale_after: float = 60.0,
        tallies: Tallies | None = None,
        offer: Offer | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._emit = emit
        self._install = install
        self._stale_after = stale_after
        self._tallies = tallies
        self._offer = offer
        self._clock = clock
        self._heard = clock()
        self._told_of: EventKind | None = None
        self._error: str | None = None
        self.held: Held | None = None
        self.stale = False
        self.fatal = False

    @property
    def id(self) -> str | None:
        """The id of what is held; None where nothing is."""
        return None if self.held is None else self.held.data.id

    @property
    def failing(self) -> bool:
        """Whether the last that was told is an error."""
        return self._told_of is EventKind.ERROR

    def document(self) -> RulesetData | None:
        """What is held, as it would be sent whole."""
        return None if self.held is None else self.held.data

    def restore(self, data: RulesetData, why: str) -> None:
        """Serve a ruleset kept from an earlier run, as STALE until the server is heard. Raises RulesetRefused."""
        self._swap(data)
        self._become_stale(why)

    def replace(self, data: RulesetData) -> None:
        """Serve a whole ruleset. Raises RulesetRefused."""
        changed = self._swap(data)
        self._fresh(changed)

    def apply(self, delta: RulesetDelta) -> None:
        """Serve what the delta makes of what is held. Raises RulesetRefused, also where it is of another base."""
        held = self.held
        if held is None or held.data.id != delta.base:
            raise RulesetRefused(f"a delta of {delta.base} came, and {self.id} is held")
        data = msgspec.structs.replace(
            held.data,
            id=delta.id,
            flags=_applied(held.data.flags, delta.flags),
            targetings=_applied(held.data.targetings, delta.targetings),
            segments=_applied(held.data.segments, delta.segments),
        )
        self.replace(data)

    def confirmed(self) -> None:
        """The server said that what is held is what it serves."""
        self._fresh(())

    def unreachable(self, why: str) -> None:
        """An attempt to reach the server failed. Told once: an ERROR where nothing is held, else when it is STALE."""
        if self.held is None:
            self._tell_error(why)
        elif not self.stale and self._clock() - self._heard >= self._stale_after:
            self._become_stale(why)

    def refused(self, why: str, *, fatal: bool = False) -> None:
        """The server's answer cannot be used, or (`fatal`) it refuses the credential. Told once for each reason."""
        self.fatal = fatal
        told = self._tell_error(why, fatal=fatal and self.held is None)
        if self.stale and told:
            self._become_stale(why)  # the last that was told is how it stands: it answers, and may be old
        elif self.held is not None:
            self.unreachable(why)

    def _swap(self, data: RulesetData) -> tuple[str, ...]:
        """Serve `data`; the flags that may answer otherwise than before, sorted."""
        if not _ID.fullmatch(data.id):
            raise RulesetRefused("the ruleset's id is none that could be sent back to a server")
        before = self.held
        if before is not None:
            data = msgspec.structs.replace(
                data,
                flags=_kept(before.data.flags, data.flags),
                targetings=_kept(before.data.targetings, data.targetings),
                segments=_kept(before.data.segments, data.segments),
            )
        flags = _flags(data, before)
        _refuse_defects(data, flags, before)
        previous = None if before is None else before.evaluator.ruleset
        ruleset = Ruleset(flags, data.targetings, data.segments, previous=previous)
        changed = () if previous is None else tuple(sorted(_changed(previous, ruleset)))
        retiring: list[Group] = []
        if self._tallies is not None and before is not None:
            # Before the new evaluator asks for tallies of its own; and retired only when it has taken over.
            retiring = [*self._tallies.detach(changed), before.evaluator.together]
        self.held = Held(data, flags, Evaluator(ruleset, self._tallies, self._offer))
        self._install(self.held.evaluator)
        if self._tallies is not None:
            self._tallies.retire(retiring)
        return changed

    def _fresh(self, changed: tuple[str, ...]) -> None:
        was_unready = self._told_of != EventKind.READY
        self._heard, self._told_of, self.stale, self.fatal = self._clock(), EventKind.READY, False, False
        self._error = None
        if was_unready:
            self._emit(Event(EventKind.READY))
        if changed:
            self._emit(Event(EventKind.CONFIGURATION_CHANGED, changed=changed))

    def _become_stale(self, why: str) -> None:
        self.stale = True
        self._told_of = EventKind.STALE
        self._emit(Event(EventKind.STALE, why))

    def _tell_error(self, why: str, *, fatal: bool = False) -> bool:
        """Whether it is told: not the same twice in a row."""
        if self._error == why:
            return False
        self._told_of, self._error = EventKind.ERROR, why
        self._emit(Event(EventKind.ERROR, why, fatal=fatal))
        return True


def _applied(before: Mapping[str, T], delta: Mapping[str, T | None]) -> dict[str, T]:
    after = {**before, **delta}
    return {key: document for key, document in after.items() if document is not None}


def _kept(before: Mapping[str, T], after: Mapping[str, T]) -> dict[str, T]:
    """`after`, with the very objects of before where they are the same: what is made of those stays."""
    return {key: before[key] if _same(before.get(key), document) else document for key, document in after.items()}


def _same(one: object, other: object) -> bool:
    """Whether two documents say the same. To Python `1`, `1.0` and `True` are equal; to a flag they are not."""
    if one is other or one != other:
        return one is other
    try:
        return msgspec.json.encode(one) == msgspec.json.encode(other)
    except ValueError:  # half of a surrogate pair, which no server sends
        return False


def _flags(data: RulesetData, before: Held | None) -> dict[str, Flag]:
    known: Mapping[str, SyncedFlag] = {} if before is None else before.data.flags
    flags: Mapping[str, Flag] = {} if before is None else before.flags
    return {key: flags[key] if known.get(key) is synced else synced.flag(key) for key, synced in data.flags.items()}


def _refuse_defects(data: RulesetData, flags: Mapping[str, Flag], before: Held | None) -> None:
    """Raise RulesetRefused for the first defect among the documents that are new, or that something new spoils."""
    environment = data.environment
    known: RulesetData | None = None if before is None else before.data
    touched = [f"flags/{key}" for key in _new(data.flags, None if known is None else known.flags)]
    touched += [f"segments/{key}" for key in _new(data.segments, None if known is None else known.segments)]
    touched += [
        f"flags/{key}/environments/{environment}"
        for key in _new(data.targetings, None if known is None else known.targetings)
    ]
    targetings = {(key, environment): targeting for key, targeting in data.targetings.items()}
    defects = check(flags, targetings, data.segments, touched)
    if defects:
        told = f"{defects[0].path} {defects[0].message}"
        raise RulesetRefused(f"the ruleset {data.id} has {len(defects)} defects; the first: {told}")


def _new(after: Mapping[str, T], before: Mapping[str, T] | None) -> Iterable[str]:
    """Keys whose document is another object than before, or gone."""
    if before is None:
        return after
    return [key for key in {**before, **after} if before.get(key) is not after.get(key)]


def _changed(before: Ruleset, after: Ruleset) -> Iterator[str]:
    """Flags whose documents, or those of anything they depend on, are not the same objects in both."""
    flags = set(_new(after.flags, before.flags)) | set(_new(after.targetings, before.targetings))
    segments = frozenset(_new(after.segments, before.segments))
    for key in {**before.flags, **after.flags}:
        if key in flags or any(_reaches(ruleset, key, flags, segments) for ruleset in (before, after)):
            yield key


def _reaches(ruleset: Ruleset, key: str, flags: set[str], segments: frozenset[str]) -> bool:
    targeting = ruleset.targetings.get(key)
    if targeting is None or not targeting.enabled:
        return False  # it is off, whatever else there is, and what was compiled of it stays
    reached = closure(key, ruleset.targetings, ruleset.segments)
    return not (reached.flags.isdisjoint(flags) and reached.segments.isdisjoint(segments))
