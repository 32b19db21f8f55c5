"""What has to be settled before a flag can go: who depends on it, which old version still asks, what is watched."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import cast

from flagtrail.analysis.stale_reason import Blocker, listed
from flagtrail.analysis.stale_usage import unversioned
from flagtrail.model.guard import Guard
from flagtrail.model.state import State
from flagtrail.model.subject import Subject
from flagtrail.model.usage import UsageClient, UsageReporter


def dependents(state: State, project: str, flag: str) -> Iterator[Blocker]:
    """Other flags' prerequisites and rules, and segments, that ask for the flag. What is archived asks no more."""
    users = sorted({_user(state, each) for each in state.users_of(project, ("flag", flag))} - {""})
    if users:
        yield Blocker("dependents", f"{listed(users)} need{'s' if len(users) == 1 else ''} it", tuple(users))


def _user(state: State, user: Subject) -> str:
    """What depends, for people; empty where that is archived."""
    if user.kind == "segment":
        return f"segment {user.name}"
    flag = state.flag(user.project or "", user.flag or "")
    return "" if flag is None or flag.archived else f"{user.flag} in {user.environment}"


def guards(state: State, project: str, flag: str) -> Iterator[Blocker]:
    """Guards that still watch over a change of the flag."""
    watching = sorted(
        held.subject.environment or ""
        for held in state.of_kind("guard", project)
        if held.subject.flag == flag and cast("Guard", held.document).state == "watching"
    )
    if watching:
        yield Blocker("guard", f"a guard watches over its newest change in {listed(watching)}", tuple(watching))


class Versions:
    """The versions of SDKs and applications that report at present, and which of them are not the newest.

    The newest version of an application is the one that was first heard of last: hashes and dates are versions, too.
    """

    def __init__(self, reporters: Iterable[UsageReporter]) -> None:
        self._first: dict[tuple[str, str, str], dict[str, str]] = {}
        for each in reporters:
            known = self._first.setdefault(self._place(each), {})
            version = each.application or each.client
            known[version] = min(each.first, known.get(version, each.first))

    def newest(self, each: UsageClient | UsageReporter) -> str:
        """The newest version of the same application (of the same SDK, where no application is named)."""
        known = self._first.get(self._place(each), {})
        return max(known, key=lambda version: (known[version], version), default=each.application or each.client)

    def is_old(self, each: UsageClient) -> bool:
        """Whether a newer version of the same reports."""
        return self.newest(each) != (each.application or each.client)

    def _place(self, each: UsageClient | UsageReporter) -> tuple[str, str, str]:
        if each.application:
            return each.environment, "application", unversioned(each.application)
        return each.environment, "sdk", unversioned(each.client)


def old_versions(asking: Sequence[UsageClient], versions: Versions) -> Iterator[Blocker]:
    """Only old versions still ask: newer ones of the same do not. `asking` are those of customers, at present."""
    if not asking or not all(versions.is_old(each) for each in asking):
        return
    lasts: dict[str, str] = {}
    for each in sorted(asking, key=lambda one: one.last):
        lasts[each.application or each.client] = each.last
    told = [f"{name} (last {last[:16].replace('T', ' ')} UTC)" for name, last in lasts.items()]
    current = sorted({versions.newest(each) for each in asking})
    ask = "an old version still asks" if len(told) == 1 else "old versions still ask"
    evidence = f"only {ask}: {listed(told)}; the newest is {listed(current)}"
    yield Blocker("old_version_asking", evidence, tuple(lasts))
