"""What could ever have mattered to a flag in one environment, and all entries of it?"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Literal

from flagtrail.analysis.world import in_order
from flagtrail.model.entry import Entry
from flagtrail.model.flag import Json
from flagtrail.model.state import Mention
from flagtrail.model.subject import Subject, flag_subject, segment_subject, targeting_subject

MENTIONED: tuple[Literal["flag", "segment"], ...] = ("flag", "segment")


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
    for kind, key in named(entry.subject, entry.after):
        if kind == "segment":
            yield segment_subject(project, key)
        else:
            yield flag_subject(project, key)
            yield targeting_subject(project, key, environment)


def named(subject: Subject, document: Json) -> set[Mention]:
    """What `state.mentions` finds, of a document as it is written: to decode thousands of versions costs more."""
    if document is None or subject.kind not in {"targeting", "segment"}:
        return set()
    found: set[Mention] = {("flag", need["flag"]) for need in document.get("prerequisites") or ()}
    waiting = (
        [rule["when"] for rule in document.get("rules") or ()] if subject.kind == "targeting" else [document["when"]]
    )
    while waiting:
        condition = waiting.pop()
        for kind in MENTIONED:
            if condition.get(kind) is not None:
                found.add((kind, condition[kind]))
        for parts in (condition.get("all"), condition.get("any")):
            waiting.extend(parts or ())
        if condition.get("not") is not None:
            waiting.append(condition["not"])
    return found
