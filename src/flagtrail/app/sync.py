"""SDK sync: what an SDK must be sent to hold the present ruleset, whatever it holds now. Never touches the database."""

from __future__ import annotations

import gzip
import threading
from collections.abc import Iterator, Mapping
from typing import TypeAlias

import msgspec

from flagtrail.app.evaluate import Evaluation, Served
from flagtrail.model.errors import NotFound
from flagtrail.model.flag import Flag
from flagtrail.model.segment import Segment
from flagtrail.model.state import Local, State, Versioned
from flagtrail.model.sync import DELTA_EVENT, RULESET_EVENT, SyncedFlag
from flagtrail.model.targeting import Targeting

MAX_BASES = 1_000
"""Rulesets of one environment that are remembered as a base of deltas, by their ids alone."""
MAX_DELTAS = 64
"""Deltas to the present ruleset that are kept made."""
_LEVEL = 6

_Place: TypeAlias = tuple[str, str]
_Document: TypeAlias = Flag | Targeting | Segment
_Pieces: TypeAlias = Mapping[int, tuple[_Document, msgspec.Raw]]
_Table: TypeAlias = Mapping[Local, Versioned]
_NOTHING: _Table = {}
_encode = msgspec.json.Encoder().encode


class Message:
    """A `RulesetData` or a `RulesetDelta` as JSON; also as a server-sent event, and both compressed.

    Each form is made once, by whoever asks for it first, and is the same bytes for
    everybody. An event's compressed form is a gzip member of its own (RFC 1952).
    """

    __slots__ = ("_made", "_making", "id", "kind")

    def __init__(self, kind: str, name: str, content: bytes) -> None:
        self.kind = kind
        self.id = name
        self._made: dict[tuple[bool, bool], bytes] = {(False, False): content}
        self._making = threading.Lock()

    @property
    def size(self) -> int:
        """Bytes of the JSON."""
        return len(self._made[False, False])

    def known(self, *, event: bool, packed: bool) -> bytes | None:
        """A form that was made before."""
        return self._made.get((event, packed))

    def make(self, *, event: bool, packed: bool) -> bytes:
        """A form; packing takes about ten milliseconds per megabyte."""
        with self._making:
            made = self._made.get((event, packed))
            if made is None:
                made = self._made[False, False]
                if event:
                    made = b"id: %b\nevent: %b\ndata: %b\n\n" % (self.id.encode(), self.kind.encode(), made)
                if packed:
                    made = pack(made)
                self._made[event, packed] = made
            return made


def pack(content: bytes) -> bytes:
    """One gzip member; the same bytes for the same content, whenever it is made."""
    return gzip.compress(content, _LEVEL, mtime=0)


class _Whole(msgspec.Struct, frozen=True):
    """`RulesetData` of documents that are JSON already."""

    id: str
    project: str
    environment: str
    flags: dict[str, msgspec.Raw]
    targetings: dict[str, msgspec.Raw]
    segments: dict[str, msgspec.Raw]


class _Delta(msgspec.Struct, frozen=True):
    """`RulesetDelta` of documents that are JSON already."""

    base: str
    id: str
    flags: dict[str, msgspec.Raw | None]
    targetings: dict[str, msgspec.Raw | None]
    segments: dict[str, msgspec.Raw | None]


class _Present(msgspec.Struct, frozen=True):
    """What an environment's SDKs should hold now, and all records that it is made of, of deleted documents too."""

    served: Served
    whole: _Whole
    ruleset: Message
    flags: _Table
    targetings: Mapping[str, Versioned]
    segments: _Table
    pieces: _Pieces
    deltas: dict[str, Message]

    @property
    def id(self) -> str:
        return self.whole.id


