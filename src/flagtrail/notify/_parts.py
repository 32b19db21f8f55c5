"""What every notifier for people shows, as plain text that each writes in its own markup."""

from __future__ import annotations

from flagtrail.notify import Digest, Message, who

NO_REASON = "no reason was given"
MAX_SHORT = 5
"""Lines of what changed, of one change in a digest."""
FOR_GOOD = frozenset({"signin", "token", "member"})
"""Kinds of documents whose changes cannot be taken back."""


def facts(message: Message) -> list[tuple[str, str]]:
    """Who, where and when, by name."""
    found = [
        ("Who", who(message.actor)),
        ("Environment", message.environment or "all"),
        ("When", moment(message.time)),
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


def moment(time: str) -> str:
    """A time for people."""
    return f"{time[:10]} {time[11:19]} UTC"


def in_short(change: Message, count: int, width: int) -> list[str]:
    """One change of a digest, after its headline: when and why, then the first lines of what changed."""
    told = plain(f"{moment(change.time)}: {change.why or NO_REASON}", width)
    return [told, *differences(change, count, width)]


def left_out(digest: Digest, count: int) -> str:
    """What follows the first `count` changes of a digest, in words; empty where nothing does."""
    more = len(digest.changes) - count
    return f"and {more} more" if more > 0 else ""


def as_text(message: Message | Digest, count: int, width: int, changes: int) -> str:
    """The whole message in plain text: at most `count` lines of differences, of `width` characters, of `changes`."""
    lines = _several(message, width, changes) if isinstance(message, Digest) else _one(message, count, width)
    return "\n".join(lines) + "\n"


def _several(digest: Digest, width: int, changes: int) -> list[str]:
    lines = [plain(digest.headline, width), ""]
    for change in digest.changes[:changes]:
        lines += [f"* {plain(change.headline, width)}", *(f"  {line}" for line in in_short(change, MAX_SHORT, width))]
        lines += [f"  {plain(change.link, width)}", ""]
    more = left_out(digest, changes)
    return [*lines, *([more] if more else []), plain(digest.link, width)]


def _one(message: Message, count: int, width: int) -> list[str]:
    lines = [plain(message.headline, width), "", *(f"{name}: {plain(value, width)}" for name, value in facts(message))]
    lines += [f"Why: {plain(message.why, width) or NO_REASON}", ""]
    lines += [f"- {line}" for line in differences(message, count, width)]
    if message.link:
        lines += ["", f"Change {message.seq}: {plain(message.link, width)}"]
    if command := take_back(message):
        lines += ["", "Take it back:", *([plain(take_back_link(message), width)] if message.link else []), command]
    return lines


def take_back(message: Message) -> str:
    """The command that takes the change back; empty where there is nothing to take back (a test, say)."""
    if not message.actions or message.subject.kind in FOR_GOOD:
        return ""
    project = message.subject.project or "default"
    where = "" if project == "default" else f" --project {project}"
    return f'flagtrail revert {message.seq}{where} --why "..."'


def take_back_link(message: Message) -> str:
    """Where on the change's page it can be taken back; empty where there is nothing to take back."""
    return f"{message.link}#take-back" if message.link and take_back(message) else ""
