"""Slack: an incoming webhook (https://docs.slack.dev/messaging/sending-messages-using-incoming-webhooks).

The target is the webhook's URL, which is a credential. There is no further secret.
"""

from __future__ import annotations

import re
from typing import Any

import httpx2
import msgspec

from flagtrail.notify import Delivered, Digest, Message
from flagtrail.notify import _http as http
from flagtrail.notify._parts import NO_REASON, facts, in_short, left_out, take_back, take_back_link

HALF_ESCAPED = re.compile(r"&[a-z]{0,3}\Z")

KIND = "slack"
SUMMARY = "a message in a Slack channel, through an incoming webhook"

MAX_TEXT = 1_900
"""Characters of one part of the message, escaped; Slack takes 2,000 in a field and 3,000 in a section."""
MAX_HEADER = 150
MAX_WORDS = 20
MAX_LINE = 130
"""Characters of one line of the differences: twenty of them fit into a section."""
MAX_CHANGES = 20
MAX_TITLE = 300
MAX_SHORT = 5
"""Lines of what changed, of one change in a digest."""


def defect(target: str, secret: str | None) -> str:
    """Nothing but the address can be wrong."""
    del secret
    return http.defect(target)


def send(client: httpx2.Client, target: str, message: Message | Digest, *, secret: str | None) -> Delivered:
    """Post the message; `secret` has no meaning here. Raises DeliveryFailed."""
    del secret
    body = msgspec.json.encode(payload(message))
    return http.post(client, target, body, {"content-type": "application/json"}, notifier=KIND)


def payload(message: Message | Digest) -> dict[str, Any]:
    """The message in Slack's blocks, with a plain text for notifications."""
    blocks = _several(message) if isinstance(message, Digest) else _one(message)
    return {"text": escaped(message.headline), "blocks": blocks}


def _several(digest: Digest) -> list[dict[str, Any]]:
    """A section for each change: Slack takes fifty blocks."""
    header = {"type": "plain_text", "text": _cut(digest.headline, MAX_HEADER)}
    blocks: list[dict[str, Any]] = [{"type": "header", "text": header}]
    for change in digest.changes[:MAX_CHANGES]:
        title = escaped(change.headline, MAX_TITLE)
        named = f"<{_url(change.link)}|{title}>" if change.link else title
        lines = [escaped(line, MAX_LINE) for line in in_short(change, MAX_SHORT, MAX_LINE)]
        blocks.append({"type": "section", "text": _markdown("\n".join([f"*{named}*", *lines]))})
    more = left_out(digest, MAX_CHANGES)
    if digest.link:
        blocks.append({"type": "context", "elements": [_markdown(f"{more} <{_url(digest.link)}|All changes>".strip())]})
    return blocks


def _one(message: Message) -> list[dict[str, Any]]:
    blocks: list[dict[str, Any]] = [
        {"type": "header", "text": {"type": "plain_text", "text": _cut(message.headline, MAX_HEADER)}},
        {"type": "section", "fields": [_markdown(f"*{name}*\n{escaped(value)}") for name, value in facts(message)]},
    ]
    if message.words:
        blocks.append({"type": "section", "text": _markdown(f"*What changed*\n{_list(message.words)}")})
    blocks.append({"type": "section", "text": _markdown(f"*Why*\n{escaped(message.why or NO_REASON)}")})
    if message.link:
        links = [f"<{_url(message.link)}|Change {message.seq}>"]
        if back := take_back_link(message):
            links.append(f"<{_url(back)}|Take it back>")
        blocks.append({"type": "section", "text": _markdown("  ·  ".join(links))})
    if command := take_back(message):
        blocks.append({"type": "context", "elements": [_markdown(f"Take it back with `{escaped(command)}`")]})
    return blocks


def _list(words: tuple[str, ...]) -> str:
    shown = [f"• {escaped(line, MAX_LINE)}" for line in words[:MAX_WORDS]]
    more = len(words) - len(shown)
    return "\n".join([*shown, f"• and {more} more"] if more else shown)


def _markdown(text: str) -> dict[str, Any]:
    return {"type": "mrkdwn", "text": text, "verbatim": True}


def escaped(text: str, limit: int = MAX_TEXT) -> str:
    """At most `limit` characters, with Slack's control characters escaped so that nobody can be mentioned.

    >>> escaped("<!channel> & co")
    '&lt;!channel&gt; &amp; co'
    """
    safe = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return safe if len(safe) <= limit else f"{HALF_ESCAPED.sub('', safe[: limit - 1])}…"


def _url(link: str) -> str:
    """A link without what would end it."""
    return link[:MAX_TEXT].replace("&", "&amp;").replace("<", "%3C").replace(">", "%3E").replace("|", "%7C")


def _cut(text: str, limit: int) -> str:
    return text if len(text) <= limit else f"{text[: limit - 1]}…"
