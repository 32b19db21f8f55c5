"""What a targeting or a segment depends on: other flags (prerequisites, `flag` conditions) and segments."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TypeAlias

import msgspec

from flagtrail.model.condition import Condition
from flagtrail.model.segment import Segment
from flagtrail.model.targeting import Targeting

Targetings: TypeAlias = Mapping[str, Targeting]
Segments: TypeAlias = Mapping[str, Segment]


class References(msgspec.Struct, frozen=True):
    """Keys of flags and of segments that are depended on, whether they exist or not."""

    flags: frozenset[str] = frozenset()
    segments: frozenset[str] = frozenset()


NOTHING = References()

# Documents are immutable and asked again and again while others change, so their references are remembered by
# identity: hashing a document would read all of it. An entry goes when its document does, before its id is used again.
_remembered: dict[int, tuple[weakref.ref[Targeting | Segment], References]] = {}


def references(targeting: Targeting | Segment) -> References:
    """What the document names directly."""
    key = id(targeting)
    known = _remembered.get(key)
    if known is not None and known[0]() is targeting:
        return known[1]
    found = _collect(targeting)
    _remembered[key] = (weakref.ref(targeting, lambda _gone: _forget(key)), found)
    return found


def _forget(key: int) -> None:
    _remembered.pop(key, None)


def _collect(document: Targeting | Segment) -> References:
    flags: set[str] = set()
    segments: set[str] = set()
    if isinstance(document, Segment):
        roots = [document.when]
    else:
        flags.update(prerequisite.flag for prerequisite in document.prerequisites)
        roots = [rule.when for rule in document.rules]
    for condition in every_condition(roots):
        if condition.segment is not None:
            segments.add(condition.segment)
        if condition.flag is not None:
            flags.add(condition.flag)
    return References(frozenset(flags), frozenset(segments)) if flags or segments else NOTHING


def every_condition(roots: Iterable[Condition]) -> Iterator[Condition]:
    """The conditions and every one inside them, however deep they nest, in no order that means anything."""
    waiting = list(roots)
    while waiting:
        condition = waiting.pop()
        yield condition
        if condition.attribute is None:
            for parts in (condition.all, condition.any):
                waiting.extend(parts or ())
            if condition.not_ is not None:
                waiting.append(condition.not_)


def closure(flag: str, targetings: Targetings, segments: Segments) -> References:
    """Everything the flag depends on in this environment, directly or not; the flag itself only within a cycle."""
    targeting = targetings.get(flag)
    return NOTHING if targeting is None else reach(references(targeting), targetings.get, segments)


def segment_closure(segment: str, targetings: Targetings, segments: Segments) -> References:
    """Everything the segment depends on in this environment; the segment itself only within a cycle."""
    held = segments.get(segment)
    return NOTHING if held is None else reach(references(held), targetings.get, segments)


def reach(start: References, targeting_of: Callable[[str], Targeting | None], segments: Segments) -> References:
    """`start` and everything that its members depend on, directly or not."""
    if start is NOTHING:
        return start
    flags: set[str] = set()
    reached: set[str] = set()
    waiting = [start]
    while waiting:
        direct = waiting.pop()
        new_flags = direct.flags - flags
        new_segments = direct.segments - reached
        flags |= new_flags
        reached |= new_segments
        found = [*map(targeting_of, new_flags), *map(segments.get, new_segments)]
        waiting.extend(references(document) for document in found if document is not None)
    return References(frozenset(flags), frozenset(reached))
