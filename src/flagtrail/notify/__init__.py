"""The door to notifiers: how a change reaches people and other programs.

A new file in this folder is a new notifier. It holds `KIND`, `SUMMARY`, `defect(target, secret)` and
`send(client, target, message, *, secret)`, and passes `tests/contract/notify`.
Files whose name starts with `_` are parts of notifiers. A notifier makes one
attempt and remembers nothing: what to send, when, and again, is its follower's
business (`app/alerts.py`).
"""

from __future__ import annotations

import hashlib
import importlib
import pkgutil
from collections.abc import Iterator, Sequence
from typing import Protocol, cast

import httpx2
import msgspec

from flagtrail.model.actor import Actor
from flagtrail.model.entry import Action, Entry
from flagtrail.model.errors import SettingInvalid
from flagtrail.model.subject import LEAVING, Subject
from flagtrail.notify._guard import Address, Guarded, inward

FIRST_WAIT_SECONDS = 1.0
LONGEST_WAIT_SECONDS = 300.0

DONE: dict[Action, str] = {
    "created": "created",
    "deleted": "deleted",
    "enabled": "enabled",
    "disabled": "disabled",
    "targeting_changed": "changed the targeting of",
    "rollout_changed": "changed the rollout of",
    "off_variant_changed": "changed the off variant of",
    "prerequisites_changed": "changed the prerequisites of",
    "variants_changed": "changed the variants of",
    "type_changed": "changed the type of",
    "details_changed": "changed the details of",
    "lifecycle_changed": "changed the lifecycle of",
    "archived": "archived",
    "restored": "restored",
    "access_changed": "changed the access of",
    "revoked": "revoked",
    "policy_changed": "changed the policy of",
    "signin_failed": "failed to sign in with",
    "guarded": "set",
    "guard_breached": "found a breach of",
    "guard_passed": "ended, without a breach,",
    "guard_unjudged": "ended, without a verdict,",
    "stage_changed": "moved the stage of",
    "snoozed": "snoozed",
    "unsnoozed": "ended the snooze of",
    "thresholds_changed": "changed the thresholds of",
}
"""Every action as a headline tells it."""


class Message(msgspec.Struct, frozen=True, kw_only=True):
    """One change, told to people: `headline` and `words` in words, the rest as the entry has it.

    `id` is the entry's, the same at every attempt, so that a receiver can drop
    a repetition. `time` is when the ledger learned of the change. `flags` are the
    flags it concerns, where it is a segment's for example. `link` leads to the change.
    """

    id: str
    seq: int
    time: str
    headline: str
    subject: Subject
    flags: tuple[str, ...]
    actor: Actor
    actions: tuple[Action, ...]
    words: tuple[str, ...]
    why: str
    ticket: str
    link: str

    @property
    def environment(self) -> str:
        """Where the change holds; empty where it holds in all environments."""
        return self.subject.environment or ""


class Digest(msgspec.Struct, frozen=True, kw_only=True):
    """Several changes in one message, oldest first; `time` is the newest one's.

    `id` is the same at every attempt. `link` leads to the log of changes.
    """

    id: str
    time: str
    headline: str
    project: str
    subscription: str
    changes: tuple[Message, ...]
    link: str


class Delivered(msgspec.Struct, frozen=True):
    """The receiver took the message and answered with this status; 0 where it is not known."""

    status: int


class DeliveryFailed(Exception):
    """One attempt failed. The text names the notifier and never its target or secret: both may be credentials.

    `permanent`: trying again is of no use. `retry_after`: the seconds that the
    receiver asked to be left alone.
    """

    def __init__(self, detail: str, *, retry_after: float | None = None, permanent: bool = False) -> None:
        super().__init__(detail)
        self.retry_after = retry_after
        self.permanent = permanent


class Notifier(Protocol):
    """What a file in this folder holds."""

    KIND: str
    SUMMARY: str

    def defect(self, target: str, secret: str | None) -> str:
        """What is wrong with a target and secret that can be told without asking anybody, in words that hold nothing
        of either; empty where nothing is.
        """

    def send(self, client: httpx2.Client, target: str, message: Message | Digest, *, secret: str | None) -> Delivered:
        """Make one attempt; raises DeliveryFailed, and nothing else."""


