"""What a version conflict tells: what happened to the document since the version that somebody saw.

Only what is told is read: a document may have any number of versions, and conflicts come when much is changed at once.
"""

from __future__ import annotations

from flagtrail.model.entry import Entry
from flagtrail.model.errors import VersionConflict
from flagtrail.storage import Storage

MOST = 20
"""The newest so many changes are told."""


def explained(storage: Storage, conflict: VersionConflict) -> VersionConflict:
    """The conflict with what happened between the version that the caller saw and the present one."""
    expected = conflict.facts.get("expected")
    path = conflict.facts.get("subject")
    if isinstance(expected, int) and isinstance(path, str):
        since: list[Entry] = []
        entry = storage.as_of(path)
        while entry is not None and entry.version > expected and len(since) < MOST:
            since.append(entry)
            entry = storage.as_of(path, seq=entry.seq - 1)
        seen = None if entry is None else _version(storage, path, expected, entry)
        conflict.facts["diff"] = [
            {"seq": e.seq, "actor": e.actor.name, "time": e.time, "paths": list(e.paths), "why": e.why}
            for e in reversed(since)
        ]
        conflict.facts["theirs"] = since[0].after if since else None
        conflict.facts["yours_was_based_on"] = None if seen is None else seen.after
    return conflict


def _version(storage: Storage, path: str, version: int, newest: Entry) -> Entry | None:
    """A document's entry of a version, none of which is newer than `newest`: found by halves, as versions only rise."""
    found: Entry | None = newest
    low, high = version - 1, newest.seq  # a version has at least one entry for each before it
    while found is not None and found.version != version and low < high:
        middle = (low + high) // 2
        found = storage.as_of(path, seq=middle)
        if found is None or found.version < version:
            low, found = middle + 1, newest
        else:
            high = found.seq
    return found if found is not None and found.version == version else None
