"""What the command line reads of the server's answers. Members that it does not need are passed over."""

from __future__ import annotations

import msgspec

from flagtrail.model.entry import Entry
from flagtrail.model.flag import Flag, Json
from flagtrail.model.subject import Subject


class EntryView(Entry, frozen=True, kw_only=True):
    """An entry, and what it altered in words."""

    words: tuple[str, ...] = ()


class Prediction(msgspec.Struct, frozen=True):
    """What a change was predicted to do, in sentences."""

    words: tuple[str, ...]


class EntryDetail(EntryView, frozen=True, kw_only=True):
    """An entry, and what its change was predicted to do, where that is stored."""

    preview: Prediction | None = None


class LogPage(msgspec.Struct, frozen=True):
    """Entries, newest first, and the cursor of the page after."""

    items: tuple[EntryView, ...]
    next: int | None


class Document(msgspec.Struct, frozen=True):
    """A document as it stands."""

    subject: Subject
    version: int
    effective: str
    document: Json


class Documents(msgspec.Struct, frozen=True):
    """Documents of one kind."""

    items: tuple[Document, ...]


class Changed(msgspec.Struct, frozen=True):
    """What a change did."""

    changed: bool
    entries: tuple[EntryView, ...]
    version: int
    secret: str = ""


class ServedIn(msgspec.Struct, frozen=True):
    """How a flag is served in one environment, in short."""

    enabled: bool
    serve: str
    rules: int


class FlagItem(msgspec.Struct, frozen=True):
    """A flag in a list."""

    flag: Flag
    version: int
    environments: dict[str, ServedIn]


class FlagPage(msgspec.Struct, frozen=True):
    """Flags by key."""

    items: tuple[FlagItem, ...]
    next: str | None
