"""Subscriptions in words, for people."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from flagtrail.model.subscription import Digest, Filter, QuietHours, Subscription


def subscription_words(subscription: Subscription) -> Iterator[str]:
    """What it asks for, where that goes, and when, a line each."""
    yield "enabled" if subscription.enabled else "disabled"
    yield f"tells of {filter_words(subscription.filter)}"
    yield f"on {channel_words(subscription.channels)}, {time_words(subscription)}"


def filter_words(asked: Filter) -> str:
    """Which changes are meant.

    >>> filter_words(Filter(tags=("critical", "billing"), production=True))
    'changes of flags tagged critical or billing, that reach production'
    """
    parts = [
        _part("of flags tagged", asked.tags),
        _part("of the flag", asked.flags),
        _part("in", asked.environments),
        "that reach production" if asked.production else "",
        _part("that are", [action.replace("_", " ") for action in asked.actions]),
        _part("by", asked.actors),
        _part("to a", asked.kinds),
    ]
    given = [part for part in parts if part]
    return f"changes {', '.join(given)}" if given else "every change"


def channel_words(channels: Sequence[str]) -> str:
    """Where alerts go."""
    return ", ".join(channels) or "every channel"


def time_words(subscription: Subscription) -> str:
    """When alerts come."""
    quiet = subscription.quiet_hours
    return _digest(subscription.digest) + ("" if quiet is None else f", quiet {quiet_words(quiet)}")


def quiet_words(quiet: QuietHours) -> str:
    """When alerts wait.

    >>> quiet_words(QuietHours("22:00", "07:00", ("mon", "tue"), "Europe/Berlin"))
    'mon, tue from 22:00 to 07:00 (Europe/Berlin), unless critical'
    """
    days = ", ".join(quiet.days) or "every day"
    return f"{days} from {quiet.from_} to {quiet.to} ({quiet.zone})" + (
        ", unless critical" if quiet.critical_passes else ""
    )


def _digest(digest: Digest) -> str:
    if digest.every == "daily":
        return f"together daily at {digest.at} ({digest.zone})"
    return "at once" if digest.every == "immediate" else "together every hour"


def _part(word: str, values: Sequence[str]) -> str:
    return f"{word} {' or '.join(values)}" if values else ""
