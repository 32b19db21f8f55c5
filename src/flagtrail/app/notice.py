"""What the transaction of a change writes down for alerts: which subscriptions each of its entries is for."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from datetime import datetime, timedelta

import msgspec

from flagtrail.app.zones import known_zone
from flagtrail.changes.subscriptions import Matched, matched
from flagtrail.model.document import Document, decode
from flagtrail.model.entry import Entry, Touch
from flagtrail.model.errors import Defect, InvalidDocument
from flagtrail.model.nudge import Nudge
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
    """Raise InvalidDocument where a subscription or a nudge names a time zone that nobody here knows."""
    defects: list[Defect] = []
    for entry in entries:
        if entry.subject.kind not in {"subscription", "nudge"} or entry.after is None:
            continue
        for path, name in _zones(decode(entry.subject, entry.after)):
            if known_zone(name) is None:
                told = f"{name!r} is no time zone, such as Europe/Berlin or UTC"
                defects.append(Defect(f"{entry.subject.path.split('/', 2)[2]}#{path}", told))
    if defects:
        raise InvalidDocument(defects)


def _zones(document: Document) -> Iterator[tuple[str, str]]:
    """The time zones that a document names, each with the pointer to it."""
    if isinstance(document, Subscription):
        yield from zones(document)
    if isinstance(document, Nudge):
        yield "/zone", document.zone


def alert_key(seq: int) -> str:
    """The key of an entry's cell: keys sort as the entries do."""
    return f"{seq:019d}"


def noted(place: Storage | Transaction, seq: int) -> Noted | None:
    """What was written down for an entry; None where it was for nobody, or long ago."""
    raw = place.cell(ALERTS, alert_key(seq))
    return None if raw is None else msgspec.json.decode(raw, type=Noted)
