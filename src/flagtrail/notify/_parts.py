"""What every notifier for people shows, as plain text that each writes in its own markup."""

from __future__ import annotations

from flagtrail.notify import Message, who

NO_REASON = "no reason was given"
FOR_GOOD = frozenset({"signin", "token", "member"})
"""Kinds of documents whose changes cannot be taken back."""


def facts(message: Message) -> list[tuple[str, str]]:
    """Who, where and when, by name."""
    found = [
        ("Who", who(message.actor)),
        ("Environment", message.environment or "all"),
        ("When", f"{message.time[:10]} {message.time[11:19]} UTC"),
    ]
    if message.flags:
        found.append(("Flags", ", ".join(message.flags)))
    if message.ticket:
        found.append(("Ticket", message.ticket))
    return found


def plain(text: str, limit: int) -> str:
    r"""At most `limit` characters on one line, without those that print nothing.

    >>> plain("a\nb\0", 10), plain("a long text", 6)
    ('a b', 'a lon…')
    """
    shown = " ".join("".join(each if each.isprintable() else " " for each in text[: limit * 4]).split())
    return shown if len(shown) <= limit else f"{shown[: limit - 1]}…"


def differences(message: Message, count: int, width: int) -> list[str]:
    """The first `count` lines of what changed, and how many more there are."""
    shown = [plain(line, width) for line in message.words[:count]]
    more = len(message.words) - len(shown)
    return [*shown, f"and {more} more"] if more else shown


def take_back(message: Message) -> str:
    """The command that takes the change back; empty where there is nothing to take back (a test, say)."""
    if not message.actions or message.subject.kind in FOR_GOOD:
        return ""
    project = message.subject.project or "default"
    where = "" if project == "default" else f" --project {project}"
    return f'flagtrail revert {message.seq}{where} --why "..."'
