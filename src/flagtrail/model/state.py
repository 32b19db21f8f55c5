"""The state: every document as it stands after a number of entries."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Literal, TypeAlias, cast

import msgspec

from flagtrail.model.document import Document, decode
from flagtrail.model.entry import Entry
from flagtrail.model.environment import Environment, Policy, Project
from flagtrail.model.flag import Flag
from flagtrail.model.nudge import Nudge
from flagtrail.model.segment import Segment
from flagtrail.model.stage import FlagStage, Snooze
from flagtrail.model.subject import (
    Kind,
    Subject,
    environment_subject,
    flag_subject,
    lifespan_subject,
    nudge_subject,
    policy_subject,
    segment_subject,
    snooze_subject,
    stage_subject,
    targeting_subject,
    thresholds_subject,
)
from flagtrail.model.subscription import CRITICAL_SUBSCRIPTION, Subscription
from flagtrail.model.targeting import Prerequisite, Targeting
from flagtrail.model.thresholds import BUILT_IN, Lifespan, Thresholds

Mention: TypeAlias = tuple[Literal["flag", "segment"], str]
Table: TypeAlias = tuple[Kind, str]
Local: TypeAlias = str | tuple[str, str]

_NOTHING: Mapping[Local, Versioned] = {}
_NOBODY: frozenset[Subject] = frozenset()


class Versioned(msgspec.Struct, frozen=True):
    """A document with its address and version, and the entry that made it so (`seq`, its `effective` time).

    `document` is None where it was deleted. `mentions` are the flags and
    segments it names directly, as ("flag" | "segment", key).
    """

    subject: Subject
    document: Document | None
    version: int
    seq: int
    effective: str
    mentions: frozenset[Mention] = frozenset()


class Living(Mapping[Local, Document]):
    """The living documents of a table by key, looked up as they are asked for: nothing is copied or sorted."""

    def __init__(self, table: Mapping[Local, Versioned]) -> None:
        self._table = table

    def __getitem__(self, key: Local) -> Document:
        document = self._table[key].document
        if document is None:
            raise KeyError(key)
        return document

    def __iter__(self) -> Iterator[Local]:
        return (key for key, held in self._table.items() if held.document is not None)

    def __len__(self) -> int:
        return sum(held.document is not None for held in self._table.values())


class State(msgspec.Struct, frozen=True):
    """All documents after the first `size` entries, by (kind, project) and key. Never altered in place.

    `root` is the ledger's root at that size where it is known, else empty: together they name the state.
    `users` are the subjects whose living documents name a flag or segment directly, by project and what is named.
    """

    size: int = 0
    tables: Mapping[Table, Mapping[Local, Versioned]] = msgspec.field(default_factory=dict)
    root: bytes = b""
    users: Mapping[tuple[str, Mention], Collection[Subject]] = msgspec.field(default_factory=dict)

    def held(self, subject: Subject) -> Versioned | None:
        """The record of the subject, deleted or not; None where it never existed."""
        return self.tables.get(_table(subject), _NOTHING).get(_local(subject))

    def get(self, subject: Subject) -> Document | None:
        """The document, or None where it does not exist (any more)."""
        held = self.held(subject)
        return None if held is None else held.document

    def all(self) -> Iterator[Versioned]:
        """Every record, deleted ones too, in no particular order."""
        for table in self.tables.values():
            yield from table.values()

    def of_kind(self, kind: Kind, project: str = "") -> Iterator[Versioned]:
        """Every living document of a kind (in a project), in no particular order."""
        for held in self.tables.get((kind, project), _NOTHING).values():
            if held.document is not None:
                yield held

    def living(self, kind: Kind, project: str = "") -> Living:
        """The living documents of a kind (in a project) by key; a targeting's key is (flag, environment)."""
        return Living(self.tables.get((kind, project), _NOTHING))

    def users_of(self, project: str, named: Mention) -> Collection[Subject]:
        """The targetings and segments that name a flag or segment directly, in no particular order."""
        return self.users.get((project, named), _NOBODY)

    def projects(self) -> dict[str, Project]:
        """Projects by key, sorted."""
        found = [held for (kind, _), table in self.tables.items() if kind == "project" for held in table.values()]
        living = {held.subject.name: cast("Project", held.document) for held in found if held.document is not None}
        return dict(sorted(living.items()))

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

    def thresholds(self, project: str) -> Thresholds:
        """The project's thresholds; those that Flagtrail comes with where none were set."""
        return cast("Thresholds | None", self.get(thresholds_subject(project))) or BUILT_IN

    def nudge(self, project: str) -> Nudge | None:
        """When and where owners are reminded of flags that could go, where that was set."""
        return cast("Nudge | None", self.get(nudge_subject(project)))

    def lifespan(self, project: str, flag: str) -> Lifespan | None:
        """A flag's own days, where it has any."""
        return cast("Lifespan | None", self.get(lifespan_subject(project, flag)))

    def snooze(self, project: str, flag: str) -> Snooze | None:
        """A flag's snooze, whether it is over or not."""
        return cast("Snooze | None", self.get(snooze_subject(project, flag)))

    def stage(self, project: str, flag: str) -> FlagStage | None:
        """The stage that was written down for a flag."""
        return cast("FlagStage | None", self.get(stage_subject(project, flag)))

    def flags(self, project: str) -> dict[str, Flag]:
        """Flags of a project by key, sorted."""
        found = {held.subject.name: cast("Flag", held.document) for held in self.of_kind("flag", project)}
        return dict(sorted(found.items()))

    def segments(self, project: str) -> dict[str, Segment]:
        """Segments of a project by key, sorted."""
        found = {held.subject.name: cast("Segment", held.document) for held in self.of_kind("segment", project)}
        return dict(sorted(found.items()))

    def subscriptions(self, project: str) -> dict[str, Subscription]:
        """Subscriptions of a project by key; the built-in one is among them while no document took its place."""
        found = {CRITICAL_SUBSCRIPTION.key: CRITICAL_SUBSCRIPTION}
        for held in self.of_kind("subscription", project):
            found[held.subject.name] = cast("Subscription", held.document)
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

    def having(self, changed: Iterable[Versioned], *, size: int, root: bytes = b"") -> State:
        """The state after these documents changed; `size` and `root` are the ledger's then."""
        tables: dict[Table, Mapping[Local, Versioned]] = dict(self.tables)
        fresh: dict[Table, dict[Local, Versioned]] = {}
        naming: list[tuple[Subject, frozenset[Mention], frozenset[Mention]]] = []
        for held in changed:
            table, local = _table(held.subject), _local(held.subject)
            if table not in fresh:
                tables[table] = fresh[table] = dict(tables.get(table, _NOTHING))
            before = fresh[table].get(local)
            named = frozenset[Mention]() if before is None else before.mentions
            if named != held.mentions:
                naming.append((held.subject, named, held.mentions))
            fresh[table][local] = held
        return State(size, tables, root, _users(self.users, naming) if naming else self.users)


