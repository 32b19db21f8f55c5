"""One environment's documents, moved on entry by entry: for questions about every moment of a stretch of time."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Collection, Iterator
from typing import TypeVar, cast

import msgspec

from flagtrail.analysis.exposure import concerns
from flagtrail.engine.interpret import Interpreter
from flagtrail.engine.references import every_condition, references
from flagtrail.model.context import Context
from flagtrail.model.document import decode
from flagtrail.model.entry import Entry
from flagtrail.model.flag import Flag, Json
from flagtrail.model.segment import Segment
from flagtrail.model.state import Mention
from flagtrail.model.subject import Subject
from flagtrail.model.targeting import Targeting

D = TypeVar("D")
NOBODY: frozenset[str] = frozenset()
_write = msgspec.json.Encoder().encode


class Replay:
    """The flags, targetings and segments of one environment, after the entries that were applied so far.

    The mappings are replaced, never altered: whoever keeps one keeps how it stood.
    """

    def __init__(self, project: str, environment: str) -> None:
        self.flags: dict[str, Flag] = {}
        self.targetings: dict[str, Targeting] = {}
        self.segments: dict[str, Segment] = {}
        self._project = project
        self._environment = environment
        self._deciding: dict[Subject, bytes | None] = {}
        self._users: dict[Mention, set[Mention]] = {}

    def apply(self, entry: Entry) -> frozenset[str]:
        """Move on by one entry, in the order in which they count (`world.in_order`).

        The answer is the flags that can give another answer after it. There are none, and its document is not even
        read, where it alters nothing that decides: a description, an owner, another environment.
        """
        subject = entry.subject
        if not concerns(entry, self._project, self._environment):
            return NOBODY
        deciding = None if entry.after is None else _write(_deciding(subject, entry.after))
        if self._deciding.get(subject) == deciding:
            return NOBODY
        self._deciding[subject] = deciding
        self._put(subject, entry.after)
        return frozenset(key for kind, key in self.reached(node_of(subject)) if kind == "flag")

    def interpreter(self, context: Context) -> Interpreter:
        """What evaluates for one context as things stand now, also when they have moved on."""
        return Interpreter(self.flags, self.targetings, self.segments, context)

    def reached(self, node: Mention) -> set[Mention]:
        """A flag or segment, and all that depend on it."""
        seen, waiting = {node}, [node]
        while waiting:
            new = self._users.get(waiting.pop(), set()) - seen
            seen |= new
            waiting.extend(new)
        return seen

    def wanted(self, user: Mention, flag: str) -> Iterator[Collection[str]]:
        """The variants that a flag or segment asks another flag for, once for each time that it asks."""
        kind, key = user
        targeting = self.targetings.get(key) if kind == "flag" else None
        segment = self.segments.get(key) if kind == "segment" else None
        rules = () if targeting is None else targeting.rules
        needs = () if targeting is None else targeting.prerequisites
        yield from (each.variants for each in needs if each.flag == flag)
        roots = [rule.when for rule in rules] if segment is None else [segment.when]
        yield from (each.variants or () for each in every_condition(roots) if each.flag == flag)

    def way(self, start: Mention, end: Mention, passes: Callable[[Mention, Mention], bool]) -> tuple[Mention, ...]:
        """The shortest way from a flag or segment to one that depends on it; empty where there is none.

        It leads from what is named to who names it, wherever `passes` says so of the two.
        """
        came_from: dict[Mention, Mention] = {}
        waiting = deque([start])
        while waiting:
            node = waiting.popleft()
            if node == end:
                way = [node]
                while way[-1] != start:
                    way.append(came_from[way[-1]])
                return tuple(reversed(way))
            for user in sorted(self._users.get(node, ())):
                if user not in came_from and passes(node, user):
                    came_from[user] = node
                    waiting.append(user)
        return ()

    def _put(self, subject: Subject, written: Json) -> None:
        document = None if written is None else decode(subject, written)
        node = node_of(subject)
        if subject.kind == "flag":
            self.flags = _with(self.flags, node[1], cast("Flag | None", document))
            return
        if subject.kind == "targeting":
            before: Targeting | Segment | None = self.targetings.get(node[1])
            self.targetings = _with(self.targetings, node[1], cast("Targeting | None", document))
        else:
            before = self.segments.get(node[1])
            self.segments = _with(self.segments, node[1], cast("Segment | None", document))
        named, names = _named(before), _named(cast("Targeting | Segment | None", document))
        for mention in named - names:
            self._users[mention].discard(node)
        for mention in names - named:
            self._users.setdefault(mention, set()).add(node)


def node_of(subject: Subject) -> Mention:
    """What others name the document by: a flag's definition and its targeting alike by the flag."""
    return ("segment", subject.name) if subject.kind == "segment" else ("flag", subject.flag or "")


def _deciding(subject: Subject, document: Json) -> Json:
    """What of a document can alter an answer. What is written otherwise and means the same only costs an evaluation."""
    match subject.kind:
        case "flag":
            return [document["type"], document["variants"], document.get("archived", False)]
        case "targeting":
            rules = [[rule["id"], rule["when"], rule["serve"]] for rule in document.get("rules", ())]
            return {**document, "rules": rules}
        case _:
            return [document["when"]]


def _with(documents: dict[str, D], key: str, document: D | None) -> dict[str, D]:
    changed = dict(documents)
    if document is None:
        changed.pop(key, None)
    else:
        changed[key] = document
    return changed


def _named(document: Targeting | Segment | None) -> set[Mention]:
    """The flags and segments that a document names directly."""
    if document is None:
        return set()
    found = references(document)
    return {*(("flag", key) for key in found.flags), *(("segment", key) for key in found.segments)}
