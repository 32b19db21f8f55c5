"""A signed webhook as Standard Webhooks has it (https://www.standardwebhooks.com), version 1.

The target is the receiver's URL, the secret its signing secret (`whsec_` and
base64). Without one the message is sent unsigned. `webhook-id` is the entry's
id at every attempt, so that a receiver can drop what it has had already.
"""

from __future__ import annotations

import binascii
from datetime import UTC, datetime
from typing import Any

import httpx2
import msgspec
from standardwebhooks import Webhook
from standardwebhooks.webhooks import EmptyWebhookSecretError

from flagtrail.notify import Delivered, DeliveryFailed, Message
from flagtrail.notify._http import post

KIND = "webhook"
SUMMARY = "a signed JSON message to any receiver (Standard Webhooks)"

EVENT = "flagtrail.change"
MAX_WORDS = 200
MAX_TEXT = 10_000


def send(client: httpx2.Client, target: str, message: Message, *, secret: str | None) -> Delivered:
    """Post the message, signed with `secret`. Raises DeliveryFailed."""
    body = msgspec.json.encode(payload(message))
    headers = {"content-type": "application/json", "user-agent": "flagtrail", "webhook-id": message.id}
    now = datetime.now(tz=UTC)  # of the attempt: receivers refuse what was signed more than minutes ago
    headers["webhook-timestamp"] = str(int(now.timestamp()))
    if secret:
        headers["webhook-signature"] = _signature(secret, message.id, now, body)
    return post(client, target, body, headers, notifier=KIND)


def _signature(secret: str, id_: str, now: datetime, body: bytes) -> str:
    try:
        signer = Webhook(secret)
    except (binascii.Error, ValueError, RuntimeError, EmptyWebhookSecretError):
        signer = None
    if signer is None:  # raised out here, so that no traceback holds the secret's error
        raise DeliveryFailed(f"{KIND}: the signing secret is not base64, with or without 'whsec_'", permanent=True)
    return signer.sign(msg_id=id_, timestamp=now, data=body.decode())


def payload(message: Message) -> dict[str, Any]:
    """The body: the type of the event, when it happened, and the change."""
    return {
        "type": EVENT,
        "timestamp": message.time,
        "data": {
            "id": message.id,
            "seq": message.seq,
            "time": message.time,
            "headline": message.headline[:MAX_TEXT],
            "subject": msgspec.to_builtins(message.subject),
            "flags": message.flags[:MAX_WORDS],
            "environment": message.environment or None,
            "actor": msgspec.to_builtins(message.actor),
            "actions": message.actions,
            "words": [line[:MAX_TEXT] for line in message.words[:MAX_WORDS]],
            "why": message.why[:MAX_TEXT],
            "ticket": message.ticket[:MAX_TEXT],
            "link": message.link,
        },
    }