def kinds() -> dict[str, str]:
    """Every notifier by kind, with its summary in one line."""
    return {notifier.KIND: notifier.SUMMARY for notifier in _notifiers()}


def load(kind: str) -> Notifier:
    """The notifier of a kind; raises SettingInvalid where there is none."""
    for notifier in _notifiers():
        if kind == notifier.KIND:
            return notifier
    raise SettingInvalid(f"no notifier is called {kind!r}; known are {', '.join(kinds())}", kind=kind)


def _notifiers() -> Iterator[Notifier]:
    for info in pkgutil.iter_modules(__path__):
        if not info.name.startswith("_"):
            yield cast("Notifier", importlib.import_module(f"{__name__}.{info.name}"))


def client(*, private: bool) -> httpx2.Client:
    """What notifiers send with. `private`: targets may lie within; else only on the public internet, reached directly.

    Where all may be reached, the environment's proxies are used; guarded, none is: it would look names up itself.
    """
    if private:
        return httpx2.Client(follow_redirects=False)
    return httpx2.Client(transport=Guarded(), trust_env=False, follow_redirects=False)


def guarded(*, permitted: frozenset[str]) -> httpx2.BaseTransport:
    """A transport that reaches addresses on the public internet and of the `permitted` kinds (see `_guard.inward`)."""

    def judge(address: Address) -> str:
        kind = inward(address)
        return "" if kind in permitted else kind

    return Guarded(judge=judge)


def message(entry: Entry, *, words: Sequence[str], flags: Sequence[str] = (), link: str = "") -> Message:
    """The message that tells of an entry; `words` are its differences in words."""
    return Message(
        id=entry.id,
        seq=entry.seq,
        time=entry.time,
        headline=_headline(entry),
        subject=entry.subject,
        flags=tuple(flags),
        actor=entry.actor,
        actions=entry.actions,
        words=tuple(words),
        why=entry.why,
        ticket=entry.ticket,
        link=link,
    )


def digest(changes: Sequence[Message], *, project: str, subscription: str, link: str = "") -> Digest:
    """The message that tells of several changes at once. Others of other changes have another id: receivers drop what
    they had, and two subscriptions may begin with the same change, each with as many.
    """
    first, last = changes[0], changes[-1]
    told = hashlib.sha256("\n".join(change.id for change in changes).encode()).hexdigest()
    return Digest(
        id=f"digest-{first.id}-{told[:16]}",
        time=last.time,
        headline=f"{len(changes)} changes for the subscription {subscription} of project {project}",
        project=project,
        subscription=subscription,
        changes=tuple(changes),
        link=link,
    )


def who(actor: Actor) -> str:
    """What a person would call the actor."""
    name = actor.name or actor.email or actor.id
    return name if actor.for_ is None else f"{name} for {actor.for_.name or actor.for_.email}"


def back_off(attempts: int, dice: float) -> float:
    """Seconds to wait after the `attempts`-th failure in a row: doubling from 1 s to 5 minutes, with full jitter.

    `dice` is a random number, `0 <= dice < 1`; half of the range is always waited.

    >>> [back_off(attempts, 0.0) for attempts in (1, 2, 3, 99)]
    [0.5, 1.0, 2.0, 150.0]
    """
    ceiling = min(LONGEST_WAIT_SECONDS, FIRST_WAIT_SECONDS * (1 << min(attempts - 1, 30)))
    return ceiling * (1 + dice) / 2


def _headline(entry: Entry) -> str:
    """Say who did what to what, and where."""
    subject = entry.subject
    kind = (
        ""
        if subject.kind in {"flag", "targeting", *LEAVING}
        else "the guard of "
        if subject.kind == "guard"
        else f"{subject.kind} "
    )
    served = subject.kind in {"targeting", "guard"}
    name = subject.flag if served and subject.flag else subject.name
    where = f" in {subject.environment}" if served else ""
    done = [DONE[action] for action in entry.actions] or ["changed"]
    return f"{who(entry.actor)} {' and '.join(done)} {kind}{name}{where}"
