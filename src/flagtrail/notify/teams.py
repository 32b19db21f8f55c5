"""Microsoft Teams: the webhook of a workflow ("When a Teams webhook request is received"), with an Adaptive Card.

The target is the workflow's URL, which is a credential (its `sig`). There is no
further secret. Connectors (`*.webhook.office.com`) are retired by Microsoft.
"""

from __future__ import annotations

from typing import Any

import httpx2
import msgspec

from flagtrail.notify import Delivered, Digest, Message
from flagtrail.notify import _http as http
from flagtrail.notify._parts import NO_REASON, differences, facts, in_short, left_out, plain, take_back, take_back_link

KIND = "teams"
SUMMARY = "an Adaptive Card in a Microsoft Teams channel, through a workflow's webhook"

MAX_BYTES = 28 * 1024
"""What Teams takes of one message; the limits below keep any message within it, at four bytes a character."""
MAX_HEADLINE = 300
MAX_WHY = 1_000
MAX_FACT = 200
MAX_WORDS = 20
MAX_LINE = 130
MAX_LINK = 1_000
MAX_CHANGES = 12
MAX_TITLE = 120
MAX_SHORT = 2
MAX_SHORT_LINE = 80
MAX_SHORT_LINK = 300


def defect(target: str, secret: str | None) -> str:
    """Nothing but the address can be wrong."""
    del secret
    return http.defect(target)


def send(client: httpx2.Client, target: str, message: Message | Digest, *, secret: str | None) -> Delivered:
    """Post the card; `secret` has no meaning here. Raises DeliveryFailed."""
    del secret
    body = msgspec.json.encode(payload(message))
    return http.post(client, target, body, {"content-type": "application/json"}, notifier=KIND)


def payload(message: Message | Digest) -> dict[str, Any]:
    """The message with its one card. All text stands in text runs: in blocks and facts Teams reads Markdown."""
    body, buttons = _several(message) if isinstance(message, Digest) else _one(message)
    card: dict[str, Any] = {
        "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
        "type": "AdaptiveCard",
        "version": "1.4",
        "fallbackText": plain(message.headline, MAX_HEADLINE),
        "msteams": {"width": "Full"},
        "body": body,
    }
    links = [(title, url) for title, url in buttons if url and len(url) <= MAX_LINK]
    if links:
        card["actions"] = [{"type": "Action.OpenUrl", "title": title, "url": url} for title, url in links]
    attachment = {"contentType": "application/vnd.microsoft.card.adaptive", "contentUrl": None, "content": card}
    return {"type": "message", "attachments": [attachment]}


def _several(digest: Digest) -> tuple[list[dict[str, Any]], list[tuple[str, str]]]:
    """The card's text, and its buttons with where they lead."""
    body = [_text(_run(plain(digest.headline, MAX_HEADLINE), weight="Bolder", size="Large"))]
    for change in digest.changes[:MAX_CHANGES]:
        body.append(_text(_title(change), spacing="Medium"))
        body += [_text(_run(line), spacing="None") for line in in_short(change, MAX_SHORT, MAX_SHORT_LINE)]
    if more := left_out(digest, MAX_CHANGES):
        body.append(_text(_run(more), spacing="Medium"))
    return body, [("All changes", digest.link)]


def _title(change: Message) -> dict[str, Any]:
    """The headline, which opens the change."""
    run: dict[str, Any] = _run(plain(change.headline, MAX_TITLE), weight="Bolder")
    if change.link and len(change.link) <= MAX_SHORT_LINK:
        run["selectAction"] = {"type": "Action.OpenUrl", "url": change.link}
    return run


def _one(message: Message) -> tuple[list[dict[str, Any]], list[tuple[str, str]]]:
    body = [_text(_run(plain(message.headline, MAX_HEADLINE), weight="Bolder", size="Large"))]
    body += [_named(name, plain(value, MAX_FACT)) for name, value in facts(message)]
    words = differences(message, MAX_WORDS, MAX_LINE)
    body += [_text(_run(f"• {line}"), spacing="Medium" if index == 0 else "None") for index, line in enumerate(words)]
    body.append(_named("Why", plain(message.why, MAX_WHY) or NO_REASON, spacing="Medium"))
    if command := take_back(message):
        body.append(_text(_run("Take it back: ", weight="Bolder"), _run(command, fontType="Monospace")))
    return body, [(f"Change {message.seq}", message.link), ("Take it back", take_back_link(message))]


def _named(name: str, value: str, *, spacing: str = "Small") -> dict[str, Any]:
    return _text(_run(f"{name}: ", weight="Bolder"), _run(value), spacing=spacing)


def _text(*runs: dict[str, Any], spacing: str = "Default") -> dict[str, Any]:
    return {"type": "RichTextBlock", "inlines": runs, "spacing": spacing}


def _run(text: str, **style: str) -> dict[str, str]:
    return {"type": "TextRun", "text": text, **style}
