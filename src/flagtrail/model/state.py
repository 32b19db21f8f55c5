"""The state: every document as it stands after a number of entries."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import TypeVar, cast

import msgspec

from flagtrail.model.document import Document, decode
from flagtrail.model.entry import Entry
from flagtrail.model.environment import Environment, Policy
from flagtrail.model.flag import Flag
from flagtrail.model.segment import Segment
from flagtrail.model.subject import (
    Kind,
    Subject,
    environment_subject,
    flag_subject,
    policy_subject,
    segment_subject,
    targeting_subject,
)
from flagtrail.model.targeting import Targeting

D = TypeVar("D", bound=Document)


class Versioned(msgspec.Struct, frozen=True):
    """A document with its address, its version (None document: deleted) and the entry that made it so.

    `effective` is the effective time of that entry.
    """

    subject: Subject
    document: Document | None
    version: int
    seq: int
    effective: str


class State(msgspec.Struct, frozen=True):
    """All documents by the path of their subject, after the first `size` entries. Never altered in place."""

    size: int = 0
    documents: Mapping[str, Versioned] = msgspec.field(default_factory=dict)

    def held(self, subject: Subject) -> Versioned | None:
        """The record of the subject, deleted or not; None where it never existed."""
        return self.documents.get(subject.path)

    def get(self, subject: Subject) -> Document | None:
        """The document, or None where it does not exist (any more)."""
        held = self.documents.get(subject.path)
        return None if held is None else held.document

    def flag(self, project: str, key: str) -> Flag | None:
        """A flag's definition."""
        return cast("Flag | None", self.get(flag_subject(project, key)))

    def targeting(self, project: str, flag: str, environment: str) -> Targeting | None:
        """How a flag is served in one environment."""
        return cast("Targeting | None", self.get(targeting_subject(project, flag, environment)))

    def segment(self, project: str, key: str) -> Segment | None:
        """A segment."""
        return cast("Segment | None", self.get(segment_subject(project, key)))

    def environment(self, project: str, key: str) -> Environment | None:
        """An environment."""
        return cast("Environment | None", self.get(environment_subject(project, key)))

    def policy(self, project: str) -> Policy:
        """The project's policy; the default one where none was set."""
        return cast("Policy | None", self.get(policy_subject(project))) or Policy()

    def of_kind(self, kind: Kind, project: str | None = None) -> Iterator[Versioned]:
        """Every living document of a kind (in a project), in no particular order."""
        for held in self.documents.values():
            subject = held.subject
            if subject.kind == kind and held.document is not None and (project is None or subject.project == project):
                yield held

    def flags(self, project: str) -> dict[str, Flag]:
        """Flags of a project by key, sorted."""
        found = {cast("str", held.subject.flag): cast("Flag", held.document) for held in self.of_kind("flag", project)}
        return dict(sorted(found.items()))

    def segments(self, project: str) -> dict[str, Segment]:
        """Segments of a project by key, sorted."""
        found = {held.subject.name: cast("Segment", held.document) for held in self.of_kind("segment", project)}
        return dict(sorted(found.items()))

    def environments(self, project: str) -> dict[str, Environment]:
        """Environments of a project by key, in their order."""
        found = [cast("Environment", held.document) for held in self.of_kind("environment", project)]
        return {env.key: env for env in sorted(found, key=lambda env: (env.position, env.key))}

    def targetings(self, project: str, environment: str) -> dict[str, Targeting]:
        """Targetings of one environment by flag key, sorted."""
        found = {
            cast("str", held.subject.flag): cast("Targeting", held.document)
            for held in self.of_kind("targeting", project)
            if held.subject.environment == environment
        }
        return dict(sorted(found.items()))

    def having(self, changed: Iterable[Versioned], *, size: int) -> State:
        """The state after these documents changed; `size` is the ledger's size then."""
        return State(size, {**self.documents, **{held.subject.path: held for held in changed}})


def held_after(entry: Entry) -> Versioned:
    """The document that an entry left behind."""
    document = None if entry.after is None else decode(entry.subject, entry.after)
    return Versioned(entry.subject, document, entry.version, entry.seq, entry.effective)


def fold(entries: Iterable[Entry], state: State | None = None) -> State:
    """The state after `entries`, oldest first: the newest entry of each subject wins."""
    start = state or State()
    documents = dict(start.documents)
    size = start.size
    for entry in entries:
        documents[entry.subject.path] = held_after(entry)
        size = entry.seq + 1
    return State(size, documents)
