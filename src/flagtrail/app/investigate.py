"""Investigations: questions about what somebody got, kept for a while so that a link can be shared.

A context may hold personal data, and addresses stand in the logs of whatever lies between: so an address names an
investigation by a random id, and what was asked lies in a cell that goes when it expires.
"""

from __future__ import annotations

import secrets
from datetime import timedelta

import msgspec

from flagtrail.analysis.blame import Asked
from flagtrail.app.clock import Clock, stamp
from flagtrail.model.errors import MalformedRequest, NotFound
from flagtrail.storage import Cell, Storage

COLLECTION = "investigation"
KEPT_DAYS = 30
MAX_BYTES = 16_384
_ID_BYTES = 12


class Kept(msgspec.Struct, frozen=True):
    """What was asked, and when it is forgotten (a stamp)."""

    asked: Asked
    expires: str


class Investigations:
    """Keeps questions for `KEPT_DAYS`; whoever opens one must be allowed to ask it."""

    def __init__(self, storage: Storage, clock: Clock) -> None:
        self._storage = storage
        self._clock = clock

    def keep(self, asked: Asked) -> str:
        """Keep a question; its id, which nobody can guess. Raises MalformedRequest where it is too large."""
        expires = self._clock() + timedelta(days=KEPT_DAYS)
        value = msgspec.json.encode(Kept(asked, stamp(expires)))
        if len(value) > MAX_BYTES:
            raise MalformedRequest(f"a context of an investigation has at most {MAX_BYTES // 1024} KiB")
        key = secrets.token_urlsafe(_ID_BYTES)
        self._storage.put_cell(COLLECTION, Cell(key, value, expires.timestamp()))
        return key

    def open(self, key: str) -> Kept:
        """What was asked; raises NotFound for what never was, or is no more."""
        value = self._storage.cell(COLLECTION, key)
        kept = None if value is None else msgspec.json.decode(value, type=Kept)
        if kept is None or kept.expires <= stamp(self._clock()):
            detail = f"there is no such investigation; they are kept for {KEPT_DAYS} days"
            raise NotFound(detail, kind="investigation", key=key)
        return kept
