"""PagerDuty: an alert through the Events API v2 (https://developer.pagerduty.com/docs/send-alert-event).

The target is the address of the API, the secret the integration key of the
service (`routing_key`). The alert's key is the entry's id: an attempt that is
made again joins the alert that is there.
"""

from __future__ import annotations

from typing import Any

import httpx2
import msgspec

from flagtrail.notify import Delivered, DeliveryFailed, Digest, Message
from flagtrail.notify import _http as http
from flagtrail.notify._parts import NO_REASON, differences, facts, in_short, left_out, plain, take_back, take_back_link

KIND = "pagerduty"
SUMMARY = "an alert in PagerDuty (Events API v2)"

MAX_SUMMARY = 1_024
MAX_KEY = 255
MAX_TEXT = 1_000
MAX_WORDS = 100
MAX_CHANGES = 100
MAX_SHORT = 5
MAX_LINE = 300


def defect(target: str, secret: str | None) -> str:
    """The address, or no key."""
    return http.defect(target) or ("" if secret else "there is no integration key")


def send(client: httpx2.Client, target: str, message: Message | Digest, *, secret: str | None) -> Delivered:
    """Trigger the alert with the integration key `secret`. Raises DeliveryFailed."""
    if not secret:
        raise DeliveryFailed(f"{KIND}: there is no integration key", permanent=True)
    body = msgspec.json.encode(payload(message, secret))
    return http.post(client, target, body, {"content-type": "application/json"}, notifier=KIND)


def payload(message: Message | Digest, key: str) -> dict[str, Any]:
    """The event: a warning, for somebody changed what must not be changed unseen; nothing is known to be broken."""
    told, links = _several(message) if isinstance(message, Digest) else _one(message)
    event: dict[str, Any] = {
        "routing_key": key,
        "event_action": "trigger",
        "dedup_key": message.id[:MAX_KEY],
        "client": "Flagtrail",
        "payload": {
            "summary": plain(message.headline, MAX_SUMMARY),
            "severity": "warning",
            "timestamp": message.time,
            **told,
        },
    }
    if message.link:
        event |= {"client_url": message.link, "links": [{"href": href, "text": text} for text, href in links if href]}
    return event


def _several(digest: Digest) -> tuple[dict[str, Any], list[tuple[str, str]]]:
    """What the event tells, and its links."""
    details = {
        f"{change.seq}": "\n".join([plain(change.headline, MAX_LINE), *in_short(change, MAX_SHORT, MAX_LINE)])
        for change in digest.changes[:MAX_CHANGES]
    }
    if more := left_out(digest, MAX_CHANGES):
        details["More"] = more
    return {
        "source": f"flagtrail/{digest.project}",
        "component": digest.subscription,
        "class": "digest",
        "custom_details": details,
    }, [("All changes", digest.link)]


def _one(message: Message) -> tuple[dict[str, Any], list[tuple[str, str]]]:
    subject = message.subject
    details = {name: plain(value, MAX_TEXT) for name, value in facts(message)}
    details["What"] = "\n".join(differences(message, MAX_WORDS, MAX_TEXT))
    details["Why"] = plain(message.why, MAX_TEXT) or NO_REASON
    if command := take_back(message):
        details["Take it back"] = command
    return {
        "source": f"flagtrail/{subject.project or 'default'}",
        "component": subject.flag or subject.name,
        "group": message.environment or "all environments",
        "class": " ".join(message.actions) or "test",
        "custom_details": details,
    }, [(f"Change {message.seq}", message.link), ("Take it back", take_back_link(message))]
