"""Which subscriptions an entry is for: decided in the transaction of the change, from the state of that moment."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import cast

import msgspec

from flagtrail.model.actor import Actor
from flagtrail.model.entry import Entry, Touch
from flagtrail.model.errors import Defect
from flagtrail.model.state import State
from flagtrail.model.subject import LEAVING, Subject
from flagtrail.model.subscription import CRITICAL, Filter, Subscription


class Matched(msgspec.Struct, frozen=True):
    """One subscription that an entry is for: its channels then (none: every one), and the flags by which it matched.

    `critical`: one of those flags is tagged critical.
    """

    project: str
    subscription: str
    channels: tuple[str, ...] = ()
    flags: tuple[str, ...] = ()
    critical: bool = False


def matched(before: State, after: State, entry: Entry, touches: Collection[Touch]) -> tuple[Matched, ...]:
    """The subscriptions, by key, that `entry` is for; `touches` are the flags that it can alter.

    Those count that stood before the change: whoever alters a flag and silences its subscription in one request is
    told of all the same. A subscription's own change is told on the channels it had and those it has.
    """
    project = entry.subject.project
    if project is None:
        return ()
    found: list[Matched] = []
    own = entry.subject.name if entry.subject.kind == "subscription" else None
    for key, subscription in before.subscriptions(project).items():
        if subscription.enabled and key != own:
            made = _by_filter(before, after, entry, touches, subscription)
            if made is not None:
                found.append(made)
    if own is not None:
        found.extend(_own(before, after, entry.subject))
    return tuple(sorted(found, key=lambda each: each.subscription))


def unknown_environments(after: State, project: str, subscription: Subscription) -> Iterator[Defect]:
    """An environment that does not exist is a typo, and nothing would ever match."""
    known = after.environments(project)
    for index, name in enumerate(subscription.filter.environments):
        if name not in known:
            yield Defect(f"/filter/environments/{index}", f"there is no environment {name!r}")


def _own(before: State, after: State, subject: Subject) -> Iterator[Matched]:
    """What tells of a subscription's own change, unless it was and is disabled."""
    project, key = cast("str", subject.project), subject.name
    sides = [state.subscriptions(project).get(key) for state in (before, after)]
    enabled = [side for side in sides if side is not None and side.enabled]
    if enabled:
        everywhere = any(not side.channels for side in enabled)
        channels = () if everywhere else tuple(sorted({name for side in enabled for name in side.channels}))
        yield Matched(project, key, channels)


def _by_filter(
    before: State, after: State, entry: Entry, touches: Collection[Touch], subscription: Subscription
) -> Matched | None:
    asked, subject = subscription.filter, entry.subject
    if asked.kinds and subject.kind not in asked.kinds:
        return None
    if asked.production and subject.kind in {*LEAVING, "thresholds", "nudge"}:
        return None  # customers get what they got
    if subject.kind == "stage" and not (asked.actions or asked.kinds):
        return None  # many move at once, by evidence: told to who asks for them
    if asked.actions and not set(asked.actions) & set(entry.actions):
        return None
    if asked.actors and not _is_by(entry.actor, asked.actors):
        return None
    project = cast("str", subject.project)
    # What touches no flag is asked by where it holds; no tag and no flag can then match.
    places = touches or (Touch(project, "", subject.environment or ""),)
    reached = [place for place in places if _is_meant(before, after, place, asked)]
    if not reached:
        return None
    flags = tuple(sorted({place.flag for place in reached if place.flag}))
    critical = any(CRITICAL in _tags(before, after, project, flag) for flag in flags)
    return Matched(project, subscription.key, subscription.channels, flags, critical)


def _is_meant(before: State, after: State, place: Touch, asked: Filter) -> bool:
    """Whether a flag in an environment (empty: in all of them) is one that the filter asks for."""
    if asked.flags and place.flag not in asked.flags:
        return False
    if asked.tags and _tags(before, after, place.project, place.flag).isdisjoint(asked.tags):
        return False
    if asked.environments and place.environment and place.environment not in asked.environments:
        return False
    return not asked.production or _reaches_production(before, after, place)


def _tags(before: State, after: State, project: str, flag: str) -> set[str]:
    """The tags that the flag had or has: untagging one is told, too."""
    held = (state.flag(project, flag) for state in (before, after))
    return {tag for each in held if each is not None for tag in each.tags}


def _reaches_production(before: State, after: State, place: Touch) -> bool:
    for state in (before, after):
        environments = state.environments(place.project)
        reached = [environments.get(place.environment)] if place.environment else environments.values()
        if any(each is not None and each.production for each in reached):
            return True
    return False


def _is_by(actor: Actor, names: Collection[str]) -> bool:
    """Whether the actor, or the person on whose behalf it acts, has one of these ids, names or addresses."""
    own = [actor.id, actor.name, actor.email]
    if actor.for_ is not None:
        own += [actor.for_.name, actor.for_.email]
    wanted = {name.casefold() for name in names}
    return any(name and name.casefold() in wanted for name in own)
