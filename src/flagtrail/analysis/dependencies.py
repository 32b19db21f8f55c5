"""What could ever have mattered to a flag in one environment, and all entries of it?"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from flagtrail.analysis.world import in_order
from flagtrail.model.entry import Entry
from flagtrail.model.state import held_after
from flagtrail.model.subject import Subject, flag_subject, segment_subject, targeting_subject


def gather(history: Callable[[Sequence[str]], list[Entry]], project: str, environment: str, flag: str) -> list[Entry]:
    """Every entry of the flag, of its targeting there, and of whatever these depended on at any time.

    `history` returns all entries of the subjects with the given paths
    (`Storage.history`). The result is in order of (effective time, seq).
    """
    found: list[Entry] = []
    wanted = {flag_subject(project, flag), targeting_subject(project, flag, environment)}
    seen: set[Subject] = set()
    while wanted:
        seen |= wanted
        entries = history(sorted(subject.path for subject in wanted))
        found.extend(entries)
        wanted = {subject for entry in entries for subject in _named(entry, environment)} - seen
    return in_order(found)


def _named(entry: Entry, environment: str) -> Iterator[Subject]:
    """The subjects that the document which an entry left behind names directly."""
    project = entry.subject.project or ""
    for kind, key in held_after(entry).mentions:
        if kind == "segment":
            yield segment_subject(project, key)
        else:
            yield flag_subject(project, key)
            yield targeting_subject(project, key, environment)
