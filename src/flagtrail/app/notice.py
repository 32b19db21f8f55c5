"""What the transaction of a change writes down for alerts: which subscriptions each of its entries is for."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta

import msgspec

from flagtrail.app.zones import known_zone
from flagtrail.changes.subscriptions import Matched, matched
from flagtrail.model.document import decode
from flagtrail.model.entry import Entry, Touch
from flagtrail.model.errors import Defect, InvalidDocument
from flagtrail.model.state import State
from flagtrail.model.subscription import Subscription, zones
from flagtrail.storage import Cell, Storage, Transaction

ALERTS = "alert"
KEEP = timedelta(days=366)
"""How long what an entry was for is known: longer than any alert waits or can be sent again."""


class Noted(msgspec.Struct, frozen=True):
    """What one entry is for, and when it was made."""

    at: str
    matched: tuple[Matched, ...]


def note(
    tx: Transaction, states: tuple[State, State], entries: Sequence[Entry], touches: Sequence[Collection[Touch]]
) -> None:
    """Write down which subscriptions the entries are for: later the tags and the subscriptions may be gone."""
    before, after = states
    for entry, reach in zip(entries, touches, strict=True):
        found = matched(before, after, entry, reach)
        if found:
            expires = (datetime.fromisoformat(entry.time) + KEEP).timestamp()
            tx.put_cell(ALERTS, Cell(alert_key(entry.seq), msgspec.json.encode(Noted(entry.time, found)), expires))


def refuse_unknown_zones(entries: Sequence[Entry]) -> None:
    """Raise InvalidDocument where a subscription names a time zone that nobody here knows."""
    defects: list[Defect] = []
    for entry in entries:
        if entry.subject.kind != "subscription" or entry.after is None:
            continue
        document = decode(entry.subject, entry.after)
        if isinstance(document, Subscription):
            for path, name in zones(document):
                if known_zone(name) is None:
                    told = f"{name!r} is no time zone, such as Europe/Berlin or UTC"
                    defects.append(Defect(f"subscriptions/{document.key}#{path}", told))
    if defects:
        raise InvalidDocument(defects)


def alert_key(seq: int) -> str:
    """The key of an entry's cell: keys sort as the entries do."""
    return f"{seq:019d}"


def noted(place: Storage | Transaction, seq: int) -> Noted | None:
    """What was written down for an entry; None where it was for nobody, or long ago."""
    raw = place.cell(ALERTS, alert_key(seq))
    return None if raw is None else msgspec.json.decode(raw, type=Noted)
