"""Microsoft Teams: the webhook of a workflow ("When a Teams webhook request is received"), with an Adaptive Card.

The target is the workflow's URL, which is a credential (its `sig`). There is no
further secret. Connectors (`*.webhook.office.com`) are retired by Microsoft.
"""

from __future__ import annotations

from typing import Any

import httpx2
import msgspec

from flagtrail.notify import Delivered, Message
from flagtrail.notify._http import post
from flagtrail.notify._parts import NO_REASON, differences, facts, plain, take_back

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


def send(client: httpx2.Client, target: str, message: Message, *, secret: str | None) -> Delivered:
    """Post the card; `secret` has no meaning here. Raises DeliveryFailed."""
    del secret
    body = msgspec.json.encode(payload(message))
    return post(client, target, body, {"content-type": "application/json"}, notifier=KIND)


def payload(message: Message) -> dict[str, Any]:
    """The message with its one card. All text stands in text runs: in blocks and facts Teams reads Markdown."""
    body = [_text(_run(plain(message.headline, MAX_HEADLINE), weight="Bolder", size="Large"))]
    body += [_named(name, plain(value, MAX_FACT)) for name, value in facts(message)]
    words = differences(message, MAX_WORDS, MAX_LINE)
    body += [_text(_run(f"• {line}"), spacing="Medium" if index == 0 else "None") for index, line in enumerate(words)]
    body.append(_named("Why", plain(message.why, MAX_WHY) or NO_REASON, spacing="Medium"))
    if command := take_back(message):
        body.append(_text(_run("Take it back: ", weight="Bolder"), _run(command, fontType="Monospace")))
    card: dict[str, Any] = {
        "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
        "type": "AdaptiveCard",
        "version": "1.4",
        "fallbackText": plain(message.headline, MAX_HEADLINE),
        "msteams": {"width": "Full"},
        "body": body,
    }
    if message.link and len(message.link) <= MAX_LINK:
        card["actions"] = [{"type": "Action.OpenUrl", "title": f"Change {message.seq}", "url": message.link}]
    attachment = {"contentType": "application/vnd.microsoft.card.adaptive", "contentUrl": None, "content": card}
    return {"type": "message", "attachments": [attachment]}


def _named(name: str, value: str, *, spacing: str = "Small") -> dict[str, Any]:
    return _text(_run(f"{name}: ", weight="Bolder"), _run(value), spacing=spacing)


def _text(*runs: dict[str, str], spacing: str = "Default") -> dict[str, Any]:
    return {"type": "RichTextBlock", "inlines": runs, "spacing": spacing}


def _run(text: str, **style: str) -> dict[str, str]:
    return {"type": "TextRun", "text": text, **style}
