"""Taking back an entry: the operation that undoes it, where nobody has built on it since."""

from __future__ import annotations

from collections.abc import Sequence

from flagtrail.changes import diff
from flagtrail.model.change import Operation
from flagtrail.model.document import encode
from flagtrail.model.entry import Entry
from flagtrail.model.errors import VersionConflict
from flagtrail.model.flag import Json
from flagtrail.model.state import State


def reverts(state: State, group: Sequence[Entry]) -> tuple[Operation, ...]:
    """The operations that take back a whole group, last entry first; raises what `revert` raises.

    The group's guard ends with it, where it still watches. What became of a guard is not taken back.
    """
    found = []
    for entry in reversed(group):
        if entry.subject.kind != "guard":
            found.append(revert(state, entry))
            continue
        held = state.held(entry.subject)
        if held is not None and held.seq == entry.seq and "guarded" in entry.actions:
            found.append(Operation(action="delete", subject=entry.subject, version=held.version))
    return tuple(found)


def revert(state: State, entry: Entry) -> Operation:
    """The operation that gives the document back what `entry` took from it.

    Keys that others changed since are left alone where the entry did not touch
    them; where it did, VersionConflict is raised with the keys.
    """
    held = state.held(entry.subject)
    document = None if held is None else held.document
    version = None if held is None else held.version
    current = None if document is None else encode(document)
    if entry.after is None:
        if current is not None:
            raise _conflict(entry, ["/"], version)
        return Operation(action="create", subject=entry.subject, value=entry.before)
    if current is None:
        raise _conflict(entry, ["/"], version)
    if entry.before is None:
        if not diff.same(current, entry.after):
            raise _conflict(entry, _differing(current, entry.after), version)
        return Operation(action="delete", subject=entry.subject, version=version)
    restored = dict(current)
    moved: list[str] = []
    for key in _differing(entry.before, entry.after):
        if not any(diff.same(current.get(key), side.get(key)) for side in (entry.after, entry.before)):
            moved.append(key)
        elif key in entry.before:
            restored[key] = entry.before[key]
        else:
            restored.pop(key, None)
    if moved:
        raise _conflict(entry, moved, version)
    return Operation(action="put", subject=entry.subject, value=restored, version=version)


def _differing(left: Json, right: Json) -> list[str]:
    return sorted(key for key in left.keys() | right.keys() if not diff.same(left.get(key), right.get(key)))


def _conflict(entry: Entry, keys: list[str], version: int | None) -> VersionConflict:
    return VersionConflict(
        f"{entry.subject.path} was changed since entry {entry.seq}: {', '.join(keys)}",
        subject=entry.subject.path,
        seq=entry.seq,
        paths=keys,
        actual=version,
    )
