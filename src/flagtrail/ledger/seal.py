"""Sealing: an entry becomes a leaf that holds no value and no personal data, and the disclosures beside it."""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Callable, Iterator, Mapping
from typing import Literal

import msgspec

from flagtrail.ledger import merkle
from flagtrail.ledger.canonical import canonical, commitment, form_bytes
from flagtrail.ledger.leaf import MAX_INTEGER, MAX_LEAF_BYTES, NAMES, VERSION, defect
from flagtrail.model.actor import Actor, ActorKind, Author, Via
from flagtrail.model.entry import Action, Entry, Group, Source
from flagtrail.model.errors import LedgerBroken
from flagtrail.model.flag import Json
from flagtrail.model.subject import Subject


class Committed(msgspec.Struct, frozen=True):
    """A value that the leaf commits to: what has to be kept beside the leaf, until it is erased."""

    name: str
    salt: bytes
    value: bytes


class Sealed(msgspec.Struct, frozen=True):
    """The exact bytes of a leaf, their hash, and what they commit to."""

    leaf: bytes
    leaf_hash: bytes
    committed: tuple[Committed, ...]


def seal(entry: Entry, *, log: str, prev_root: bytes, salt: Callable[[], bytes]) -> Sealed:
    """The leaf of an entry of the log with this origin.

    `prev_root` is the root of the tree before the entry, so any copy of the
    leaf pins all of history before it. `salt` gives 16 fresh random bytes at each call:
    one salt for each value, so that each can be erased alone.
    Raises ValueError for an entry whose form no verifier would accept, or a leaf over 65,535 bytes.
    """
    if entry.erased:
        raise ValueError("an entry with erased values cannot be sealed: its commitments are gone")
    committed = tuple(Committed(name, salt(), canonical(value)) for name, value in _values(entry))
    commitments: dict[str, str | None] = dict.fromkeys(NAMES)
    for each in committed:
        commitments[each.name] = commitment(each.name, each.salt, each.value)
    content = _content(entry, log, prev_root) | {"commitments": commitments}
    wrong = defect(content)
    if wrong is not None:
        raise ValueError(f"entry {entry.seq} cannot be sealed: {wrong}")
    leaf = form_bytes(content)
    if len(leaf) > MAX_LEAF_BYTES:
        raise ValueError(f"entry {entry.seq} makes a leaf of {len(leaf)} bytes; {MAX_LEAF_BYTES} is the limit")
    return Sealed(leaf, merkle.leaf_hash(leaf), committed)


def as_recorded(entry: Entry, sealed: Sealed) -> Entry:
    """The entry as `unseal` will tell it for ever: canonical JSON keeps no order of keys, and no 1.0."""
    values = {each.name: each.value for each in sealed.committed if each.name in {"before", "after"}}
    return msgspec.structs.replace(entry, **{name: _value(value) for name, value in values.items()})


def _values(entry: Entry) -> Iterator[tuple[str, Json]]:
    """What is committed to, in the order of `NAMES`. What is absent or empty has no commitment."""
    if entry.before is not None:
        yield "before", entry.before
    if entry.after is not None:
        yield "after", entry.after
    if entry.why:
        yield "why", entry.why
    if entry.actor.name:
        yield "actor_name", entry.actor.name
    if entry.actor.email:
        yield "actor_email", entry.actor.email
    if entry.actor.for_ is not None:  # also an empty name: its commitment says that there is a person
        yield "for_name", entry.actor.for_.name
        if entry.actor.for_.email:
            yield "for_email", entry.actor.for_.email


