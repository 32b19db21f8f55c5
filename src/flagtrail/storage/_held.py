"""What the memory store holds of an entry."""

from __future__ import annotations

import msgspec

from flagtrail.model.entry import Entry
from flagtrail.storage import Record
from flagtrail.storage import _index as index


class Held(msgspec.Struct, frozen=True):
    """A record with what its entry is found by."""

    record: Record
    effective: int
    terms: str
    words: str
    actor: str
    subject: str

    @property
    def entry(self) -> Entry:
        return self.record.entry

    def has_text(self, needle: str) -> bool:
        return needle in self.words or needle in self.actor or needle in self.subject


def held_of(record: Record) -> Held:
    entry = record.entry
    return Held(
        record,
        index.instant(entry.effective),
        index.joined(index.entry_terms(entry, record.touches)),
        index.entry_words(entry),
        index.actor_words(entry.actor),
        index.subject_words(entry.subject),
    )
