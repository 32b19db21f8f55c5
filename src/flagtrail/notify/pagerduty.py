"""PagerDuty: an alert through the Events API v2 (https://developer.pagerduty.com/docs/send-alert-event).

The target is the address of the API, the secret the integration key of the
service (`routing_key`). The alert's key is the entry's id: an attempt that is
made again joins the alert that is there.
"""

from __future__ import annotations

from typing import Any

import httpx2
import msgspec

from flagtrail.notify import Delivered, DeliveryFailed, Message
from flagtrail.notify._http import post
from flagtrail.notify._parts import NO_REASON, differences, facts, plain, take_back

KIND = "pagerduty"
SUMMARY = "an alert in PagerDuty (Events API v2)"

MAX_SUMMARY = 1_024
MAX_KEY = 255
MAX_TEXT = 1_000
MAX_WORDS = 100


def send(client: httpx2.Client, target: str, message: Message, *, secret: str | None) -> Delivered:
    """Trigger the alert with the integration key `secret`. Raises DeliveryFailed."""
    if not secret:
        raise DeliveryFailed(f"{KIND}: there is no integration key", permanent=True)
    body = msgspec.json.encode(payload(message, secret))
    return post(client, target, body, {"content-type": "application/json"}, notifier=KIND)


def payload(message: Message, key: str) -> dict[str, Any]:
    """The event: a warning, for somebody changed what must not be changed unseen; nothing is known to be broken."""
    subject = message.subject
    details = {name: plain(value, MAX_TEXT) for name, value in facts(message)}
    details["What"] = "\n".join(differences(message, MAX_WORDS, MAX_TEXT))
    details["Why"] = plain(message.why, MAX_TEXT) or NO_REASON
    if command := take_back(message):
        details["Take it back"] = command
    event: dict[str, Any] = {
        "routing_key": key,
        "event_action": "trigger",
        "dedup_key": message.id[:MAX_KEY],
        "client": "Flagtrail",
        "payload": {
            "summary": plain(message.headline, MAX_SUMMARY),
            "source": f"flagtrail/{subject.project or 'default'}",
            "severity": "warning",
            "timestamp": message.time,
            "component": subject.flag or subject.name,
            "group": message.environment or "all environments",
            "class": " ".join(message.actions) or "test",
            "custom_details": details,
        },
    }
    if message.link:
        event |= {"client_url": message.link, "links": [{"href": message.link, "text": f"Change {message.seq}"}]}
    return event
