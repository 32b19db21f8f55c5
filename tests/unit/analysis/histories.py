"""Building entries in a line, for the tests of analysis."""

from __future__ import annotations

from collections.abc import Iterable

from flagtrail.changes.actions import actions
from flagtrail.changes.diff import paths
from flagtrail.model.actor import Actor
from flagtrail.model.condition import Condition
from flagtrail.model.document import Document, encode
from flagtrail.model.entry import Entry, Group, Source
from flagtrail.model.flag import Flag, Json, boolean_flag
from flagtrail.model.segment import Segment
from flagtrail.model.subject import Subject, flag_subject, segment_subject, targeting_subject
from flagtrail.model.targeting import Prerequisite, Rule, Serve, Share, Targeting

ALICE = Actor(kind="person", id="act_1", name="Alice", email="alice@example.org", auth="session", via="web")
P, ENV = "default", "production"
ON, OFF = Serve(variant="on"), Serve(variant="off")
GERMAN = Condition(attribute="country", operator="equals", values=("DE",))
ENTERPRISE = Condition(attribute="plan", operator="in", values=("enterprise",))
BETA = Condition(segment="beta")


def at(day: int, month: int = 1) -> str:
    """A stamp: midnight of a day in 2026."""
    return f"2026-{month:02}-{day:02}T00:00:00.000000Z"


def split(salt: str = "f", by: str = "targetingKey", **weights: int) -> Serve:
    """A split by weights in 1/100,000."""
    shares = tuple(Share(variant, weight) for variant, weight in weights.items())
    return Serve(split=shares, by=by, salt=salt, bucketing="murmur3")


def targeting(fallthrough: Serve = ON, *rules: Rule, enabled: bool = True, needs: Iterable[str] = ()) -> Targeting:
    """An enabled targeting; `needs` are flags that must be on."""
    prerequisites = tuple(Prerequisite(flag, ("on",)) for flag in needs)
    return Targeting("off", fallthrough, enabled, prerequisites, rules)


def rule(when: Condition, serve: Serve = ON, key: str = "r1") -> Rule:
    """A rule."""
    return Rule(key, when, serve)


class History:
    """Entries appended one by one, each with the document before and after."""

    def __init__(self) -> None:
        self.entries: list[Entry] = []
        self._held: dict[Subject, Json] = {}
        self._versions: dict[Subject, int] = {}

    def put(
        self,
        subject: Subject,
        document: Document | None,
        time: str,
        *,
        occurred_at: str | None = None,
        why: str = "",
        actor: Actor = ALICE,
        approval: str | None = None,
    ) -> Entry:
        """Append a creation, a change, or (no document) a deletion."""
        seq = len(self.entries)
        before, after = self._held.get(subject), None if document is None else encode(document)
        self._held[subject] = after
        self._versions[subject] = self._versions.get(subject, 0) + 1
        entry = Entry(
            seq=seq,
            id=f"id-{seq}",
            time=time,
            occurred_at=occurred_at,
            actor=actor,
            subject=subject,
            version=self._versions[subject],
            actions=actions(subject, before, after),
            paths=paths(before, after),
            before=before,
            after=after,
            why=why,
            ticket="BILL-42" if why else "",
            group=Group(f"group-{seq}"),
            approval=approval,
            source=Source("web"),
        )
        self.entries.append(entry)
        return entry

    def flag(self, key: str, time: str, **details: object) -> Entry:
        """Put a boolean flag."""
        return self.put(flag_subject(P, key), boolean_flag(key, **details), time)

    def define(self, flag: Flag | None, key: str, time: str) -> Entry:
        """Put or delete a flag's definition."""
        return self.put(flag_subject(P, key), flag, time)

    def target(
        self, key: str, document: Targeting | None, time: str, *, env: str = ENV, why: str = "", approval: str = ""
    ) -> Entry:
        """Put or delete a targeting."""
        return self.put(targeting_subject(P, key, env), document, time, why=why, approval=approval or None)

    def segment(self, key: str, when: Condition | None, time: str, why: str = "") -> Entry:
        """Put or delete a segment."""
        return self.put(segment_subject(P, key), None if when is None else Segment(key, when), time, why=why)
