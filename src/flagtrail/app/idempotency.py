"""Idempotency keys: a change that is asked for again, with the key of the first, is answered by what the first did."""

from __future__ import annotations

import hashlib
from datetime import datetime, timedelta
from itertools import islice

import msgspec

from flagtrail.app.identity import Identity
from flagtrail.model.change import Change
from flagtrail.model.entry import Entry
from flagtrail.model.errors import MalformedRequest
from flagtrail.storage import Cell, Transaction

IDEMPOTENCY_HOURS = 24
_CELLS = "idempotency"


class _Remembered(msgspec.Struct, frozen=True):
    """What an idempotency key stands for."""

    request: str
    first: int
    count: int
    size: int
    expires: float


def key_of(identity: Identity, idempotency_key: str) -> str:
    """The key under which a change is remembered: an actor's own."""
    return f"{identity.actor.id}/{idempotency_key}"


def recall(tx: Transaction, key: str, change: Change, now: datetime) -> tuple[tuple[Entry, ...], int] | None:
    """The entries of the change that was made with this key within a day, and the ledger's size after it.

    Raises MalformedRequest where that was another change.
    """
    raw = tx.cell(_CELLS, key)
    if raw is None:
        return None
    remembered = msgspec.json.decode(raw, type=_Remembered)
    if remembered.expires <= now.timestamp():
        return None
    if remembered.request != _digest(change):
        raise MalformedRequest("this Idempotency-Key was used for another change")
    entries = islice(tx.entries_from(remembered.first), remembered.count) if remembered.count else ()
    return tuple(entries), remembered.size


def remember(tx: Transaction, key: str, change: Change, entries: tuple[Entry, ...], size: int, now: datetime) -> None:
    """Write down, with the change, what it did."""
    first = entries[0].seq if entries else 0
    expires = (now + timedelta(hours=IDEMPOTENCY_HOURS)).timestamp()
    value = _Remembered(_digest(change), first, len(entries), size, expires)
    tx.put_cell(_CELLS, Cell(key, msgspec.json.encode(value), expires))


def _digest(change: Change) -> str:
    """What a repeated request has in common with the first. A revert is told by its seq: its operations
    follow from the state, which the first one changed.
    """
    same = change if change.reverts is None else msgspec.structs.replace(change, operations=())
    return hashlib.sha256(msgspec.json.encode(same, order="deterministic")).hexdigest()