def _content(entry: Entry, log: str, prev_root: bytes) -> dict[str, Json]:
    actor, group, source = entry.actor, entry.group, entry.source
    return {
        "v": entry.v,
        "log": log,
        "seq": entry.seq,
        "prev_root": b64encode(prev_root).decode(),
        "time": entry.time,
        "occurred_at": entry.occurred_at,
        "id": entry.id,
        "group": {"id": group.id, "index": group.index, "count": group.count},
        "actor": {"kind": actor.kind, "id": actor.id, "auth": actor.auth, "via": actor.via},
        "actions": list(entry.actions),
        "subject": msgspec.to_builtins(entry.subject),
        "version": entry.version,
        "previous": entry.previous,
        "paths": list(entry.paths),
        "ticket": entry.ticket,
        "approval": entry.approval,
        "reverts": entry.reverts,
        "source": {"via": source.via, "request": source.request, "build": source.build},
    }


class _LeafActor(msgspec.Struct, frozen=True, forbid_unknown_fields=True, gc=False):
    kind: ActorKind
    id: str
    auth: Literal["session", "token", "os", "none"]
    via: Via


class _Leaf(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    v: int
    log: str
    seq: int
    prev_root: str
    time: str
    occurred_at: str | None
    id: str
    group: Group
    actor: _LeafActor
    actions: tuple[Action, ...]
    subject: Subject
    version: int
    previous: int
    paths: tuple[str, ...]
    ticket: str
    approval: str | None
    reverts: int | None
    source: Source
    commitments: dict[str, str | None]


_leaf_decoder = msgspec.json.Decoder(_Leaf)
_plain_value = msgspec.json.Decoder().decode
_digits_as_zeros = bytes.maketrans(b"123456789", b"000000000")


def _number(text: str) -> int | float:
    """RFC 8785 writes large floats as rounded integers: one beyond 2^53-1 was a float, and is the same one again."""
    number = int(text)
    return number if -MAX_INTEGER <= number <= MAX_INTEGER else float(text)


def _value(canonical_bytes: bytes) -> Json:
    # 16 digits in a row, found so at a sixth of the price of a regular expression
    if b"0000000000000000" in canonical_bytes.translate(_digits_as_zeros):
        return json.loads(canonical_bytes, parse_int=_number)
    return _plain_value(canonical_bytes)


def unseal(leaf: bytes, disclosed: Mapping[str, bytes]) -> Entry:
    """The entry: the leaf joined with its disclosures (name -> canonical bytes of the value).

    What the leaf commits to and `disclosed` lacks was erased by law: it reads as
    absent and is named in `erased`. Trusts its input; `verify` is what does not.
    Raises LedgerBroken where the bytes are no leaf.
    """
    try:
        held = _leaf_decoder.decode(leaf)
        values = {name: _value(value) for name, value in disclosed.items()}
    except (msgspec.DecodeError, ValueError) as error:
        raise LedgerBroken(f"stored bytes are not an entry: {error}") from error
    if held.v != VERSION:
        raise LedgerBroken(f"entry {held.seq} has version {held.v} of the format; only {VERSION} is known")
    committed = [name for name, committed in held.commitments.items() if committed is not None]
    return Entry(
        v=held.v,
        seq=held.seq,
        id=held.id,
        time=held.time,
        occurred_at=held.occurred_at,
        actor=_actor(held, values),
        subject=held.subject,
        version=held.version,
        previous=held.previous,
        actions=held.actions,
        paths=held.paths,
        before=values.get("before"),
        after=values.get("after"),
        why=values.get("why", ""),
        ticket=held.ticket,
        group=held.group,
        approval=held.approval,
        reverts=held.reverts,
        source=held.source,
        erased=()
        if len(committed) == len(values)
        else tuple(name for name in NAMES if name in {*committed} - {*values}),
    )


def _actor(held: _Leaf, values: Mapping[str, Json]) -> Actor:
    """The actor with what is left of the names. Somebody acted for another if the leaf says so, erased or not."""
    author = None
    if held.commitments.get("for_name") is not None:
        author = Author(values.get("for_name", ""), values.get("for_email", ""))
    seen = held.actor
    return Actor(
        kind=seen.kind,
        id=seen.id,
        name=values.get("actor_name", ""),
        email=values.get("actor_email", ""),
        auth=seen.auth,
        via=seen.via,
        for_=author,
    )