class Sync:
    """Makes rulesets and deltas of the environments of one installation. May be called from any thread.

    What is sent is what decides. Flags that are archived, with their targetings, and descriptions are left out. No
    flag that is sent can tell: an archived one answers like one that never was.
    """

    def __init__(self, evaluation: Evaluation) -> None:
        self._evaluation = evaluation
        self._presents: dict[_Place, _Present] = {}
        self._bases: dict[_Place, dict[str, int]] = {}
        self._lock = threading.Lock()

    def ruleset(self, project: str, environment: str) -> Message:
        """All that decides now; raises NotFound where there is no such environment."""
        with self._lock:
            return self._present((project, environment)).ruleset

    def since(self, project: str, environment: str, base: str) -> Message | None:
        """What makes the ruleset `base` the present one; None where it is that.

        The whole ruleset where the base is not known (any more), or where the delta would be no smaller.
        Raises NotFound where there is no such environment.
        """
        with self._lock:
            present = self._present((project, environment))
            if base == present.id:
                return None
            size = self._bases[project, environment].get(base)
            if size is None:
                return present.ruleset
            made = present.deltas.get(base)
            if made is None:
                if len(present.deltas) >= MAX_DELTAS:
                    present.deltas.clear()
                made = present.deltas[base] = _delta(present, base, size)
            return made

    def _present(self, place: _Place) -> _Present:
        before = self._presents.get(place)
        try:
            if before is not None and self._evaluation.served(*place) is before.served:
                return before
            served, state = self._evaluation.standing(*place)
        except NotFound:
            self._presents.pop(place, None)
            self._bases.pop(place, None)
            raise
        present = self._presents[place] = _made(place, served, state, {} if before is None else before.pieces)
        bases = self._bases.setdefault(place, {})
        bases[present.id] = served.size
        if len(bases) > MAX_BASES:
            del bases[next(iter(bases))]
        return present


def ruleset_id(served: Served) -> str:
    """The name of a served ruleset: the ledger's size just after its newest entry, and what tells it from others."""
    return f"{served.size}-{served.digest.hex()[:16]}"


def _made(place: _Place, served: Served, state: State, known: _Pieces) -> _Present:
    project, environment = place
    pieces: dict[int, tuple[_Document, msgspec.Raw]] = {}

    def piece(document: _Document) -> msgspec.Raw:
        held = known.get(id(document)) or (document, _told(document))
        pieces[id(document)] = held
        return held[1]

    ruleset = served.ruleset
    flags = {key: piece(flag) for key, flag in ruleset.flags.items() if not flag.archived}
    whole = _Whole(
        ruleset_id(served),
        project,
        environment,
        flags,
        {key: piece(targeting) for key, targeting in ruleset.targetings.items() if key in flags},
        {key: piece(segment) for key, segment in ruleset.segments.items()},
    )
    return _Present(
        served,
        whole,
        Message(RULESET_EVENT, whole.id, _encode(whole)),
        state.tables.get(("flag", project), _NOTHING),
        dict(_targetings(state, project, environment)),
        state.tables.get(("segment", project), _NOTHING),
        pieces,
        {},
    )


def _targetings(state: State, project: str, environment: str) -> Iterator[tuple[str, Versioned]]:
    for held in state.tables.get(("targeting", project), _NOTHING).values():
        if held.subject.environment == environment:
            yield held.subject.flag or "", held


def _told(document: _Document) -> msgspec.Raw:
    """A document without what decides nothing."""
    match document:
        case Flag():
            return msgspec.Raw(_encode(SyncedFlag(document.type, document.variants)))
        case Targeting():
            rules = tuple([msgspec.structs.replace(rule, description="") for rule in document.rules])
            return msgspec.Raw(_encode(msgspec.structs.replace(document, rules=rules)))
        case Segment():
            return msgspec.Raw(_encode(msgspec.structs.replace(document, description="")))


def _delta(present: _Present, base: str, size: int) -> Message:
    """The delta from a ruleset whose newest entry was before `size`; the whole where that is no larger.

    A document differs between the two only where its own newest entry came since. But whether a targeting is sent
    depends on its flag, too: one that is restored brings back a targeting that is older.
    """
    whole = present.whole
    flags = {str(key) for key, held in present.flags.items() if held.seq >= size}
    targetings = {key for key, held in present.targetings.items() if held.seq >= size or key in flags}
    segments = {str(key) for key, held in present.segments.items() if held.seq >= size}
    content = _encode(
        _Delta(
            base,
            whole.id,
            {key: whole.flags.get(key) for key in sorted(flags)},
            {key: whole.targetings.get(key) for key in sorted(targetings)},
            {key: whole.segments.get(key) for key in sorted(segments)},
        )
    )
    return Message(DELTA_EVENT, whole.id, content) if len(content) < present.ruleset.size else present.ruleset