def _users(
    users: Mapping[tuple[str, Mention], Collection[Subject]],
    naming: Iterable[tuple[Subject, frozenset[Mention], frozenset[Mention]]],
) -> dict[tuple[str, Mention], Collection[Subject]]:
    """Who names whom after some subjects name others than before."""
    result = dict(users)
    fresh: dict[tuple[str, Mention], set[Subject]] = {}
    for subject, before, after in naming:
        for mention in before ^ after:
            key = (subject.project or "", mention)
            if key not in fresh:
                result[key] = fresh[key] = set(result.get(key, ()))
            if mention in after:
                fresh[key].add(subject)
            else:
                fresh[key].discard(subject)
    for key, subjects in fresh.items():
        if not subjects:
            del result[key]
    return result


def _table(subject: Subject) -> Table:
    return (subject.kind, subject.project or "")


def _local(subject: Subject) -> Local:
    """The key within the table; a targeting, and its guard, need both of their parts."""
    return (subject.flag or "", subject.environment or "") if subject.kind in {"targeting", "guard"} else subject.name


def mentions(document: Document | None) -> frozenset[Mention]:
    """The flags and segments that a document names directly: prerequisites and conditions."""
    if isinstance(document, Segment):
        conditions = [document.when]
        prerequisites: tuple[Prerequisite, ...] = ()
    elif isinstance(document, Targeting):
        conditions = [rule.when for rule in document.rules]
        prerequisites = document.prerequisites
    else:
        return frozenset()
    found: set[Mention] = {("flag", prerequisite.flag) for prerequisite in prerequisites}
    for condition in conditions:
        for part in condition.walk():
            if part.segment is not None:
                found.add(("segment", part.segment))
            if part.flag is not None:
                found.add(("flag", part.flag))
    return frozenset(found)


def held_after(entry: Entry) -> Versioned:
    """The document that an entry left behind."""
    document = None if entry.after is None else decode(entry.subject, entry.after)
    return Versioned(entry.subject, document, entry.version, entry.seq, entry.effective, mentions(document))


def fold(entries: Iterable[Entry], state: State | None = None) -> State:
    """The state after `entries` (and a state before them), oldest first: the newest entry of each subject wins."""
    start = state or State()
    newest = {entry.subject: entry for entry in entries}
    if not newest:
        return start
    size = max(entry.seq + 1 for entry in newest.values())
    return start.having(map(held_after, newest.values()), size=size)
